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
    says '^mlp:.*, exact  +[0-9.]+ [mu]?s  [0-9.e+]+ images/s$'
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
    PROXY_CHOICES=clblast works planted --seconds 30 --suite op
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
