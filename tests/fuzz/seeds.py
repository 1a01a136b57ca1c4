# SPDX-License-Identifier: MIT
"""seeds.py DIRECTORY: writes an input or two for each fuzz target to begin with, in a directory each."""
import os
import struct
import subprocess
import sys
import tempfile


def capture():
    stack = struct.pack("<II", 2, 0) + struct.pack("<QII", 0x1000, 1, 2) + struct.pack("<QII", 0x2000, 2, 0)
    chunks = [
        (1, b"hakprobe=0.1.0\npid=7\nseconds=5\n"),
        (2, b"thread\0main\0work\0/bin/x\0abcd\0"),
        (3, stack),
        (4, struct.pack("<QQQQIIII", 5, 0x7000, 100, 524288, 0, 7, 7, 0)),
        (5, struct.pack("<QQ", 9, 0x7000)),
        (6, struct.pack("<QQQII", 0x1000, 0x3000, 0, 3, 4)),
        (7, struct.pack("<IIQQQ", 7, 0, 112, 50, 40)),
        (8, struct.pack("<QQQQQQQ", 5, 1, 1, 1, 1, 1, 0)),
    ]
    file = b"\x89HAK\r\n\x1a\n" + struct.pack("<II", 1, 0)
    for kind, payload in chunks:
        file += struct.pack("<IIQ", kind, 0, len(payload)) + payload
    yield file


def pprof():
    def varint(n):
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])

    def number(field, n):
        return varint(field << 3) + varint(n)

    def text(field, data):
        return varint(field << 3 | 2) + varint(len(data)) + data

    strings = [b"", b"alloc_space", b"bytes", b"main", b"work"]
    profile = text(1, number(1, 1) + number(2, 2))
    profile += text(2, number(1, 2) + number(1, 1) + number(2, 1000))
    for place in 1, 2:
        profile += text(4, number(1, place) + number(3, 4096 * place) + text(4, number(1, place) + number(2, 9)))
        profile += text(5, number(1, place) + number(2, 2 + place))
    yield profile + b"".join(text(6, string) for string in strings) + number(14, 1)


def trace():
    records = [(0, 0, 0, 0, 100), (0, 1, 1, 0, 8), (0, 0, 2, 0, 200), (0, 0, 3, 6, 64), (2, 1, 4, 0, 0),
               (0xffffffff, 0, 4, 0, 0), (1, 0, 4, 0, 0)]
    header = b"hakmem trace 1\n\0" + struct.pack("<QQQQII", len(records), 4, 372, 0, 2, 7) + b"redis".ljust(64, b"\0")
    yield header.ljust(4096, b"\0") + b"".join(struct.pack("<IHBBQ", *record) for record in records)


LIBRARY = """
    .pushsection .note.hakmem, "", "note"
    .balign 4
    .4byte 7, 16, 1
    .asciz "hakmem"
    .balign 4
    .4byte 42, 4711
    .8byte 0x1000
    .popsection
    .pushsection .note.stapsdt, "", "note"
    .balign 4
    .4byte 8, 2f - 1f, 3
    .asciz "stapsdt"
1:  .8byte 0x1000, 0, 0
    .asciz "hakmem"
    .asciz "tally"
    .asciz "8@%rdi 8@%rsi"
2:  .balign 4
    .popsection
    .globl malloc, free
    .type malloc, @function
    .type free, @function
malloc: nop
    ret
    .size malloc, . - malloc
free: ret
    .size free, . - free
"""


def elf():
    """Small libraries as a compiler makes them, stripped and not, with debug information packed and not."""
    with tempfile.TemporaryDirectory() as directory:
        source, library = directory + "/x.s", directory + "/x.so"
        with open(source, "w") as file:
            file.write(LIBRARY)
        for options in [], ["-s"], ["-g"], ["-g", "-gz=zlib"], ["-Wl,-z,noseparate-code"]:
            command = ["gcc", "-shared", "-nostdlib", "-Wl,-z,max-page-size=4096,--build-id", source, "-o", library]
            if subprocess.run(command + options, check=False).returncode == 0:
                with open(library, "rb") as file:
                    yield file.read()


def maps():
    with open("/proc/self/maps", "rb") as file:
        yield file.read()[:16000]
    yield b"7f0000000000-7f0000001000 r-xp 00000000 fe:00 9                          /tmp/x.so (deleted)\n"


SEEDS = {
    "elf": elf(),
    "maps": maps(),
    "records": [bytes(8), bytes([0, 0, 16]) + bytes(16), bytes([255, 3, 8]) + b"\1" * 8 + bytes([80, 7, 32]) + b"\2" * 32],
    "capture": capture(),
    "pprof": pprof(),
    "trace": trace(),
    "folded": [b"main;work;malloc 100\n# no stack\nmain 1e3\n\nmain;\xc3\xa9 7\r\n"],
    "perf_map": [struct.pack("<Q", 0x1008) + b"1000 10 first\n2000 20 a name of words\n2008 4 later\n3"],
    "options": [b"HOME=/\nHAKMEM_PROFILE=lean\nHAKMEM_SAMPLE_BYTES=4096\nHAKMEM_PURGE_MS=0\nHAKMEM_VERBOSE=1\n"
                b"HAKMEM_FORCE_LIBC_ALLOC=1\nHAKMEM_NO_SUCH=1\nHAKMEM_FASTLANE_DIRECT=2\nHAKMEM_HUGE_PAGES=1"],
}

for target, inputs in SEEDS.items():
    directory = os.path.join(sys.argv[1], target)
    os.makedirs(directory, exist_ok=True)
    for i, data in enumerate(inputs):
        with open(os.path.join(directory, f"seed-{i}"), "wb") as file:
            file.write(data)
