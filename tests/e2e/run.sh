#!/bin/sh
# Training as a user sees it: kills, stops, several devices, presets, options.

export RETHINK_PRESET_PATH="$SOURCE/plugins/presets"

# digests FILE RUN: everything that is the same in every way of computing a run, which must be done.
digests() {
    python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
run = sys.argv[2:]
status, error = db.execute("SELECT status, error FROM runs WHERE id = ?", run).fetchone()
assert status == "done", f"run {run}: {status}: {error}"
for row in db.execute("SELECT epoch, digest, steps, rate, online_loss, online_accuracy, train_loss,"
                      "train_accuracy, test_loss, test_accuracy FROM epochs WHERE run = ? "
                      "ORDER BY epoch", run):
    print(*row)
print(*db.execute("SELECT epochs_done, fit_epoch, train_accuracy, test_accuracy, train_loss,"
                  "test_loss, digest FROM runs WHERE id = ?", run).fetchone())' "$1" "$2" ||
        fail "no digests of run $2 in $1"
}

# same A B: two files of digests are equal, and not empty.
same() {
    [ -s "$1" ] || fail "$1 is empty"
    cmp "$1" "$2" >/dev/null || fail "digests differ: $(diff "$1" "$2" | head -n 4)"
}

# A network of which an epoch takes some milliseconds; 20 examples are left for the last batch.
# launch OPTION... &: $! is the program's own number.
launch() {
    exec "$RETHINK" run --model mlp:hidden=48,layers=2 --data synth16:n=620,test=100 --batch 40 \
        --lr 0.02 --lr-decay 0.98 --regularize l2 --quiet --device "${device:-cpu}" \
        --threads "${threads:-1}" "$@"
}

train() {
    (launch "$@")
}

# is_done FILE: run 1 is done.
is_done() {
    [ "$(python3 -c '
import sqlite3, sys
try:
    print(sqlite3.connect(sys.argv[1]).execute("SELECT status FROM runs").fetchone()[0])
except (sqlite3.Error, TypeError):
    print("nothing yet")' "$1")" = done ]
}

# killed_often SECONDS: kill -9 at six random moments, with checkpoints this often.  The moments add up
# to less than what the whole run took, so that it is not over before the last of them.  Sanitizers
# make a run some six times as long.
killed_often() {
    options="--epochs $([ -n "$SANITIZE" ] && echo 80 || echo 300) --seed 3 --checkpoint-seconds $1"
    began=$(date +%s.%N)
    # shellcheck disable=SC2086
    train $options --out whole.sqlite >/dev/null
    digests whole.sqlite 1 >whole
    moments=$(python3 -c '
import random, sys, time
took = time.time() - float(sys.argv[1])
print(*(f"{random.uniform(0.01, 0.12) * took:.3f}" for i in range(6)))' "$began")
    # shellcheck disable=SC2086
    launch $options --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    kills=0
    for moment in $moments; do
        sleep "$moment"
        kill -9 $pid 2>/dev/null && kills=$((kills + 1))
        wait $pid 2>/dev/null || true
        begun=$(python3 -c '
import sqlite3
try: # what there is can be read
    print(sqlite3.connect("r.sqlite").execute("SELECT status FROM runs").fetchone()[0])
except (sqlite3.OperationalError, TypeError):
    print("nothing")')
        case $begun in
        done) break ;;
        running) "$RETHINK" run --resume 1 --threads 1 --quiet --out r.sqlite >/dev/null 2>err.txt & ;;
        nothing) # shellcheck disable=SC2086
            launch $options --out r.sqlite >/dev/null 2>err.txt & ;;
        *) fail "status $begun" ;;
        esac
        pid=$!
    done
    wait $pid 2>/dev/null || true
    [ $kills -ge 2 ] || fail "only $kills kills in $moments seconds"
    digests r.sqlite 1 >killed || fail "$(cat err.txt)"
    same whole killed
    cmp r.sqlite.runs/1/weights.safetensors whole.sqlite.runs/1/weights.safetensors ||
        fail 'final weights differ'
}

