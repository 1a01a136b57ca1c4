#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job: a real server under libhakmem with a real load, hakprobe attached to it by pid in
# mid-flight. Prints the live view and writes flame graphs of where the bytes come from, what of them
# is alive, and where the allocator's CPU time goes. Every claim is checked; whatever is not so ends
# the demo with a failure.
set -u
OUT=${OUT:-out}
SECONDS_WATCHED=${DEMO_SECONDS:-15}
library=$(realpath "$OUT/libhakmem.so")
demo=$OUT/demo
work=$(mktemp -d)
server='' load=''

clean_up() {
	[[ -n $load ]] && kill "$load" 2>/dev/null
	[[ -n $server ]] && kill "$server" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

fail() {
	echo "demo FAILED: $*" >&2
	[[ -s $work/server.log ]] && tail -n 20 "$work/server.log" >&2
	exit 1
}

note() { echo "demo: $*" >&2; }
ask() { redis-cli -s "$work/socket" "$@" 2>/dev/null; }
calls() { ask info stats | tr -d '\r' | sed -n 's/^total_commands_processed://p'; }

# wait_until WHAT COMMAND...: polls for at most 30 s.
wait_until() {
	local what=$1 i
	shift
	for ((i = 0; i < 300; i++)); do
		"$@" && return 0
		sleep 0.1
	done
	fail "waited 30 s for $what"
}
answers() { [[ $(ask ping) == PONG ]]; }
is_loaded() { (($(calls) > 100000)); }

for tool in redis-server redis-cli redis-benchmark; do
	command -v "$tool" >/dev/null || fail "$tool is not installed (make deps)"
done
mkdir -p "$demo" && rm -f "$demo"/*

# --- the server ---------------------------------------------------------------------------------
LD_PRELOAD=$library redis-server --port 0 --unixsocket "$work/socket" --dir "$work" --save '' \
	--appendonly no --daemonize no >"$work/server.log" 2>&1 &
server=$!
wait_until "redis-server to answer" answers
real=$(realpath "$library")
grep -q " $real\$" "/proc/$server/maps" || fail "redis-server (pid $server) does not map $real"
note "redis-server $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/') runs as pid $server and maps $real"

# --- the load -----------------------------------------------------------------------------------
redis-benchmark -s "$work/socket" -q -l -n 200000 -P 16 -c 32 -r 200000 -d 100 \
	-t set,get,incr,lpush,lpop,sadd,spop,hset,zadd,zpopmin,mset >"$work/load.log" 2>&1 &
load=$!
wait_until "the load" is_loaded
before=$(calls)
note "redis-benchmark (pid $load) is at work: $before commands so far; attaching in mid-flight"

# --- the watch ----------------------------------------------------------------------------------
"$OUT/hakprobe" -p "$server" -d "$SECONDS_WATCHED" --flame alloc,live,cpu \
	-o alloc="$demo/alloc.svg" -o alloc="$demo/alloc.folded" -o live="$demo/live.pb.gz" \
	-o cpu="$demo/cpu.svg" -o "$demo/report.html" 5 2> >(tee "$work/hakprobe.err" >&2) | tee "$demo/live.txt"
[[ ${PIPESTATUS[0]} == 0 ]] || fail "hakprobe has failed"
kill -0 "$load" 2>/dev/null || fail "the load ended early: $(tail -n 3 "$work/load.log")"
after=$(calls)
((after > before + 100000)) || fail "only $((after - before)) commands during the watch"

# --- was it all as claimed ----------------------------------------------------------------------
grep -qE '^calls +[1-9][0-9.]* [kMG]? ?malloc/s, [1-9]' "$demo/live.txt" || fail "no mallocs in the live view"
grep -qE '^ +all .*%.* [1-9][0-9.]*( [kM])? ' "$demo/live.txt" || fail "no refills in the live view"
grep -qE '^wrapper +[0-9.]*[1-9][0-9.]* ± [0-9.]+ ns/malloc' "$demo/live.txt" || fail "no wrapper cost in the live view"
[[ -s $demo/alloc.svg ]] && grep -q '</svg>' "$demo/alloc.svg" || fail "$demo/alloc.svg is not complete"
[[ -s $demo/alloc.folded ]] || fail "$demo/alloc.folded is empty"
gzip -t "$demo/live.pb.gz" || fail "$demo/live.pb.gz is not gzipped"
for name in alloc_space inuse_space inuse_objects createStringObject "$(basename "$real")"; do
	gzip -dc "$demo/live.pb.gz" | grep -qaF "$name" || fail "no $name in $demo/live.pb.gz"
done
grep -q '</svg>' "$demo/cpu.svg" || fail "$demo/cpu.svg is not complete"
for function in malloc free main; do
	grep -q "<title>$function$" "$demo/cpu.svg" || fail "no $function in $demo/cpu.svg"
done
grep -q '</html>' "$demo/report.html" || fail "$demo/report.html is not complete"
for function in createStringObject sdsnewlen dictAdd; do
	grep -q "$function" "$demo/alloc.folded" && found=${found:-}${found:+, }$function
done
[[ -n ${found:-} ]] || fail "none of redis' own functions is in the flame graph"
answers || fail "the server does not answer any more"
kill "$load"
wait "$load" 2>/dev/null
load=''
ask shutdown nosave
wait "$server"
status=$?
server=''
[[ $status == 0 ]] || fail "redis-server exited with $status"

note "$((after - before)) commands were served during the watch; the server still answered PING and exited 0"
note "redis' own functions in the flame graph: $found"
note "wrote:"
ls -l "$demo"/* >&2
