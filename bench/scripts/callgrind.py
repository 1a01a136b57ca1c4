#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What callgrind counted, split at the border between hakbench and the allocator.

  callgrind.py calls FILE              one line per allocator function that hakbench calls:
                                       NAME CALLS INSTRUCTIONS (with all that it calls)
  callgrind.py zones FILE              ZONE INSTRUCTIONS BRANCHES, for the zones
                                         wrapper   the allocator's entry points themselves
                                         cold      what the entry points call
                                         loop      all the rest: hakbench, start-up
  callgrind.py zones-per-op A B OPS    the same, (B - A) / OPS: set-up and warm-up cancel out
  callgrind.py hit FILE...             NAME INSTRUCTIONS [NAME INSTRUCTIONS]: the files are runs
                                       of the workload hit, each with one more malloc and free
                                       than the one before; prints what one more call costs, the
                                       most frequent of the differences (a refill now and then is
                                       not a hit)

  callgrind.py split A B OPS LIBRARY   (B - A) / OPS by whose code it is:
                                         wrapper   the entry points themselves
                                         cold      the rest of LIBRARY (glibc: of its malloc)
                                         libc      the C library and the dynamic linker
                                         loop      hakbench
                                         inside    wrapper + cold + libc
  callgrind.py top A B OPS [N]         the N costliest functions: INSTRUCTIONS BRANCHES OBJECT NAME
  callgrind.py listing A B OPS LIBRARY NAME...
                                       machine code of these functions of LIBRARY, each
                                       instruction with how often it is executed per call and per
                                       operation (needs --dump-instr=yes, objdump)
  callgrind.py calls-in FILE LIBRARY   what a program pays its allocator: CALLS from other objects into
                                       LIBRARY's malloc and kin, INSTRUCTIONS with all that they
                                       call, INSTRUCTIONS of LIBRARY's own code (glibc: not known,
                                       -); a line per function that is called: NAME CALLS
                                       INSTRUCTIONS; and the costliest parts: own NAME INSTRUCTIONS

