#!/bin/bash
# SPDX-License-Identifier: MIT
# What root's hakprobe keeps: the capabilities that it still needs, in each thread, nothing that an exec
# could add, a ceiling of memory, and no library for the network, whatever the environment names.
. tests/probe/common.bash
[[ $(id -u) == 0 ]] || { echo "skipped: not root, so there is nothing to drop"; exit 77; }

# of PID NAME: that line of each thread's status, once each.
of() { cat /proc/"$1"/task/*/status | sed -n "s/^$2:[[:space:]]*//p" | sort -u; }
# has MASK CAPABILITY...: whether all of them are in it.
has() {
	local mask=$((16#$1)) bit
	for bit in "${@:2}"; do (((mask >> bit) & 1)) || return 1; done
}
dac_override=1 dac_read_search=2 net_admin=12 sys_module=16 sys_ptrace=19 sys_admin=21 perfmon=38 bpf=39

start target "$OUT/tests/probe/flame_target"
need_bpf

# watch OPTION...: in the background; `watcher`.
watch() {
	rm -f "$dir/watch.err"
	DEBUGINFOD_URLS='http://127.0.0.1:9/' "$hakprobe" "$@" --json 0.2 >"$dir/json" 2>"$dir/watch.err" 8>&- 9>&- &
	watcher=$!
	pids+=("$watcher")
	wait_until "the attach" grep -q attached "$dir/watch.err"
	wait_until "a reading" lines "$dir/json" 2
}
# finish: ends it; it has done its work.
finish() {
	kill -INT "$watcher"
	wait "$watcher" || fail "hakprobe exited with $?: $(tail -n 3 "$dir/watch.err")"
}
check() { # NAME
	local threads
	threads=$(ls "/proc/$watcher/task" | wc -l)
	[[ $(of "$watcher" NoNewPrivs) == 1 ]] || fail "$1: NoNewPrivs of a thread is not 1"
	for mask in $(of "$watcher" CapPrm); do
		for one in "$net_admin" "$sys_module"; do has "$mask" "$one" && fail "$1: a thread keeps capability $one of $mask"; done
	done
	grep -qE 'debuginfod|libcurl|libnss|libssl' "/proc/$watcher/maps" && fail "$1: a library for the network is loaded"
	[[ $(awk '/Max data size/ { print $4 }' "/proc/$watcher/limits") == $((2 << 30)) ]] || fail "$1: no ceiling of memory"
	((threads >= 2)) || fail "$1: $threads threads"
}

watch -p "$target"
check figures
for mask in $(of "$watcher" CapPrm); do has "$mask" "$sys_admin" && fail "CAP_SYS_ADMIN stays"; has "$mask" "$dac_override" && fail "CAP_DAC_OVERRIDE stays"; done
finish

watch -p "$target" --flame alloc,live,cpu -o "$dir/out.%k.folded"
check flame
main=$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$watcher/status")
has "$main" "$sys_ptrace" "$dac_read_search" "$dac_override" || fail "flame: the main thread has $main"
has "$main" "$bpf" && fail "flame: CAP_BPF stays"
has "$main" "$perfmon" && fail "flame: CAP_PERFMON stays"
reads=0
for mask in $(of "$watcher" CapEff); do
	[[ $((16#$mask)) == $((1 << sys_ptrace | 1 << dac_read_search | 1 << 40)) ]] && reads=1
done
[[ $reads == 1 ]] || fail "flame: no thread that reads alone: $(of "$watcher" CapEff)"
tell go
hear "done"
finish
grep -q 'main;.*;malloc ' "$dir/out.alloc.folded" || fail "no stacks: $(cat "$dir/watch.err")"

watch -p "$target" --latency
check latency
has "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$watcher/status")" "$bpf" "$perfmon" || fail "latency: windows cannot be opened"
finish

# A program that we run has the environment and the privileges that it would have.
DEBUGINFOD_URLS='http://127.0.0.1:9/' "$hakprobe" --lines -c bash -c 'echo $DEBUGINFOD_URLS >&2; grep -E "NoNewPrivs|CapEff|Max data" /proc/self/status /proc/self/limits >&2' \
	>"$dir/command" 2>"$dir/command.err" || true
grep -q '^http://127.0.0.1:9/$' "$dir/command.err" || fail "-c: the environment has changed: $(cat "$dir/command.err")"
grep -q 'NoNewPrivs:[[:space:]]*0' "$dir/command.err" || fail "-c: no_new_privs"
grep -q "CapEff:[[:space:]]*$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" "$dir/command.err" || fail "-c: capabilities"
grep -qE 'Max data size +unlimited' "$dir/command.err" || fail "-c: $(grep Max "$dir/command.err")"
echo "capabilities, no_new_privs, memory, libraries: of root only what is needed stays, a program that is run has all"
