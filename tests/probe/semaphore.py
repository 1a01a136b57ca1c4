# SPDX-License-Identifier: MIT
"""semaphore.py PID LIBRARY PROVIDER NAME: the value of that probe's semaphore in the process."""
import os
import re
import subprocess
import sys

pid, library, provider, name = sys.argv[1:]
notes = subprocess.run(["readelf", "-n", library], capture_output=True, text=True).stdout
match = re.search(rf"Provider: {provider}\s+Name: {name}\s+Location: \S+, Base: \S+, "
                  rf"Semaphore: (0x[0-9a-f]+)", notes)
if not match:
    sys.exit(f"{library} has no probe {provider}:{name}")
real = os.path.realpath(library)
with open(f"/proc/{pid}/maps") as maps:
    starts = [int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(real)]
with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
    memory.seek(min(starts) + int(match.group(1), 16))
    print(int.from_bytes(memory.read(2), "little"))
