#!/bin/bash
# SPDX-License-Identifier: MIT
# The simulator, and the unit tests of what is kept back, on the build SECURE=1, whose hot path is another one.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

secure=$OUT-secure/tests
units=$("$secure/alloc_units" stock_that_begins 2>&1) || fail "$units"
simulated=$("$secure/sim" --seed 1 --seeds 60 --steps 4000 --jobs 2 2>&1) || fail "$simulated"
echo "SECURE=1: $(grep '^sim:' <<<"$simulated")"
