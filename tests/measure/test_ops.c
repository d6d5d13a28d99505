/* Operations: which ones, how fast, how right; devices that refuse, fail, lie. */
#include "bench_sink.h"
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "bench/ops.h"

static bench_values b;

static void make_list(rk_oplist *l)
{
    rk_error e = rk_error_new();
    if (rk_oplist_make(4, RK_BENCH_QUICK, l, &e) != RK_OK) fail_msg("%s", e.text);
}

/* ---- the list ---- */

static void test_list(void **state)
{
    static const char *const sorts[] = {"matmul", "conv y",     "conv dx",    "conv dw", "ewise",
                                        "copy",   "reduce sum", "window put", "rng"};
    rk_oplist l;
    double shares = 0;
    (void)state;
    make_list(&l);
    assert_true(l.n > 100);
    for (uint32_t i = 0; i < l.n; i++) {
        const rk_sample *t = &l.op[i]->op;
        shares += l.op[i]->share;
        assert_true(l.op[i]->bytes > 0);
        assert_true((l.op[i]->flop > 0) == (t->op.kind == RK_MATMUL || t->op.kind == RK_CONV));
        if (t->op.kind == RK_MATMUL || t->op.kind == RK_CONV) {
            assert_int_equal(t->op.n_code, 0);
            assert_int_equal(t->out[0].dtype, RK_F32);
        }
        for (uint32_t j = 0; j < i; j++)
            if (!strcmp(l.op[i]->subject, l.op[j]->subject))
                fail_msg("two ops are '%s'", l.op[i]->subject);
    }
    /* The work of each model is shared out whole, but for steps that are too long. */
    assert_true(shares > 6 && shares < 12.0001);
    for (size_t k = 0; k < sizeof sorts / sizeof *sorts; k++) {
        uint32_t at = 0;
        while (at < l.n && strcmp(rk_op_sort(&l.op[at]->op), sorts[k]) != 0) at++;
        if (at >= 20) fail_msg("%s is not among the first", sorts[k]);
        assert_int_equal(l.op[at]->rank, 0);
    }
    rk_oplist_free(&l);
}

/* The same in every process, whatever is in memory that nobody has written. */
static void test_same_list(void **state)
{
    rk_oplist first, other;
    (void)state;
    mallopt(M_PERTURB, 0x11);
    make_list(&first);
    mallopt(M_PERTURB, 0xC3);
    make_list(&other);
    mallopt(M_PERTURB, 0);
    assert_int_equal(first.n, other.n);
    for (uint32_t i = 0; i < first.n; i++) {
        assert_string_equal(first.op[i]->subject, other.op[i]->subject);
        assert_memory_equal(&first.op[i]->op, &other.op[i]->op, sizeof(rk_sample));
    }
    rk_oplist_free(&first);
    rk_oplist_free(&other);
}

static double terms_of(const rk_sample *t)
{
    const int64_t *p = t->op.p;
    double n = (double)rk_tensor_count(&t->out[0]);
    if (t->op.kind == RK_MATMUL) return n * (double)p[3];
    if (t->op.kind == RK_REDUCE) return n * (double)p[2];
    if (t->op.kind == RK_WINDOW) return (double)(p[1] * p[10] * p[11] * p[4] * p[5]);
    if (t->op.kind == RK_CONV)
        return (double)(p[1] * p[2] * p[5]) * (double)(p[6] * p[7] * p[12] * p[13]);
    return n;
}

/* Sums are as long as they were, over the same taps. */
static void check_sums(const rk_sample *t, const rk_sample *whole)
{
    static const int kept[3] = {2, 5, 1}; /* channels, outputs, images */
    const int64_t *p = t->op.p, *q = whole->op.p;
    if (t->op.kind == RK_MATMUL) assert_true(p[3] == q[3]);
    if (t->op.kind == RK_REDUCE) assert_true(p[2] == q[2]);
    if (t->op.kind != RK_CONV) return;
    assert_true(p[kept[q[0]]] == q[kept[q[0]]]);
    for (int i = 6; i < 14; i++) assert_true(p[i] == q[i]);
}

/* What is shrunk is an op that a device takes, as long in its sums, and right. */
static void test_shrink(void **state)
{
    enum { MOST = 20000, EACH = 9 };
    rk_oplist l;
    rk_open d;
    uint32_t device, tried = 0;
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, NULL, "cpu");
    make_list(&l);
    assert_int_equal(rk_hub_find(b.hub, "cpu", &device, &e), RK_OK);
    assert_int_equal(rk_open_device(b.hub, device, &d, &e), RK_OK);
    for (uint32_t i = 0; i < l.n; i += i < 40 ? 1 : EACH) {
        rk_sample t;
        rk_errors x;
        if (!rk_op_shrink(&l.op[i]->op, MOST, &t)) continue;
        if (rk_errors_of(&d, &t, true, 3, &x, &e) != RK_OK)
            fail_msg("%s: %s", l.op[i]->subject, e.text);
        if (!x.right) fail_msg("%s: %s", l.op[i]->subject, x.where);
        assert_true(x.most < 10);
        assert_true(x.mean <= x.most);
        const rk_sample *whole = &l.op[i]->op;
        assert_true(terms_of(&t) <= terms_of(whole));
        check_sums(&t, whole);
        tried++;
    }
    assert_true(tried > 30);
    rk_open_close(&d);
    rk_oplist_free(&l);
    bench_close(&b);
}

