#!/bin/sh
# Sweeps: killed, stopped, with runs that crash; on several devices; as an array job; and merges.

everything=$RETHINK_BACKEND_PATH # most tests need no driver, which takes time to load
export RETHINK_BACKEND_PATH="$BUILD/backends/cpu"

# preset [LINE...]: an experiment whose runs take some tenths of a second each; lines go to all.
preset() {
    export RETHINK_PRESET_PATH="$PWD"
    {
        printf '[preset]\nmodel = mlp:hidden=48,layers=2\ndata = synth16:n=620,test=100\n'
        printf 'batch = 40\nlr = 0.02\ndevice = cpu\nthreads = 1\nepochs = 12\n'
        printf 'checkpoint-seconds = 0\n'
        printf '%s\n' "$@"
        printf '[variant true labels]\nrandomize =\n[variant random labels]\nrandomize = labels:p=1\n'
    } >tiny.ini
}

sweep() {
    "$RETHINK" sweep tiny "$@"
}

# digests FILE: of every run and epoch, whatever the numbers of the runs; all must be done.
digests() {
    python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for row in db.execute("SELECT variant, seed, device, status, error, id FROM runs"):
    assert row[3] == "done", row
for row in db.execute("SELECT variant, seed, device, epoch, epochs.digest, epochs.train_loss "
                      "FROM runs JOIN epochs ON run = id ORDER BY 1, 2, 3, 4"):
    print(*row)' "$1" || fail "no digests in $1"
}

# same_digests A B: two files hold the same runs.
same_digests() {
    digests "$1" >a.digests
    digests "$2" >b.digests
    [ -s a.digests ] || fail "$1 is empty"
    cmp a.digests b.digests >/dev/null || fail "digests differ: $(diff a.digests b.digests | head -n 4)"
}

test_killed_at_ten_moments() {
    preset
    works "$SOURCE/tests/e2e/sweep_kill.py" 10 "$RETHINK" sweep tiny --seeds 1..3 --jobs 2 --quiet
}

# The order of runs in the file is that of the sweep, however many go on at once.
test_nothing_to_train() {
    preset
    sed -i 's/^epochs = 12$/epochs = 0/' tiny.ini
    works sweep --seeds 1..2
    grep -q nan stdout.txt && fail "$(cat stdout.txt)"
    says '^true labels +cpu:0 +2 +- +- +-'
}

test_order_and_repetition() {
    preset
    works sweep --seeds 1..2 --jobs 3 --epochs 2
    says '^ *1 of 4  true labels +seed 1  cpu:0  train'
    says '^4 of 4 tasks are done; results are in rethink.sqlite$'
    [ "$(sqlite3 rethink.sqlite 'select group_concat(variant || seed) from runs order by id')" = \
        'true labels1,random labels1,true labels2,random labels2' ] || fail 'another order'
    works sweep --seeds 1..2 --epochs 2
    says '^4 of 4 tasks are done .4 before.'
    works sweep --seeds 1..3 --epochs 2 --dry-run
    says '^ +4  random labels +2  cpu:0   done +4 +-$'
    says '^ +5  true labels +3  cpu:0   new +- +[0-9]+:[0-9]+$'
    says '^6 tasks: 4 done, 0 to resume, 2 new; about [0-9]+:[0-9]+, 1 at once$'
    works "$RETHINK" run tiny --seed 3 --epochs 2 --quiet # what run has done is done
    works sweep --seeds 1..3 --epochs 2 --json --quiet
    checks '
import json
a = json.load(open("stdout.txt"))
assert a["tasks"] == a["done"] == 6 and a["failed"] == 0 and len(a["plan"]) == 32, a
assert [r["run"] for r in a["runs"]] == [1, 2, 3, 4, 5, 6]
assert all(r["state"] == "done" and len(r["digest"]) == 32 for r in a["runs"])'
    [ ! -s stderr.txt ] || fail "quiet, but: $(cat stderr.txt)"
    works sweep --seeds 1..3 --epochs 2 --quiet
    [ ! -s stdout.txt ] || fail 'quiet prints'
    works sweep --seeds 1..3 --epochs 2 --variant 'true*'
    says '^3 of 3 tasks are done .3 before.'
    sweep --seeds 1..3 --variant 'true*' --emit slurm >job.sh
    grep -q "sweep tiny '--variant=true\*' --seeds=1..3" job.sh || fail "$(cat job.sh)"
}

