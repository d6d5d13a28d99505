/* Windows, the convolution layer and the poolings against loops, and their derivatives. */
#include "trial.h"
#include "base/error.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-10 * (1 + fabs(want)))) fail_msg("%.15g is not %.15g", got, want);
}

/* in, k, stride: out and the padding before, as TensorFlow's documentation computes them. */
static void test_same_windows(void **state)
{
    (void)state;
    static const int64_t rows[][5] = {{28, 3, 1, 28, 1}, {28, 3, 2, 14, 0}, {14, 3, 2, 7, 0},
                                      {7, 3, 2, 4, 1},   {28, 5, 1, 28, 2}, {28, 1, 1, 28, 0},
                                      {28, 1, 2, 14, 0}, {5, 4, 1, 5, 1},   {5, 4, 3, 2, 1},
                                      {2, 5, 1, 2, 2},   {1, 3, 2, 1, 1},   {6, 2, 3, 2, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t *r = rows[i];
        rk_graph *g = rk_graph_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(1, r[0], r[0] + 4 * r[2]), "x");
        rk_window w = rk_window_same(g, x, r[1], r[2]);
        assert_true(w.kh == r[1] && w.kw == r[1] && w.stride_h == r[2] && w.stride_w == r[2]);
        assert_int_equal(w.out_h, r[3]);
        assert_int_equal(w.pad_h, r[4]);
        assert_int_equal(w.out_w, r[3] + 4);
        assert_int_equal(w.pad_w, r[4]);
        rk_graph_free(g);
    }
}

static void test_padded_windows(void **state)
{
    (void)state;
    static const int64_t rows[][5] = {{28, 3, 1, 1, 28}, {28, 3, 2, 1, 14}, {28, 5, 1, 0, 24},
                                      {7, 3, 2, 0, 3},   {8, 3, 2, 0, 3},   {3, 3, 1, 0, 1},
                                      {2, 3, 1, 0, 0},   {32, 1, 2, 0, 16}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t *r = rows[i];
        rk_graph *g = rk_graph_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(1, r[0] + r[2], r[0]), "x");
        rk_window w = rk_window_padded(g, x, r[1], r[2], r[3]);
        assert_int_equal(w.out_w, r[4]);
        assert_int_equal(w.out_h, r[0] + r[2] + 2 * r[3] < r[1] ? 0 : r[4] + 1);
        assert_true(w.pad_h == r[3] && w.pad_w == r[3]);
        rk_graph_free(g);
    }
}

/* One plane [h][w] under one window: sum of f over the elements inside, and their number. */
typedef struct seen {
    double sum, most;
    int n;
} seen;

static seen look(const cell *x, int64_t h, int64_t w, rk_window win, int64_t oh, int64_t ow)
{
    seen s = {0, -INFINITY, 0};
    for (int64_t i = oh * win.stride_h - win.pad_h; i < oh * win.stride_h - win.pad_h + win.kh; i++)
        for (int64_t j = ow * win.stride_w - win.pad_w; j < ow * win.stride_w - win.pad_w + win.kw;
             j++) {
            if (i < 0 || i >= h || j < 0 || j >= w) continue;
            s.sum += x[i * w + j].f;
            s.most = fmax(s.most, x[i * w + j].f);
            s.n++;
        }
    return s;
}

