#!/bin/sh
# What 'rethink report' shows of benches.  fake_bench makes them up.

fake() { "$E2E/fake_bench" "$@" || fail "fake_bench $*"; }

# The page is valid as far as a script sees it, needs nothing from elsewhere, and has every part.
test_page() {
    fake r.sqlite vm1
    works "$RETHINK" report r.sqlite -o r.html
    says '^report: r.html \(a benchmark of 3 devices\)$'
    stands_alone r.html
    checks '
import re
from html.parser import HTMLParser
page = open("r.html").read()
assert "<graphics>" not in page and "A &lt;graphics&gt; &amp; &quot;compute&quot;" in page
assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split(), "a number that is none"
closed = {"section", "table", "details", "figure", "div", "svg", "pre", "dl", "ul", "h2", "h3",
          "b", "small", "summary", "g", "main", "body", "a"}
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
    def handle_starttag(self, tag, attrs):
        if tag in closed:
            self.open.append(tag)
    def handle_endtag(self, tag):
        if tag in closed:
            assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
            self.open.pop()
p = Page()
p.feed(page)
assert not p.open, p.open
heads = re.findall("<h2>(.*?)</h2>", page)
assert heads == ["Benchmark", "Devices", "Time to memorize", "Training steps",
                 "What the devices can: rooflines", "Performance portability", "Numerics",
                 "Operations", "Variance"], heads
assert page.count("<figure>") == 2 + 2 + 3 + 4 + 1, page.count("<figure>")
assert "Same bits." in page and "all 36 comparisons" in page
assert "Wrong:" not in page and "Slow:" not in page and ">wrong<" not in page
assert "wrong results" not in page and ">not measured<" in page and "no sensor" in page'
}

# Numbers of the page follow from those of the file.
test_numbers() {
    fake r.sqlite vm1
    works "$RETHINK" report r.sqlite -o r.html
    checks '
import base64, re, sqlite3
from html import unescape
from statistics import mean, median
db = sqlite3.connect("r.sqlite")
page = open("r.html").read()
def values(device, suite, name, subject="", tier=""):
    return [x for x, in db.execute("select median from bench_values where device=? and suite=? and "
            "name=? and subject=? and tier=? and n > 0", (device, suite, name, subject, tier))]
def roof(device, subject, tier):
    t = median(values(device, "op", "seconds", subject, tier))
    flop, bytes = (values(device, "op", n, subject, tier)[0] for n in ("flop", "bytes"))
    fma, triad = (median(values(device, "roofline", n)) for n in ("fma", "triad"))
    return max(flop / fma, bytes / triad) / t
tables = []
for pre in re.findall("Markdown</summary><pre>(.*?)</pre>", page, re.S):
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in unescape(pre).split("\n")]
    assert len(rows) > 2 and set(map(len, rows)) == {len(rows[0])}, rows
    tables.append([rows[0]] + rows[2:])
def rows(head, table=0):
    found = [t for t in tables if t[0][:len(head)] == head]
    assert len(found) > table, head
    return [dict(zip(found[table][0], r)) for r in found[table][1:]]
s = "matmul 128x512x784"
eff = [roof(d, s, "exact") for d in (1, 2, 3)]
row = [r for r in rows(["problem", "application"], 1)
       if r["problem"] == s and r["application"] == "rethink exact"][0]
want = ["%.0f %%" % (100 * x) for x in eff]
assert [row[d] for d in ("cpu:0", "opencl:0.0", "opencl:1.0")] == want, (row, want)
assert row["portability"] == "%.0f %%" % (300 / sum(1 / x for x in eff)), row
assert row["mean"] == "%.0f %%" % (100 * mean(eff)), row
fast, best = (median(values(1, "op", n, s, t)) for n, t in
              (("seconds", "fast"), ("vendor seconds", "exact")))
row = [r for r in rows(["problem", "application"], 3)
       if r["problem"] == s and r["application"] == "rethink fast"][0]
assert row["cpu:0"] == "%.0f %%" % (100 * best / fast), (row, best / fast)
w = "mlp:layers=3, batch 128"
rate = values(1, "step", "images", w, "exact")[0] / median(values(1, "step", "seconds", w, "exact"))
row = [r for r in rows(["workload", "device", "tier", "a step"])
       if r["workload"] == w and r["device"] == "cpu:0" and r["tier"] == "exact"][0]