test_killed_with_a_checkpoint_each_epoch() {
    killed_often 0
}

test_killed_with_checkpoints_inside_epochs() {
    killed_often 0.05
}

# interrupted SIGNAL STATUS: in a long epoch; the step is finished, everything is saved, the way to go on is said; and
# going on from the middle of the epoch gives the same bits.
interrupted() {
    options='--data synth16:n=20000,test=100 --epochs 6 --seed 4'
    # shellcheck disable=SC2086
    train $options --out whole.sqlite >/dev/null
    digests whole.sqlite 1 >whole
    # shellcheck disable=SC2086
    launch $options --out r.sqlite >out.txt 2>err.txt &
    pid=$!
    until [ -e r.sqlite.runs/1 ]; do sleep 0.01; done
    sleep 0.05
    kill "-$1" $pid
    code=0
    wait $pid || code=$?
    [ "$code" = "$2" ] || fail "exit status $code"
    grep -qE 'stopped (in|after) epoch [1-6]' err.txt || fail "$(cat err.txt)"
    grep -q 'rethink run --resume 1 --out r.sqlite' err.txt || fail "$(cat err.txt)"
    checks '
import sqlite3
db = sqlite3.connect("r.sqlite")
status, done = db.execute("SELECT status, epochs_done FROM runs").fetchone()
assert status == "stopped" and done == db.execute("SELECT count(*) FROM epochs").fetchone()[0]'
    [ -s r.sqlite.runs/1/checkpoint.safetensors ] || fail 'no checkpoint'
    [ "$(ls r.sqlite.runs/1)" = checkpoint.safetensors ] || fail "$(ls r.sqlite.runs/1)"
    works "$RETHINK" run --resume 1 --quiet --out r.sqlite
    digests r.sqlite 1 >resumed
    same whole resumed
}

test_interrupted() {
    interrupted INT 130
}

test_terminal_closed() {
    interrupted HUP 129
}

# Running averages of batch norm are states like others: in the checkpoint, and in the weights.
test_interrupted_batch_norm() {
    options='--model wrn:depth=10,base=1 --data synth16:n=300,test=60 --epochs 6 --seed 4'
    options="$options --checkpoint-seconds 0.01"
    # shellcheck disable=SC2086
    train $options --out whole.sqlite >/dev/null
    digests whole.sqlite 1 >whole
    # shellcheck disable=SC2086
    launch $options --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    until [ -e r.sqlite.runs/1/checkpoint.safetensors ]; do sleep 0.01; done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    works "$RETHINK" run --resume 1 --quiet --out r.sqlite
    digests r.sqlite 1 >resumed
    same whole resumed
    cmp r.sqlite.runs/1/weights.safetensors whole.sqlite.runs/1/weights.safetensors ||
        fail 'final weights differ'
    checks '
import json, struct
f = open("whole.sqlite.runs/1/weights.safetensors", "rb")
names = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
assert {"bn/mean", "bn/variance", "bn/seen", "bn/scale", "bn/shift"} <= set(names), names
assert not any(name.startswith("optimizer/") for name in names), names'
}

test_stopped_then_resumed() {
    train --epochs 60 --seed 5 --out whole.sqlite >/dev/null
    digests whole.sqlite 1 >whole
    for i in 1 2 3; do # whether the signal comes early or late
        rm -rf r.sqlite*
        launch --epochs 60 --seed 5 --out r.sqlite >/dev/null 2>&1 &
        pid=$!
        until [ -e r.sqlite.runs/1 ]; do sleep 0.02; done
        sleep "0.0$((i * 3))"
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" || true
        is_done r.sqlite || works "$RETHINK" run --resume last --quiet --out r.sqlite
        digests r.sqlite 1 >resumed
        same whole resumed
    done
}

