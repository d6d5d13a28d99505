#!/bin/sh
# Kernels are chosen among those that are right, and bits stay what they are.

model() { # COMMAND OPTION...
    command=$1
    shift
    "$RETHINK" "$command" --model mlp:hidden=32,layers=1 --data synth16:n=60,test=20 --batch 20 "$@"
}

# The proxy passes everything on to the CPU backend; PROXY_CHOICES are choices of its products.
proxied() {
    command=$1
    shift
    RETHINK_BACKEND_PATH=$BUILD/backends/cpu model "$command" --backend "$PROXY" --device proxy --tuning db/t.json "$@"
}

digests() { # FILE
    sqlite3 "$1" 'select distinct digest from epochs where epoch = 2'
}

test_a_faster_choice_is_taken() {
    export PROXY_CHOICES=plain PROXY_LAZY=2000
    works proxied tune
    says '^matmul .*: plain takes [0-9.]+ ms instead of'
    says '^proxy: [0-9]+ operations tuned, [1-9]'
    works proxied tune --list --json
    checks '
import json
known = json.load(open("stdout.txt"))
assert len(known["digest"]) == 32
assert {e["choice"] for e in known["entries"]} == {"plain"}, known
assert all(e["class"].startswith("matmul") and e["samples"] >= 7 for e in known["entries"])'
    works proxied run --epochs 2 --out r.sqlite
    works model run --device cpu --epochs 2 --out r.sqlite
    sqlite3 r.sqlite 'select kernels from runs where id = 1' | grep -qE 'chosen plain.*; tuned by [0-9a-f]{12}$' ||
        fail 'not taken'
    [ "$(digests r.sqlite | wc -l)" = 1 ] || fail 'bits differ'
    works proxied tune
    says '^proxy: 0 operations tuned.* [1-9][0-9]* known before'
    RETHINK_TUNING=db/t.json works "$RETHINK" devices -v
    says '^Tuning: database with digest [0-9a-f]{32}$'
}

# The plan is that of a run without a database.
test_a_choice_that_is_no_longer_offered() {
    PROXY_CHOICES=plain PROXY_LAZY=2000 works proxied tune
    export PROXY_CHOICES=other
    works proxied run --epochs 1 -v --out r.sqlite
    grep -E '^plan | -> ' stdout.txt >plan.txt
    grep -q matmul plan.txt || fail 'no plan'
    works proxied run --epochs 1 -v --out r.sqlite --tuning off
    grep -E '^plan | -> ' stdout.txt | cmp - plan.txt || fail 'another plan'
}

test_a_slower_choice_is_not_taken() {
    export PROXY_CHOICES=slow
    works proxied tune
    works proxied tune --list --json
    checks 'import json; assert {e["choice"] for e in json.load(open("stdout.txt"))["entries"]} == {""}'
}

test_a_wrong_choice_is_never_used() {
    export PROXY_CHOICES=wrong,fails,plain PROXY_LAZY=2000
    works proxied tune
    grep -q '^rethink: matmul .*: wrong: wrong: 1 of ' stderr.txt || fail "$(cat stderr.txt)"
    grep -q '^rethink: matmul .*: fails: failed: .*this choice fails' stderr.txt || fail "$(cat stderr.txt)"
    works proxied tune --list
    says 'matmul .* wrong +- +- +wrong: 1 of'
    works proxied tune --again
    grep -q ': wrong: skipped: wrong: 1 of' stderr.txt || fail 'tried again'
    works proxied run --epochs 1 --out r.sqlite
    ! sqlite3 r.sqlite 'select kernels from runs' | grep -q 'chosen wrong' || fail 'used'
}

