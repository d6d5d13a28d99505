/* What the sharpness metric is made of: maxima in boxes, and random subspaces. */
#include "../../plugins/diagnose/sharpness/box.h"
#include "../../plugins/diagnose/sharpness/subspace.h"
#include "data_harness.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 12 };

/* f(y) = slope . y + 1/2 y^T H y, times a factor. */
typedef struct quadratic {
    double slope[N], h[N][N], factor;
    int64_t calls, fail_at;
} quadratic;

static rk_status value(void *ctx, const double *y, double *f, double *gradient, rk_error *e)
{
    quadratic *q = ctx;
    if (++q->calls == q->fail_at) return rk_error_set(e, RK_E_STOPPED, "stopped");
    *f = 0;
    for (int i = 0; i < N; i++) {
        double g = q->slope[i], hy = 0;
        for (int j = 0; j < N; j++) hy += q->h[i][j] * y[j];
        *f += q->factor * (g + hy / 2) * y[i];
        if (gradient) gradient[i] = q->factor * (g + hy);
    }
    return RK_OK;
}

static double uniform(uint64_t i)
{
    return 2 * (double)rk_random_uniform((rk_random){7, 0, 3}, i) - 1;
}

static void bounds(double *b)
{
    for (int i = 0; i < N; i++) b[i] = 1e-3 * (1 + fabs(3 * uniform(1000 + (uint64_t)i)));
}

static double ascend(quadratic *q, const double *bound, int64_t steps)
{
    double y[N] = {0}, best;
    rk_error e = rk_error_new();
    box b = {N, bound, q, value};
    q->calls = 0;
    assert_int_equal(box_ascend(&b, steps, y, &best, &e), RK_OK);
    assert_int_equal(q->calls, steps + 1);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i]) <= bound[i]);
    return best;
}

static double lbfgs(quadratic *q, const double *bound, int64_t steps)
{
    double y[N] = {0}, best;
    rk_error e = rk_error_new();
    box b = {N, bound, q, value};
    q->calls = 0;
    assert_int_equal(box_lbfgs(&b, steps, y, &best, &e), RK_OK);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i]) <= bound[i]);
    return best;
}

/* The maximum of a linear function is at the corner that the slope points to, and a coordinate
 * without slope stays where it is. */
static void test_linear(void **state)
{
    (void)state;
    quadratic q = {.factor = 1e-6};
    double bound[N], most = 0;
    bounds(bound);
    for (int i = 0; i < N; i++) {
        q.slope[i] = i == 5 ? 0 : uniform((uint64_t)i);
        most += 1e-6 * fabs(q.slope[i]) * bound[i];
    }
    assert_true(fabs(ascend(&q, bound, 1) / most - 1) < 1e-12);
    assert_true(fabs(lbfgs(&q, bound, 20) / most - 1) < 1e-6);
    assert_true(ascend(&q, bound, 0) == 0);
}

/* A convex function is largest at a corner: the best of all. */
static double corners(quadratic *q, const double *bound)
{
    double best = -INFINITY;
    for (int k = 0; k < 1 << N; k++) {
        double y[N], f = 0;
        for (int i = 0; i < N; i++) y[i] = k >> i & 1 ? bound[i] : -bound[i];
        value(q, y, &f, NULL, NULL);
        best = fmax(best, f);
    }
    return best;
}

/* As near a minimum: a slope that is nearly 0, curvatures of a few directions, and values of 1e-9.
 * Corners are local maxima; of a dozen starts the best one's is within 6 % of the largest, with
 * both engines. */
static void test_convex(void **state)
{
    (void)state;
    for (int trial = 0; trial < 20; trial++) {
        quadratic q = {.factor = 1e-3};
        double bound[N];
        bounds(bound);
        for (int i = 0; i < N; i++) q.slope[i] = 1e-4 * uniform((uint64_t)(trial * 100 + i));
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < N; i++)
                for (int j = 0; j < N; j++) {
                    uint64_t at = (uint64_t)(trial * 100 + 30 + k * N);
                    q.h[i][j] += uniform(at + (uint64_t)i) * uniform(at + (uint64_t)j);
                }
        double most = corners(&q, bound), a = 0, l = 0;
        for (uint64_t start = 0; start < 12; start++) {
            double y[N], z[N], best;
            rk_error e = rk_error_new();
            box b = {N, bound, &q, value};
            for (uint64_t i = 0; i < N; i++)
                y[i] = z[i] = start ? bound[i] * uniform(5000 + start * N + i) : 0;
            assert_int_equal(box_ascend(&b, 10, y, &best, &e), RK_OK);
            a = fmax(a, best);
            assert_int_equal(box_lbfgs(&b, 20, z, &best, &e), RK_OK);
            l = fmax(l, best);
        }
        assert_true(a <= most * (1 + 1e-12) && l <= most * (1 + 1e-12));
        assert_true(a > 0.94 * most);
        assert_true(l > 0.94 * most);
    }
}

/* A maximum inside of the box: L-BFGS goes there, whatever the factor. */
static void test_concave(void **state)
{
    (void)state;
    for (double factor = 1e-9; factor < 1e4; factor *= 1e3) {
        quadratic q = {.factor = factor};
        double bound[N], most = 0;
        bounds(bound);
        for (int i = 0; i < N; i++) {
            double peak = 0.5 * bound[i] * uniform((uint64_t)i), h = 1 + i % 3;
            q.h[i][i] = -h;
            q.slope[i] = h * peak;
            most += factor * h * peak * peak / 2;
        }
        assert_true(fabs(lbfgs(&q, bound, 8) / most - 1) < 1e-3);
        assert_true(q.calls <= 12); /* with wrong slopes it would look for longer */
    }
}

