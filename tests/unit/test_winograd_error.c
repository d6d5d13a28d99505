/* How far Winograd's convolutions of the cpu backend are from the truth, in units of eps times the
 * root of the sum of squares of an element's terms, beside exact ones; the gate of larger tiles.
 * test_winograd_error CPU */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check/sample.h"

typedef struct shape {
    int64_t which, N, C, H, W, K, pad;
} shape;

static const char *path;
static int has_vectors;

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Uniform in [-1, 1), SplitMix64. */
static float *numbers(int64_t n, uint64_t state)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) {
        uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        x[i] = (float)((z ^ z >> 31) >> 40) * 0x1p-23f - 1.0f;
    }
    return x;
}

/* What the backend computes with some options, and by what. */
static float *convolve(const shape *s, const char *tile, const char *error, const float *a,
                       const float *b, rk_kinfo *info)
{
    const int64_t OH = s->H + 2 * s->pad - 2, OW = s->W + 2 * s->pad - 2;
    const int64_t x[4] = {s->N, s->C, s->H, s->W}, w[4] = {s->K, s->C, 3, 3},
                  g[4] = {s->N, s->K, OH, OW};
    const int64_t p[] = {s->which, s->N, s->C, s->H,   s->W,   s->K, 3,
                         3,        1,    1,    s->pad, s->pad, OH,   OW};
    const char *list[] = {"threads=2", tile, error, NULL};
    rk_error e = {.size = sizeof e};
    rk_sample c;
    rk_bed h;
    rk_sample_begin(&c, RK_CONV);
    rk_sample_in(&c, RK_F32, 4, s->which == RK_CONV_DX ? g : x, 0);
    rk_sample_in(&c, RK_F32, 4, s->which == RK_CONV_DW ? g : w, 0);
    rk_sample_out(&c, RK_F32, 4, s->which == RK_CONV_Y ? g : s->which == RK_CONV_DX ? x : w);
    memcpy(c.op.p, p, sizeof p);
    c.op.flags = RK_OP_FAST;
    float *y = numbers(rk_tensor_count(&c.out[0]), 0);
    assert_int_equal(rk_bed_open(&h, path, 0, list, &e), RK_OK);
    if (rk_sample_run_info(&h, &c, (const void *[]){a, b}, (void *[]){y}, -1, info, &e))
        fail_msg("%s: %s", tile, e.text);
    assert_int_equal(rk_bed_close(&h), 0);
    return y;
}

/* One element in double precision; *size gets the sum of squares of its terms. */
static double element(const shape *s, const float *a, const float *b, int64_t n, int64_t m,
                      int64_t h, int64_t w, double *size)
{
    const int dx = s->which == RK_CONV_DX;
    const int64_t grow = 2 * s->pad - 2, depth = dx ? s->K : s->C;
    const int64_t H = dx ? s->H + grow : s->H, W = dx ? s->W + grow : s->W;
    double sum = 0;
    *size = 0;
    for (int64_t i = 0; i < depth * 9; i++) {
        int64_t c = i / 9, r = i / 3 % 3, t = i % 3;
        int64_t y = dx ? h + s->pad - r : h + r - s->pad, x = dx ? w + s->pad - t : w + t - s->pad;
        if (y < 0 || y >= H || x < 0 || x >= W) continue;
        double term = (double)a[((n * depth + c) * H + y) * W + x] *
                      (double)b[((dx ? c * s->C + m : m * s->C + c) * 3 + r) * 3 + t];
        sum += term;
        *size += term * term;
    }
    return sum;
}

/* Likewise of dw: b is the gradient. */
static double weight(const shape *s, const float *a, const float *b, int64_t k, int64_t c,
                     int64_t r, int64_t t, double *size)
{
    const int64_t OH = s->H + 2 * s->pad - 2, OW = s->W + 2 * s->pad - 2;
    double sum = 0;
    *size = 0;
    for (int64_t i = 0; i < s->N * OH * OW; i++) {
        int64_t n = i / (OH * OW), h = i / OW % OH, w = i % OW;
        int64_t y = h + r - s->pad, x = w + t - s->pad;
        if (y < 0 || y >= s->H || x < 0 || x >= s->W) continue;
        double term = (double)a[((n * s->C + c) * s->H + y) * s->W + x] *
                      (double)b[((n * s->K + k) * OH + h) * OW + w];
        sum += term;
        *size += term * term;
    }
    return sum;
}