test_resume_refused() {
    train --epochs 2 --out r.sqlite >/dev/null
    fails 'run 1 is done' "$RETHINK" run --resume 1 --out r.sqlite
    fails 'has no run 7' "$RETHINK" run --resume 7 --out r.sqlite
    fails "'x' is no run" "$RETHINK" run --resume x --out r.sqlite
    fails "'epochs' cannot be given with it" "$RETHINK" run --resume 1 --epochs 3 --out r.sqlite
    fails '--dry-run is for runs that have not begun' "$RETHINK" run --resume 1 --dry-run --out r.sqlite
}

# Data may be somewhere else meanwhile, but they must be those that the run began with.
test_data_that_were_moved() {
    idx() {
        exec "$RETHINK" run --model linear --data idx:path=here,limit=30 --epochs 400 --lr 0.001 --seed 2 \
            --checkpoint-seconds 0 --device cpu --threads 1 --quiet "$@"
    }
    mkdir here
    python3 "$SOURCE/tests/e2e/make_data.py" idx here
    (idx --out whole.sqlite >/dev/null)
    digests whole.sqlite 1 >whole
    small --out r.sqlite >/dev/null
    stopped_early r.sqlite idx --out r.sqlite
    again="$RETHINK run --resume $run --quiet --out r.sqlite"
    cp -r here other
    printf x | dd of=other/train-images-idx3-ubyte bs=1 seek=99 conv=notrunc 2>/dev/null
    mv here 'there, too'
    fails 'here/train-images-idx3-ubyte' $again
    fails 'the data of run [0-9]+ have changed since it began .*--data-path' $again --data-path other
    fails "run [0-9]+ has not the data set of 'mnist=other', it has idx:path=here" $again \
        --data-path mnist=other
    works $again --data-path 'there, too'
    digests r.sqlite "$run" >resumed
    same whole resumed
    fails 'here/train-images' "$RETHINK" diagnose "$run" --what margins --out r.sqlite
    fails 'have changed since it began' "$RETHINK" diagnose "$run" --what margins --out r.sqlite \
        --data-path other
    works "$RETHINK" diagnose "$run" --what margins --out r.sqlite --data-path 'idx=there, too'
    "$RETHINK" doctor "$run" --out r.sqlite --data-path other >doctor.txt || [ $? = 1 ]
    grep -q 'the data are not those of the run' doctor.txt || fail "$(cat doctor.txt)"
    "$RETHINK" doctor "$run" --out r.sqlite --data-path 'there, too' >doctor.txt || [ $? = 1 ]
    grep -qE '^labels +ok' doctor.txt || fail "$(cat doctor.txt)"
}

# A checkpoint of another run is not taken for one's own, a damaged one is said.
test_wrong_checkpoint() {
    for run in a b; do
        train --epochs 3 --seed 1 --out $run.sqlite >/dev/null
        python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE runs SET status = ?", ["stopped"])
db.commit()' $run.sqlite
    done
    file=a.sqlite.runs/1/checkpoint.safetensors
    cp $file keep
    python3 -c '
import sys
text = open("keep", "rb").read()
assert text.count(b"seed\\\":1") == 1
open(sys.argv[1], "wb").write(text.replace(b"seed\\\":1", b"seed\\\":2"))' $file
    fails 'belongs to another run' "$RETHINK" run --resume 1 --quiet --out a.sqlite
    head -c 1000 keep >$file
    fails 'cut off' "$RETHINK" run --resume 1 --quiet --out a.sqlite
    cp keep $file
    works "$RETHINK" run --resume 1 --quiet --out a.sqlite
}

# Long enough to be killed before its end, with a checkpoint only there.
epochs=$([ -n "$SANITIZE" ] && echo 200 || echo 1000)
long="--epochs $epochs --seed 8 --checkpoint-seconds 1000"

# begins FILE: its first run is that one, killed after some epochs.
begins() {
    # shellcheck disable=SC2086
    launch $long --out "$1" >/dev/null 2>&1 &
    pid=$!
    until [ "$(sqlite3 "$1" 'select count(*) > 2 from epochs' 2>/dev/null)" = 1 ]; do
        kill -0 $pid || fail 'no run, or over before it was killed'
        sleep 0.01
    done
    kill -9 $pid
    wait $pid 2>/dev/null || true
}

