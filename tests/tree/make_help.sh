#!/bin/bash
# SPDX-License-Identifier: MIT
# `make help` has a line for each target that is not a file (.PHONY), and for nothing else.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() { echo "$*"; bad=1; }

listed=$(make -s --no-print-directory help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' | tr ' ' '\n' | sort)
phony=$(awk '/^\.PHONY:/ { on = sub(/^\.PHONY:/, "") } on { on = sub(/\\$/, ""); print }' Makefile mk/*.mk |
	tr -s ' \t' '\n' | sed '/^$/d' | sort)
while read -r target; do complain "$target: no line in make help: write one beside it, ## …"; done < <(comm -13 <(echo "$listed") <(echo "$phony"))
while read -r target; do complain "$target: in make help, but not .PHONY"; done < <(comm -23 <(echo "$listed") <(echo "$phony"))
(($(wc -l <<<"$phony") >= 35)) || complain "only these targets are .PHONY: $phony"
[[ $bad == 0 ]] && echo "$(wc -l <<<"$phony") targets, each with a line in make help"
exit $bad
