#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that misuse the heap, one wrong thing each, and what comes of it.
#   tests/misuse/run.sh check ARM LIBRARY     each must end as its first comment says of ARM
#   tests/misuse/run.sh table                 docs/security.md's table: our arms, and what there is of others
# ARM: default, secure (HAKMEM_PROFILE=secure), SECURE=1. BUILT: where the programs are (out/tests/misuse).
# SECURE_LIBRARY: that of the build SECURE=1. OTHERS: name=library,... for the table, besides glibc.
set -u
export LC_ALL=C LIBC_FATAL_STDERR_=1
cd "$(dirname "$0")/../.." || exit 1
BUILT=${BUILT:-${OUT:-out}/tests/misuse}
work=$(mktemp -d "${TMPDIR:-/tmp}/misuse.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# run PROGRAM SETTING...: how it ended, in words: RESULT.
run() {
	local status message
	{ (ulimit -c 0; exec timeout -k 1 20 env "${@:2}" "$BUILT/$1" >/dev/null 2>"$work/err"); status=$?; } 2>/dev/null
	message=$(sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/^hakmem: //' "$work/err" | tr '\n' ' ' | sed 's/ $//')
	case $status in
	42) RESULT="not noticed" ;;
	43) RESULT="prevented" ;;
	134) RESULT=${message:-SIGABRT} ;;
	139) RESULT=SIGSEGV ;;
	*) RESULT="exit $status: $message" ;;
	esac
}

settings() { # ARM LIBRARY
	echo "LD_PRELOAD=$2"
	[[ $1 == secure ]] && echo HAKMEM_PROFILE=secure
}

check() { # ARM LIBRARY
	local file name expected ran=0 wrong=0 noticed=0 library
	library=$(realpath "$2") || return 1
	mapfile -t with < <(settings "$1" "$library")
	for file in tests/misuse/*.c tests/misuse/*.cc; do
		name=$(basename "${file%.*}")
		expected=$(sed -n "s/^ \* $1: //p" "$file")
		run "$name" "${with[@]}"
		ran=$((ran + 1))
		[[ $RESULT == "not noticed" ]] || noticed=$((noticed + 1))
		[[ " or $expected or " == *" or $RESULT or "* ]] && continue
		echo "$name ($1): $RESULT; expected was: ${expected:-nothing, the file does not say}"
		wrong=$((wrong + 1))
	done
	echo "$1: $ran programs, $noticed of them noticed or without effect, $wrong not as expected"
	((wrong == 0))
}

# One word a cell: caught (the process ends), prevented, or nothing.
word() {
	case $RESULT in
	"not noticed") echo "no" ;;
	prevented) echo "harmless" ;;
	SIGSEGV) echo "faults" ;;
	*) echo "**caught**" ;;
	esac
}

table() {
	local arms library file arm line
	library=$(realpath "${OUT:-out}/libhakmem.so")
	arms=("default|LD_PRELOAD=$library|" "\`HAKMEM_PROFILE=secure\`|LD_PRELOAD=$library|HAKMEM_PROFILE=secure")
	library=$(realpath "$SECURE_LIBRARY")
	arms+=("\`SECURE=1\`|LD_PRELOAD=$library|" "\`SECURE=1\`, profile secure|LD_PRELOAD=$library|HAKMEM_PROFILE=secure" "glibc||")
	while IFS='=' read -r name library; do
		[[ -n $name ]] && arms+=("$name|LD_PRELOAD=$library|")
	done < <(tr ',' '\n' <<<"${OTHERS:-}")
	printf '| misuse |'; printf ' %s |' "${arms[@]%%|*}"; printf '\n|---|'; printf -- '---|%.0s' "${arms[@]}"; echo
	for file in tests/misuse/*.c tests/misuse/*.cc; do
		line="| $(sed -n '3s/^ \* \(.*\)\.$/\1/p' "$file") |"
		for arm in "${arms[@]}"; do
			IFS='|' read -r _ preload more <<<"$arm"
			run "$(basename "${file%.*}")" ${preload:+"$preload"} ${more:+"$more"}
			line+=" $(word) |"
		done
		echo "$line"
	done
}

"$@"
