#!/bin/bash
# SPDX-License-Identifier: MIT
# git: a repository with history is built, packed and checked; same commit as without libhakmem.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need git
make_work
export HOME=$WORK GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'

# history DIRECTORY RUNNER...: every git is run by RUNNER; prints the last commit.
history() {
	local repository=$1 round
	shift
	mkdir "$repository" && "$@" git init -q -b main "$repository" || return 1
	for round in 1 2 3; do
		cp alloc/*.c "$repository/" && sed -i "1i /* $round */" "$repository"/*.c || return 1
		"$@" git -C "$repository" add . && "$@" git -C "$repository" commit -q -m "round $round" || return 1
	done
	"$@" git -C "$repository" gc -q --aggressive --prune=now && "$@" git -C "$repository" fsck --strict >&2 || return 1
	"$@" git -C "$repository" log --stat -p | cksum >"$repository.log"
	"$@" git -C "$repository" rev-parse HEAD
}

expected=$(history "$WORK/a" env 2>/dev/null) || fail "git fails without libhakmem"
got=$(history "$WORK/b" witnessed 2>"$WORK/err") || fail "git failed under libhakmem: $(tail -n 3 "$WORK/err")"
[[ $expected == "$got" ]] || fail "another commit: $got, not $expected"
cmp "$WORK/a.log" "$WORK/b.log" || fail "another log"
served_by_hakmem '[^ ]*git[^ ]*'
echo "git: same history as without, fsck clean, $SERVED processes served by libhakmem"
