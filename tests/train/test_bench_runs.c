/* Suites of a bench that train to an end, on the cpu backend: seeds one after the other, what is
 * said of those that do not fit, and distances between runs. */
#include "given.h"
#include "bench/distance.h"
#include "bench/give.h"
#include "bench/memorize.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- seeds ----------------------------------------------------------------------------------- */

static const rk_workload tiny = {.model = "mlp:hidden=32",
                                 .data = "synth16:n=60,test=10",
                                 .image = "60 of 16x16x1",
                                 .randomize = "labels:p=1",
                                 .batch = 20,
                                 .rate = 0.05,
                                 .epochs = 100};

static rk_memorized memorize(const given *g, rk_trainer *t, char digest[33])
{
    rk_error e = rk_error_new();
    rk_memorized m;
    must(rk_memorize(&g->c, t, tiny.epochs, &m, &e), &e);
    must(rk_trainer_digest(t, digest, &e), &e);
    return m;
}

/* A seed after another is what a trainer that was opened with it is. */
static void test_reseed(void **state)
{
    rk_error e = rk_error_new();
    rk_trainer *t, *fresh;
    char first[33], again[33], other[33];
    given g;
    given_open(&g, *state);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 5, &t, &e), &e);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 6, &fresh, &e), &e);
    rk_memorized a = memorize(&g, t, first);
    must(rk_trainer_reseed(t, 6, &e), &e);
    rk_memorized b = memorize(&g, t, again), want = memorize(&g, fresh, other);
    assert_true(a.fit && b.fit && a.seed == 5 && b.seed == 6);
    assert_int_equal(b.epochs, want.epochs);
    assert_string_equal(again, other);
    assert_string_not_equal(first, again);
    assert_string_equal(t->audit.label_digest, fresh->audit.label_digest);
    must(rk_trainer_reseed(t, 5, &e), &e);
    memorize(&g, t, again);
    assert_string_equal(again, first);
    rk_trainer_close(t);
    rk_trainer_close(fresh);
}

/* Random words of a step are of the seed, too. */
static void test_reseed_dropout(void **state)
{
    static const rk_workload dropout = {.model = "mlp:hidden=32,dropout=0.5",
                                        .data = "noise:n=40,test=10,size=6,classes=4",
                                        .batch = 20,
                                        .rate = 0.05};
    rk_error e = rk_error_new();
    rk_trainer *t[2];
    char digest[2][33];
    given g;
    given_open(&g, *state);
    for (int i = 0; i < 2; i++) {
        must(rk_workload_open(&g.c, &dropout, RK_NUMERICS_EXACT, 7 + (uint64_t)i, &t[i], &e), &e);
        must(rk_trainer_begin(t[i], 0, &e), &e);
        must(rk_trainer_step(t[i], 0, &e), &e);
    }
    must(rk_trainer_reseed(t[0], 8, &e), &e);
    must(rk_trainer_begin(t[0], 0, &e), &e);
    must(rk_trainer_step(t[0], 0, &e), &e);
    for (int i = 0; i < 2; i++) {
        must(rk_trainer_digest(t[i], digest[i], &e), &e);
        rk_trainer_close(t[i]);
    }
    assert_string_equal(digest[0], digest[1]);
}

static void test_reseed_refused(void **state)
{
    rk_error e = rk_error_new();
    rk_config c = rk_config_default();
    c.data = "synth16:n=60,test=10";
    c.hold_out = 0.5;
    rk_trainer *t = open_trainer(*state, &c);
    assert_int_equal(rk_trainer_reseed(t, 2, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "holds examples out"));
    rk_trainer_close(t);
}

/* ---- memorizing ------------------------------------------------------------------------------ */

static void test_memorize(void **state)
{
    given g;
    given_open(&g, *state);
    g.options.fast = true;
    given_run(&g, rk_bench_memorize);
    const char *subject = "mlp:hidden=32, 100 of 16x16x1, batch 50";
    uint32_t seconds = given_find(&g, subject, "exact", "seconds");
    uint32_t epochs = given_find(&g, subject, "exact", "epochs");
    uint32_t fit = given_find(&g, subject, "exact", "fit");
    assert_string_equal(g.v[seconds].suite, "memorize");
    assert_string_equal(g.v[seconds].unit, "s");
    assert_true(g.v[seconds].spread.n >= 5 && g.v[seconds].spread.least > 0);
    assert_int_equal(g.v[epochs].spread.n, g.v[seconds].spread.n);
    assert_true(g.v[epochs].spread.least >= 2 && g.v[epochs].spread.most < 200);
    assert_true(g.v[fit].spread.mean == 1);
    assert_non_null(strstr(g.v[seconds].text, "seeds 11, 12, 13, 14, 15")); /* of process 2 */
    given_none(&g, subject, "fast", "seconds", "no kernels of the fast tier");
}

