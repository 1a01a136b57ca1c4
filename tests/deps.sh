#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages given that are not there yet; does nothing when all are.
set -eu
missing=
for p in "$@"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps: these packages are missing and there is no sudo; install them as root:$missing" >&2
		exit 1
	}
	as_root=sudo
fi
echo "deps: installing$missing" >&2
# A fresh machine may be busy with its own upgrades, and a mirror does not always answer at once.
patient='-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3'
# RUNLEVEL=1: the packages' servers are wanted as programs, not started as services.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# shellcheck disable=SC2086
install() { $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get $patient install -y -qq --no-install-recommends $missing >/dev/null; }
install 2>/dev/null || { $as_root apt-get $patient update -qq && install; }
