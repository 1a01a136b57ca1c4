#!/bin/bash
# SPDX-License-Identifier: MIT
# A C++ program: every new and delete, bad_alloc, new_handler, exceptions, containers, threads.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
said=$(witnessed LD_BIND_NOW=1 "$PROGRAMS/cxx" 2>&1) || fail "$said"
# operator new of the program must be libhakmem's, too, not libstdc++'s on top of malloc.
grep -qE "binding file [^ ]*/cxx .* to [^ ]*libhakmem\.so.*symbol ._Znwm'" "$WORK"/bindings.* ||
	fail "operator new is not libhakmem's"
served_by_hakmem '[^ ]*/cxx'
echo "C++: $said"
