#!/bin/bash
# SPDX-License-Identifier: MIT
# The static TLS that libhakmem needs: there for a preloaded library; under LD_AUDIT and for dlopen with the tunable that README.md names.
set -u
# shellcheck source=tests/preload_lib.sh
. tests/preload_lib.sh

CC=${CC:-gcc}
need "$CC"
make_work
remedy=$(grep -o 'GLIBC_TUNABLES=glibc\.rtld\.optional_static_tls=[0-9]*' README.md | head -n 1)
[[ -n $remedy ]] || fail "README.md names no remedy"
/lib64/ld-linux-x86-64.so.2 --list-tunables 2>/dev/null | grep -q optional_static_tls || skip "this glibc has no tunable for it"

echo '#include <link.h>
unsigned la_version(unsigned version) { return version; }' >"$WORK/audit.c"
flags=(-O2 -fno-builtin -shared -fPIC)
"$CC" "${flags[@]}" "$WORK/audit.c" -o "$WORK/audit.so" &&
	"$CC" "${flags[@]}" -Wl,--no-as-needed tests/preload/plugin/linked.c "$HAKMEM" -Wl,-rpath,"$(dirname "$HAKMEM")" -o "$WORK/plugin.so" ||
	fail "the libraries do not build"
preloads=
for i in 1 2 3 4 5 6; do
	echo "__thread char tls_${i}[3000] __attribute__((tls_model(\"initial-exec\"))); char *get_$i(void) { return tls_$i; }" >"$WORK/$i.c"
	"$CC" "${flags[@]}" "$WORK/$i.c" -o "$WORK/$i.so" || fail "library $i does not build"
	preloads+="$WORK/$i.so "
done

# started SETTING...: libhakmem says that it runs.
started() {
	said=$(env "$@" HAKMEM_VERBOSE=start ls -d / 2>&1) || return 1
	[[ $said == *"mode normal"* ]]
}
started LD_PRELOAD="$preloads$HAKMEM" || fail "with six other libraries that want static TLS: $said"
started LD_AUDIT="$WORK/audit.so" LD_PRELOAD="$HAKMEM" "$remedy" || fail "under LD_AUDIT with $remedy: $said"
if ! started LD_AUDIT="$WORK/audit.so" LD_PRELOAD="$HAKMEM"; then
	[[ $said == *libhakmem*"static TLS"* ]] || fail "under LD_AUDIT, without a remedy, the loader does not say why: $said"
fi
said=$(env "$remedy" timeout 60 "$PROGRAMS/static_tls" "$WORK/plugin.so" 2>&1) || fail "dlopen with $remedy (exit $?): $said"
echo "static TLS suffices for a preload among others; under LD_AUDIT and for dlopen with $remedy"
