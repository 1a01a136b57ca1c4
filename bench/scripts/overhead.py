#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""overhead.py HAKBENCH LIBRARY HAKPROBE ROUNDS IDLE_S ATTACHED_S LIMIT

One hakbench process runs `mixed` all the time and prints its progress in slices; hakprobe is
attached and detached again and again. A round is the throughput while attached, divided by the
mean of the unattached windows just before and just after it. So everything that differs between
two processes (layout, huge pages, placement) is the same in both arms, and drift of the machine
cancels to first order.

A window counts as attached only between hakprobe's first and last report, each of which must show
mallocs, frees and probe hits: a hakprobe that saw nothing has not been attached, and ends the
measurement. Its start-up (loading, reading symbols) is in neither window.
"""
import json
import os
import shlex
import statistics
import subprocess
import sys
import threading
import time

SLICE_MS = 50
AGREE = 0.2  # hakprobe's intervals are not quite the whole window
MARGIN = 0.1  # seconds left out at each end of a window


def fail(message):
    sys.exit(f"overhead: {message}")


class Bench:
    """hakbench mixed, and its slices as they come."""

    def __init__(self, program, library, seconds):
        self.slices = []  # (end, ops, CPU seconds)
        self.process = subprocess.Popen(
            [program, "mixed", "-d", str(seconds), "--slices", str(SLICE_MS)], stdout=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", "LD_PRELOAD": library})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            words = line.split()
            if words and words[0] == "slice":
                self.slices.append((float(words[1]), int(words[2]), float(words[3])))

    def alive(self):
        return self.process.poll() is None

    def rates(self, start, end):
        """(operations per second, operations per CPU second) of the slices within a window."""
        inside = [s for s in self.slices if s[0] - SLICE_MS / 1000 >= start + MARGIN and s[0] <= end - MARGIN]
        if len(inside) < 5:
            fail(f"only {len(inside)} slices in a window of {end - start:.1f} s")
        span = len(inside) * SLICE_MS / 1000
        return sum(s[1] for s in inside) / span, sum(s[1] for s in inside) / sum(s[2] for s in inside)


def attach(hakprobe, pid, seconds):
    """Runs hakprobe; returns the window in which it reported, the reports, and when it had gone."""
    more = shlex.split(os.environ.get("HAKPROBE_ARGS", ""))
    process = subprocess.Popen([hakprobe, "-p", str(pid), "--json", "-d", str(seconds), *more, "1"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    errors = []
    drain = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    drain.start()
    reports, times = [], []
    for line in process.stdout:
        times.append(time.monotonic())
        reports.append(json.loads(line))
    status = process.wait()
    drain.join()
    if status:
        fail(f"hakprobe exited with {status}: {''.join(errors).strip()}")
    if len(reports) < 2:
        fail(f"hakprobe reported {len(reports)} times in {seconds} s: {''.join(errors).strip()}")
    for report in reports:
        interval, hits = report["interval"], report["probe"]["hits"]
        if not (interval["mallocs"] > 0 and interval["frees"] > 0 and hits > 0):
            fail(f"hakprobe was not attached: {interval['mallocs']} mallocs, {interval['frees']} frees, {hits} hits")
    # The first report closes an interval that began when the probes were in place.
    return times[0] - reports[0]["interval"]["seconds"], times[-1], reports, time.monotonic()


def median_interval(hakbench, values):
    text = "\n".join(map(str, values))
    out = subprocess.run([hakbench, "median"], input=text, capture_output=True, text=True, check=True).stdout
    return tuple(map(float, out.split()))


def verdict(middle, high, limit):
    """A failure only where the interval as a whole lies below the limit: that is more than noise."""
    if high < limit:
        fail(f"attached {middle:.4f} of unattached, less than {limit} beyond doubt")
    print(f"overhead: attached {middle:.4f} of unattached, "
          + (f"at least {limit}" if middle >= limit else f"below {limit} within the noise: more ROUNDS would tell"))


def measure(bench, hakprobe, rounds, idle, attached):
    """Windows, as (start, end): unattached (one more than rounds), attached; and the last one's reports."""
    free_windows, attached_windows, reports = [], [], []
    time.sleep(1)
    begin = time.monotonic()
    for _ in range(rounds):
        time.sleep(idle)
        free_windows.append((begin, time.monotonic()))
        start, end, reports, begin = attach(hakprobe, bench.process.pid, attached)
        if not bench.alive():
            fail("hakbench ended while hakprobe was attached")
        attached_windows.append((start, end))
    time.sleep(idle)
    free_windows.append((begin, time.monotonic()))
    time.sleep(2 * SLICE_MS / 1000)
    return free_windows, attached_windows, reports


def main(argv):
    if len(argv) != 8:
        sys.exit(__doc__)
    hakbench, library, hakprobe = argv[1:4]
    rounds, idle, attached, limit = int(argv[4]), float(argv[5]), int(argv[6]), float(argv[7])
    bench = Bench(hakbench, library, 10 + rounds * (idle + 3 * attached + 5))
    try:
        time.sleep(0.3)
        with open(f"/proc/{bench.process.pid}/maps", encoding="utf-8") as maps:
            if os.path.basename(library) not in maps.read():
                fail(f"hakbench does not run with {library}")
        free_windows, attached_windows, reports = measure(bench, hakprobe, rounds, idle, attached)
        free = [bench.rates(*window) for window in free_windows]
        busy = [bench.rates(*window) for window in attached_windows]
    finally:
        bench.process.terminate()
        bench.process.wait()

    print(f"{'round':>5} {'unattached op/s':>16} {'attached op/s':>16} {'ratio':>8} {'per CPU s':>10}")
    wall, cpu, noise = [], [], []
    for i, rate in enumerate(busy):
        before, after = free[i], free[i + 1]
        wall.append(rate[0] / statistics.mean((before[0], after[0])))
        cpu.append(rate[1] / statistics.mean((before[1], after[1])))
        noise.append(abs(after[0] / before[0] - 1))
        print(f"{i + 1:5} {statistics.mean((before[0], after[0])):16.0f} {rate[0]:16.0f}"
              f" {wall[-1]:8.4f} {cpu[-1]:10.4f}")
    intervals = [report["interval"] for report in reports]
    counted = sum(i["mallocs"] + i["frees"] for i in intervals) / sum(i["seconds"] for i in intervals)
    print(f"hakprobe's last reports: {counted:.0f} operations/s where hakbench says {busy[-1][0]:.0f};"
          f" {sum(report['probe']['hits'] for report in reports)} probe hits, {reports[-1]['probe']['lost']} lost")
    if abs(counted / busy[-1][0] - 1) > AGREE:
        fail("hakprobe and hakbench do not speak of the same process")
    print(f"unattached windows differ from the next one by {100 * statistics.median(noise):.1f} % (median)")
    print("per CPU second:  median ratio %.4f, 95 %% interval %.4f..%.4f" % median_interval(hakbench, cpu))
    middle, low, high = median_interval(hakbench, wall)
    print(f"throughput:      median ratio {middle:.4f}, 95 % interval {low:.4f}..{high:.4f} ({rounds} rounds)")
    verdict(middle, high, limit)


if __name__ == "__main__":
    main(sys.argv)