/* ---- a device that is right ---- */

/* False if there was no time for it. */
static bool check_measured(const char *subject)
{
    int support = bench_find(&b, "support", subject, "exact", "support");
    int equal = bench_find(&b, "numerics", subject, "exact", "equal");
    int most = bench_find(&b, "numerics", subject, "exact", "ulp max");
    if (support < 0 && equal < 0) return false;
    if (support < 0 || equal < 0) fail_msg("%s: no support or no bits", subject);
    assert_true(b.v[support].spread.median == 0);
    assert_true(b.v[equal].spread.median == 1);
    assert_int_equal(strlen(b.v[equal].text), 32);
    if (most >= 0) assert_true(b.v[most].spread.median < 10);
    if (most >= 0) assert_true(strncmp(b.v[most].text, "of ", 3) == 0);
    return true;
}

static void test_cpu(void **state)
{
    uint32_t judged = 0;
    (void)state;
    bench_open(&b, NULL, "cpu");
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    for (uint32_t i = 0; i < b.n; i++) {
        if (strcmp(b.v[i].name, "seconds") != 0) continue;
        assert_true(bench_find(&b, "op", b.v[i].subject, "exact", "flop") >= 0);
        assert_true(bench_find(&b, "op", b.v[i].subject, "exact", "bytes") >= 0);
        if (b.v[i].spread.n == 0) continue;
        assert_int_equal(b.v[i].spread.n, b.options.repeats);
        judged += check_measured(b.v[i].subject);
    }
    assert_true(judged > 0);
    int vendor = bench_find(&b, "op", NULL, "exact", "vendor seconds");
    if (vendor >= 0) assert_non_null(strstr(b.v[vendor].text, "OpenBLAS"));
    b.options.process = 2; /* bits are those of the first process */
    b.options.seconds = 0.1;
    bench_run(&b, rk_bench_ops);
    assert_true(bench_find(&b, "op", NULL, NULL, "seconds") >= 0);
    assert_int_equal(bench_find(&b, "numerics", NULL, NULL, NULL), -1);
    bench_close(&b);
}

static void test_no_reference(void **state)
{
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.c.reference = "nothing:0";
    b.options.seconds = 0.05;
    bench_run(&b, rk_bench_ops);
    int equal = bench_find(&b, "numerics", NULL, "exact", "equal");
    assert_true(equal >= 0);
    assert_int_equal(b.v[equal].spread.n, 0);
    assert_non_null(strstr(b.v[equal].text, "no reference"));
    bench_close(&b);
}

/* ---- devices that are not ---- */

static void open_proxy(const char *option, const char *value)
{
    rk_error e = rk_error_new();
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    b.options.seconds = 0.3;
    assert_int_equal(rk_hub_option(b.hub, option, value, &e), RK_OK);
}

/* The first op of the list, which is measured in any case. */
static rk_listed first(void)
{
    rk_oplist l;
    make_list(&l);
    rk_listed x = *l.op[0];
    rk_oplist_free(&l);
    return x;
}

static void test_wrong_bit(void **state)
{
    rk_listed x = first();
    char flip[80];
    (void)state;
    snprintf(flip, sizeof flip, "%s:%lld:1", rk_op_kind(&x.op.op),
             (long long)rk_tensor_count(&x.op.out[0]));
    open_proxy("proxy.flip", flip);
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    int support = bench_find(&b, "support", x.subject, "exact", "support");
    int equal = bench_find(&b, "numerics", x.subject, "exact", "equal");
    assert_true(support >= 0 && equal >= 0);
    assert_true(b.v[support].spread.median == 3);
    assert_true(b.v[equal].spread.median == 0);
    if (!strstr(b.v[support].text, "element 7 of")) fail_msg("%s", b.v[support].text);
    assert_true(bench_find(&b, "op", x.subject, "exact", "seconds") >= 0);
    bench_close(&b);
}

/* A high bit, in the smaller op that errors are of. */
static void test_large_error(void **state)
{
    rk_listed x = first();
    rk_sample small;
    char flip[80];
    (void)state;
    assert_true(rk_op_shrink(&x.op, 300000, &small));
    snprintf(flip, sizeof flip, "%s:%lld:1:high", rk_op_kind(&x.op.op),
             (long long)rk_tensor_count(&small.out[0]));
    open_proxy("proxy.flip", flip);
    bench_run(&b, rk_bench_ops);
    int most = bench_find(&b, "numerics", x.subject, "exact", "ulp max");
    int mean = bench_find(&b, "numerics", x.subject, "exact", "ulp mean");
    int support = bench_find(&b, "support", x.subject, "exact", "support");
    assert_true(most >= 0 && mean >= 0 && support >= 0);
    assert_true(b.v[most].spread.median > 1000);
    assert_true(b.v[mean].spread.median > 1000.0 / (double)rk_tensor_count(&small.out[0]));
    assert_true(b.v[support].spread.median == 3);
    bench_close(&b);
}

