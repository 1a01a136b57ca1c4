#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs each fuzz target for FUZZ_SECONDS (20), from its seeds; what made one fail is kept in OUT/fuzz, and
# is replayed by the program with the file as its argument.
set -u
cd "$(dirname "$0")/../.." || exit 1
OUT=${OUT:-out-fuzz}
seconds=${FUZZ_SECONDS:-20}
kept=$(realpath -m "$OUT/fuzz")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$kept"
python3 tests/fuzz/seeds.py "$work" || exit 1
bad=0
for program in "$@"; do
	name=$(basename "$program")
	program=$(realpath "$program")
	(cd "$work" && "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=16384 \
		-print_final_stats=1 -artifact_prefix="$kept/$name-" "$work/$name") >"$work/log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
	covered=$(grep -o ' cov: [0-9]*' "$work/log" | tail -n 1)
	if [[ $status == 0 && ${runs:-0} -gt 1000 ]]; then
		echo "ok    $name: $runs inputs in $seconds s,$covered"
	else
		echo "FAIL  $name (exit $status)"
		grep -vE '^#[0-9]+|^INFO' "$work/log" | head -n 40
		bad=1
	fi
done
exit $bad
