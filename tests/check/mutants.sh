#!/bin/sh
# 'rethink check' on the example backend as it is, and with mistakes put into it: each must be found,
# in the case that is about it.
#
# Also from the build: BUILD_CC, and SANITIZE, the flags that a backend needs to be loaded there.

# build SED-SCRIPT: ./example.so from the patched example.  Every line of the script must change
# something.
build() {
    mkdir -p src
    cp "$SOURCE/examples/backend/example.c" "$SOURCE/examples/backend/refuse.h" src
    chmod u+w src/*
    printf '%s\n' "$1" | while IFS= read -r line; do
        [ -n "$line" ] || continue
        sed "$line" src/example.c >src/patched.c
        ! cmp -s src/example.c src/patched.c || fail "nothing to patch for: $line"
        mv src/patched.c src/example.c
    done
    # shellcheck disable=SC2086
    $BUILD_CC -std=c11 -O2 -w -ffp-contract=off -fno-strict-aliasing $SANITIZE -shared -fPIC \
        -I "$SOURCE/core/include" src/example.c -o example.so -lm
}

# check_fails ARGUMENT...: exits with 1, and its report is in stdout.txt.
check_fails() {
    code=0
    "$RETHINK" check ./example.so --quick "$@" >stdout.txt 2>stderr.txt || code=$?
    [ $code = 1 ] || fail "exit status $code: $(cat stdout.txt stderr.txt)"
}

# failed CASE [REGEX]: the case is named as failed, and its text matches.
failed() {
    grep -qx "FAILED $1" stdout.txt || fail "$1 is not named: $(cat stdout.txt)"
    [ -z "$2" ] || grep -A1 -x "FAILED $1" stdout.txt | grep -qE -- "$2" ||
        fail "no '$2' in: $(grep -A1 -x "FAILED $1" stdout.txt)"
    says '^not met: '
}

# only KIND...: no case of another kind failed.
only() {
    wrong=$(sed -n 's,^FAILED \([a-z]*\)/.*,\1,p' stdout.txt | sort -u)
    for kind in $wrong; do
        case " $* " in
        *" $kind "*) ;;
        *) fail "$kind failed, too: $(cat stdout.txt)" ;;
        esac
    done
}

test_example_is_exact() {
    build ''
    works "$RETHINK" check ./example.so --level exact --quick
    says '^met: level exact$'
    works "$RETHINK" check ./example.so --case matmul/sizes
    says '^matmul/sizes: ok in '
    works "$RETHINK" check ./example.so --quick --json --kinds rng,put
    checks '
import json
r = json.load(open("stdout.txt"))
d, = r["devices"]
assert r["met"] and d["met"] and d["level"] == "exact" and d["device"] == "example:0", d
assert [c["case"] for c in d["cases"]] == ["put/rows", "rng/known-answer", "rng/words"]
assert all(c["result"] == "ok" and c["exact_ops"] > 0 for c in d["cases"])'
}

# many_devices N: the example with so many devices, numbered from 0.
many_devices() {
    build "s/^    \*n = 1;/    *n = $1;/
        s/^    memcpy(out, &info, .*/    for (; info.index < cap \&\& info.index < $1; info.index++)\n        snprintf(info.id, 64, \"%u\", info.index), memcpy(out++, \&info, sizeof info);/
        s/if (index != 0) return/if (index >= $1) return/"
}

test_every_device_of_many() {
    many_devices 64
    works "$RETHINK" check --backend ./example.so example:63 --level exact --kinds rng --json
    checks '
import json
r = json.load(open("stdout.txt"))
assert r["met"] and [d["device"] for d in r["devices"]] == ["example:63"], r'
    works "$RETHINK" check ./example.so --level exact --kinds rng --json
    checks '
import json
r = json.load(open("stdout.txt"))
assert [d["device"] for d in r["devices"]] == ["example:%d" % i for i in range(64)], r'
}

test_more_devices_than_are_checked() {
    many_devices 65
    fails 'it has 65 devices, 64 at most are checked: name one' "$RETHINK" check ./example.so
    works "$RETHINK" check --backend ./example.so example:63 --level exact --kinds rng
}

test_no_case_is_no_check() {
    build ''
    fails "no kind ''" "$RETHINK" check ./example.so --kinds ''
}

# ---- wrong results ----

test_wrong_sign_of_padding() {
    build 's/ - q\[10\];/ + q[10];/
        s/ - q\[11\];/ + q[11];/
        s/i2 + q\[10\] - v/i2 - q[10] - v/
        s/i3 + q\[11\] - w/i3 - q[11] - w/'
    check_fails --kinds conv,window
    failed conv/y 'CONV .0, .*element'
    failed conv/dx 'CONV .1, .*element'
    failed conv/dw 'CONV .2, .*element'
    only conv
}

test_maximum_out_of_the_window() {
    build 's/r < q\[4\] \&\&/r < q[4] + (q[0] == RK_WINDOW_ARGMAX) \&\&/'
    check_fails --kinds window,reduce
    failed window/argmax 'WINDOW .2, .*element'
    [ "$(grep -c ^FAILED stdout.txt)" = 1 ] || fail "$(cat stdout.txt)"
}

test_wrong_broadcast() {
    build 's/\* t->stride\[d\]; /* (d + 1 < t->rank || t->stride[d] ? t->stride[d] : 1);/'
    check_fails --kinds ewise,copy
    failed ewise/broadcasts 'EWISE'
    only ewise
}

test_result_depends_on_threads() {
    build 's/lane\[i % RK_SUM_LANES\]/lane[i % used]/
        s/^    rk_device \*d = h->alloc/    const char *t = h->option(h->ctx, "threads");\n&/
        s/^    \*d = (rk_device)/    used = t ? RK_SUM_LANES \/ atoi(t) : RK_SUM_LANES;\n&/
        s/^#include "refuse.h"/&\n#include <stdlib.h>\nstatic int used;/'
    check_fails --kinds device,reduce
    failed device/threads 'the sum of row 0 of 5003 terms.* with threads=2'
    only device
}

test_uninitialised_workspace() {
    build 's/info->tier = RK_TIER_EXACT;/info->workspace = op->kind == RK_MATMUL ? 64 : 0; &/
        s/if (n != k->op.n_in + k->op.n_out)/int more = k->op.kind == RK_MATMUL;\n    if (n != k->op.n_in + k->op.n_out + more)/
        s/^    for (uint32_t i = 0; i < n; i++) {$/    for (uint32_t i = 0; i < n - more; i++) {/
        s/^    compute(k, p);/    if (more) p[n - 1] = arg[n - 1].mem->p + arg[n - 1].offset;\n&/
        s/? matmul(q, a, b, e)/? rk_op_FADD(matmul(q, a, b, e), *(uint32_t *)p[3])/'
    check_fails --kinds matmul,conv
    failed matmul/sizes 'MATMUL .*element'
    only matmul
}

test_lies_about_exactness() {
    build 's/lane\[i % RK_SUM_LANES\]/lane[0]/'
    check_fails --kinds reduce,matmul
    failed reduce/sum 'near enough, but not the bits .* which plain loops claims'
    [ "$(grep -c ^FAILED stdout.txt)" = 1 ] || fail "$(cat stdout.txt)"
    check_fails --case reduce/sum
    failed_line=$(grep -A1 '^FAILED reduce/sum' stdout.txt)
    echo "$failed_line" | grep -qE 'element [0-9]+ .*got [-0-9.e]+ \(0x[0-9A-F]{8}\), want [-0-9.e]+ .* ULP off' ||
        fail "$failed_line"
}

# A kernel for the fast tier is another one, and is wrong; it says that it is exact.
test_fast_kernel_lies_about_exactness() {
    build 's/^    info->tier = RK_TIER_EXACT;.*/&\n    k->op.flags = op->flags \& (op->kind == RK_REDUCE);/
        s/^    snprintf(info->impl, .*/    snprintf(info->impl, sizeof info->impl, k->op.flags ? "one lane" : "plain loops");/
        s/^    const int64_t \*q = k->op.p;$/&\n    lanes = k->op.flags ? 1 : RK_SUM_LANES;/
        s/lane\[i % RK_SUM_LANES\]/lane[i % lanes]/
        s/^#include "refuse.h"/&\nstatic int lanes;/'
    check_fails --kinds reduce,rng
    failed reduce/sum ', fast: .* but not the bits .* which one lane claims'
    only reduce
}

# The same of what a tuner may choose, for the fast tier alone.
test_chosen_kernel_lies_about_exactness() {
    build 's/^static void compute(/static rk_status choices(rk_device *d, const rk_op *op, uint32_t i, char name[64], uint32_t *n, rk_error *e) { return (void)d, (void)e, *n = op->flags ? 2 : 1, snprintf(name, 64, "one lane"), RK_OK; }\nstatic rk_status choose(rk_device *d, const rk_op *op, const char *name, rk_kernel **out, rk_kinfo *info, rk_error *e) { rk_status s = prepare(d, op, out, info, e); if (s == RK_OK) (*out)->op.flags = 2, snprintf(info->impl, 64, "%s", name); return s; }\n&/
        s/^    const int64_t \*q = k->op.p;$/&\n    lanes = k->op.flags == 2 ? 1 : RK_SUM_LANES;/
        s/lane\[i % RK_SUM_LANES\]/lane[i % lanes]/
        s/^    static const rk_backend table = {/    static rk_backend table = {/
        s/^    (void)host_minor;/&\n    table.choices = choices, table.prepare_choice = choose;/
        s/^#include "refuse.h"/&\nstatic int lanes;/'
    works "$RETHINK" check ./example.so --quick --kinds reduce --level exact
    check_fails --kinds reduce --option choices=1
    failed reduce/sum ', fast: .* but not the bits .* which one lane claims'
    only reduce
}

# ---- memory ----

test_missing_check_of_arguments() {
    build 's/ || !inside(arg\[i\].mem, arg\[i\].offset, bytes))/ || !arg[i].mem)/'
    check_fails --kinds illegal,rng
    failed illegal/calls
    [ "$(grep -c ^FAILED stdout.txt)" = 1 ] || fail "$(cat stdout.txt)"
}

test_missing_check_of_an_index() {
    build 's/int known = index\[j\] < (uint64_t)q\[0\];/int known = 1;/'
    check_fails --kinds take,put,rng
    failed take/rows
    failed put/rows
    only take put
}

test_write_past_the_output() {
    build 's/^    for (int64_t i = 0; i < n; i++) {$/    for (int64_t i = 0; i <= n; i++) {/'
    check_fails --kinds rng,take
    failed rng/words 'wrote behind output 0|ended the process'
    only rng
}

test_leak() {
    build 's/^    while (d->all.next != \&d->all) give.*/    (void)0;/'
    check_fails --kinds device,rng
    failed device/close 'host allocations are left|ended the process'
    only device
}

# ---- what takes the process down ----

test_crash() {
    build 's/^    if (put) memset/    if (put \&\& q[2] == 700) *(volatile int *)0 = 0;\n&/'
    check_fails --kinds take,put,rng
    failed put/rows 'crashed: Segmentation fault|ended the process'
    only put
}

test_abort() {
    build 's/^    if (put) memset/    if (!put \&\& q[2] == 700) abort();\n&/
        s/^#include "refuse.h"/&\n#include <stdlib.h>/'
    check_fails --kinds take,put,rng
    failed take/rows 'crashed: Aborted|ended the process'
    only take
}

test_exit() {
    build 's/^    if (put) memset/    if (put \&\& q[2] == 700) exit(0);\n&/
        s/^#include "refuse.h"/&\n#include <stdlib.h>/'
    check_fails --kinds take,put,rng
    failed put/rows 'ended in the middle of it'
    only put
}

test_exit_in_close() {
    build 's/^    while (d->all.next != \&d->all) give.*/    if (ran) exit(0);\n&/
        s/^    compute(k, p);/    ran = 1;\n&/
        s/^#include "refuse.h"/&\n#include <stdlib.h>\nstatic int ran;/'
    check_fails --kinds rng
    failed rng/words 'the process ended while the device was closed'
    only rng
}

test_hang() {
    build 's/^    if (put) memset/    for (volatile int forever = put \&\& q[2] == 700; forever;) continue;\n&/'
    check_fails --kinds take,put,rng --timeout 4
    failed put/rows 'hung: nothing for 4 seconds'
    only put
}

# ---- what is not there ----

test_supporting_nothing_is_a_failure() {
    build 's/^    rk_status bad = refuse(op, \&most, e);/&\n    if (bad == RK_OK) bad = FAIL(e, RK_E_UNSUPPORTED, "not today");/'
    check_fails
    says '^not met: it computes nothing: not today'
}

test_a_part_is_a_lower_level() {
    build 's/^    rk_status bad = refuse(op, \&most, e);/&\n    if (bad == RK_OK \&\& op->kind == RK_CONV) bad = FAIL(e, RK_E_UNSUPPORTED, "no time yet");/'
    works "$RETHINK" check ./example.so --quick
    says '^conv: ([0-9]+) of \1 cases unsupported: '
    says '^met: level loads \(conv is unsupported: no time yet\)'
    check_fails --level all-kinds
    says '^not met: level all-kinds was asked for; conv is unsupported: no time yet'
}

test_fast_only_is_deterministic() {
    build 's/^    rk_status bad = refuse(op, \&most, e);/&\n    if (bad == RK_OK \&\& op->kind == RK_REDUCE \&\& !(op->flags \& RK_OP_FAST)) bad = FAIL(e, RK_E_UNSUPPORTED, "fast only");/
        s/info->tier = RK_TIER_EXACT;/info->tier = op->kind == RK_REDUCE ? RK_TIER_FAST : RK_TIER_EXACT;/
        s/lane\[i % RK_SUM_LANES\]/lane[0]/'
    works "$RETHINK" check ./example.so --quick --kinds reduce,rng
    says '^met: level deterministic \(reduce is computed by the fast tier only\)'
    check_fails --kinds reduce,rng --level exact
}

test_no_reason() {
    build 's/return FAIL(e, RK_E_INVALID, "%u arguments.*;/return RK_E_INVALID;/'
    check_fails --kinds illegal,rng
    failed illegal/calls 'an argument too few: it is refused, but without a reason'
}

. "$(dirname "$0")/../e2e/lib.sh"
