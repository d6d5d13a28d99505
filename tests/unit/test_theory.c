/* The host mathematics of the plugin theory: known answers, and definitions written another way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../plugins/diagnose/theory/cover.h"
#include "../../plugins/diagnose/theory/ramps.h"
#include "../../plugins/diagnose/theory/sgd.h"
#include "../../plugins/diagnose/theory/solve.h"
#include "../../plugins/diagnose/theory/spectral.h"
#include "../../plugins/diagnose/theory/tensors.h"
#include "scratch.h"

static rk_random stream(const char *name) { return rk_random_named(7, name); }

/* ---- Theorem 1 ------------------------------------------------------------------------------- */

static void test_ramps_by_hand(void **state)
{
    (void)state;
    const double z[] = {1, 2, 4}, y[] = {3, 1, 5};
    ramps r;
    assert_int_equal(ramps_fit(z, y, 3, 1, 1, &r, NULL), RK_OK);
    const double b[] = {0, 1, 2}, w[] = {3, -5, 4}; /* slopes 3, -2, 2 */
    for (int i = 0; i < 3; i++) {
        assert_true(r.b[i] == b[i]);
        assert_true(r.w[i] == w[i]);
    }
    double out;
    ramps_evaluate(&r, 3, &out); /* halfway between the second point and the third */
    assert_true(out == 3);
    ramps_evaluate(&r, 5, &out); /* beyond all points the last slope goes on */
    assert_true(out == 7);
    ramps_evaluate(&r, -1, &out);
    assert_true(out == 0);
    ramps_free(&r);
    assert_int_equal(ramps_fit(z, y, 2, 1, 2, &r, NULL), RK_OK); /* the last layer has no ReLU */
    ramps_evaluate(&r, 3, &out);
    assert_true(out == -1);
    ramps_free(&r);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The network as it is drawn: layer by layer, every ramp. */
static void forward(const ramps *r, double z, double *out)
{
    for (int64_t o = 0; o < r->outputs; o++) out[o] = 0;
    for (int64_t l = 0; l < r->layers; l++)
        for (int64_t o = 0; o < r->outputs; o++) {
            double sum = out[o];
            for (int64_t j = r->first[l]; j < r->first[l + 1]; j++)
                sum += r->w[j * r->outputs + o] * fmax(z - r->b[j], 0);
            out[o] = l + 1 < r->layers ? fmax(sum, 0) : sum;
        }
}

static void check_ramps(int64_t n, int64_t outputs, int64_t layers)
{
    double *z = malloc((size_t)n * sizeof *z), *y = malloc((size_t)(n * outputs) * sizeof *y);
    assert_true(z && y);
    for (int64_t i = 0; i < n; i++)
        z[i] = (double)rk_random_normal(stream("z"), (uint64_t)i) + 1e-9 * (double)i;
    qsort(z, (size_t)n, sizeof *z, ascending);
    for (int64_t i = 0; i < n * outputs; i++) y[i] = rk_random_below(stream("y"), (uint64_t)i, 10);
    ramps r;
    assert_int_equal(ramps_fit(z, y, n, outputs, layers, &r, NULL), RK_OK);
    assert_int_equal(r.n, n + layers - 1);
    double out[3], drawn[3], worst = 0, apart = 0;
    for (int64_t i = 0; i < n; i++) {
        ramps_evaluate(&r, z[i], out);
        forward(&r, z[i], drawn);
        for (int64_t o = 0; o < outputs; o++) {
            worst = fmax(worst, fabs(out[o] - y[i * outputs + o]));
            apart = fmax(apart, fabs(out[o] - drawn[o]));
        }
    }
    assert_true(worst < 1e-7);
    assert_true(apart < 1e-6);
    ramps_free(&r);
    free(z);
    free(y);
}

static void test_ramps_fit_anything(void **state)
{
    (void)state;
    check_ramps(1, 1, 1);
    check_ramps(500, 1, 1);
    check_ramps(500, 3, 1);
    check_ramps(500, 1, 7);
    check_ramps(97, 2, 97);
}

/* ---- linear algebra -------------------------------------------------------------------------- */

/* Of a definite matrix, j <= i: its diagonal outweighs the rest. */
static double element(int64_t i, int64_t j)
{
    int64_t far = i - j;
    return i == j ? 4 + (double)i : 1 / (double)(1 + far * far) - 0.25 * (double)(j % 3);
}

/* Every element has a place of its own, and the solution is that of the whole matrix. */
static void check_packed(int64_t n)
{
    double *a = calloc((size_t)packed_size(n), sizeof *a), x[9], b[9] = {0};
    unsigned char *seen = calloc((size_t)packed_size(n), 1);
    assert_int_equal(packed_size(n), n * (n + 1) / 2);
    for (int64_t i = 0; i < n; i++) x[i] = (double)(i * i - 3 * i + 1);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            int64_t at = packed_at(n, i, j);
            assert_in_range(at, 0, packed_size(n) - 1);
            assert_false(seen[at]++);
            a[at] = element(i, j);
            b[i] += a[at] * x[j];
            if (i != j) b[j] += a[at] * x[i];
        }
    assert_int_equal(solve_definite(a, n, b, 1, NULL, NULL), RK_OK);
    for (int64_t i = 0; i < n; i++) assert_true(fabs(b[i] - x[i]) < 1e-11);
    free(a);
    free(seen);
}