/* Root of the mean square of the errors, over that of the sums. */
static double error_of(const shape *s, const float *a, const float *b, const float *y)
{
    const int dx = s->which == RK_CONV_DX, dw = s->which == RK_CONV_DW;
    const int64_t M = dx || dw ? s->C : s->K,
                  H = dw   ? 3
                      : dx ? s->H
                           : s->H + 2 * s->pad - 2,
                  W = dw   ? 3
                      : dx ? s->W
                           : s->W + 2 * s->pad - 2;
    double square = 0, terms = 0, size;
    for (int64_t i = 0; i < (dw ? s->K : s->N) * M * H * W; i++) {
        double want = (dw ? weight : element)(s, a, b, i / (M * H * W), i / (H * W) % M, i / W % H,
                                              i % W, &size);
        double off = ((double)y[i] - want) / (double)FLT_EPSILON;
        assert_true(fabs(off) < 1000);
        square += off * off;
        terms += size;
    }
    return sqrt(square / terms);
}

static void operands(const shape *s, float **a, float **b)
{
    *a = numbers(s->N * most(s->C, s->K) * (s->H + 4) * (s->W + 4), 1);
    *b = numbers(most(s->K * s->C * 9, s->N * s->K * (s->H + 4) * (s->W + 4)), 2);
}

/* Whether a kernel's name is that of Winograd's with such tiles. */
static int is_named(const shape *s, const rk_kinfo *info, const char *tile)
{
    char name[32];
    snprintf(name, sizeof name, s->which == RK_CONV_DW ? "winograd 3x3,%s" : "winograd %s", tile);
    return strstr(info->impl, name) != NULL;
}

/* Errors of exact kernels and those of small and large tiles. */
static void measure(const shape *s, double error[3])
{
    static const char *const tiles[] = {"cpu.winograd=never", "cpu.winograd=2x2",
                                        "cpu.winograd=4x4"};
    float *a, *b;
    operands(s, &a, &b);
    for (int i = 0; i < 3; i++) {
        rk_kinfo info = {.size = sizeof info};
        float *y = convolve(s, tiles[i], "cpu.winograd-error=1000", a, b, &info);
        if (has_vectors && (i == 0) == is_named(s, &info, tiles[i] + 13))
            fail_msg("%s: %s", tiles[i], info.impl);
        error[i] = error_of(s, a, b, y);
        free(y);
    }
    print_message("%s of %d x %dx%d x %dx%d, padding %d: %.3f, 2x2 %.3f, 4x4 %.3f\n",
                  s->which == RK_CONV_Y    ? "y"
                  : s->which == RK_CONV_DX ? "dx"
                                           : "dw",
                  (int)s->N, (int)s->C, (int)s->K, (int)s->H, (int)s->W, (int)s->pad, error[0],
                  error[1], error[2]);
    free(a);
    free(b);
}

/* From the fewest channels that the gate lets through on, larger tiles err about twice as much as
 * exact kernels, and less with more. */
static void test_depth(void **state)
{
    static const int64_t depth[] = {28, 64, 150};
    (void)state;
    for (int i = 0; i < 3; i++) {
        double error[3];
        measure(&(shape){RK_CONV_Y, 1, depth[i], 13, 9, 8, 1}, error);
        assert_true(error[1] <= error[0]);
        assert_true(error[2] <= (i ? 2.1 : 2.4) * error[0]);
        measure(&(shape){RK_CONV_DX, 2, 8, 7, 7, depth[i], 1}, error);
        assert_true(error[2] <= (i ? 2.1 : 2.4) * error[0]);
    }
}