# A run that could not say that it ended is no running one, one that goes on is.
test_killed_runs_are_stopped() {
    launch --epochs 100000 --checkpoint-seconds 0 --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    until [ -e r.sqlite.runs/1/checkpoint.safetensors ]; do sleep 0.01; done
    works "$RETHINK" list r.sqlite
    says '^ *1  running '
    [ ! -s stderr.txt ] || fail "$(cat stderr.txt)"
    kill -9 $pid
    wait $pid 2>/dev/null || true
    works "$RETHINK" list r.sqlite
    says '^ *1  stopped '
    grep -q "goes on with 'rethink run --resume RUN --out r.sqlite'$" stderr.txt || fail "$(cat stderr.txt)"
    works "$RETHINK" show 1 r.sqlite
    says '^  status +stopped$'
    says "^  error +killed, .*: 'rethink run --resume 1 --out r.sqlite' goes on$"
    works "$RETHINK" export r.sqlite
    checks 'import json; r = json.load(open("stdout.txt"))[0]; assert r["status"] == "stopped", r'
    [ "$(sqlite3 r.sqlite 'select status from runs')" = running ] || fail 'reading has written'
    cp r.sqlite copy.sqlite # of which nobody knows
    works "$RETHINK" list copy.sqlite
    says '^ *1  running '
    "$RETHINK" run --resume 1 --quiet --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5; do "$RETHINK" list r.sqlite >/dev/null 2>&1; done # as it begins, which is no harm
    until "$RETHINK" list r.sqlite 2>/dev/null | grep -q '^ *1  running '; do
        kill -0 $pid || fail 'it does not go on'
        sleep 0.05
    done
    kill -9 $pid
    wait $pid 2>/dev/null || true
}

# Without its results file a folder is of no run: what is in it is not taken for the next one's.
test_run_in_an_old_folder() {
    # shellcheck disable=SC2086
    train $long --out r.sqlite >/dev/null
    digests r.sqlite 1 >whole
    rm -f r.sqlite r.sqlite-wal r.sqlite-shm
    [ -s r.sqlite.runs/1/checkpoint.safetensors ] || fail 'no old checkpoint'
    begins r.sqlite
    [ -z "$(ls r.sqlite.runs/1)" ] || fail "$(ls r.sqlite.runs/1)"
    works "$RETHINK" run --resume 1 --quiet --out r.sqlite
    digests r.sqlite 1 >resumed
    same whole resumed
}

# With an older copy of the results file a checkpoint is ahead of what is recorded: no epoch may be
# missing in the end.
test_checkpoint_ahead_of_its_rows() {
    begins r.sqlite
    sqlite3 r.sqlite '.backup old.sqlite'
    works "$RETHINK" run --resume 1 --quiet --out r.sqlite
    digests r.sqlite 1 >whole
    mv r.sqlite.runs old.sqlite.runs
    had=$(sqlite3 old.sqlite 'select max(epoch) from epochs')
    ahead="old.sqlite.runs/1/checkpoint.safetensors is ahead of the results, which have $had of its $epochs"
    fails "$ahead" "$RETHINK" run --resume 1 --quiet --out old.sqlite
    rm old.sqlite.runs/1/weights.safetensors
    fails "$ahead" "$RETHINK" diagnose 1 --what margins --out old.sqlite
    sqlite3 old.sqlite 'delete from epochs where epoch = 2'
    fails "have 1 of its $epochs" "$RETHINK" run --resume 1 --quiet --out old.sqlite
    rm old.sqlite.runs/1/checkpoint.safetensors
    works "$RETHINK" run --resume 1 --quiet --out old.sqlite
    digests old.sqlite 1 >resumed
    same whole resumed
}

