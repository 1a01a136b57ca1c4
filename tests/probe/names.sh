#!/bin/bash
# SPDX-License-Identifier: MIT
# Names that are hard to get: static and inlined functions of a program that is stripped and has a
# debug file by its debuglink, code made at run time, the vdso; the same in a container, that is in
# other mount and pid namespaces with files that are not to be seen here; and of a deleted program.
. tests/probe/common.bash

# prepare DIRECTORY: the stripped program, its debug file and the library.
prepare() {
	mkdir -p "$1/.debug"
	objcopy --only-keep-debug "$OUT/tests/probe/names_target" "$1/.debug/bare.debug"
	strip -o "$1/bare" "$OUT/tests/probe/names_target"
	(cd "$1/.debug" && objcopy --add-gnu-debuglink=bare.debug ../bare)
	cp "$libhakmem" "$1/libhakmem.so"
}

# check NAME: watches `target`, whose stdin is fd 8.
check() {
	"$hakprobe" -p "$target" --flame alloc -o "$dir/$1.folded" 1 3 >"$dir/$1.view" 2>"$dir/$1.err" \
		8>&- 9>&- || fail "$1: hakprobe exited with $?"
	exec 8>&- 9>&-
	local path
	for path in 'main;unexported;hidden_inside (inlined);malloc ' \
		'main;script:made at run time;from_made;hidden_inside (inlined);malloc '; do
		grep -q "$path" "$dir/$1.folded" || fail "$1: no '$path': $(tail -n 5 "$dir/$1.folded")"
	done
	grep -q '\[truncated\]' "$dir/$1.folded" && fail "$1: $(grep truncated "$dir/$1.folded")"
	grep -qE '\[vdso\] +\S*clock_gettime' "$dir/$1.view" || fail "$1: the vdso has no names: $(tail -n 14 "$dir/$1.view")"
	verdict+="$1, "
}

verdict=
export HAKMEM_SAMPLE_BYTES=20000
prepare "$dir/here"
libhakmem=$dir/here/libhakmem.so start stripped "$dir/here/bare"
need_bpf
tell go
hear ready
check stripped

start deleted "$dir/here/bare"
tell go
hear ready
mv "$dir/here/bare" "$dir/here/other"
: >"$dir/here/bare" # another file by that name
check replaced

# contained NAME COMMANDS: the same in a container, whose files COMMANDS lay out.
contained() {
	rm -rf "$dir/there" "$dir/in" "$dir/out"
	mkfifo "$dir/in" "$dir/out"
	prepare "$dir/there"
	# $dir is below /tmp, which the namespace gets a new one of: the files stand in /mnt there.
	cat >"$dir/enter.sh" <<END
mount -t tmpfs none /mnt && cp -r "$dir/there/." /mnt/ && mount -t proc proc /proc &&
$2 mount -t tmpfs none /tmp && exec env LD_PRELOAD=/mnt/libhakmem.so /mnt/bare
END
	unshare --mount --pid --fork bash "$dir/enter.sh" <"$dir/in" >"$dir/out" 2>"$dir/container.err" &
	outer=$!
	pids+=("$outer")
	exec 8>"$dir/in" 9<"$dir/out"
	inner() {
		read -ra children <"/proc/$outer/task/$outer/children" # without an end of line, so never 0
		target=${children[0]:-none} && maps_library "$target"
	}
	wait_until "the container" inner
	pids+=("$target")
	rm -rf "$dir/there"
	tell go
	hear ready
	check "$1"
}

if unshare --mount --pid --fork true 2>/dev/null; then
	contained container ''
	# By build-id, through a link, as some distributions have it; what the debuglink names is not there.
	id=$(readelf -n "$OUT/tests/probe/names_target" | sed -n 's/.*Build ID: //p')
	if [[ -n $id && -d /usr/lib/debug ]]; then
		contained links "mount -t tmpfs none /usr/lib/debug && mkdir -p /usr/lib/debug/.build-id/${id:0:2} /usr/lib/debug/usr &&
mv /mnt/.debug/bare.debug /usr/lib/debug/usr/ &&
ln -s ../../usr/bare.debug /usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug &&"
	fi
else
	verdict+="no container (unshare is not permitted), "
fi
echo "static, inlined, made at run time and vdso names: ${verdict%, }"
