/* Whole networks: the Hessian of a loss times a vector, as two calls of rk_grad, is symmetric and
 * is the difference of gradients; pairs of adjoint operations are adjoint. */
#include "trial.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MOST_PARAMS = 10 };

static const rk_init none = {RK_INIT_ZERO, 0};

static rk_value mlp(rk_graph *g, rk_value x)
{
    x = rk_relu(g, rk_dense(g, rk_flatten(g, x), 7, none, none, "fc1"));
    x = rk_relu(g, rk_dense(g, x, 6, none, none, "fc2"));
    return rk_dense(g, x, 3, none, none, "out");
}

/* Convolution with padding and stride, max-pool, average-pool, dropout. */
static rk_value convnet(rk_graph *g, rk_value x)
{
    rk_window conv = {3, 3, 1, 1, 1, 1, 6, 6}, pool = {2, 2, 2, 2, 0, 0, 3, 3};
    rk_window strided = {2, 3, 1, 2, 0, 1, 2, 2}, average = {2, 2, 1, 1, 0, 0, 1, 1};
    rk_value w = rk_param(g, RK_SHAPE(3, 1, 3, 3), none, "conv1");
    x = rk_cos(g, rk_conv(g, x, w, conv)); /* smooth, so that maxima have no ties */
    x = rk_wtake(g, x, rk_wargmax(g, x, pool), pool);
    w = rk_param(g, RK_SHAPE(2, 3, 2, 3), none, "conv2");
    x = rk_conv(g, x, w, strided);
    x = rk_mul(g, rk_wsum(g, rk_mul(g, x, x), average), rk_const_f(g, 0.25f));
    x = rk_dropout(g, rk_flatten(g, x), 0.75f, "drop");
    return rk_dense(g, x, 3, none, none, "out");
}

/* Batch norm before and after a residual sum, LRN, a strided SAME convolution, global mean. */
static rk_value normalized(rk_graph *g, rk_value x)
{
    rk_norm norm = {true, true, 0.01f, 0.9f};
    rk_value y = rk_conv_layer(g, x, 2, rk_window_same(g, x, 3, 1), none, NULL, "conv1");
    y = rk_relu(g, rk_batch_norm(g, y, norm, "bn1"));
    y = rk_add(g, y, rk_conv_layer(g, y, 2, rk_window_same(g, y, 3, 1), none, NULL, "conv2"));
    y = rk_sin(g, rk_batch_norm(g, y, norm, "bn2"));
    y = rk_lrn(g, y, 1, 1.0f, 0.5f, 0.75f);
    y = rk_conv_layer(g, y, 3, rk_window_same(g, y, 3, 2), none, &none, "conv3");
    return rk_dense(g, rk_global_mean(g, rk_sin(g, y)), 3, none, none, "out");
}

typedef struct hessian {
    trial t;
    uint32_t n;
    rk_value param[MOST_PARAMS], d[MOST_PARAMS], u[MOST_PARAMS], hu[MOST_PARAMS];
    rk_value loss;
} hessian;

/* sum_i <a[i], b[i]>, over all elements. */
static rk_value dot(rk_graph *g, const rk_value *a, const rk_value *b, uint32_t n)
{
    rk_value sum = rk_reshape(g, rk_const_f(g, 0), RK_SHAPE(1));
    for (uint32_t i = 0; i < n; i++) {
        rk_value p = rk_mul(g, a[i], b[i]);
        p = rk_reshape(g, p, RK_SHAPE(rk_shape_size(rk_shape_of(g, p))));
        sum = rk_add(g, sum, rk_reduce_sum(g, p, 0, 1));
    }
    return sum;
}

static hessian hessian_new(rk_value (*model)(rk_graph *, rk_value))
{
    hessian h = {.t = trial_new(11)};
    rk_graph *g = h.t.g;
    rk_graph_set_training(g, true);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(4, 1, 6, 6), "images");
    rk_value labels = rk_input(g, RK_U32, RK_SHAPE(4), "labels");
    rk_value losses = rk_cross_entropy(g, model(g, x), labels);
    h.loss = rk_mean(g, losses, 0, 1);
    h.n = rk_graph_params(g, h.param, MOST_PARAMS);
    for (uint32_t i = 0; i < h.n; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%u", i);
        h.u[i] = rk_input(g, RK_F32, rk_shape_of(g, h.param[i]), name);
    }
    rk_grad(g, h.loss, h.param, h.n, h.d);
    rk_grad(g, dot(g, h.u, h.d, h.n), h.param, h.n, h.hu);
    check_graph(g, "hessian");
    return h;
}

