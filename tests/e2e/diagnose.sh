#!/bin/sh
# Diagnostics: at the end of runs, of runs that are there, of files; what is stored, printed, resumed.

probed() { # DIAGNOSE ARGUMENT...
    what=$1
    shift
    small --plugin "$E2E/probe.so" --diagnose "$what" --out r.sqlite "$@"
}

diagnose() {
    "$RETHINK" diagnose --plugin "$E2E/probe.so" --out r.sqlite "$@"
}

query() {
    sqlite3 r.sqlite "$1"
}

test_at_the_end_of_a_run() {
    works probed probe+probe:scale=2
    [ "$(query 'select spec, name, number, epoch, error from diagnostics order by number')" = 'probe:scale=1,do=fine|probe|1|2|
probe:scale=2,do=fine|probe|2|2|' ]
    [ "$(query "select value from found_values where spec like '%=2,%' and name = 'examples'")" = 120.0 ]
    [ "$(query "select count(*) from found_values where value is null and name = 'nothing'")" = 2 ]
    [ "$(query "select count(*), sum(z is null) from found_points where spec like '%=1,%'")" = '14|5' ]
    [ "$(query 'select count(*) from diagnostics d join runs r on d.digest = r.digest')" = 2 ]
    query 'select config from runs' | grep -q '"diagnose":"probe:scale=1,do=fine+probe:scale=2,do=fine"'
    works "$RETHINK" show 1 --out r.sqlite
    says '^probe:scale=2\.examples +120$'
    says '^probe:scale=1\.nothing +-$'
    says '^probe:scale=1,do=fine +0\.0[0-9]+ +[0-9.]+ [a-zA-Z]+ +cpu:0 .* at the end$'
    says '^curve probe:scale=1\.square: 5 points$'
    says '^surface probe:scale=2\.bowl: 9 points$'
    says '^probe:scale=2: the scale is 2$'
}

# Without epochs the weights are the initial ones, and nothing was evaluated.
test_no_epochs() {
    works probed probe --epochs 0
    says '1  true labels  cpu:0  +-  +-  +-  +0 '
    [ "$(query 'select count(*) from epochs')" = 0 ]
    [ "$(query 'select train_accuracy is null, length(digest), epochs_done, status from runs')" = '1|32|0|done' ]
    test -s r.sqlite.runs/1/weights.safetensors
    works "$RETHINK" list --out r.sqlite
    says '^  1  done .* 0 +- +- +- '
    works "$RETHINK" show 1 --out r.sqlite
    says '^probe.examples +60$'
    works "$RETHINK" export --csv --out r.sqlite
    checks '
import csv
rows = list(csv.DictReader(open("stdout.txt", newline="")))
assert len(rows) == 1 and rows[0]["probe.examples"] == "60" and rows[0]["epoch"] == "", rows
assert rows[0]["probe.nothing"] == "" and rows[0]["train_loss"] == ""'
    works "$RETHINK" report --out r.sqlite
    works "$RETHINK" run --model linear --data synth16:n=60,test=20 --device cpu --quiet --out r.sqlite \
        --epochs 0 --weights r.sqlite.runs/1/weights.safetensors
    [ "$(query 'select count(distinct digest) from runs')" = 1 ]
}

test_export() {
    works probed probe
    works "$RETHINK" export --out r.sqlite
    checks '
import json
run = json.load(open("stdout.txt"))[0]
(d,) = run["diagnostics"]
assert d["diagnostic"] == "probe" and d["spec"] == "probe:scale=1,do=fine" and d["of_last_weights"]
assert d["values"]["examples"] == 60 and d["values"]["nothing"] is None, d
assert abs(d["values"]["third"] - 1 / 3) < 1e-14
assert d["curves"]["square"] == [[i, i * i] for i in range(5)]
assert d["curves"]["bowl"][8] == [1, 1, 2] and d["notes"] == ["the scale is 1"]
assert d["device"] == "cpu:0" and d["seconds"] >= 0 and d["device_bytes"] >= 0 and d["error"] == ""'
    works "$RETHINK" export --csv --out r.sqlite
    checks '
import csv
rows = list(csv.DictReader(open("stdout.txt", newline="")))
assert [r["epoch"] for r in rows] == ["1", "2"] and {r["probe.examples"] for r in rows} == {"60"}'
}

# The run is done, the others are measured, and the status says that something failed.
test_failures() {
    fails 'run 1: diagnostic probe:scale=1,do=fail: it fails as it was told to$' probed probe:do=fail+probe
    [ "$(query 'select status from runs')" = 'done' ]
    [ "$(query 'select number, error from diagnostics order by number')" = '1|it fails as it was told to
2|' ]
    works "$RETHINK" show 1 --out r.sqlite
    says '^probe:do=fail FAILED: it fails as it was told to$'
    fails "diagnostic probe:scale=1,do=name: .*'Not a name'" probed probe:do=name
    fails "diagnostic probe:scale=1,do=twice: .*twice" probed probe:do=twice
    fails 'do=many: .*the most is 100000' probed probe:do=many
    fails 'do=lots: .*the most is 1000' probed probe:do=lots
    [ "$(query 'select count(*) from found_points where run > 1')" = 0 ]
    [ "$(query "select group_concat(distinct status) from runs")" = 'done' ]
}

test_refusals() {
    fails "unknown diagnostic 'prob'; did you mean 'probe'" probed prob --dry-run
    fails "probe: no parameter 'scal'" probed probe:scal=1 --dry-run
    fails 'scale=.* 0 to' probed probe:scale=-1 --dry-run
    fails 'probe:scale=1,do=fine is there twice' probed probe+probe:do=fine --dry-run
    fails "no run: give|is no run" probed distance:run=other
    fails 'weights=x, but epochs=2' probed probe --weights x
    ! query 'select count(*) from diagnostics where error = ""' | grep -qv 0
}

# A stop in a diagnostic keeps what is known, and the run goes on with what is not.
test_stop_and_resume() {
    "$RETHINK" run --model linear --data synth16:n=60,test=20 --epochs 3 --device cpu --quiet \
        --plugin "$E2E/probe.so" --diagnose probe+probe:do=wait --out r.sqlite >out.txt 2>err.txt &
    stop TERM 'select count(*) from diagnostics'
    [ "$(query 'select status from runs')" = stopped ] || fail "$(cat err.txt)"
    grep -q 'rethink run --resume 1' err.txt || fail "$(cat err.txt)"
    [ "$(query 'select count(*) from diagnostics')" = 1 ]
    before=$(query 'select d.measured, r.digest from diagnostics d, runs r')
    for signal in KILL INT; do
        "$RETHINK" run --plugin "$E2E/probe.so" --resume 1 --out r.sqlite -q >out.txt 2>err.txt &
        stop $signal "select status = 'running' from runs"
        [ "$(query 'select d.measured, r.digest from diagnostics d, runs r')" = "$before" ]
        [ "$(query 'select count(*) from epochs')" = 3 ]
    done
    [ "$(query 'select status from runs')" = stopped ]
}

# stop SIGNAL QUERY: ends the process started last once the query gives 1.
stop() {
    pid=$!
    until [ "$(query "$2" 2>/dev/null)" = 1 ]; do
        kill -0 $pid || fail "it has ended: $(cat err.txt)"
        sleep 0.02
    done
    sleep 0.1
    kill -"$1" $pid
    wait $pid || true
}

test_of_a_run() {
    small --out r.sqlite >/dev/null
    works diagnose 1 --what probe:scale=2,probe
    says '^probe:scale=2\.examples +120$'
    says '^probe:scale=1,do=fine: examples 60'
    works diagnose last --what probe+probe:scale=3 --json
    checks '
import json
a = json.load(open("stdout.txt"))
assert a["run"] == 1 and [d["spec"] for d in a["diagnostics"]] == [
    "probe:scale=1,do=fine", "probe:scale=3,do=fine"]'
    grep -q 'in place of an older result' stderr.txt
    [ "$(query 'select count(*) from diagnostics')" = 3 ]
    works diagnose 1 --what probe --device opencl --quiet
    [ "$(query "select device from diagnostics where spec = 'probe:scale=1,do=fine'")" = opencl:0.0 ]
    works diagnose --list
    says '^probe +known numbers$'
    fails 'diagnostic probe:scale=1,do=fail: it fails' diagnose 1 --what probe:do=fail --quiet
    fails 'what is to be measured' diagnose 1
    fails 'whose weights' diagnose --what probe
    fails "'seed' cannot be given" diagnose 1 --what probe --seed 3
    fails 'has no run 9' diagnose 9 --what probe
    fails 'no device|nothing' diagnose 1 --what probe --device nothing
}

# Weights are those that the run ended with, and data those that it was trained on, or it is refused.
test_of_a_run_that_was_changed() {
    small --out r.sqlite >/dev/null
    small --seed 2 --out r.sqlite >/dev/null
    cp r.sqlite.runs/2/weights.safetensors r.sqlite.runs/1/
    fails 'are not the weights that run 1 ended with' diagnose 1 --what probe
    query "update runs set data_digest = 'x' where id = 2"
    fails 'the data of run 2 have changed' diagnose 2 --what probe
    rm -r r.sqlite.runs/1
    fails 'run 1 has no weights in .*r.sqlite.runs/1' diagnose 1 --what probe
}

# Of an unfinished run the checkpoint counts; once it has gone on, that is no number of it.
test_of_an_unfinished_run() {
    small --out r.sqlite >/dev/null
    stopped_early r.sqlite "$RETHINK" run --model linear --data synth16:n=60,test=20 --epochs 400 \
        --checkpoint-seconds 0 --device cpu --quiet --out r.sqlite
    works diagnose $run --what probe
    epoch=$(query "select epoch from diagnostics where run = $run")
    [ "$epoch" -ge 2 ] && [ "$epoch" -lt 400 ]
    works "$RETHINK" run --resume $run --out r.sqlite -q
    works "$RETHINK" show $run --out r.sqlite
    says "after epoch $epoch, not the last"
    works diagnose $run --what probe
    [ "$(query "select epoch from diagnostics where run = $run")" = 400 ]
}

test_of_a_file() {
    small --out a.sqlite >/dev/null
    file=a.sqlite.runs/1/weights.safetensors
    works diagnose --weights $file --model linear --data synth16:n=60,test=20 --device cpu --what probe
    says '^probe.examples +60$'
    [ "$(query 'select epochs, status, digest from runs')" = "0|done|$(sqlite3 a.sqlite 'select digest from runs')" ]
    works diagnose --weights a.sqlite.runs/1/checkpoint.safetensors --model linear \
        --data synth16:n=60,test=20 --device cpu --what probe
    [ "$(query 'select count(distinct digest) from runs')" = 1 ]
    fails 'no weights of mlp:hidden=4.* has no tensor hidden1' diagnose --weights $file \
        --model mlp:hidden=4 --data synth16:n=60,test=20 --device cpu --what probe
    fails 'output/bias' diagnose --weights $file --model linear --device cpu --what probe \
        --data synth16:n=60,test=20,classes=3
    small --model mlp:hidden=4,layers=2 --out a.sqlite >/dev/null
    fails 'weights of another model: mlp:hidden=4,layers=1.* has no tensor hidden2' diagnose \
        --weights a.sqlite.runs/2/weights.safetensors --model mlp:hidden=4 --device cpu \
        --data synth16:n=60,test=20 --what probe
    fails 'cannot open none' diagnose --weights none --device cpu --what probe
    [ "$(query 'select count(*) from runs')" = 2 ]
}

. "$(dirname "$0")/lib.sh"
