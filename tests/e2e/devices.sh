#!/bin/sh
# Devices, backends and plugins that are not there or not right.

test_devices() {
    works "$RETHINK" devices
    says '^cpu:0 '
    says '^opencl:'
    works "$RETHINK" devices -v
    says 'loaded'
    works "$RETHINK" devices --json
    checks 'import json; a=json.load(open("stdout.txt")); assert {d["backend"] for d in a["devices"]} == {"cpu", "opencl"}'
}

test_unknown_device_lists_the_known() {
    fails "gpu9.*cpu:0.*opencl:0" small --device gpu9 --out r.sqlite
    fails "opencl:7.7.*cpu:0" small --device opencl:7.7 --out r.sqlite
}

test_no_opencl_platform() {
    mkdir none
    OCL_ICD_VENDORS=$PWD/none/
    export OCL_ICD_VENDORS
    works "$RETHINK" devices
    ! grep -q '^opencl' stdout.txt || fail 'there still is a platform'
    works "$RETHINK" devices -v
    says 'no OpenCL driver is installed'
    fails "no device 'opencl': no OpenCL driver is installed.*; known: cpu:0" \
        small --device opencl --out r.sqlite
    fails "no device 'opencl:0.0': no OpenCL driver" small --device opencl:0.0 --out r.sqlite
    fails "no device 'gpu9'; known: cpu:0" small --device gpu9 --out r.sqlite
    works small --device cpu --out r.sqlite
}

# refused REGEX FILE: as a backend that the user named.
refused() {
    fails "$1" "$RETHINK" devices --backend "$2"
    fails "$1" small --backend "$2" --out r.sqlite
}

test_backend_without_magic() { refused 'magic' "$E2E/backend_no_magic.so"; }

test_backend_of_another_major() { refused 'version 2|major.* 2|2.*major' "$E2E/backend_wrong_major.so"; }

test_backend_with_shorter_table() {
    refused 'table|function|short|lacks' "$E2E/backend_too_short.so"
    works "$RETHINK" devices --backend "$E2E/backend_shorter.so"
    says '^shorter:'
}

test_backend_with_longer_table() {
    refused 'table|newer|longer|unknown' "$E2E/backend_longer_used.so"
    works "$RETHINK" devices --backend "$E2E/backend_longer_zero.so"
    says '^longer:'
}

test_truncated_libraries() {
    head -c 2000 "$E2E/backend_shorter.so" >cut.so
    refused 'cut.so was refused: it is truncated: 2000 bytes, but its headers tell of [0-9]+: ' ./cut.so
    head -c 2000 "$E2E/probe.so" >cut.so
    fails 'cut.so.*it is truncated: 2000 bytes' small --plugin ./cut.so --out r.sqlite
}

test_backend_that_is_no_library() {
    echo 'text' >text.so
    refused 'text.so' "$PWD/text.so"
    head -c 3000 "$E2E/backend_shorter.so" >cut.so
    refused 'cut.so' "$PWD/cut.so"
    refused 'nowhere.so' "$PWD/nowhere.so"
}

test_backend_that_anyone_may_change() {
    cp "$E2E/backend_shorter.so" open.so
    chmod 666 open.so
    refused 'any user' "$PWD/open.so"
}

test_plugins() {
    works "$RETHINK" plugins
    says '^model +mlp '
    works "$RETHINK" plugins mlp
    says '^  hidden +512 +1 to 65536'
    works "$RETHINK" plugins -v
    says 'loaded'
    works "$RETHINK" plugins --json
    checks '
import json
items = {(i["kind"], i["name"]): i for i in json.load(open("stdout.txt"))["items"]}
for item in (("model", "linear"), ("model", "mlp"), ("data", "synth16"), ("data", "mnist"),
             ("data", "idx"), ("data", "cifar10"), ("transform", "labels"),
             ("transform", "pixels"), ("optimizer", "sgd"), ("schedule", "exponential")):
    assert item in items, item
assert "limit" in [p["name"] for p in items["data", "mnist"]["parameters"]]'
    fails "no plugin has an item 'mpl'; did you mean 'mlp'" "$RETHINK" plugins mpl
}

test_unknown_items_and_parameters() {
    fails "mpl.*did you mean 'mlp'" small --model mpl --out r.sqlite
    fails 'synth17' small --data synth17 --out r.sqlite
    fails 'p=1.5' small --randomize labels:p=1.5 --out r.sqlite
    fails 'p=x' small --randomize labels:p=x --out r.sqlite
    fails 'layer' small --model mlp:layer=3 --out r.sqlite
    fails 'mode=sideways' small --randomize pixels:mode=sideways --out r.sqlite
    fails 'epochs' small --epochs minus --out r.sqlite
    fails 'batch' small --batch 0 --out r.sqlite
}

test_plugin_that_is_refused() {
    echo 'text' >text.so
    fails 'text.so' "$RETHINK" plugins --plugin "$PWD/text.so"
    fails 'text.so' small --plugin "$PWD/text.so" --out r.sqlite
    fails 'nowhere.so' "$RETHINK" plugins --plugin "$PWD/nowhere.so"
    fails 'text.so was refused: ' "$RETHINK" plugins --plugin "$PWD/text.so" stripes
    fails 'nowhere.so was refused: ' "$RETHINK" plugins --plugin ./nowhere.so stripes
}

# What the plan of a step names is in the run's record, whole and once; names may have commas.
test_record_names_kernels() {
    works "$RETHINK" run --model wrn:depth=10,width=1 --data noise:n=128,test=10,size=8 --epochs 1 \
        --device opencl:0.0 --out a.sqlite -v
    sed -n 's/^ *[0-9].* by \(.*\)/\1/p' stdout.txt | sort -u >planned.txt
    [ "$(grep -c ', ' planned.txt)" -gt 1 ] || fail 'names have no commas'
    sqlite3 a.sqlite 'select kernels from runs' | sed 's/; /\n/g' | sort >recorded.txt
    [ -z "$(comm -23 planned.txt recorded.txt)$(uniq -d recorded.txt)" ] || fail "$(cat recorded.txt)"
    sed 's/.*, //' planned.txt | grep -xFf recorded.txt | grep -vxFf planned.txt && fail 'in pieces'
    return 0
}

. "$(dirname "$0")/lib.sh"
