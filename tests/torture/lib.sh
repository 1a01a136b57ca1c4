# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Runs of the torture, for torture.sh and soak.sh; after preload_lib.sh. Each fails with what the program said and the command that does the
# same once more.

# shellcheck source=tests/wait.bash
. tests/wait.bash

TORTURE=$OUT/tests/torture/torture
TORTURED=0 # operations of all runs
RUNS=0
RSS_MAX=0
# What a run's environment is; "default" is none.
MODES=(default HAKMEM_PURGE_MS=10 HAKMEM_PROFILE=lean HAKMEM_PROFILE=secure HAKMEM_FASTLANE_DIRECT=0
	"HAKMEM_GUARD=200 HAKMEM_PURGE_MS=10")

settings() { [[ $1 == default ]] || echo "$1"; }

# account LINE: the line that a run has printed.
account() {
	local operations rss
	operations=$(sed -n 's/^torture: \([0-9]*\) operations.*/\1/p' <<<"$1" | tail -n 1)
	rss=$(sed -n 's/.* RSS \([0-9]*\) MiB at most.*/\1/p' <<<"$1" | tail -n 1)
	[[ -n $operations && -n $rss ]] || return 1
	TORTURED=$((TORTURED + operations)) RUNS=$((RUNS + 1))
	((rss > RSS_MAX)) && RSS_MAX=$rss
	return 0
}

# torture_once MODE LIBRARY SEED SECONDS. QUIET: without what slows the others down.
torture_once() {
	local mode=$1 library=$2 seed=$3 seconds=$4 without=${WITHOUT:-} said rc command
	[[ -n ${QUIET:-} ]] && without+=${without:+,}trimmer,forker,squeezer,loader
	read -ra command <<<"env $(settings "$mode") LD_PRELOAD=$library $TORTURE --require libhakmem --seed $seed ${without:+--without $without} $seconds"
	said=$(timeout $((seconds + 200)) "${command[@]}" 2>&1)
	rc=$?
	[[ $rc == 0 ]] && account "$said" && return
	fail "exit $rc of: ${command[*]}
$said"
}

torture_tsan() {
	local seed=$1 seconds=$2 said rc
	said=$(TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" timeout $((seconds + 200)) \
		"$OUT-tsan/tests/torture/direct" --seed "$seed" "$seconds" 2>&1)
	rc=$?
	[[ $rc == 0 ]] && account "$said" && return
	fail "exit $rc of: $OUT-tsan/tests/torture/direct --seed $seed $seconds
$(head -n 60 <<<"$said")"
}

maps_or_ended() { maps_library "$1" || ended "$1"; }

# torture_watched SEED SECONDS: with hakprobe attaching and detaching. WATCHED says what came of it.
torture_watched() {
	local seed=$1 seconds=$2 target rc kind said=$WORK/watched.out
	ATTACHED=0
	local kinds=(alloc live temporary cpu "alloc,live,temporary")
	env HAKMEM_SAMPLE_BYTES=65536 LD_PRELOAD="$HAKMEM" "$TORTURE" --require libhakmem --seed "$seed" ${WITHOUT:+--without "$WITHOUT"} "$seconds" >"$said" 2>&1 &
	target=$!
	wait_until "the torture to map libhakmem" maps_or_ended $target
	while kill -0 $target 2>/dev/null; do
		kind=${kinds[ATTACHED % ${#kinds[@]}]}
		"$OUT/hakprobe" -p $target --flame "$kind" -o "$WORK/%k.folded" 0.2 2 >"$WORK/probe.out" 2>"$WORK/probe.err" || break
		ATTACHED=$((ATTACHED + 1))
	done
	wait $target
	rc=$?
	[[ $rc == 0 ]] && account "$(<"$said")" || fail "exit $rc while hakprobe attached, seed $seed:
$(<"$said")"
	if ((ATTACHED)); then
		WATCHED="hakprobe attached $ATTACHED times meanwhile"
	elif grep -qE 'missing privileges|kernel .* has no|cannot load|kernel refuses' "$WORK/probe.err"; then
		WATCHED="not watched: $(grep hakprobe: "$WORK/probe.err" | tail -n 1)"
	else
		fail "hakprobe cannot attach: $(<"$WORK/probe.err")"
	fi
}
