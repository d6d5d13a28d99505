/* Numbers over processes, efficiencies and the metric of portability: computed by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bench/portability.h"

#define NEAR(a, b) near_at((a), (b), __LINE__)

enum { VALUES_MAX = 64 };

static void near_at(double got, double want, int line)
{
    if (!(fabs(got - want) < 1e-12 * (fabs(want) + 1)))
        fail_msg("line %d: %.17g instead of %.17g", line, got, want);
}

/* A bench that grows in the order in which values are stored. */
typedef struct rig {
    rk_bench_value value[VALUES_MAX];
    rk_bench_device device[3];
    rk_bench bench;
} rig;

static void begin(rig *r, const char *host, const char *status)
{
    *r = (rig){.bench = {.record = {.host = host, .status = status}}};
    r->bench.value = r->value;
    r->bench.device = r->device;
}

static void device(rig *r, const char *spec, const char *name, const char *driver)
{
    uint32_t i = r->bench.n_device++;
    r->device[i] = (rk_bench_device){.device = i + 1, .spec = spec, .name = name, .driver = driver};
}

/* n numbers of one process of the last device. */
static rk_bench_value *spread(rig *r, int64_t process, const char *suite, const char *subject,
                              const char *tier, const char *name, const double *x, int64_t n)
{
    double copy[8];
    assert_true(r->bench.n_value < VALUES_MAX);
    for (int64_t i = 0; i < n; i++) copy[i] = x[i];
    rk_bench_value *v = &r->value[r->bench.n_value++];
    *v = (rk_bench_value){.device = r->bench.n_device,
                          .process = process,
                          .suite = suite,
                          .subject = subject,
                          .tier = tier,
                          .name = name,
                          .unit = "s",
                          .text = n ? "a kernel" : "no time left",
                          .spread = rk_spread_of(copy, n)};
    return v;
}

static void one(rig *r, const char *suite, const char *subject, const char *tier, const char *name,
                double x)
{
    spread(r, 1, suite, subject, tier, name, &x, 1);
}

static void roofs(rig *r, double fma, double triad)
{
    one(r, "roofline", "", "", "fma", fma);
    one(r, "roofline", "", "", "triad", triad);
    one(r, "roofline", "width 8", "", "fma", fma / 2);
}

/* ---- over processes -------------------------------------------------------------------------- */

static void test_over_processes(void **state)
{
    rig r;
    rk_aggregate a;
    (void)state;
    begin(&r, "h", "done");
    device(&r, "cpu:0", "A", "1");
    spread(&r, 0, "op", "x", "exact", "seconds", NULL, 0);
    spread(&r, 1, "op", "x", "exact", "seconds", (const double[]){1, 2, 6}, 3);
    spread(&r, 2, "op", "x", "exact", "seconds", (const double[]){4, 4}, 2);
    spread(&r, 3, "op", "x", "exact", "seconds", NULL, 0);
    spread(&r, 4, "op", "x", "exact", "seconds", (const double[]){7}, 1);
    one(&r, "op", "x", "fast", "seconds", 100);
    assert_true(rk_aggregate_find(&r.bench, 1, "op", "x", "exact", "seconds", 0, &a));
    assert_int_equal(a.processes, 3);
    assert_int_equal(a.n, 6);
    NEAR(a.median, 4); /* of 2, 4, 7 */
    NEAR(a.q1, 4);     /* of 1.5, 4, 7 */
    NEAR(a.q3, 4);     /* of 4, 4, 7 */
    NEAR(a.mean, 4);   /* of 1, 2, 6, 4, 4, 7 */
    NEAR(a.sd, sqrt(26.0 / 5));
    NEAR(a.least, 1);
    NEAR(a.most, 7);
    NEAR(a.within, (sqrt(7) / 3 + 0) / 2);
    NEAR(a.between, sqrt(19.0 / 3) / (13.0 / 3));
    assert_string_equal(a.text, "a kernel");
}

static void test_not_measured(void **state)
{
    rig r;
    rk_aggregate a;
    (void)state;
    begin(&r, "h", "done");
    device(&r, "cpu:0", "A", "1");
    spread(&r, 1, "op", "x", "exact", "seconds", NULL, 0);
    assert_true(rk_aggregate_find(&r.bench, 1, "op", "x", "exact", "seconds", 0, &a));
    assert_true(a.n == 0 && a.processes == 0 && isnan(a.median) && isnan(a.between));
    assert_string_equal(a.text, "no time left");
    for (int64_t d = 0; d < 3; d += 2)
        assert_false(rk_aggregate_find(&r.bench, d, "op", "x", "exact", "seconds", 0, &a));
    assert_false(rk_aggregate_find(&r.bench, 1, "op", "x", "exact", "seconds", 1, &a));
    assert_string_equal(a.text, "");
    assert_true(isnan(rk_aggregate_median(&r.bench, 1, "op", "y", "exact", "seconds")));
}

