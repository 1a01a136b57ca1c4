#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs test programs and sums their results; the last line is `N passed, N failed, N skipped`.
# A CUnit program (tests/harness.c) prints such a line itself. A script is one test: exit 0 is a
# pass, 77 a skip (its last line says why), anything else a failure, whose output is shown.
set -u
exec </dev/null
# Messages are looked for in English. Names of sockets, and of libraries to preload, must be short and plain.
export LC_ALL=C.UTF-8 TMPDIR=/tmp
# indented FILE: its beginning, where the cause often is, and its end.
indented() {
	if (($(wc -l <"$1") > 90)); then
		{ head -n 30 "$1"; echo "[...]"; tail -n 60 "$1"; } | sed 's/^/      /'
	else
		sed 's/^/      /' "$1"
	fi
}
passed=0 failed=0 skipped=0
for t in "$@"; do
	log=$(mktemp)
	if [[ $t == *.sh ]]; then
		timeout "${TEST_TIMEOUT:-600}" "$t" >"$log" 2>&1
		rc=$?
		case $rc in
		0) passed=$((passed + 1)); echo "ok    $t: $(tail -n 1 "$log")" ;;
		77) skipped=$((skipped + 1)); echo "skip  $t: $(tail -n 1 "$log")" ;;
		*) failed=$((failed + 1)); echo "FAIL  $t (exit $rc)"; indented "$log" ;;
		esac
	else
		timeout "${UNIT_TIMEOUT:-900}" "$t" >"$log" 2>&1
		rc=$?
		sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
		if [[ -z $sum ]]; then
			failed=$((failed + 1)); echo "FAIL  $t (exit $rc, no summary)"; indented "$log"
		else
			read -r p _ f _ s _ <<<"$sum"
			passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
			[[ $rc != 0 && $f == 0 ]] && failed=$((failed + 1)) && echo "FAIL  $t (exit $rc)"
			grep -vE '^[0-9]+ passed,' "$log"
		fi
	fi
	rm -f "$log"
done
echo
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 && $passed -gt 0 ]]
