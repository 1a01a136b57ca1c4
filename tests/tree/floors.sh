#!/bin/bash
# SPDX-License-Identifier: MIT
# The house rules that a script can check: alloc/ includes only downward (each header says its floor);
# tools/ and bench/ do by wings, bpf/ by kinds of file; alloc/ and tools/ never include each other; docs/architecture.md
# names every module of those two in its wing; the environment is read in options.c only, and system calls are
# made in os_linux.c only.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() { echo "$*"; bad=1; }

# Of a file of alloc/: its own comment, else its header's. All of them read at once: a process each takes long.
declare -A floors
while IFS=: read -r file _ floor _; do floors[$file]=${floors[$file]:-${floor//[^0-9]/}}; done \
	< <(grep -noE 'Floor [0-9]+:' alloc/*.[ch])
floor_of() { # FILE: REPLY
	REPLY=${floors[$1]:-}
	[[ -z $REPLY && $1 == *.c ]] && REPLY=${floors[${1%.c}.h]:-}
}

files=0 includes=0
for file in alloc/*.[ch]; do
	case $file in
	alloc/hakmem.h) continue ;; # public: stands alone
	alloc/probe.c) floor=0 ;;
	alloc/os_linux.c) floor=1 ;;
	*)
		floor_of "$file"
		floor=$REPLY
		;;
	esac
	[[ -n $floor ]] || complain "$file: says no floor"
	files=$((files + 1))
	while read -r include; do
		case $include in
		../bpf/record.h | hakmem.h) continue ;;
		../*) complain "$file: includes $include" && continue ;;
		esac
		[[ alloc/$include == "${file%.c}.h" || $include == os.h && $file == alloc/os_linux.c ]] && continue
		floor_of "alloc/$include"
		lower=$REPLY
		includes=$((includes + 1))
		[[ $floor == 0 && $lower == 0 ]] && continue # base.h is the sum of floor 0
		[[ $lower -lt $floor ]] ||
			complain "$file (floor $floor) includes $include (floor $lower)"
	done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done

# --- tools/ and bench/: a wing includes itself and lower wings, the program on top all of them; from the ground up ---
# shellcheck disable=SC2034 # read by name
tools_wings=(base target symbols capture profile attach export view watch cli) tools_top=tools/hakprobe.c
# shellcheck disable=SC2034
bench_wings=(base trace workloads run lab) bench_top=bench/hakbench.c
wing_of() { # TREE PATH: REPLY, the number of the wing that a path of the tree is in; the program on top is above them all
	local -n wings=$1_wings
	local i
	REPLY=
	[[ $2 == */* ]] || { REPLY=${#wings[@]}; return; }
	for i in "${!wings[@]}"; do
		[[ ${wings[i]} == "${2%%/*}" ]] && REPLY=$i && return
	done
}

check_wing_include() { # TREE FILE INCLUDE
	local file=${2#"$1"/} include=$3 own
	wing_of "$1" "$file"
	own=$REPLY
	case $1:$include in
	tools:bpf/*.bpf.h) complain "$2: includes $include, which is for programs in the kernel" ;;
	tools:bpf/*.h) return ;;
	tools:*.skel.h) # programs: loaded by what attaches
		[[ $file == attach/* || $file == cli/* ]] || complain "$2: includes $include" ;;
	tools:pprof.pb-c.h)
		wing_of tools profile/
		[[ $own -ge $REPLY ]] || complain "$2: includes $include" ;;
	"$1:$1"/*/*.h)
		wing_of "$1" "${include#"$1"/}"
		[[ -n $REPLY && $REPLY -le $own ]] || complain "$2: includes $include, which is not below it" ;;
	"$1:$1"/* | *:*/*) complain "$2: includes $include, which is none of its" ;;
	*) complain "$2: includes \"$include\": write the path from the root of the tree" ;;
	esac
}

# In docs/architecture.md: a row for each wing, which names its modules. TREE HOW-A-ROW-BEGINS
check_wing_rows() {
	local -n tree_wings=$1_wings
	local wing module row
	for wing in "${tree_wings[@]}"; do
		row=$(grep -E "^\| \`$2$wing/\` \|" docs/architecture.md)
		for module in $(find "$1/$wing" -name '*.[ch]' -printf '%f\n' | sed 's/\..*//' | sort -u); do
			[[ $row == *"\`$module\`"* ]] || complain "docs/architecture.md does not name $module in $1/$wing/"
		done
	done
}

check_wings() { # TREE: counts in wing_files and wing_includes
	local -n top=$1_top
	local file include circles
	while read -r file; do
		wing_files=$((wing_files + 1))
		wing_of "$1" "${file#"$1"/}"
		[[ -n $REPLY ]] || complain "$file: in no wing"
		[[ $file == "$top" || $file == "$1"/*/*.[ch] ]] || complain "$file: belongs into a wing"
		while read -r include; do
			wing_includes=$((wing_includes + 1))
			check_wing_include "$1" "$file" "$include"
		done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
	done < <(find "$1" -name '*.[ch]')
	# Within a wing there may be no circle.
	circles=$(grep -rHoE --include='*.h' "^#include \"$1/[^\"]+" "$1" | sed 's/:#include "/ /' | tsort 2>&1 >/dev/null)
	[[ -z $circles ]] || complain "headers of $1/ include each other: $circles"
}

wing_files=0 wing_includes=0
check_wings tools
check_wings bench
check_wing_rows tools ''
check_wing_rows bench bench/

# --- bpf/: records (.h) include records, what programs share (.bpf.h) both, programs are included by nobody ---
while IFS=: read -r file include; do
	case $file:$include in
	bpf/record.h:*) complain "$file: includes $include; it stands alone" ;;
	*.bpf.h:*.bpf.c | *.bpf.c:*.bpf.c) complain "$file: includes $include" ;;
	*.bpf.[ch]:*) [[ $include == vmlinux.h || -e bpf/$include ]] || complain "$file: includes $include" ;;
	*) [[ $include != *.bpf.* && -e bpf/$include ]] || complain "$file: includes $include" ;;
	esac
done < <(grep -HoE '^#include "[^"]+' bpf/*.[ch] | sed 's/:#include "/:/')

# --- all of them ---
grep -nE '#include ".*alloc/' tools/*.[ch] tools/*/*.[ch] bpf/*.[ch] bench/*.[ch] bench/*/*.[ch] 2>/dev/null && complain "includes alloc/"
grep -nE '\b(secure_)?getenv\b|\benviron\b' alloc/*.c | grep -v '^alloc/os_linux.c' &&
	complain "looks at the environment outside of os_linux.c"
grep -nE '\bsyscall\b|\b(mmap|munmap|madvise|mremap|open|read|write)\(' alloc/*.c |
	grep -v '^alloc/os_linux.c' && complain "makes a system call outside of os_linux.c"
grep -nE '#include ".*\.c"' alloc/*.[ch] tools/*.[ch] tools/*/*.[ch] bpf/*.[ch] bench/*.[ch] bench/*/*.[ch] && complain "includes a .c"
[[ $files -ge 30 && $includes -ge 60 ]] || complain "looked at only $files files, $includes includes"
[[ $wing_files -ge 160 && $wing_includes -ge 350 ]] || complain "looked at only $wing_files files in wings, $wing_includes includes"
[[ $bad == 0 ]] && echo "$files files of alloc/, $wing_files of tools/ and bench/, $((includes + wing_includes)) includes, all downward"
exit $bad
