#!/bin/sh
# A backend that lacks kinds: one clear error, or the same bits with the help of the CPU, and never in
# silence.

# tiny OPTION...: two epochs with a smaller last batch.
options='--model mlp:hidden=24,layers=2 --data synth16:n=70,test=20 --batch 32 --epochs 2
    --randomize labels:p=0.5 --lr 0.05 --lr-decay 0.9 --seed 5'
tiny() {
    # shellcheck disable=SC2086
    "$RETHINK" run $options --backend "$PROXY" "$@"
}

# digests RUN: of its epochs.
digests() {
    "$RETHINK" show "$1" --json --out r.sqlite | python3 -c '
import json, sys
print("\n".join(row["digest"] for row in json.load(sys.stdin)["history"]))'
}

test_forbidden_unless_asked_for() {
    PROXY_REFUSE=matmul fails '^rethink: program training step: proxy:0 has no kernel for step +[0-9]+ matmul 1x32x24x256 .*: proxy: refused, as it was told to; --fallback reference runs it on the CPU$' \
        tiny --device proxy --out r.sqlite
    PROXY_REFUSE=matmul fails 'has no kernel' tiny --device proxy --fallback forbid --out r.sqlite
    [ -z "$(sqlite3 r.sqlite 'select id from runs')" ] || fail 'a run was begun'
}

# What is the same with other kernels, too: whatever is refused.
test_same_bits() {
    works tiny --device cpu --quiet --out r.sqlite
    digests 1 >want
    [ "$(wc -l <want)" = 2 ] || fail 'not two digests'
    n=1
    for kinds in matmul take reduce copy ewise matmul,take,put,rng ewise,copy,reduce,matmul,take; do
        PROXY_REFUSE=$kinds works tiny --device proxy --fallback reference --quiet --out r.sqlite
        n=$((n + 1))
        grep -qE '^rethink: FALLBACK on proxy:0: [0-9]+ of [0-9]+ steps fell back to cpu:0 \([a-z]+: proxy: refused, as it was told to\); [0-9]+ copies' stderr.txt ||
            fail "$kinds: $(cat stderr.txt)"
        digests $n >got
        cmp want got || fail "$kinds: other bits"
    done
    PROXY_REFUSE=matmul works tiny --device proxy --fallback reference --unfused --quiet --out r.sqlite
    digests $((n + 1)) >got
    cmp want got || fail "unfused: other bits"
}

test_no_fallback_where_none_is_needed() {
    works tiny --device proxy --fallback reference --quiet --out r.sqlite
    [ ! -s stderr.txt ] || fail "$(cat stderr.txt)"
    works "$RETHINK" show 1 r.sqlite
    says '^  steps_fallback +0$'
}

# A backend that does not know revisions joins branches by copies: the same bits, no fallback.
test_older_backend() {
    joined='--model inception:width=0.03 --data synth16:n=24,test=6 --batch 16'
    # shellcheck disable=SC2086
    {
        works tiny $joined --device cpu -v --out r.sqlite
        [ "$(grep -cE '^ *[0-9]+ conv (y|dx|dw) .* part [0-9]+ of [0-9]+ ' stdout.txt)" -ge 48 ] ||
            fail 'branches are not joined in place'
        PROXY_REFUSE=revision works tiny $joined --device proxy -v --out r.sqlite
    }
    ! grep -qE ' part [0-9]+ of [0-9]+ ' stdout.txt || fail 'it was asked nevertheless'
    digests 1 >want
    digests 2 >got
    cmp want got || fail 'other bits'
}

# The plan shows each copy with its bytes; the record, the list and the report tell of it.
test_it_can_be_seen() {
    PROXY_REFUSE=matmul works tiny --device proxy --fallback reference -v --out r.sqlite
    says '^ *[0-9]+ copy 8192:1:1 .* f32\[8192\]%[0-9]+@[0-9]+ -> f32\[8192\]cpu:0/%[0-9]+ by transfer of 32768 bytes to cpu:0$'
    says '^ *[0-9]+ matmul 1x32x24x256 .* f32\[24,256\]cpu:0/hidden1/weight -> f32\[1,32,24\]cpu:0/%[0-9]+ by '
    says ' -> f32\[768\]%[0-9]+@[0-9]+ by transfer of 3072 bytes to proxy:0$'
    n=$(sed -n 's/.*FALLBACK on proxy:0: \([0-9]*\) of .*/\1/p' stderr.txt)
    [ "$(grep -cE '^ *[0-9]+ matmul ' stdout.txt)" = "$n" ] || fail "not $n matmuls"
    ! grep -E '^ *[0-9]+ matmul ' stdout.txt | grep -vq 'cpu:0/' || fail 'a matmul is not on the cpu'
    works "$RETHINK" show 1 r.sqlite
    says "^  fallback_note +$n of [0-9]+ steps fell back to cpu:0 \(matmul: proxy: refused"
    says '^  "fallback": "reference"'
    works "$RETHINK" list r.sqlite
    says 'proxy:0 \(fallback\)'
    works "$RETHINK" report r.sqlite --to report.html
    grep -q "$n of [0-9]* steps fell back to cpu:0" report.html || fail 'the report does not say it'
}

# Going on after a stop needs the same fallback, and gives the same bits.
test_resume() {
    works tiny --device cpu --epochs 200 --quiet --out r.sqlite
    digests 1 >want
    # shellcheck disable=SC2086
    stopped_early r.sqlite env PROXY_REFUSE=matmul,copy "$RETHINK" run $options --backend "$PROXY" \
        --device proxy --fallback reference --epochs 200 --quiet --out r.sqlite
    PROXY_REFUSE=take works "$RETHINK" run --resume "$run" --backend "$PROXY" --quiet --out r.sqlite
    grep -q 'FALLBACK on proxy:0: .*take: proxy: refused' stderr.txt || fail "$(cat stderr.txt)"
    digests "$run" >got
    cmp want got || fail 'other bits'
}

. "$(dirname "$0")/lib.sh"
