#!/bin/bash
# SPDX-License-Identifier: MIT
# `make install` into a staging directory; a program builds against what it installed.
set -u
cd "$(dirname "$0")/../.." || exit 1
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
make -s OUT="${OUT:-out}" DESTDIR="$stage" PREFIX=/usr install >/dev/null || { echo "make install failed"; exit 1; }
cat >"$stage/program.c" <<'PROGRAM'
#include <hakmem.h>
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	void *p = malloc(100);
	uint64_t purge_ms;
	printf("%s %s %d %d\n", hak_version(), hak_mode(), hak_owns(p), hak_option("HAKMEM_PURGE_MS", &purge_ms));
	free(p);
	return 0;
}
PROGRAM
export PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage
read -ra flags < <(pkg-config --cflags --libs hakmem)
gcc "$stage/program.c" "${flags[@]}" -o "$stage/program" || { echo "does not link"; exit 1; }
said=$(LD_LIBRARY_PATH=$stage/usr/lib "$stage/program")
[[ $said == *" normal 1 0" ]] || { echo "the program says: $said"; exit 1; }
for f in usr/bin/hakbench usr/sbin/hakprobe usr/lib/libhakmem.a usr/share/man/man3/hakmem.3 \
	usr/share/man/man8/hakprobe.8 usr/share/man/man1/hakbench.1 \
	usr/share/bash-completion/completions/hakprobe usr/share/zsh/site-functions/_hakprobe; do
	[[ -f $stage/$f ]] || { echo "missing: $f"; exit 1; }
done
echo "installed, found by pkg-config, linked: hakmem $said"