static void test_packed(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 9; n++) check_packed(n);
}

static void test_definite(void **state)
{
    (void)state;
    double a[3], b[] = {8, 7, 4, 2}, condition; /* two right sides */
    a[packed_at(2, 0, 0)] = 4;
    a[packed_at(2, 1, 0)] = 2;
    a[packed_at(2, 1, 1)] = 3;
    assert_int_equal(solve_definite(a, 2, b, 2, &condition, NULL), RK_OK);
    const double x[] = {1.25, 1.5, 1, 0};
    for (int i = 0; i < 4; i++) assert_true(fabs(b[i] - x[i]) < 1e-14);
    assert_true(fabs(condition - 6.0 * 6 / 8) < 1e-12); /* |A| |A^-1| in the 1-norm: 6 * 6/8 */
    double wrong[3], c[] = {1, 1};
    rk_error e;
    wrong[packed_at(2, 0, 0)] = wrong[packed_at(2, 1, 1)] = 1;
    wrong[packed_at(2, 1, 0)] = 2;
    assert_int_equal(solve_definite(wrong, 2, c, 1, NULL, &e), RK_E_INVALID);
}

static void test_least_norm(void **state)
{
    (void)state;
    double a[] = {1, 2, 2}, b[] = {9, 0, 0}, singular[1]; /* one equation, three unknowns */
    int64_t rank;
    assert_int_equal(solve_least(a, 1, 3, b, 1, singular, &rank, NULL), RK_OK);
    assert_int_equal(rank, 1);
    const double x[] = {1, 2, 2};
    for (int i = 0; i < 3; i++) assert_true(fabs(b[i] - x[i]) < 1e-14);
    assert_true(fabs(singular[0] - 3) < 1e-14);
}

/* ---- separability ---------------------------------------------------------------------------- */

static void test_cover_fraction(void **state)
{
    (void)state;
    assert_true(cover_fraction(3, 5) == 1);
    assert_true(fabs(cover_fraction(5, 5) - 1) < 1e-13);
    assert_true(fabs(cover_fraction(40, 20) - 0.5) < 1e-12);
    assert_true(fabs(cover_fraction(4, 2) - 0.5) < 1e-14); /* (1 + 3) / 8 */
    assert_true(fabs(cover_fraction(5, 2) - 5.0 / 16) < 1e-14);
    assert_true(fabs(cover_fraction(150, 50) - 1.8e-5) < 0.05e-5);
}

