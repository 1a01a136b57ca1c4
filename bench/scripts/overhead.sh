#!/bin/bash
# SPDX-License-Identifier: MIT
# What an attached hakprobe costs: throughput attached / unattached, in interleaved rounds. Arguments
# choose among the measurements; without them, all:
#   default  the live view on hakbench mixed at full speed           at least 0.99
#   flame    --flame alloc,live at the default interval, on the same  at least 0.98
#   cpu      --flame cpu at 99 Hz, on the same                        at least 0.995
#   redis    the live view on redis-server under redis-benchmark      at least 0.99 of requests/s
#   ROUNDS (20), IDLE (1 s unattached per round), ATTACHED (2 s attached per round)
#   HAKPROBE_ARGS: options of a measurement of one's own, named `own`, with LIMIT (0.97)
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=bench/scripts/lib.sh
. bench/scripts/lib.sh

HAKPROBE=$(realpath -m "${HAKPROBE:-$OUT/hakprobe}")
for needed in "$HAKMEM" "$HAKBENCH" "$HAKPROBE"; do
	[[ -e $needed ]] || die "$needed is missing: make it first"
done
[[ $(id -u) == 0 ]] || die "hakprobe needs root to attach"
make_work

# mixed LIMIT OPTION...: on hakbench mixed.
mixed() {
	HAKPROBE_ARGS="${*:2}" bench/scripts/overhead.py "$HAKBENCH" "$HAKMEM" "$HAKPROBE" \
		"${ROUNDS:-20}" "${IDLE:-1}" "${ATTACHED:-2}" "$1"
}

failed=0
[[ $# == 0 ]] && set -- default flame cpu redis
for what in "$@"; do
	echo "== $what"
	case $what in
	default) mixed 0.99 ;;
	flame) mixed 0.98 --flame alloc,live -o "$WORK/%k.folded" ;;
	cpu) mixed 0.995 --flame cpu --hz 99 -o "$WORK/cpu.folded" ;;
	own) mixed "${LIMIT:-0.97}" "${HAKPROBE_ARGS:-}" ;;
	redis) bench/scripts/overhead_redis.py "$HAKBENCH" "$HAKMEM" "$HAKPROBE" "${ROUNDS:-20}" 0.99 ;;
	*) die "$what: the measurements are default, flame, cpu, redis and own" ;;
	esac || failed=1
done
exit $failed
