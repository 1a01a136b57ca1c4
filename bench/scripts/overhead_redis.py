#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""overhead_redis.py HAKBENCH LIBRARY HAKPROBE ROUNDS LIMIT

One redis-server under the library. A round is redis-benchmark (SET, GET, LPUSH, ZADD; pipelines of
16) once with hakprobe attached in its default mode and once without, on an emptied server, in turns
first and second. Its figure is the geometric mean over the commands of requests/s attached /
unattached. A hakprobe that saw no mallocs or no probe hits has not been attached, and ends the
measurement. In the end, what hakprobe itself takes in that mode and with --flame alloc,live,cpu: time until
it is ready, CPU and memory.
"""
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

from overhead import fail, median_interval, verdict

COMMANDS = "set,get,lpush,zadd"
REQUESTS = 200000


class Server:
    """redis-server on a socket in a directory of its own."""

    def __init__(self, library, where):
        self.socket = os.path.join(where, "socket")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", where, "--save", "",
             "--appendonly", "no"], stdout=subprocess.DEVNULL, env={"PATH": "/usr/bin:/bin", "LD_PRELOAD": library})
        for _ in range(100):
            if self.ask("ping") == "PONG":
                return
            time.sleep(0.1)
        fail("redis-server does not answer")

    def ask(self, *words):
        out = subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, check=False)
        return out.stdout.strip()

    def load(self):
        """Requests/s by command."""
        self.ask("flushall", "sync")
        out = subprocess.run(
            ["redis-benchmark", "-s", self.socket, "-t", COMMANDS, "-n", str(REQUESTS), "-P", "16", "-r", "100000",
             "-d", "100", "--csv"], capture_output=True, text=True, check=True).stdout
        rates = {}
        for line in out.splitlines():
            words = line.replace('"', "").split(",")
            if words[0] in ("SET", "GET", "LPUSH", "ZADD"):
                rates[words[0]] = float(words[1])
        if len(rates) != 4:
            fail(f"redis-benchmark said {out}")
        return rates


def attached_load(server, hakprobe, options=()):
    """The load while hakprobe is attached: requests/s, and what hakprobe itself took."""
    begin = time.monotonic()
    process = subprocess.Popen([hakprobe, "-p", str(server.process.pid), "--json", *options, "1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "attached to process" in line:
            break
    else:
        fail("hakprobe did not attach")
    own = {"ready": time.monotonic() - begin}
    rates = server.load()
    process.terminate()
    reports = [json.loads(line) for line in process.communicate()[0].splitlines()]
    if process.returncode or not reports:
        fail(f"hakprobe exited with {process.returncode} after {len(reports)} reports")
    for name, seen in (("mallocs", sum(r["interval"]["mallocs"] for r in reports)),
                       ("probe hits", sum(r["probe"]["hits"] for r in reports))):
        if seen <= 0:
            fail(f"hakprobe saw no {name}: it was not attached")
    seconds = sum(r["interval"]["seconds"] for r in reports)
    own["cpu"] = sum(r["probe"]["cpu_percent"] * r["interval"]["seconds"] for r in reports) / seconds
    own["rss"] = max(r["probe"]["rss"] for r in reports)
    own["lost"] = reports[-1]["probe"]["lost"]
    return rates, own


def tell_own(mode, runs):
    print(f"hakprobe itself, {mode}: ready after {max(r['ready'] for r in runs):.2f} s at most,"
          f" {statistics.median(r['cpu'] for r in runs):.2f} % of a core (median),"
          f" {max(r['rss'] for r in runs) / 2**20:.1f} MiB RSS at most, {sum(r['lost'] for r in runs)} events lost")


def main(argv):
    if len(argv) != 6:
        sys.exit(__doc__)
    hakbench, library, hakprobe, rounds, limit = *argv[1:4], int(argv[4]), float(argv[5])
    ratios, runs, flame_runs = [], [], []
    with tempfile.TemporaryDirectory() as where:
        server = Server(library, where)
        try:
            with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
                if os.path.basename(library) not in maps.read():
                    fail(f"redis-server does not run with {library}")
            server.load()
            print(f"{'round':>5} {'unattached req/s':>17} {'attached req/s':>15} {'ratio':>8}")
            for i in range(rounds):
                free = server.load() if i % 2 else None
                busy, own = attached_load(server, hakprobe)
                runs.append(own)
                free = free or server.load()
                ratios.append(math.exp(statistics.mean(math.log(busy[c] / free[c]) for c in free)))
                print(f"{i + 1:5} {statistics.geometric_mean(free.values()):17.0f}"
                      f" {statistics.geometric_mean(busy.values()):15.0f} {ratios[-1]:8.4f}")
            flame = ("--flame", "alloc,live,cpu", "-o", os.path.join(where, "%k.svg"))
            for _ in range(3):
                flame_runs.append(attached_load(server, hakprobe, flame)[1])
            if server.process.poll() is not None or server.ask("ping") != "PONG":
                fail("redis-server has not survived")
        finally:
            server.process.terminate()
            server.process.wait()
    tell_own("default mode", runs)
    tell_own("--flame alloc,live,cpu", flame_runs)
    middle, low, high = median_interval(hakbench, ratios)
    print(f"requests/s:      median ratio {middle:.4f}, 95 % interval {low:.4f}..{high:.4f} ({rounds} rounds)")
    verdict(middle, high, limit)


if __name__ == "__main__":
    main(sys.argv)
