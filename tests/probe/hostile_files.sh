#!/bin/bash
# SPDX-License-Identifier: MIT
# Files that a process of another user names or has mapped, and that are not what they should be: a
# FIFO or a link as its debug file, as what its debug information goes on in, or as its list of
# functions made at run time; a file that it may not read itself; a library that shrinks and grows.
# hakprobe ends in time, says what is missing, and has names where nothing is wrong.
. tests/probe/common.bash
[[ $(id -u) == 0 ]] || { echo "skipped: not root, so there is no other user"; exit 77; }
export HAKMEM_SAMPLE_BYTES=20000
chmod 755 "$dir"
cp "$libhakmem" "$dir/libhakmem.so.1" && libhakmem=$dir/libhakmem.so.1
other=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# prepare NAME: a directory of the other user's with a stripped program whose debug file is .debug/bare.debug.
prepare() {
	mkdir -p "$dir/$1/.debug"
	objcopy --only-keep-debug "$OUT/tests/probe/names_target" "$dir/$1/.debug/bare.debug"
	objcopy --strip-all --remove-section .note.gnu.build-id "$OUT/tests/probe/names_target" "$dir/$1/bare"
	(cd "$dir/$1/.debug" && objcopy --add-gnu-debuglink=bare.debug ../bare)
	chown -R 65534 "$dir/$1"
}

# watch NAME: watches $dir/NAME/bare of the other user for a second.
watch() {
	start "$1" "${other[@]}" "$dir/$1/bare"
	[[ $1 == plain ]] && need_bpf
	tell go
	hear ready
	timeout -k 1 20 "$hakprobe" -p "$target" --flame alloc -o "$dir/$1.folded" 0.5 2 >"$dir/$1.view" 2>"$dir/$1.err" \
		8>&- 9>&- || fail "$1: hakprobe exited with $?"
	exec 8>&- 9>&-
}
named='main;unexported;hidden_inside (inlined);malloc '
# refused NAME WHY: nothing is named through that file, and why is said.
refused() {
	grep -q unexported "$dir/$1.folded" && fail "$1: names came from it"
	grep -q "the debug file of .*bare: .*$2" "$dir/$1.err" || fail "$1: '$2' is not said"
	grep -q 'malloc ' "$dir/$1.folded" || fail "$1: no stacks"
}

prepare plain
watch plain
grep -q "$named" "$dir/plain.folded" || fail "plain: $(tail -n 3 "$dir/plain.folded" "$dir/plain.err")"

prepare fifo
rm "$dir/fifo/.debug/bare.debug" && mkfifo "$dir/fifo/.debug/bare.debug"
watch fifo
refused fifo 'no regular file'

prepare link
mv "$dir/link/.debug/bare.debug" "$dir/elsewhere" && ln -s "$dir/elsewhere" "$dir/link/.debug/bare.debug"
watch link
refused link 'Too many levels of symbolic links'

prepare private
chown 0:0 "$dir/private/.debug/bare.debug" && chmod 600 "$dir/private/.debug/bare.debug"
watch private
refused private 'Permission denied'

# What the debug information itself refers to: a file that several share (dwz), and split units.
prepare shared
mkfifo "$dir/shared/more"
{ printf '%s\0' "$dir/shared/more"; printf 'twenty bytes of it .'; } >"$dir/shared/reference"
objcopy --add-section .gnu_debugaltlink="$dir/shared/reference" "$OUT/tests/probe/names_target" "$dir/shared/bare"
watch shared
grep -q "$named" "$dir/shared.folded" || fail "shared: what needs no other file is not named: $(tail -n 3 "$dir/shared.folded")"

mkdir "$dir/split"
gcc -O2 -g -gsplit-dwarf -dumpdir "$dir/split/" tests/probe/names_target.c -o "$dir/split/bare" -I. || fail "cannot compile"
rm -f "$dir"/split/*.dwo
for unit in $(readelf --debug-dump=info "$dir/split/bare" 2>/dev/null | sed -n 's/.*dwo_name.*: //p'); do
	case $unit in /*) mkfifo "$unit" ;; *) fail "the unit is $unit" ;; esac
done
watch split
grep -q 'main;unexported;.*malloc ' "$dir/split.folded" || fail "split: $(tail -n 3 "$dir/split.folded")"

# A map of functions made at run time that is a FIFO, or a link.
start pipe "${other[@]}" "$dir/plain/bare"
tell go
hear ready
rm -f "/tmp/perf-$target.map" && mkfifo "/tmp/perf-$target.map"
timeout -k 1 20 "$hakprobe" -p "$target" --flame alloc -o "$dir/pipe.folded" 0.5 2 >/dev/null 2>"$dir/pipe.err" 8>&- 9>&- ||
	fail "map: hakprobe exited with $?"
rm -f "/tmp/perf-$target.map"
exec 8>&- 9>&-
grep -q 'script:made' "$dir/pipe.folded" && fail "a FIFO was read"

# A library whose tail comes and goes, 100 times a second: what the process never loads.
mkdir "$dir/shrinks"
{
	echo '#include <stdlib.h>'
	for i in {1..8000}; do echo "__attribute__((used)) static void *one_of_the_functions_$i(void) { return malloc($i); }"; done
	echo 'void work(void) { void *volatile block = malloc(100000); free(block); }'
} >"$dir/shrinks/library.c"
echo 'void work(void); int usleep(unsigned); int main(void) { for (int i = 0;; i++) { work(); if (i % 200 == 0) usleep(200); } }' >"$dir/shrinks/program.c"
gcc -O0 -shared -fPIC "$dir/shrinks/library.c" -o "$dir/shrinks/library.so" &&
	gcc -O0 "$dir/shrinks/program.c" "$dir/shrinks/library.so" -o "$dir/shrinks/program" || fail "cannot compile"
start shrinks "$dir/shrinks/program"
python3 - "$dir/shrinks/library.so" <<'END' &
import os, struct, sys, time
whole = open(sys.argv[1], "rb").read()
table, = struct.unpack_from("<Q", whole, 32)
count, = struct.unpack_from("<H", whole, 56)
headers = [struct.unpack_from("<IIQQQQ", whole, table + 56 * i) for i in range(count)]
loaded = max(offset + size for kind, _, offset, _, _, size in headers if kind == 1)
cut = (loaded + 4095) // 4096 * 4096 # behind it: symbols and their names
assert cut < len(whole) - 100000
file = os.open(sys.argv[1], os.O_WRONLY)
while True:
    os.ftruncate(file, cut)
    time.sleep(0.004)
    os.pwrite(file, whole[cut:], cut)
    time.sleep(0.006)
END
shrinker=$!
pids+=("$shrinker")
for i in 1 2 3 4 5 6; do
	timeout -k 1 60 "$hakprobe" -p "$target" --flame alloc,cpu -o "$dir/shrinks.%k.folded" 0.3 1 >"$dir/shrinks.view" 2>"$dir/shrinks.err" 8>&- 9>&- ||
		fail "shrinks: hakprobe exited with $?"
	grep -q 'malloc ' "$dir/shrinks.alloc.folded" || fail "shrinks: no stacks"
done
ended "$shrinker" && fail "nothing has shrunk"
echo "FIFO, link, private file, shared and split debug information, map, shrinking library: in time, and said"
