#!/bin/bash
# SPDX-License-Identifier: MIT
# Records the allocations of redis-server under a short load of redis-benchmark.
#   bench/scripts/record-redis.sh FILE
set -u
file=$(realpath -m "$1")
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh

RECORDER=$(realpath "$OUT/libhakrecord.so") || die "$OUT/libhakrecord.so is missing: make it first"
make_work
server=
trap '[[ -n $server ]] && kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$WORK"' EXIT
socket=$WORK/socket
rm -f "$file"
env LD_PRELOAD="$RECORDER" HAKRECORD_FILE="$file" redis-server --port 0 --unixsocket "$socket" --save '' \
	--appendonly no --dir "$WORK" >"$WORK/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	redis-cli -s "$socket" ping 2>/dev/null | grep -q PONG && break
	kill -0 "$server" 2>/dev/null || die "redis-server did not come up: $(tail -n 5 "$WORK/log")"
	sleep 0.1
done
redis-benchmark -s "$socket" -q -n "${REQUESTS:-5000}" -c 10 -d 200 -r 2000 -t set,get,lpush,lpop,sadd,hset,zadd >"$WORK/load" 2>&1 ||
	die "redis-benchmark: $(tail -n 3 "$WORK/load")"
redis-cli -s "$socket" flushall async >/dev/null
redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1
wait "$server" || die "redis-server ended with $?"
server=
"$HAKBENCH" trace --trace "$file" | grep -E '^trace' || die "the trace cannot be replayed"
echo "recorded in $file ($(stat -c %s "$file") bytes)"
