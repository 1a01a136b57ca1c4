#!/bin/bash
# SPDX-License-Identifier: MIT
# An unknown option or value is reported once on stderr, and the default kept.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

# reported SETTING PATTERN: one line on stderr that matches, and the program runs as ever.
reported() {
	local said
	said=$(preloaded "$1" "$PROGRAMS/owner" 2>&1 >/dev/null) || fail "$1: the program failed: $said"
	[[ $(wc -l <<<"$said") == 1 ]] || fail "$1: not one line: $said"
	[[ $said =~ $2 ]] || fail "$1: $said"
	said=$(preloaded "$1" "$PROGRAMS/owner" 2>/dev/null) || fail "$1: the program failed"
	[[ $said == "mode normal: libhakmem's blocks" ]] || fail "$1: the default was not kept: $said"
}

reported HAKMEM_FASTLANE_DIRECT=maybe '^hakmem: HAKMEM_FASTLANE_DIRECT=maybe .*keeping 1$'
reported HAKMEM_FASTLANE_DIRECT=2 '^hakmem: HAKMEM_FASTLANE_DIRECT=2 .*keeping 1$'
reported HAKMEM_FORCE_LIBC_ALLOC= '^hakmem: HAKMEM_FORCE_LIBC_ALLOC= .*keeping 0$'
reported HAKMEM_PURGE_MS=-1 '^hakmem: HAKMEM_PURGE_MS=-1 .*keeping 1000$'
reported HAKMEM_SAMPLE_BYTES=99999999999999999999999 '^hakmem: HAKMEM_SAMPLE_BYTES=.*keeping 524288$'
reported HAKMEM_PROFILE=fast '^hakmem: HAKMEM_PROFILE=fast .*speed, lean, secure.*keeping speed$'
reported HAKMEM_NO_SUCH_OPTION=1 '^hakmem: no such option: HAKMEM_NO_SUCH_OPTION=1'
said=$(preloaded HAKMEM_PROFILE=lean HAKMEM_PURGE_MS=5 "$PROGRAMS/owner" 2>&1 >/dev/null)
[[ -z $said ]] || fail "good values are complained about: $said"
echo "wrong options are reported in one line each, and the defaults kept"
