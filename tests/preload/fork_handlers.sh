#!/bin/bash
# SPDX-License-Identifier: MIT
# Fork handlers of other libraries may allocate, wait for threads that do, and fork, in whatever order the libraries come.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

CC=${CC:-gcc}
need "$CC"
make_work
source=tests/preload/fork_handlers.c flags=(-O2 -D_GNU_SOURCE -fno-builtin -w -I. "-Wl,--no-as-needed")
library=$WORK/libatfork.so linked=$WORK/linked archived=$WORK/archived
"$CC" "${flags[@]}" -shared -fPIC tests/preload/plugin/atfork.c -o "$library" -lpthread -ldl &&
	"$CC" "${flags[@]}" "$source" "$library" -o "$linked" -lpthread -ldl &&
	"$CC" "${flags[@]}" -DSTATIC_TEST "$source" "$OUT/libhakmem.a" "$library" -o "$archived" -lpthread -ldl &&
	"$CC" "${flags[@]}" -DSTATIC_TEST -static "$source" tests/preload/plugin/atfork.c "$OUT/libhakmem.a" -o "$archived-static" \
		-lpthread -ldl 2>/dev/null || fail "the programs do not build"

tried=0
# forked NAME SETTING... COMMAND...
forked() {
	local name=$1 said
	shift
	said=$(timeout 200 env FORK_HANDLERS="$kind" "$@" 2>&1) || fail "handlers that use $kind, $name (exit $?): $said"
	tried=$((tried + 1))
}

for kind in alloc mutex threads files fork; do
	forked "linked" LD_PRELOAD="$HAKMEM" "$linked"
	forked "preloaded in front" LD_PRELOAD="$library $HAKMEM" "$PROGRAMS/fork_handlers"
	forked "preloaded behind" LD_PRELOAD="$HAKMEM $library" "$PROGRAMS/fork_handlers"
	forked "loaded by dlopen" LD_PRELOAD="$HAKMEM" "$PROGRAMS/fork_handlers" "$library"
	forked "linked, the allocator from its archive" "$archived"
	forked "all static" "$archived-static"
done
# Registered before ours, where that cannot be helped: they may not wait for threads that allocate.
for kind in alloc fork; do
	forked "linked, registered before ours" FORK_HANDLERS_OLD=1 LD_PRELOAD="$HAKMEM" "$linked"
	forked "before ours, from the archive" FORK_HANDLERS_OLD=1 "$archived"
done
kind=mutex
for option in FASTLANE_DIRECT=0 PROFILE=lean PROFILE=secure FORCE_LIBC_ALLOC=1 GUARD=50 PURGE_MS=0; do
	forked "linked, with HAKMEM_$option" LD_PRELOAD="$HAKMEM" "HAKMEM_$option" "$linked"
done
echo "$tried combinations of fork handlers and modes: all children are well"