/* Epochs are those until the accuracy is 1, and no more. */
static void test_memorize_stops_at_fit(void **state)
{
    rk_error e = rk_error_new();
    rk_trainer *t;
    rk_score score;
    char digest[33];
    int64_t epochs = 0;
    given g;
    given_open(&g, *state);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 3, &t, &e), &e);
    rk_memorized m = memorize(&g, t, digest);
    must(rk_trainer_restart(t, &e), &e);
    do {
        must(rk_trainer_begin(t, epochs++, &e), &e);
        for (int64_t step = 0; step < t->steps; step++) must(rk_trainer_step(t, step, &e), &e);
        must(rk_trainer_evaluate(t, false, &score, &e), &e);
    } while (score.accuracy < 1);
    assert_int_equal(m.epochs, epochs);
    assert_true(m.fit && m.seconds > 0);
    rk_trainer_close(t);
}

static void test_unfit(void **state)
{
    const rk_memorize_limits limits = {3, 3, INFINITY, INFINITY};
    rk_workload few = tiny;
    rk_error e = rk_error_new();
    given g;
    few.epochs = 1;
    given_open(&g, *state);
    g.options.process = 1;
    must(rk_memorize_workload(&g.c, &few, &limits, &e), &e);
    given_none(&g, "mlp:hidden=32", "exact", "seconds", "0 of 3 seeds fit within 1 epochs");
    given_none(&g, "mlp:hidden=32", "exact", "epochs", "seeds 1 not, 2 not, 3 not");
    uint32_t fit = given_find(&g, "mlp:hidden=32", "exact", "fit");
    assert_int_equal(g.v[fit].spread.n, 3);
    assert_true(g.v[fit].spread.mean == 0);
}

/* One of three: it is in no spread but that of 'fit', and it is named. */
static void test_one_unfit(void **state)
{
    const rk_memorized m[] = {{1, true, 10, 0.5}, {2, false, 99, 9}, {3, true, 20, 1.5}};
    rk_error e = rk_error_new();
    given g;
    given_open(&g, *state);
    const rk_bench_of of = {&g.c, "memorize", "it", "exact"};
    must(rk_memorize_give(&of, m, 3, 99, &e), &e);
    given_is(&g, "it", "seconds", "s", 1);
    given_is(&g, "it", "epochs", "", 15);
    assert_int_equal(g.v[0].spread.n, 2);
    assert_true(fabs(g.v[given_find(&g, "it", NULL, "fit")].spread.mean - 2.0 / 3) < 1e-12);
    assert_string_equal(g.v[0].text, "2 of 3 seeds fit within 99 epochs: seeds 1, 2 not, 3");
}

/* Time that is used up: one seed, and more only while there is some. */
static void test_memorize_budget(void **state)
{
    const rk_memorize_limits none = {5, 10, 0, 0}, least = {2, 10, 0, INFINITY};
    rk_error e = rk_error_new();
    given g;
    given_open(&g, *state);
    must(rk_memorize_workload(&g.c, &tiny, &none, &e), &e);
    assert_int_equal(g.v[given_find(&g, "mlp", NULL, "fit")].spread.n, 1);
    g.n = 0;
    must(rk_memorize_workload(&g.c, &tiny, &least, &e), &e);
    assert_int_equal(g.v[given_find(&g, "mlp", NULL, "fit")].spread.n, 2);
}

/* ---- distances ------------------------------------------------------------------------------- */

static rk_weight_log follow(const given *g, rk_trainer *t, int64_t steps)
{
    rk_error e = rk_error_new();
    rk_weight_log log;
    must(rk_weight_log_make(&g->c, t, steps, INFINITY, &log, &e), &e);
    return log;
}

static void test_distances(void **state)
{
    rk_error e = rk_error_new();
    rk_trainer *t;
    given g;
    given_open(&g, *state);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 4, &t, &e), &e);
    rk_weight_log a = follow(&g, t, 100);
    must(rk_trainer_restart(t, &e), &e);
    rk_weight_log b = follow(&g, t, 100);
    must(rk_trainer_restart(t, &e), &e);
    must(rk_trainer_nudge(t, 4, &e), &e);
    rk_weight_log moved = follow(&g, t, 100);
    const int64_t want[] = {1, 2, 5, 10, 20, 50, 100};
    assert_int_equal(a.n, 7);
    assert_memory_equal(a.step, want, sizeof want);
    assert_int_equal(a.values, 256 * 32 + 32 + 32 * 10 + 10);
    double last = 0;
    for (uint32_t i = 0; i < a.n; i++) {
        assert_true(rk_weight_log_distance(&b, &a, i) == 0);
        double d = rk_weight_log_distance(&moved, &a, i);
        assert_true(d > last);
        last = d;
    }
    /* At first about a unit in the last place of each weight, which is 2^-24 to 2^-23 of it. */
    double first = rk_weight_log_distance(&moved, &a, 0);
    assert_true(first > 5.9e-8 && first < 1.2e-7 && last > 1.5 * first);
    rk_weight_log_free(&a);
    rk_weight_log_free(&b);
    rk_weight_log_free(&moved);
    rk_trainer_close(t);
}