test_an_own_kernel_that_is_wrong() {
    export PROXY_CHOICES=plain PROXY_FLIP=matmul:640:1:high
    code=0
    proxied tune >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = 1 ] || fail "exit status $code"
    grep -q '^rethink: matmul .*: the backend.s own kernel: wrong: 1 of 640' stderr.txt || fail "$(cat stderr.txt)"
    tail -1 stderr.txt | grep -q '^rethink: proxy.*: its own kernels are wrong for 2 operations, .*check proxy' ||
        fail "$(cat stderr.txt)"
    says '^proxy.*: [1-9][0-9]* operations tuned'
}

test_a_choice_that_kills_is_skipped() {
    export PROXY_CHOICES=plain,dies
    code=0
    proxied tune >/dev/null 2>&1 || code=$?
    [ "$code" = 137 ] || fail "it did not die: $code"
    [ -s db/t.json.journal ] || fail 'no journal'
    killed=0
    while ! proxied tune >stdout.txt 2>stderr.txt; do
        grep -q 'dies: the process ended, .*; it will be skipped' stderr.txt || fail "$(cat stderr.txt)"
        killed=$((killed + 1))
        [ $killed -lt 20 ] || fail 'it never ends'
    done
    grep -q 'dies: the process ended, .*; it will be skipped' stderr.txt || fail "$(cat stderr.txt)"
    [ ! -s db/t.json.journal ] || fail 'the journal was not cleared'
    works proxied tune --again
    grep -q 'dies: skipped: the process ended' stderr.txt || fail "$(cat stderr.txt)"
    works proxied run --epochs 1 --out r.sqlite
}

test_one_tuner_at_a_time() {
    mkdir db
    PROXY_CHOICES=plain fails 'another .rethink tune. works on .*t.json' \
        flock db/t.json.journal "$RETHINK" tune --forget --tuning db/t.json
}

# With the user's own a run goes on with static rules, one that was named must be right; the tuner
# changes nothing.
damaged() { # REGEX
    mkdir -p home/rethink
    cp db/t.json home/rethink/tuning.json
    works env -u RETHINK_TUNING XDG_DATA_HOME="$PWD/home" "$RETHINK" run --model linear \
        --data synth16:n=60,test=20 --epochs 1 --device cpu --quiet --out r.sqlite
    [ "$(grep -c '^rethink: warning: nothing is tuned: ' stderr.txt)" = 1 ] || fail "$(cat stderr.txt)"
    grep -qE "$1.*rethink tune --forget" stderr.txt || fail "$(cat stderr.txt)"
    fails "$1.*rethink tune --forget" proxied run --epochs 1 --out n.sqlite --quiet
    RETHINK_TUNING=db/t.json fails "$1" small --out n.sqlite
    RETHINK_TUNING=db/t.json fails "$1" "$RETHINK" bench --device cpu --out n.sqlite
    [ ! -e n.sqlite ] || fail 'made a file'
    cp db/t.json before.json
    PROXY_CHOICES=plain fails "$1.*rethink tune --forget" proxied tune
    cmp -s db/t.json before.json || fail 'it was overwritten'
}

test_databases_that_are_none() {
    mkdir db
    printf '{"format": "rethink tuning", "vers' >db/t.json
    damaged 'json is damaged .line 1'
    echo '{"format": "rethink tuning", "version": 7, "devices": []}' >db/t.json
    damaged 'version 7, this rethink reads version 1'
    echo '{"format": "rethink tuning", "version": 1, "devices": [], "more": 1}' >db/t.json
    damaged 'damaged .*more'
    echo '[1]' >db/t.json
    damaged 'no database of .rethink tune.'
    works "$RETHINK" tune --forget --tuning db/t.json
    works "$RETHINK" tune --list --tuning db/t.json
    says 'none, it is empty'
}

test_a_folder_that_cannot_be_written() {
    mkdir db
    chmod 555 db
    fails 'cannot (make|open).*' nobody "$RETHINK" tune --forget --tuning "$PWD/db/sub/t.json"
}

