# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Waiting for what other processes do, for the scripts that start some.

# wait_for WHAT COMMAND...: polls for at least two minutes. What takes a tenth of a second here may
# take seconds where others want the processor, too.
wait_for() {
	local i
	for ((i = 0; i < 2400; i++)); do
		"${@:2}" && return 0
		sleep 0.05
	done
	return 1
}
# wait_until WHAT COMMAND...: polls, and fails when it does not come.
wait_until() { wait_for "$@" || fail "waited in vain for: $1"; }

ended() { ! kill -0 "$1" 2>/dev/null; }
maps_library() { grep -q libhakmem "/proc/$1/maps" 2>/dev/null; }
