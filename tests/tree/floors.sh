#!/bin/bash
# SPDX-License-Identifier: MIT
# The house rules that a script can check: alloc/ includes only downward (each header says its
# floor), alloc/ and tools/ never include each other, the environment is read in options.c only, and
# system calls are made in os_linux.c only.
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

grep -nE '#include ".*alloc/' tools/*.[ch] tools/*/*.[ch] bpf/*.[ch] bench/*.[ch] 2>/dev/null && complain "includes alloc/"
grep -nE '\b(secure_)?getenv\b|\benviron\b' alloc/*.c | grep -v '^alloc/os_linux.c' &&
	complain "looks at the environment outside of os_linux.c"
grep -nE '\bsyscall\b|\b(mmap|munmap|madvise|mremap|open|read|write)\(' alloc/*.c |
	grep -v '^alloc/os_linux.c' && complain "makes a system call outside of os_linux.c"
grep -nE '#include ".*\.c"' alloc/*.[ch] tools/*.[ch] tools/*/*.[ch] bpf/*.[ch] bench/*.[ch] && complain "includes a .c"
[[ $files -ge 30 && $includes -ge 60 ]] || complain "looked at only $files files, $includes includes"
[[ $bad == 0 ]] && echo "$files files, $includes includes, all downward"
exit $bad
