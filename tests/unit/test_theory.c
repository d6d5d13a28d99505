/* The host mathematics of the plugin theory: known answers, and definitions written another way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "../../plugins/diagnose/theory/cover.h"
#include "../../plugins/diagnose/theory/ramps.h"
#include "../../plugins/diagnose/theory/solve.h"

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

static void test_definite(void **state)
{
    (void)state;
    double a[] = {4, 2, 2, 3}, b[] = {8, 7, 4, 2}, condition; /* two right sides */
    assert_int_equal(solve_definite(a, 2, b, 2, &condition, NULL), RK_OK);
    const double x[] = {1.25, 1.5, 1, 0};
    for (int i = 0; i < 4; i++) assert_true(fabs(b[i] - x[i]) < 1e-14);
    assert_true(fabs(condition - 6.0 * 6 / 8) < 1e-12); /* |A| |A^-1| in the 1-norm: 6 * 6/8 */
    double wrong[] = {1, 2, 2, 1}, c[] = {1, 1};
    rk_error e;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ramps_by_hand),  cmocka_unit_test(test_ramps_fit_anything),
        cmocka_unit_test(test_definite),       cmocka_unit_test(test_least_norm),
        cmocka_unit_test(test_cover_fraction), cmocka_unit_test(test_cover_counts_in_the_plane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