# A run whose process crashes is that run alone; the next time it goes on from its checkpoint.
test_crash_is_one_failed_run() {
    preset
    printf '[variant fragile]\nschedule = fragile:at=3\n' >>tiny.ini
    plugin="--plugin $E2E/fragile.so --epochs 6"
    # shellcheck disable=SC2086
    {
        works sweep --seeds 1..2 $plugin --out whole.sqlite
        for how in abort kill exit; do
            code=0
            FRAGILE=$how sweep --seeds 1..2 $plugin --jobs 2 --out r.sqlite >out.txt 2>err.txt || code=$?
            [ "$code" = 1 ] || fail "exit status $code"
            [ "$(grep -c 'failed: ' err.txt)" = 2 ] || fail "$(cat err.txt)"
            grep -q '^4 of 6 tasks are done.*, 2 failed' out.txt || fail "$(cat out.txt)"
            [ "$(sqlite3 r.sqlite "select group_concat(status || epochs_done) from runs
                where variant = 'fragile'")" = failed3,failed3 ] || fail 'wrong record'
            case $how in
            abort) grep -q 'task 3 (fragile, seed 1, cpu:0) failed: its process crashed: Abort.*: a glass' err.txt ;;
            kill) grep -q 'failed: its process was killed, perhaps for lack of memory' err.txt ;;
            exit) grep -q 'failed: its process ended with status 3: a glass breaks' err.txt ;;
            esac || fail "$(cat err.txt)"
        done
        works sweep --seeds 1..2 $plugin --out r.sqlite
    }
    says '  resumed$'
    same_digests whole.sqlite r.sqlite
}

# Ctrl-C: the runs that go on are saved, and the same command goes on with them.
test_interrupted() {
    preset
    works sweep --seeds 1..2 --out whole.sqlite
    for signal in INT TERM; do
        rm -rf r.sqlite*
        "$RETHINK" sweep tiny --seeds 1..2 --jobs 2 --out r.sqlite >out.txt 2>err.txt &
        pid=$!
        until [ -e r.sqlite.runs/2/checkpoint.safetensors ]; do sleep 0.01; done
        kill -$signal $pid
        code=0
        wait $pid || code=$?
        case $signal$code in
        INT130 | TERM143) ;;
        *) fail "exit status $code: $(cat err.txt)" ;;
        esac
        grep -q 'stopped, everything is saved: the same command goes on' err.txt || fail "$(cat err.txt)"
        [ "$(sqlite3 r.sqlite "select count(*) from runs where status = 'running'")" = 0 ] ||
            fail 'a run is said to go on'
        works sweep --seeds 1..2 --out r.sqlite
        same_digests whole.sqlite r.sqlite
    done
}

test_two_sweeps_on_one_file() {
    preset
    "$RETHINK" sweep tiny --epochs 100000 --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    until [ -e r.sqlite.runs/1 ]; do sleep 0.02; done
    code=0
    sweep --epochs 1 --out r.sqlite >out.txt 2>err.txt || code=$?
    kill -9 $pid
    wait $pid 2>/dev/null || true
    [ "$code" = 1 ] || fail "exit status $code"
    grep -q 'another sweep or merge works on it' err.txt || fail "$(cat err.txt)"
    works sweep --epochs 1 --out r.sqlite # for the killed one's processes are gone soon
}