/* dw: whatever its terms are, larger tiles err about as much again as exact kernels. */
static void test_weights(void **state)
{
    static const shape shapes[] = {
        {RK_CONV_DW, 2, 3, 28, 28, 4, 1}, {RK_CONV_DW, 9, 5, 14, 14, 3, 1},
        {RK_CONV_DW, 40, 3, 7, 7, 5, 1},  {RK_CONV_DW, 3, 2, 13, 9, 3, 2},
        {RK_CONV_DW, 9, 4, 6, 33, 2, 0},  {RK_CONV_DW, 3, 2, 43, 41, 3, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        double error[3];
        measure(&shapes[i], error);
        assert_true(error[1] <= error[0]);
        assert_true(error[2] <= 2 * error[0]);
    }
}

/* Planes that no tile divides, one image, odd channels, every padding. */
static void test_edges(void **state)
{
    static const int64_t size[][2] = {{5, 5}, {7, 7}, {13, 9}, {3, 33}, {4, 8}, {28, 1}};
    (void)state;
    for (int i = 0; i < 6 * 3 * 2; i++) {
        shape s = {i % 2 ? RK_CONV_DX : RK_CONV_Y,
                   1 + i / 6 % 2 * 2,
                   9,
                   size[i / 6][0],
                   size[i / 6][1],
                   11,
                   i / 2 % 3};
        double error[3];
        if (s.H + 2 * s.pad < 3 || s.W + 2 * s.pad < 3) continue;
        measure(&s, error);
        assert_true(error[2] <= 6);
    }
}

/* Large tiles, or not. */
static void test_gate(void **state)
{
    static const struct {
        int64_t which, C;
        const char *tile, *error;
        int large;
    } cases[] = {{RK_CONV_Y, 27, "cpu.winograd=4x4", NULL, 0},
                 {RK_CONV_Y, 28, "cpu.winograd=4x4", NULL, 1},
                 {RK_CONV_Y, 64, "cpu.winograd=always", NULL, 1},
                 {RK_CONV_Y, 64, "cpu.winograd=2x2", NULL, 0},
                 {RK_CONV_Y, 64, "cpu.winograd=4x4", "cpu.winograd-error=7.5", 0},
                 {RK_CONV_Y, 64, "cpu.winograd=4x4", "cpu.winograd-error=8", 1},
                 {RK_CONV_Y, 256, "cpu.winograd=4x4", "cpu.winograd-error=2", 0},
                 {RK_CONV_Y, 2, "cpu.winograd=4x4", "cpu.winograd-error=50", 1},
                 {RK_CONV_DW, 64, "cpu.winograd=4x4", NULL, 1},
                 {RK_CONV_DW, 64, "cpu.winograd=2x2", NULL, 0},
                 {RK_CONV_DW, 64, "cpu.winograd=4x4", "cpu.winograd-error=0.5", 0},
                 {RK_CONV_DW, 64, "cpu.winograd=4x4", "cpu.winograd-error=0.52", 1}};
    (void)state;
    for (size_t i = 0; has_vectors && i < sizeof cases / sizeof *cases; i++) {
        shape s = {cases[i].which, 32, cases[i].C, 16, 16, 16, 1};
        rk_kinfo info = {.size = sizeof info};
        float *a, *b, *y;
        operands(&s, &a, &b);
        y = convolve(&s, cases[i].tile, cases[i].error, a, b, &info);
        if (is_named(&s, &info, "4x4") != cases[i].large) fail_msg("case %zu: %s", i, info.impl);
        assert_int_equal(info.bound, RK_BOUND_PLANES);
        free(y);
        free(a);
        free(b);
    }
}

static void test_options(void **state)
{
    static const char *const wrong[] = {"cpu.winograd=4", "cpu.winograd-error=no",
                                        "cpu.winograd-error=0"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *list[] = {wrong[i], NULL};
        rk_error e = {.size = sizeof e};
        rk_bed h;
        assert_int_equal(rk_bed_open(&h, path, 0, list, &e), RK_E_INVALID);
        assert_non_null(strstr(e.text, wrong[i]));
        rk_bed_close(&h);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_depth), cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_gate), cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_weights)};
    rk_error e = {.size = sizeof e};
    rk_bed h;
    if (argc != 2) return 2;
    path = argv[1];
    if (rk_bed_open(&h, path, 0, (const char *[]){NULL}, &e) != RK_OK) return 2;
    has_vectors = strstr(h.info.driver, " plain") == NULL;
    rk_bed_close(&h);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
