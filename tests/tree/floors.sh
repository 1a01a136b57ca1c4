#!/bin/bash
# SPDX-License-Identifier: MIT
# The house rules that a script can check: alloc/ includes only downward (each header says its floor);
# tools/ does by wings, bpf/ by kinds of file; alloc/ and tools/ never include each other; docs/architecture.md
# names every module of tools/ in its wing; the environment is read in options.c only, and system calls are
# made in os_linux.c only.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() { echo "$*"; bad=1; }

floor_of() { # of a file of alloc/: its own comment, else its header's
	local file=$1 floor
	floor=$(grep -m1 -oE 'Floor [0-9]+:' "$file" | tr -dc 0-9)
	[[ -z $floor && $file == *.c ]] && floor=$(floor_of "${file%.c}.h")
	echo "$floor"
}

files=0 includes=0
for file in alloc/*.[ch]; do
	case $file in
	alloc/hakmem.h) continue ;; # public: stands alone
	alloc/probe.c) floor=0 ;;
	alloc/os_linux.c) floor=1 ;;
	*) floor=$(floor_of "$file") ;;
	esac
	[[ -n $floor ]] || complain "$file: says no floor"
	files=$((files + 1))
	while read -r include; do
		case $include in
		../bpf/record.h | hakmem.h) continue ;;
		../*) complain "$file: includes $include" && continue ;;
		esac
		[[ alloc/$include == "${file%.c}.h" || $include == os.h && $file == alloc/os_linux.c ]] && continue
		lower=$(floor_of "alloc/$include")
		includes=$((includes + 1))
		[[ $floor == 0 && $lower == 0 ]] && continue # base.h is the sum of floor 0
		[[ $lower -lt $floor ]] ||
			complain "$file (floor $floor) includes $include (floor $lower)"
	done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done

# --- tools/: a wing includes itself and lower wings, hakprobe.c all of them; from the ground up ---
wings=(base target symbols capture profile attach export view watch cli)
wing_of() { # the number of the wing that a path of tools/ is in; that of hakprobe.c is above them all
	local i
	[[ $1 == */* ]] || { echo ${#wings[@]}; return; }
	for i in "${!wings[@]}"; do
		[[ ${wings[i]} == "${1%%/*}" ]] && echo "$i" && return
	done
}

check_tool_include() { # FILE INCLUDE
	local file=${1#tools/} include=$2 own other
	own=$(wing_of "$file")
	case $include in
	bpf/*.bpf.h) complain "$1: includes $include, which is for programs in the kernel" ;;
	bpf/*.h) return ;;
	*.skel.h) # programs: loaded by what attaches
		[[ $file == attach/* || $file == cli/* ]] || complain "$1: includes $include" ;;
	pprof.pb-c.h) [[ $own -ge $(wing_of profile/) ]] || complain "$1: includes $include" ;;
	tools/*/*.h)
		other=$(wing_of "${include#tools/}")
		[[ -n $other && $other -le $own ]] || complain "$1: includes $include, which is not below it" ;;
	*) complain "$1: includes \"$include\": write the path from the root of the tree" ;;
	esac
}

tools=0 tool_includes=0
while read -r file; do
	tools=$((tools + 1))
	[[ -n $(wing_of "${file#tools/}") ]] || complain "$file: in no wing"
	[[ $file == tools/hakprobe.c || $file == tools/*/*.[ch] ]] || complain "$file: belongs into a wing"
	while read -r include; do
		tool_includes=$((tool_includes + 1))
		check_tool_include "$file" "$include"
	done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done < <(find tools -name '*.[ch]')

# Within a wing there may be no circle.
circles=$(grep -rHoE --include='*.h' '^#include "tools/[^"]+' tools | sed 's/:#include "/ /' | tsort 2>&1 >/dev/null)
[[ -z $circles ]] || complain "headers of tools/ include each other: $circles"

for wing in "${wings[@]}"; do
	row=$(grep -E "^\| \`$wing/\` \|" docs/architecture.md)
	for module in $(find "tools/$wing" -maxdepth 1 -name '*.[ch]' -printf '%f\n' | sed 's/\..*//' | sort -u); do
		[[ $row == *"\`$module\`"* ]] || complain "docs/architecture.md does not name $module in tools/$wing/"
	done
done

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
[[ $tools -ge 100 && $tool_includes -ge 250 ]] || complain "looked at only $tools files of tools/, $tool_includes includes"
[[ $bad == 0 ]] && echo "$files files of alloc/, $tools of tools/, $((includes + tool_includes)) includes, all downward"
exit $bad