test_devices() {
    preset
    export RETHINK_BACKEND_PATH="$everything"
    works sweep --device cpu --device opencl --device cpu:0 --epochs 2 --seeds 5
    says '^Digests agree: the devices computed the same bits in every one of 4 epochs$'
    says '^4 of 6 tasks are done, 2 left out'
    rm -rf rethink.sqlite*
    works sweep --device cpu --device opencl --spread --epochs 2 --seeds 5..6
    [ "$(sqlite3 rethink.sqlite 'select count(distinct device) from runs')" = 2 ] ||
        fail 'all on one device'
    says '^4 of 4 tasks are done'
    works sweep --device cpu --device opencl --spread --epochs 2 --seeds 5..6
    says '^4 of 4 tasks are done .4 before.'
    RETHINK_BACKEND_PATH="$BUILD/backends/cpu" works sweep --device cpu --device 'opencl?' \
        --epochs 2 --seeds 5 --out r.sqlite
    says '^2 of 4 tasks are done, 2 left out'
    RETHINK_BACKEND_PATH="$BUILD/backends/cpu" fails opencl sweep --device opencl --out r.sqlite
}

# The emitted script, its tasks done by hand in any order, and merged: as the sweep itself.
test_array_job() {
    preset
    works sweep --seeds 1..3 --epochs 3 --out whole.sqlite
    sweep --seeds 1..3 --epochs 3 --emit slurm --out "it's all.sqlite" --partition big --time 1:00 \
        --sbatch=--mem=1G --jobs 4 >job.sh
    grep -q '^#SBATCH --array=1-6%4$' job.sh || fail "$(cat job.sh)"
    for line in '--partition=big' '--time=1:00' '--mem=1G' '--job-name=rethink-tiny'; do
        grep -q "^#SBATCH $line\$" job.sh || fail "no $line"
    done
    sh -n job.sh
    for task in 3 1 6 2 5 4 4; do SLURM_ARRAY_TASK_ID=$task works sh job.sh; done
    says '^1 of 1 tasks are done .1 before.'
    merge=$(sed -n 's/^#   \(.* merge .*\)/\1/p' job.sh)
    eval "$merge" >stdout.txt || fail "$merge"
    says '6 runs added'
    same_digests whole.sqlite "it's all.sqlite"
    [ "$(sqlite3 "it's all.sqlite" 'select group_concat(variant || seed) from runs order by id')" = \
        "$(sqlite3 whole.sqlite 'select group_concat(variant || seed) from runs order by id')" ] ||
        fail 'another order'
    sed -i 's/^lr = .*/lr = 0.03/' tiny.ini # what was planned is what runs, or nothing
    SLURM_ARRAY_TASK_ID=1 fails 'the sweep is not what it was when it was planned' sh job.sh
    printf '[grid]\nseed = %s\n' "$(seq -s '|' 1 60)" >>tiny.ini
    printf 'batch = %s\n' "$(seq -s '|' 1 20)" >>tiny.ini
    sweep --emit slurm --epochs 1 >long.sh # 2400 tasks: three in each element
    grep -q '^#SBATCH --array=1-800$' long.sh || fail "$(cat long.sh)"
    fails 'no task 2401, the sweep has 1 to 2400' sweep --epochs 1 --task 2400..2401
    command -v shellcheck >/dev/null || return 0
    shellcheck job.sh long.sh || fail 'shellcheck'
}

# ---- merges ----

test_merge_twice() {
    preset
    works sweep --epochs 2 --seeds 1 --out a.sqlite
    works sweep --epochs 2 --seeds 2 --scores --out b.sqlite
    works "$RETHINK" merge --out all.sqlite a.sqlite b.sqlite
    says '^all.sqlite: 4 runs added$'
    digests all.sqlite >once
    works "$RETHINK" merge --out all.sqlite b.sqlite a.sqlite b.sqlite
    says '^all.sqlite: 0 runs added, 6 were there already$'
    digests all.sqlite >twice
    cmp once twice
    [ "$(ls all.sqlite.runs)" = "$(printf '1\n2\n3\n4')" ] || fail "$(ls -a all.sqlite.runs)"
    for file in b all; do # what is known of each example comes, too
        sqlite3 $file.sqlite "select * from scores where run = (select id from runs where
            seed = 2 and variant = 'random labels')" | cut -d'|' -f 2- >$file.scores
    done
    [ "$(wc -l <b.scores)" = 620 ] || fail "$(wc -l <b.scores) scores"
    cmp b.scores all.scores
    works sweep --epochs 2 --seeds 1 --out all.sqlite
    says '2 of 2 tasks are done .2 before.'
    fails 'merged into itself' "$RETHINK" merge --out all.sqlite a.sqlite ./all.sqlite
    fails 'which files' "$RETHINK" merge --out all.sqlite
    checks '
import json, struct
for run in (1, 2, 3, 4):
    f = open(f"all.sqlite.runs/{run}/weights.safetensors", "rb")
    assert json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))["__metadata__"]["run"] == str(run)'
}

