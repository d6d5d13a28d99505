/* Two benches: Student's t against tables, what intervals promise against made-up benches, and
 * which numbers are compared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "bench/versus.h"

#define PI 3.14159265358979323846

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        fail_msg("%.15g instead of %.15g", got, want);
}

/* ---- Student's t ----------------------------------------------------------------------------- */

/* Closed forms for 1, 2 and 4 degrees of freedom; else the tables of any textbook. */
static void test_student(void **state)
{
    static const struct {
        double p;
        uint32_t degrees;
        double t;
    } known[] = {
        {0.95, 1, 12.706204736432095}, {0.95, 2, 4.302652729911275},  {0.95, 3, 3.182446305284263},
        {0.95, 4, 2.776445105198055},  {0.95, 5, 2.570581835636314},  {0.95, 9, 2.262157162798205},
        {0.95, 10, 2.228138851964939}, {0.95, 30, 2.042272456301238}, {0.99, 1, 63.65674116287158},
        {0.99, 4, 4.604094871349993},  {0.5, 2, 0.816496580927726},   {0.5, 1, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        near(rk_student_t(known[i].p, known[i].degrees), known[i].t, 1e-9);
        near(rk_student_within(known[i].t, known[i].degrees), known[i].p, 1e-9);
    }
    for (double t = 0.1; t < 100; t *= 1.7) {
        double x = 1 + t * t / 4;
        near(rk_student_within(t, 1), 2 / PI * atan(t), 1e-12);
        near(rk_student_within(t, 2), t / sqrt(2 + t * t), 1e-12);
        near(rk_student_within(t, 4), t / 2 / sqrt(x) * (1 + 1 / (2 * x)), 1e-12);
    }
    near(rk_student_t(0.95, 10000), 1.9602012, 1e-6); /* the normal distribution's is 1.95996 */
    assert_true(rk_student_t(0, 3) < 1e-12);
    assert_true(isnan(rk_student_t(0.95, 0)) && isnan(rk_student_t(1, 3)));
}

/* ---- intervals ------------------------------------------------------------------------------- */

static void test_ratio(void **state)
{
    const double x[] = {exp(1.0), exp(1.2), exp(1.4)}, y[] = {exp(1.5), exp(1.7)};
    rk_logs a = rk_logs_of(x, 3), b = rk_logs_of(y, 2);
    (void)state;
    near(a.mean, 1.2, 1e-12);
    near(a.sd, 0.2, 1e-12);
    near(b.sd, sqrt(0.02), 1e-12);
    rk_ratio r = rk_ratio_of(&a, &b);
    /* Sums of squares 0.08 and 0.02 of 3 degrees of freedom. */
    double half = 3.182446305284263 * sqrt(0.1 / 3 * (1.0 / 3 + 1.0 / 2));
    near(r.ratio, exp(0.4), 1e-12);
    near(r.low, exp(0.4 - half), 1e-9);
    near(r.high, exp(0.4 + half), 1e-9);
    assert_false(r.differs);
    near(rk_logs_reach(&a), exp(4.302652729911275 * 0.2 * sqrt(2.0 / 3)) - 1, 1e-9);
    /* Of one number each there is no variation to know. */
    rk_logs one = rk_logs_of(x, 1);
    r = rk_ratio_of(&one, &one);
    assert_true(r.ratio == 1 && isnan(r.low) && !r.differs && isnan(rk_logs_reach(&one)));
    assert_int_equal(rk_logs_of((const double[]){1, 0}, 2).n, 0);
    assert_int_equal(rk_logs_of_moments(1, NAN, 1).n, 0);
    /* What a lognormal distribution of these logarithms has as mean and deviation. */
    double mean = exp(1.2 + 0.02), sd = mean * sqrt(exp(0.04) - 1);
    rk_logs of = rk_logs_of_moments(mean, sd, 5);
    near(of.mean, 1.2, 1e-12);
    near(of.sd, 0.2, 1e-12);
}

static double uniform(uint64_t *s)
{
    *s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(*s >> 11) + 0.5) / 9007199254740992.0;
}

static rk_logs draw(uint64_t *s, double median, double spread, uint32_t n)
{
    double x[8];
    for (uint32_t i = 0; i < n; i++)
        x[i] = median * exp(spread * sqrt(-2 * log(uniform(s))) * cos(2 * PI * uniform(s)));
    return rk_logs_of(x, n);
}

/* Where nothing changed, 95 % agree, however many processes there were and however far they spread;
 * and the other bench is within reach of one.  10,000 of a thing that happens 1 in 20 times: the
 * deviation is 22. */