/* ---- means ----------------------------------------------------------------------------------- */

static void test_metric(void **state)
{
    (void)state;
    rk_metric m = rk_metric_of((const double[]){1, 0.5, 0.25}, 3);
    NEAR(m.full, 3.0 / 7);
    NEAR(m.supported, 3.0 / 7);
    NEAR(m.mean, 7.0 / 12);
    assert_int_equal(m.platforms, 3);
    m = rk_metric_of((const double[]){1, 0, 0.25}, 3);
    NEAR(m.full, 0);
    NEAR(m.supported, 0.4);
    NEAR(m.mean, 0.625);
    assert_int_equal(m.platforms, 2);
    m = rk_metric_of((const double[]){0, 0}, 2);
    NEAR(m.full, 0);
    assert_true(isnan(m.supported) && isnan(m.mean) && m.platforms == 0);
    m = rk_metric_of((const double[]){1, NAN}, 2);
    assert_true(isnan(m.full) && isnan(m.supported) && m.platforms == 2);
    m = rk_metric_of((const double[]){0, NAN}, 2);
    NEAR(m.full, 0);
}

static void test_cascade(void **state)
{
    rk_cascade_step s[4];
    (void)state;
    rk_cascade_of((const double[]){0.25, 1, 0, 0.5}, 4, s);
    static const uint32_t platforms[] = {1, 3, 0, 2};
    static const double metrics[] = {1, 2.0 / 3, 3.0 / 7, 0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(s[i].platform, platforms[i]);
        NEAR(s[i].metric, metrics[i]);
    }
    rk_cascade_of((const double[]){0.5, 0.5, 0.5}, 3, s);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(s[i].platform, i);
}

/* ---- from a bench ---------------------------------------------------------------------------- */

/* Two devices.  conv: 100 FLOP and 10 B; fma 1000 and 200 FLOP/s, triad 50 and 40 B/s: the least
 * times are 0.2 s (bytes), and 0.5 s (flop). */
static void fill(rig *r)
{
    begin(r, "h", "done");
    device(r, "cpu:0", "A", "1");
    one(r, "numerics", "conv", "exact", "equal", 1);
    one(r, "op", "conv", "exact", "bytes", 10);
    one(r, "op", "conv", "exact", "flop", 100);
    one(r, "op", "conv", "exact", "seconds", 0.8);
    one(r, "op", "conv", "exact", "vendor seconds", 0.25);
    one(r, "op", "conv", "fast", "seconds", 0.4);
    one(r, "op", "copy", "exact", "bytes", 100);
    one(r, "op", "copy", "exact", "flop", 0);
    one(r, "op", "copy", "exact", "seconds", 1);
    roofs(r, 1000, 50);
    device(r, "opencl:0.0", "B", "1");
    one(r, "numerics", "conv", "exact", "equal", 1);
    one(r, "op", "conv", "exact", "seconds", 2);
    one(r, "op", "conv", "fast", "seconds", 1);
    roofs(r, 200, 40);
}

static void test_efficiencies(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    fill(&r);
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    assert_int_equal(p.n_platforms, 2);
    assert_int_equal(p.n_problems, 2);
    assert_int_equal(p.problem[0].tried, 2);
    assert_int_equal(p.problem[1].tried, 1);
    static const double times[RK_APPS][2] = {{0.8, 2}, {0.4, 1}, {0.25, NAN}};
    static const double app[RK_APPS][2] = {{0.3125, 0.5}, {0.625, 1}, {1, 0}};
    static const double arch[RK_APPS][2] = {{0.25, 0.25}, {0.5, 0.5}, {0.8, 0}};
    for (rk_application a = 0; a < RK_APPS; a++)
        for (uint32_t i = 0; i < 2; i++) {
            const rk_merit *m = rk_portability_merit(&p, 0, a, i);
            if (isfinite(times[a][i])) NEAR(m->seconds, times[a][i]);
            assert_int_equal(m->state, isfinite(times[a][i]) ? RK_RAN : RK_NOT_TRIED);
            NEAR(m->efficiency[RK_EFF_APPLICATION], app[a][i]);
            NEAR(m->efficiency[RK_EFF_ARCHITECTURAL], arch[a][i]);
        }
    NEAR(rk_portability_metric(&p, 0, RK_APP_EXACT, RK_EFF_APPLICATION).full, 2 / (3.2 + 2));
    rk_metric vendor = rk_portability_metric(&p, 0, RK_APP_VENDOR, RK_EFF_ARCHITECTURAL);
    assert_true(vendor.full <= 0 && vendor.platforms == 1);
    NEAR(vendor.supported, 0.8);
    rk_portability_free(&p);
}

