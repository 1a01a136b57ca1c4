#!/bin/bash
# SPDX-License-Identifier: MIT
# hakbench ab and gap: an arm that is not what it claims has no figure; libraries that ignore their switches are
# found out. Verdicts are not looked at here, as they depend on time (make ab-check does).
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

need gnuplot python3
HAKBENCH=$(realpath "$OUT/hakbench")
make_work
few=(-r 6 -n 2000 -o "$WORK/result.json")

# figure COMMAND...: there is one.
figure() {
	"$HAKBENCH" "$@" "${few[@]}" >"$WORK/said" 2>&1
	[[ $? =~ ^[013]$ ]] || fail "hakbench $*: $(cat "$WORK/said")"
	python3 -c 'import json, sys; json.load(open(sys.argv[1]))["arms"][0]["cpu_ns"][5]' "$WORK/result.json" ||
		fail "hakbench $*: no result"
	rm "$WORK/result.json"
}

# refused REASON COMMAND...: exit 4, the reason said, nothing kept.
refused() {
	local reason=$1
	shift
	"$HAKBENCH" "$@" "${few[@]}" >"$WORK/said" 2>&1
	[[ $? == 4 ]] || fail "hakbench $* was not refused: $(cat "$WORK/said")"
	grep -qF "$reason" "$WORK/said" || fail "hakbench $*: said $(cat "$WORK/said")"
	[[ ! -e $WORK/result.json ]] || fail "hakbench $*: refused, but kept a result"
}

figure ab
figure ab --a HAKMEM_FASTLANE_DIRECT=0 --b HAKMEM_FASTLANE_DIRECT=1
figure ab --a HAKMEM_PROFILE=lean --b HAKMEM_PROFILE=secure --b HAKMEM_PURGE_MS=50
figure ab --a-lib system tiny
figure ab --a-cmd "$HAKBENCH tiny -n 1000" --b-cmd 'sqlite3 :memory: "select 1"' --a HAKMEM_FORCE_LIBC_ALLOC=1
figure gap
refused 'knows no such option' ab --a HAKMEM_NO_SUCH=1
refused 'knows no such option' ab --a-lib system --a HAKMEM_PROFILE=lean
refused "'fast' is no value of HAKMEM_PROFILE" ab --b HAKMEM_PROFILE=fast
refused 'HAKMEM_FASTLANE_DIRECT=7 had no effect: 1 is in force' ab --b HAKMEM_FASTLANE_DIRECT=7
refused 'not in /nowhere/lib.so' ab --b-lib /nowhere/lib.so
# A static program has its own malloc, whatever is preloaded.
echo 'int main(void) { return 0; }' | gcc -static -x c - -o "$WORK/static" || fail "no static program"
refused 'binds no malloc' ab --b-cmd "$WORK/static" --lib "$HAKMEM"

# Libraries that ignore a switch: one does not know it, two say that it is in force.
bench/scripts/variant.sh "$WORK/unknown" alloc/options.c 's/"FORCE_LIBC_ALLOC"/"FORCE_LIBC"/' || fail "variant"
bench/scripts/variant.sh "$WORK/libc" alloc/init.c 's/= options\.force_libc/= false/' || fail "variant"
ignore='s/: options\.fastlane_direct \? HAK_MODE_NORMAL/: true ? HAK_MODE_NORMAL/'
bench/scripts/variant.sh "$WORK/checked" alloc/init.c "$ignore" || fail "variant"
refused 'HAKMEM_FORCE_LIBC_ALLOC=1 had no effect: the library knows no such option' gap --lib "$WORK/unknown/out/libhakmem.so"
refused 'mode normal is in force, not libc' gap --lib "$WORK/libc/out/libhakmem.so"
refused 'mode normal is in force, not checked' ab --lib "$WORK/checked/out/libhakmem.so" \
	--a HAKMEM_FASTLANE_DIRECT=0 --b HAKMEM_FASTLANE_DIRECT=1
# One that even names the mode: the double free gives it away.
bench/scripts/variant.sh "$WORK/liar" alloc/init.c "$ignore" alloc/alloc.c 's/return mode == HAK_MODE_FORCE_LIBC/return mode ? "checked" : false/' ||
	fail "variant"
refused 'a double free is not caught at once' ab --lib "$WORK/liar/out/libhakmem.so" --a HAKMEM_FASTLANE_DIRECT=0 \
	--b HAKMEM_FASTLANE_DIRECT=0

# The kept result as a table and a plot, without measuring again.
"$HAKBENCH" gap "${few[@]}" >/dev/null 2>&1
"$HAKBENCH" report "$WORK/result.json" --plot "$WORK/gap.png" >"$WORK/gap.md" || fail "report"
grep -q '^| layout |' "$WORK/gap.md" || fail "report: no layout part"
"$HAKBENCH" ab "${few[@]}" >"$WORK/said" 2>/dev/null
"$HAKBENCH" report "$WORK/result.json" -o "$WORK/ab.md" || fail "report"
grep -qE "^\*\*$(tail -n 1 "$WORK/said")\*\*" "$WORK/ab.md" || fail "report: another verdict than ab's"
[[ -s $WORK/result.svg && -s $WORK/gap.png ]] || fail "report: no plot"
"$HAKBENCH" compare -r 1 -n 20000 --workloads tiny,pc --threads 1,2 --lib "again=$HAKMEM" -o "$WORK/compare" 2>"$WORK/said" ||
	fail "compare: $(cat "$WORK/said")"
grep -q '^| pc | 2 |' "$WORK/compare/report.md" || fail "compare: $(cat "$WORK/compare/report.md")"
grep -q ' again |' "$WORK/compare/report.md" || fail "compare: the library of --lib is missing"
[[ -s $WORK/compare/speed.svg && -s $WORK/compare/rss.svg ]] || fail "compare: no plots"
# Recorded samples have their verdict for ever.
for verdict in GO NO-GO NEUTRAL; do
	"$HAKBENCH" report "tests/bench/lab/recorded-$verdict.json" --plot "$WORK/$verdict.svg" | grep -qF "**$verdict**" ||
		fail "recorded-$verdict.json is not $verdict"
done
echo "arms prove themselves; 10 that are not what they claim were refused, 4 of them libraries that ignore a switch"
