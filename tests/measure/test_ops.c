/* Operations: how fast, how right; devices that refuse, fail, lie. */
#include "bench_sink.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "bench/ops.h"

static bench_values b;

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
    rk_error e = rk_error_new();
    if (rk_oplist_make(4, RK_BENCH_QUICK, &l, &e) != RK_OK) fail_msg("%s", e.text);
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

/* Opens the proxy to flip something in the smaller op that errors are of. */
static rk_listed flip_smaller(const char *how, rk_sample *small)
{
    rk_listed x = first();
    char flip[80];
    assert_true(rk_op_shrink(&x.op, 300000, small));
    snprintf(flip, sizeof flip, "%s:%lld:%s", rk_op_kind(&x.op.op),
             (long long)rk_tensor_count(&small->out[0]), how);
    open_proxy("proxy.flip", flip);
    return x;
}

/* A high bit, in the smaller op that errors are of. */
static void test_large_error(void **state)
{
    rk_sample small;
    (void)state;
    rk_listed x = flip_smaller("1:high", &small);
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

/* A second run of an exact kernel must give the same bits. */
static void test_differs(void **state)
{
    rk_sample small;
    (void)state;
    rk_listed x = flip_smaller("2:once", &small);
    bench_run(&b, rk_bench_ops);
    int support = bench_find(&b, "support", x.subject, "exact", "support");
    assert_true(support >= 0);
    assert_true(b.v[support].spread.median == 3);
    assert_non_null(strstr(b.v[support].text, "a second run gave other bits"));
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

/* The first op by itself, on the proxy that is open, and what is found of it. */
typedef struct attempt {
    rk_listed x;
    rk_ops all;
    rk_trial t;
    rk_result out;
} attempt;

static void open_attempt(attempt *a, bool exact)
{
    rk_error e = rk_error_new();
    a->x = first();
    assert_int_equal(rk_ops_open(&b.c, &a->all, &e), RK_OK);
    assert_int_equal(rk_trial_op(&a->all.d, &a->x.op, exact, NULL, &a->t, &e), RK_OK);
}

static void close_attempt(attempt *a)
{
    rk_trial_free(&a->t);
    rk_ops_close(&a->all);
    bench_close(&b);
}

/* Errors that could not be found because the kernel failed. */
static void test_fast_fails(void **state)
{
    attempt a;
    rk_error e = rk_error_new();
    (void)state;
    open_proxy("proxy.fail", "launch:1");
    assert_int_equal(rk_hub_option(b.hub, "proxy.tier", "asked", &e), RK_OK);
    open_attempt(&a, false);
    assert_int_equal(rk_fill(&a.t, &a.x.op, 1, &e), RK_OK);
    assert_int_equal(rk_result_find(&a.all, &a.x, &a.t, false, &a.out, &e), RK_OK);
    assert_non_null(strstr(a.out.wrong, "proxy: launch"));
    assert_true(a.out.known && a.out.equal);
    close_attempt(&a);
}

/* Finds a value of the first product; its number, or -1. */
static int find_product(const char *suite, const char *tier, const char *name)
{
    for (uint32_t i = 0; i < b.n; i++) {
        if (strncmp(b.v[i].subject, "matmul", 6) != 0) continue;
        return bench_find(&b, suite, b.v[i].subject, tier, name);
    }
    return -1;
}

static void open_broken(const char *which)
{
    rk_error e = rk_error_new();
    open_proxy("proxy.broken", which);
    assert_int_equal(rk_hub_option(b.hub, "proxy.tier", "asked", &e), RK_OK);
    b.options.seconds = 30;
}

/* A kernel of the fast tier that does not run is wrong, and the exact one is measured. */
static void test_broken_fast(void **state)
{
    (void)state;
    open_broken("fast");
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    int seconds = find_product("op", "exact", "seconds");
    int exact = find_product("support", "exact", "support");
    int fast = find_product("support", "fast", "support");
    assert_true(seconds >= 0 && exact >= 0 && fast >= 0);
    assert_int_equal(b.v[seconds].spread.n, b.options.repeats);
    assert_true(b.v[exact].spread.median == 0);
    assert_true(b.v[fast].spread.median == 3);
    assert_non_null(strstr(b.v[fast].text, "this choice fails"));
    assert_int_equal(find_product("support", "", "support"), -1);
    assert_int_equal(find_product("op", "fast", "seconds"), -1);
    bench_close(&b);
}

/* A library that does not run says nothing of any kernel. */
static void test_broken_library(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    open_broken("clblast");
    assert_int_equal(rk_hub_option(b.hub, "proxy.tier", "", &e), RK_OK);
    assert_int_equal(rk_hub_option(b.hub, "proxy.choices", "clblast", &e), RK_OK);
    bench_run(&b, rk_bench_ops);
    bench_check_vocabulary(&b);
    int seconds = find_product("op", "exact", "seconds");
    int exact = find_product("support", "exact", "support");
    assert_true(seconds >= 0 && exact >= 0);
    assert_int_equal(b.v[seconds].spread.n, b.options.repeats);
    assert_true(b.v[exact].spread.median == 0);
    assert_int_equal(find_product("support", "", "support"), -1);
    assert_int_equal(find_product("op", NULL, "vendor seconds"), -1);
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

/* Lack of memory says nothing of what a device supports. */
static void test_no_memory(void **state)
{
    rk_listed x = first();
    (void)state;
    setenv("PROXY_PIECE", "1000", 1);
    open_proxy("proxy.alias", "none");
    bench_run(&b, rk_bench_ops);
    unsetenv("PROXY_PIECE");
    bench_check_vocabulary(&b);
    int seconds = bench_find(&b, "op", x.subject, "exact", "seconds");
    assert_true(seconds >= 0);
    assert_int_equal(b.v[seconds].spread.n, 0);
    assert_non_null(strstr(b.v[seconds].text, "not measured: "));
    assert_true(bench_find(&b, "support", x.subject, NULL, "support") < 0);
    bench_close(&b);
}

/* The suite ends where values are not taken: no op is wrong for that. */
static rk_status full(void *ctx, const rk_bench_value *v, rk_error *e)
{
    (*(int *)ctx)++;
    return RK_FAIL(e, RK_E_IO, "no room for %s", v->name);
}

static void test_full(void **state)
{
    rk_error e = rk_error_new();
    int given = 0;
    const rk_bench_sink sink = {.ctx = &given, .value = full};
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.c.sink = &sink;
    assert_int_equal(rk_bench_ops(&b.c, &e), RK_E_IO);
    assert_int_equal(given, 1);
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

/* Whether it is lost while it is timed, or while it is judged. */
static void test_lost_device(void **state)
{
    attempt a;
    rk_error e = rk_error_new();
    (void)state;
    open_proxy("proxy.fail", "launch:1:lost");
    open_attempt(&a, true);
    assert_int_equal(rk_result_find(&a.all, &a.x, &a.t, true, &a.out, &e), RK_E_DEVICE);
    assert_true(a.all.d.lost);
    close_attempt(&a);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu),
                                       cmocka_unit_test(test_no_reference),
                                       cmocka_unit_test(test_wrong_bit),
                                       cmocka_unit_test(test_large_error),
                                       cmocka_unit_test(test_differs),
                                       cmocka_unit_test(test_fast),
                                       cmocka_unit_test(test_fast_fails),
                                       cmocka_unit_test(test_broken_fast),
                                       cmocka_unit_test(test_broken_library),
                                       cmocka_unit_test(test_refused_op),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_full),
                                       cmocka_unit_test(test_failing_launch),
                                       cmocka_unit_test(test_lost_device),
                                       cmocka_unit_test(test_stop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
