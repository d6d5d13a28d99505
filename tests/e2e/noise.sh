#!/bin/sh
# Data that exist as a seed: memorized, in memory that does not grow, the same bits everywhere.

# peak FILE COMMAND...: runs it and leaves its largest resident size in KiB in FILE.
peak() {
    file=$1
    shift
    python3 - "$file" "$@" <<'PYTHON' || fail "failed: $*"
import os, resource, subprocess, sys
environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "")
                   + ":quarantine_size_mb=1:malloc_context_size=1")
code = subprocess.run(sys.argv[2:], env=environment, stdout=subprocess.DEVNULL).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
PYTHON
}

# The numbers of an example are 20 bytes on the host (labels, those before, position, order, and a
# log) and 8 on the device, which here is the host too.
test_memory_does_not_grow() {
    for n in 1000 1281167; do
        peak "peak.$n" "$RETHINK" run --model linear --batch 4 --device cpu --threads 2 --quiet \
            --data "noise:n=$n,test=20,size=224,classes=10" --estimate --out r.sqlite
    done
    few=$(cat peak.1000) many=$(cat peak.1281167)
    echo "  $few KiB for 10^3 images, $many KiB for 1281167" >&2
    most=$((few + 1281167 * 40 / 1024 + 16384))
    [ "$many" -le "$most" ] || fail "$many KiB for 1281167 images, $few for 1000"
}

# Noise of more examples than the network has weights to spare: all labels right in seconds.
memorize() {
    works "$RETHINK" run --model mlp:hidden=128,layers=2 --batch 50 --lr 0.02 --epochs 40 \
        --data noise:n=1000,test=200,size=16,classes=10 --stop-accuracy 1 --quiet --seed 3 "$@"
}

test_memorized_with_the_same_bits() {
    memorize --device cpu --device opencl:Portable --out r.sqlite
    works "$RETHINK" export --json --out r.sqlite
    checks '
import json
runs = json.load(open("stdout.txt"))
assert len(runs) == 2
for run in runs:
    last = run["history"][-1]
    assert last["train_accuracy"] == 1 and last["test_accuracy"] < 0.2, last
assert [r["digest"] for r in runs[0]["history"]] == [r["digest"] for r in runs[1]["history"]]
assert runs[0]["data_digest"] == runs[1]["data_digest"]'
}

test_labels_can_be_randomized_pixels_not() {
    memorize --device cpu --randomize labels:p=0.5 --out r.sqlite
    works "$RETHINK" export --json --out r.sqlite
    checks 'import json; assert 0.3 < json.load(open("stdout.txt"))[0]["changed_labels"] < 0.6'
    fails 'pixels: it changes pixels, but those of this set are not in memory' "$RETHINK" run \
        --data noise:n=10,test=10,size=4 --randomize pixels --device cpu --out r.sqlite
}

test_estimate() {
    works "$RETHINK" run --model mlp:layers=1,hidden=20 --data noise:n=40,test=9,size=8,classes=5 \
        --batch 16 --epochs 2 --device cpu --estimate --out r.sqlite
    grep -q '^rethink: estimate: .* seconds for 2 epochs of 3 steps: 2.05e+06 FLOP' stderr.txt ||
        fail "$(cat stderr.txt)"
    works "$RETHINK" list r.sqlite
    [ "$(wc -l <stdout.txt)" = 1 ] || fail "more than a header: $(cat stdout.txt)"
}

# Twice as much as there is, of which no tensor is more than a fifth: some 214 MB an image.
test_more_than_there_is() {
    kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
    fails 'do not fit into cpu:0, which has .* GiB: take a smaller --batch' "$RETHINK" run \
        --data noise:n=1281167,size=224,classes=1000 --model inception --device cpu \
        --batch $((kib / 105000)) --eval-limit 1000 --estimate --out large.sqlite
}

# What is evaluated says nothing of the rest: a goal has to be met by the batches too.
test_eval_limit() {
    small --data noise:n=300,test=20,size=8,classes=3 --model mlp:hidden=64,layers=1 --lr 0.01 \
        --batch 10 --epochs 60 --stop-accuracy 1 --eval-limit 1 --out r.sqlite >/dev/null
    works "$RETHINK" export --json --out r.sqlite
    checks '
import json
run = json.load(open("stdout.txt"))[0]
rows = run["history"]
assert json.loads(run["config"])["eval-limit"] == 1 if isinstance(run["config"], str) \
    else run["config"]["eval-limit"] == 1
assert any(r["train_accuracy"] == 1 and r["online_accuracy"] < 1 for r in rows)
for row in rows[:-1]:
    assert row["train_accuracy"] < 1 or row["online_accuracy"] < 1, row
assert rows[-1]["train_accuracy"] == 1 and rows[-1]["online_accuracy"] == 1
assert run["fit_epoch"] == rows[-1]["epoch"] and run["fit_steps"] == rows[-1]["steps"]'
    small --data noise:n=300,test=20,size=8,classes=3 --model mlp:hidden=64,layers=1 --lr 0.01 \
        --batch 10 --epochs 1 --eval-limit 1 --out part.sqlite >/dev/null
    sqlite3 part.sqlite "update epochs set train_accuracy = 1, online_accuracy = 0.5"
    works "$RETHINK" doctor last --out part.sqlite
    says '^It does not fit: training accuracy 50.00 % after 1 epochs$'
    fails 'eval-limit' small --eval-limit -1
}

. "$(dirname "$0")/lib.sh"
