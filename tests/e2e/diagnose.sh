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
    fails 'do=many: .*more than 100000 points' probed probe:do=many
    fails 'do=lots: .*more than 1000 numbers' probed probe:do=lots
    [ "$(query 'select count(*) from found_points where run > 1')" = 0 ]
    [ "$(query "select group_concat(distinct status) from runs")" = 'done' ]
}

test_refusals() {
    fails "unknown diagnostic 'prob'; did you mean 'probe'" probed prob --dry-run
    fails "probe: no parameter 'scal'" probed probe:scal=1 --dry-run
    fails 'scale=.* 0 to' probed probe:scale=-1 --dry-run
    fails 'points=.* 2 to 223' probed surface:points=224 --dry-run
    fails 'points=.* 2 to 12500' probed interpolate:with=1,points=12501 --dry-run
    fails 'samples=.* 1 to 49900' probed sensitivity:steps=60000,samples=49901 --dry-run
    fails 'iterations=.* 1 to 100000' probed kernel:iterations=100001 --dry-run
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
        --checkpoint-seconds 0 --device cpu --quiet --plugin "$E2E/probe.so" --diagnose probe:scale=2 \
        --out r.sqlite
    works diagnose $run --what probe,probe:scale=2
    epoch=$(query "select min(epoch) from diagnostics where run = $run")
    [ "$epoch" -ge 2 ] && [ "$epoch" -lt 400 ]
    works "$RETHINK" run --resume $run --plugin "$E2E/probe.so" --out r.sqlite -q
    works "$RETHINK" show $run --out r.sqlite
    says "after epoch $epoch, not the last"
    [ "$(query "select spec, epoch = $epoch from diagnostics where run = $run order by spec")" = 'probe:scale=1,do=fine|1
probe:scale=2,do=fine|0' ]
    works diagnose $run --what probe
    [ "$(query "select group_concat(epoch) from diagnostics where run = $run")" = 400,400 ]
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
    # How the weights began is not in the file.
    works diagnose --weights $file --model linear --data synth16:n=60,test=20 --device cpu --seed 7 \
        --what margins+hessian:norm=running,iterations=2,probes=0
    says '^margins: initial weights are those of seed 7: the file does not say'
    [ "$(grep -c 'those of seed' stdout.txt)" = 1 ] || fail "$(cat stdout.txt)"
    works diagnose 1 --out a.sqlite --what margins
    ! grep -q 'those of seed' stdout.txt || fail "$(cat stdout.txt)"
    fails 'no weights of mlp:hidden=4.* has no tensor hidden1' diagnose --weights $file \
        --model mlp:hidden=4 --data synth16:n=60,test=20 --device cpu --what probe
    fails 'output/bias' diagnose --weights $file --model linear --device cpu --what probe \
        --data synth16:n=60,test=20,classes=3
    small --model mlp:hidden=4,layers=2 --out a.sqlite >/dev/null
    fails 'weights of another model: mlp:hidden=4,layers=1.* has no tensor hidden2' diagnose \
        --weights a.sqlite.runs/2/weights.safetensors --model mlp:hidden=4 --device cpu \
        --data synth16:n=60,test=20 --what probe
    fails 'cannot open none' diagnose --weights none --device cpu --what probe
    [ "$(query 'select count(*) from runs')" = 3 ]
}

# A preset of two variants, of which one looks at the weights of the other.
probes() { # LINE OF THE PRESET THAT IS ADDED...
    mkdir -p presets
    cat >presets/probes.ini <<'END'
[preset]
doc = probes of a small network
model = linear
data = synth16:n=60,test=20
device = cpu
epochs = 2
diagnose = probe
[variant large]
batch = 30
after = small
diagnose = distance:run=small
diagnose = probe:scale=2
[variant small]
batch = 10
[grid]
seed = 1..2
[claim known numbers]
holds = found('probe.examples', 'small') = 60
holds = found('probe:scale=2.examples', 'large') = 2 * found('probe.examples', 'small')
holds = found('distance.norm', 'large') > 0
[claim least]
holds = lowest('probe.examples', '*') = 60
[claim mean]
mean = found('probe.third', 'small')
from = 0.33
to = 0.34
[figure Squares]
kind = diagnostic
series = probe.square
x = number
y = its square
log = y
[figure Bowls]
kind = diagnostic
series = probe.bowl
[figure Examples]
kind = bars
y = probe.examples
END
    for line; do echo "$line" >>presets/probes.ini; done
    export RETHINK_PRESET_PATH="$PWD/presets"
}

bad_preset() { # REGEX LINE...
    pattern=$1
    shift
    probes "$@"
    fails "$pattern" "$RETHINK" run probes --plugin "$E2E/probe.so" --dry-run
}

test_preset() {
    probes
    works "$RETHINK" run probes --plugin "$E2E/probe.so" --dry-run
    [ "$(awk '$1 == "probes" { print $3 $4 }' stdout.txt | tr '\n' ' ')" = 'small,seed=1 small,seed=2 large,seed=1 large,seed=2 ' ] ||
        fail "$(cat stdout.txt)"
    works "$RETHINK" sweep probes --plugin "$E2E/probe.so" --jobs 4 --out r.sqlite
    says '5 of 5 met'
    [ "$(query 'select count(*) from diagnostics')" = 6 ]
    works "$RETHINK" verdict r.sqlite
    says 'probe:scale=2.examples: large 120; probe.examples: small 60'
    works "$RETHINK" report r.sqlite
    for text in 'What diagnostics found' 'What diagnostics cost' 'Squares; mean and' 'Bowls: large; mean over' \
        'probe: the scale is 2' '<th scope=row>distance.norm'; do
        grep -q "$text" report.html || fail "no '$text' in the report"
    done
    fails "'large, seed=1' comes after 'small, seed=1'" "$RETHINK" sweep probes --emit slurm \
        --plugin "$E2E/probe.so"
    works "$RETHINK" sweep probes --emit slurm --plugin "$E2E/probe.so" --variant small
}

# A variant whose predecessor fails is not started.
test_preset_that_fails() {
    probes
    sed -i 's/^batch = 10$/batch = 10\ndiagnose = probe:do=fail/' presets/probes.ini
    code=0
    "$RETHINK" sweep probes --plugin "$E2E/probe.so" --jobs 2 --out r.sqlite >stdout.txt 2>stderr.txt || code=$?
    [ $code = 1 ] || fail "status $code"
    grep -q 'diagnostic probe:scale=1,do=fail: it fails as it was told to' stderr.txt || fail "$(cat stderr.txt)"
    grep -q "not started: it comes after 'small, seed=1', which failed" stderr.txt || fail "$(cat stderr.txt)"
    [ "$(query 'select count(*), min(status) from runs')" = '2|done' ]
}

test_bad_presets() {
    bad_preset "probes.ini:[0-9]+: after: no variant 'smal'; did you mean 'small'" '[variant other]' 'after = smal'
    bad_preset "after: '(small|large)' would come after itself" '[variant small]' 'after = large'
    bad_preset "'alone' would come after itself" '[variant alone]' 'after = alone' 'batch = 5'
    bad_preset "no variant has the diagnostic 'prob'; did you mean 'probe'" '[claim x]' "holds = found('prob.x', 'small') > 0"
    bad_preset 'is not DIAGNOSTIC.NAME' '[claim x]' "holds = found('probe', 'small') > 0"
    bad_preset "no variant 'smal'" '[claim x]' "holds = found('probe.x', 'smal') > 0"
    bad_preset 'series: .probe. is not DIAGNOSTIC.NAME' '[figure x]' 'kind = diagnostic' 'series = probe'
    bad_preset "log: 'q' is not of the axes" '[figure x]' 'kind = diagnostic' 'series = probe.square' 'log = q'
    bad_preset 'log is for figures of kind = diagnostic' '[figure x]' 'log = y'
    bad_preset 'none of curves.sweep.frontier.bars.diagnostic' '[figure x]' 'kind = diagnostics'
    probes '[claim x]' "holds = found('probe.exampels', 'small') > 0"
    works "$RETHINK" run probes -q --plugin "$E2E/probe.so" # older runs may lack a newer claim's number
    says "not measured +probe has found no 'exampels'; did you mean 'examples'"
}

# What either file has; of two results of one diagnostic the later one.
test_merge() {
    works probed probe
    cp r.sqlite b.sqlite
    cp -r r.sqlite.runs b.sqlite.runs
    works "$RETHINK" diagnose 1 --plugin "$E2E/probe.so" --out b.sqlite --what probe+probe:scale=2
    works diagnose 1 --what probe:scale=3
    later=$(sqlite3 b.sqlite "select measured from diagnostics where spec like '%=1,%'")
    works "$RETHINK" merge --out r.sqlite b.sqlite
    says '0 runs added, 1 were there already'
    [ "$(query "select count(*) from diagnostics")" = 3 ]
    [ "$(query "select measured from diagnostics where spec like '%=1,%'")" = "$later" ]
    [ "$(query 'select group_concat(n) from (select count(*) n from found_values group by spec)')" = 3,3,3 ]
    [ "$(query 'select count(*) from found_points')" = 42 ]
    works "$RETHINK" merge --out c.sqlite r.sqlite b.sqlite
    [ "$(sqlite3 c.sqlite 'select count(*) from found_points')" = 42 ]
    query 'pragma foreign_keys = on; delete from runs'
    [ "$(query 'select (select count(*) from diagnostics) + (select count(*) from found_points)')" = 0 ]
}

# What a device computes in exact numerics, another one does too.
test_devices_agree() {
    for device in cpu opencl; do
        works "$RETHINK" run --model linear --data synth16:n=60,test=20 --epochs 2 --device $device -q \
            --diagnose hessian:norm=running,iterations=8,top=2,probes=2 --out r.sqlite
    done
    [ "$(query 'select count(distinct device) from diagnostics')" = 2 ]
    works "$RETHINK" compare 1 2 --out r.sqlite
    says 'diagnostics found is equal to the bit'
    works "$RETHINK" diagnose 1 --out r.sqlite --device opencl -q \
        --what hessian:norm=running,iterations=8,top=2,probes=2
    works "$RETHINK" compare 1 2 --out r.sqlite
}

test_compare() {
    works probed probe
    works probed probe
    works "$RETHINK" compare 1 2 --out r.sqlite
    says 'diagnostics found is equal to the bit'
    query "update found_values set value = 61 where run = 2 and name = 'examples'"
    code=0
    "$RETHINK" compare 1 2 --out r.sqlite >stdout.txt || code=$?
    [ $code = 1 ]
    says 'probe.examples +60.0 +61.0'
    query "update found_values set value = 60 where run = 2; update found_points set y = 7 where run = 2 and position = 3"
    ! "$RETHINK" compare 1 2 --out r.sqlite --json >stdout.txt
    checks '
import json
a = json.load(open("stdout.txt"))
assert not a["equal"] and a["found"]["probe.square"] == [9, 7]'
    for seed in 1 1 2; do works probed probe --epochs 0 --seed $seed; done
    works "$RETHINK" compare 3 4 --out r.sqlite
    says 'Neither has an epoch; their weights are equal to the bit'
    ! "$RETHINK" compare 3 5 --out r.sqlite >stdout.txt
    says 'their weights differ'
}

. "$(dirname "$0")/lib.sh"
