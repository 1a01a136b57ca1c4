#!/bin/bash
# SPDX-License-Identifier: MIT
# Each mutant of tests/mutants/ applies to the code as it is, says what it plants and which test sees it, and has its row in docs/testing.md.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0 count=0
for file in tests/mutants/*.patch; do
	name=$(basename "$file" .patch)
	count=$((count + 1))
	git apply --check "$file" || { echo "$file does not apply"; bad=1; }
	for field in what kind test; do
		sed '/^---/q' "$file" | grep -q "^$field: ." || { echo "$file has no line \"$field:\""; bad=1; }
	done
	grep -q "^| $name |" docs/testing.md || { echo "docs/testing.md has no row of $name"; bad=1; }
done
while read -r name; do
	[[ -e tests/mutants/$name.patch ]] || { echo "docs/testing.md has a row of $name, which is none"; bad=1; }
done < <(sed -n '/^| mutant |/,/^$/s/^| \([a-z_0-9]*\) |.*/\1/p' docs/testing.md | grep -v '^mutant$')
((bad == 0)) && echo "$count mutants apply and have their rows"
exit $bad