static void randomize(hessian *h, oracle *o, rk_value v)
{
    cell *x = oracle_buffer(o, rk_name_of(h->t.g, v));
    for (int64_t k = 0; k < rk_shape_size(rk_shape_of(h->t.g, v)); k++)
        x[k].f = uniform(&h->t, -1, 1);
}

static double sum_of_products(const hessian *h, const cell *const *a, const cell *const *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < h->n; i++)
        for (int64_t k = 0; k < rk_shape_size(rk_shape_of(h->t.g, h->param[i])); k++)
            sum += a[i][k].f * b[i][k].f;
    return sum;
}

/* Copies the values of all parameters' places; the caller frees. */
static cell **copy_of(const hessian *h, oracle *o, const rk_value *v)
{
    cell **all = calloc(h->n, sizeof *all);
    assert_non_null(all);
    for (uint32_t i = 0; i < h->n; i++) {
        size_t size = (size_t)rk_shape_size(rk_shape_of(h->t.g, v[i]));
        all[i] = calloc(size, sizeof **all);
        assert_non_null(all[i]);
        for (size_t k = 0; k < size; k++) all[i][k] = oracle_value(o, v[i])[k];
    }
    return all;
}

static void free_copy(const hessian *h, cell **all)
{
    for (uint32_t i = 0; i < h->n; i++) free(all[i]);
    free(all);
}

static void start(hessian *h, oracle *o)
{
    cell *x = oracle_buffer(o, "images"), *label = oracle_buffer(o, "labels");
    for (int k = 0; k < 4 * 36; k++) x[k].f = uniform(&h->t, -1, 1);
    for (int k = 0; k < 4; k++) label[k].u = pick(&h->t, 3);
    for (uint32_t i = 0; i < h->n; i++) randomize(h, o, h->param[i]);
    if (oracle_buffer(o, "rng/key")) oracle_buffer(o, "rng/key")[0].u = 77;
}

/* <v, H u> = <u, H v>. */
static void check_symmetric(hessian *h, oracle *o)
{
    cell **side[2][2]; /* [first or second direction][the direction, H times it] */
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < h->n; i++) randomize(h, o, h->u[i]);
        oracle_run(o, h->hu, h->n);
        side[k][0] = copy_of(h, o, h->u);
        side[k][1] = copy_of(h, o, h->hu);
    }
    double vhu =
        sum_of_products(h, (const cell *const *)side[1][0], (const cell *const *)side[0][1]);
    double uhv =
        sum_of_products(h, (const cell *const *)side[0][0], (const cell *const *)side[1][1]);
    assert_true(fabs(vhu) > 1e-3);
    if (fabs(vhu - uhv) > 1e-11 * (1 + fabs(vhu)))
        fail_msg("<v, Hu> is %.15g, <u, Hv> is %.15g", vhu, uhv);
    for (int k = 0; k < 4; k++) free_copy(h, side[k / 2][k % 2]);
}

static void move(hessian *h, oracle *o, double step)
{
    for (uint32_t i = 0; i < h->n; i++) {
        cell *p = oracle_buffer(o, rk_name_of(h->t.g, h->param[i]));
        for (int64_t k = 0; k < rk_shape_size(rk_shape_of(h->t.g, h->param[i])); k++)
            p[k].f += step * oracle_value(o, h->u[i])[k].f;
    }
}

/* H u is the change of the gradient along u. */
static void check_differences(hessian *h, oracle *o)
{
    const double step = 1e-5;
    oracle_run(o, h->hu, h->n);
    cell **want = copy_of(h, o, h->hu);
    move(h, o, step);
    oracle_run(o, h->d, h->n);
    cell **ahead = copy_of(h, o, h->d);
    move(h, o, -2 * step);
    oracle_run(o, h->d, h->n);
    for (uint32_t i = 0; i < h->n; i++)
        for (int64_t k = 0; k < rk_shape_size(rk_shape_of(h->t.g, h->param[i])); k++) {
            double got = (ahead[i][k].f - oracle_value(o, h->d[i])[k].f) / (2 * step);
            if (fabs(got - want[i][k].f) > 1e-6 * (1 + fabs(got)))
                fail_msg("%s[%lld]: H u is %.12g, differences say %.12g",
                         rk_name_of(h->t.g, h->param[i]), (long long)k, want[i][k].f, got);
        }
    free_copy(h, want);
    free_copy(h, ahead);
}

