# SPDX-License-Identifier: MIT
# Sourced by the scripts here. OUT is the build directory. Every process that a test starts is ended
# by its pid when the script ends.
set -u
# shellcheck source=tests/wait.bash
. tests/wait.bash
OUT=${OUT:-out}
hakprobe=$OUT/hakprobe
libhakmem=$(realpath "$OUT/libhakmem.so")
# Not below TMPDIR: the name of a socket must be short, and a container's /tmp is another.
dir=$(mktemp -d /tmp/hakprobe.XXXXXX) || exit 1
pids=()

clean_up() {
	local pid
	for pid in "${pids[@]}"; do kill -9 "$pid" && wait "$pid"; done 2>/dev/null
	rm -rf "$dir"
}
trap clean_up EXIT

fail() {
	exec >&2 # a caller may have its stdout in a file
	echo "FAILED: $*"
	local file
	for file in "$dir"/*.err; do
		[[ -s $file ]] && { echo "--- $file"; tail -n 20 "$file"; }
	done
	exit 1
}

# nothing_lost FILE...: what hakprobe said of lost events. A ring overflows where hakprobe gets no
# processor for half a second, which is not its fault: the script is started afresh, three times at most.
nothing_lost() {
	grep -qE '[1-9][0-9]* (samples were|events) lost|"lost":[1-9]' "$@" || return 0
	((${TRY:=1} < 3)) || fail "events were lost, for the third time"
	echo "events were lost; once more"
	clean_up
	TRY=$((TRY + 1)) exec "$0"
}

# lines FILE N: whether it has at least N lines.
lines() { [[ -e $1 ]] && (($(wc -l <"$1") >= $2)); }

# start NAME COMMAND...: a target under libhakmem with fifos for its stdin and stdout; sets `target`
# (its pid), and fd 8 (its stdin) and 9 (its stdout).
start() {
	local name=$1
	shift
	rm -f "$dir/$name.in" "$dir/$name.out"
	mkfifo "$dir/$name.in" "$dir/$name.out"
	LD_PRELOAD=$libhakmem "$@" <"$dir/$name.in" >"$dir/$name.out" 2>"$dir/$name.err" 8>&- 9>&- &
	target=$!
	pids+=("$target")
	exec 8>"$dir/$name.in" 9<"$dir/$name.out"
	wait_until "$name to map libhakmem" maps_library "$target"
}

tell() { echo "$1" >&8; }

# hear WORD: the target says that on its stdout.
hear() {
	local line
	read -r -t 300 line <&9 || fail "the target said nothing, $1 was expected"
	[[ $line == "$1" ]] || fail "the target said '$line', '$1' was expected"
}

# Skips where the kernel or our privileges do not allow BPF; needs a running target.
need_bpf() {
	if ! "$hakprobe" -p "$target" 0.1 1 >/dev/null 2>"$dir/need.err"; then
		if grep -qE 'missing privileges|kernel .* has no|cannot load|kernel refuses' "$dir/need.err"; then
			echo "skipped: $(grep hakprobe: "$dir/need.err" | tail -n 1)"
			exit 77
		fi
		fail "hakprobe cannot attach"
	fi
	rm -f "$dir/need.err"
}
