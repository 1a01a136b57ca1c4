#!/bin/bash
# SPDX-License-Identifier: MIT
# hakbench compare with programs: each arm proves itself, a command may print its own figures, several results
# become one report; and the programs of the lab run, are served by the library and pay it what they should.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need python3 gnuplot sqlite3 perl valgrind
HAKBENCH=$(realpath "$OUT/hakbench")
make_work

cat >"$WORK/own.sh" <<'EOS'
#!/bin/sh
echo '{"cpu_ns": 5000000, "wall_ns": 6000000, "peak_rss_bytes": 7340032}'
EOS
chmod +x "$WORK/own.sh"
cat >"$WORK/programs" <<EOS
# Not a program.

sqlite sqlite3 :memory: "select 1"
own $WORK/own.sh
EOS
compare() { "$HAKBENCH" compare -r 2 --lib "again=$HAKMEM" "$@" 2>"$WORK/errors"; }
compare --programs "$WORK/programs" -o "$WORK/a" || fail "compare: $(cat "$WORK/errors")"
grep -qE '^\| own \| 5 \| 5 \| 5 \| [a-z]* \| \*\*1\.00\*\*' "$WORK/a/report.md" || fail "own figures: $(cat "$WORK/a/report.md")"
grep -qE '^\| own \| 7\.0 \| 7\.0 \| 7\.0 ' "$WORK/a/report.md" || fail "own RSS: $(cat "$WORK/a/report.md")"
grep -qE '^\| sqlite \|' "$WORK/a/report.md" || fail "no sqlite: $(cat "$WORK/a/report.md")"
[[ -s $WORK/a/speed.svg && -s $WORK/a/rss.svg ]] || fail "no plots"
compare --workloads tiny,scratch --threads 1 --slots 100 -n 20000 -o "$WORK/b" || fail "compare: $(cat "$WORK/errors")"
grep -q '^| tiny, 100 slots | 1 |' "$WORK/b/report.md" || fail "no slots: $(cat "$WORK/b/report.md")"
grep -q scratch "$WORK/b/report.md" && fail "--slots for a workload that has none"

mkdir "$WORK/all"
"$HAKBENCH" report "$WORK/a/results.json" "$WORK/b/results.json" -o "$WORK/all/report.md" || fail "report of two"
grep -q 'over the 3 rows' "$WORK/all/report.md" || fail "report of two: $(cat "$WORK/all/report.md")"
[[ -s $WORK/all/speed.svg ]] || fail "report of two: no plot"
"$HAKBENCH" compare -r 1 -n 20000 --workloads tiny --threads 1 -o "$WORK/c" 2>/dev/null || fail "compare"
"$HAKBENCH" report "$WORK/a/results.json" "$WORK/c/results.json" >"$WORK/said" 2>&1 && fail "results with other allocators became one"
grep -q 'has not the allocators' "$WORK/said" || fail "$(cat "$WORK/said")"

# The least of the rounds is told, and the means are those of the rows.
python3 - "$WORK/a/results.json" <<'PY' || fail "made-up result"
import json, sys
result = json.load(open(sys.argv[1]))
for row in result["rows"]:
    for arm, cost in zip(row["arms"], ([8e6, 2e6], [4e6, 9e6], [16e6, 16e6])):
        arm["cpu_ns"] = cost
json.dump(result, open(sys.argv[1], "w"))
PY
"$HAKBENCH" report "$WORK/a/results.json" >"$WORK/said" || fail "report"
grep -qE '^\| own \| 2 \| 4 \| 16 \| glibc \| \*\*2\.00\*\*' "$WORK/said" || fail "not the least: $(cat "$WORK/said")"
grep -qF '| CPU time, to the best of all | 1.000 | 2.000 | 8.000 |' "$WORK/said" || fail "means: $(cat "$WORK/said")"

# A program that has another malloc than the arm says has no figure; one that is not position-independent, and
# has others bound to its own entry of malloc, has.
echo '#include <stdlib.h>
void *(*volatile address)(size_t) = malloc;
int main(void) { for (int i = 0; i < 1000000; i++) free(address(64)); return 0; }' >"$WORK/p.c"
gcc -O1 -no-pie -fno-pie "$WORK/p.c" -o "$WORK/entry" && gcc -static "$WORK/p.c" -o "$WORK/static" || fail "gcc"
echo "entry $WORK/entry" >"$WORK/programs"
compare --programs "$WORK/programs" -o "$WORK/d" || fail "not position-independent: $(cat "$WORK/errors")"
printf 'static %s\nentry %s\n' "$WORK/static" "$WORK/entry" >"$WORK/programs"
compare --programs "$WORK/programs" -o "$WORK/e"
[[ $? == 4 ]] || fail "a static program was measured: $(cat "$WORK/errors")"
grep -q '^hakbench: static is left out' "$WORK/errors" || fail "$(cat "$WORK/errors")"
grep -q '^| entry |' "$WORK/e/report.md" || fail "one row without a figure, and the others are lost: $(cat "$WORK/errors")"
grep -q '^| static |' "$WORK/e/report.md" && fail "a static program has a row"

# Counted, not timed: what a program of the lab pays libhakmem per call.
mkdir "$WORK/out"
ln -s "$HAKBENCH" "$WORK/out/hakbench"
ln -s "$(realpath "$OUT/libhakmem.so.1")" "$WORK/out/libhakmem.so.1"
OUT=$WORK/out PROGRAMS=perl SCALE=0.05 ALLOCATORS=hakmem bench/scripts/icount_programs.sh >"$WORK/said" 2>&1 || fail "$(cat "$WORK/said")"
read -r _ _ calls inside _ <"$WORK/out/bench/icount/programs.tsv"
((calls > 50000 && inside > 11 * calls && inside < 40 * calls)) || fail "perl: $calls calls, $inside instructions"
OUT=$WORK/out bench/scripts/cachemiss.sh --gate >"$WORK/misses" || fail "$(cat "$WORK/misses")"
echo "programs are compared as workloads are; perl: $((inside * 100 / calls)) instructions in 100 calls; $(tail -n 1 "$WORK/misses")"
