/* Batch norm and LRN against their formulas, and their derivatives, twice, against differences. */
#include "trial.h"
#include "base/error.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 3, C = 2, H = 2, W = 3, PLANE = H * W, SIZE = N * C * PLANE };

static const rk_norm full = {true, true, 0.25f, 0.75f};

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want)))) fail_msg("%.15g is not %.15g", got, want);
}

static double at(const double *x, int n, int c, int i) { return x[(n * C + c) * PLANE + i]; }

/* By definition: all elements of a channel, twice. */
static void moments(const double *x, int c, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (int n = 0; n < N; n++)
        for (int i = 0; i < PLANE; i++) *mean += at(x, n, c, i) / (N * PLANE);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < PLANE; i++) *variance += pow(at(x, n, c, i) - *mean, 2) / (N * PLANE);
}

static rk_value norm_of(rk_graph *g, bool training, rk_norm o)
{
    rk_graph_set_training(g, training);
    return rk_batch_norm(g, rk_input(g, RK_F32, RK_SHAPE(N, C, H, W), "x"), o, "bn");
}

static void fill(oracle *o, const double *x)
{
    for (int i = 0; i < SIZE; i++) oracle_buffer(o, "x")[i].f = x[i];
    for (int c = 0; c < C; c++) {
        if (oracle_buffer(o, "bn/scale")) oracle_buffer(o, "bn/scale")[c].f = 3 - c;
        if (oracle_buffer(o, "bn/shift")) oracle_buffer(o, "bn/shift")[c].f = 5 + c;
    }
}

static void check_normalized(const cell *y, const double *x, int c, double mean, double variance,
                             rk_norm o)
{
    double factor = (o.scale ? 3 - c : 1) / sqrt(variance + (double)o.eps);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < PLANE; i++)
            near(y[(n * C + c) * PLANE + i].f,
                 (at(x, n, c, i) - mean) * factor + (o.shift ? 5 + c : 0));
}

/* Two training steps on different batches, then evaluation by the averages: every number by hand.
 */
static void check_batch_norm(rk_norm o)
{
    trial t = trial_new(3);
    rk_value y = norm_of(t.g, true, o);
    check_graph(t.g, "batch norm");
    oracle *train = oracle_new(t.g);
    double x[SIZE], mean[C] = {0}, variance[C] = {0}, seen = 0, keep = (double)o.momentum;
    for (int step = 0; step < 2; step++) {
        for (int i = 0; i < SIZE; i++) x[i] = uniform(&t, -1, 1) + 10 * step + i / PLANE;
        fill(train, x);
        oracle_run(train, &y, 1);
        seen = keep * seen + 1 - keep;
        for (int c = 0; c < C; c++) {
            double m, v;
            moments(x, c, &m, &v);
            check_normalized(oracle_value(train, y), x, c, m, v, o);
            mean[c] = keep * mean[c] + (1 - keep) * m;
            variance[c] = keep * variance[c] + (1 - keep) * v;
            near(oracle_buffer(train, "bn/mean")[c].f, mean[c]);
            near(oracle_buffer(train, "bn/variance")[c].f, variance[c]);
        }
        near(oracle_buffer(train, "bn/seen")->f, seen);
    }
    trial e = trial_new(4);
    rk_value z = norm_of(e.g, false, o);
    check_graph(e.g, "batch norm");
    oracle *eval = oracle_new(e.g);
    fill(eval, x);
    oracle_run(eval, &z, 1); /* before any step: mean 0, variance 1 */
    for (int c = 0; c < C; c++) check_normalized(oracle_value(eval, z), x, c, 0, 1, o);
    oracle_buffer(eval, "bn/seen")->f = seen;
    for (int c = 0; c < C; c++) {
        oracle_buffer(eval, "bn/mean")[c].f = mean[c];
        oracle_buffer(eval, "bn/variance")[c].f = variance[c];
    }
    oracle_run(eval, &z, 1);
    for (int c = 0; c < C; c++)
        check_normalized(oracle_value(eval, z), x, c, mean[c] / seen, variance[c] / seen, o);
    assert_true(oracle_buffer(eval, "bn/seen")->f == seen); /* evaluation changes nothing */
    oracle_free(train);
    oracle_free(eval);
    trial_free(&t);
    trial_free(&e);
}

static void test_batch_norm(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        check_batch_norm((rk_norm){i & 1, i & 2, i == 2 ? 1e-5f : 0.25f, i == 3 ? 0.0f : 0.75f});
}

/* Which parameters and statistics there are. */
static void test_names(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value y = norm_of(g, true, full), param[3];
    assert_int_equal(rk_graph_params(g, param, 3), 2);
    assert_string_equal(rk_name_of(g, param[0]), "bn/scale");
    assert_string_equal(rk_name_of(g, param[1]), "bn/shift");
    assert_true(rk_graph_node(g, param[0]).init.a == 1 && rk_graph_node(g, param[1]).init.a == 0);
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        if (n.op == RK_OP_STATE) assert_true(n.trained != n.statistic);
    }
    rk_shape s = rk_shape_of(g, y);
    assert_true(s.rank == 4 && s.dim[2] == H && s.dim[3] == W);
    rk_graph_free(g);
    g = rk_graph_new();
    norm_of(g, true, (rk_norm){false, false, 1e-3f, 0.9f});
    assert_int_equal(rk_graph_params(g, param, 3), 0);
    rk_graph_free(g);
}

