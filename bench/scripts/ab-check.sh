#!/bin/bash
# SPDX-License-Identifier: MIT
# Whether hakbench ab can be believed on this machine: two equal arms must be NEUTRAL in at least 18 of TRIES
# (20), HAKMEM_FASTLANE_DIRECT=1 against 0 GO, and the other way round NO-GO. This takes some minutes.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh
make_work
TRIES=${TRIES:-20}
neutral=0 failed=0

for try in $(seq "$TRIES"); do
	"$HAKBENCH" ab -o "$WORK/ab.json" >"$WORK/said" 2>"$WORK/errors"
	status=$?
	((status == 0 || status == 1 || status == 3)) || die "$(cat "$WORK/errors")"
	((status == 3)) && neutral=$((neutral + 1))
	printf 'equal arms, try %2d of %d: %-8s %s\n' "$try" "$TRIES" "$(tail -n 1 "$WORK/said")" "$(grep '^B/A' "$WORK/said")"
done
echo "equal arms: NEUTRAL in $neutral of $TRIES tries"
((neutral * 20 >= TRIES * 18)) || failed=1

# verdict EXPECTED ARGUMENT...
verdict() {
	local expected=$1
	shift
	"$HAKBENCH" ab -o "$WORK/ab.json" "$@" 2>/dev/null | tee "$WORK/said"
	[[ $(tail -n 1 "$WORK/said") == "$expected" ]] && return
	echo "ab-check: $* should be $expected"
	failed=1
}
verdict GO --a HAKMEM_FASTLANE_DIRECT=0 --b HAKMEM_FASTLANE_DIRECT=1
verdict NO-GO --a HAKMEM_FASTLANE_DIRECT=1 --b HAKMEM_FASTLANE_DIRECT=0
((failed)) && { echo "ab-check: FAILED"; exit 1; }
echo "ab-check: passed"