static void check_model(rk_value (*model)(rk_graph *, rk_value))
{
    hessian h = hessian_new(model);
    oracle *o = oracle_new(h.t.g);
    for (int repeat = 0; repeat < 3; repeat++) {
        start(&h, o);
        check_symmetric(&h, o);
        check_differences(&h, o);
    }
    oracle_free(o);
    trial_free(&h.t);
}

static void test_mlp(void **state)
{
    (void)state;
    check_model(mlp);
}

static void test_convnet(void **state)
{
    (void)state;
    check_model(convnet);
}

static void test_normalized(void **state)
{
    (void)state;
    check_model(normalized);
}

/* All values are equal. */
static void check_equal(trial *t, const char *what, const rk_value *v, uint32_t n)
{
    oracle *o = oracle_new(t->g);
    check_graph(t->g, what);
    trial_fill(t, o);
    oracle_run(o, v, n);
    double first = oracle_scalar(o, v[0]);
    for (uint32_t i = 1; i < n; i++)
        if (fabs(oracle_scalar(o, v[i]) - first) > 1e-12 * (1 + fabs(first)))
            fail_msg("%s: product %u is %.15g, the first is %.15g", what, i, oracle_scalar(o, v[i]),
                     first);
    oracle_free(o);
}

static rk_value inner(trial *t, rk_value a, rk_value b) { return dot(t->g, &a, &b, 1); }

/* <g, conv(x, w)> = <conv_dx(g, w), x> = <conv_dw(x, g), w>. */
static void check_conv(uint64_t seed)
{
    trial t = trial_new(seed);
    rk_window win = {1 + pick(&t, 3), 1 + pick(&t, 3), 1 + pick(&t, 3), 1 + pick(&t, 3),
                     pick(&t, 3),     pick(&t, 3),     pick(&t, 5),     1 + pick(&t, 4)};
    rk_shape sx = {4, {2, 3, 5, 4}}, sw = {4, {2, 3, win.kh, win.kw}};
    rk_value x = argument(&t, sx, ANY), w = argument(&t, sw, ANY);
    rk_value y = rk_conv(t.g, x, w, win), g = argument(&t, rk_shape_of(t.g, y), ANY);
    rk_value same[3] = {inner(&t, g, y)};
    same[1] = inner(&t, rk_conv_dx(t.g, g, w, win, sx), x);
    same[2] = inner(&t, rk_conv_dw(t.g, x, g, win, sw), w);
    check_equal(&t, "conv", same, 3);
    trial_free(&t);
}

/* <g, wsum(x)> = <wsum_t(g), x>, and so for wtake and wput, take and put. */
static void check_pairs(uint64_t seed)
{
    trial t = trial_new(seed);
    rk_window win = {1 + pick(&t, 3), 1 + pick(&t, 3), 1 + pick(&t, 3), 1 + pick(&t, 3),
                     pick(&t, 3),     pick(&t, 3),     pick(&t, 5),     1 + pick(&t, 4)};
    rk_shape sx = {3, {2, 5, 4}}, sy = {3, {2, win.out_h, win.out_w}};
    rk_value x = argument(&t, sx, ANY), g = argument(&t, sy, ANY), same[2];
    same[0] = inner(&t, g, rk_wsum(t.g, x, win));
    same[1] = inner(&t, rk_wsum_t(t.g, g, win, sx), x);
    check_equal(&t, "wsum", same, 2);
    rk_value index = words(&t, sy, 22);
    same[0] = inner(&t, g, rk_wtake(t.g, x, index, win));
    same[1] = inner(&t, rk_wput(t.g, g, index, win, sx), x);
    check_equal(&t, "wtake", same, 2);
    rk_value rows = words(&t, RK_SHAPE(6), 3), h = argument(&t, RK_SHAPE(6, 5, 4), ANY);
    same[0] = inner(&t, h, rk_take(t.g, x, rows));
    same[1] = inner(&t, rk_put(t.g, h, rows, 2), x);
    check_equal(&t, "take", same, 2);
    trial_free(&t);
}

static void test_adjoints(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        check_conv(seed);
        check_pairs(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mlp), cmocka_unit_test(test_convnet),
                                       cmocka_unit_test(test_normalized),
                                       cmocka_unit_test(test_adjoints)};
    return cmocka_run_group_tests_name("hessian", tests, NULL, NULL);
}
