#!/bin/bash
# SPDX-License-Identifier: MIT
# Debian's libfaketime, which allocates in its clock_gettime, in front of libhakmem and behind it.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need faketime
make_work
library=$(dpkg -L libfaketime 2>/dev/null | grep '/libfaketimeMT\.so\.1$') || skip "libfaketime is not a Debian package here"
cat >"$WORK/Makefile" <<'END'
all: a b
a b: ; @date +%Y
END

# year COMMAND...: what it prints when it lives in 2020; the library's two places, and faketime's own command.
year() {
	local order said
	for order in "$library $HAKMEM" "$HAKMEM $library"; do
		said=$(timeout 60 env LD_PRELOAD="$order" FAKETIME='@2020-01-01 12:00:00' "$@" 2>&1) || fail "$* with $order (exit $?): $said"
		[[ $said == *2020* ]] || fail "$* with $order is not in 2020: $said"
	done
	said=$(LD_PRELOAD="$HAKMEM" timeout 60 faketime '2020-01-01' "$@" 2>&1) || fail "faketime $* (exit $?): $said"
	[[ $said == *2020* ]] || fail "faketime $* is not in 2020: $said"
	tried=$((tried + 3))
}

tried=0
year date +%Y
year bash -c 'ls / >/dev/null && date +%Y'
if command -v python3 >/dev/null; then
	year python3 -c 'import datetime, threading; t = threading.Thread(target=list, args=(range(9),)); t.start(); t.join(); print(datetime.date.today())'
fi
if command -v make >/dev/null; then
	year env MAKEFLAGS= make -s -j 2 -C "$WORK" # MAKEFLAGS: this may run below a make
fi
echo "$tried runs under libfaketime are in 2020"
