#!/bin/sh
# 'rethink bench': processes, what they say, planted kernels, joining, the CSV.
# Nothing here depends on how fast the machine is.

# bench ARGUMENT...: small and soon over.  The first of everything is measured, however little time
# there is.
bench() {
    "$RETHINK" bench --quick --seconds 0.3 --processes 1 --repeats 2 "$@"
}

# planted ARGUMENT...: the cpu backend, and one that passes every call on to it.
planted() {
    bench --backend "$PROXY" --device cpu --device proxy "$@"
}

value() {
    sqlite3 "${2:-rethink.sqlite}" "$1"
}

test_processes_and_tables() {
    works bench --seconds 0.6 --processes 2 --repeats 3 --device cpu --suite roofline,step
    says '^Devices: cpu:0 '
    says '^2 of 2  process 2 of 2  cpu:0  '
    says '^(fma, GFLOP/s|matrix product, GFLOP/s|triad, GB/s)  +[0-9.]+$'
    says '^mlp:.*, exact  +[0-9.]+ [mu]?s  [0-9.]+ images/s$'
    says '^within a process  +[0-9.]+ %$'
    says "bench 1 is in rethink.sqlite; 'rethink report --out rethink.sqlite' draws it"
    [ "$(value "select status, size, json_extract(config, '$.processes') from benches")" = 'done|quick|2' ] ||
        fail "$(value 'select * from benches')"
    [ "$(value "select group_concat(distinct suite) from (select suite from bench_values order by 1)")" = \
        machine,roofline,step ] || fail 'suites'
    [ "$(value "select group_concat(process) from bench_values where name = 'triad' and subject = ''")" = 1,2 ] ||
        fail 'processes of triad'
    [ "$(value "select min(n) >= 3 from bench_values where name = 'triad'")" = 1 ] || fail 'repeats'
    [ "$(value "select backend like 'cpu %' and selftest = 'exact' from bench_devices")" = 1 ] ||
        fail "$(value 'select * from bench_devices')"
    works "$RETHINK" list
    says '^ +1 +done +quick +20.*  cpu:0$'
}

# Rounds begin one device later each time.
test_turns() {
    works planted --seconds 20 --processes 2 --suite support
    says '^1 of 4  process 1 of 2  cpu:0 '
    says '^2 of 4  process 1 of 2  proxy:0 '
    ! grep -q '^3 of 4' stdout.txt || fail 'support is of the first process alone'
    works planted --processes 2 --suite roofline --out turns.sqlite
    says '^3 of 4  process 2 of 2  proxy:0 '
    says '^4 of 4  process 2 of 2  cpu:0 '
}

# A vendor's library is measured where fast numerics do not take it of themselves.
test_a_library_that_a_tuner_may_take() {
    PROXY_CHOICES=clblast works planted --seconds 600 --suite op
    [ "$(value "select count(*) > 0 and min(subject like 'matmul %') from bench_values
        where name = 'vendor seconds' and text = 'chosen clblast'")" = 1 ] ||
        fail "$(value "select * from bench_values where name = 'vendor seconds'")"
}

test_output_for_programs() {
    works bench --seconds 20 --device cpu --suite support --json
    checks '
import json
b = json.load(open("stdout.txt"))
assert b["bench"] == 1 and b["status"] == "done" and b["devices"][0]["spec"] == "cpu:0", b["devices"]
assert [v["median"] for v in b["values"] if v["subject"] == "matmul"] == [0], b["values"]
assert b["config"]["suites"] == ["support"] and b["config"]["repeats"] == 2'
    works bench --device cpu --suite support -q
    [ ! -s stdout.txt ] && [ ! -s stderr.txt ] || fail "$(cat stdout.txt stderr.txt)"
    works "$RETHINK" export --benches
    checks '
import json
assert [b["bench"] for b in json.load(open("stdout.txt"))["benches"]] == [1, 2]'
}

# agree: the metric follows from p3.csv, independently.
agree() {
    "$RETHINK" export --benches >all.json
    "$SOURCE/tests/e2e/bench_pp.py" p3.csv all.json >said.txt 2>&1 || fail "$(cat said.txt)"
    "$RETHINK" export --benches --csv | cmp - p3.csv || fail 'export differs'
}

