#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the pictures of docs/images anew, from a real run on redis-server under libhakmem: the full-screen
# live view (in tmux), the flame graph and the HTML report, drawn by headless Chromium. In a mount
# namespace of its own, so that paths are those of an installation. usage, as root: make all && tools/demo/screenshots.sh
set -u
OUT=${OUT:-out}
cd "$(dirname "$0")/../.." || exit 1
[[ -n ${HAK_MOUNTED:-} ]] || HAK_MOUNTED=1 exec unshare --mount "$0"
mount -t tmpfs none /srv || exit 1
mkdir /srv/lib /srv/sbin && cp "$OUT/libhakmem.so.1" /srv/lib/ && cp "$OUT/hakprobe" /srv/sbin/
work=$(mktemp -d)
server='' load=''
tmux=(env -u TMUX LC_ALL=C.UTF-8 tmux -f /dev/null -S "$work/tmux")

clean_up() {
	"${tmux[@]}" kill-server 2>/dev/null
	[[ -n $load ]] && kill "$load" 2>/dev/null
	[[ -n $server ]] && kill "$server" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
fail() { echo "screenshots: $*" >&2; exit 1; }

for tool in redis-server redis-benchmark tmux chromium python3; do
	command -v "$tool" >/dev/null || fail "$tool is not installed (make deps test-deps)"
done

# draw PAGE WIDTH HEIGHT NAME
draw() {
	chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \
		--user-data-dir="$work/profile" --force-device-scale-factor=1 --virtual-time-budget=3000 \
		--window-size="$2,$3" --screenshot="$work/$4.png" "file://$1" >/dev/null 2>&1
	[[ -s $work/$4.png ]] || fail "Chromium has drawn no $4"
	mv "$work/$4.png" "docs/images/$4.png"
}

LD_PRELOAD=/srv/lib/libhakmem.so.1 redis-server --port 0 --unixsocket /srv/redis.sock --dir /srv --save '' \
	--appendonly no >/dev/null 2>&1 &
server=$!
until redis-cli -s /srv/redis.sock ping >/dev/null 2>&1; do sleep 0.1; done
redis-benchmark -s /srv/redis.sock -q -l -n 100000 -P 16 -c 32 -r 200000 -d 100 \
	-t set,get,incr,lpush,lpop,sadd,spop,hset,zadd,zpopmin,mset >/dev/null 2>&1 &
load=$!
sleep 3

mkdir -p docs/images
"${tmux[@]}" new-session -d -s view -x 132 -y 34 "/srv/sbin/hakprobe -p $server 5"
sleep 12
"${tmux[@]}" capture-pane -e -p -t view >"$work/screen" || fail "tmux has no picture"
"${tmux[@]}" send-keys -t view q
python3 tools/demo/screenshots.py "$work/screen" >"$work/screen.html"
draw "$work/screen.html" 1136 600 live-view

/srv/sbin/hakprobe -p "$server" -d 15 --flame alloc,live,cpu -o alloc="$work/alloc.svg" -o "$work/report.html" 1 >/dev/null ||
	fail "hakprobe has failed"
draw "$work/alloc.svg" 1200 480 flame-graph
draw "$work/report.html" 1200 2400 report
ls -l docs/images/*.png
