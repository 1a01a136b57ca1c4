#!/bin/bash
# SPDX-License-Identifier: MIT
# Stacks deeper than the first slice are whole once a thread is known to need more; --unwind names
# the unwinder in the header, and each kind follows the same program to its start.
. tests/probe/common.bash

watch() {
	HAKMEM_SAMPLE_BYTES=20000 start "target-$1" "$OUT/tests/probe/deep_target"
	[[ $1 == auto ]] && need_bpf
	"$hakprobe" -p "$target" --unwind "$1" --ceiling 100 --flame alloc -o "$dir/$1.folded" 5 >"$dir/$1.view" \
		2>"$dir/$1.err" 8>&- 9>&- &
	local watcher=$!
	pids+=("$watcher")
	wait_until "the attach" grep -q attached "$dir/$1.err"
	tell learn
	hear "done"
	tell known
	hear "done"
	kill -INT "$watcher"
	wait "$watcher" || fail "hakprobe exited with $?"
	grep -q "^unwinder  $2" "$dir/$1.view" || fail "$(grep unwinder "$dir/$1.view")"
	nothing_lost "$dir/$1.err"
	python3 - "$dir/$1.folded" "$dir/$1.err" <<'END' >"$dir/verdict" 2>&1 || fail "$1: $(cat "$dir/verdict")"
import re, sys
text = open(sys.argv[2]).read()
samples = int(re.search(r"(\d+) sampled allocations", text).group(1))
truncated = int(re.search(r"(\d+) stacks are truncated", text).group(1))
assert samples > 300, f"only {samples} samples"
stacks = [line.rsplit(" ", 1)[0] for line in open(sys.argv[1])]
for leaf in "learn", "known":
    deep = [s for s in stacks if s.endswith("main;" + "down;" * 21 + leaf + ";malloc")]
    assert deep and "[truncated]" not in deep[0], f"no whole deep stack of {leaf}"
    assert any(s.endswith(f"shallow;{leaf};malloc") and "[truncated]" not in s for s in stacks)
bad = [s for s in stacks if s.endswith("known;malloc") and "[truncated]" in s]
assert not bad, bad
print(f"{truncated} of {samples} truncated while learning")
END
	verdicts+="$1 $(cat "$dir/verdict"); "
	exec 8>&- 9>&-
	wait_until "the target's end" ended "$target"
}

verdicts=
watch auto 'auto (dwarf, frame pointers'
watch dwarf 'dwarf, over 16 KiB'
watch fp 'frame pointers, in the kernel'
echo "40 KiB of stack: ${verdicts%; }"
