#!/bin/sh
# Scores of examples: devices and threads agree, the command prints them, bad input is one line.

scored() {
    "$RETHINK" run --model linear --data synth16:n=90,test=20 --randomize labels:p=0.3 --epochs 4 \
        --lr 0.1 --batch 16 --scores --quiet "$@"
}

# Every column of every example, as text.
rows() { # FILE RUN
    sqlite3 "$1" "select example, label, true_label, prediction, learned, forgotten, hex(aum),
        hex(el2n), hex(loss), hex(p_mean), hex(p_variance) from scores where run = $2"
    sqlite3 "$1" "select example, label, prediction from test_scores where run = $2"
}

test_devices_agree() {
    scored --device cpu --threads 1 --out r.sqlite >/dev/null
    scored --device cpu --threads 2 --out r.sqlite >/dev/null
    scored --device opencl --out r.sqlite >/dev/null
    rows r.sqlite 1 >1.txt
    [ "$(wc -l <1.txt)" = 110 ] || fail 'rows are missing'
    for run in 2 3; do
        rows r.sqlite $run >other.txt
        cmp 1.txt other.txt
    done
}

test_plan_without_scores_is_the_same() {
    small --randomize labels:p=0.3 --out r.sqlite >/dev/null
    small --randomize labels:p=0.3 --scores --out r.sqlite >/dev/null
    [ "$(sqlite3 r.sqlite 'select count(distinct plan_digest) from runs')" = 2 ]
    [ "$(sqlite3 r.sqlite 'select count(distinct digest) from runs')" = 1 ]
    [ "$(sqlite3 r.sqlite 'select count(distinct run) from scores')" = 1 ]
    sqlite3 r.sqlite 'select config from runs where id = 2' | grep -q '"scores":true'
}

test_print() {
    scored --device cpu --out r.sqlite >/dev/null
    works "$RETHINK" scores last r.sqlite
    says '^90 training examples, [0-9]+ with a changed label; 4 epochs$'
    says '^aum  +(0\.[0-9]{4}|1\.0000) '
    works "$RETHINK" scores 1 --top 3 --by loss r.sqlite
    says '^By loss'
    ! grep -q "$(printf '\033')" stdout.txt || fail 'colours in a file'
    tail -n 3 stdout.txt | awk '{ if ($3 !~ /^[0-9]+$/) exit 1; print $(NF - 2) }' >loss.txt
    sort -g -r loss.txt | cmp - loss.txt
    works "$RETHINK" scores 1 --csv --out r.sqlite
    checks '
import csv
rows = list(csv.DictReader(open("stdout.txt", newline="")))
assert len(rows) == 90 and [int(r["example"]) for r in rows] == list(range(90))
assert all(r["changed"] == str(int(r["label"] != r["true_label"])) for r in rows)'
    works "$RETHINK" scores 1 --json --out r.sqlite
    checks '
import json
a = json.load(open("stdout.txt"))
assert a["run"] == 1 and a["n"] == 90 == len(a["examples"])
bad = [x for x in a["examples"] if x["changed"]]
good = [x for x in a["examples"] if not x["changed"]]
assert len(bad) == a["changed"] > 0
wins = sum((b["loss"] > g["loss"]) + 0.5 * (b["loss"] == g["loss"]) for b in bad for g in good)
assert abs(a["auc"]["loss"] - wins / len(bad) / len(good)) < 1e-12
wins = sum((b["aum"] < g["aum"]) + 0.5 * (b["aum"] == g["aum"]) for b in bad for g in good)
assert abs(a["auc"]["aum"] - wins / len(bad) / len(good)) < 1e-12'
}