static void check_pools(int64_t h, int64_t w, int64_t k, int64_t stride, int64_t pad)
{
    trial t = trial_new((uint64_t)(h * 1000 + w * 100 + k * 10 + stride));
    rk_value x = argument(&t, RK_SHAPE(2, h, w), ANY);
    rk_window win =
        pad < 0 ? rk_window_same(t.g, x, k, stride) : rk_window_padded(t.g, x, k, stride, pad);
    rk_value y[] = {rk_average_pool(t.g, x, win), rk_max_pool(t.g, x, win)};
    check_graph(t.g, "pools");
    oracle *o = oracle_new(t.g);
    trial_fill(&t, o);
    cell *v = oracle_buffer(o, "x0");
    for (int64_t i = 0; i < 2 * h * w; i++) v[i].f -= 3; /* padding by 0 would be the maximum */
    oracle_run(o, y, 2);
    for (int64_t i = 0; i < 2 * win.out_h * win.out_w; i++) {
        int64_t plane = i / (win.out_h * win.out_w);
        seen s = look(v + plane * h * w, h, w, win, i / win.out_w % win.out_h, i % win.out_w);
        near(oracle_value(o, y[0])[i].f, s.n ? s.sum / s.n : 0);
        near(oracle_value(o, y[1])[i].f, s.n ? s.most : 0);
    }
    oracle_free(o);
    trial_free(&t);
}

/* Also windows that lie outside altogether. */
static void test_pools(void **state)
{
    (void)state;
    check_pools(4, 6, 3, 2, -1);
    check_pools(5, 3, 3, 2, -1);
    check_pools(4, 4, 2, 2, 0);
    check_pools(5, 4, 3, 1, 1);
    check_pools(3, 4, 2, 2, -1); /* beyond the bottom only, the right only */
    check_pools(4, 3, 2, 2, -1);
    check_pools(3, 3, 2, 2, 2);
}

static void test_global_mean(void **state)
{
    (void)state;
    trial t = trial_new(1);
    rk_value x = argument(&t, RK_SHAPE(2, 3, 2, 5), ANY), y = rk_global_mean(t.g, x);
    check_graph(t.g, "global mean");
    oracle *o = oracle_new(t.g);
    trial_fill(&t, o);
    oracle_run(o, &y, 1);
    assert_true(rk_shape_of(t.g, y).rank == 2 && rk_dim(t.g, y, 1) == 3);
    for (int i = 0; i < 6; i++) {
        double sum = 0;
        for (int k = 0; k < 10; k++) sum += oracle_buffer(o, "x0")[10 * i + k].f;
        near(oracle_value(o, y)[i].f, sum * (double)0.1f);
    }
    oracle_free(o);
    trial_free(&t);
}

/* Stride 2 on even sides, where SAME pads below and right only. */
static void test_conv_layer(void **state)
{
    (void)state;
    enum { C = 2, K = 3, SIDE = 4, OUT = 2 };
    trial t = trial_new(2);
    rk_init none = {RK_INIT_ZERO, 0};
    rk_value x = argument(&t, RK_SHAPE(2, C, SIDE, SIDE), ANY), param[3];
    rk_window win = rk_window_same(t.g, x, 3, 2);
    rk_value y = rk_conv_layer(t.g, x, K, win, rk_init_he(18), &none, "layer");
    check_graph(t.g, "conv layer");
    assert_int_equal(rk_graph_params(t.g, param, 3), 2);
    assert_string_equal(rk_name_of(t.g, param[0]), "layer/weight");
    assert_string_equal(rk_name_of(t.g, param[1]), "layer/bias");
    assert_true(rk_graph_node(t.g, param[0]).init.a == (float)(1.0 / 3));
    oracle *o = oracle_new(t.g);
    trial_fill(&t, o);
    const cell *v = oracle_buffer(o, "x0");
    cell *w = oracle_buffer(o, "layer/weight"), *b = oracle_buffer(o, "layer/bias");
    for (int i = 0; i < K * C * 9; i++) w[i].f = uniform(&t, -1, 1);
    for (int k = 0; k < K; k++) b[k].f = k + 1;
    oracle_run(o, &y, 1);
    for (int i = 0; i < 2 * K * OUT * OUT; i++) {
        int n = i / (K * OUT * OUT), k = i / (OUT * OUT) % K, oh = i / OUT % OUT, ow = i % OUT;
        double want = k + 1;
        for (int j = 0; j < C * 9; j++) {
            int c = j / 9, h = 2 * oh + j / 3 % 3, col = 2 * ow + j % 3;
            if (h < SIDE && col < SIDE)
                want += v[((n * C + c) * SIDE + h) * SIDE + col].f * w[k * C * 9 + j].f;
        }
        near(oracle_value(o, y)[i].f, want);
    }
    oracle_free(o);
    trial_free(&t);
    rk_graph *g = rk_graph_new();
    x = rk_input(g, RK_F32, RK_SHAPE(1, C, SIDE, SIDE), "x");
    rk_conv_layer(g, x, K, rk_window_same(g, x, 3, 2), none, NULL, "layer");
    assert_int_equal(rk_graph_params(g, param, 3), 1);
    rk_graph_free(g);
}

