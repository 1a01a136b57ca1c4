# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts of tests/preload share. A script runs from the repository's root, exits 0 when
# its claim holds (the last line says which), 77 when it cannot tell (the last line says why).

OUT=${OUT:-out}
HAKMEM=$(realpath -m "$OUT/libhakmem.so")
export PROGRAMS
PROGRAMS=$(realpath -m "$OUT/tests/preload")

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# need COMMAND...: the test is about these programs, so without them there is nothing to test.
need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# A directory that goes away with the script: $WORK. clean_up may be redefined to end processes.
clean_up() { :; }
make_work() {
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/preload.XXXXXX") || fail "mktemp failed"
	trap 'clean_up; rm -rf "$WORK"' EXIT
}

# preloaded COMMAND...: runs it with libhakmem. Options go in front: preloaded HAKMEM_X=1 COMMAND.
preloaded() {
	env LD_PRELOAD="$HAKMEM" "$@"
}

# witnessed COMMAND...: as preloaded, and the dynamic linker writes down how it binds symbols, one
# file per process, for served_by_hakmem.
witnessed() {
	env LD_PRELOAD="$HAKMEM" LD_DEBUG=bindings LD_DEBUG_OUTPUT="$WORK/bindings" "$@"
}

# served_by_hakmem OBJECT: in every process that `witnessed` ran, the malloc family was bound to
# libhakmem and never to another object that defines it; OBJECT (a pattern) was among those bound.
# (A program that is not position-independent is bound to itself for the address of malloc; that is
# a jump to the binding which is checked, not a definition.)
# SERVED: the number of processes.
served_by_hakmem() {
	local file target processes=0
	for file in "$WORK"/bindings.*; do
		[[ -e $file ]] || fail "the dynamic linker left no record of its bindings"
		grep -qE "binding file $1 .* to [^ ]*libhakmem\.so.*symbol .(malloc|free)'" "$file" && processes=$((processes + 1))
	done
	# libhakmem itself looks up libc's functions, for pointers that are not its own.
	while read -r target; do
		nm -D --defined-only "$target" | grep -qE ' (malloc|free|calloc|realloc)(@|$)' &&
			fail "malloc or its kin was bound to $target"
	done < <(cat "$WORK"/bindings.* | grep -E "symbol .(malloc|free|calloc|realloc)'" | grep -v 'binding file [^ ]*libhakmem' |
		sed -E 's/.* to ([^ ]+) .*/\1/' | grep -v libhakmem | sort -u)
	((processes > 0)) || fail "no process of $1 bound malloc to libhakmem"
	export SERVED=$processes
	rm -f "$WORK"/bindings.*
}
