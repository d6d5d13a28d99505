#!/bin/sh
# Where the time of a step goes: every launch is there, its work is counted right, no bit changes.

profile() {
    "$RETHINK" run --model mlp:hidden=48,layers=1 --data synth16:n=600,test=100 --batch 40 --epochs 2 \
        --threads 1 "$@"
}

digest() { # FILE RUN
    sqlite3 "$1" "select group_concat(digest) from epochs where run = $2"
}

on_device() {
    works profile --device "$1" --out a.sqlite --profile=trace.json
    says "^Profile of a training step of mlp.* on $1, $3, the fastest of"
    says '^matmul +[1-9] .* % .*[0-9] '
    says "^A step takes [0-9.]+ ms, its [0-9]+ launches [0-9.]+ ms(: [0-9.]+ % of it are gaps between kernels)?; they move [0-9.]+ MB at least, [1-3]\."
    says "^The roof: [0-9.]+ GFLOP/s of $2, [0-9.]+ GB/s of a sum of arrays"
    # Two layers, 256-48-10: products forward and for weights, and one for the hidden layer's errors.
    checks '
import json, re
launches = int(re.search(r"its (\d+) launches", open("stdout.txt").read()).group(1))
events = json.load(open("trace.json"))["traceEvents"]
steps = [e for e in events if e["ph"] == "X"]
assert len(steps) == launches and len(events) == launches + 1, (len(steps), launches)
assert all(e["dur"] > 0 and e["args"]["bytes"] > 0 for e in steps)
assert [e["ts"] for e in steps] == sorted(e["ts"] for e in steps)
first, second = 256 * 48, 48 * 10
assert sum(e["args"]["flop"] for e in steps) == 2 * 40 * (2 * first + 3 * second)
products = [e["args"] for e in steps if e["cat"] == "matmul" and e["args"]["flop"] == 80 * first]
assert all(4 * (40 * 256 + first) <= p["bytes"] for p in products) and len(products) == 2'
    works profile --device "$1" --out a.sqlite --quiet
    [ "$(digest a.sqlite 1)" = "$(digest a.sqlite 2)" ] || fail 'a profile changes bits'
    rm -r a.sqlite*
}

test_profile_on_cpu() {
    on_device cpu:0 'chains of fma \(width .*\)' 'each launch alone and waited for'
}

test_profile_on_opencl() {
    on_device opencl:0.0 'chains of fma \(width .*\)' "kernels by the device's clock"
}

# The proxy has no probes.
test_profile_without_probes() {
    RETHINK_BACKEND_PATH=$RETHINK_BACKEND_PATH:$PROXY
    on_device proxy:0 'the best matrix product' 'each launch alone and waited for'
}

test_misuse() {
    fails 'profile is for runs that have not begun' "$RETHINK" run --resume 1 --profile
    fails 'cannot write the trace no/such/folder.json: No such file' \
        profile --device cpu --profile=no/such/folder.json
    [ ! -s rethink.sqlite ] || [ "$("$RETHINK" list --json)" = '[]' ] || fail 'it has trained'
}

. "$(dirname "$0")/lib.sh"
