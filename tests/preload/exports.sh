#!/bin/bash
# SPDX-License-Identifier: MIT
# The library exports exactly what alloc/libhakmem.map lists.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
sed -e 's,/\*.*\*/,,' alloc/libhakmem.map | sed -n '/global:/,/local:/p' | grep -vE 'global:|local:' |
	tr -d ' \t' | tr ';' '\n' | grep . | sort >"$WORK/listed"
nm -D --defined-only "$HAKMEM" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort >"$WORK/exported"
diff "$WORK/listed" "$WORK/exported" || fail "< listed in alloc/libhakmem.map, > exported by the library"
grep -qx malloc "$WORK/exported" || fail "no malloc is exported"
echo "the $(wc -l <"$WORK/exported") exported symbols are those of alloc/libhakmem.map"
