# SPDX-License-Identifier: MIT
"""Reads the samples of a capture (docs/capture.md), for the tests that need more than sums."""
import struct

SAMPLES = 4


def samples(path):
    """(time_ns, ptr, size, weighted_bytes, stack, pid, tid, comm) of each sample."""
    data = open(path, "rb").read()
    at = 16
    while at < len(data):
        kind, _, size = struct.unpack_from("<IIQ", data, at)
        at += 16
        if kind == SAMPLES:
            yield from struct.iter_unpack("<QQQQIIII", data[at:at + size])
        at += size


def variance(path):
    """Of the sum of weights, without bias: a block that is kept with probability p weighs size / p."""
    return sum(weight * (weight - size) for _, _, size, weight, *_ in samples(path))
