#!/bin/bash
# SPDX-License-Identifier: MIT
# Every file of sources and every script opens with its licence and then with what it is for. (A .c that opens with
# its own header need not: the header says it.)
set -u
cd "$(dirname "$0")/../.." || exit 1
mapfile -t files < <(find alloc bpf tools bench tests mk Makefile -type f -regex \
	'.*\(\.\(c\|cc\|h\|sh\|bash\|py\|awk\|mk\|js\|lua\|pl\|jq\|sql\)\|/Makefile\|Makefile\)' ! -path '*/__pycache__/*' | sort)
awk '
	FNR == 1 { licensed = seen = 0; own = FILENAME; sub(/.*\//, "", own); sub(/(_linux)?\.c$/, ".h", own) }
	seen { next }
	/SPDX-License-Identifier/ { licensed = 1; if (/^(\/\*|\/\/|#|--) SPDX/) next }
	/^#!/ || /^# shellcheck/ || /^$/ || /^\/\*$/ || /^--\[\[$/ || /^#$/ || /^ \* *(SPDX.*)?$/ { next }
	{
		seen = 1
		said = /^(\/\*|\/\/|#|--| \*|""") ?[^# ]/ && !/--- / && !/^#(include|ifndef|define|pragma)/
		if (/^#include "/ && index($0, own "\"") && FILENAME ~ /\.c$/) said = 1
		if (!licensed) { print FILENAME ": no licence"; bad = 1 }
		if (!said) { print FILENAME ": does not say what it is for"; bad = 1 }
	}
	END { exit bad }' "${files[@]}" || exit 1
((${#files[@]} > 500)) || { echo "looked at only ${#files[@]} files"; exit 1; }
echo "${#files[@]} files say what they are for"
