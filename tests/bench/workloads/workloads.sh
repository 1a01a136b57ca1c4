#!/bin/bash
# SPDX-License-Identifier: MIT
# hakbench's workloads: each runs, is served by the library that was preloaded, and reports no figure that was
# not measured; the options that belong to some of them are refused by the others.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need python3
HAKBENCH=$(realpath "$OUT/hakbench")
make_work

cat >"$WORK/check.py" <<'PY'
import json, os, sys
result, name, ops, library = json.load(open(sys.argv[1])), sys.argv[2], int(sys.argv[3]), sys.argv[4]
assert result["workload"] == name, result["workload"]
assert os.path.realpath(result["allocator"]) == os.path.realpath(library), result["allocator"]
workers = result["workers"]
assert result["ops"] == sum(worker["ops"] for worker in workers)
for worker in workers:  # exactly, but for groups: a batch of xmalloc, a thread's life
    assert ops <= worker["ops"] < ops + 4096 + (ops if name == "threads" else 0), worker
assert result["peak_rss_bytes"] >= result["rss_bytes"] > 0 and result["page_faults"] >= 0
assert set(result["per_op"]) >= {"instructions", "branches", "branch_misses", "cycles", "l1i_misses", "itlb_misses", "dtlb_misses"}, result["per_op"]
for counter, value in result["per_op"].items():  # not counted is null, never 0
    assert value is None or value >= 0 and (value > 0 or "miss" in counter or counter == "context_switches"), (counter, value)
print(result["ops"], result["threads"])
PY

count=0
for workload in $("$HAKBENCH" --help | sed -n '/^Workloads:/,/^$/p' | awk 'NF > 1 { print $1 }'); do
	[[ $workload == trace ]] && continue # tests/bench/trace/trace.sh
	for run in 1 2; do
		preloaded "$HAKBENCH" "$workload" -n 2000 --seed 7 --json >"$WORK/$run.json" || fail "$workload"
		python3 "$WORK/check.py" "$WORK/$run.json" "$workload" 2000 "$HAKMEM" >"$WORK/$run" || fail "$workload: $(cat "$WORK/$run.json")"
	done
	cmp -s "$WORK/1" "$WORK/2" || fail "$workload: same seed, other operations: $(cat "$WORK/1" "$WORK/2")"
	count=$((count + 1))
done
((count >= 14)) || fail "only $count workloads"
"$HAKBENCH" --help | grep -q '^  trace' || fail "no trace"

# usage ARGUMENT...: refused as such.
usage() {
	"$HAKBENCH" "$@" >"$WORK/said" 2>&1
	[[ $? == 2 ]] || fail "hakbench $* is not a usage error: $(cat "$WORK/said")"
}
usage pc -t 3
usage xmalloc -t 1
usage larson --slots 100
usage large --null
usage mixed -n 10 -d 1
usage nosuch

# Blocks of different threads in one cache line: none with one thread. (With glibc there are some with four.)
shared() { "$@" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["shared_blocks"])'; }
[[ $(shared "$HAKBENCH" scratch -n 100) == 0 ]] || fail "scratch: one thread shares a line with itself"
some=$(shared "$HAKBENCH" scratch -n 100 -t 4)
((some > 0 && some <= 32)) || fail "scratch: $some of 32 blocks share a line"

# Half of the slots hold a live block: memory grows with them.
rss() { preloaded "$HAKBENCH" mixed --slots "$1" -n 1000 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["peak_rss_bytes"] >> 20)'; }
few=$(rss 400) many=$(rss 200000)
((many > few + 40 && many < few + 90)) || fail "100000 live blocks of 528 bytes make $many MiB, 200 make $few"
echo "$count workloads run, same seed same operations, $few MiB with 200 live blocks and $many with 100000"
