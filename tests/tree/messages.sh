#!/bin/bash
# SPDX-License-Identifier: MIT
# Each misuse that the allocator reports is expected, by its words, by a program of tests/misuse or a test of guarded
# blocks; and each program of tests/misuse says what must come of it in all three grades.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 messages=0 programs=0
complain() { echo "$*"; bad=1; }

while read -r message; do
	messages=$((messages + 1))
	grep -qF -- "${message% }" tests/misuse/*.c tests/misuse/*.cc tests/preload/guard.c || complain "no test expects \"$message\""
done < <(grep -hoE '"[a-z][a-z ]+(of|:) "' alloc/misuse.c alloc/guard.c alloc/secure.c |
	tr -d '"' | grep -v ^hakmem | sort -u)
for file in tests/misuse/*.c tests/misuse/*.cc; do
	programs=$((programs + 1))
	for grade in default secure SECURE=1; do
		grep -q "^ \* $grade: ." "$file" || complain "$file does not say what must come of it with $grade"
	done
done
((messages >= 5 && programs >= 55)) || complain "looked at only $messages messages, $programs programs"
[[ $bad == 0 ]] && echo "$messages messages are expected by tests, $programs programs of misuse say what must come of them"
exit $bad