static void test_null(void **state)
{
    enum { PAIRS = 10000 };
    uint64_t s = 1;
    (void)state;
    for (uint32_t n = 2; n <= 5; n++) {
        int differ = 0, beyond = 0;
        for (int i = 0; i < PAIRS; i++) {
            double spread = 0.005 * (1 + i % 20);
            rk_logs a = draw(&s, 3, spread, n), b = draw(&s, 3, spread, n);
            differ += rk_ratio_of(&a, &b).differs;
            beyond += fabs(b.mean - a.mean) > log1p(rk_logs_reach(&a));
        }
        assert_in_range(differ, PAIRS / 20 - 85, PAIRS / 20 + 85);
        assert_in_range(beyond, PAIRS / 20 - 85, PAIRS / 20 + 85);
    }
}

/* 20 % slower with a spread of 3 % is found in three processes. */
static void test_slowdown(void **state)
{
    int found = 0;
    uint64_t s = 2;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        rk_logs a = draw(&s, 1, 0.03, 3), b = draw(&s, 1.2, 0.03, 3);
        rk_ratio r = rk_ratio_of(&a, &b);
        found += r.differs && r.low > 1;
    }
    assert_true(found >= 970);
}

/* ---- benches --------------------------------------------------------------------------------- */

enum { VALUES_MAX = 64 };

typedef struct rig {
    rk_bench_value value[VALUES_MAX];
    rk_bench_device device[2];
    rk_bench bench;
} rig;

static void begin(rig *r, int64_t id, const char *first, const char *second)
{
    *r = (rig){.bench = {.record = {.id = id}}};
    r->device[0] = (rk_bench_device){.device = 1, .spec = first};
    r->device[1] = (rk_bench_device){.device = 2, .spec = second};
    r->bench.device = r->device;
    r->bench.value = r->value;
    r->bench.n_device = second ? 2 : 1;
}

/* Values come in their order: device, suite, subject, tier, name.  A process each. */
static void add(rig *r, int64_t device, const char *const keys[4], const char *unit,
                const double *x, uint32_t n, const char *text)
{
    for (uint32_t i = 0; i < (n ? n : 1); i++) {
        double one = n ? x[i] : 0;
        assert_true(r->bench.n_value < VALUES_MAX);
        r->value[r->bench.n_value++] = (rk_bench_value){.device = device,
                                                        .process = i + 1,
                                                        .suite = keys[0],
                                                        .subject = keys[1],
                                                        .tier = keys[2],
                                                        .name = keys[3],
                                                        .unit = unit,
                                                        .text = text,
                                                        .spread = rk_spread_of(&one, n ? 1 : 0)};
    }
}

#define KEYS(...) ((const char *const[4]){__VA_ARGS__})

/* Times speed: a rate grows and a time shrinks with it. */
static void fill(rig *r, int64_t device, double speed, bool second)
{
    const double rate[] = {speed, 1.01 * speed, 1.02 * speed};
    const double time[] = {1 / speed, 1.01 / speed, 1.02 / speed};
    const double equal = second ? 0 : 1, ok = second ? 2 : 0, one = 1;
    add(r, device, KEYS("numerics", "conv", "exact", "equal"), "", &equal, 1, "00");
    add(r, device, KEYS("numerics", "matmul", "exact", "equal"), "", &one, 1, second ? "01" : "02");
    add(r, device, KEYS("numerics", "matmul", "fast", "equal"), "", &one, 1, "03");
    add(r, device, KEYS("op", "conv", "exact", "seconds"), "s", time, 1, "a kernel");
    add(r, device, KEYS("op", "matmul", "exact", "flop"), "FLOP", time, 3, "");
    add(r, device, KEYS("op", "matmul", "exact", "seconds"), "s", time, 3, "a kernel");
    add(r, device, KEYS("op", "matmul", "exact", "vendor seconds"), "s", time, second ? 0 : 3, "-");
    if (second) add(r, device, KEYS("op", "put", "exact", "seconds"), "s", time, 3, "a kernel");
    add(r, device, KEYS("roofline", "", "", "triad"), "B/s", rate, 3, "arrays");
    add(r, device, KEYS("roofline", "arrays", "", "triad"), "B/s", rate, 3, "");
    add(r, device, KEYS("step", "mlp", "exact", "gap seconds"), "s", time, 3, "");
    add(r, device, KEYS("step", "mlp", "exact", "plan warm"), "s", time, 3, "");
    add(r, device, KEYS("step", "mlp", "exact", "seconds"), "s", time, 3, "");
    add(r, device, KEYS("support", "conv", "", "support"), "", &ok, 1, "why");
}

static const rk_versus_number *find(const rk_versus_device *d, const char *subject,
                                    const char *name)
{
    for (uint32_t i = 0; i < d->n; i++)
        if (!strcmp(d->number[i].key->subject, subject) && !strcmp(d->number[i].key->name, name))
            return &d->number[i];
    fail_msg("no number %s of '%s'", name, subject);
    return NULL;
}