/* Points are taken after so many steps, through the epochs' ends; 60 of 20 are three steps. */
static void test_log_is_the_run(void **state)
{
    rk_error e = rk_error_new();
    rk_trainer *t;
    given g;
    given_open(&g, *state);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 4, &t, &e), &e);
    rk_weight_log log = follow(&g, t, 7);
    must(rk_trainer_restart(t, &e), &e);
    assert_int_equal(log.n, 4); /* 1, 2, 5, 7 */
    assert_int_equal(log.step[3], 7);
    for (int64_t step = 0; step < 5; step++) {
        if (step % 3 == 0) must(rk_trainer_begin(t, step / 3, &e), &e);
        must(rk_trainer_step(t, step % 3, &e), &e);
    }
    float bias[32], *at = log.weights + 2 * log.values; /* "hidden1/bias" is the first name */
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b), first = 0;
    while (first < n && !b[first].trained) first++;
    assert_int_equal(b[first].bytes, sizeof bias);
    must(rk_session_read(t->session, b[first].name, bias, sizeof bias, &e), &e);
    assert_memory_equal(bias, at, sizeof bias);
    rk_weight_log_free(&log);
    rk_trainer_close(t);
}

/* Floats in their order, as integers; both zeros are 0. */
static int64_t rank_of(float x)
{
    uint32_t w;
    memcpy(&w, &x, sizeof w);
    return w >> 31 ? -(int64_t)(w & 0x7fffffffu) : (int64_t)w;
}

static void test_one_ulp(void **state)
{
    rk_error e = rk_error_new();
    rk_trainer *t;
    int64_t up = 0, all = 0;
    given g;
    given_open(&g, *state);
    must(rk_workload_open(&g.c, &tiny, RK_NUMERICS_EXACT, 4, &t, &e), &e);
    rk_weight_log before = follow(&g, t, 1), after;
    after = before;
    after.weights = calloc(before.values, sizeof *after.weights);
    must(rk_trainer_nudge(t, 9, &e), &e);
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    float *to = after.weights;
    for (uint32_t i = 0; i < n; i++)
        if (b[i].trained) {
            must(rk_session_read(t->session, b[i].name, to, b[i].bytes, &e), &e);
            to += b[i].bytes / sizeof *to;
        }
    for (uint64_t i = 0; i < before.values; i++) {
        int64_t moved = rank_of(after.weights[i]) - rank_of(before.weights[i]);
        assert_true(moved == 1 || moved == -1);
        up += moved == 1;
        all++;
    }
    assert_true(up > all * 45 / 100 && up < all * 55 / 100);
    free(after.weights);
    rk_weight_log_free(&before);
    rk_trainer_close(t);
}

static void test_distance_suite(void **state)
{
    static const double want[] = {1, 2, 5, 10, 20, 50};
    given g;
    given_open(&g, *state);
    given_run(&g, rk_bench_distance);
    assert_int_equal(g.n, 0); /* of the first process alone */
    g.options.process = 1;
    g.options.fast = true;
    given_run(&g, rk_bench_distance);
    assert_int_equal(g.n, 7);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(g.v[i].suite, "distance");
        assert_string_equal(g.v[i].tier, "perturbed");
        assert_string_equal(g.v[i].name, "distance");
        assert_true(g.v[i].x == want[i] && g.v[i].spread.n == 1 && g.v[i].spread.median > 0);
    }
    assert_string_equal(g.v[6].tier, "fast");
    assert_int_equal(g.v[6].spread.n, 0);
    g.options.seconds = 0;
    given_run(&g, rk_bench_distance); /* one point, and that there are no more */
    assert_int_equal(g.n, 3);
    assert_non_null(strstr(g.v[1].text, "were used up"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reseed),
        cmocka_unit_test(test_reseed_dropout),
        cmocka_unit_test(test_reseed_refused),
        cmocka_unit_test(test_memorize),
        cmocka_unit_test(test_memorize_stops_at_fit),
        cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_one_unfit),
        cmocka_unit_test(test_memorize_budget),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_log_is_the_run),
        cmocka_unit_test(test_one_ulp),
        cmocka_unit_test(test_distance_suite),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