/* Faster than triad: held at 1, and told. */
static void test_above_the_roof(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    fill(&r);
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    const rk_merit *m = rk_portability_merit(&p, 1, RK_APP_EXACT, 0);
    NEAR(m->roof, 2);
    NEAR(m->efficiency[RK_EFF_ARCHITECTURAL], 1);
    NEAR(rk_portability_merit(&p, 1, RK_APP_EXACT, 1)->efficiency[0], 0);
    rk_portability_free(&p);
}

/* Over problems that were tried on every platform: conv alone, of two.  Both together: 0.25
 * in 0.8 s and 1 in 1 s. */
static void test_overall(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    fill(&r);
    one(&r, "step", "mlp", "exact", "seconds", 3); /* of the second device */
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    NEAR(rk_portability_overall(&p, "op", RK_APP_EXACT, 0, RK_EFF_APPLICATION), 0.3125);
    assert_true(isnan(rk_portability_overall(&p, "step", RK_APP_EXACT, 1, RK_EFF_APPLICATION)));
    assert_true(rk_portability_has(&p, "step", RK_APP_EXACT));
    assert_false(rk_portability_has(&p, "step", RK_APP_FAST));
    assert_true(rk_portability_has(&p, NULL, RK_APP_VENDOR));
    rk_portability_free(&p);
    r.bench.n_device = 1; /* the first alone */
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    NEAR(rk_portability_overall(&p, "op", RK_APP_EXACT, 0, RK_EFF_ARCHITECTURAL), 2.0 / 3);
    NEAR(rk_portability_overall(&p, "op", RK_APP_FAST, 0, RK_EFF_ARCHITECTURAL), 0.5);
    rk_portability_free(&p);
    r.bench.n_device = 2; /* the second has no library: nothing of what the first one's did */
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    NEAR(rk_portability_overall(&p, "op", RK_APP_VENDOR, 0, RK_EFF_ARCHITECTURAL), 0.8);
    NEAR(rk_portability_overall(&p, "op", RK_APP_VENDOR, 1, RK_EFF_ARCHITECTURAL), 0);
    rk_portability_free(&p);
}

/* A time for wrong numbers counts for nothing. */
static void test_wrong(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    for (int how = 0; how < 3; how++) {
        begin(&r, "h", "done");
        device(&r, "cpu:0", "A", "1");
        if (how == 0) one(&r, "numerics", "conv 3x3", "exact", "equal", 0);
        one(&r, "op", "conv 3x3", "exact", "seconds", 0.1);
        one(&r, "op", "conv 3x3", "fast", "seconds", 0.4);
        one(&r, "op", how == 2 ? "conv 3x3 nt" : "convolve", "exact", "seconds", 0.4);
        if (how == 1) one(&r, "support", "conv", "exact", "support", 3);
        if (how == 2) one(&r, "support", "conv 3x3", "", "support", 3);
        assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
        const rk_merit *m = rk_portability_merit(&p, 0, RK_APP_EXACT, 0);
        assert_int_equal(m->state, RK_WRONG);
        NEAR(m->seconds, 0.1);
        assert_true(m->efficiency[0] <= 0 && m->efficiency[1] <= 0);
        m = rk_portability_merit(&p, 0, RK_APP_FAST, 0);
        assert_int_equal(m->state, how == 2 ? RK_WRONG : RK_RAN);
        if (how < 2) NEAR(m->efficiency[0], 1);
        assert_int_equal(rk_portability_merit(&p, 1, RK_APP_EXACT, 0)->state, RK_RAN);
        rk_portability_free(&p);
    }
}

/* The best of what a vendor's library did; what rethink's kernels do is nothing of its. */
static void test_vendor(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    begin(&r, "h", "done");
    device(&r, "cpu:0", "A", "1");
    one(&r, "op", "conv", "exact", "seconds", 0.1);
    one(&r, "op", "conv", "exact", "vendor seconds", 0.5);
    one(&r, "op", "conv", "fast", "vendor seconds", 0.6);
    one(&r, "support", "conv", "", "support", 3);
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    const rk_merit *m = rk_portability_merit(&p, 0, RK_APP_VENDOR, 0);
    assert_int_equal(m->state, RK_RAN);
    NEAR(m->seconds, 0.5);
    NEAR(m->efficiency[RK_EFF_APPLICATION], 1);
    rk_portability_free(&p);
}