static void test_benches(void **state)
{
    static rig a, b;
    static const char *const names[] = {"triad", "seconds", "seconds", "plan warm"};
    static const char *const subjects[] = {"", "matmul", "mlp", "mlp"};
    rk_error e = rk_error_new();
    rk_versus v;
    (void)state;
    begin(&a, 3, "cpu:0", "gpu:0");
    begin(&b, 4, "gpu:0", NULL);
    fill(&a, 2, 1, false);
    fill(&b, 1, 1.2, true);
    assert_int_equal(rk_versus_make(&a.bench, &b.bench, &v, &e), RK_OK);
    assert_int_equal(v.n, 1);
    const rk_versus_device *d = v.device;
    assert_string_equal(d->a->spec, "gpu:0");
    assert_int_equal(d->a->device, 2);
    assert_int_equal(d->b->device, 1);
    /* Time or rate: the second is 1.2 times as fast. */
    for (int i = 0; i < 4; i++) {
        const rk_versus_number *x = find(d, subjects[i], names[i]);
        assert_null(x->why);
        near(x->speed.ratio, 1.2, 1e-9);
        assert_true(x->speed.differs && x->speed.low > 1.1 && x->speed.high < 1.3);
    }
    assert_int_equal(d->n, 7);
    assert_string_equal(find(d, "matmul", "seconds")->by_b, "a kernel");
    assert_string_equal(find(d, "put", "seconds")->by_a, "");
    assert_int_equal(d->compared, 4);
    assert_int_equal(d->agree, 0);
    assert_string_equal(find(d, "conv", "seconds")->why, "of one process only");
    assert_string_equal(find(d, "matmul", "vendor seconds")->why, "measured in A only");
    assert_string_equal(find(d, "put", "seconds")->why, "measured in B only");
    assert_int_equal(d->n_bits, 2);
    assert_string_equal(d->bits[0].a->subject, "conv");
    assert_string_equal(d->bits[1].b->text, "01");
    assert_int_equal(d->n_support, 1);
    assert_true(d->support[0].b->spread.median == 2);
    rk_versus_free(&v);
    /* With itself all agrees, and nothing changed. */
    assert_int_equal(rk_versus_make(&a.bench, &a.bench, &v, &e), RK_OK);
    assert_int_equal(v.n, 2);
    assert_int_equal(v.compared, 5);
    assert_int_equal(v.agree, 5);
    assert_int_equal(v.device[1].n_bits + v.device[1].n_support, 0);
    rk_versus_free(&v);
}

static void test_no_device(void **state)
{
    static rig a, b;
    rk_error e = rk_error_new();
    rk_versus v;
    (void)state;
    begin(&a, 3, "cpu:0", NULL);
    begin(&b, 4, "gpu:0", NULL);
    assert_int_equal(rk_versus_make(&a.bench, &b.bench, &v, &e), RK_E_INVALID);
    assert_string_equal(e.text, "no device is in both bench 3 (cpu:0) and bench 4 (gpu:0)");
}

/* Over seeds, which one process trains with. */
static void test_memorize(void **state)
{
    static rig a, b;
    rk_error e = rk_error_new();
    rk_versus v;
    (void)state;
    for (int i = 0; i < 2; i++) {
        rig *r = i ? &b : &a;
        double seeds[] = {1, 1.2, 0.9, 1.1, 1}, one = 1;
        begin(r, i + 1, "cpu:0", NULL);
        add(r, 1, KEYS("memorize", "mlp", "exact", "epochs"), "", &one, 1, "");
        add(r, 1, KEYS("memorize", "mlp", "exact", "seconds"), "s", &one, 1, "");
        add(r, 1, KEYS("memorize", "mlp", "fast", "seconds"), "s", &one, 1, "");
        for (int k = 0; k < 5; k++) seeds[k] *= i ? 2 : 1;
        r->value[1].spread = rk_spread_of(seeds, 5);
    }
    assert_int_equal(rk_versus_make(&a.bench, &b.bench, &v, &e), RK_OK);
    assert_int_equal(v.device->n, 2);
    assert_int_equal(v.compared, 1);
    near(v.device->number[0].speed.ratio, 0.5, 1e-9);
    assert_true(v.device->number[0].speed.differs);
    assert_int_equal(v.device->number[0].a.n, 5);
    assert_string_equal(v.device->number[1].why, "of one seed only");
    rk_versus_free(&v);
}

/* The median over numbers, of those alone that several processes measured. */
static void test_reach(void **state)
{
    static rig a;
    double scratch[VALUES_MAX];
    const double x[] = {1, 1.01, 1.02};
    (void)state;
    begin(&a, 1, "cpu:0", NULL);
    fill(&a, 1, 1, false);
    rk_logs l = rk_logs_of(x, 3);
    rk_spread s = rk_versus_reach(&a.bench, 1, scratch);
    assert_int_equal(s.n, 5);
    near(s.median, rk_logs_reach(&l), 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_student),   cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_null),      cmocka_unit_test(test_slowdown),
        cmocka_unit_test(test_benches),   cmocka_unit_test(test_memorize),
        cmocka_unit_test(test_no_device), cmocka_unit_test(test_reach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
