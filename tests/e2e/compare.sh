#!/bin/sh
# What differs between two runs, and from which bit on.  The wrong device is one that flips a bit of one
# kernel's results from a given launch on.

# tiny OPTION..., tiny_run OPTION...: three epochs of three steps of 32 and one of 4; the logits of a step are 32 x 10.
tiny_run() {
    "$RETHINK" run --model mlp:hidden=24 --data synth16:n=100,test=20 --batch 32 --epochs 3 \
        --seed 2 --backend "$PROXY" --quiet --out r.sqlite "$@"
}
tiny() {
    works tiny_run "$@"
}

# compared STATUS ARGUMENT...: compares; the output is left in stdout.txt.
compared() {
    want=$1 code=0
    shift
    "$RETHINK" compare --out r.sqlite "$@" >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = "$want" ] || fail "exit status $code, not $want: $(cat stdout.txt stderr.txt)"
}

test_equal_runs() {
    tiny --device cpu --threads 1
    tiny --device proxy --threads 2
    compared 0 1 2
    says '^configuration +device +cpu:0 +proxy:0$'
    says '^provenance +backend +cpu +proxy$'
    says '^Equal bits in all 3 epochs$'
    compared 0 1 2 --bisect --json
    checks '
import json
a = json.load(open("stdout.txt"))
assert a["equal"] and a["epochs"] == 3 and a["first_difference"] == 0 and a["bisect"] is None
assert a["configuration"]["device"][0] == "cpu:0" and "backend" in a["provenance"], a
assert len(a["numbers"]) == 3
assert all(v[0] == v[1] for n in a["numbers"] for k, v in n.items() if k != "epoch")'
    compared 0 1 last
    cp r.sqlite other.sqlite
    compared 0 other.sqlite:1 2
    says 'other.sqlite:1 +r.sqlite:2'
    compared 0 1 1
    says '^run 1 and run 1 have the same configuration and provenance$'
}

test_runs_of_other_lengths() {
    tiny --device cpu
    tiny --device cpu --epochs 5
    compared 0 1 2
    says '^configuration +epochs +3 +5$'
    says '^run 2 goes on for 2 more epochs$'
    says '^Equal bits in all 3 epochs$'
}

test_other_configuration() {
    tiny --device cpu
    tiny --device cpu --lr 0.02
    tiny --device cpu --seed 3
    compared 1 1 2 --bisect
    says '^configuration +lr +0.01 +0.02$'
    says '^The weights differ from epoch 1 on; the 0 before are equal to the bit$'
    says '^ +1 +train_loss +[0-9.]+ +[0-9.]+ +[+-]'
    says '^train/rate differs before epoch 1, step 1'
    says '^  the first is element 0, at \[\]: 0.00999999978 \(0x3c23d70a\) and 0.0199999996 \(0x3ca3d70a\)$'
    compared 1 1 3 --bisect
    says '^hidden1/weight differs before epoch 1, step 1'
}

test_one_flipped_bit() {
    tiny --device cpu
    export PROXY_FLIP=matmul:320:6 # the third step of the second epoch
    tiny --device proxy
    compared 1 1 2 --bisect --backend "$PROXY"
    says '^The first other bits: epoch 2, step 3, training step, step [0-9]+ of [0-9]+ of its plan$'
    says '^  [0-9]+ matmul 1x32x10x24 nt .* f32\[10,24\]output/weight '
    says '^  program: FADD STORE$'
    says '^  run 1 on cpu:0: gemm '
    says '^  run 2 on proxy:0: wrong matmul$'
    says '^  1 of 320 elements differ, by at most 1 ULP$'
    says '^  the first is element 7, at \[0, 0, 7\]: '
    compared 1 2 1 --bisect --backend "$PROXY" --json
    checks '
import json
a = json.load(open("stdout.txt"))
b = a["bisect"]
assert a["first_difference"] in (2, 3) and b["verdict"] == "step", a
assert b["fusion"] == "recorded" and b["from"] == 1 and b["not_reproduced"] == [0, 0], b
assert (b["epoch"], b["step"]) == (2, 3) and b["plan_step"]["program"] == "training step", b
assert b["plan_step"]["text"].split()[1:3] == ["matmul", "1x32x10x24"], b
assert b["plan_step"]["kernels"][0] == "wrong matmul", b
r = b["result"]
assert (r["elements"], r["differing"], r["first"], r["most"]) == (320, 1, 7, 1), r
assert int(r["words"][0], 16) ^ int(r["words"][1], 16) == 1 and not r["nan"], r'
    # In the other step of 4 examples, and in a kernel of another kind.
    PROXY_FLIP=matmul:40:2 tiny --device proxy
    PROXY_FLIP=matmul:40:2 compared 1 1 3 --bisect --backend "$PROXY"
    says '^The first other bits: epoch 2, step 4, last training step, '
    says '^  [0-9]+ matmul 1x4x10x24 '
    PROXY_FLIP=take:8192:4:high tiny --device proxy
    PROXY_FLIP=take:8192:4:high compared 1 1 4 --bisect --backend "$PROXY"
    says '^The first other bits: epoch 2, step 1, training step, '
    says '^  [0-9]+ take 100 256,32,.*data/train/pixels '
}

# Where an element is, in a result of 5 columns.
test_place_of_the_element() {
    tiny --device cpu --model mlp:hidden=5
    export PROXY_FLIP=matmul:160:4:high
    tiny --device proxy --model mlp:hidden=5
    compared 1 1 2 --bisect --backend "$PROXY"
    says '^  the first is element 7, at \[0, 1, 2\]: '
}

