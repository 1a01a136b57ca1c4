#!/bin/bash
# SPDX-License-Identifier: MIT
# RSS reconciled on redis-server, after load and after most keys are gone: the parts add up to VmRSS, and
# what the allocator holds covers what is resident of its arenas.
. tests/probe/common.bash
for tool in redis-server redis-cli redis-benchmark; do
	command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed" && exit 77; }
done
ask() { redis-cli -s "$dir/socket" "$@" 2>/dev/null; }
answers() { [[ $(ask ping) == PONG ]]; }

LD_PRELOAD=$libhakmem redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir" --save '' --appendonly no \
	>"$dir/redis.out" 2>"$dir/redis.err" &
target=$!
pids+=("$target")
wait_until "redis-server" answers
need_bpf

# reconcile WHEN: while the server is idle.
reconcile() {
	"$hakprobe" -p "$target" --json 0.5 1 >"$dir/json" 2>"$dir/watch.err" || fail "hakprobe exits with $?"
	python3 - "$1" "$target" "$dir/json" 2>&1 <<'END2' || fail "it does not add up"
import json, sys
when, pid, path = sys.argv[1:]
MIB = 2**20
status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
rss = int(status["VmRSS"].split()[0]) * 1024
arenas, ours = 0, False
for line in open(f"/proc/{pid}/smaps"):
    words = line.split()
    if "-" in words[0] and ":" not in words[0]:
        # All arenas lie below 512 GiB, where nothing else of a position-independent program does.
        ours = int(words[0].split("-")[1], 16) <= 1 << 39 and len(words) < 6
    elif words[0] == "Rss:" and ours:
        arenas += int(words[1]) * 1024
report = json.loads(open(path).read())
memory = report["memory"]
held = sum(memory[k] for k in ("live", "large", "cached", "depot", "free", "dirty", "huge_cached", "metadata"))
everything = held + memory["not_ours"] - memory["untouched"]
assert abs(everything - report["totals"]["rss"]) < 8, (everything, report["totals"]["rss"])
assert abs(everything - rss) < 0.02 * rss + MIB, (everything, rss)
assert all(value >= 0 for value in memory.values()), memory
assert arenas <= held, (arenas, held)
print(f"{when}: held {held / MIB:.1f} MiB ({arenas / MIB:.1f} of its arenas resident) + not ours {memory['not_ours'] / MIB:.1f}"
      f" - untouched {memory['untouched'] / MIB:.1f} = {everything / MIB:.1f}, VmRSS {rss / MIB:.1f} MiB")
END2
}

redis-benchmark -s "$dir/socket" -q -n 200000 -P 16 -r 100000 -d 200 -t set,lpush,zadd >/dev/null 2>&1
loaded=$(reconcile loaded) || { echo "$loaded"; exit 1; }
ask flushall sync >/dev/null
emptied=$(reconcile emptied) || { echo "$emptied"; exit 1; }
echo "$loaded; $emptied"
