# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scripts of bench/ share. Sourced from the repository's root.

OUT=${OUT:-out}
HAKBENCH=$(realpath -m "$OUT/hakbench")
HAKMEM=$(realpath -m "$OUT/libhakmem.so.1")

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# A directory that goes away with the script: $WORK.
make_work() {
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/hakbench.XXXXXX") || die "mktemp failed"
	trap 'rm -rf "$WORK"' EXIT
}

# peer_library NAME: path of an installed allocator, as the dynamic linker would find it, or of one of
# BENCH_LIBS; empty when it is not there.
peer_library() {
	local soname
	case $1 in
	hakmem) echo "$HAKMEM"; return ;;
	mimalloc) soname='libmimalloc.so.2' ;;
	jemalloc) soname='libjemalloc.so.2' ;;
	tcmalloc) soname='libtcmalloc_minimal.so.4' ;;
	glibc) soname='libc.so.6' ;;
	*)
		added_libraries | sed -n "s|^$1=||p"
		return
		;;
	esac
	ldconfig -p | awk -v name="$soname" '$1 == name && /x86-64/ { print $NF; exit }'
}

# compared_libraries: the peers and those of BENCH_LIBS, as arguments of hakbench
# compare, one a line.
compared_libraries() {
	local name library
	for name in mimalloc jemalloc tcmalloc; do
		library=$(peer_library $name)
		[[ -n $library ]] || { echo "$(basename "$0"): $name is not installed, left out" >&2; continue; }
		printf '%s\n' "--lib=$name=$library"
	done
	added_libraries | while IFS='=' read -r name library; do echo "--lib=$name=$(realpath "$library")"; done
}

# added_libraries: those of BENCH_LIBS, NAME=PATH, one a line.
added_libraries() { tr , '\n' <<<"${BENCH_LIBS:-}" | sed '/^$/d'; }

# report_all: the results of make bench and of make bench-programs as one, when there are both of
# the same allocators.
report_all() {
	[[ -f $OUT/bench/results.json && -f $OUT/bench/programs/results.json ]] || return 0
	mkdir -p "$OUT/bench/all"
	"$HAKBENCH" report "$OUT/bench/results.json" "$OUT/bench/programs/results.json" -o "$OUT/bench/all/report.md" &&
		echo "workloads and programs together: $OUT/bench/all/report.md" && sed -n '/^Geometric means/,/^!/{/^!/!p}' "$OUT/bench/all/report.md"
	return 0
}

# Some containers do not allow it; valgrind's own choice of addresses is steady, too.
FIXED_ADDRESSES=(setarch -R)
setarch -R true 2>/dev/null || FIXED_ADDRESSES=()

# valgrind_run OUTPUT LIBRARY TOOL ARGUMENT...: hakbench under valgrind with LIBRARY preloaded (glibc needs
# none); TOOL are valgrind's options, words without quotes. Same environment, same addresses: the same
# counts each time. Fails unless hakbench itself found its malloc in LIBRARY.
valgrind_run() {
	local output=$1 library=$2 tool preload=() owner
	read -ra tool <<<"$3"
	shift 3
	[[ $library == */libc.so.6 ]] || preload=("LD_PRELOAD=$library")
	# Nothing may depend on the clock: nobody gives memory back by it while we count.
	env -i PATH=/usr/bin:/bin LD_BIND_NOW=1 HAKMEM_PURGE_MS=3600000 MIMALLOC_RESET_DELAY=3600000 MIMALLOC_PURGE_DELAY=3600000 \
		MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1 "${preload[@]}" "${FIXED_ADDRESSES[@]}" \
		valgrind "${tool[@]}" "$HAKBENCH" "$@" >"$output.log" 2>&1 || {
		cat "$output.log" >&2
		die "hakbench $* under valgrind failed with $library"
	}
	owner=$(awk '$1 == "allocator" { print $2 }' "$output.log")
	[[ $(realpath "$owner") == "$(realpath "$library")" ]] ||
		die "malloc came from '$owner', not from $library: no figure"
}

# callgrind_run OUTPUT LIBRARY ARGUMENT...
callgrind_run() {
	valgrind_run "$1" "$2" \
		"--tool=callgrind --branch-sim=yes --collect-systime=no --dump-instr=yes --callgrind-out-file=$1" "${@:3}"
}

while IFS='=' read -r name library; do
	[[ -n $name && -f $library ]] || die "BENCH_LIBS: '$name=$library' is not NAME=PATH of a library"
done < <(added_libraries)

# All that are compared, hakmem first.
# shellcheck disable=SC2034
PEERS="hakmem mimalloc tcmalloc jemalloc glibc $(added_libraries | sed 's/=.*//' | paste -sd' ')"
