#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds libhakmem from a copy of the sources with some edits, for tests of the lab: the gates must
# see what such a build does wrong. The committed sources are not touched.
#   bench/scripts/variant.sh DIRECTORY {FILE SED-SCRIPT}...     -> DIRECTORY/out/libhakmem.so
set -eu
cd "$(dirname "$0")/../.."
directory=$1
shift
mkdir -p "$directory"
cp -r Makefile mk alloc bench bpf tests "$directory/"
while [[ $# -ge 2 ]]; do
	sed -i -E "$2" "$directory/$1"
	cmp -s "$1" "$directory/$1" && {
		echo "variant.sh: the edit changes nothing in $1" >&2
		exit 1
	}
	shift 2
done
# make's own variables would carry the caller's flags along.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$directory" OUT=out out/libhakmem.so >"$directory/log" 2>&1 || {
	tail -n 20 "$directory/log" >&2
	exit 1
}
