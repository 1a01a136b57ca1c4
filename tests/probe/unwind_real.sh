#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs as the distribution ships them, without frame pointers: at least 99 % of the sampled stacks
# reach the thread's start. Each is sampled every 16 KiB; those before the slice has grown count, too.
. tests/probe/common.bash

export HAKMEM_SAMPLE_BYTES=16384
results=

# watch NAME: `target` is busy; 3 s of it, more where it does not get the processor.
watch() {
	local line samples truncated seconds
	for seconds in 3 12 48; do
		"$hakprobe" -p "$target" --ceiling 100 --flame alloc -o "$dir/$1.folded" -d $seconds $seconds >"$dir/$1.view" \
			2>"$dir/$1.watch.err" 8>&- 9>&- || fail "$1: hakprobe exited with $?: $(cat "$dir/$1.watch.err")"
		line=$(grep 'sampled allocations stand' "$dir/$1.watch.err") || fail "$1: no samples"
		read -r samples truncated < <(sed -E 's/.* ([0-9]+) sampled .*; ([0-9]+) stacks are.*/\1 \2/' <<<"$line")
		((samples >= 500)) && break
	done
	((samples >= 200)) || fail "$1: only $samples samples"
	# A whole stack begins at the thread's start, by name or, in a stripped libc, by module.
	local astray
	astray=$(grep -v '^\[truncated\]' "$dir/$1.folded" |
		grep -cvE '^(_start|_dl_start_user|__clone3?|clone3?|[^;]*\+0x[0-9a-f]+);')
	((astray == 0)) || fail "$1: whole stacks that begin elsewhere: $(grep -vE '^(_start|clone|\[trunc)' "$dir/$1.folded" | head -n 3)"
	((truncated * 100 <= samples)) || fail "$1: $truncated of $samples stacks are truncated: $(grep '^\[trunc' "$dir/$1.folded" | head -n 5)"
	results+="$1 $((samples - truncated))/$samples, "
}

finish() {
	exec 8>&- 9>&-
	kill -9 "$target" 2>/dev/null
	wait "$target" 2>/dev/null
}

start cxx "$OUT/tests/probe/unwind_real_target"
need_bpf
watch cxx
finish

if [[ -x /usr/bin/python3 ]]; then
	cat >"$dir/work.py" <<'END'
import json, re, select, sys
def nest(n):
    return {"v": [str(i) * 20 for i in range(20)], "c": nest(n - 1)} if n else {}
while not select.select([0], [], [], 0)[0]:
    text = json.dumps(nest(20))
    json.loads(text)
    sorted(re.findall(r"\d+", text), key=lambda s: s[::-1])
END
	start python3 /usr/bin/python3 "$dir/work.py"
	watch python3
	finish
fi

if [[ -x /usr/bin/sqlite3 ]]; then
	start sqlite3 /usr/bin/sqlite3 :memory:
	exec 9>&- # its answers are not read
	tell "create table t(a integer primary key, b text, c text);"
	tell "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
	      insert into t select i, hex(randomblob(40)), printf('%d-%s', i, hex(randomblob(20))) from n;"
	tell "create index x on t(c);"
	tell "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000000)
	      select count(*) from n where (select group_concat(b) from (select b from t where a > n.i % 1000 limit 100) order by 1) is null;"
	watch sqlite3
	finish
fi

if [[ -x /usr/bin/redis-server && -x /usr/bin/redis-benchmark ]]; then
	start redis /usr/bin/redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --dir "$dir" \
		--daemonize no
	wait_until "redis" test -S "$dir/redis.sock"
	cat <&9 >/dev/null &
	pids+=($!)
	redis-benchmark -s "$dir/redis.sock" -q -P 16 -n 100000000 -r 100000 -d 300 \
		-t set,lpush,zadd,hset >/dev/null 2>&1 8>&- 9>&- &
	pids+=($!)
	sleep 0.5
	watch redis
	finish
fi
echo "stacks that reach the start: ${results%, }"
