#!/bin/bash
# SPDX-License-Identifier: MIT
# HAKMEM_FORCE_LIBC_ALLOC=1: every block is glibc's. HAKMEM_FASTLANE_DIRECT=0: none is, and all works. Both in force as told.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

# in_force EXPECTED [SETTING]
in_force() {
	local expected=$1 said
	shift
	said=$(preloaded "$@" "$PROGRAMS/owner" 2>&1) || fail "${*:-by default}: $said"
	[[ $said == "$expected" ]] || fail "${*:-by default}: $said"
}

in_force "mode normal: libhakmem's blocks"
in_force "mode checked: libhakmem's blocks" HAKMEM_FASTLANE_DIRECT=0
in_force "mode libc: glibc's blocks" HAKMEM_FORCE_LIBC_ALLOC=1
for option in FASTLANE_DIRECT=0 PROFILE=lean PROFILE=secure PURGE_MS=0 GUARD=1 GUARD=10; do
	for name in api aligned realloc foreign threads forked cxx; do
		[[ $option == GUARD=1 && $name == forked ]] && continue # hundreds of forks with 513 mappings: minutes
		said=$(preloaded "HAKMEM_$option" timeout 300 "$PROGRAMS/$name" 2>&1) || fail "$name with HAKMEM_$option: $said"
	done
done
for name in threads forked cxx; do
	said=$(preloaded HAKMEM_FORCE_LIBC_ALLOC=1 timeout 300 "$PROGRAMS/$name" 2>&1) || fail "$name with FORCE_LIBC_ALLOC=1: $said"
done
echo "each mode is in force by the owner of its blocks; the test programs pass in checked, lean, secure, purge-at-once and guarded"
