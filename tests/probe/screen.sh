#!/bin/bash
# SPDX-License-Identifier: MIT
# The full-screen view in a real terminal (tmux): views, sort keys, pause, help, resize, q and Ctrl-C.
. tests/probe/common.bash
command -v tmux >/dev/null || { echo "skipped: tmux is not installed"; exit 77; }
# One server from first to last. To end one and start the next is a race: a client that comes while
# the old one is still going down reaches that, and is turned away ("server exited unexpectedly").
# Its shell is not the user's, which may be none, or end itself on the Ctrl-C that is for hakprobe.
terminal=(env -u TMUX SHELL=/bin/bash LC_ALL=C.UTF-8 tmux -f /dev/null -S "$dir/tmux")
tmux_says() { "${terminal[@]}" "$@" 2>>"$dir/tmux.err" || fail "tmux $1 exits with $?"; }
stop_terminal() {
	"${terminal[@]}" kill-server 2>/dev/null
	clean_up
}
trap stop_terminal EXIT

back=0 # lines above the screen to look at as well
picture() { tmux_says capture-pane -p -S "-$back" -t view >"$dir/picture"; }
on_screen() { picture && grep -qE -- "$1" "$dir/picture"; }
title() { picture && grep '^== ' "$dir/picture"; }
await() { # await WHAT COMMAND...: as wait_until, and shows the screen when it does not come
	wait_for "$@" || { cat "$dir/picture"; fail "waited in vain for: $1"; }
}
see() { # see PATTERN...: waits until each is on the screen
	local pattern
	for pattern in "$@"; do
		await "'$pattern' on the screen" on_screen "$pattern"
		seen=$((seen + 1))
	done
}
press() { tmux_says send-keys -t view "$@"; }
new_view() { # new_view COMMAND: in a terminal of 120 x 40, which stays when the command has ended
	"${terminal[@]}" kill-session -t view 2>/dev/null
	tmux_says new-session -d -s view -x 120 -y 40 "$1; echo status \$?; sleep 1000"
}
open_view() { new_view "$hakprobe -p $target $* 0.2 2>$dir/view.err"; }
seen=0

tmux_says new-session -d -s keeper "sleep 100000" # which the server lives for
# By a short name, as the header shows it before other things in its line.
cp "$libhakmem" "$dir/libhakmem.so" && libhakmem=$dir/libhakmem.so
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
title >"$dir/before"
still() { title | cmp -s - "$dir/before"; }
moves() { ! still; }
sleep 1
still || fail "the picture changes although it is paused"
press s
see 'class view by bytes'
still || fail "a key changes the figures although it is paused"
press Space
await "a new picture after the pause" moves

tmux_says resize-window -t view -x 80 -y 24
see 'hakprobe: class view' 'our cost'
fits() { ! on_screen 'build-id' && [[ $(grep -c . "$dir/picture") -le 24 ]]; }
await "a picture of the terminal's new size" fits
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
new_view "TERM=nonsense $hakprobe -p $target 0.1 2 2>&1"
back=200
see 'status 0'
kill -0 "$target" || fail "the target has died"
echo "$seen things seen on the screen: views, sort keys, help, pause, resize, q and Ctrl-C with the summary behind"
