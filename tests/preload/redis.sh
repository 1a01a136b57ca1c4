#!/bin/bash
# SPDX-License-Identifier: MIT
# redis-server under libhakmem with a load of redis-benchmark; answers afterwards, shuts down, exits 0.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need redis-server redis-benchmark redis-cli
make_work
server=
clean_up() {
	[[ -n $server ]] && kill "$server" 2>/dev/null
	wait 2>/dev/null
}

# A port that nobody listens on; another process may still take it first, so try a few.
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 20000))
	# Not by `preloaded`, so that $! is the server and not a shell that runs a function.
	env LD_PRELOAD="$HAKMEM" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$WORK" >"$WORK/log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		redis-cli -p "$port" ping 2>/dev/null | grep -q PONG && break 2
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=
done
[[ -n $server ]] || fail "redis-server did not come up: $(tail -n 5 "$WORK/log")"
grep -q "libhakmem" "/proc/$server/maps" || fail "redis-server does not map libhakmem"
redis-benchmark -p "$port" -q -n 20000 -c 20 -d 200 -r 5000 -t set,get,lpush,lpop,sadd,hset,zadd,mset >"$WORK/load" 2>&1 ||
	fail "redis-benchmark: $(tail -n 3 "$WORK/load")"
keys=$(redis-cli -p "$port" dbsize)
[[ ${keys##* } -gt 1000 ]] || fail "the load left $keys keys"
redis-cli -p "$port" set answer 42 | grep -q OK || fail "no answer after the load"
[[ $(redis-cli -p "$port" get answer) == 42 ]] || fail "wrong answer after the load"
redis-cli -p "$port" flushall | grep -q OK || fail "flushall"
allocator=$(redis-cli -p "$port" info memory | tr -d '\r' | sed -n 's/^mem_allocator://p')
redis-cli -p "$port" shutdown nosave 2>/dev/null
wait "$server"
status=$?
server=
[[ $status == 0 ]] || fail "redis-server ended with $status: $(tail -n 5 "$WORK/log")"
# Once more, briefly, with the linker's record: whose malloc the server calls.
witnessed LD_BIND_NOW=1 redis-server --version >/dev/null || fail "redis-server --version"
served_by_hakmem '[^ ]*redis[^ ]*'
echo "redis-server (built for $allocator): ${keys##* } keys after the load, right answers, exit 0, malloc bound to libhakmem"