# A copy that is further takes the place of one that is not; what is not done goes on in the target.
test_merge_of_unfinished_runs() {
    preset
    works sweep --epochs 60 --out whole.sqlite
    "$RETHINK" sweep tiny --epochs 60 --jobs 2 --out r.sqlite >/dev/null 2>&1 &
    pid=$!
    until [ -e r.sqlite.runs/2/checkpoint.safetensors ]; do sleep 0.01; done
    kill -INT $pid
    wait $pid || true
    [ "$(sqlite3 r.sqlite "select count(*) from runs where status = 'stopped'")" != 0 ] ||
        fail 'nothing is unfinished'
    small --out all.sqlite >/dev/null # so that numbers differ
    works "$RETHINK" merge --out all.sqlite r.sqlite
    works "$RETHINK" merge --out early.sqlite r.sqlite
    works sweep --epochs 60 --out all.sqlite
    works sweep --epochs 60 --out r.sqlite
    works "$RETHINK" merge --out early.sqlite r.sqlite
    same_digests whole.sqlite early.sqlite
    [ "$(sqlite3 early.sqlite 'select count(*) from runs')" = 2 ] || fail 'runs are there twice'
    [ -s early.sqlite.runs/1/weights.safetensors ] || fail 'no weights'
    sqlite3 all.sqlite 'delete from runs where id = 1; delete from epochs where run = 1'
    same_digests whole.sqlite all.sqlite
}

test_merge_of_conflicts() {
    preset
    works sweep --epochs 2 --out a.sqlite
    cp a.sqlite b.sqlite
    sqlite3 b.sqlite "update epochs set digest = 'x' where run = 2 and epoch = 1"
    "$RETHINK" merge --out all.sqlite a.sqlite b.sqlite >stdout.txt 2>stderr.txt
    says '3 runs added, 1 were there already'
    grep -q 'run 2 of b.sqlite and run 2 of a.sqlite began as the same run and have different digests: both' \
        stderr.txt || fail "$(cat stderr.txt)"
}

# as_schema_1 FILE: makes it one of the first schema, which had these columns.
as_schema_1() {
    python3 -c '
import sqlite3, sys
keep = {"runs": "id started status error preset variant model data randomize optimizer schedule "
                "regularize device device_name driver backend numerics seed epochs batch rate "
                "parameters plan_digest kernels steps_fallback fallback_note data_digest "
                "label_digest changed_labels version config epochs_done fit_epoch train_accuracy "
                "test_accuracy train_loss test_loss digest seconds",
        "epochs": "run epoch steps seconds rate online_loss online_accuracy train_loss "
                  "train_accuracy test_loss test_accuracy digest"}
db = sqlite3.connect(sys.argv[1])
for table, columns in keep.items():
    for column in [row[1] for row in db.execute(f"PRAGMA table_info({table})")]:
        if column not in columns.split():
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
for table, in db.execute("SELECT name FROM sqlite_master WHERE type = \"table\"").fetchall():
    if table not in keep and not table.startswith("sqlite"):
        db.execute(f"DROP TABLE {table}")
db.execute("PRAGMA user_version = 1")
db.commit()' "$1"
}

