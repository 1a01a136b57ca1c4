#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/options.md is what the library prints of its option table.
set -u
cd "$(dirname "$0")/../.." || exit 1
so=$(realpath "${OUT:-out}/libhakmem.so")
printed=$(env -i HAKMEM_VERBOSE=options LD_PRELOAD="$so" /bin/ls "$so" 2>&1 >/dev/null)
diff <(printf '%s\n' "$printed") docs/options.md || { echo "docs/options.md is out of date: make docs"; exit 1; }
echo "$(grep -c '^| .HAKMEM_' docs/options.md) options, as the library prints them"