static void test_unsupported(void **state)
{
    rig r;
    rk_portability p;
    const rk_bench *b = &r.bench;
    (void)state;
    begin(&r, "h", "done");
    device(&r, "cpu:0", "A", "1");
    spread(&r, 1, "op", "conv 3x3", "exact", "seconds", NULL, 0);
    spread(&r, 1, "op", "window", "exact", "seconds", NULL, 0);
    one(&r, "support", "conv", "", "support", 2);
    assert_int_equal(rk_portability_make(&b, 1, &p, NULL), RK_OK);
    assert_int_equal(rk_portability_merit(&p, 0, RK_APP_EXACT, 0)->state, RK_UNSUPPORTED);
    assert_int_equal(rk_portability_merit(&p, 1, RK_APP_EXACT, 0)->state, RK_NOT_TRIED);
    assert_string_equal(rk_portability_merit(&p, 1, RK_APP_EXACT, 0)->text, "no time left");
    assert_int_equal(p.problem[0].tried, 1);
    assert_int_equal(p.problem[1].tried, 0);
    rk_portability_free(&p);
}

/* ---- platforms ------------------------------------------------------------------------------- */

static void test_platforms(void **state)
{
    static const char *const hosts[] = {"h", "h", "g", "h"};
    static const char *const status[] = {"done", "done", "done", "stopped"};
    rig r[4];
    const rk_bench *b[4];
    rk_portability p;
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(&r[i], hosts[i], status[i]);
        device(&r[i], "cpu:0", "A", "1");
        one(&r[i], "op", "x", "exact", "seconds", i + 1);
        b[i] = &r[i].bench;
    }
    assert_int_equal(rk_portability_make(b, 2, &p, NULL), RK_OK);
    assert_int_equal(p.n_platforms, 1);
    assert_string_equal(p.platform[0].name, "A (cpu:0) at h");
    assert_string_equal(p.platform[0].label, "A (cpu:0)");
    NEAR(rk_portability_merit(&p, 0, RK_APP_EXACT, 0)->seconds, 2);
    rk_portability_free(&p);
    assert_int_equal(rk_portability_make(b, 4, &p, NULL), RK_OK);
    assert_int_equal(p.n_platforms, 2);
    assert_string_equal(p.platform[1].label, "A (cpu:0) at g");
    NEAR(rk_portability_merit(&p, 0, RK_APP_EXACT, 0)->seconds, 2); /* not of the stopped one */
    rk_portability_free(&p);
    one(&r[0], "roofline", "", "", "fma", 1); /* what has more suites goes before what is later */
    assert_int_equal(rk_portability_make(b, 2, &p, NULL), RK_OK);
    NEAR(rk_portability_merit(&p, 0, RK_APP_EXACT, 0)->seconds, 1);
    rk_portability_free(&p);
    r[1].device[0].driver = "2";
    r[0].device[0].threads = r[3].device[0].threads = 4;
    r[3].bench.record.status = "done";
    assert_int_equal(rk_portability_make(b, 4, &p, NULL), RK_OK);
    assert_int_equal(p.n_platforms, 3);
    assert_string_equal(p.platform[0].name, "A (cpu:0) at h, 1");
    assert_string_equal(p.platform[1].name, "A (cpu:0) at h, 2");
    rk_portability_free(&p);
    r[1].device[0].driver = "1";
    assert_int_equal(rk_portability_make(b, 2, &p, NULL), RK_OK);
    assert_string_equal(p.platform[0].label, "A (cpu:0), 1, 4 threads");
    rk_portability_free(&p);
}

static void test_nothing(void **state)
{
    rk_bench empty = {.record = {.host = "h", .status = "done"}};
    const rk_bench *b = &empty;
    rk_portability p;
    (void)state;
    for (uint32_t n = 0; n < 2; n++) {
        assert_int_equal(rk_portability_make(&b, n, &p, NULL), RK_OK);
        assert_true(p.n_platforms == 0 && p.n_problems == 0);
        rk_portability_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_processes), cmocka_unit_test(test_not_measured),
        cmocka_unit_test(test_metric),         cmocka_unit_test(test_cascade),
        cmocka_unit_test(test_efficiencies),   cmocka_unit_test(test_above_the_roof),
        cmocka_unit_test(test_overall),        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_vendor),         cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_platforms),      cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