# Older schemas; and what is no results file is one line, with the target as it was.
test_merge_refuses() {
    small --out a.sqlite >/dev/null
    small --seed 2 --out all.sqlite >/dev/null
    as_schema_1 a.sqlite
    works "$RETHINK" merge --out all.sqlite a.sqlite
    says '1 run added'
    sqlite3 all.sqlite .dump >before
    echo 'this is no database, but a text that is long enough to be one' >text.sqlite
    sqlite3 a.sqlite 'pragma journal_mode = delete' >/dev/null
    head -c 5000 a.sqlite >cut.sqlite
    sqlite3 other.sqlite 'create table t (x)'
    fails 'text.sqlite is not a results database: leave it out' "$RETHINK" merge --out all.sqlite text.sqlite
    fails 'cut.sqlite is damaged: leave it out' "$RETHINK" merge --out all.sqlite a.sqlite cut.sqlite
    fails 'other.sqlite is a database of something else' "$RETHINK" merge --out all.sqlite other.sqlite
    fails 'nowhere.sqlite' "$RETHINK" merge --out all.sqlite nowhere.sqlite
    : >empty.sqlite
    works "$RETHINK" merge --out all.sqlite empty.sqlite
    ls -A >there
    for bad in text cut nowhere; do
        fails $bad.sqlite "$RETHINK" merge a.sqlite $bad.sqlite
        fails $bad.sqlite "$RETHINK" merge --out in/new.sqlite a.sqlite $bad.sqlite
    done
    ls -A | cmp - there || fail 'made something'
    small --seed 3 --out two.sqlite >/dev/null
    small --seed 4 --out two.sqlite >/dev/null
    echo damaged >two.sqlite.runs/2/weights.safetensors
    for out in all new; do
        fails 'two.sqlite.runs/2/weights.safetensors is no proper' "$RETHINK" merge --out $out.sqlite \
            two.sqlite
    done
    [ -z "$(ls -A | grep new)" ] || fail "made $(ls -A | grep new)"
    [ "$(ls all.sqlite.runs)" = "$(printf '1\n2')" ] || fail "$(ls -a all.sqlite.runs)"
    sqlite3 all.sqlite .dump >after
    cmp before after || fail 'the target has changed'
}

# Killed at any moment, the target holds what it held or everything; the same command then works.
test_merge_killed() {
    preset
    works sweep --epochs 1 --seeds 1..4 --jobs 2 --out a.sqlite
    small --out keep.sqlite >/dev/null
    sqlite3 keep.sqlite 'pragma wal_checkpoint(truncate)' >/dev/null
    begin=$(date +%s%N)
    cp keep.sqlite all.sqlite
    works "$RETHINK" merge --out all.sqlite a.sqlite
    took=$((($(date +%s%N) - begin) / 1000))
    digests all.sqlite >whole
    for i in 1 2 3 4 5 6; do
        rm -rf all.sqlite*
        cp keep.sqlite all.sqlite
        "$RETHINK" merge --out all.sqlite a.sqlite >/dev/null 2>&1 &
        pid=$!
        sleep "$(python3 -c "print($took * $i / 7e6)")"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        n=$(sqlite3 all.sqlite 'select count(*) from runs')
        [ "$n" = 1 ] || [ "$n" = 9 ] || fail "$n runs"
        works "$RETHINK" merge --out all.sqlite a.sqlite
        digests all.sqlite >again
        cmp whole again || fail 'another result'
        [ "$(ls all.sqlite.runs | wc -l)" -ge 8 ] || fail "$(ls -a all.sqlite.runs)"
        [ ! -e all.sqlite.runs/.merging ] || fail 'something is left'
    done
}

