#!/bin/bash
# SPDX-License-Identifier: MIT
# Every error is one clear line on stderr, nothing on stdout, and the right exit status.
. tests/probe/common.bash
checked=0
chmod 755 "$dir"
cp "$hakprobe" "$dir/hakprobe" && chmod 755 "$dir/hakprobe"
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# expect STATUS PATTERN COMMAND...
expect() {
	local status=$1 pattern=$2 got
	shift 2
	"$@" >"$dir/stdout" 2>"$dir/stderr"
	got=$?
	[[ $got == "$status" ]] || fail "exit $got instead of $status: $*: $(cat "$dir/stderr")"
	[[ $(wc -l <"$dir/stderr") == 1 ]] || fail "not one line: $*: $(cat "$dir/stderr")"
	grep -qE "^hakprobe: .*$pattern" "$dir/stderr" || fail "'$pattern' not in: $(cat "$dir/stderr")"
	[[ -s $dir/stdout ]] && fail "data on stdout: $*"
	checked=$((checked + 1))
}

# sleeper LIBRARY [COMMAND...]: a process under that library; sets `sleeper`.
sleeper() {
	local library=$1
	shift
	"$@" env ${library:+LD_PRELOAD="$library"} sleep 1000 8>&- 9>&- &
	sleeper=$!
	pids+=("$sleeper")
	wait_until "sleep to run" grep -q sleep "/proc/$sleeper/comm"
	[[ -z $library ]] || wait_until "sleep to map $library" grep -q "$library" "/proc/$sleeper/maps"
}

free_pid=$(($(cat /proc/sys/kernel/pid_max) - 1))
while [[ -e /proc/$free_pid ]]; do free_pid=$((free_pid - 1)); done

# usage: 2
expect 2 '-p 1,x: |-p x: ' "$hakprobe" -p 1,x
expect 2 '--view caller: ' "$hakprobe" -p 1 --view caller
expect 2 '--sort x: ' "$hakprobe" -p 1 --sort x
expect 2 '--route x: ' "$hakprobe" -p 1 --route x
expect 2 '--route libc: ' "$hakprobe" -p 1 --route libc --flame alloc -o x.svg
expect 2 '--route span: ' "$hakprobe" -p 1 --route span --flame live -o x.svg
expect 2 '--ceiling 0: ' "$hakprobe" -p 1 --ceiling 0
expect 2 '-p abc: ' "$hakprobe" -p abc
expect 2 '-p -5: ' "$hakprobe" -p -5
expect 2 'INTERVAL 0: ' "$hakprobe" -p 1 0
expect 2 'COUNT x: ' "$hakprobe" -p 1 1 x
expect 2 'argument 3: ' "$hakprobe" -p 1 1 2 3
expect 2 '-d never: ' "$hakprobe" -p 1 -d never
expect 2 '--flame disk: ' "$hakprobe" -p 1 --flame disk -o x.svg
expect 2 '--flame alloc: .*-o' "$hakprobe" -p 1 --flame alloc
expect 2 '-o x.svg: .*--flame' "$hakprobe" -p 1 -o x.svg
expect 2 '-o x.png: .*suffix' "$hakprobe" -p 1 --flame alloc -o x.png
expect 2 '--frobnicate' "$hakprobe" -p 1 --frobnicate
expect 2 '-p' "$hakprobe" -p

# targets: 1
expect 1 "no process has pid $free_pid" "$hakprobe" -p "$free_pid"
sleeper ""
plain=$sleeper
expect 1 "process $plain .*does not map libhakmem" "$hakprobe" -p "$plain"
if command -v valgrind >/dev/null; then
	LD_PRELOAD=$libhakmem valgrind -q sleep 1000 >"$dir/valgrind" 2>&1 8>&- 9>&- &
	translated=$!
	pids+=("$translated")
	by_valgrind() { [[ $(readlink "/proc/$1/exe") == */valgrind/* ]] && maps_library "$1"; }
	wait_until "valgrind to map the library" by_valgrind "$translated"
	expect 1 "process $translated .*runs under valgrind" "$hakprobe" -p "$translated"
	kill -0 "$translated" || fail "hakprobe has ended a process under valgrind"
fi
sleeper "$libhakmem"
ours=$sleeper

# A library of another age.
python3 - "$libhakmem" "$dir/libother.so" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
note = data.index(bytes([7, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0]) + b"hakmem\0")
data[note + 20] = 99
open(sys.argv[2], "wb").write(data)
END
sleeper "$dir/libother.so"
expect 1 'records of version 99 .*this hakprobe reads version' "$hakprobe" -p "$sleeper"

# No probes: works from the records; what needs probes is refused.
objcopy --remove-section .note.stapsdt "$libhakmem" "$dir/libplain.so"
sleeper "$dir/libplain.so"
if "$hakprobe" -p "$ours" 0.1 1 >/dev/null 2>&1; then # else privileges are what it says
	expect 1 'flame alloc.*no probe' "$hakprobe" -p "$sleeper" --flame alloc -o x.svg
	expect 1 'no-read: .*no tallies' "$hakprobe" -p "$sleeper" --no-read
fi
"$hakprobe" -p "$sleeper" --json 0.1 1 >"$dir/stdout" 2>"$dir/stderr" || {
	grep -qE 'missing privileges|cannot load' "$dir/stderr" ||
		fail "without probes: $(cat "$dir/stderr")"
}
if [[ -s $dir/stdout ]]; then
	grep -q 'built without probes' "$dir/stderr" || fail "says nothing about missing probes"
	checked=$((checked + 1))
fi

# privileges: 1
if [[ $(id -u) == 0 ]]; then
	expect 1 "process $ours of user 0 is not ours to trace .EPERM.*CAP_SYS_PTRACE" \
		"${nobody[@]}" "$dir/hakprobe" -p "$ours"
	cp "$libhakmem" "$dir/libours.so" && chmod 755 "$dir/libours.so"
	sleeper "$dir/libours.so" "${nobody[@]}"
	expect 1 'missing privileges: CAP_BPF, CAP_PERFMON:' "${nobody[@]}" "$dir/hakprobe" -p "$sleeper"
	expect 1 'missing privileges: CAP_PERFMON:' setpriv --bounding-set -sys_admin,-perfmon \
		"$dir/hakprobe" -p "$sleeper"
	expect 1 'missing privileges: CAP_BPF:' setpriv --bounding-set -sys_admin,-bpf \
		"$dir/hakprobe" -p "$sleeper"
	# Some kernels before 6.10 let only CAP_SYS_ADMIN create uprobes; with later ones capabilities.sh works.
	if ! setpriv --bounding-set -sys_admin "$dir/hakprobe" -p "$sleeper" 0.1 1 >"$dir/stdout" 2>&1; then
		expect 1 'missing privileges: CAP_SYS_ADMIN ' setpriv --bounding-set -sys_admin \
			"$dir/hakprobe" -p "$sleeper"
	fi
else
	echo "note: not root, so the lines about privileges were not tried"
fi
kill -0 "$ours" "$plain" || fail "a target has died"
echo "$checked errors: one line each on stderr, nothing on stdout, exit 2 for usage and 1 otherwise"
