#include "trial.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

trial trial_new(uint64_t seed)
{
    trial t = {.g = rk_graph_new(), .random = seed * 0x9E3779B97F4A7C15u + 1};
    assert_non_null(t.g);
    return t;
}

void trial_free(trial *t) { rk_graph_free(t->g); }

/* Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t next(trial *t)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return t->random * 0x2545F4914F6CDD1Du;
}

uint32_t pick(trial *t, uint32_t below) { return (uint32_t)((next(t) >> 32) * below >> 32); }

double uniform(trial *t, double low, double high)
{
    return low + (high - low) * (double)(next(t) >> 11) * 0x1p-53;
}

rk_value argument(trial *t, rk_shape s, range r)
{
    char name[16];
    assert_true(t->n < MAX_ARGUMENTS);
    snprintf(name, sizeof name, "x%" PRIu32, t->n);
    t->range[t->n] = r;
    return t->x[t->n++] = rk_input(t->g, RK_F32, s, name);
}

rk_value words(trial *t, rk_shape s, uint32_t below)
{
    char name[16];
    assert_true(t->n_words < MAX_ARGUMENTS);
    snprintf(name, sizeof name, "w%" PRIu32, t->n_words);
    t->below[t->n_words] = below;
    return t->words[t->n_words++] = rk_input(t->g, RK_U32, s, name);
}

rk_shape random_shape(trial *t, uint32_t most_rank)
{
    rk_shape s = {.rank = pick(t, most_rank + 1)};
    for (uint32_t i = 0; i < s.rank; i++) s.dim[i] = 1 + pick(t, 4);
    if (s.rank && pick(t, 16) == 0) s.dim[pick(t, s.rank)] = 0;
    return s;
}

void random_shapes(trial *t, uint32_t n, rk_shape *out)
{
    rk_shape all = random_shape(t, 4);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t dropped = pick(t, 2) ? pick(t, all.rank + 1) : 0;
        out[k] = rk_shape_make(all.rank - dropped, all.dim + dropped);
        for (uint32_t i = 0; i < out[k].rank; i++)
            if (pick(t, 4) == 0) out[k].dim[i] = 1;
    }
}

static double sample(trial *t, range r)
{
    switch (r) {
    case POSITIVE: return uniform(t, 0.7, 2);
    case NONZERO: return uniform(t, 0.7, 2) * (pick(t, 2) ? 1 : -1);
    default: return uniform(t, -2, 2);
    }
}

/* A random order of multiples of 1/16, none of them 0. */
static void fill_distinct(trial *t, oracle *o)
{
    cell *all[1024];
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        cell *x = oracle_buffer(o, rk_name_of(t->g, t->x[i]));
        int64_t size = t->range[i] == DISTINCT ? rk_shape_size(rk_shape_of(t->g, t->x[i])) : 0;
        for (int64_t k = 0; k < size; k++) {
            assert_true(n < 1024);
            all[n++] = &x[k];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i + pick(t, n - i);
        cell *chosen = all[j];
        all[j] = all[i];
        chosen->f = ((double)i - (double)(n / 2)) / 16 + 0.03;
    }
}

void trial_fill(trial *t, oracle *o)
{
    for (uint32_t i = 0; i < t->n; i++) {
        cell *x = oracle_buffer(o, rk_name_of(t->g, t->x[i]));
        for (int64_t k = 0; k < rk_shape_size(rk_shape_of(t->g, t->x[i])); k++)
            x[k].f = sample(t, t->range[i]);
    }
    for (uint32_t i = 0; i < t->n_words; i++) {
        cell *x = oracle_buffer(o, rk_name_of(t->g, t->words[i]));
        for (int64_t k = 0; k < rk_shape_size(rk_shape_of(t->g, t->words[i])); k++)
            x[k].u = pick(t, t->below[i]);
    }
    fill_distinct(t, o);
}

rk_value weighted_sum(trial *t, rk_value y)
{
    enum { COEFFICIENTS = 7 };
    rk_value c[COEFFICIENTS], all[256];
    int64_t n = rk_shape_size(rk_shape_of(t->g, y));
    if (n == 0) return rk_reduce_sum(t->g, rk_reshape(t->g, y, RK_SHAPE(0)), 0, 1);
    assert_true(n <= 256);
    for (int i = 0; i < COEFFICIENTS; i++) {
        rk_value x = rk_const_f(t->g, (float)uniform(t, 0.5, 1.5));
        c[i] = rk_reshape(t->g, x, RK_SHAPE(1));
    }
    for (int64_t i = 0; i < n; i++) all[i] = c[pick(t, COEFFICIENTS)];
    rk_value weights = rk_concat(t->g, all, (uint32_t)n, 0);
    return rk_reduce_sum(t->g, rk_mul(t->g, rk_reshape(t->g, y, RK_SHAPE(n)), weights), 0, 1);
}

rk_value curved_sum(trial *t, rk_value y)
{
    return weighted_sum(t, rk_add(t->g, y, rk_mul(t->g, y, y)));
}

/* Four points: the error is of order step^4. */
static double difference(oracle *o, cell *x, rk_value loss)
{
    static const double at[] = {-2, -1, 1, 2}, weight[] = {1.0 / 12, -2.0 / 3, 2.0 / 3, -1.0 / 12};
    const double step = 0x1p-10, old = x->f;
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        x->f = old + at[i] * step;
        oracle_run(o, &loss, 1);
        sum += weight[i] * oracle_scalar(o, loss);
    }
    x->f = old;
    return sum / step;
}

void check_derivatives(trial *t, const char *what, rk_value loss, const rk_value *d)
{
    oracle *o = oracle_new(t->g);
    check_graph(t->g, what);
    trial_fill(t, o);
    for (uint32_t i = 0; i < t->n; i++) {
        rk_shape s = rk_shape_of(t->g, t->x[i]);
        cell *x = oracle_buffer(o, rk_name_of(t->g, t->x[i]));
        for (int64_t k = 0; k < rk_shape_size(s); k++) {
            double want = difference(o, &x[k], loss);
            oracle_run(o, &d[i], 1);
            double got = oracle_value(o, d[i])[k].f;
            if (!(fabs(got - want) <= 1e-7 * (1 + fabs(want))))
                fail_msg("%s: d loss / d x%u[%lld] is %.12g, differences say %.12g", what, i,
                         (long long)k, got, want);
        }
    }
    oracle_free(o);
}

void check_graph(const rk_graph *g, const char *what)
{
    rk_error e;
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("%s: %s", what, e.text);
}
