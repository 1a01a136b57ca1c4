#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/README.md has every document and manual page, and what documents link to is there.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
complain() { echo "$*"; bad=1; }

documents=0 links=0
for file in docs/*.md docs/man/*; do
	[[ $file == docs/README.md ]] && continue
	documents=$((documents + 1))
	grep -qF "](${file#docs/})" docs/README.md || complain "docs/README.md does not name $file"
done
while IFS=: read -r file link; do
	links=$((links + 1))
	[[ $link == http* || $link == '#'* || -e $(dirname "$file")/${link%%#*} ]] || complain "$file: $link is not there"
done < <(grep -oE '\]\([^) ]+\)' README.md docs/*.md | sed -E 's/\]\((.*)\)/\1/')
# Files of ours that are named in running text.
while IFS=: read -r file path; do
	[[ -e $path || $path == *\** ]] || complain "$file: $path is not there"
done < <(grep -oP '(?<![\w/])(alloc|bpf|tools|bench|tests|docs|mk)/[A-Za-z0-9_./*-]+\.(md|c|h|sh|py|txt|mk|bpf\.c|proto)\b' README.md docs/*.md | sort -u)
((documents >= 12 && links >= 15)) || complain "looked at only $documents documents, $links links"
[[ $bad == 0 ]] && echo "$documents documents in the index, $links links lead somewhere"
exit $bad