# A command whose devices disagree fails, and says how to go on.
test_what_run_says() {
    code=0
    PROXY_FLIP=matmul:320:6 tiny_run --device cpu --device proxy >stdout.txt 2>stderr.txt || code=$?
    [ "$code" = 1 ] || fail "exit status $code"
    says "^DIGESTS DIFFER: cpu:0 \(run 1\) and proxy:0 \(run 2\) from epoch [23] on; 'rethink compare 1 2 --bisect --out r.sqlite' finds the kernel$"
}

# A device that has to split, or lacks kinds, is compared by the steps of the plan as it was made.
test_other_placement() {
    tiny --device cpu
    export PROXY_FLIP=matmul:320:6 PROXY_REFUSE=epilogue,multi,take
    tiny --device proxy --fallback reference
    compared 1 1 2 --bisect --backend "$PROXY"
    says '^configuration +.*fallback +forbid +reference$|^ +fallback +forbid +reference$'
    says '^The first other bits: epoch 2, step 3, training step, '
    says '^  [0-9]+ matmul 1x32x10x24 '
    says '^  run 2 on proxy:0: wrong matmul, '
}

# One run fused, one not: their steps are other ones.
test_other_fusion() {
    tiny --device cpu --unfused
    PROXY_FLIP=matmul:320:6 tiny --device proxy
    PROXY_FLIP=matmul:320:6 compared 1 1 2 --bisect --backend "$PROXY"
    says '^The runs. plans differ: both were run with one kernel per operation \(unfused\)$'
    says '^  [0-9]+ matmul 1x32x10x24 nt 0 0 f32\[32,24\]%[0-9]+ f32\[10,24\]output/weight -> '
    export PROXY_FLIP=epilogue:320:6
    tiny --device proxy
    compared 1 1 3 --bisect --backend "$PROXY"
    says 'with both unfused there is no difference: what is fused is at fault'
    says '^The first other bits: epoch 2, step 3, training step, '
    says '^  [0-9]+ matmul 1x32x10x24 nt 0 0 program 2 '
    # On one device, which is wrong in the same way each time it is fused.
    tiny --device proxy --unfused
    compared 1 4 3 --bisect --backend "$PROXY"
    says 'both unfused, as both fused, they agree: it is fusion by itself'
    ! grep -q 'does not have the digest' stdout.txt || fail "$(cat stdout.txt)"
}

# A fault that passes is said to have passed.
test_passing_fault() {
    tiny --device cpu
    PROXY_FLIP=matmul:320:6 tiny --device proxy
    PROXY_FLIP='' compared 1 1 2 --bisect --backend "$PROXY"
    says '^run 2: done again, epoch [23] does not have the digest that is recorded'
    says '^Done again, both give equal bits in every step of the epochs from 1 to [23]$'
    PROXY_FLIP=matmul:320:6:once compared 1 1 2 --bisect --backend "$PROXY"
    says '^After epoch 2, step 3 .* differed, but not when the step was done again one kernel at a time'
}

# The weights agree and what is measured does not: the evaluation is wrong.
test_wrong_evaluation() {
    tiny --device cpu
    export PROXY_FLIP=matmul:200:1:high # the logits of the test set
    tiny --device proxy
    compared 1 1 2 --bisect --backend "$PROXY"
    says '^The weights are equal to the bit in all 3 epochs, but not what was measured from epoch 1 on$'
    says '^The first other bits: epoch 1, step 1, evaluation of test data, '
    says '^  [0-9]+ matmul 1x20x10x24 '
}

# Checkpoints of both runs at the same step are where it begins.
test_from_checkpoints() {
    tiny --device proxy
    PROXY_FLIP=matmul:320:8 tiny --device proxy
    tiny --device proxy --epochs 1
    for run in 1 2; do
        python3 -c '
import sys
text = open("r.sqlite.runs/3/checkpoint.safetensors", "rb").read()
for old, new in ((b"\"run\":\"3\"", b"\"run\":\"%s\"" % sys.argv[1].encode()),
                 (b"epochs\\\":1", b"epochs\\\":3")):
    assert text.count(old) == 1, old
    text = text.replace(old, new)
open("r.sqlite.runs/%s/checkpoint.safetensors" % sys.argv[1], "wb").write(text)' $run
    done
    compared 1 1 2 --bisect --backend "$PROXY"
    says '^Done again, both give equal bits in every step of the epochs from 2 to 3$'
    rm r.sqlite.runs/2/checkpoint.safetensors
    compared 1 1 2 --bisect --backend "$PROXY"
    says 'of the epochs from 1 to 3$'
}

# refused REGEX ARGUMENT...: status 2 and one line.
refused() {
    pattern=$1
    shift
    compared 2 "$@"
    [ "$(wc -l <stderr.txt)" = 1 ] && grep -qE "^rethink: .*$pattern" stderr.txt ||
        fail "no '$pattern': $(cat stderr.txt)"
}

test_what_cannot_be_compared() {
    tiny --device cpu
    tiny --device cpu --randomize labels:p=1
    tiny --device cpu --batch 50
    refused 'which two runs' 1
    refused 'has no run 9' 1 9
    refused 'nowhere.sqlite' nowhere.sqlite:1 2
    refused 'the runs were trained on other data' 1 2 --bisect
    refused 'the runs do not compute the same: their plans differ, fused or not' 1 3 --bisect
    compared 1 1 3
    sqlite3 r.sqlite 'delete from epochs where run = 3'
    refused 'run 3 has no epoch to compare' 1 3
}

. "$(dirname "$0")/lib.sh"