# The same run by every way there is to compute it.
test_same_bits() {
    common='--epochs 3 --seed 7 --randomize labels:p=0.5+pixels:mode=shuffle'
    # shellcheck disable=SC2086
    train $common --out r.sqlite >/dev/null
    digests r.sqlite 1 >want
    n=1
    for way in 'threads=2' 'threads=3' '--isa plain' '--isa avx2' '--isa avx512' --unfused \
        device=opencl 'device=opencl --unfused'; do
        case $way in
        *isa*) grep -q "${way#--isa }" /proc/cpuinfo || [ "$way" = '--isa plain' ] || continue ;;
        esac
        case $way in
        *=*) setting=${way%% *} option=${way#"$setting"} ;;
        *) setting=unused= option=$way ;;
        esac
        # shellcheck disable=SC2086
        (
            eval "$setting"
            works train $common $option --out r.sqlite
        )
        n=$((n + 1))
        digests r.sqlite $n >got
        same want got
    done
    [ $n -ge 6 ] || fail "only $n ways"
    # shellcheck disable=SC2086
    train $common --seed 8 --out r.sqlite >/dev/null
    digests r.sqlite $((n + 1)) >other
    if cmp want other >/dev/null 2>&1; then fail 'another seed gives the same digests'; fi
}

test_several_devices() {
    works "$RETHINK" run --model linear --data synth16:n=100,test=20 --epochs 3 --device cpu \
        --device opencl --out r.sqlite
    says '^Devices: cpu:0 \(.*\), opencl:[0-9.]+ \('
    says '^Digests agree: the devices computed the same bits in every one of 3 epochs$'
    digests r.sqlite 1 >one
    digests r.sqlite 2 >two
    same one two
}

# A device that may be missing is left out aloud; one that may not is an error.
test_missing_device() {
    export RETHINK_BACKEND_PATH="$BUILD/backends/cpu"
    small --device cpu --device 'opencl?' --out r.sqlite >stdout.txt 2>stderr.txt ||
        fail "$(cat stderr.txt)"
    grep -q '^rethink: SKIPPED device opencl' stderr.txt || fail "$(cat stderr.txt)"
    fails opencl small --device cpu --device opencl --out r.sqlite
    fails opencl small --device opencl --out r.sqlite
}

test_preset() {
    works "$RETHINK" run quickstart --epochs 1 --stop-accuracy 0 --device cpu \
        --data synth16:n=100,test=50 --json --out r.sqlite
    checks '
import json
runs = json.load(open("stdout.txt"))
assert [r["variant"] for r in runs] == ["true labels", "shuffled pixels", "random pixels",
                                        "gaussian noise", "random labels"], runs
assert all(r["preset"] == "quickstart" and len(r["history"]) == 1 for r in runs)
assert all(r["epochs"] == 1 and r["status"] == "done" for r in runs)'
    works "$RETHINK" report r.sqlite -o r.html
    grep -q 'with shuffled pixels, .* with random pixels, .* with Gaussian noise, ' r.html ||
        fail "the report has no names: $(grep '<li>' r.html)"
    fails "no preset 'quickstrat'; did you mean 'quickstart'" "$RETHINK" run quickstrat --out r.sqlite
    fails "takes no argument 'b'" "$RETHINK" run quickstart b --out r.sqlite
    printf '[preset]\nmodell = mlp\n' >bad.ini
    RETHINK_PRESET_PATH=$PWD fails "bad.ini:2: no option 'modell'; did you mean 'model'" \
        "$RETHINK" run bad --out r.sqlite
}

