#!/bin/sh
# Compiled programs are kept: a second start compiles nothing, and no state of the cache is an error.

net() { # OUT [OPTION...]
    out=$1
    shift
    "$RETHINK" run --model linear --data synth16:n=64,test=10 --batch 32 --epochs 1 \
        --device opencl:0.0 --out "$out" -v "$@"
}

digest() { # FILE
    sqlite3 "$1" 'select digest from runs where id = 1'
}

# compiled N, cached N: what the last command said of itself.
compiled() {
    sed -n 's/^ready after [0-9.]* s: \([0-9]*\) programs compiled, \([0-9]*\) from .*/\1 \2/p' stdout.txt
}

test_second_start_compiles_nothing() {
    # The folder of PoCL's own cache, which is full in all but the first build of a machine, is left.
    export RETHINK_CACHE_DIR="$PWD/blobs"
    works net a.sqlite
    first=$(compiled)
    [ "${first% *}" -ge 5 ] || fail "an empty cache: $first"
    works net b.sqlite
    all=$((${first% *} + ${first#* })) # the device is opened more than once
    [ "$(compiled)" = "0 $all" ] || fail "compiled, cached: $first, then $(compiled)"
    [ "$(digest a.sqlite)" = "$(digest b.sqlite)" ] || fail 'the cache changes bits'

    # What the cache holds is all that a start needs: PoCL compiles nothing for the first launches.
    mkdir pocl
    export POCL_CACHE_DIR="$PWD/pocl"
    works net c.sqlite
    [ "$(digest a.sqlite)" = "$(digest c.sqlite)" ] || fail 'the binaries change bits'
    find pocl -name '*.so' >unpacked.txt
    [ "$(wc -l <unpacked.txt)" -ge "${first% *}" ] || fail 'binaries were not unpacked'
    ! grep -v '/0-0-0/' unpacked.txt || fail 'compiled for a launch'
}

# Damage is a miss, and is mended: cut short, a byte changed, of another driver's making, empty.
test_damaged_entries() {
    export RETHINK_CACHE_DIR="$PWD/blobs"
    works net a.sqlite
    first=$(compiled)
    python3 - blobs/blobs/* <<'END'
import struct, subprocess, sys
assert len(sys.argv) > 4
for i, name in enumerate(sys.argv[1:]):
    data = bytearray(open(name, "rb").read())
    if i % 3 == 0: data = data[:len(data) * i // len(sys.argv)]
    if i % 3 == 1: data[-1 - len(data) // 5] ^= 16
    if i % 3 == 2: data[:8] = b"rk-blob0"
    open(name, "wb").write(data)
END
    works net b.sqlite
    [ "$(compiled)" = "$first" ] || fail "compiled, cached: $first, then $(compiled)"
    works net c.sqlite
    [ "$(compiled | cut -d' ' -f1)" = 0 ] || fail "not mended: $(compiled)"
    [ "$(digest a.sqlite)$(digest a.sqlite)" = "$(digest b.sqlite)$(digest c.sqlite)" ] ||
        fail 'damage changes bits'
}

# A folder that cannot be made (as on a full disk) or written, two processes at once.
test_no_cache_and_two_at_once() {
    : >file
    RETHINK_CACHE_DIR="$PWD/file/inside" works net a.sqlite
    export RETHINK_CACHE_DIR="$PWD/blobs"
    net b.sqlite >b.txt 2>&1 &
    works net c.sqlite
    wait $! || fail "the other of two at once: $(cat b.txt)"
    works net d.sqlite
    [ "$(compiled | cut -d' ' -f1)" = 0 ] || fail "after two at once: $(compiled)"
    for f in b c d; do
        [ "$(digest a.sqlite)" = "$(digest $f.sqlite)" ] || fail "$f.sqlite differs"
    done
    [ -z "$(find blobs -name '*tmp*')" ] || fail 'a temporary file was left'
}

# Programs that helpers compile are counted as if there were none, and change no bits; nothing is left.
test_helpers() {
    export RETHINK_CACHE_DIR="$PWD/blobs" TMPDIR="$PWD/tmp"
    mkdir tmp
    RETHINK_HELPERS=0 works net a.sqlite
    all=$(compiled)
    rm -r blobs
    RETHINK_HELPERS=2 works net b.sqlite
    [ "$(compiled)" = "$all" ] || fail "compiled, cached: $all, with helpers $(compiled)"
    RETHINK_HELPERS=2 works net c.sqlite # a warm start asks for none
    for f in b c; do
        [ "$(digest a.sqlite)" = "$(digest $f.sqlite)" ] || fail "$f.sqlite differs"
    done
    [ -z "$(find tmp blobs -mindepth 1 -name '*rethink-helper*' -o -name '*tmp*')" ] || fail 'not tidy'
    costs='select programs_compiled, programs_cached, ready_seconds > 0 from runs'
    [ "$(sqlite3 a.sqlite "$costs")" = "$(echo "$all" | tr ' ' '|')|1" ] || fail 'cold, in the record'
    [ "$(sqlite3 b.sqlite "$costs")" = "$(sqlite3 a.sqlite "$costs")" ] || fail 'helped, in the record'
    case $(sqlite3 c.sqlite "$costs") in
    '0|'*'|1') ;;
    *) fail 'warm, in the record' ;;
    esac
    works "$RETHINK" show 1 --out c.sqlite
    says '^  programs_compiled +0$'
}

# Killed helpers cost time alone, and nobody hears of them.
test_killed_helpers() {
    export RETHINK_CACHE_DIR="$PWD/blobs" TMPDIR="$PWD/tmp"
    mkdir tmp
    RETHINK_HELPERS=0 works net a.sqlite
    all=$(compiled)
    rm -r blobs
    RETHINK_HELPERS=1 net b.sqlite >stdout.txt 2>stderr.txt &
    python3 - $! <<'END' || fail 'no helper was killed'
import os, signal, sys, time
parent, killed = sys.argv[1], 0

def children(pid):
    try:
        return open(f"/proc/{pid}/task/{pid}/children").read().split()
    except OSError:
        return []

def is_worker(pid):
    try:
        return b"--worker" in open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        return False

def runs(pid): # the shell may have seen its end by now
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False

while runs(parent):
    for pid in [x for run in children(parent) for x in children(run) if is_worker(x)]:
        os.kill(int(pid), signal.SIGKILL)
        killed += 1
    time.sleep(0.002) # the run needs the processor
sys.exit(not killed)
END
    wait $! || fail "killed helpers: $(cat stderr.txt)"
    [ ! -s stderr.txt ] || fail "noise: $(cat stderr.txt)"
    [ "$(compiled)" = "$all" ] || fail "compiled, cached: $all, with killed helpers $(compiled)"
    [ -z "$(ls tmp)" ] || fail 'of killed helpers something is left'
    [ "$(digest a.sqlite)" = "$(digest b.sqlite)" ] || fail 'killed helpers change bits'
}

. "$(dirname "$0")/lib.sh"