static rk_value small_net(trial *t, uint32_t which)
{
    rk_init none = {RK_INIT_ZERO, 0};
    rk_value x = argument(t, RK_SHAPE(2, 2, 4, 3), which == 1 ? DISTINCT : ANY);
    switch (which) {
    case 0: return rk_conv_layer(t->g, x, 2, rk_window_same(t->g, x, 3, 2), none, &none, "layer");
    case 1: return rk_max_pool(t->g, x, rk_window_same(t->g, x, 3, 2));
    case 2: return rk_average_pool(t->g, x, rk_window_same(t->g, x, 3, 2));
    case 3: return rk_average_pool(t->g, x, rk_window_padded(t->g, x, 2, 1, 0));
    default: return rk_global_mean(t->g, x);
    }
}

static void test_derivatives(void **state)
{
    (void)state;
    static const char *const what[] = {"conv layer", "max pool", "average pool, padded",
                                       "average pool", "global mean"};
    for (uint32_t i = 0; i < 5; i++) {
        trial t = trial_new(20 + i);
        rk_value y = small_net(&t, i), d[MAX_ARGUMENTS], dd[MAX_ARGUMENTS], second = 0;
        rk_value param[2];
        uint32_t n = rk_graph_params(t.g, param, 2);
        for (uint32_t k = 0; k < n; k++) t.x[t.n++] = param[k];
        rk_value loss = curved_sum(&t, y);
        rk_grad(t.g, loss, t.x, t.n, d);
        check_derivatives(&t, what[i], loss, d);
        for (uint32_t k = 0; k < t.n; k++) {
            rk_value part = weighted_sum(&t, d[k]);
            second = k ? rk_add(t.g, second, part) : part;
        }
        rk_grad(t.g, second, t.x, t.n, dd);
        check_derivatives(&t, what[i], second, dd);
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
    rk_init none = {RK_INIT_ZERO, 0};
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(3, 4, 4), "x");
    rk_conv_layer(g, x, 2, rk_window_same(g, x, 3, 1), none, NULL, "layer");
    refused(g, "layer: x is f32[3, 4, 4], expected [N][C][H][W]");
    g = rk_graph_new();
    rk_global_mean(g, rk_input(g, RK_F32, RK_SHAPE(3, 4, 4), "x"));
    refused(g, "expected [N][C][H][W]");
    for (int64_t bad = -1; bad < 1; bad++) { /* neither divides by 0 */
        g = rk_graph_new();
        x = rk_input(g, RK_F32, RK_SHAPE(4, 4), "x");
        rk_max_pool(g, x, rk_window_same(g, x, 3, bad));
        refused(g, "stride are at least 1");
        g = rk_graph_new();
        x = rk_input(g, RK_F32, RK_SHAPE(4, 4), "x");
        rk_average_pool(g, x, rk_window_padded(g, x, bad, 1, 0));
        refused(g, "kernel and stride are at least 1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_windows), cmocka_unit_test(test_padded_windows),
        cmocka_unit_test(test_pools),        cmocka_unit_test(test_global_mean),
        cmocka_unit_test(test_conv_layer),   cmocka_unit_test(test_derivatives),
        cmocka_unit_test(test_misuse)};
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
