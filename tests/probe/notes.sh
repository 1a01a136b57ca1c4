#!/bin/bash
# SPDX-License-Identifier: MIT
# The library's notes are the catalogue of docs/probes.md: names, number and operands of arguments,
# semaphores, and the bytes at the sites.
set -u
OUT=${OUT:-out}
exec python3 - "$OUT/libhakmem.so" docs/probes.md <<'END'
import re
import subprocess
import sys

library, document = sys.argv[1:]
SITE = bytes.fromhex("90 66 2e 0f 1f 84 00 00 00 00 00")
REGISTERS = ["8@%rdi", "8@%rsi", "8@%rdx"]


def catalogue():
    probes = {}
    for line in open(document):
        row = re.match(r"\| `(\w+):(\w+)` \| ([^|]*) \|", line)
        if row:
            provider, name, arguments = row.groups()
            probes[provider, name] = len([a for a in arguments.split(",") if a.strip()])
    return probes


def notes():
    text = subprocess.run(["readelf", "-n", library], capture_output=True, text=True, check=True).stdout
    pattern = (r"Provider: (\w+)\s+Name: (\w+)\s+Location: (0x[0-9a-f]+), Base: (0x[0-9a-f]+), "
               r"Semaphore: (0x[0-9a-f]+)\s+Arguments: ?([^\n]*)")
    return re.findall(pattern, text)


def sections():
    text = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True).stdout
    found = {}
    for row in re.findall(r"\] (\S+) +\w+ +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)", text):
        found[row[0]] = tuple(int(number, 16) for number in row[1:])
    return found


want, have, where, data = catalogue(), notes(), sections(), open(library, "rb").read()
assert want, f"no catalogue in {document}"
seen = {}
for provider, name, location, base, semaphore, arguments in have:
    probe = f"{provider}:{name}"
    assert (provider, name) in want, f"{probe} is in the library and not in {document}"
    count = want[provider, name]
    assert arguments.split() == REGISTERS[:count], f"{probe}: {count} arguments documented, has {arguments}"
    address, offset, size = where[".probes"]
    assert address <= int(semaphore, 16) < address + size, f"{probe}: semaphore {semaphore} is not in .probes"
    assert semaphore not in [s for p, s in seen.items() if p != probe], f"{probe} shares its semaphore"
    assert int(base, 16) == where[".stapsdt.base"][0], f"{probe}: base {base}"
    address, offset, size = where[".text"]
    at = int(location, 16) - address + offset
    assert data[at:at + len(SITE)] == SITE, f"{probe}: {data[at:at + len(SITE)].hex(' ')} at its site"
    seen[probe] = semaphore
missing = [f"{p}:{n}" for p, n in want if f"{p}:{n}" not in seen]
assert not missing, f"documented but not in the library: {missing}"
print(f"{len(have)} sites of {len(seen)} probes are as {document} says, site bytes included")
END