/* Bits are for exact numerics, an error beyond its claim is wrong of a fast kernel too. */
static void test_fast(void **state)
{
    static const char *const how[] = {":1", ":1:high:fast"};
    rk_listed x = first();
    rk_sample small;
    (void)state;
    assert_true(rk_op_shrink(&x.op, 300000, &small));
    for (int wrong = 0; wrong < 2; wrong++) {
        rk_error e = rk_error_new();
        char flip[80];
        snprintf(flip, sizeof flip, "%s:%lld%s", rk_op_kind(&x.op.op),
                 (long long)rk_tensor_count(wrong ? &small.out[0] : &x.op.out[0]), how[wrong]);
        open_proxy("proxy.flip", flip);
        assert_int_equal(rk_hub_option(b.hub, "proxy.tier", "asked", &e), RK_OK);
        b.options.seconds = 30;
        bench_run(&b, rk_bench_ops);
        bench_check_vocabulary(&b);
        int exact = bench_find(&b, "support", x.subject, "exact", "support");
        int fast = bench_find(&b, "support", x.subject, "fast", "support");
        assert_true(exact >= 0 && fast >= 0);
        assert_true(b.v[exact].spread.median == (wrong ? 0 : 3));
        assert_true(b.v[fast].spread.median == (wrong ? 3 : 0));
        if (wrong && !strstr(b.v[fast].text, "element 7 ")) fail_msg("%s", b.v[fast].text);
        bench_close(&b);
    }
}

/* Errors that could not be found because the kernel failed. */
static void test_fast_fails(void **state)
{
    rk_listed x = first();
    rk_ops all;
    rk_trial t;
    rk_result out;
    rk_error e = rk_error_new();
    (void)state;
    open_proxy("proxy.fail", "launch:1");
    assert_int_equal(rk_hub_option(b.hub, "proxy.tier", "asked", &e), RK_OK);
    assert_int_equal(rk_ops_open(&b.c, &all, &e), RK_OK);
    assert_int_equal(rk_trial_op(&all.d, &x.op, false, NULL, &t, &e), RK_OK);
    assert_int_equal(rk_fill(&t, &x.op, 1, &e), RK_OK);
    assert_int_equal(rk_result_find(&all, &x, &t, false, &out, &e), RK_OK);
    assert_non_null(strstr(out.wrong, "proxy: launch"));
    assert_true(out.known && out.equal);
    rk_trial_free(&t);
    rk_ops_close(&all);
    bench_close(&b);
}

static void test_refused_op(void **state)
{
    rk_listed x = first();
    (void)state;
    open_proxy("proxy.refuse", rk_op_kind(&x.op.op));
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    int seconds = bench_find(&b, "op", x.subject, "exact", "seconds");
    int support = bench_find(&b, "support", x.subject, "", "support");
    assert_true(seconds >= 0 && support >= 0);
    assert_int_equal(b.v[seconds].spread.n, 0);
    assert_non_null(strstr(b.v[seconds].text, "refused, as it was told to"));
    assert_true(b.v[support].spread.median == 2);
    bench_close(&b);
}

/* A launch that fails is that op's fault; the others are measured. */
static void test_failing_launch(void **state)
{
    rk_listed x = first();
    (void)state;
    open_proxy("proxy.fail", "launch:2");
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    int support = bench_find(&b, "support", x.subject, "", "support");
    assert_true(support >= 0 && b.v[support].spread.median == 3);
    assert_non_null(strstr(b.v[support].text, "proxy: launch"));
    bool other = false;
    for (uint32_t i = 0; i < b.n; i++)
        other = other || (!strcmp(b.v[i].name, "seconds") && b.v[i].spread.n > 0);
    assert_true(other);
    bench_close(&b);
}

static void test_lost_device(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    open_proxy("proxy.fail", "launch:2:lost");
    assert_int_equal(rk_bench_ops(&b.c, &e), RK_E_DEVICE);
    bench_close(&b);
}

static void test_stop(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.options.seconds = 0.05;
    b.stop_after = 1;
    assert_int_equal(rk_bench_ops(&b.c, &e), RK_E_STOPPED);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list),
                                       cmocka_unit_test(test_same_list),
                                       cmocka_unit_test(test_shrink),
                                       cmocka_unit_test(test_cpu),
                                       cmocka_unit_test(test_no_reference),
                                       cmocka_unit_test(test_wrong_bit),
                                       cmocka_unit_test(test_large_error),
                                       cmocka_unit_test(test_fast),
                                       cmocka_unit_test(test_fast_fails),
                                       cmocka_unit_test(test_refused_op),
                                       cmocka_unit_test(test_failing_launch),
                                       cmocka_unit_test(test_lost_device),
                                       cmocka_unit_test(test_stop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
