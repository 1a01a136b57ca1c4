#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs with one in ten allocations guarded: the same output as without, and many guarded blocks.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
programs=0 guarded=0 least=20

# same COMMAND...: its output, and the number of blocks that it says were guarded at its end.
same() {
	local n
	command -v "$1" >/dev/null || return 0
	"$@" <"$WORK/in" >"$WORK/expected" 2>/dev/null || fail "$* fails without libhakmem"
	preloaded HAKMEM_GUARD=10 HAKMEM_VERBOSE=start "$@" <"$WORK/in" >"$WORK/got" 2>"$WORK/err" ||
		fail "$*: exit $?: $(tail -n 3 "$WORK/err")"
	cmp -s "$WORK/expected" "$WORK/got" || fail "$*: the output differs"
	grep -q ', one in 10 allocations guarded$' "$WORK/err" || fail "$*: the guard is off: $(cat "$WORK/err")"
	n=$(sed -nE 's/^hakmem: ([0-9]+) blocks were guarded, .*/\1/p' "$WORK/err" | sort -n | tail -n 1)
	((${n:-0} >= least)) || fail "$*: ${n:-no} blocks were guarded"
	programs=$((programs + 1)) guarded=$((guarded + n))
}

for i in $(seq 3000); do echo "insert into t values($i, '$(printf "%0$((i % 90))d" $i)');"; done >"$WORK/rows.sql"
{ echo "create table t(a integer primary key, b text);"; cat "$WORK/rows.sql"; echo "select count(*), sum(length(b)) from t; select b from t order by b desc limit 5;"; } >"$WORK/in"
export PYTHONMALLOC=malloc PYTHONHASHSEED=0
same python3 -c 'import json; d = {str(i): list(range(i % 50)) for i in range(5000)}; print(len(json.dumps(d)), hash(str(json.loads(json.dumps(d)) == d)))'
same sqlite3 :memory:
same perl -e 'my %h; $h{$_ % 999} .= "x" x ($_ % 70) for 1 .. 50000; print length join ",", map { "$_$h{$_}" } sort keys %h'
same jq -n '[range(3000) | {a: ., b: tostring}] | map(.b | length) | add'
printf "<r>%s</r>" "$(sed "s/.*/<a>x<\/a>/" "$WORK/rows.sql")" >"$WORK/rows.xml"
same xmllint --format "$WORK/rows.xml"
same git --no-pager log --oneline -n 20
((programs >= 2)) || skip "of the programs only $programs are installed"
echo "$programs programs work as without, $guarded of their blocks were guarded"