assert row["images/s"] == "%.0f" % rate, (row, rate)
m = db.execute("select mean, sd, least, most, n from bench_values where device=1 and suite=\x22memorize\x22 "
               "and name=\x22seconds\x22 and subject=? and tier=\x22exact\x22", (w,)).fetchone()
row = [r for r in rows(["workload", "device", "tier", "seeds"])
       if r["workload"] == w and r["device"] == "cpu:0" and r["tier"] == "exact"][0]
assert row["seeds"] == "5" and m[4] == 5
for name, x in zip(("mean", "sd", "least", "most"), m):
    assert abs(float(row[name].split()[0]) - x) <= 0.005 * x, (name, row, x)
csv = [base64.b64decode(x).decode() for x in re.findall(r"data:text/csv;base64,([^\x27]+)", page)]
assert len(csv) == page.count("<figure>")
cascade = [c for c in csv if c.startswith("series,devices,")]
assert len(cascade) == 4 and all("rethink exact, metric so far\x22,3" in c for c in cascade)
def step(device):
    times = {w: median(values(device, "step", "seconds", w, "exact"))
             for w in ("cnn, batch 32", "mlp:layers=3, batch 128")}
    fma, triad = (median(values(device, "roofline", n)) for n in ("fma", "triad"))
    least = sum(max(values(device, "step", "flop", w, "exact")[0] / fma,
                    values(device, "step", "bytes", w, "exact")[0] / triad) for w in times)
    return least / sum(times.values())
last = [line for line in cascade[0].split("\n") if "rethink exact, metric so far\x22,3," in line]
metric = 300 / sum(1 / step(d) for d in (1, 2, 3))
assert abs(float(last[0].split(",")[5]) - metric) < 1e-6 * metric, (last, metric)
brief = unescape(re.search("<pre class=brief>(.*?)</pre>", page, re.S)[1]).strip().split("\n")
assert len(brief) == 4 and max(map(len, brief)) < 120, brief
assert brief[0].startswith("rethink 0.1.0 bench quick | AMD EPYC 7B13 64-Core Processor (cpu:0)")
assert "fma 161 GFLOP/s, triad 19.2 GB/s" in brief[1], brief
assert brief[3].startswith("bits: equal in all 12 exact operations | self-test: exact"), brief'
}

# A wrong kernel, a slow one, one that is not there, and what was not measured look like it.
test_odd() {
    fake r.sqlite vm1 odd
    works "$RETHINK" report r.sqlite -o r.html
    checks '
import re
from html import unescape
page = open("r.html").read()
items = [re.sub("<[^>]*>", "", unescape(x)) for x in re.findall("<li>(.*)", page)]
assert "Different bits. In 1 of 32 comparisons an exact operation gave other bits than the reference." in items
wrong = [x for x in items if x.startswith("Wrong:")]
slow = [x for x in items if x.startswith("Slow:")]
assert len(wrong) == 2 and all("conv y" in x and "opencl:0.0" in x and "element 7" in x for x in wrong), wrong
assert len(slow) == 2 and all("matmul 128x512x784" in x and "opencl:0.0" in x for x in slow), slow
tables = [[[c.strip() for c in line.strip("|").split("|")] for line in unescape(t).split("\n")]
          for t in re.findall("Markdown</summary><pre>(.*?)</pre>", page, re.S)]
def row(first, second, head, k=0):
    found = [t for t in tables if t[0][:2] == head][k]
    return [r for r in found if r[0] == first and r[1] == second][0]
heat = row("conv y 128x3x28x28, 96x3x3x3", "rethink exact", ["problem", "application"], 1)
assert heat[3] == "**wrong**" and heat[5] == "0 %" and heat[6] != "0 %", heat
heat = row("window 128x96x28x28, 3x3", "rethink exact", ["problem", "application"], 1)
assert heat[3] == "**cannot**" and heat[4] == "-", heat
heat = row("rng 1048576", "rethink exact", ["problem", "application"], 1)
assert heat[4] == "-" and heat[5] == "0 %", heat
ops = row("matmul 128x512x784", "exact", ["operation", "tier"], 2)
assert ops[-1] == "**slow**", ops
errors = row("conv y 128x3x28x28, 96x3x3x3", "exact", ["operation", "tier"], 0)
assert errors[2] == "3.5, same bits" and errors[3] == "**3400000, other bits**", errors
support = row("window", "ok", ["operation", "cpu:0"])
assert support[2] == "**unsupported**", support
assert row("put", "ok", ["operation", "cpu:0"])[3] == "fallback"
variance = [r for t in tables if t[0][0] == "device" and "drift" in t[0] for r in t]
assert "**-8.9 %**" in variance[4] and not any("**" in x for x in variance[2]), variance
assert "no time left" in page and "64-bit integers are missing" in page and "wrong results" in page
brief = unescape(re.findall("<pre class=brief>(.*?)</pre>", page, re.S)[1])
assert "bits: DIFFERENT in 1 of 11 exact operations" in brief, brief'
}