# A kernel that is slow is seen as such.
test_planted_slow() {
    PROXY_SLOW=matmul:100000 works planted --suite op --csv p3.csv
    agree
    checks '
import csv
rows = [r for r in csv.DictReader(open("p3.csv", newline="")) if r["application"] == "rethink exact"]
at = {(r["problem"], "proxy" in r["platform"]): r for r in rows}
pairs = [(at[k, False], at[k, True]) for k, planted in at if planted and k.startswith("op: matmul")]
ran = [(a, b) for a, b in pairs if a["state"] == b["state"] == "ran"]
assert ran and all(float(a["fom"]) < 0.1 < float(b["fom"]) for a, b in ran), pairs'
}

# So is one that is wrong, in an element of a small shape,
test_planted_wrong() {
    PROXY_FLIP=conv:135:1:high works planted --seconds 20 --suite support
    says '^WRONG on proxy:0: conv dw: '
    says '^wrong  +0 +1$'
    [ "$(value "select max(median) from bench_values where suite = 'support' and device = 1")" = 0.0 ] ||
        fail 'the cpu backend'
}

# or with other bits than the reference in a shape of a model.
test_planted_bit() {
    PROXY_FLIP=matmul:2048:1 works planted --suite op,numerics --csv p3.csv
    says '^matmul 4x512x2352 nt, exact  .*  WRONG$'
    [ "$(value "select group_concat(median) from (select median from bench_values where subject = \
'matmul 4x512x2352 nt' and tier = 'exact' and name = 'equal' order by device)")" = 1.0,0.0 ] ||
        fail "$(value "select device, subject, median, text from bench_values where name = 'equal'")"
    agree
    checks '
import csv, json
problem = "op: matmul 4x512x2352 nt", "rethink exact"
a, b = [r for r in csv.DictReader(open("p3.csv", newline="")) if (r["problem"], r["application"]) == problem]
a, b = (b, a) if "proxy" in a["platform"] else (a, b)
assert a["state"] == "ran" and a["fom"] and float(a["app eff"]) > 0, a
assert b["state"] == "wrong" and b["fom"] == "" and b["app eff"] == "0", b
p, = [p for p in json.load(open("all.json"))["portability"] if (p["problem"], p["application"]) == problem]
assert p["app pp"] == 0 and p["supported"] == 1 and p["app pp supported"] > 0, p'
}

# A fast kernel beyond its claim is wrong, and the exact one of the same shape is not.
test_planted_fast() {
    PROXY_TIER=asked PROXY_FLIP=matmul:64:1:high:fast works planted --seconds 60 \
        --suite op,numerics,support --csv fast.csv
    says '^WRONG on proxy:0: matmul 4x512x2352 nt, fast: of matmul 4x16x2352 nt: '
    says '^matmul 4x512x2352 nt, fast  .*  WRONG$'
    says '^wrong  +0 +[1-9]'
    [ "$(value "select group_concat(tier || median) from (select * from bench_values where device = 2
        and suite = 'support' and subject = 'matmul 4x512x2352 nt' order by tier)")" = exact0.0,fast3.0 ] ||
        fail "$(value "select subject, tier, median, text from bench_values where suite = 'support'")"
    grep -qE '^op: matmul 4x512x2352 nt,rethink fast,.*proxy.*,wrong,' fast.csv || fail "$(cat fast.csv)"
    works "$RETHINK" report --bench -o fast.html
    grep -q 'fast: of matmul 4x16x2352 nt' fast.html || fail 'the report'
}

# A process that crashes or hangs is one line; other suites and devices go on.
test_crash_and_hang() {
    code=0
    PROXY_FAIL=prepare:40:crash planted --suite support,memorize,distance >stdout.txt 2>stderr.txt || code=$?
    [ $code = 1 ] || fail "exit status $code: $(cat stderr.txt)"
    grep -q '^rethink: process 1 of proxy:0, suite memorize: the process crashed: Aborted' stderr.txt ||
        fail "$(cat stderr.txt)"
    [ "$(value "select group_concat(device || process || n || subject || ': ' || text, '; ') from bench_values \
where name = 'failed' and subject = 'memorize'")" = '210memorize: the process crashed: Aborted' ] ||
        fail "$(value "select * from bench_values where name = 'failed'")"
    # What came before is there, and another process goes on with what comes after.
    [ "$(value "select count(distinct device) from bench_values where suite = 'support' and n = 1")" = 2 ] ||
        fail 'support'
    [ "$(value "select count(*) > 0 from bench_values where device = 2 and (suite = 'distance' or (name = \
'failed' and subject = 'distance'))")" = 1 ] || fail 'distance'
    [ "$(value "select count(*) > 0 from bench_values where suite = 'memorize' and device = 1 and n > 0")" = 1 ] ||
        fail 'the other device'
    code=0
    PROXY_FAIL=launch:1:hang planted --suite roofline --timeout 2 -q --out hung.sqlite 2>stderr.txt || code=$?
    [ $code = 1 ] || fail "exit status $code: $(cat stderr.txt)"
    grep -qE '^rethink: process 1 of proxy:0.*: hung: nothing for 2 seconds$' stderr.txt || fail "$(cat stderr.txt)"
    [ "$(value 'select status from benches' hung.sqlite)" = 'done' ] || fail 'status'
}