# The finding of Zhang et al. 2016 on synth16, over five seeds: everything is fitted, noise generalizes
# to nothing, and what has structure is fitted first.  The numbers are those of every build: one seed
# under sanitizers.
test_finding() {
    seeds='1 | 2 | 3 | 4 | 5'
    [ -z "$SANITIZE" ] || seeds=1
    cp "$RETHINK_PRESET_PATH/quickstart.ini" seeds.ini
    printf '[grid]\nseed = %s\n' "$seeds" >>seeds.ini
    RETHINK_PRESET_PATH=$PWD works "$RETHINK" run seeds --device cpu --threads 1 --quiet --json \
        --out r.sqlite
    checks '
import json
from statistics import mean
runs = json.load(open("stdout.txt"))
assert len(runs) == 5 * len("'"$seeds"'".split("|")) and all(r["train_accuracy"] == 1 for r in runs)
def of(name, field):
    return [r[field] for r in runs if r["variant"].startswith(name)]
names = ["true", "shuffled", "random pixels", "gaussian", "random labels"]
true, shuffled, pixels, gaussian, labels = [mean(of(n, "fit_epoch")) for n in names]
assert labels > max(pixels, gaussian) and min(pixels, gaussian) > max(true, shuffled)
assert 3 <= true <= 6 and 3 <= shuffled <= 7 and 7 <= labels <= 13
assert 4 <= pixels <= 8 and 4 <= gaussian <= 8
for n in names[:2]:
    assert all(a > 0.8 for a in of(n, "test_accuracy")), n
for n in names[2:]:
    assert all(0.08 <= a <= 0.12 for a in of(n, "test_accuracy")), n'
}

test_bad_options() {
    fails "^rethink: --epochs: '-1' is not a whole number from 0" small --epochs=-1
    fails "^rethink: --lr: '1e' is not a number" small --lr 1e
    fails "^rethink: --stop-accuracy: '98' is not a number from 0 to 1" small --stop-accuracy 98
    fails 'unknown model .mpl.; did you mean .mlp.' small --model mpl
    fails 'p=1.5' small --randomize labels:p=1.5
    fails 'nowhere' small --device nowhere
    fails '--epcohs is no option' "$RETHINK" run --epcohs 3
    [ ! -e rethink.sqlite.runs ] || fail 'a run was begun'
}

# A rate at which the weights overflow: said, recorded, and the next run goes on.
test_diverges() {
    code=0
    train --lr 1e30 --epochs 3 --seed 1 --out r.sqlite >out.txt 2>stderr.txt || code=$?
    [ "$code" = 1 ] || fail "exit status $code"
    grep -q 'not finite: a smaller --lr may help' stderr.txt || fail "$(cat stderr.txt)"
    works "$RETHINK" export r.sqlite
    checks 'import json; r=json.load(open("stdout.txt"))[0]; assert r["status"]=="failed", r
assert r["train_loss"] is None and len(r["history"])==1'
}

test_goals() {
    works train --stop-accuracy 0.5 --epochs 50 --seed 1 --json --out r.sqlite
    checks 'import json; h=json.load(open("stdout.txt"))[0]["history"]
assert h[-1]["train_accuracy"]>=0.5 and all(x["train_accuracy"]<0.5 for x in h[:-1]) and len(h)<50'
    works train --stop-loss 1.0 --epochs 50 --seed 1 --json --out r.sqlite
    checks 'import json; h=json.load(open("stdout.txt"))[0]["history"]
assert h[-1]["train_loss"]<=1 and all(x["train_loss"]>1 for x in h[:-1]) and len(h)<50'
}

test_verbose() {
    works "$RETHINK" run --model linear --data synth16:n=60,test=20 --epochs 1 --device cpu -v \
        --out r.sqlite
    says 'x the lower bound'
    says '^plan [0-9a-f]{32} of one training step'
}

# A disk that is full: a tiny one is mounted, where the system lets us.
test_full_disk() {
    mkdir disk
    mount -t tmpfs -o size=200k none disk 2>/dev/null || skip 'cannot mount a tiny disk here'
    code=0
    train --model mlp:hidden=512 --epochs 2 --out disk/r.sqlite >out.txt 2>err.txt || code=$?
    umount disk
    [ "$code" = 1 ] || fail "exit status $code"
    grep -q 'space' err.txt || fail "$(cat err.txt)"
}

# Two processes do not train one run.
test_one_at_a_time() {
    launch --epochs 100000 --checkpoint-seconds 0 --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    sleep 1
    code=0
    "$RETHINK" run --resume 1 --quiet --out r.sqlite >out.txt 2>err.txt || code=$?
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    [ "$code" = 1 ] || fail "exit status $code"
    grep -q 'being trained by another process' err.txt || fail "$(cat err.txt)"
}

. "$SOURCE/tests/e2e/lib.sh"
