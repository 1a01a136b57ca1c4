#!/bin/bash
# SPDX-License-Identifier: MIT
# A trace of redis-server under a short load, replayed: as many operations and bytes as were recorded.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need redis-server redis-benchmark redis-cli python3
[[ -e $OUT/libhakrecord.so ]] || skip "$OUT/libhakrecord.so is not built"
make_work

bench/scripts/record-redis.sh "$WORK/redis.hak" >"$WORK/log" 2>&1 || fail "recording: $(tail -n 3 "$WORK/log")"
# replayed ENVIRONMENT...: OPERATIONS BYTES as counted by the replay, and as the recorder counted.
replayed() {
	env "$@" "$OUT/hakbench" trace --trace "$WORK/redis.hak" --json | python3 -c '
import json, sys
run = json.load(sys.stdin)
trace = run["trace"]
print(run["ops"], trace["requested_bytes"], trace["recorded_ops"], trace["recorded_bytes"], run["threads"])'
}
for environment in NONE=1 "LD_PRELOAD=$HAKMEM" "LD_PRELOAD=$HAKMEM HAKMEM_FASTLANE_DIRECT=0"; do
	# shellcheck disable=SC2086
	read -r ops bytes recorded_ops recorded_bytes threads < <(replayed $environment)
	[[ -n $ops && $ops -gt 10000 && $ops == "$recorded_ops" && $bytes == "$recorded_bytes" ]] ||
		fail "$environment: replayed $ops operations, $bytes bytes; recorded $recorded_ops, $recorded_bytes"
done
head -c 10000 "$WORK/redis.hak" >"$WORK/cut.hak"
"$OUT/hakbench" trace --trace "$WORK/cut.hak" 2>"$WORK/said" && fail "a truncated trace was replayed"
grep -q truncated "$WORK/said" || fail "$(cat "$WORK/said")"
# Blocks that cross from thread to thread.
LD_PRELOAD=$(realpath "$OUT/libhakrecord.so") HAKRECORD_FILE=$WORK/larson.hak \
	"$OUT/hakbench" larson -t 2 -n 50000 >/dev/null || fail "recording larson"
LD_PRELOAD=$HAKMEM timeout 100 "$OUT/hakbench" trace --trace "$WORK/larson.hak" >"$WORK/said" || fail "replay of larson"
echo "redis-server: $ops operations, $bytes bytes, $threads threads replayed as recorded;" \
	"$(sed -n 's/^trace  *//p' "$WORK/said")"
