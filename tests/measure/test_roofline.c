/* What a device reaches: every number of the vocabulary, or why there is none. */
#include "bench_sink.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "bench/runner.h"

static bench_values b;

static void one(const char *name)
{
    int i = bench_find(&b, "roofline", "", "", name);
    if (i < 0) fail_msg("'%s' is missing", name);
    assert_int_equal(b.v[i].spread.n, b.options.repeats);
    assert_true(b.v[i].spread.median > 0);
    assert_true(b.v[i].text[0] != '\0');
}

static void none(const char *name, const char *why)
{
    int i = bench_find(&b, "roofline", "", "", name);
    if (i < 0) fail_msg("'%s' is missing", name);
    assert_int_equal(b.v[i].spread.n, 0);
    if (!strstr(b.v[i].text, why)) fail_msg("'%s' does not say '%s'", b.v[i].text, why);
}

/* The best is one of the candidates, and the largest. */
static void check_best(const char *name)
{
    int best = bench_find(&b, "roofline", "", "", name);
    bool found = false;
    for (uint32_t i = 0; i < b.n; i++) {
        if (strcmp(b.v[i].name, name) || !b.v[i].subject[0]) continue;
        assert_true(b.v[i].spread.median <= b.v[best].spread.median);
        found = found || (!strcmp(b.v[i].subject, b.v[best].text) &&
                          b.v[i].spread.median == b.v[best].spread.median);
    }
    assert_true(found);
}

static void test_cpu(void **state)
{
    static const char *const all[] = {"fma",    "local",    "launch", "launch and wait",
                                      "upload", "download", "triad",  "product",
                                      "read"};
    static const char *const best[] = {"fma",     "local",  "triad",   "read",
                                       "product", "upload", "download"};
    (void)state;
    bench_open(&b, NULL, "cpu");
    bench_run(&b, rk_bench_roofline);
    bench_check_vocabulary(&b);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) one(all[i]);
    for (size_t i = 0; i < sizeof best / sizeof *best; i++) check_best(best[i]);
    none("upload pinned", "its memory is the host's");
    none("download pinned", "its memory is the host's");
    bench_close(&b);
}

/* What is measured as the speed of memory is no cache's. */
static void test_long_arrays(void **state)
{
    uint32_t n = 0;
    long mebibytes;
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.options.size = RK_BENCH_NORMAL;
    b.options.seconds = 4;
    bench_run(&b, rk_bench_roofline);
    for (uint32_t i = 0; i < b.n; i++) {
        if (strcmp(b.v[i].name, "triad") || !b.v[i].subject[0]) continue;
        assert_int_equal(sscanf(b.v[i].subject, "arrays of %ld MiB", &mebibytes), 1);
        assert_true(mebibytes >= 32);
        n++;
    }
    assert_true(n >= 1);
    bench_close(&b);
}

static void test_no_probes(void **state)
{
    (void)state;
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    b.options.seconds = 0.2;
    bench_run(&b, rk_bench_roofline);
    bench_check_vocabulary(&b);
    none("fma", "not measured: backend proxy has no probes");
    none("local", "not measured: backend proxy has no probes");
    none("read", "not measured: backend proxy has no probes");
    none("upload pinned", "not measured: backend proxy has no probes");
    one("triad");
    one("product");
    bench_close(&b);
}

/* Works for a millisecond each time, and remembers how long all times took. */
static rk_status work(void *ctx, uint32_t times, rk_error *e)
{
    double begun = rk_bench_now();
    (void)e;
    while (rk_bench_now() < begun + 1e-3 * times) {
    }
    *(double *)ctx = rk_bench_now() - begun;
    return RK_OK;
}

/* Seconds are those of one time. */
static void test_runner(void **state)
{
    enum { REPEATS = 5, TIMES = 16 };
    rk_error e = rk_error_new();
    double took = 0, once = 0, nearest = 1;
    rk_runner r = {.ctx = &took, .run = work, .times = TIMES};
    (void)state;
    for (int i = 0; i < REPEATS; i++) {
        assert_int_equal(rk_runners_time(&r, 1, 1, NULL, &e), RK_OK);
        assert_int_equal(r.n, 1);
        double more = r.seconds[0] * TIMES - took;
        assert_true(more > -1e-9);
        if (more < nearest) nearest = more;
        free(r.seconds);
    }
    assert_true(nearest < 0.05); /* of 16 ms at the least, 16 times as much if not shared out */
    assert_int_equal(rk_runner_pace(&r, 0.02, &once, &e), RK_OK);
    assert_true(once >= 1e-3);
    assert_true(r.times >= 1 && r.times <= 20);
}

static void test_stop(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, NULL, "cpu");
    b.options.seconds = 0.2;
    b.stop_after = 2;
    assert_int_equal(rk_bench_roofline(&b.c, &e), RK_E_STOPPED);
    bench_close(&b);
}

static void test_lost(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    b.options.seconds = 0.2;
    assert_int_equal(rk_hub_option(b.hub, "proxy.fail", "launch:2:lost", &e), RK_OK);
    assert_int_equal(rk_bench_roofline(&b.c, &e), RK_E_DEVICE);
    bench_close(&b);
}

/* A launch that fails is a number that is not there, with the reason. */
static void test_failing(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    bench_open(&b, getenv("RETHINK_TEST_PROXY"), "proxy");
    b.options.seconds = 0.2;
    assert_int_equal(rk_hub_option(b.hub, "proxy.fail", "launch:1", &e), RK_OK);
    bench_run(&b, rk_bench_roofline);
    none("launch", "not measured: proxy: launch");
    one("launch and wait");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu),       cmocka_unit_test(test_long_arrays),
        cmocka_unit_test(test_no_probes), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_runner),    cmocka_unit_test(test_lost),
        cmocka_unit_test(test_failing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