/* In the plane n points have 2 n separable labellings of 2^n, whichever they are. */
static void test_cover_counts_in_the_plane(void **state)
{
    (void)state;
    enum { N = 7 };
    double x[N][2], signs[N];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++)
            x[i][k] = (double)rk_random_normal(stream("plane"), (uint64_t)(2 * i + k));
    int count = 0, found;
    for (int bits = 0; bits < 1 << N; bits++) {
        for (int i = 0; i < N; i++) signs[i] = bits >> i & 1 ? 1 : -1;
        assert_int_equal(cover_separable(&x[0][0], signs, N, 2, &found, NULL), RK_OK);
        assert_true(found >= 0);
        count += found;
    }
    assert_int_equal(count, 2 * N);
}

/* ---- SGD ------------------------------------------------------------------------------------- */

static void test_sgd_by_hand(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 0}, y[] = {5, 10, 3, 0}; /* two examples, two pixels and outputs */
    const uint32_t order[] = {1, 0};
    double w[] = {0, 0, 0, 0}, room[2];
    /* Example 1: r = (3, 0), w = ((.9, 0), (0, 0)).  Example 0: r = (4.1, 10). */
    double worst = sgd_epoch(x, y, 2, 2, 2, 0.1, order, room, w);
    const double want[] = {0.9 + 0.41, 1, 0.82, 2};
    for (int i = 0; i < 4; i++) assert_true(fabs(w[i] - want[i]) < 1e-15);
    assert_true(worst == 10);
}

/* ---- norms of layers ------------------------------------------------------------------------- */

enum { K = 3, C = 2, H = 5, W = 6 };

static layer convolution(double *w, int64_t stride, int64_t pad)
{
    layer l = {.w = w, .k = K, .c = C, .h = H, .wide = W};
    l.win = (rk_window){3,
                        2,
                        stride,
                        stride,
                        pad,
                        pad,
                        (H + 2 * pad - 3) / stride + 1,
                        (W + 2 * pad - 2) / stride + 1};
    for (int i = 0; i < K * C * 6; i++)
        w[i] = (double)rk_random_normal(stream("filters"), (uint64_t)i);
    return l;
}

/* The weight from input (c, y, x) to output (k, i, j), by the definition of a convolution. */
static double weight(const layer *l, int64_t k, int64_t i, int64_t j, int64_t c, int64_t y,
                     int64_t x)
{
    int64_t r = y - i * l->win.stride_h + l->win.pad_h, s = x - j * l->win.stride_w + l->win.pad_w;
    bool in = r >= 0 && r < l->win.kh && s >= 0 && s < l->win.kw;
    return in ? l->w[((k * l->c + c) * l->win.kh + r) * l->win.kw + s] : 0;
}

/* The convolution as a dense layer [outputs][inputs]. */
static double *matrix(const layer *l)
{
    int64_t n = layer_outputs(l), m = layer_inputs(l), oh = l->win.out_h, ow = l->win.out_w;
    double *a = malloc((size_t)(n * m) * sizeof *a);
    assert_non_null(a);
    for (int64_t o = 0; o < n; o++)
        for (int64_t q = 0; q < m; q++)
            a[o * m + q] =
                weight(l, o / (oh * ow), o / ow % oh, o % ow, q / (H * W), q / W % H, q % W);
    return a;
}

