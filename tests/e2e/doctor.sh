#!/bin/sh
# rethink doctor: finds what keeps a run from fitting, says so, and nothing where all is well.

export RETHINK_PRESET_PATH="$SOURCE/plugins/presets"

doctor() { # STATUS ARGUMENTS...
    want=$1
    shift
    code=0
    "$RETHINK" doctor "$@" >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = "$want" ] || {
        cat stdout.txt stderr.txt
        fail "exit status $code, not $want: $*"
    }
}

test_all_is_well() {
    "$RETHINK" run --model mlp:hidden=64 --data synth16:n=100,test=20 --batch 10 --epochs 30 \
        --stop-accuracy 1 --device cpu --quiet --out r.sqlite >/dev/null
    doctor 0 last --out r.sqlite
    says '^It fits: every training example is right from epoch [0-9]+ on$'
    says '^Nothing was found$'
    ! grep -q "$(printf '\033')" stdout.txt || fail 'colours in a file'
    doctor 0 --model mlp:hidden=64 --data synth16:n=100,test=20 --batch 10
    says '^These options$'
}

test_causes() {
    small --lr 1e-9 --out r.sqlite >/dev/null
    doctor 1 1 --out r.sqlite --quiet
    says '^It does not fit: training accuracy'
    says '^batch +likely cause +128 of 60 examples a step: an epoch is only 1 steps$'
    doctor 1 --model mlp:hidden=2,dropout=0.5 --regularize l2 --augment flip --lr 0 --json
    checks '
import json
(a,) = json.load(open("stdout.txt"))
causes = {f["check"] for f in a["findings"] if f["verdict"] == "likely cause"}
assert causes == {"augmentation", "regularizers", "capacity", "learning rate"}, causes
assert a["causes"] == 4 and a["fit_epoch"] == 0
assert all(f["remedy"] for f in a["findings"] if f["verdict"] != "ok")'
}

test_data() {
    doctor 1 --plugin "$E2E/doctor_plugin.so" --model mlp:hidden=64 --data pairs --batch 1
    says '^duplicates +likely cause +4 of 12 examples .*\(0 and 1, 2 and 3, 4 and 5, \.\.\.\): at most 66.6667 %'
    says '^inputs +note +2 of 12 images have the same value everywhere$'
    says '^classes +note +3 of 4 classes occur'
    doctor 1 --plugin "$E2E/doctor_plugin.so" --data synth16:n=60 --randomize drift --batch 1
    says '^labels +likely cause +loaded twice with one seed, the data differ'
}

test_run_whose_data_are_gone() {
    small --out r.sqlite >/dev/null
    sqlite3 r.sqlite "update runs set config = replace(config, 'synth16', 'mist16')"
    fails "unknown data 'mist16'" "$RETHINK" doctor 1 --out r.sqlite
    sqlite3 r.sqlite "update runs set config = json_set(config, '$.data', 'idx:path=/nowhere')"
    doctor 1 1 --out r.sqlite
    says '^labels +note +not checked: .*/nowhere'
}

test_presets_and_bad_input() {
    doctor 0 --preset quickstart --quiet
    says '^random labels$'
    fails "unknown model 'mpl'; did you mean 'mlp'" "$RETHINK" doctor --model mpl
    fails "'lr' cannot be given" "$RETHINK" doctor 1 --lr 1
    fails 'does not exist' "$RETHINK" doctor 1 --out none.sqlite
    small --out r.sqlite >/dev/null
    fails 'has no run 9' "$RETHINK" doctor 9 --out r.sqlite
    code=0
    "$RETHINK" doctor 9 --out r.sqlite 2>/dev/null || code=$?
    [ "$code" = 2 ] || fail "an error has exit status $code"
}

. "$(dirname "$0")/lib.sh"
