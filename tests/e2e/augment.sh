#!/bin/sh
# Random crops and flips: the same ones on every device, in every batch, after every stop; and recorded.

options='--model mlp:hidden=24 --data synth16:n=70,test=20 --batch 32 --epochs 3 --lr 0.05 --seed 5'
# tiny AUGMENT OPTION...
tiny() {
    augment=$1
    shift
    # shellcheck disable=SC2086
    works "$RETHINK" run $options --augment "$augment" --quiet --out r.sqlite "$@"
}

# digests RUN: of its epochs.
digests() {
    "$RETHINK" show "$1" --json --out r.sqlite | python3 -c '
import json, sys
print("\n".join(row["digest"] for row in json.load(sys.stdin)["history"]))'
}

test_same_bits() {
    tiny crop:pad=2+flip+rotate --device cpu --threads 1
    digests 1 >want
    [ "$(wc -l <want)" = 3 ] || fail 'not three digests'
    n=1
    for way in '--threads 3' '--unfused' '--isa plain'; do
        # shellcheck disable=SC2086
        tiny crop:pad=2+flip+rotate --device cpu $way
        n=$((n + 1))
        digests $n >got
        cmp want got || fail "$way: other bits"
    done
    for other in crop:pad=2+flip crop:pad=2+rotate+flip crop:pad=2+flip:p=0.4+rotate; do
        tiny $other --device cpu
        n=$((n + 1))
        digests $n >got
        if cmp -s want got; then fail "$other: the same bits"; fi
    done
}

test_opencl() {
    for device in cpu opencl:Portable; do
        tiny crop:size=14,pad=1+flip+rotate --device $device --model linear --epochs 2
    done
    digests 1 >want
    digests 2 >got
    [ "$(wc -l <want)" = 2 ] || fail 'not two digests'
    cmp want got || fail 'other bits'
}

# An augmentation that changes nothing gives the bits of none; so it disturbs nothing else.
test_nothing_changed() {
    # shellcheck disable=SC2086
    works "$RETHINK" run $options --device cpu --quiet --out r.sqlite
    digests 1 >want
    n=1
    for augment in rotate:degrees=0 flip:p=0 crop:pad=0 crop:size=16 flip:p=0+crop:pad=0 flip:p=1+flip:p=1; do
        tiny $augment --device cpu
        n=$((n + 1))
        digests $n >got
        cmp want got || fail "$augment: other bits"
    done
}

test_resume() {
    tiny crop:pad=2+flip --device cpu --epochs 300
    digests 1 >want
    # shellcheck disable=SC2086
    stopped_early r.sqlite "$RETHINK" run $options --augment crop:pad=2+flip --device cpu --epochs 300 \
        --quiet --out r.sqlite
    works "$RETHINK" run --resume "$run" --quiet --out r.sqlite
    digests "$run" >got
    cmp want got || fail 'other bits'
}

test_size_of_the_part() {
    tiny crop:size=12 --device cpu
    works "$RETHINK" show 1 r.sqlite
    says '^  parameters +3730$' # 12 x 12 x 24 + 24 + 24 x 10 + 10
    says '^  augment +crop:size=12,pad=0$'
}

# Random parts of 28 x 28 of whole images, as Zhang et al. 2016.
test_parts_of_cifar10() {
    python3 "$SOURCE/tests/e2e/make_data.py" cifar .
    works "$RETHINK" run --model linear --data cifar10:path=.,limit=40,crop=32 \
        --augment crop:size=28+flip --epochs 1 --device cpu --quiet --out r.sqlite
    works "$RETHINK" show 1 r.sqlite
    says '^  parameters +23530$' # 28 x 28 x 3 x 10 + 10
}

test_recorded() {
    tiny crop:pad=2+flip --device cpu
    works "$RETHINK" show 1 r.sqlite
    says '^  augment +crop:size=0,pad=2\+flip:p=0.5$'
    says '"augment": "crop:size=0,pad=2\+flip:p=0.5"'
    works "$RETHINK" export --csv --out r.sqlite
    says ',augment,'
    says 'crop:size=0,pad=2\+flip:p=0.5'
    works "$RETHINK" report r.sqlite --to report.html
    grep -q '<dt>augment<dd>crop:size=0,pad=2+flip:p=0.5' report.html || fail 'not in the report'
    works "$RETHINK" plugins
    says '^augmentation +crop '
    says '^augmentation +flip '
    fails "unknown augmentation 'crap'.*did you mean 'crop'" "$RETHINK" run --augment crap
    fails 'crop: size=20 is more than the image.s 16 x 16 with pad=1' \
        "$RETHINK" run --data synth16:n=9,test=3 --augment crop:size=20,pad=1 --device cpu \
        --out r.sqlite
}

. "$(dirname "$0")/lib.sh"
