#!/bin/bash
# SPDX-License-Identifier: MIT
# make lint: the form of the code (clang-format), static checks (cppcheck, clang-tidy), scripts (shellcheck). What
# is not installed is named and counts as a failure: a check that did not run has not passed.
set -u
export OUT=${OUT:-out}
cd "$(dirname "$0")/.." || exit 1
bad=0
need() { command -v "$1" >/dev/null || { echo "lint: $1 is not installed (apt-get install $1)"; bad=1; return 1; }; }

mapfile -t sources < <(git ls-files '*.c' '*.h' | grep -v '^vmlinux.h$')
mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep -E '^(alloc|tools|bench)/.*\.c$')
mapfile -t scripts < <(git ls-files '*.sh' '*.bash' .ci/run)
if need clang-format; then
	clang-format --dry-run --Werror "${sources[@]}" || bad=1
fi
printf '%s\n' "${sources[@]}" | xargs -d '\n' awk -f tests/damage.awk || bad=1
if need cppcheck; then
	# The members of a record are counts, which figures.c goes over as an array; zlib fills what pprof.c
	# writes; a benchmark that gets no memory is over; tables.c asks for an index only where there is one.
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppress=missingIncludeSystem \
		--suppress=preprocessorErrorDirective --suppress=objectIndex:tools/target/figures.c \
		--suppress=uninitvar:tools/export/pprof.c --suppress=memleakOnRealloc:bench/workloads/slots.c \
		--suppress=arrayIndexOutOfBoundsCond:tools/view/tables.c --enable=warning,portability -D__x86_64__ -D__LP64__ \
		-DHAK_DEBUG=0 -DHAK_PROBES=1 -DHAK_SECURE=0 '-DHAK_VERSION="lint"' -I. "${units[@]}" || bad=1
fi
if need clang-tidy; then
	# What follows paths (clang-analyzer) sees leaks where there are none; of the others those that are right here.
	checks='-*,bugprone-*,clang-analyzer-deadcode.*,clang-analyzer-security.FloatLoopCounter'
	for check in easily-swappable-parameters reserved-identifier narrowing-conversions macro-parentheses \
		implicit-widening-of-multiplication-result sizeof-expression suspicious-string-compare too-small-loop-variable; do
		checks+=,-bugprone-$check
	done
	printf '%s\0' "${units[@]}" | xargs -0 -n 8 -P "$(nproc)" sh -c 'clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -I. \
		-I"$OUT/bpf" -I"$OUT/proto" -DHAK_DEBUG=0 -DHAK_PROBES=1 -DHAK_SECURE=0 "-DHAK_VERSION=\"lint\"" 2>/dev/null' \
		sh "--checks=$checks" '--warnings-as-errors=*' || bad=1
fi
if need shellcheck; then
	# SC1010: "hear done" is a word of a protocol.
	shellcheck -x -S warning -e SC1010 "${scripts[@]}" || bad=1
fi
[[ $bad == 0 ]] && echo "lint: ${#sources[@]} sources and ${#scripts[@]} scripts are clean"
exit $bad
