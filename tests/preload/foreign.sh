#!/bin/bash
# SPDX-License-Identifier: MIT
# Pointers of glibc's arrive at libhakmem's free, realloc and malloc_usable_size, also from a plugin (RTLD_DEEPBIND).
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
need gcc
said=$(preloaded "$PROGRAMS/foreign" 2>&1) || fail "foreign: $said"
gcc -shared -fPIC -O2 tests/preload/plugin/deepbind.c -o "$WORK/plugin.so" || fail "the plugin does not compile"
deep=$(preloaded HAKMEM_BIND_LIBC=0 "$PROGRAMS/deepbind" "$WORK/plugin.so" 2>&1) || fail "deepbind: $deep"
echo "foreign pointers go to glibc: $said; RTLD_DEEPBIND: $deep"
