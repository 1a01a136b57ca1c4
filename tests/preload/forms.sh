#!/bin/bash
# SPDX-License-Identifier: MIT
# C++'s operators, replaced one by one and in combinations, in the program, in a preloaded library, beside libhakmem.a:
# each default calls what it calls without libhakmem, and a failing one ends alike.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

make_work
need g++
FORMS=20
compilers=(g++)
command -v clang++ >/dev/null && compilers+=(clang++)
flags=(-std=c++17 -O1 -fsized-deallocation -fno-builtin -w)
programs=0

# alike PROGRAM WHAT ASSIGNMENT...: without libhakmem, and with it behind what is preloaded.
alike() {
	local program=$1 what=$2 replaced=$3 expected said
	expected=$(LD_PRELOAD=$replaced timeout 60 "$program" 2>&1) || fail "$what without libhakmem: $expected"
	said=$(LD_PRELOAD=${replaced:+$replaced:}$HAKMEM timeout 60 "$program" 2>&1)
	[[ $said == "$expected" ]] ||
		fail "$what: $(diff <(echo "$expected") <(echo "$said") | head -n 6)"
	programs=$((programs + 1))
}

# mask N: of a number of pseudo-random forms, the same in each run.
RANDOM=4711
mask() { echo $((RANDOM << 15 & 0xf8000 | RANDOM)); }

for cxx in "${compilers[@]}"; do
	"$cxx" "${flags[@]}" -fPIE -c tests/preload/forms/exercise.cc -o "$WORK/exercise.o" || fail "$cxx: exercise.cc"
	# Replaced by libraries: each form is one of its own.
	"$cxx" "$WORK/exercise.o" -pie -rdynamic -o "$WORK/exercise" || fail "$cxx: does not link"
	for ((i = 0; i < FORMS; i++)); do
		"$cxx" "${flags[@]}" -fPIC -shared -DFORMS="(1 << $i)" tests/preload/forms/replace.cc -o "$WORK/form$i.so" ||
			fail "$cxx: replace.cc"
	done
	alike "$WORK/exercise" "nothing replaced" ""
	for ((i = 0; i < FORMS; i++)); do
		alike "$WORK/exercise" "form $i in a library" "$WORK/form$i.so"
		for ((j = i + 1; j < FORMS && ${#cxx} == 3; j += 4)); do # pairs: g++ only
			alike "$WORK/exercise" "forms $i and $j in libraries" "$WORK/form$i.so:$WORK/form$j.so"
		done
	done
	for ((k = 0; k < 10; k++)); do
		replaced="" bits=$(mask)
		for ((i = 0; i < FORMS; i++)); do
			((bits >> i & 1)) && replaced+=${replaced:+:}$WORK/form$i.so
		done
		alike "$WORK/exercise" "forms $bits in libraries" "$replaced"
	done
done

# Replaced in the program: preloaded, linked with libhakmem.a, static.
linked=0
masks=()
for i in 0 4 8 9 12 14 18; do masks+=($((1 << i))); done
for ((i = 0; i < 3; i++)); do masks+=("$(mask)"); done
for bits in 0 $((0xfffff)) $((0x303)) "${masks[@]}"; do
	g++ "${flags[@]}" -fPIE -DFORMS="$bits" -c tests/preload/forms/replace.cc -o "$WORK/replace.o" || fail "replace.cc"
	objects=("$WORK/exercise.o" "$WORK/replace.o")
	g++ "${objects[@]}" -pie -o "$WORK/plain" || fail "forms $bits do not link"
	alike "$WORK/plain" "forms $bits in the program" ""
	expected=$("$WORK/plain" 2>&1)
	for how in -pie -static; do
		g++ "${objects[@]}" $how "$OUT/libhakmem.a" -lpthread -o "$WORK/linked" 2>"$WORK/err" ||
			fail "forms $bits and libhakmem.a do not link ($how): $(head -n 3 "$WORK/err")"
		nm "$WORK/linked" | grep -q ' [tT] alloc_malloc_cold$' || fail "forms $bits ($how): libhakmem is not linked"
		said=$("$WORK/linked" 2>&1)
		[[ $said == "$expected" ]] ||
			fail "forms $bits, libhakmem.a, $how: $(diff <(echo "$expected") <(echo "$said") | head -n 6)"
		linked=$((linked + 1))
	done
done

# A program in C has no C++ library; the plugin that brings one along can catch what a failing operator new throws.
cat >"$WORK/plugin.cc" <<'END'
#include <new>
extern "C" int fails(unsigned long n)
{
	try {
		::operator delete(::operator new(n));
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}
extern "C" int fails_array(unsigned long n)
{
	try {
		delete[] new char[n];
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}
END
cat >"$WORK/host.c" <<'END'
#include <dlfcn.h>
int main(int c, char **v)
{
	void *plugin = dlopen(v[1], RTLD_NOW);
	int (*one)(unsigned long) = (int (*)(unsigned long))dlsym(plugin, "fails");
	int (*many)(unsigned long) = (int (*)(unsigned long))dlsym(plugin, "fails_array");
	return !(c == 2 && !one(100) && one(~0ul >> 2) && !many(100) && many(~0ul >> 2));
}
END
g++ "${flags[@]}" -O0 -fPIC -shared "$WORK/plugin.cc" -o "$WORK/plugin.so" && gcc "$WORK/host.c" -o "$WORK/host" -ldl ||
	fail "the plugin does not compile"
said=$(preloaded "$WORK/host" "$WORK/plugin.so" 2>&1) || fail "bad_alloc in a plugin of a C program: exit $?: $said"
echo "C++'s operators end where they do without libhakmem: $programs combinations preloaded, $linked linked (${compilers[*]})"