# What was measured before the signal is kept.
test_stopped() {
    : >stdout.txt
    PROXY_FAIL=launch:1:hang "$RETHINK" bench --quick --seconds 20 --backend "$PROXY" --device cpu \
        --device proxy --suite support >stdout.txt 2>stderr.txt &
    pid=$!
    until grep -q '^1 of 6' stdout.txt; do
        kill -0 $pid || fail "$(cat stdout.txt stderr.txt)"
        sleep 0.05
    done
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ $code = 143 ] || fail "exit status $code"
    grep -q 'stopped; what was measured is bench 1 of rethink.sqlite' stderr.txt || fail "$(cat stderr.txt)"
    [ "$(value 'select status from benches')" = stopped ] || fail 'status'
    [ "$(value "select count(*) > 5 from bench_values where device = 1 and suite = 'support'")" = 1 ] ||
        fail 'nothing is there'
}

# Two machines of one name, one of which has another device, and an older file.
test_merge() {
    works bench --device cpu --suite roofline --out a.sqlite
    cp a.sqlite b.sqlite
    value "update bench_devices set name = 'another processor'" b.sqlite
    works "$RETHINK" bench --merge a.sqlite b.sqlite --out all.sqlite --csv p3.csv
    says '^all.sqlite: 2 benches added$'
    works "$RETHINK" bench --merge b.sqlite a.sqlite --out all.sqlite
    says '^all.sqlite: 0 benches added, 2 were there already$'
    works "$RETHINK" report --out all.sqlite --to all.html
    grep -q 'another processor' all.html || fail 'no second device'
    small --out runs.sqlite >stdout.txt
    works "$RETHINK" merge --out runs.sqlite all.sqlite
    says '^runs.sqlite: 0 runs added, 2 benches added$'
    works "$RETHINK" list --out runs.sqlite
    says '^ +2 +done +quick'
    echo text >text.sqlite
    fails 'text.sqlite is not a results database: leave it out' "$RETHINK" bench --merge text.sqlite
    fails 'nowhere.sqlite cannot be merged' "$RETHINK" bench --merge a.sqlite nowhere.sqlite
    [ "$(value 'select count(*) from benches' all.sqlite)" = 2 ] || fail 'a target changed'
}

# fake [odd]: one more bench, with made-up numbers, in rethink.sqlite.
fake() { "$E2E/fake_bench" rethink.sqlite vm1 "$@" || fail "fake_bench $*"; }

# Two benches of which nothing differs; then one with what is slow, wrong and unsupported.
test_compare() {
    fake && fake
    value "update bench_devices set driver = 'another' where bench = 2 and spec = 'opencl:0.0'"
    works "$RETHINK" bench --compare
    says '^A: bench 1, quick, done, 20.*, vm1$'
    says '^opencl:0.0: other driver: OpenCL 3.0 PoCL 3.1 -> another$'
    says '^cpu:0: ([0-9]+) of \1 numbers agree within their stated variation \(95 %: of \1 about [0-9]+ may not, by chance\)$'
    says '^all: ([0-9]+) of \1 numbers agree '
    ! grep -qE 'interval|support|bits' stdout.txt || fail "$(cat stdout.txt)"
    fake odd
    value "update bench_values set text = 'loops' where bench = 3 and subject = 'matmul 128x512x784' and tier = 'exact'"
    works "$RETHINK" bench --compare=1,3
    says '^opencl:0.0  +matmul 128x512x784, exact  .* 0\.[0-9]+ to 0\.[0-9]+  slower: loops, not tile 6x32$'
    says '^opencl:0.0: conv y 128x3x28x28, 96x3x3x3, exact: the reference.s bits -> other bits than'
    says '^opencl:0.0: window.*: ok -> unsupported'
    says '^opencl:0.0: the largest difference is that of matmul 128x512x784, exact: '
    says '^opencl:0.0: not compared: [0-9]+ numbers? measured in A only$'
}

