#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of hakprobe leaves nothing behind: the semaphores are 0 again and the target works on.
. tests/probe/common.bash

semaphore() { python3 tests/probe/semaphore.py "$target" "$libhakmem" "$1" "$2"; }
is() { [[ $(semaphore "$1" "$2") == "$3" ]]; }

start target "$OUT/tests/probe/exact_target" 60
need_bpf
is hakmem tally 0 || fail "hakmem:tally is up before anyone has attached"
tell go
"$hakprobe" -p "$target" --flame alloc -o "$dir/x.folded" 0.2 >"$dir/hakprobe.out" 2>"$dir/hakprobe.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "hakmem:tally to be up" is hakmem tally 1
wait_until "otel_memory:alloc to be up" is otel_memory alloc 1
is hakmem refill 0 || fail "hakmem:refill is up, which nobody asked for"
wait_until "a report" grep -q 'ns/malloc' "$dir/hakprobe.out"
kill -9 "$watcher"
wait "$watcher" 2>/dev/null
wait_until "hakmem:tally to be down" is hakmem tally 0
wait_until "otel_memory:alloc to be down" is otel_memory alloc 0
[[ -e $dir/x.folded ]] && fail "a killed hakprobe has written a file"
hear "done"
exec 8>&-
wait "$target" || fail "the target exited with $?"
echo "after kill -9 both semaphores are 0, and the target finished its work and exited 0"
