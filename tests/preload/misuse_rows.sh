#!/bin/bash
# SPDX-License-Identifier: MIT
# Each program of tests/misuse ends as it says, by default and with HAKMEM_PROFILE=secure. (secure_build.sh has the
# build SECURE=1.)
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

default=$(tests/misuse/run.sh check default "$HAKMEM") || fail "$default"
secure=$(tests/misuse/run.sh check secure "$HAKMEM") || fail "$secure"
echo "$default; $secure"