test_full_disk() {
    [ "$(id -u)" = 0 ] || skip 'only root can mount a small disk'
    preset
    mkdir disk
    works sweep --epochs 1 --out a.sqlite
    mount -t tmpfs -o size=300k tmpfs disk 2>/dev/null || skip 'mounting is not allowed here'
    trap 'umount disk' EXIT
    fails 'space|full' "$RETHINK" merge --out disk/all.sqlite a.sqlite
    [ ! -e disk/all.sqlite ] || fail 'made a file'
    code=0
    sweep --epochs 1 --seeds 1..9 --out disk/r.sqlite >out.txt 2>err.txt || code=$?
    [ "$code" = 1 ] || fail "exit status $code"
    grep -qE 'space|full' err.txt || fail "$(cat err.txt)"
    [ "$(grep -c 'failed: ' err.txt)" -le 4 ] || fail "goes on and on: $(cat err.txt)"
    umount disk
    mount -t tmpfs tmpfs disk
    cp a.sqlite disk/r.sqlite
    works sweep --epochs 1 --out disk/r.sqlite
}

# ---- misuse ----

test_bad_arguments() {
    preset
    fails "no preset 'tinny'; did you mean 'tiny'" "$RETHINK" sweep tinny
    fails "takes no argument 'b'" sweep b
    fails "--seeds: 'x' is no list of whole numbers, as 1..5 or 1,2,7" sweep --seeds x
    fails "--seeds: '5..1' ends before it begins" sweep --seeds 5..1
    fails '--seeds: 2 is there twice' sweep --seeds 1..3,2
    fails "--seeds: '' is no list" sweep --seeds 1,
    fails "is not from 0 to 9223372036854775807" sweep --seeds -1
    fails 'more than 100000 numbers' sweep --seeds 1..9999999999
    fails "--jobs: '0' is not a whole number from 1 to 1024" sweep --jobs 0
    fails "--emit: no script for 'pbs'; known: slurm" sweep --emit pbs
    fails '--seed and --seeds contradict each other' sweep --seeds 1..2 --seed 3
    fails '--emit and --dry-run contradict each other' sweep --emit slurm --dry-run
    fails '--partition is for job scripts' sweep --partition p
    fails "--sbatch: 'mem=1' is no option of sbatch" sweep --emit slurm --sbatch mem=1
    fails '--task: no task 3, the sweep has 1 to 2' sweep --task 1..3
    fails '--plan: the sweep is not what it was' sweep --plan 0123
    fails "did you mean 'seeds?'" sweep --seedz 1
    fails "'-1' is not a whole number from 0" sweep --epochs=-1
    fails 'p=1.5' sweep --randomize labels:p=1.5
    fails "did you mean 'mlp'" sweep --model mpl
    fails 'nowhere' sweep --device nowhere
    fails 'is for the processes of a sweep alone' sh -c "'$RETHINK' sweep --worker </dev/null"
    [ ! -e rethink.sqlite ] || fail 'made a file'
    printf 'epcohs = 3\n' >>tiny.ini
    fails "no option 'epcohs'; did you mean 'epochs'" sweep
}

# On a terminal: one line that changes, no wider than the terminal; elsewhere no control characters.
test_live_line() {
    preset
    works sweep --epochs 2 --out a.sqlite
    ! grep -q "$(printf '[\033\r]')" stdout.txt stderr.txt || fail 'control characters in a file'
    script -qec "stty cols 60; '$RETHINK' sweep tiny --epochs 600 --out b.sqlite" typescript >/dev/null ||
        fail "$(cat typescript)"
    checks '
import re
text = open("typescript", encoding="utf-8", newline="").read()
drawn = re.findall("\r([^\r\n\033]*)\033\\[K", text)
lines = [d for d in drawn if d]
assert lines, "no live line"
assert all(len(d) < 60 for d in lines), max(lines, key=len)
assert any(re.match(r"[01] of 2 done, 1 running", d) for d in lines), lines
assert any("images/s" in d and re.search(r"\d:\d\d left", d) for d in lines), lines'
}

. "$SOURCE/tests/e2e/lib.sh"
