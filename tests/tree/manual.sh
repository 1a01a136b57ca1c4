#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/hakprobe.md and hakprobe(8) know every command of hakprobe, every option of it and of its commands, and no other; the
# members of --json that the code writes are in the manual.
set -u
cd "$(dirname "$0")/../.." || exit 1
hakprobe=${OUT:-out}/hakprobe
bad=0
complain() { echo "$*"; bad=1; }

commands=$("$hakprobe" --help | sed -nE 's/^  hakprobe ([a-z]+) .*/\1/p')
for command in $commands; do
	grep -q "hakprobe $command" docs/hakprobe.md || complain "the command $command is not in docs/hakprobe.md"
	grep -q "^\.B hakprobe $command" docs/man/hakprobe.8 || complain "the command $command is not in docs/man/hakprobe.8"
done
(($(wc -w <<<"$commands") >= 3)) || complain "only these commands were found: $commands"
options=$(for command in '' $commands; do "$hakprobe" ${command:+"$command"} --help; done 2>/dev/null |
	grep -oE '(^|[ ,])--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u)
[[ $(wc -l <<<"$options") -ge 25 ]] || complain "only these options were found: $options"
page=$(sed 's/\\-/-/g; s/\\f[RPBI]//g' docs/man/hakprobe.8)
for option in $options; do
	grep -qE -- "$option([^a-z-]|\$)" docs/hakprobe.md || complain "$option is not in docs/hakprobe.md"
	grep -qE -- "$option([^a-z-]|\$)" <<<"$page" || complain "$option is not in docs/man/hakprobe.8"
done
for option in $(grep -oE -- '--[a-z]+[a-z-]*[a-z]' <<<"$page" | sort -u); do
	grep -qx -- "$option" <<<"$options" || complain "docs/man/hakprobe.8 has $option, which hakprobe does not"
done

members=$(grep -oE '(add_(count|signed|number|estimate)|object_add)\((object|row), "[a-z0-9_]+"' tools/view/json.c |
	grep -oE '"[a-z0-9_]+"' | tr -d '"' | sort -u)
for member in $members; do
	grep -q "\`$member\`" docs/hakprobe.md || complain "the JSON member $member is not in docs/hakprobe.md"
done
[[ $bad == 0 ]] && echo "$(wc -l <<<"$options") options and $(wc -l <<<"$members") members of JSON are in the manuals"
exit $bad
