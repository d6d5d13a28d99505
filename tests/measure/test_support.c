/* Which kinds a device computes: one that is right, and one that refuses, or is wrong. */
#include "bench_sink.h"
#include <stdlib.h>
#include <string.h>
#include "base/error.h"

static bench_values b;

enum { KINDS = 17 };

static void run_proxy(rk_bench_size size, const char *option, const char *value)
{
    rk_error e = rk_error_new();
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    b.options.seconds = 100;
    b.options.size = size;
    if (option) assert_int_equal(rk_hub_option(b.hub, option, value, &e), RK_OK);
    bench_run(&b, rk_bench_support);
    bench_check_vocabulary(&b);
    assert_int_equal(b.n, KINDS);
}

static void expect(const char *kind, int verdict, const char *said)
{
    int i = bench_find(&b, "support", kind, "", "support");
    if (i < 0) fail_msg("%s is missing", kind);
    if (b.v[i].spread.median != verdict || !strstr(b.v[i].text, said))
        fail_msg("%s: %g, %s", kind, b.v[i].spread.median, b.v[i].text);
}

/* All that are not named are ok. */
static void expect_others(const char *const *named, int n)
{
    int ok = 0;
    for (uint32_t i = 0; i < b.n; i++) {
        bool is_named = false;
        for (int k = 0; k < n; k++) is_named = is_named || !strcmp(b.v[i].subject, named[k]);
        if (!is_named && b.v[i].spread.median != 0) fail_msg("%s: %s", b.v[i].subject, b.v[i].text);
        ok += b.v[i].spread.median == 0;
    }
    assert_int_equal(ok, KINDS - n);
}

static void test_cpu(void **state)
{
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.options.seconds = 100;
    bench_run(&b, rk_bench_support);
    bench_check_vocabulary(&b);
    assert_int_equal(b.n, KINDS);
    expect_others(NULL, 0);
    expect("matmul", 0, "gemm");
    b.options.seconds = 0;
    bench_run(&b, rk_bench_support);
    bench_check_vocabulary(&b);
    assert_int_equal(b.n, KINDS);
    assert_int_equal(b.v[0].spread.n, 1);
    assert_int_equal(b.v[KINDS - 1].spread.n, 0);
    b.options.process = 2;
    bench_run(&b, rk_bench_support);
    assert_int_equal(b.n, 0);
    bench_close(&b);
}

static void test_refused(void **state)
{
    static const char *const named[] = {"conv y", "conv dx", "conv dw", "take"};
    (void)state;
    run_proxy(RK_BENCH_QUICK, "proxy.refuse", "conv,take");
    for (int i = 0; i < 4; i++) expect(named[i], 2, "refused, as it was told to");
    expect_others(named, 4);
    bench_close(&b);
}

static void test_refused_programs(void **state)
{
    static const char *const named[] = {"matmul",     "conv y",         "conv dx",   "conv dw",
                                        "window sum", "window adjoint", "reduce sum"};
    (void)state;
    for (int size = RK_BENCH_QUICK; size <= RK_BENCH_NORMAL; size++) {
        run_proxy((rk_bench_size)size, "proxy.refuse", "epilogue,prologue");
        for (int i = 0; i < 7; i++) expect(named[i], 1, "with a program: proxy: refused");
        expect_others(named, 7);
        bench_close(&b);
    }
}

/* 33 x 47 results of a product. */
static void test_wrong(void **state)
{
    static const char *const named[] = {"matmul"};
    (void)state;
    for (int size = RK_BENCH_QUICK; size <= RK_BENCH_NORMAL; size++) {
        run_proxy((rk_bench_size)size, "proxy.flip", "matmul:1551:1");
        expect("matmul", 3, "element 7 ");
        expect_others(named, 1);
        bench_close(&b);
    }
}

/* Only what follows a product is wrong, and only when it runs again. */
static void test_wrong_program(void **state)
{
    static const char *const named[] = {"matmul"};
    (void)state;
    for (int size = RK_BENCH_QUICK; size <= RK_BENCH_NORMAL; size++) {
        run_proxy((rk_bench_size)size, "proxy.flip", "epilogue:1551:2");
        expect("matmul", 3, "with a program: ");
        expect_others(named, 1);
        bench_close(&b);
    }
}

static void test_fast_only(void **state)
{
    (void)state;
    run_proxy(RK_BENCH_NORMAL, "proxy.tier", "fast");
    for (uint32_t i = 0; i < b.n; i++) assert_true(b.v[i].spread.median == 3);
    expect("matmul", 3, "exact tier");
    bench_close(&b);
}

/* Lack of memory says nothing of what a device computes. */
static void test_no_memory(void **state)
{
    (void)state;
    setenv("PROXY_PIECE", "1000", 1);
    run_proxy(RK_BENCH_QUICK, NULL, NULL);
    unsetenv("PROXY_PIECE");
    for (uint32_t i = 0; i < b.n; i++) {
        if (b.v[i].spread.n) fail_msg("%s: %g", b.v[i].subject, b.v[i].spread.median);
        assert_non_null(strstr(b.v[i].text, "not measured: "));
    }
    bench_close(&b);
}

static void test_lost(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    assert_int_equal(rk_hub_option(b.hub, "proxy.fail", "launch:3:lost", &e), RK_OK);
    assert_int_equal(rk_bench_support(&b.c, &e), RK_E_DEVICE);
    assert_true(b.n <= 2);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_wrong),     cmocka_unit_test(test_refused_programs),
        cmocka_unit_test(test_lost),      cmocka_unit_test(test_wrong_program),
        cmocka_unit_test(test_fast_only), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
