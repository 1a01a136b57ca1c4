#!/bin/bash
# SPDX-License-Identifier: MIT
# RTLD_DEEPBIND: libc's malloc family is bound to ours, so that plugins and the program can free each other's blocks, in
# every mode, with another library's wrappers around, before libhakmem's constructors, linked in; the switch turns it off.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
need gcc g++
plugins=tests/preload/plugin
g++ -shared -fPIC -O2 -fno-builtin $plugins/family.cc -o "$WORK/family.so" || fail "the plugin does not compile"
cp "$WORK/family.so" "$WORK/second.so"
for name in early wrapper; do
	gcc -shared -fPIC -O2 -fno-builtin $plugins/$name.c -o "$WORK/$name.so" -ldl || fail "$name.c does not compile"
done
runs=0
run() { # run WHAT ASSIGNMENT... : bind with the plugins, under these
	local what=$1 said
	shift
	said=$(timeout 120 env LD_PRELOAD="$HAKMEM" "$@" "$PROGRAMS/bind" "$WORK/family.so" "$WORK/second.so" 2>&1) ||
		fail "$what: $(tail -n 5 <<<"$said")"
	runs=$((runs + 1))
}
for mode in X=1 HAKMEM_PROFILE=lean HAKMEM_PROFILE=secure HAKMEM_FASTLANE_DIRECT=0 HAKMEM_GUARD=10; do
	run "$mode" "$mode"
done
# All is glibc's then, and nothing is to be bound.
said=$(preloaded HAKMEM_FORCE_LIBC_ALLOC=1 HAKMEM_VERBOSE=start "$PROGRAMS/bind" "$WORK/family.so" 2>&1)
grep -q ' 0 failed' <<<"$said" && ! grep -q 'bound' <<<"$said" || fail "forced to glibc: $said"
run "a wrapper in front" LD_PRELOAD="$WORK/wrapper.so:$HAKMEM"
run "a wrapper in front that asks libc" LD_PRELOAD="$WORK/wrapper.so:$HAKMEM" FROM_LIBC=1
run "a wrapper behind" LD_PRELOAD="$HAKMEM:$WORK/wrapper.so"
run "a wrapper behind that asks libc" LD_PRELOAD="$HAKMEM:$WORK/wrapper.so" FROM_LIBC=1
run "a plugin of a constructor" LD_PRELOAD="$HAKMEM:$WORK/early.so" EARLY_PLUGIN="$WORK/second.so"

# The constructor of a library behind ours runs before ours.
said=$(env LD_PRELOAD="$HAKMEM:$WORK/early.so" EARLY_PLUGIN="$WORK/family.so" "$PROGRAMS/bind" "+$WORK/family.so" 2>&1) ||
	fail "a plugin that was there before: $said"

# Linked in: the program's own malloc is the one that plugins find.
gcc -O2 -g -D_GNU_SOURCE -DSTATIC_TEST -I. -fno-builtin -w tests/preload/bind.c "$OUT/libhakmem.a" -lpthread -ldl -rdynamic \
	-o "$WORK/linked" || fail "bind.c does not link with libhakmem.a"
said=$("$WORK/linked" "$WORK/family.so" 2>&1) || fail "linked with libhakmem.a: $(tail -n 5 <<<"$said")"
said=$(preloaded "$WORK/linked" "$WORK/family.so" 2>&1) || fail "linked and preloaded: $(tail -n 5 <<<"$said")"

# It proves itself, and can be switched off: then the plugin's free is libc's, which refuses our block.
preloaded HAKMEM_VERBOSE=start ls / 2>&1 >/dev/null | grep -q "libc's malloc is bound to ours (proved)" ||
	fail "HAKMEM_VERBOSE=start does not say that libc's malloc is bound"
said=$(preloaded HAKMEM_BIND_LIBC=0 "$PROGRAMS/bind" "$WORK/family.so" 2>&1) && fail "HAKMEM_BIND_LIBC=0 had no effect: $said"
echo "blocks go both ways between program and plugins: $runs runs; linked in; by itself off with HAKMEM_BIND_LIBC=0"
