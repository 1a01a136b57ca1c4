#!/bin/bash
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark, over a socket in a directory of its own. Prints what the server
# alone has used, as hakbench's commands may (bench/lab/arm.h): the load is not what is measured.
#   bench/programs/redis.sh REQUESTS
set -eu
directory=$(mktemp -d "${TMPDIR:-/tmp}/hakbench.XXXXXX")
server=
clean_up() {
	[[ -n $server ]] && kill "$server" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$directory"
}
trap clean_up EXIT
socket=$directory/socket
redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --dir "$directory" >"$directory/log" 2>&1 &
server=$!
for _ in $(seq 100); do
	redis-cli -s "$socket" ping 2>/dev/null | grep -q PONG && break
	kill -0 "$server"
	sleep 0.1
done
started=$(date +%s%N)
redis-benchmark -s "$socket" -q -n "$1" -c 20 -P 16 -d 100 -r 20000 -t set,get,lpush,lpop,sadd,hset,zadd,mset >"$directory/load" 2>&1
ended=$(date +%s%N)
peak=$(awk '$1 == "VmHWM:" { print $2 * 1024 }' "/proc/$server/status")
redis-cli -s "$socket" info cpu | tr -d '\r' | awk -F: -v wall=$((ended - started)) -v peak="$peak" '
	$1 == "used_cpu_sys" || $1 == "used_cpu_user" { cpu += $2 }
	END { printf "{\"cpu_ns\": %.0f, \"wall_ns\": %.0f, \"peak_rss_bytes\": %.0f}\n", cpu * 1e9, wall, peak }'
redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1
wait "$server"
server=
