#!/bin/bash
# SPDX-License-Identifier: MIT
# The full-screen view in a real terminal (tmux): views, sort keys, pause, help, resize, q and Ctrl-C.
. tests/probe/common.bash
command -v tmux >/dev/null || { echo "skipped: tmux is not installed"; exit 77; }
terminal=(env -u TMUX LC_ALL=C.UTF-8 tmux -f /dev/null -S "$dir/tmux")
stop_terminal() {
	"${terminal[@]}" kill-server 2>/dev/null
	clean_up
}
trap stop_terminal EXIT

back=0 # lines above the screen to look at as well
picture() { "${terminal[@]}" capture-pane -p -S "-$back" -t view; }
on_screen() { picture | grep -qE -- "$1"; }
see() { # see PATTERN...: waits until each is on the screen
	local pattern
	for pattern in "$@"; do
		for ((i = 0; i < 400; i++)); do
			on_screen "$pattern" && break
			sleep 0.05
		done
		((i < 400)) || { picture; fail "'$pattern' does not come on the screen"; }
		seen=$((seen + 1))
	done
}
press() { "${terminal[@]}" send-keys -t view "$@"; }
open_view() { # open_view OPTIONS...: in a terminal of 120 x 40
	"${terminal[@]}" kill-server 2>/dev/null
	"${terminal[@]}" new-session -d -s view -x 120 -y 40 \
		"$hakprobe -p $target $* 0.2 2>$dir/view.err; echo status \$?; sleep 1000" 8>&- 9>&-
	"${terminal[@]}" set-option -g window-size manual
}
seen=0

start target "$OUT/tests/probe/exact_target" 4000
need_bpf
tell go
open_view
see 'hakprobe: class view by malloc' 'target    pid '"$target" 'build-id [0-9a-f]{16}' 'probes    USDT hakmem:tally' \
	'our cost' 'governor ' 'memory    RSS' 'not ours' 'class   size malloc/s' ' q quit'
press s
see 'class view by free'
press t
see 'thread view' 'thread +name +malloc/s' "exact_target"
press f
see 'function view' 'zone +module +function' 'wrapper, malloc side'
press a
see 'caller view' 'callers are known with --flame alloc only'
press h
see 'hakprobe, full screen' 'the next of these'
press h c
see 'class view'
press Space
see '\[paused\]'
before=$(picture | grep '^== ')
sleep 1
[[ $(picture | grep '^== ') == "$before" ]] || fail "the picture changes although it is paused"
press s
see 'class view by bytes'
[[ $(picture | grep '^== ') == "$before" ]] || fail "a key changes the figures although it is paused"
press Space
for ((i = 0; i < 200; i++)); do [[ $(picture | grep '^== ') != "$before" ]] && break; sleep 0.05; done
((i < 200)) || fail "the picture stands still after the pause"

"${terminal[@]}" resize-window -t view -x 80 -y 24
see 'hakprobe: class view' 'our cost'
for ((i = 0; i < 200; i++)); do [[ $(picture | grep -c .) -le 24 ]] && ! on_screen 'build-id' && break; sleep 0.05; done
((i < 200)) || { picture; fail "does not follow the terminal's size"; }
press q
back=200
see '== summary of' 'status 0'
press Enter
grep -q "attached to process $target" "$dir/view.err" || fail "chatter is lost: $(cat "$dir/view.err")"

back=0
open_view --flame alloc -o "$dir/x.folded" --view caller
see 'caller view' 'otel_memory:alloc' 'unwinder ' 'malloc +(churn|work)'
press C-c
back=200
see '== summary of' 'status 0'
[[ -s $dir/x.folded ]] || fail "no flame graph after Ctrl-C"

# Without a terminal that can do it: plain lines.
"${terminal[@]}" kill-server
"${terminal[@]}" new-session -d -s view -x 120 -y 40 \
	"TERM=nonsense $hakprobe -p $target 0.1 2 2>&1; echo status \$?; sleep 1000" 8>&- 9>&-
see 'status 0'
kill -0 "$target" || fail "the target has died"
echo "$seen things seen on the screen: views, sort keys, help, pause, resize, q and Ctrl-C with the summary behind"