static void test_no_slope(void **state)
{
    (void)state;
    quadratic q = {.factor = 1};
    double bound[N];
    bounds(bound);
    assert_true(ascend(&q, bound, 3) == 0);
    assert_true(lbfgs(&q, bound, 10) == 0);
}

/* An error ends the search and is handed on. */
static void test_errors(void **state)
{
    (void)state;
    for (int64_t at = 1; at < 4; at++)
        for (int engine = 0; engine < 2; engine++) {
            quadratic q = {.factor = 1, .slope = {1, 2}, .h[0][0] = 1, .fail_at = at};
            double bound[N], y[N] = {0}, best;
            rk_error e = rk_error_new();
            box b = {N, bound, &q, value};
            bounds(bound);
            q.h[1][1] = -3000;
            rk_status s =
                engine ? box_lbfgs(&b, 20, y, &best, &e) : box_ascend(&b, 20, y, &best, &e);
            assert_int_equal(s, RK_E_STOPPED);
            assert_string_equal(e.text, "stopped");
            assert_int_equal(q.calls, at);
        }
}

enum { ROWS = 2500, COLUMNS = 7 };

/* A+ A = I, entries do not depend on whether they are kept, and are normal. */
static void test_subspace(void **state)
{
    (void)state;
    static double v[2][ROWS], y[COLUMNS], back[COLUMNS], products[2][COLUMNS];
    for (uint32_t columns = SUBSPACE_NORMAL; columns <= SUBSPACE_UNIT; columns++) {
        for (int kept = 0; kept < 2; kept++) {
            rk_error e = rk_error_new();
            subspace s;
            assert_int_equal(subspace_new(&s, ROWS, COLUMNS, columns, (rk_random){5, 0, 9},
                                          kept ? ROWS * COLUMNS * 4 : ROWS * COLUMNS * 4 - 1, &e),
                             RK_OK);
            assert_true((s.entries != NULL) == kept);
            for (int j = 0; j < COLUMNS; j++) y[j] = j == 0 ? 1 : uniform((uint64_t)j);
            subspace_apply(&s, y, v[kept]);
            assert_int_equal(subspace_solve(&s, v[kept], back, &e), RK_OK);
            for (int j = 0; j < COLUMNS; j++) assert_true(fabs(back[j] - y[j]) < 1e-12);
            subspace_transpose(&s, v[kept], products[kept]);
            subspace_free(&s);
        }
        assert_memory_equal(v[0], v[1], sizeof v[0]);
        assert_memory_equal(products[0], products[1], sizeof products[0]);
    }
}

/* Of one column with y = 1: its entries. */
static void test_columns(void **state)
{
    (void)state;
    static double a[2][ROWS];
    const double y[2] = {0, 1};
    for (uint32_t columns = 0; columns < 2; columns++) {
        rk_error e = rk_error_new();
        subspace s;
        double squares = 0;
        assert_int_equal(subspace_new(&s, ROWS, 2, columns, (rk_random){5, 0, 9}, 0, &e), RK_OK);
        subspace_apply(&s, y, a[columns]);
        for (int i = 0; i < ROWS; i++) squares += a[columns][i] * a[columns][i];
        if (columns == SUBSPACE_UNIT)
            assert_true(fabs(squares - 1) < 1e-12);
        else
            assert_true(fabs(squares / ROWS - 1) < 0.1);
        subspace_free(&s);
    }
    for (int i = 0; i < ROWS; i++)
        assert_true(a[0][i] ==
                    (double)rk_random_normal((rk_random){5, 0, 9}, (uint64_t)(ROWS + i)));
}

/* What the columns do not reach is left out: A (A+ v) is the projection of v. */
static void test_projection(void **state)
{
    (void)state;
    static double v[ROWS], image[ROWS], y[COLUMNS], rest[COLUMNS];
    rk_error e = rk_error_new();
    subspace s;
    assert_int_equal(subspace_new(&s, ROWS, COLUMNS, SUBSPACE_NORMAL, (rk_random){5, 0, 9}, 0, &e),
                     RK_OK);
    for (int i = 0; i < ROWS; i++) v[i] = uniform((uint64_t)i);
    assert_int_equal(subspace_solve(&s, v, y, &e), RK_OK);
    subspace_apply(&s, y, image);
    for (int i = 0; i < ROWS; i++) v[i] -= image[i];
    subspace_transpose(&s, v, rest);
    for (int j = 0; j < COLUMNS; j++) assert_true(fabs(rest[j]) < 1e-10);
    subspace_free(&s);
    assert_int_equal(subspace_new(&s, 3, 4, SUBSPACE_NORMAL, (rk_random){5, 0, 9}, 0, &e),
                     RK_E_INVALID);
    assert_non_null(strstr(e.text, "dimension 4 of a space of dimension 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),  cmocka_unit_test(test_convex),
        cmocka_unit_test(test_concave), cmocka_unit_test(test_no_slope),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_subspace),
        cmocka_unit_test(test_columns), cmocka_unit_test(test_projection)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
