#!/bin/bash
# SPDX-License-Identifier: MIT
# Under RLIMIT_AS: programs run, and get ENOMEM when there is no more; what they free they can use again.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need python3 sqlite3
for mib in 64 256 1024; do
	for size in 100 1000 20000 300000; do
		said=$(ulimit -v $((mib * 1024)) && preloaded timeout 120 "$PROGRAMS/limit" $size 2>&1) ||
			fail "$size bytes under $mib MiB: $said"
		echo "$said" | head -n 1
	done
done
said=$(ulimit -v 204800 && preloaded PYTHONMALLOC=malloc /usr/bin/python3 -c '
try:
    blocks = [bytes(100000) for i in range(10000)]
    print("no limit")
except MemoryError:
    blocks = None
    print("MemoryError", len(str([i for i in range(10000)])))' 2>&1) || fail "python3: $said"
[[ $said == "MemoryError 58890" ]] || fail "python3 under 200 MiB said: $said"
said=$(ulimit -v 204800 && echo 'select sum(value) from generate_series(1, 1000);' | preloaded sqlite3 2>&1) || fail "sqlite3: $said"
[[ $said == 500500 ]] || fail "sqlite3 under 200 MiB said: $said"
echo "limits of 64 MiB to 1 GiB are met with ENOMEM, and memory that was freed is used again"
