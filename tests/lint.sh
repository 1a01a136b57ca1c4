#!/bin/bash
# SPDX-License-Identifier: MIT
# make lint: the form of the code (clang-format), static checks (cppcheck), scripts (shellcheck). What
# is not installed is named and counts as a failure: a check that did not run has not passed.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
need() { command -v "$1" >/dev/null || { echo "lint: $1 is not installed (apt-get install $1)"; bad=1; return 1; }; }

mapfile -t sources < <(git ls-files '*.c' '*.h' | grep -v '^vmlinux.h$')
mapfile -t scripts < <(git ls-files '*.sh' '*.bash' .ci/run)
if need clang-format; then
	clang-format --dry-run --Werror "${sources[@]}" || bad=1
fi
if need cppcheck; then
	mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep -E '^(alloc|tools|bench)/.*\.c$')
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppress=missingIncludeSystem \
		--suppress=preprocessorErrorDirective --enable=warning,portability -D__x86_64__ -D__LP64__ \
		-DHAK_DEBUG=0 -DHAK_PROBES=1 '-DHAK_VERSION="lint"' -I. "${units[@]}" || bad=1
fi
if need shellcheck; then
	shellcheck -x -S warning "${scripts[@]}" || bad=1
fi
[[ $bad == 0 ]] && echo "lint: ${#sources[@]} sources and ${#scripts[@]} scripts are clean"
exit $bad
