/* Steps of adam, on the double-precision interpreter, against softmax regression by hand. */
#include "linear.h"
#include <math.h>
#include <string.h>

enum { EXAMPLES = 7, BATCH = 4 };

static int setup(void **state)
{
    *state = load_plugins();
    return 0;
}

static int teardown(void **state)
{
    rk_registry_free(*state);
    return 0;
}

/* Kingma and Ba's names; t counts steps from 1. */
typedef struct by_hand {
    double beta1, beta2, epsilon;
    linear w, m, v;
    int t;
} by_hand;

static void move(by_hand *h, double rate, double g, double *w, double *m, double *v)
{
    *m = h->beta1 * *m + (1 - h->beta1) * g;
    *v = h->beta2 * *v + (1 - h->beta2) * g * g;
    double mean = *m / (1 - pow(h->beta1, h->t)), square = *v / (1 - pow(h->beta2, h->t));
    *w -= rate * mean / (sqrt(square) + h->epsilon);
}

static void step(by_hand *h, const rk_examples *x, const uint32_t *batch, int64_t rows, double rate)
{
    static linear grad;
    double loss, correct;
    linear_gradient(&h->w, x, batch, rows, 0, &grad, &loss, &correct);
    h->t++;
    for (int k = 0; k < CLASSES; k++) {
        move(h, rate, grad.b[k], &h->w.b[k], &h->m.b[k], &h->v.b[k]);
        for (int j = 0; j < PIXELS; j++)
            move(h, rate, grad.w[k][j], &h->w.w[k][j], &h->m.w[k][j], &h->v.w[k][j]);
    }
}

/* Three epochs of two steps, the second one of fewer examples. */
static void check(const rk_registry *plugins, const char *optimizer, by_hand *h)
{
    static const uint32_t order[EXAMPLES] = {3, 0, 6, 1, 5, 2, 4};
    rk_config c = rk_config_default();
    bench b;
    c.model = "linear:init=zero";
    c.data = "synth16:n=7,test=3";
    c.optimizer = optimizer;
    c.batch = BATCH;
    bench_open(&b, plugins, &c);
    bench_begin(&b, order, 0.015625);
    for (int i = 0; i < 6; i++) {
        int64_t rows = i % 2 ? EXAMPLES - BATCH : BATCH;
        bench_step(&b, i % 2);
        step(h, &b.data->train.x, order + BATCH * (i % 2), rows, 0.015625);
        linear_expect(&b, &h->w);
    }
    bench_close(&b);
}

/* Betas are fp32 numbers in the graph: with these there is nothing to round. */
static void test_by_hand(void **state)
{
    static by_hand some, none;
    some = (by_hand){.beta1 = 0.75, .beta2 = 0.9375, .epsilon = 0.0009765625};
    none = (by_hand){.epsilon = 0.0009765625};
    check(*state, "adam:beta1=0.75,beta2=0.9375,epsilon=0.0009765625", &some);
    check(*state, "adam:beta1=0,beta2=0,epsilon=0.0009765625", &none);
}

/* The first step is nearly the rate, whatever the gradient: these are 1e-6 at least. */
static void test_first_step(void **state)
{
    static const uint32_t order[EXAMPLES] = {0, 1, 2, 3, 4, 5, 6};
    rk_config c = rk_config_default();
    bench b;
    c.model = "linear:init=zero";
    c.data = "synth16:n=7,test=3";
    c.optimizer = "adam";
    c.batch = EXAMPLES;
    bench_open(&b, *state, &c);
    bench_begin(&b, order, 0.001);
    bench_step(&b, 0);
    const cell *w = bench_buffer(&b, "output/weight");
    for (int i = 0; i < CLASSES * PIXELS; i++)
        assert_true(fabs(w[i].f) > 0.00099 && fabs(w[i].f) < 0.001000001);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_first_step)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
