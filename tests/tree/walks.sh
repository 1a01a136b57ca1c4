#!/bin/bash
# SPDX-License-Identifier: MIT
# Where documents name a function with its file (`alloc/tcache.c:grant`), it is defined there.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 named=0
while IFS=: read -r document file function; do
	named=$((named + 1))
	[[ -e $file ]] || { echo "$document: there is no $file"; bad=1; continue; }
	# A definition, not a call: at the line's beginning, and not a declaration that ends on its line.
	grep -E "^([A-Za-z_][A-Za-z0-9_ *]*[ *])?$function\(|^#define $function\(" "$file" | grep -qv ';$' ||
		{ echo "$document: $function is not in $file"; bad=1; }
done < <(grep -oE '`(alloc|bpf|tools|bench|tests)/[a-z_./]+\.[ch]:[A-Za-z0-9_]+`' docs/*.md | tr -d '`' | sort -u)
((named >= 30)) || { echo "only $named functions are named"; bad=1; }
[[ $bad == 0 ]] && echo "$named functions are where the documents say"
exit $bad