Branches are conditional branches and indirect jumps (callgrind's Bc + Bi).
"""
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

# What of libc is not its malloc: names that libc exports. Its malloc's own parts have no names.
LIBC_REST = re.compile(r"^_*(mem|str|wmem|mmap|munmap|mremap|madvise|mprotect|brk|sbrk|clock|gettime|clone|pthread|start_thread"
                       r"|sched|futex|nptl|write|read|open|close|getrusage|syscall|dl_|rtld|tls_|sysconf|get_nprocs)")
# What a program calls; some peers have a second name for the same address.
API = re.compile(r"^((tc|mi|je)_\w+|malloc|calloc|realloc|reallocarray|free|cfree|memalign|aligned_alloc|posix_memalign|valloc|pvalloc"
                 r"|malloc_usable_size|_Zn[wa]\w*|_Zd[la]\w*|operator (new|delete)(\[\])?(\(.*\))?)(@@?\w.*)?('\d+)?$")
ENTRY = re.compile(r"(malloc|calloc|realloc|free|memalign|aligned_alloc|operator new|operator delete)")


def is_libc(obj):
    return re.match(r"(libc|ld-linux|ld|libpthread|libm|vdso)[.-]", os.path.basename(obj or "")) is not None


class Profile:
    """Self cost per function, and the calls from hakbench into other objects."""

    def __init__(self, path):
        self.self_cost = defaultdict(Counter)  # (object, function) -> event -> cost
        self.entries = defaultdict(Counter)  # (object, function) -> "calls" and events, inclusive
        self.external = defaultdict(Counter)  # (caller's object, object, function) -> the same, by anybody else
        self.executed = Counter()  # (object, address) -> instructions, with --dump-instr=yes
        self.names = {}
        self._parse(path)

    def _name(self, kind, text):
        """Callgrind's name compression: `(7) name` defines, `(7)` refers."""
        match = re.match(r"\((\d+)\)(?: (.*))?$", text)
        if not match:
            return text
        if match.group(2) is not None:
            self.names[kind, match.group(1)] = match.group(2)
        return self.names[kind, match.group(1)]

    def _parse(self, path):
        events, obj, fn, callee_obj, callee, calls = [], None, None, None, None, 0
        positions, address = 1, 0
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                line = line.rstrip("\n")
                if line and line[0] in "0123456789+-*":
                    fields = line.split()
                    if positions == 2:
                        address = self._address(address, fields[0])
                    costs = Counter(dict(zip(events, map(int, fields[positions:]))))
                    if not calls:
                        self.executed[obj, address] += costs["Ir"]
                    if calls:
                        if self._is_external(obj, fn, callee_obj, callee):
                            self.external[obj, callee_obj, callee].update(costs)
                            self.external[obj, callee_obj, callee]["calls"] += calls
                        if self._is_bench(obj) and not self._is_bench(callee_obj) and ENTRY.search(callee):
                            self.entries[callee_obj, callee].update(costs)
                            self.entries[callee_obj, callee]["calls"] += calls
                        calls, callee_obj = 0, obj
                    else:
                        self.self_cost[obj, fn].update(costs)
                elif line.startswith("ob="):
                    obj = callee_obj = self._name("ob", line[3:])
                elif line.startswith("fn="):
                    fn = self._name("fn", line[3:])
                elif line.startswith("cob="):
                    callee_obj = self._name("ob", line[4:])
                elif line.startswith("cfn="):
                    callee = self._name("fn", line[4:])
                elif line.startswith("calls="):
                    calls = int(line[6:].split()[0])
                elif line.startswith("positions:"):
                    positions = len(line.split()) - 1
                elif line.startswith("events:"):
                    events = line.split()[1:]
                # File names are compressed too, but never referred to by the lines above.

    @staticmethod
    def _address(last, text):
        """Absolute, or relative to the line before."""
        if text == "*":
            return last
        if text[0] in "+-":
            return last + int(text, 0)
        return int(text, 16)

    def split(self, library):
        """Self cost by whose code it is; `library` is the allocator's path."""
        zones = {"wrapper": Counter(), "cold": Counter(), "libc": Counter(), "loop": Counter()}
        for (obj, name), cost in self.self_cost.items():
            zones[self.zone(obj, name, library)].update(cost)
        return zones

    def zone(self, obj, name, library):
        if self._is_bench(obj):
            return "loop"
        if (obj, name) in self.entries:
            return "wrapper"
        if obj and os.path.realpath(obj) == os.path.realpath(library):
            return "libc" if is_libc(obj) and LIBC_REST.match(name) else "cold"
        return "libc" if is_libc(obj) or not obj or obj == "???" else "cold"

    @staticmethod
    def _is_bench(obj):
        return obj is not None and obj.endswith("/hakbench")

    @staticmethod
    def _is_external(obj, fn, callee_obj, callee):
        """A call of malloc or its kin by name from elsewhere. Of glibc's, all but those of its own malloc."""
        if not API.match(callee):
            return False
        return obj != callee_obj or (is_libc(obj) and not API.match(fn))

    def zones(self):
        inside, wrapper, total = Counter(), Counter(), Counter()
        for key, cost in self.entries.items():
            inside.update(cost)
            wrapper.update(self.self_cost[key])
        for cost in self.self_cost.values():
            total.update(cost)
        cold, loop = Counter(inside), Counter(total)
        cold.subtract(wrapper)
        loop.subtract(inside)
        return {"wrapper": wrapper, "cold": cold, "loop": loop}


def per(cost, ops):
    """Per operation; what is nothing is not minus nothing."""
    return cost / ops if abs(cost / ops) >= 0.005 else 0.0


def branches(cost):
    return cost["Bc"] + cost["Bi"]


def print_calls(path):
    for (_, name), cost in sorted(Profile(path).entries.items()):
        print(name, cost["calls"], cost["Ir"])


def print_zones(path_a, path_b, ops):
    before = Profile(path_a).zones() if path_a else defaultdict(Counter)
    after = Profile(path_b).zones()
    for zone in ("wrapper", "cold", "loop"):
        print(f"{zone} {(after[zone]['Ir'] - before[zone]['Ir']) / ops:.4f}"
              f" {(branches(after[zone]) - branches(before[zone])) / ops:.4f}")


def print_split(path_a, path_b, ops, library):
    before, after = Profile(path_a).split(library), Profile(path_b).split(library)
    inside = [0, 0]
    for zone in ("wrapper", "cold", "libc", "loop"):
        i = per(after[zone]["Ir"] - before[zone]["Ir"], ops)
        b = per(branches(after[zone]) - branches(before[zone]), ops)
        if zone != "loop":
            inside = [inside[0] + i, inside[1] + b]
        print(f"{zone} {i:.4f} {b:.4f}")
    print(f"inside {inside[0]:.4f} {inside[1]:.4f}")


def print_top(path_a, path_b, ops, count):
    before, after = Profile(path_a).self_cost, Profile(path_b).self_cost
    costs = {key: ((cost["Ir"] - before[key]["Ir"]) / ops, (branches(cost) - branches(before[key])) / ops)
             for key, cost in list(after.items())}
    for (obj, name), (i, b) in sorted(costs.items(), key=lambda item: -item[1][0])[:count]:
        print(f"{i:.4f} {b:.4f} {os.path.basename(obj or '???')} {name}")


def print_listing(path_a, path_b, ops, library, names):
    before, after = Profile(path_a), Profile(path_b)
    objects = [obj for obj in {key[0] for key in after.executed} if obj and os.path.realpath(obj) == os.path.realpath(library)]
    for name in names:
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", f"--disassemble={name}", library],
                              capture_output=True, text=True, check=True).stdout
        lines = re.findall(r"^ *([0-9a-f]+):\t(.*)$", text, re.M)
        counts = [sum(after.executed[obj, int(at, 16)] - before.executed[obj, int(at, 16)] for obj in objects)
                  for at, _ in lines]
        calls = counts[0] if counts else 0
        print(f"{name}: {calls} calls, {calls / ops:.4f} per operation;"
              f" {sum(counts) / calls if calls else 0:.2f} instructions a call\n")
        print("   per call  per op   instruction")
        for (at, code), count in zip(lines, counts):
            per_call = f"{count / calls:9.4f} {count / ops:8.4f}" if calls and count > 0 else f"{'.':>9} {'.':>8}"
            print(f"  {per_call}   {at}: {code.strip()}")
        print()


