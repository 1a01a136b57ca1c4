#!/bin/bash
# SPDX-License-Identifier: MIT
# gcc and g++: the same object files as without libhakmem.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need gcc g++
make_work
compile() {
	local out=$1
	shift
	"$@" gcc -O2 -g -D_GNU_SOURCE -I. -c bench/hakbench.c -DHAK_VERSION='"test"' -o "$out.c.o" &&
		"$@" g++ -std=gnu++17 -O2 -g -I. -c tests/preload/cxx.cc -o "$out.cxx.o"
}
compile "$WORK/a" env || fail "gcc fails without libhakmem"
compile "$WORK/b" witnessed || fail "gcc failed under libhakmem"
for kind in c cxx; do
	cmp "$WORK/a.$kind.o" "$WORK/b.$kind.o" || fail "the objects differ"
done
served_by_hakmem '[^ ]*/(cc1|cc1plus|as|gcc|g[+][+])[^ ]*'
echo "gcc and g++: identical objects, $SERVED processes served by libhakmem"
