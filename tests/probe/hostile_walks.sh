#!/bin/bash
# SPDX-License-Identifier: MIT
# What a process can make hakprobe do without end: a list of threads that is a ring or far too long,
# records that never settle or never come, a map of functions that is a hole of 100 GB, a profile that
# unpacks to a gigabyte. Each costs little memory and time and is told; others are watched meanwhile;
# and Ctrl-C and kill end hakprobe within a second, also where it waits for what never comes.
. tests/probe/common.bash

# measured LIMIT_MB SECONDS COMMAND...: runs it; fails when it takes more. Its status is in `status`.
measured() {
	python3 - "$1" "$2" "$dir/measured" "${@:3}" <<'END'
import resource, subprocess, sys, time
limit, seconds, out, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]
begin = time.time()
with open(out, "wb") as log:
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try: status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill(); process.wait(); print("takes more than %g s" % seconds); sys.exit(200)
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
if most > limit: print("takes %d MiB" % most); sys.exit(201)
sys.exit(status if status >= 0 else 128 - status)
END
	status=$?
	((status < 200)) || fail "${*:3}: $(tail -n 3 "$dir/measured")"
}

# hostile MODE: sets `bad`, its pid; false when the kernel does not let it.
hostile() {
	local word
	exec 7< <(exec "$OUT/tests/probe/hostile_target" "$1")
	bad=$!
	pids+=("$bad")
	read -r -t 60 word <&7
	[[ $word == ready ]]
}

# soon PID SIGNAL WHAT: it ends after the signal: within a second, or where others keep the processor later, but not never.
soon() {
	local begin=${EPOCHREALTIME/./}
	kill -"$2" "$1"
	wait_until "$3 to end" ended "$1"
	local took=$((${EPOCHREALTIME/./} - begin))
	((took < 30000000)) || fail "$3: ended $took us after SIG$2"
}

start good "$OUT/tests/probe/live_target"
need_bpf
good=$target
for mode in ring moving long; do
	hostile "$mode" || fail "no target"
	measured 100 120 "$hakprobe" -p "$bad" --json 0.5 2
	[[ $status == 1 ]] || fail "$mode: exits with $status: $(cat "$dir/measured")"
	grep -q "process $bad: its list of threads" "$dir/measured" || fail "$mode: it is not said: $(cat "$dir/measured")"
done

# All processes: the good one is watched, whatever the others are.
"$hakprobe" --json 0.5 >"$dir/all" 2>"$dir/all.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
readings_of_good() { (($(grep -c "\"pid\":$good,\"totals\"" "$dir/all") >= 4)); }
wait_until "readings of the good process" readings_of_good
soon "$watcher" INT "hakprobe on all processes"

for signal in INT TERM; do
	if hostile never; then
		"$hakprobe" -p "$bad" --json 0.5 >"$dir/never.out" 2>"$dir/never.err" 8>&- 9>&- &
		watcher=$!
		pids+=("$watcher")
		sleep 1
		ended "$watcher" && break # the kernel reads around it
		soon "$watcher" "$signal" "hakprobe on a record that never comes"
		grep -q 'gave up' "$dir/never.err" || fail "it does not say that it gave up"
	fi
done

# Its figures go into a pipe that nobody reads.
mkfifo "$dir/pipe"
sleep 1000 <>"$dir/pipe" &
pids+=("$!")
"$hakprobe" -p "$good" --json 0.01 >"$dir/pipe" 2>"$dir/pipe.err" 8>&- 9>&- &
watcher=$!
pids+=("$watcher")
wait_until "the attach" grep -q attached "$dir/pipe.err"
sleep 3
soon "$watcher" INT "hakprobe with a full pipe"
kill -0 "$good" || fail "the target has died"

start made "$OUT/tests/probe/names_target"
tell go
hear ready
truncate -s 100G "/tmp/perf-$target.map.new" && mv "/tmp/perf-$target.map.new" "/tmp/perf-$target.map"
measured 250 120 "$hakprobe" -p "$target" --flame alloc -o "$dir/made.folded" 0.5 3
rm -f "/tmp/perf-$target.map"
[[ $status == 0 ]] || fail "map: exits with $status"
grep -q 'made at run time .* is none' "$dir/measured" || fail "the map is not refused: $(cat "$dir/measured")"

# 128 MiB of messages of two bytes, which are structures of a hundred, and more of nothing.
python3 - "$dir" <<'END'
import gzip, sys
with gzip.open(sys.argv[1] + "/bomb.pb.gz", "wb", 1) as out:
    for i in range(100): out.write(b"\x12\x00" * (1 << 19))
with gzip.open(sys.argv[1] + "/hole.pb.gz", "wb", 1) as out:
    for i in range(1000): out.write(bytes(1 << 20))
with open(sys.argv[1] + "/line.folded", "wb") as out:
    out.truncate(20 << 30)
END
echo 'main;f 1' >"$dir/small.folded"
for bomb in bomb.pb.gz hole.pb.gz line.folded; do
	measured 700 240 "$hakprobe" diff "$dir/$bomb" "$dir/small.folded" -o "$dir/diff.svg"
	[[ $status == 1 ]] || fail "$bomb: exits with $status"
	grep -q "cannot read .*$bomb" "$dir/measured" || fail "$bomb: $(cat "$dir/measured")"
done
echo "rings, long lists, records that never come, full pipes, holes and bombs: refused, and ended in time"
