#!/bin/sh
# Folders of images: the same bits whether they are in memory or read on the way, and what is damaged.

# images NAME OPTION...: a small network on the folder, with a last batch that is smaller.
images() {
    name=$1
    shift
    tiny "$name" --data "imagefolder:path=d,size=12,resize=14,$data" "$@"
}

test_streamed_is_resident() {
    "$E2E/make_images" d 14 5 20
    data=resident=yes
    images cpu --device cpu
    data=resident=no
    for threads in 1 2; do
        images "streamed$threads" --device cpu --threads "$threads"
        cmp cpu.digests "streamed$threads.digests" || fail "streamed is not resident"
    done
    images pocl --device opencl:Portable
    cmp cpu.digests pocl.digests || fail "PoCL is not cpu"
    data=resident=no,check=no
    images unchecked --device cpu
    cmp cpu.digests unchecked.digests || fail "unchecked is not checked"
}

test_augmented_and_randomized() {
    "$E2E/make_images" d 14 5 20
    for data in resident=yes resident=no; do
        images "$data" --device cpu --augment crop:pad=1+flip --randomize labels:p=0.3
    done
    cmp resident=yes.digests resident=no.digests || fail 'streamed is not resident'
    fails 'pixels: it changes pixels, but those of this set are not in memory' small \
        --data imagefolder:path=d,size=12,resident=no --randomize pixels --out r.sqlite
}

# Stopped in the middle of an epoch, and gone on with.
test_resumed() {
    "$E2E/make_images" d 60 5 40
    set -- run --model mlp:hidden=256,layers=3 --data imagefolder:path=d,size=32,resident=no \
        --batch 4 --epochs 8 --device cpu --seed 5 --quiet
    works "$RETHINK" "$@" --out whole.sqlite
    "$RETHINK" "$@" --out part.sqlite --checkpoint-seconds 0.01 >/dev/null 2>&1 &
    child=$!
    until [ -e part.sqlite.runs/1/checkpoint.safetensors ]; do sleep 0.02; done
    kill -9 "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
    "$RETHINK" run --resume 1 --quiet --out part.sqlite >/dev/null 2>&1 || true
    for run in whole part; do
        works "$RETHINK" export --json --out $run.sqlite
        checks 'import json
for row in json.load(open("stdout.txt"))[0]["history"]: print(row["epoch"], row["digest"])' >$run.txt
    done
    [ "$(wc -l <whole.txt)" = 8 ] || fail "not eight epochs"
    cmp whole.txt part.txt || fail 'resumed is not whole'
}

# damaged REGEX: the run says so in one line, with the path; skip leaves it out, and says so.
damaged() {
    for data in resident=yes resident=no; do
        fails "d/train/bee/x: $1" small --data "imagefolder:path=d,size=12,$data" --out r.sqlite
    done
    small --data imagefolder:path=d,size=12,resident=no,on-error=skip --out s.sqlite 2>stderr.txt
    grep -qE "rethink: 1 examples were left out, the first: d/train/bee/x: $1" stderr.txt ||
        fail "$(cat stderr.txt)"
}

test_damaged() {
    "$E2E/make_images" d 5 2 20
    x=d/train/bee/x
    : >$x
    damaged 'an empty file'
    echo 'hello' >$x
    damaged 'neither JPEG nor PNG'
    head -c 200 d/train/ant/0012.jpg >$x
    damaged 'Premature end of JPEG file'
    for file in d/train/ant/*.png; do break; done
    head -c 200 "$file" >$x
    damaged 'the file ends too early'
    "$E2E/make_images" $x bomb
    damaged 'its header says 60000 x 60000 pixels'
    "$E2E/make_images" $x cmyk
    damaged 'its colours are CMYK: convert it to RGB'
}

# Found on the way, as nobody looked before: the run ends, with all that was recorded.
test_damaged_on_the_way() {
    "$E2E/make_images" d 5 2 20
    echo hello >d/train/bee/x
    fails 'run 1: d/train/bee/x: neither JPEG nor PNG' small --batch 4 --out r.sqlite \
        --data imagefolder:path=d,size=12,resident=no,check=no
}

test_waiting_is_told() {
    "$E2E/make_images" d 5 2 20
    works "$RETHINK" run --model linear --data imagefolder:path=d,size=12,resident=no --epochs 2 \
        --device cpu -v --out r.sqlite
    says '^epoch   2: waited [0-9.]* s of [0-9.]* s for data, [0-9.]* %$'
}

. "$(dirname "$0")/tiny.sh"
. "$(dirname "$0")/lib.sh"
