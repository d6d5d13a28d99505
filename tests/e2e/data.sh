#!/bin/sh
# Damaged data sets: one clear line, and what was there before is still there.

# rejected REGEX DATA: the run fails, and an earlier run in the same file is unharmed.
rejected() {
    [ -e r.sqlite ] || small --out r.sqlite >/dev/null
    fails "$1" small --out r.sqlite --data "$2"
    works "$RETHINK" export r.sqlite
    checks 'import json; a=json.load(open("stdout.txt")); assert a[0]["status"]=="done" and len(a)==1'
}

test_idx_truncated() {
    python3 "$SOURCE/tests/e2e/make_data.py" idx .
    small --out ok.sqlite --data idx:path=. >/dev/null
    for cut in 3 12 200; do
        mkdir "d$cut"
        cp ./*ubyte "d$cut"
        head -c "$cut" train-images-idx3-ubyte >"d$cut/train-images-idx3-ubyte"
        rejected 'train-images-idx3-ubyte' "idx:path=d$cut"
    done
    cp -r d200 labels
    cp train-images-idx3-ubyte labels
    head -c 20 train-labels-idx1-ubyte >labels/train-labels-idx1-ubyte
    rejected 'train-labels-idx1-ubyte' idx:path=labels
}

test_gz_truncated_or_damaged() {
    python3 "$SOURCE/tests/e2e/make_data.py" idx .
    gzip ./*ubyte
    small --out ok.sqlite --data idx:path=. >/dev/null
    mkdir cut flip
    cp ./*.gz cut
    cp ./*.gz flip
    head -c 100 train-images-idx3-ubyte.gz >cut/train-images-idx3-ubyte.gz
    rejected 'train-images-idx3-ubyte' idx:path=cut
    checks '
data = bytearray(open("train-images-idx3-ubyte.gz", "rb").read())
data[len(data) // 2] ^= 0xFF
open("flip/train-images-idx3-ubyte.gz", "wb").write(data)'
    rejected 'train-images-idx3-ubyte' idx:path=flip
}

test_cifar_truncated() {
    python3 "$SOURCE/tests/e2e/make_data.py" cifar .
    small --out ok.sqlite --data cifar10:path=.,limit=60 >/dev/null
    mkdir cut
    ln -s ../data_batch_1.bin ../data_batch_2.bin ../data_batch_4.bin ../data_batch_5.bin \
        ../test_batch.bin cut
    head -c 5000 data_batch_3.bin >cut/data_batch_3.bin
    rejected 'data_batch_3.bin' cifar10:path=cut
    rm cut/data_batch_3.bin
    rejected 'data_batch_3.bin' cifar10:path=cut
}

test_label_out_of_range() {
    python3 "$SOURCE/tests/e2e/make_data.py" idx . 17
    rejected 'label.* 17|17.*label' idx:path=.
    python3 "$SOURCE/tests/e2e/make_data.py" cifar . 200
    rejected 'label.* 200|200.*label' cifar10:path=.
}

test_no_such_folder() {
    rejected 'nowhere' idx:path=nowhere
    rejected 'path' cifar10
}

. "$(dirname "$0")/lib.sh"
