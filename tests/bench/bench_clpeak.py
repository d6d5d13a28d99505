#!/usr/bin/env python3
"""Do the numbers of 'rethink bench' agree with those of clpeak, and its vendor's rows with OpenBLAS by NumPy?

usage: bench_clpeak.py RETHINK CLPEAK DEVICE [STARTS] [CLPEAK'S OPTIONS...]
e.g.:  OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd bench_clpeak.py rethink clpeak opencl:0.0 5

Starts each of the three in turn, STARTS times (3), and prints ratios of their medians with the least and the
most of all pairs.  By hand, on a quiet machine: nothing is asserted.  What is set against what:

  fma      one chain of mad of 16 floats and of one: clpeak's kernel is one chain in which each mad waits for
           the one before.  The best chains of fma, beside it, have no counterpart.
  read     the best of clpeak's widths, and the best of the probe's in which a work-item makes 16 reads, as
           clpeak's; where each reads a part as long as it can, beside it, has no counterpart
  upload   the candidate of 512 MiB, as clpeak's, whose array lies 16 bytes into a page, where malloc puts
           clpeak's; and download
  launch   no counterpart: clpeak's is the time from enqueueing to the start of one kernel, by events
  vendor   the rows of the suite op that OpenBLAS did, by NumPy on arrays of the same shape, into an array that is
           there already, less what a product of 1 x 1 takes: that is NumPy's own time"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

CLPEAK = {"fma, width 16, one chain of mad": r"Single-precision compute.*?float16 *: ([0-9.]+)",
          "fma, width 1, one chain of mad": r"Single-precision compute.*?float *: ([0-9.]+)",
          "upload": r"enqueueWriteBuffer *: ([0-9.]+)",
          "download": r"enqueueReadBuffer *: ([0-9.]+)"}
READ = r"Global memory bandwidth.*?\n((?: +float\d* *: [0-9.]+\n)+)"
NUMPY = """
import sys, time
import numpy as np

def median(m, n, k):
    a, b, c = np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)
    times, until = [], time.perf_counter() + 0.3
    while len(times) < 5 or time.perf_counter() < until:
        begun = time.perf_counter()
        np.matmul(a, b, out=c)
        times.append(time.perf_counter() - begun)
    return sorted(times)[len(times) // 2]

call = median(1, 1, 1)
for text in sys.argv[1:]:
    print(text, median(*map(int, text.split("x"))) - call)
"""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"bench_clpeak.py: exit status {done.returncode}: {' '.join(command)}")
    return done.stdout


def of_clpeak(clpeak, options):
    """GFLOP/s and GB/s by name."""
    text = run(clpeak, *options, "--global-bandwidth", "--compute-sp", "--transfer-bandwidth") + "\n"
    found = {name: re.search(pattern, text, re.S) for name, pattern in CLPEAK.items()}
    out = {name: float(m.group(1)) for name, m in found.items() if m}
    read = re.search(READ, text, re.S)
    if read:
        out["read"] = max(map(float, re.findall(r": ([0-9.]+)", read.group(1))))
    return out


def candidate(values, name, part):
    x = [v["median"] for v in values if v["name"] == name and re.search(part, v["subject"])]
    return x[0] / 1e9 if x else None


def bench(rethink, device, suite, seconds, folder):
    text = run(rethink, "bench", "-q", "--json", "--suite", suite, "--processes", "1", "--seconds", str(seconds),
               "--device", device, "--out", os.path.join(folder, "bench.sqlite"))
    return [v for v in json.loads(text)["values"] if v["suite"] == suite and v["n"]]


def of_rethink(rethink, device, folder):
    """As of_clpeak."""
    roof = bench(rethink, device, "roofline", 60, folder)
    out = {"fma, width 16, one chain of mad": candidate(roof, "fma", "^width 16, 1 chain"),
           "fma, width 1, one chain of mad": candidate(roof, "fma", "^width 1, 1 chain"),
           "read": max((v["median"] / 1e9 for v in roof if v["name"] == "read" and ", 1 place," in v["subject"]),
                       default=None),
           "upload": candidate(roof, "upload", "^512 MiB.* 16 bytes into"),
           "download": candidate(roof, "download", "^512 MiB.* 16 bytes into")}
    return {k: x for k, x in out.items() if x}


def of_vendor(rethink, folder):
    """Seconds of OpenBLAS by shape, as the suite op times it."""
    shapes = [(re.fullmatch(r"matmul (\d+x\d+x\d+)", v["subject"]), v) for v in bench(rethink, "cpu", "op", 30, folder)]
    return {m.group(1): v["median"] for m, v in shapes
            if m and v["name"] == "vendor seconds" and "OpenBLAS" in v["text"]}


def of_numpy(shapes):
    """The same by NumPy; empty without it."""
    for python in (sys.executable, "/usr/bin/python3"):
        if not subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL, check=False).returncode:
            return {name: float(x) for name, x in (line.split() for line in run(
                python, "-c", NUMPY, *shapes).splitlines())}
    return {}


def compare(title, ours, theirs, unit):
    print(f"\n{title:44} {'rethink':>10} {'other':>10}   {'ratio':>5}  least to most, {unit}")
    for name in ours[0]:
        x, y = ([s[name] for s in side if name in s] for side in (ours, theirs))
        if not x or not y:
            continue
        a, b = statistics.median(x), statistics.median(y)
        print(f"{name:44} {a:10.4g} {b:10.4g}   {a / b:5.3f}  {min(x) / max(y):.3f} to {max(x) / min(y):.3f}"
              f"{'' if 1 / 1.1 <= a / b <= 1.1 else '  more than 10 %'}")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    rethink, clpeak, device = sys.argv[1:4]
    starts = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    ours, theirs, vendor, numpy = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(starts):
            ours.append(of_rethink(rethink, device, folder))
            theirs.append(of_clpeak(clpeak, sys.argv[5:]))
            products = of_vendor(rethink, folder)
            vendor.append({k: 1e3 * x for k, x in products.items()})
            numpy.append({k: 1e3 * x for k, x in of_numpy(products).items()})
            print(f"{i + 1} of {starts}", file=sys.stderr)
    compare("GFLOP/s, GB/s: other is clpeak", ours, theirs, f"n = {starts}")
    compare("ms of products: other is NumPy", vendor, numpy, f"n = {starts}")


if __name__ == "__main__":
    main()
