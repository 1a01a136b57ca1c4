#!/bin/bash
# SPDX-License-Identifier: MIT
# A process without libhakmem that emits otel_memory: its allocated and live bytes are known exactly.
. tests/probe/common.bash

mkfifo "$dir/in" "$dir/out"
"$OUT/tests/probe/otel_target" <"$dir/in" >"$dir/out" 8>&- 9>&- &
target=$!
pids+=("$target")
exec 8>"$dir/in" 9<"$dir/out"
hear ready
grep -q libhakmem "/proc/$target/maps" && fail "the target maps libhakmem"

"$hakprobe" -p "$target" 0.1 1 >"$dir/none" 2>"$dir/none.err" && fail "shows figures that it cannot have"
if grep -qE 'missing privileges' "$dir/none.err"; then
	echo "skipped: $(tail -n 1 "$dir/none.err")"
	exit 77
fi
grep -q 'does not map libhakmem; it emits otel_memory' "$dir/none.err" || fail "no word about otel_memory"
"$hakprobe" -p "$target" --flame cpu -o "$dir/x.svg" 2>"$dir/none.err" && fail "--flame cpu without libhakmem"
"$hakprobe" -p "$target" --flame alloc,live,temporary --within 60000 -o "$dir/%k.folded" -o "$dir/all.html" 0.2 \
	>"$dir/view" 2>"$dir/watch.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
attached_or_ended() { grep -q attached "$dir/watch.err" || ended "$watcher"; }
wait_until "the attach" attached_or_ended
if ended "$watcher" && grep -qE 'missing privileges|kernel .* has no|cannot load|kernel refuses' "$dir/watch.err"; then
	echo "skipped: $(tail -n 1 "$dir/watch.err")"
	exit 77
fi
tell go
hear "done"
kill -INT "$watcher"
wait "$watcher" || fail "hakprobe exited with $?"
grep -q 'no live view figures' "$dir/watch.err" || fail "does not say what is missing"
grep -qE 'malloc/s|hit ratio' "$dir/view" && fail "figures of nothing: $(cat "$dir/view")"
# expect KIND FUNCTION BYTES
expect() {
	local sum
	sum=$(awk -v f=";main;$2;pool_get;tell_alloc" 'index($0, f " ") { s += $NF } END { printf "%d", s }' "$dir/$1.folded")
	[[ $sum == "$3" ]] || fail "$1 of $2: $sum, not $3: $(cat "$dir/$1.folded")"
}
expect alloc cache 300000
expect alloc parse 32000
expect alloc leak 200000
expect live cache 300000
expect live leak 200000
expect live parse 0
expect temporary parse 32000
expect temporary cache 0
grep -q '</html>' "$dir/all.html" || fail "no report"
echo "another allocator: 532000 bytes allocated, 500000 alive, 32000 temporary, each by its caller, exactly"