test_over_runs() {
    for seed in 1 2 3; do
        scored --device cpu --seed $seed --randomize-seed 7 --out r.sqlite >/dev/null
    done
    scored --device cpu --seed 4 --out r.sqlite >/dev/null
    works "$RETHINK" scores --over 1-2,3 r.sqlite
    says '^90 training examples over 3 runs$'
    works "$RETHINK" scores --over 1,2,3 --json r.sqlite
    checks '
import json, sqlite3
a = json.load(open("stdout.txt"))
right = sqlite3.connect("r.sqlite").execute(
    "select sum(prediction = label) from scores where run < 4 group by example").fetchall()
p = [r[0] / 3 for r in right]
mean = sum(p) / 90
assert all(abs(x["accuracy"] - y) < 1e-12 for x, y in zip(a["examples"], p)) and abs(a["accuracy"] - mean) < 1e-12
ratio = sum((x - mean) ** 2 for x in p) / 90 / (mean * (1 - mean) / 3)
assert abs(a["variance_ratio"] - ratio) < 1e-9 * ratio
assert abs(a["always_right"] - sum(x == 1 for x in p) / 90) < 1e-12'
    works "$RETHINK" scores --over 1,2 --test --csv r.sqlite
    [ "$(wc -l <stdout.txt)" = 21 ]
    fails 'runs 1 and 4 have different data.*--randomize-seed' "$RETHINK" scores --over 1,4 r.sqlite
}

# The runs of a variant are those of its seeds, each once: the latest.
test_over_a_preset() {
    export RETHINK_PRESET_PATH="$PWD"
    {
        printf '[preset]\nmodel = linear\ndata = synth16:n=90,test=20\nepochs = 1\nscores = yes\n'
        printf 'randomize-seed = 1\n[grid]\nseed = 1..3\n'
        printf '[variant true labels]\nrandomize =\n[variant random labels]\nrandomize = labels:p=1\n'
    } >tiny.ini
    works "$RETHINK" run tiny --device cpu --device opencl --quiet --out r.sqlite
    [ "$(sqlite3 r.sqlite "select count(*) from runs where variant like 'true labels, seed=_'")" = 6 ]
    works "$RETHINK" scores --preset tiny --variant 'true labels' --json r.sqlite
    mv stdout.txt variant.json
    runs=$(sqlite3 r.sqlite "select group_concat(id) from (select max(id) as id from runs
        where variant like 'true%' group by seed)")
    works "$RETHINK" scores --over "$runs" --json r.sqlite
    cmp stdout.txt variant.json
    works "$RETHINK" scores --preset tiny --variant 'random*' r.sqlite
    says '^90 training examples over 3 runs$'
    fails 'no finished run of tiny, variant true: ' "$RETHINK" scores --preset tiny --variant true r.sqlite
    # Of the file of a merge the latest may have lower numbers.
    sqlite3 r.sqlite "update runs set started = '2001-01-01T00:00:00.000Z' where id in ($runs);
        delete from scores where run in ($runs)"
    works "$RETHINK" scores --preset tiny --variant 'true labels' --json r.sqlite
    cmp stdout.txt variant.json
}

# What a randomization made of the data is in the record, step by step, and whether it is what was
# expected.
test_audit() {
    small --randomize labels:p=0.5 --out r.sqlite >/dev/null
    small --randomize labels:p=0.5+pixels:mode=shuffle --out r.sqlite >/dev/null
    small --randomize labels:p=0 --out r.sqlite >/dev/null
    traces=$(sqlite3 r.sqlite 'select transform_digests from runs')
    first=$(echo "$traces" | sed -n 1p)
    echo "$first" | grep -qE '^labels: labels [0-9a-f]{32}$'
    echo "$traces" | sed -n 2p | grep -qE "^$first; pixels: pixels [0-9a-f]{32}$"
    [ -z "$(echo "$traces" | sed -n 3p)" ]
    [ "$first" = "labels: labels $(sqlite3 r.sqlite 'select label_digest from runs where id = 1')" ]
    works "$RETHINK" show 1 r.sqlite
    says '^  changed labels +0\.[0-9]+; expected 0\.450000 \+- 0\.256905 \(4 sigma\)$'
    says '^  weight decay +none$'
    sqlite3 r.sqlite 'update runs set changed_labels = 0.9 where id = 1'
    works "$RETHINK" show 1 r.sqlite
    says 'OUTSIDE$'
    works "$RETHINK" show 1 r.sqlite --json
    checks '
import json
a = json.load(open("stdout.txt"))
assert a["definitions"]["changed labels"].endswith("OUTSIDE"), a["definitions"]'
}

