#!/bin/bash
# SPDX-License-Identifier: MIT
# make zero-cost's comparison of machine code: a build whose code merely lies elsewhere has the same entry points, one
# with a counter in malloc has not.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need python3
make_work
bench/scripts/variant.sh "$WORK/moved" alloc/libc.c 's/^#include "libc.h"/&\n__asm__(".text\\n.skip 4113, 0x90\\n");/' || fail "variant"
bench/scripts/variant.sh "$WORK/counting" alloc/alloc.h \
	's/^(\treturn alloc_pop\(tls, slot\);)/\tstatic __thread unsigned long counter __attribute__((used));\n\tcounter++;\n\1/' || fail "variant"
# compared NAME: the variant against this build.
compared() { bench/scripts/hot_bytes.py "$OUT/obj/alloc" "$HAKMEM" "$WORK/$1/out/obj/alloc" "$WORK/$1/out/libhakmem.so" >"$WORK/said"; }
compared moved || fail "$(cat "$WORK/said")"
same=$(tail -n 1 "$WORK/said")
compared counting && fail "a counter in malloc is not seen: $(cat "$WORK/said")"
grep -qE '^  malloc .* DIFFERS' "$WORK/said" || fail "$(cat "$WORK/said")"
grep -qE '^  free .* identical' "$WORK/said" || fail "$(cat "$WORK/said")"
echo "moved by 4113 bytes: $same; with a counter in malloc: $(tail -n 1 "$WORK/said")"
