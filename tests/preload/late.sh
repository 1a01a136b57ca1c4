#!/bin/bash
# SPDX-License-Identifier: MIT
# Forks in destructors of libraries, when ours has been finished; fork handlers in a program without fork.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

CC=${CC:-gcc}
need "$CC"
make_work
flags=(-O2 -D_GNU_SOURCE -fno-builtin -w -I. "-Wl,--no-as-needed")
"$CC" "${flags[@]}" -shared -fPIC tests/preload/plugin/late.c -o "$WORK/liblate.so" &&
	"$CC" "${flags[@]}" tests/preload/late.c "$WORK/liblate.so" -o "$WORK/linked" -lpthread -ldl &&
	"$CC" "${flags[@]}" -DSTATIC_TEST -static tests/preload/late.c "$OUT/libhakmem.a" -o "$WORK/static" -lpthread -ldl 2>/dev/null ||
	fail "the programs do not build"
for library in "$HAKMEM" "$HAKMEM $WORK/liblate.so"; do
	said=$(LD_PRELOAD=$library timeout 100 "$WORK/linked" 2>&1) || fail "preloaded $library (exit $?): $said"
done
said=$(timeout 20 "$WORK/static" 2>&1) || fail "static (exit $?): $said"
echo "children of a process that ends are well, and a program without fork may have handlers"
