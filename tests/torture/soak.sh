#!/bin/bash
# SPDX-License-Identifier: MIT
# make soak MINUTES=20: the torture, mode after mode, and the simulator, side by side, with seeds that were never used. The last line:
# operations, errors, memory. Stops at the first error, which says how to have it once more.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh
# shellcheck source=tests/torture/lib.sh
. tests/torture/lib.sh

minutes=${MINUTES:-20}
each=${SECONDS_EACH:-20}
simulator=$OUT/tests/sim
debug=$(realpath -m "$OUT-debug/libhakmem.so")
make_work
simulating=
clean_up() { [[ -n $simulating ]] && kill "$simulating" 2>/dev/null; }
"$simulator" --minutes "$minutes" --jobs 1 >"$WORK/sim.out" 2>&1 &
simulating=$!

# simulator_failed: it has ended, and not well.
simulator_failed() {
	[[ -n $simulating ]] && ! kill -0 "$simulating" 2>/dev/null && ! wait "$simulating"
}

seed=$(($(date +%s) * 1000))
rounds=0
watched=0
until ((SECONDS >= minutes * 60)); do
	for mode in "${MODES[@]}"; do
		((SECONDS >= minutes * 60)) && break
		simulator_failed && break 2
		torture_once "$mode" "$HAKMEM" $((seed++)) "$each"
		# What costs most time is forks and trims: without, there is more of the rest.
		QUIET=1 torture_once "$mode" "$HAKMEM" $((seed++)) "$each"
		((rounds++ % 2)) && torture_once "$mode" "$debug" $((seed++)) "$each"
	done
	((SECONDS >= minutes * 60)) && break
	torture_once default "$(realpath -m "$OUT-secure/libhakmem.so")" $((seed++)) "$each"
	torture_tsan $((seed++)) "$each"
	torture_watched $((seed++)) "$each"
	watched=$((watched + ATTACHED))
	echo "after $((SECONDS / 60)) minutes: $TORTURED operations, 0 errors"
done

simulated=0
if [[ -n $simulating ]]; then
	wait "$simulating" || fail "the simulator: $(tail -n 60 "$WORK/sim.out")"
	simulating=
	simulated=$(grep -oE '[0-9]+ operations' "$WORK/sim.out" | tail -n 1)
	simulated=${simulated%% *}
fi
echo "soak of $minutes minutes: $((TORTURED + simulated)) operations ($TORTURED of the torture in $RUNS runs, $simulated simulated)," \
	"0 errors, hakprobe attached $watched times, RSS $RSS_MAX MiB at most"