test_export_and_import() {
    PROXY_CHOICES=plain works proxied tune
    works proxied tune --export out.json
    works "$RETHINK" tune --tuning other.json --import out.json
    cmp -s other.json db/t.json || fail 'they differ'
    works "$RETHINK" tune --tuning other.json --backend "$PROXY" --device proxy --forget --list
    says 'none, it is empty'
    fails 'no-such.json' "$RETHINK" tune --tuning other.json --import no-such.json
    echo '{' >bad.json
    fails 'bad.json is damaged .*: export it again' "$RETHINK" tune --tuning other.json --import bad.json
}

# A name with a typo is not taken for static rules, and leaves nothing behind.
test_a_database_that_is_not_there() {
    fails 'tuning database of does not exist' small --tuning of --out r.sqlite
    RETHINK_TUNING=nope.json fails 'tuning database nope.json does not exist' small --out r.sqlite
    fails 'nope.json' "$RETHINK" sweep --model linear --data synth16:n=60,test=20 --epochs 1 \
        --device cpu --tuning nope.json --out r.sqlite
    RETHINK_TUNING=nope.json fails 'nope.json' "$RETHINK" bench --device cpu --out b.sqlite
    [ -z "$(ls | grep -v txt)" ] || fail "made $(ls)"
    for name in off random:1 ''; do
        works small --tuning "$name" --out r.sqlite
    done
    fails "tuning 'random:x' has no seed" small --tuning random:x --out r.sqlite
    RETHINK_TUNING=nope.json works "$RETHINK" devices -v
    fails 'nope.json' "$RETHINK" diagnose 1 --what probe --device cpu --tuning nope.json --out r.sqlite
}

test_nothing_to_tune() {
    works proxied tune
    says 'nothing to tune: nothing to choose'
    works proxied run --epochs 1 --out r.sqlite
    RETHINK_TUNING=off fails 'no place for the database' model tune --device cpu
    fails 'rapid or --full' model tune --rapid --full
    fails '0.* is no number of minutes' model tune --minutes 0
}

# Whatever is chosen: the same bits.
test_random_choices_on_opencl() {
    conv() {
        works "$RETHINK" run --model cnn --data synth16:n=40,test=20 --batch 20 --epochs 2 --quiet \
            --out r.sqlite "$@"
    }
    conv --device cpu
    conv --device opencl --tuning random:1
    [ "$(digests r.sqlite | wc -l)" = 1 ] || fail 'bits differ'
    works small --device opencl --out s.sqlite
    for seed in 1 3; do
        works small --device opencl --out s.sqlite --tuning random:$seed
    done
    [ "$(digests s.sqlite | wc -l)" = 1 ] || fail 'bits differ'
    [ "$(sqlite3 s.sqlite 'select count(distinct kernels) from runs')" != 1 ] || fail 'nothing was chosen'
}

test_random_choices_on_cpu() {
    for seed in 1 2 3; do
        works "$RETHINK" run --model cnn --data synth16:n=40,test=20 --batch 20 --epochs 2 --quiet \
            --out r.sqlite --device cpu --threads 3 --tuning random:$seed
    done
    works "$RETHINK" run --model cnn --data synth16:n=40,test=20 --batch 20 --epochs 2 --quiet \
        --out r.sqlite --device cpu --threads 3
    [ "$(digests r.sqlite | wc -l)" = 1 ] || fail 'bits differ'
    sqlite3 r.sqlite 'select kernels from runs where id = 1' | grep -q ', one thread' || fail 'nothing was chosen'
}

test_tuning_cpu() {
    works model tune --device cpu --threads 2 --tuning t.json --full
    says '^matmul .* ms'
    says '^ewise .* ms'
    works model run --device cpu --epochs 1 --out r.sqlite --tuning t.json
}

test_tuning_opencl() {
    works "$RETHINK" tune --model linear --data synth16:n=60,test=20 --batch 20 --device opencl \
        --tuning t.json --choices 1
    says '^matmul .* ms'
    works small --device opencl --out r.sqlite --tuning t.json
}

. "$(dirname "$0")/lib.sh"
