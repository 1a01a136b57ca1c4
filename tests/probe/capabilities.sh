#!/bin/bash
# SPDX-License-Identifier: MIT
# With CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, and nothing else of root: hakprobe watches a process of
# another user with everything that it has, and with one of the three missing says which.
. tests/probe/common.bash
[[ $(id -u) == 0 ]] || { echo "skipped: not root, so no other user can be taken on"; exit 77; }
chmod 711 "$dir"
cp "$hakprobe" "$dir/hakprobe" && mkdir -m 777 "$dir/work"

# become CAPABILITIES: sets `with`, in front of a command, to nobody with these alone.
become() {
	with=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps="-all,$1" --ambient-caps="$1"
		--bounding-set="-all,$1")
}

cp "$libhakmem" "$dir/libhakmem.so.1" && chmod 755 "$dir/libhakmem.so.1"
libhakmem=$dir/libhakmem.so.1
start target "$OUT/tests/probe/flame_target"
need_bpf
become +bpf,+perfmon,+sys_ptrace
"${with[@]}" "$dir/hakprobe" doctor -p "$target" >"$dir/doctor" 2>&1 || {
	cat "$dir/doctor"
	grep -q '^FAIL  self test' "$dir/doctor" && { echo "skipped: this kernel lets only CAP_SYS_ADMIN create uprobes"; exit 77; }
	fail "the doctor finds fault"
}

"${with[@]}" "$dir/hakprobe" -p "$target" --json --flame alloc,live,cpu --latency \
	-o "alloc=$dir/work/alloc.folded" -o "$dir/work/report.html" 0.2 >"$dir/out.json" 2>"$dir/watch.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/watch.err"
tell go
hear "done"
wait_until "three readings" lines "$dir/out.json" 3
kill -0 "$target" || fail "the target has died"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exits with $?"
grep -q 'missing\|may not be read' "$dir/watch.err" && fail "something was missing after all"
grep -qE ';main;.*;malloc [0-9]+$' "$dir/work/alloc.folded" || fail "no stacks from main to malloc: $(head -n 3 "$dir/work/alloc.folded")"
python3 - "$dir/out.json" <<'END2' || fail "the figures are not there"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines[-1]["totals"]["mallocs"] > 1000 and lines[-1]["probe"]["lost"] == 0, lines[-1]
assert sum(line["probe"]["hits"] for line in lines) > 0
END2

named=0
for capability in bpf perfmon; do
	others=$(sed "s/+$capability,\?//; s/,$//" <<<"+bpf,+perfmon,+sys_ptrace")
	become "$others"
	"${with[@]}" "$dir/hakprobe" -p "$target" 0.1 1 >"$dir/out" 2>&1
	status=$?
	[[ $status == 1 ]] || fail "without CAP_${capability^^} it exits with $status: $(cat "$dir/out")"
	[[ $(cat "$dir/out") == "hakprobe: missing privileges: CAP_${capability^^}: "* ]] || fail "without CAP_${capability^^}: $(cat "$dir/out")"
	named=$((named + 1))
done
# Without the third, tallies do.
become +bpf,+perfmon
"${with[@]}" "$dir/hakprobe" -p "$target" 0.1 1 >"$dir/out" 2>&1 || fail "without CAP_SYS_PTRACE: $(cat "$dir/out")"
grep -q 'may not be read (EPERM: CAP_SYS_PTRACE is missing): figures come from tallies alone' "$dir/out" ||
	fail "CAP_SYS_PTRACE is not named: $(cat "$dir/out")"
kill -0 "$target" || fail "the target has died"
tell end
echo "everything with three capabilities and without root; each of the three named when it is missing"
