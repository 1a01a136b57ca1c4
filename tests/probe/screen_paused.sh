#!/bin/bash
# SPDX-License-Identifier: MIT
# The full-screen view of callers stays as it is while it is paused, also when it is drawn anew: what it
# shows must not go with the reports that are made meanwhile (freed memory is overwritten to tell).
. tests/probe/common.bash
command -v tmux >/dev/null || { echo "skipped: tmux is not installed"; exit 77; }
terminal=(env -u TMUX LC_ALL=C.UTF-8 tmux -f /dev/null -S "$dir/tmux")
stop_terminal() {
	"${terminal[@]}" kill-server 2>/dev/null
	clean_up
}
trap stop_terminal EXIT
picture() { "${terminal[@]}" capture-pane -p -t view; }
shows() { picture | grep -qE -- "$1"; }
rows() { picture | grep -E ' malloc +[a-z]'; }
press() { "${terminal[@]}" send-keys -t view "$@"; }

start target "$OUT/tests/probe/route_target"
need_bpf
hear ready
"${terminal[@]}" new-session -d -s view -x 140 -y 44 \
	"MALLOC_PERTURB_=165 $hakprobe -p $target --flame alloc --view caller -o $dir/x.folded 0.1 2>$dir/view.err; sleep 1000" 8>&- 9>&-
wait_until "three callers" shows 'malloc +huge'
wait_until "three callers" shows 'malloc +keep'
wait_until "three callers" shows 'malloc +reuse'
press Space
wait_until "the pause" shows '\[paused\]'
before=$(rows)
for ((i = 0; i < 10; i++)); do
	sleep 0.2
	press h
	wait_until "the help" shows 'full screen'
	press h
	wait_until "the callers again" shows '\[paused\]'
	[[ $(rows) == "$before" ]] || { picture; fail "the callers have changed while it was paused"; }
done
press Space
press q
wait_until "the summary" shows 'wrote .*x.folded'
kill -0 "$target" || fail "the target has died"
echo "$(wc -l <<<"$before") callers stay as they are over 10 drawings"
