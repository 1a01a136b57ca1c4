# SPDX-License-Identifier: MIT
"""exact.py FILE LAPS: the readings in FILE (hakprobe --json) end with exactly what exact_target did
in LAPS laps, class by class, and never went back."""
import json
import sys

THREADS, CLASSES = 4, 20


def expected(laps):
    return {400 + 32 * i: laps * THREADS * (125000 + (2 * i - 19) * 500) for i in range(CLASSES)}


def by_size(reading):
    return {c["size"]: c for c in reading["classes"]}


def main():
    path, laps = sys.argv[1], int(sys.argv[2])
    with open(path) as file:
        readings = [json.loads(line) for line in file]
    want = expected(laps)
    assert sum(want.values()) == laps * 10_000_000
    last = by_size(readings[-1])
    for size, count in want.items():
        got = last.get(size, {"mallocs": 0, "frees": 0})
        if (got["mallocs"], got["frees"]) != (count, count):
            sys.exit(f"size {size}: {got['mallocs']} mallocs and {got['frees']} frees reported, "
                     f"{count} of each done")
        if sum(got["routes"].values()) != got["mallocs"]:
            sys.exit(f"size {size}: routes do not add up to {got['mallocs']}: {got['routes']}")
    first, total = readings[0]["totals"], readings[-1]["totals"]
    for a, b in zip(readings, readings[1:]):
        for name in ("mallocs", "frees", "cold"):
            if b["totals"][name] < a["totals"][name]:
                sys.exit(f"{name} went back from {a['totals'][name]} to {b['totals'][name]}")
        if b["interval"]["mallocs"] != b["totals"]["mallocs"] - a["totals"]["mallocs"]:
            sys.exit(f"interval and totals differ: {a['totals']} {b['totals']} {b['interval']}")
    others = sum(c["mallocs"] for c in readings[-1]["classes"]) - sum(want.values())
    if total["mallocs"] - sum(want.values()) != others:
        sys.exit("totals are not the sum of the classes")
    if readings[-1]["probe"]["lost"]:
        sys.exit(f"{readings[-1]['probe']['lost']} events were lost")
    print(f"{sum(want.values())} mallocs and frees in {CLASSES} classes exact "
          f"({len(readings)} readings, first {first['mallocs']}, last {total['mallocs']} mallocs)")


main()