def print_calls_in(path, library):
    profile, library, entries = Profile(path), os.path.realpath(library), defaultdict(Counter)

    def is_own(obj, name):
        # tcmalloc has its entry points in a section of their own, which callgrind takes for no object.
        return obj and (os.path.realpath(obj) == library or (obj == "???" and API.match(name)))

    for (caller, obj, name), cost in profile.external.items():
        if is_own(obj, name) and (os.path.realpath(caller or "") != library or is_libc(library)):
            entries[name].update(cost)
    calls, inside = sum(c["calls"] for c in entries.values()), sum(c["Ir"] for c in entries.values())
    own = sum(c["Ir"] for (obj, name), c in profile.self_cost.items() if is_own(obj, name))
    if not calls:
        sys.exit(f"callgrind.py: nothing calls {library}: no figure")
    print(calls, inside, "-" if is_libc(library) else own)
    for name, cost in sorted(entries.items(), key=lambda item: -item[1]["Ir"]):
        print(name, cost["calls"], cost["Ir"])
    parts = Counter({name: c["Ir"] for (obj, name), c in profile.self_cost.items() if is_own(obj, name)})
    for name, cost in parts.most_common(0 if is_libc(library) else 20):
        print("own", name, cost)


def is_free(name):
    return re.search("free|delete", name) is not None


def print_hit(paths):
    profiles = [Profile(path) for path in paths]
    for want_free in (False, True):
        costs, names = Counter(), set()
        for a, b in zip(profiles, profiles[1:]):
            cost = calls = 0
            for key, entry in b.entries.items():
                if is_free(key[1]) == want_free:
                    cost += entry["Ir"] - a.entries[key]["Ir"]
                    calls += entry["calls"] - a.entries[key]["calls"]
                    names.add(key[1])
            if calls != 1:
                sys.exit(f"callgrind.py: expected one more call between two runs, found {calls}")
            costs[cost] += 1
        cost, times = costs.most_common(1)[0]
        if times < 2:
            sys.exit(f"callgrind.py: no difference occurred twice: {dict(costs)}")
        print("/".join(sorted(names)).replace(" ", "_"), cost)


def main(argv):
    if len(argv) == 3 and argv[1] == "calls":
        print_calls(argv[2])
    elif len(argv) == 4 and argv[1] == "calls-in":
        print_calls_in(argv[2], argv[3])
    elif len(argv) == 3 and argv[1] == "zones":
        print_zones(None, argv[2], 1)
    elif len(argv) == 5 and argv[1] == "zones-per-op":
        print_zones(argv[2], argv[3], float(argv[4]))
    elif len(argv) == 6 and argv[1] == "split":
        print_split(argv[2], argv[3], float(argv[4]), argv[5])
    elif len(argv) in (5, 6) and argv[1] == "top":
        print_top(argv[2], argv[3], float(argv[4]), int(argv[5]) if len(argv) == 6 else 10)
    elif len(argv) > 6 and argv[1] == "listing":
        print_listing(argv[2], argv[3], float(argv[4]), argv[5], argv[6:])
    elif len(argv) > 4 and argv[1] == "hit":
        print_hit(argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
