#!/bin/bash
# SPDX-License-Identifier: MIT
# Linking with libhakmem.a, into a dynamic and into a fully static program.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need gcc
make_work
[[ -f $OUT/libhakmem.a ]] || fail "$OUT/libhakmem.a is missing"
flags=(-O2 -g -D_GNU_SOURCE -DSTATIC_TEST -I. -fno-builtin -w)
checks=0
for name in api aligned realloc threads forked; do
	for mode in dynamic static; do
		program=$WORK/$name-$mode
		extra=()
		[[ $mode == static ]] && extra=(-static)
		gcc "${flags[@]}" "${extra[@]}" "tests/preload/$name.c" "$OUT/libhakmem.a" -lpthread -ldl -lm -o "$program" ||
			fail "$name does not link ($mode)"
		# The program's own malloc must be libhakmem's: its code is the archive's, beside the cold path.
		nm "$program" | grep -q ' [tT] alloc_malloc_cold$' || fail "$name ($mode) is not linked with libhakmem"
		! nm -D "$program" 2>/dev/null | grep -qE ' U malloc(@|$)' || fail "$name ($mode) takes malloc from elsewhere"
		objdump -d --no-show-raw-insn "$program" | awk '/^[0-9a-f]+ <malloc>:/,/^$/' | grep -q 'alloc_doors' ||
			fail "$name ($mode): malloc is not libhakmem's"
		said=$(timeout 300 "$program" 2>&1) || fail "$name ($mode): $said"
		said=$(tail -n 1 <<<"$said")
		checks=$((checks + ${said%% *}))
	done
done
echo "5 programs linked with libhakmem.a, dynamic and static: $checks checks hold"
