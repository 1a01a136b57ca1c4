#!/bin/bash
# SPDX-License-Identifier: MIT
# hakprobe doctor: a line for each thing it looks at, and exit 0 only when all that is needed works.
. tests/probe/common.bash

start target "$OUT/tests/probe/exact_target" 1
need_bpf
version=$(sed -n 's/.*HAK_RECORD_VERSION = \([0-9]*\).*/\1/p' bpf/record.h)
"$hakprobe" doctor -p "$target" >"$dir/doctor" 2>"$dir/doctor.err" || fail "exits with $?: $(cat "$dir/doctor")"
for word in kernel BTF uprobes lockdown yama CAP_BPF CAP_PERFMON CAP_SYS_PTRACE CAP_SYS_ADMIN seccomp cpu-clock \
	cycles 'self test .*10 passes, 10 counted' "target .*pid $target" "library .*version $version" 'probe sites' records \
	unwinder; do
	grep -qE "^(ok|note) +$word" "$dir/doctor" || { cat "$dir/doctor"; fail "'$word' is not ok"; }
done
"$hakprobe" doctor >"$dir/alone" || fail "without a target it exits with $?"
"$hakprobe" doctor -p $$ >"$dir/shell" 2>/dev/null && fail "a process without libhakmem passes"
grep -q '^FAIL  target' "$dir/shell" || fail "does not name the target"

named=0
if [[ $(id -u) == 0 ]]; then
	for capability in bpf perfmon; do
		setpriv --bounding-set "-sys_admin,-$capability" "$hakprobe" doctor >"$dir/less" 2>&1 &&
			fail "passes without CAP_${capability^^}"
		grep -q "^FAIL  CAP_${capability^^} .*missing" "$dir/less" || fail "CAP_${capability^^} is not named: $(cat "$dir/less")"
		named=$((named + 1))
	done
fi
kill -0 "$target" || fail "the target has died"
echo "$(grep -cE '^(ok|note)' "$dir/doctor") findings with a target, a process without libhakmem refused, $named missing capabilities named"
