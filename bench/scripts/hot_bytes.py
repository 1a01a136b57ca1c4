#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the entry points' machine code of two builds.

  hot_bytes.py OBJECTS_A LIBRARY_A OBJECTS_B LIBRARY_B

Twice, for every exported function of the malloc family and every operator new and delete:

  compiled  its bytes in the object file (fields that the linker fills in are still zero), together
            with its relocations: offset, type, symbol, addend
  linked    its bytes in the library, but for exactly those fields that the object's relocations
            name: they hold distances to other code and data, which lie elsewhere in a library of
            another size, and the comparison of the relocations has shown that they mean the same

One line per function: name, bytes, SHA-256 of both, verdict. Exit 1 when any differs.
"""
import glob
import hashlib
import re
import struct
import sys
from collections import namedtuple

ENTRY = re.compile(r"(malloc|free|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|pvalloc"
                   r"|free_sized|free_aligned_sized|_Zn[wa]\w+|_Zd[la]\w+)$")
SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_DYNSYM = 2, 3, 4, 11
STT_FUNC, STT_GNU_IFUNC = 2, 10
R_X86_64_64, R_X86_64_GOTPCRELX = 1, 41
JUMP = 0xE9

Section = namedtuple("Section", "name type flags address offset size link info align entry_size")
Function = namedtuple("Function", "code relocations")


class Elf:
    """As much of an ELF64 file as is needed here."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            sys.exit(f"hot_bytes.py: {path} is not a little-endian ELF64 file")
        offset, = struct.unpack_from("<Q", self.data, 0x28)
        size, count = struct.unpack_from("<HH", self.data, 0x3A)
        self.sections = [Section(*struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size)) for i in range(count)]

    def bytes_of(self, section):
        return self.data[section.offset:section.offset + section.size]

    def symbols(self, kind):
        """(name, type, section index, value, size) of each symbol, in order."""
        for table in self.sections:
            if table.type != kind:
                continue
            strings = self.bytes_of(self.sections[table.link])
            for name, info, _, index, value, size in struct.iter_unpack("<IBBHQQ", self.bytes_of(table)):
                yield strings[name:strings.index(b"\0", name)].decode(), info & 15, index, value, size

    def relocations(self, index, start, end):
        """(offset from start, type, symbol, addend) within a part of a section."""
        names = [name or f"section {section}" for name, _, section, _, _ in self.symbols(SHT_SYMTAB)]
        for table in self.sections:
            if table.type == SHT_RELA and table.info == index:
                for offset, info, addend in struct.iter_unpack("<QQq", self.bytes_of(table)):
                    if start <= offset < end:
                        yield offset - start, info & 0xFFFFFFFF, names[info >> 32], addend


def compiled_functions(directory):
    functions = {}
    for path in sorted(glob.glob(f"{directory}/*.o")):
        elf = Elf(path)
        for name, kind, index, value, size in elf.symbols(SHT_SYMTAB):
            if kind == STT_FUNC and index and ENTRY.match(name):
                code = elf.bytes_of(elf.sections[index])[value:value + size]
                functions[name] = Function(code, tuple(elf.relocations(index, value, value + size)))
    return functions


def linked_code(path, compiled):
    """name -> bytes, with the fields of the relocations zeroed."""
    elf, linked = Elf(path), {}
    for name, kind, index, value, size in elf.symbols(SHT_DYNSYM):
        if kind not in (STT_FUNC, STT_GNU_IFUNC) or not index or not ENTRY.match(name):
            continue
        section = elf.sections[index]
        start = section.offset + value - section.address
        code = bytearray(elf.data[start:start + size])
        for offset, kind_of_relocation, _, _ in compiled[name].relocations:
            width = 8 if kind_of_relocation == R_X86_64_64 else 4
            # The linker makes `jmp *f@GOT(%rip)` (ff 25 distance) `jmp f; nop` (e9 distance 90).
            if kind_of_relocation == R_X86_64_GOTPCRELX and code[offset - 2] == JUMP:
                offset -= 1
            code[offset:offset + width] = bytes(width)
        linked[name] = bytes(code)
    return linked


def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def main(argv):
    if len(argv) != 5:
        sys.exit(__doc__)
    compiled = [compiled_functions(argv[1]), compiled_functions(argv[3])]
    linked = [linked_code(argv[2], compiled[0]), linked_code(argv[4], compiled[1])]
    if "malloc" not in linked[0] or "free" not in linked[0]:
        sys.exit(f"hot_bytes.py: {argv[2]} exports no malloc and free")
    print(f"  {'function':34} {'bytes':>5}  {'compiled':12}  {'linked':12}  verdict")
    differ = 0
    for name in sorted(linked[0].keys() | linked[1].keys()):
        same = (name in linked[0] and name in linked[1] and compiled[0][name] == compiled[1][name]
                and linked[0][name] == linked[1][name])
        differ += not same
        if name not in linked[0]:
            print(f"  {name:34} only in {argv[4]}  DIFFERS")
            continue
        function = compiled[0][name]
        print(f"  {name:34} {len(function.code):5}  {digest(function.code + repr(function.relocations).encode())}  "
              f"{digest(linked[0][name])}  {'identical' if same else 'DIFFERS'}")
    print(f"  {len(linked[0])} functions, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