# What is said follows from the medians of processes.
test_compare_json() {
    fake && fake odd
    works "$RETHINK" bench --compare --json
    checks '
import json, math, sqlite3
from statistics import mean, variance
db = sqlite3.connect("rethink.sqlite")
all = json.load(open("stdout.txt"))
t = {2: 4.302652729911275, 4: 2.776445105198055, 8: 2.306004135204166}
def logs(bench, device, x):
    rows = db.execute("select median, n, mean, sd from bench_values where bench=? and device=? and suite=? and "
        "subject=? and tier=? and name=? and n > 0", (bench, device, x["suite"], x["subject"], x["tier"], x["name"]))
    rows = rows.fetchall()
    if x["suite"] != "memorize":
        y = [math.log(m) for m, *_ in rows]
        return len(y), mean(y), variance(y)
    (_, n, m, sd), = rows
    square = math.log(1 + (sd / m) ** 2)
    return n, math.log(m) - square / 2, square
def near(a, b):
    assert math.isclose(a, b, rel_tol=1e-9), (a, b)
checked = 0
for number, d in enumerate(all["devices"], 1):
    differ = 0
    for x in d["numbers"]:
        (na, a, va), (nb, b, vb) = (logs(i, number, x) for i in (1, 2))
        degrees = na + nb - 2
        half = t[degrees] * math.sqrt(((na - 1) * va + (nb - 1) * vb) / degrees * (1 / na + 1 / nb))
        ratio = b - a if x["unit"].endswith("/s") else a - b
        near(x["speed"], math.exp(ratio))
        near(x["low"], math.exp(ratio - half))
        near(x["high"], math.exp(ratio + half))
        assert x["differs"] == (abs(ratio) > half), x
        differ += x["differs"]
        checked += 1
    assert d["agree"] + differ == d["compared"] == len(d["numbers"])
assert checked == all["compared"] > 60 and all["agree"] < checked
gpu = all["devices"][1]
assert [c["subject"] for c in gpu["support"]] and gpu["bits"][0]["a"]["value"] == 1, gpu["bits"]'
}

test_compare_refusals() {
    fails '^rethink: .*rethink.sqlite' "$RETHINK" bench --compare
    fake
    fails '^rethink: --compare: rethink.sqlite has only one bench: run' "$RETHINK" bench --compare
    fake
    fails '^rethink: --compare: there is no bench 7 in rethink.sqlite; it has 1, 2$' "$RETHINK" bench --compare=1,7
    fails '^rethink: --compare: bench 2 is itself: give two benches$' "$RETHINK" bench --compare=2,2
    fails "^rethink: --compare: '3' is not two numbers of benches, as in" "$RETHINK" bench --compare=3
    fails "^rethink: --compare: '1,x' is not two numbers" "$RETHINK" bench --compare=1,x
    fails '^rethink: --compare and --merge are two commands' "$RETHINK" bench --compare --merge rethink.sqlite
    value "update bench_devices set spec = 'x:' || spec where bench = 2"
    fails '^rethink: no device is in both bench 1 \(cpu:0, ...\) and bench 2 \(x:cpu:0, ...\)$' \
        "$RETHINK" bench --compare
}

test_refusals() {
    fails "^rethink: --suite: no suite 'ops'; did you mean 'op'" bench --suite roofline,ops
    fails "^rethink: --processes: '0' is not a whole number from 1 to 100" bench --processes 0
    fails "^rethink: --repeats: 'x' is not a whole number from 1 to 1000" bench --repeats x
    fails "^rethink: --seconds: '-1' is no number of seconds" bench --seconds -1
    fails "^rethink: no device 'nine'; known: cpu:0 " bench --device nine
    RETHINK_BACKEND_PATH=$PWD fails '^rethink: no device was found' bench
    fails "^rethink: the folder nowhere/ of the results file does not exist" bench --device cpu --out nowhere/x.sqlite
    fails '^rethink: --csv: nowhere/x.csv cannot be written: No such file' bench --device cpu --csv nowhere/x.csv
    fails "^rethink: --worker is for the processes of a bench alone" "$RETHINK" bench --worker </dev/null
    fails "'rethink bench' takes no argument 'cpu'" bench cpu
    [ ! -e rethink.sqlite ] || fail 'a file was made'
}

. "$SOURCE/tests/e2e/lib.sh"
