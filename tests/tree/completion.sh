#!/bin/bash
# SPDX-License-Identifier: MIT
# The completions know every option and command of `hakprobe --help`; bash's is tried.
set -u
cd "$(dirname "$0")/../.." || exit 1
OUT=${OUT:-out}
. tools/cli/completion/hakprobe.bash
bad=0
complain() { echo "$*"; bad=1; }

tries=0
completes() { # completes WORD EXPECTED WORDS-BEFORE...
	local word=$1 expected=$2
	shift 2
	COMP_WORDS=("$@" "$word")
	COMP_CWORD=$#
	_hakprobe
	tries=$((tries + 1))
	[[ " ${COMPREPLY[*]} " == *" $expected "* ]] || complain "'$* $word' gives '${COMPREPLY[*]}', not $expected"
}

options=0
for option in $("$OUT/hakprobe" --help | grep -oE -- '^ +(-[a-zA-Z?], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
	options=$((options + 1))
	completes "$option" "$option" hakprobe
	grep -qE -- "$option\b" tools/cli/completion/_hakprobe || complain "zsh's completion lacks $option"
done
commands=$("$OUT/hakprobe" --help | sed -nE 's/^  hakprobe ([a-z]+) .*/\1/p')
for command in $commands; do
	completes "${command%?}" "$command" hakprobe
	grep -qE "\((.* )?${command}[ )]" tools/cli/completion/_hakprobe || complain "zsh's completion lacks $command"
done
(($(wc -w <<<"$commands") >= 3)) || complain "only these commands in --help: $commands"
((options >= 15)) || complain "only $options options in --help"
completes th thread hakprobe -p 1 --view
completes cal caller hakprobe --view =
completes re refill hakprobe --sort
completes al alloc hakprobe --flame
completes tru true hakprobe -c
completes --ver --version hakprobe --json
command -v zsh >/dev/null && { zsh -n tools/cli/completion/_hakprobe || complain "zsh cannot parse its completion"; }
[[ $bad == 0 ]] && echo "$options options and $(wc -w <<<"$commands") commands known to both completions, $tries completions tried in bash"
exit $bad
