#!/bin/bash
# SPDX-License-Identifier: MIT
# What an attached hakprobe costs a program at full speed: throughput attached / unattached.
#   ROUNDS (10), IDLE (2 s unattached per round), ATTACHED (3 s attached per round), LIMIT (0.97)
#   HAKPROBE_ARGS: more options, such as "--flame alloc -o /tmp/x.folded"
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=bench/lib.sh
. bench/lib.sh

HAKPROBE=$(realpath -m "${HAKPROBE:-$OUT/hakprobe}")
for needed in "$HAKMEM" "$HAKBENCH" "$HAKPROBE"; do
	[[ -e $needed ]] || die "$needed is missing: make it first"
done
[[ $(id -u) == 0 ]] || die "hakprobe needs root to attach"
exec bench/overhead.py "$HAKBENCH" "$HAKMEM" "$HAKPROBE" \
	"${ROUNDS:-10}" "${IDLE:-2}" "${ATTACHED:-3}" "${LIMIT:-0.97}"