# Runs and benches in one file: both are there, or either one alone; a preset has no benches.
test_beside_runs() {
    "$E2E/fake_results" r.sqlite 1
    works "$RETHINK" report r.sqlite -o runs.html
    ! grep -qi 'bench' runs.html || fail 'a file of runs tells of benches'
    fails "r.sqlite has no benches: 'rethink bench' adds one" "$RETHINK" report r.sqlite --bench
    fake r.sqlite vm1
    works "$RETHINK" report r.sqlite -o both.html
    says '^report: both.html \(10 runs, a benchmark of 3 devices\)$'
    works "$RETHINK" report r.sqlite -o bench.html --bench
    says '^report: bench.html \(a benchmark of 3 devices\)$'
    works "$RETHINK" report r.sqlite -o preset.html --preset quickstart
    fails 'runs, or benches' "$RETHINK" report r.sqlite --preset quickstart --bench
    checks '
import re
runs, both, bench, preset = (open(n + ".html").read() for n in ("runs", "both", "bench", "preset"))
clock = lambda page: re.sub(r"reported \S+ \S+", "", page)
assert clock(runs) == clock(preset), "runs alone have changed"
heads = lambda page: re.findall("<h2>(.*?)</h2>", page)
assert heads(both) == heads(runs)[:-1] + heads(bench) + heads(runs)[-1:], heads(both)
ids = re.findall(r"\bid=[\x22\x27]?([^\x22\x27 >]+)", both)
assert len(ids) == len(set(ids)), "ids occur twice"
assert "What the same network learns" in both and "How portable" in bench'
}

# Two machines have columns of their own; of a device that was measured twice the last is shown.
test_machines() {
    fake r.sqlite vm1 odd
    fake r.sqlite vm1
    fake r.sqlite vm2
    works "$RETHINK" report r.sqlite -o r.html
    says 'a benchmark of 6 devices'
    checks '
import re
page = open("r.html").read()
for tag in ("cpu:0 at vm1", "cpu:0 at vm2", "opencl:1.0 at vm2"):
    assert "<th scope=col class=n>%s" % tag in page, tag
assert "AMD EPYC 7B13 64-Core Processor (cpu:0) at vm2" in page
assert "Wrong:" not in page and "The file has 3 benches." in page
assert page.count("<pre class=brief>") == 6'
}

# Where nothing was measured but the devices' names, that is said.
test_empty_bench() {
    fake r.sqlite vm1
    sqlite3 r.sqlite "delete from bench_values; update benches set status = 'stopped'"
    works "$RETHINK" report r.sqlite -o r.html
    grep -q 'Bits were not compared' r.html || fail 'bits'
    grep -q 'the roofline was not measured' r.html || fail 'roofline'
    grep -q 'Not all done' r.html || fail 'status'
    grep -q 'training not measured' r.html || fail 'the four lines'
    fake r.sqlite vm2
    sqlite3 r.sqlite "delete from bench_values where suite in ('roofline', 'numerics', 'distance')"
    works "$RETHINK" report r.sqlite -o r.html
    [ "$(grep -c 'class=note>Not measured' r.html)" = 2 ] || fail 'what was not measured'
    grep -q 'memorize cnn, batch 32' r.html || fail 'what was'
}

. "$(dirname "$0")/lib.sh"