/* d loss and its derivative, for whatever y is of the trial's arguments. */
static void check_twice(trial *t, const char *what, rk_value y)
{
    rk_value d[MAX_ARGUMENTS], dd[MAX_ARGUMENTS], loss = curved_sum(t, y), second = 0;
    check_graph(t->g, what);
    rk_grad(t->g, loss, t->x, t->n, d);
    check_derivatives(t, what, loss, d);
    for (uint32_t i = 0; i < t->n; i++) {
        rk_value part = weighted_sum(t, d[i]);
        second = i ? rk_add(t->g, second, part) : part;
    }
    rk_grad(t->g, second, t->x, t->n, dd);
    check_derivatives(t, what, second, dd);
}

/* Parameters of a layer as arguments. */
static void parameters_too(trial *t)
{
    rk_value param[MAX_ARGUMENTS];
    uint32_t n = rk_graph_params(t->g, param, MAX_ARGUMENTS);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(t->n < MAX_ARGUMENTS);
        t->range[t->n] = ANY;
        t->x[t->n++] = param[i];
    }
}

static void test_batch_norm_derivatives(void **state)
{
    (void)state;
    static const rk_shape shapes[] = {
        {4, {2, 2, 2, 3}}, {2, {4, 3}}, {3, {3, 1, 2}}, {4, {1, 2, 2, 2}}, {5, {2, 2, 1, 2, 2}}};
    for (uint32_t i = 0; i < 2 * sizeof shapes / sizeof *shapes; i++) {
        trial t = trial_new(50 + i);
        rk_graph_set_training(t.g, i % 2 == 0);
        rk_value x = argument(&t, shapes[i / 2], ANY);
        rk_value y = rk_batch_norm(t.g, x, full, "bn");
        parameters_too(&t);
        check_twice(&t, i % 2 ? "batch norm by averages" : "batch norm", y);
        trial_free(&t);
    }
}

static void test_lrn(void **state)
{
    (void)state;
    enum { CHANNELS = 5, RADIUS = 2 };
    trial t = trial_new(5);
    rk_value x = rk_input(t.g, RK_F32, RK_SHAPE(2, CHANNELS, 1, 3), "x");
    rk_value y = rk_lrn(t.g, x, RADIUS, 0.5f, 0.125f, 0.75f);
    check_graph(t.g, "lrn");
    oracle *o = oracle_new(t.g);
    cell *v = oracle_buffer(o, "x");
    for (int i = 0; i < 2 * CHANNELS * 3; i++) v[i].f = uniform(&t, -3, 3);
    oracle_run(o, &y, 1);
    for (int i = 0; i < 2 * CHANNELS * 3; i++) {
        int n = i / (3 * CHANNELS), c = i / 3 % CHANNELS, p = i % 3;
        double sum = 0;
        for (int k = c - RADIUS; k <= c + RADIUS; k++)
            if (k >= 0 && k < CHANNELS) sum += pow(v[(n * CHANNELS + k) * 3 + p].f, 2);
        near(oracle_value(o, y)[i].f, v[i].f * pow(0.5 + 0.125 * sum, -0.75));
    }
    oracle_free(o);
    trial_free(&t);
}

static void test_lrn_derivatives(void **state)
{
    (void)state;
    for (uint32_t radius = 0; radius < 4; radius++) {
        trial t = trial_new(60 + radius);
        rk_value x = argument(&t, RK_SHAPE(2, 3, 2, 2), ANY);
        check_twice(&t, "lrn", rk_lrn(t.g, x, radius, 1.0f, 0.5f, radius ? 0.75f : 2.0f));
        trial_free(&t);
    }
}

static void refused(rk_graph *g, const char *said)
{
    rk_error e = rk_error_new();
    assert_int_not_equal(rk_graph_check(g, &e), RK_OK);
    if (!strstr(e.text, said)) fail_msg("'%s' is not in '%s'", said, e.text);
    rk_graph_free(g);
}

static void test_misuse(void **state)
{
    (void)state;
    static const struct {
        rk_norm o;
        const char *said;
    } bad[] = {{{true, true, 0, 0.5f}, "eps is 0"},
               {{true, true, 1, 1}, "momentum 1"},
               {{true, true, 1, -0.5f}, "momentum -0.5"},
               {{true, true, NAN, 0}, "eps is nan"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rk_graph *g = rk_graph_new();
        assert_int_equal(norm_of(g, true, bad[i].o), 0);
        refused(g, bad[i].said);
    }
    rk_graph *g = rk_graph_new();
    rk_batch_norm(g, rk_input(g, RK_F32, RK_SHAPE(4), "x"), full, "bn");
    refused(g, "[N][C][...]");
    g = rk_graph_new();
    rk_batch_norm(g, rk_input(g, RK_F32, RK_SHAPE(4, 2, 0), "x"), full, "bn");
    refused(g, "no extent of 0");
    g = rk_graph_new();
    rk_lrn(g, rk_input(g, RK_F32, RK_SHAPE(1, 2, 2), "x"), -1, 1, 1, 1);
    refused(g, "radius is -1");
    g = rk_graph_new();
    rk_state(g, RK_F32, RK_SHAPE(2), "s");
    rk_statistic(g, RK_SHAPE(2), "s");
    refused(g, "'s' was made before as a state that is no statistic");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batch_norm),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_batch_norm_derivatives),
                                       cmocka_unit_test(test_lrn),
                                       cmocka_unit_test(test_lrn_derivatives),
                                       cmocka_unit_test(test_misuse)};
    return cmocka_run_group_tests_name("norm", tests, NULL, NULL);
}
