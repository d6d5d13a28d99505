#!/bin/sh
# Regularizers and what else changes a step: the same bits however the cpu computes
# (digests.sh has OpenCL), other bits than without; stops; labels of evaluations; refusals.

everything='--model mlp:hidden=14,layers=2,bn=on,dropout=0.3 --augment noise:sigma=0.2+drop:p=0.1
    --regularize l2:on=hidden-dense+weight-norm+max-norm:limit=0.9+label-smoothing+sam:rho=0.3
    --randomize pixels:mode=gaussian,p=0.3,test=no+labels:p=0.2 --eval-labels corrupted'
convolutions='--model cnn:filters1=3,filters2=4,hidden1=7,bn=on,dropout=0.2 --batch 16
    --regularize sam+max-norm:limit=1+l2:on=conv --data synth16:n=24,test=6'

# shellcheck disable=SC2086
test_cpu() {
    for options in "$everything" "$convolutions"; do
        tiny cpu $options --device cpu --threads 1
        same threads2 $options --device cpu --threads 2
        same unfused $options --device cpu --unfused
        same plain $options --device cpu --isa plain
        rm -rf ./*.sqlite*
    done
}

# other NAME OPTION...: other bits than the first run; equal NAME OPTION...: the same ones.
other() {
    tiny "$@" --device cpu
    if cmp -s cpu.digests "$1.digests"; then fail "$1 changes nothing"; fi
}
equal() { same "$@" --device cpu; }

test_every_knob_turns() {
    tiny cpu --device cpu
    other dropout --model mlp:hidden=24,layers=2,dropout=0.1
    other bn --model mlp:hidden=24,layers=2,bn=on
    other noise --augment noise:sigma=0.01
    other drop --augment drop:p=0.01
    other jitter --augment jitter:saturation=0,hue=0
    other l2 --regularize l2:on=hidden-dense
    other weight-norm --regularize weight-norm
    other max-norm --regularize max-norm:limit=1
    other smoothing --regularize label-smoothing:epsilon=0.01
    other sam --regularize sam:rho=0.01
    other labels --eval-labels corrupted
    equal dropout-0 --model mlp:hidden=24,layers=2,dropout=0,bn=off
    equal noise-0 --augment noise:sigma=0+drop:p=0
    equal max-norm-0 --regularize max-norm:limit=1000
    equal smoothing-0 --regularize label-smoothing:epsilon=0
    equal sam-0 --regularize sam:rho=0
    equal labels-0 --eval-labels clean --stop-patience 2
}

# Nothing is learned, so the first epoch stays the best; a run that goes on knows which it was.
test_patience() {
    options='--model linear --data synth16:n=30,test=20 --lr 0 --epochs 1000 --stop-patience 400 --device cpu --quiet'
    # shellcheck disable=SC2086
    works "$RETHINK" run $options --out r.sqlite
    # shellcheck disable=SC2086
    stopped_early r.sqlite "$RETHINK" run $options --out r.sqlite
    works "$RETHINK" run --resume "$run" --quiet --out r.sqlite
    for n in 1 "$run"; do
        [ "$(sqlite3 r.sqlite "select epochs_done from runs where id = $n")" = 401 ] ||
            fail "epochs: $(sqlite3 r.sqlite 'select id, epochs_done from runs')"
    done
    works "$RETHINK" run --data synth16:n=60,test=40 --model linear --epochs 40 --stop-patience 3 \
        --device cpu --quiet --out s.sqlite
    works "$RETHINK" export --out s.sqlite
    checks '
import json
a = [row["test_accuracy"] for row in json.load(open("stdout.txt"))[0]["history"]]
stop = next(n for n in range(1, 99) if n == 40 or n - (a.index(max(a[:n])) + 1) >= 3)
assert len(a) == stop < 40, (stop, a)'
}

test_eval_labels() {
    for labels in clean corrupted; do
        works "$RETHINK" run --data synth16:n=400,test=400 --model mlp:hidden=64 --randomize labels:p=0.8 \
            --lr 0 --epochs 1 --device cpu --quiet --out r.sqlite --eval-labels $labels
        works "$RETHINK" show last r.sqlite
        says "\"eval-labels\": \"$labels\""
    done
    checks '
import sqlite3
columns = "data_digest, label_digest, changed_labels, train_accuracy, test_accuracy, digest"
a, b = sqlite3.connect("r.sqlite").execute(f"select {columns} from runs")
assert a[0] != b[0] and a[1:4] == b[1:4] and a[5] == b[5]'
}

# refused REGEX OPTION...
refused() {
    said=$1
    shift
    fails "$said" "$RETHINK" run --device cpu --quiet --out r.sqlite --data synth16:n=9,test=3 "$@"
}

test_refusals() {
    refused 'dropout=1 is out of range: from 0 to 0.99' --model mlp:dropout=1
    refused 'bn=yes is not one of off|on' --model alexnet:bn=yes
    refused 'label-smoothing:epsilon=0.1 and label-smoothing:epsilon=0.2: only one can say what' \
        --regularize label-smoothing+label-smoothing:epsilon=0.2
    refused 'sam:rho=0.05 and sam:rho=0.1: only one can say where' --regularize sam+sam:rho=0.1
    refused 'limit=0 is out of range' --regularize max-norm:limit=0
    refused 'on=convs is not one of' --regularize l2:on=convs
    refused "unknown regularizer 'dropout'" --regularize dropout
    refused 'p=1 is out of range: from 0 to 0.99' --augment drop:p=1
    refused 'p=2 is out of range: from 0 to 1' --randomize pixels:p=2
    refused "eval-labels: 'dirty' is none of clean.corrupted" --eval-labels dirty
    refused 'eval-labels=corrupted, but nothing corrupts labels' --eval-labels corrupted
    refused "stop-patience: '-1' is not a whole number" --stop-patience=-1
}

. "$(dirname "$0")/tiny.sh"
. "$(dirname "$0")/lib.sh"