static void check_convolution(int64_t stride, int64_t pad)
{
    double w[K * C * 6], spectral, dense_spectral, rows, dense_rows;
    layer l = convolution(w, stride, pad);
    double *a = matrix(&l), x[C * H * W], y[K * (H + 2) * (W + 3)], back[C * H * W];
    int64_t n = layer_outputs(&l), m = layer_inputs(&l);
    layer dense = {.w = a, .k = n, .d = m};
    for (int64_t q = 0; q < m; q++) x[q] = (double)rk_random_normal(stream("x"), (uint64_t)q);
    layer_apply(&l, x, y);
    layer_adjoint(&l, y, back);
    for (int64_t o = 0; o < n; o++) {
        double want = 0;
        for (int64_t q = 0; q < m; q++) want += a[o * m + q] * x[q];
        assert_true(fabs(y[o] - want) < 1e-12);
    }
    for (int64_t q = 0; q < m; q++) {
        double want = 0;
        for (int64_t o = 0; o < n; o++) want += a[o * m + q] * y[o];
        assert_true(fabs(back[q] - want) < 1e-11);
    }
    assert_int_equal(row_norms(&l, &rows, NULL), RK_OK);
    assert_int_equal(row_norms(&dense, &dense_rows, NULL), RK_OK);
    assert_true(fabs(rows - dense_rows) < 1e-11);
    assert_int_equal(spectral_norm(&l, stream("a"), 1e-14, 100000, &spectral, NULL), RK_OK);
    assert_int_equal(spectral_norm(&dense, stream("b"), 1e-14, 100000, &dense_spectral, NULL),
                     RK_OK);
    assert_true(fabs(spectral - dense_spectral) < 1e-7);
    double singular[K * (H + 2) * (W + 3)], *b = calloc((size_t)(n + m), sizeof *b);
    int64_t rank; /* LAPACK's columns are the rows here: the singular values are the same */
    assert_non_null(b);
    assert_int_equal(solve_least(a, m, n, b, 1, singular, &rank, NULL), RK_OK);
    assert_true(fabs(spectral - singular[0]) < 1e-7);
    free(a);
    free(b);
}

static void test_convolutions_as_maps(void **state)
{
    (void)state;
    check_convolution(1, 1);
    check_convolution(2, 1);
    check_convolution(1, 0);
    check_convolution(3, 2);
}

static void test_norms_by_hand(void **state)
{
    (void)state;
    const double w[] = {3, 4, 0, 0, 0, 2}; /* rows of length 5 and 2, orthogonal */
    layer l = {.w = w, .k = 2, .d = 3};
    double spectral, rows;
    assert_int_equal(spectral_norm(&l, stream("a"), 1e-15, 1000, &spectral, NULL), RK_OK);
    assert_int_equal(row_norms(&l, &rows, NULL), RK_OK);
    assert_true(fabs(spectral - 5) < 1e-12);
    assert_true(rows == 7);
    const bound b[] = {{2, 16}, {3, 3}}; /* 6 (4 + 1)^(3/2) */
    assert_true(fabs(spectral_complexity(b, 2) - 6 * pow(5, 1.5)) < 1e-12);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_tensors(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {4, 5, 6, 7};
    const tensor t[] = {{"a", RK_SHAPE(3), a}, {"b", RK_SHAPE(2, 2), b}};
    const char *want = "{\"__metadata__\":{\"note\":\"of two\"},"
                       "\"a\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[0,24]},"
                       "\"b\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[24,56]}}";
    assert_int_equal(tensors_write(scratch("t"), t, 2, "of two", NULL), RK_OK);
    size_t bytes;
    char *file = scratch_read(scratch("t"), &bytes);
    uint64_t length;
    memcpy(&length, file, sizeof length);
    assert_int_equal(length % 8, 0);
    assert_int_equal(bytes, 8 + length + sizeof a + sizeof b);
    assert_memory_equal(file + 8, want, strlen(want));
    for (uint64_t i = strlen(want); i < length; i++) assert_int_equal(file[8 + i], ' ');
    assert_memory_equal(file + 8 + length, a, sizeof a);
    assert_memory_equal(file + 8 + length + sizeof a, b, sizeof b);
    free(file);
    rk_error e;
    assert_int_equal(tensors_write("/dev/null/t", t, 2, "", &e), RK_E_IO);
    assert_string_equal(e.text, "cannot write /dev/null/t: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ramps_by_hand),
                                       cmocka_unit_test(test_ramps_fit_anything),
                                       cmocka_unit_test(test_packed),
                                       cmocka_unit_test(test_definite),
                                       cmocka_unit_test(test_least_norm),
                                       cmocka_unit_test(test_cover_fraction),
                                       cmocka_unit_test(test_cover_counts_in_the_plane),
                                       cmocka_unit_test(test_sgd_by_hand),
                                       cmocka_unit_test(test_convolutions_as_maps),
                                       cmocka_unit_test(test_norms_by_hand),
                                       cmocka_unit_test(test_tensors)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