test_bad_input() {
    small --out r.sqlite >/dev/null
    fails 'run 1 of r.sqlite has no scores: .*--scores' "$RETHINK" scores 1 r.sqlite
    fails 'has no run 9' "$RETHINK" scores 9 r.sqlite
    fails 'which run' "$RETHINK" scores
    fails "no score 'amu'; did you mean 'aum'" "$RETHINK" scores 1 --by amu r.sqlite
    fails "top: '0' is not" "$RETHINK" scores 1 --top 0 r.sqlite
    fails "'x' is no run" "$RETHINK" scores --over 1,x r.sqlite
    fails 'run 1 is there twice' "$RETHINK" scores --over 1,1 r.sqlite
    fails 'two runs or more' "$RETHINK" scores --over 1 r.sqlite
    fails 'no finished run of nothing' "$RETHINK" scores --preset nothing r.sqlite
    fails 'either --csv or --json' "$RETHINK" scores 1 --csv --json r.sqlite
    fails "el2n-epoch: '0' is not" "$RETHINK" run --el2n-epoch 0
    fails 'el2n-epoch: there is no epoch 5 in a run of 4' scored --el2n-epoch 5 --out r.sqlite
    works small --scores --epochs 1 --out r.sqlite # which has none
    works scored --el2n-epoch 4 --out r.sqlite
    fails "randomize-seed: '-1' is not" "$RETHINK" run --randomize-seed=-1
}

# What is held out is predicted but not trained on, and no part of the training accuracy.
test_hold_out() {
    held() {
        scored --hold-out 0.25 "$@" --out r.sqlite >/dev/null
    }
    held --device cpu
    held --device opencl
    held --device cpu --seed 2
    [ "$(sqlite3 r.sqlite 'select group_concat(n) from (select sum(held) n from scores group by run)')" = 23,23,23 ]
    [ "$(sqlite3 r.sqlite 'select count(distinct digest) from runs where id < 3')" = 1 ]
    rows r.sqlite 1 >1.txt
    rows r.sqlite 2 | cmp 1.txt -
    [ "$(sqlite3 r.sqlite 'select count(*) from scores a join scores b using (example) where
        a.run = 1 and b.run = 3 and a.held and b.held')" -lt 23 ]
    [ "$(sqlite3 r.sqlite 'select count(*) from scores where held and (loss is not null or learned)')" = 0 ]
    [ "$(sqlite3 r.sqlite 'select count(*) from scores where not held and (loss is null or loss = 0)')" = 0 ]
    [ "$(sqlite3 r.sqlite 'select max(steps) from epochs')" = 20 ] # of 67 examples, by 16
    [ "$(sqlite3 r.sqlite 'select abs(train_accuracy - (select avg(prediction = label) from scores
        where run = 1 and not held)) < 1e-12 from runs where id = 1')" = 1 ]
    fails "hold-out: '1' leaves nothing" held --hold-out 1
    fails 'eval-limit=5, but' "$RETHINK" run --model linear --device cpu --hold-out 0.5 --eval-limit 5
    fails 'leaves none of the' "$RETHINK" run --model linear --data synth16:n=10,test=10 --device cpu \
        --hold-out 0.99 -q
}

test_memorization() {
    for seed in 1 2 3 4 5; do
        "$RETHINK" run --model linear --data synth16:n=90,test=20 --randomize labels:p=0.3 --epochs 4 \
            --lr 0.1 --batch 16 --hold-out 0.5 --randomize-seed 1 --seed $seed --device cpu -q \
            --out r.sqlite >/dev/null
    done
    works "$RETHINK" scores --over 1-5 r.sqlite --top 3
    says '^90 training examples, [0-9]+ with a changed label, over 5 runs; each run held out 50.0 %$'
    says '^memorization: P.right . trained on. - P.right . held out. '
    says '^The largest influences'
    works "$RETHINK" scores --over 1-5 r.sqlite --json
    checks '
import json, sqlite3
a = json.load(open("stdout.txt"))
db = sqlite3.connect("r.sqlite")
for x in a["examples"]:
    part = {}
    for held in (0, 1):
        hits = [p == l for p, l in db.execute("select prediction, label from scores where example = ? and "
                "held = ?", (x["example"], held))]
        part[held] = sum(hits) / len(hits) if hits else None
    want = None if None in part.values() else part[0] - part[1]
    got = x["memorization"]
    assert (got is None) == (want is None) and (want is None or abs(got - want) < 1e-12), x
assert len(a["influences"]) == 10 and len(a["examples"]) == 90'
    works "$RETHINK" scores --over 1-5 r.sqlite --csv
    [ "$(wc -l <stdout.txt)" = 91 ]
}

. "$(dirname "$0")/lib.sh"
