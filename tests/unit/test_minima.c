/* What diagnostics of minima compute on the host: Gini, bisection, directions and paths. */
#include "../../plugins/diagnose/flatness/bisect.h"
#include "../../plugins/diagnose/landscape/direction.h"
#include "../../plugins/diagnose/sensitivity/gini.h"
#include "data_harness.h"
#include <math.h>
#include <string.h>

static double gini(int64_t n, ...)
{
    double v[8];
    va_list list;
    va_start(list, n);
    for (int64_t i = 0; i < n; i++) v[i] = va_arg(list, double);
    va_end(list);
    return gini_of(v, n);
}

static void test_gini(void **state)
{
    (void)state;
    assert_true(gini(4, 3.0, 3.0, 3.0, 3.0) == 0);
    assert_true(fabs(gini(4, 0.0, 7.0, 0.0, 0.0) - 0.75) < 1e-15);
    assert_true(gini(1, 5.0) == 0);
    assert_true(isnan(gini(3, 0.0, 0.0, 0.0)));
    /* Half the mean difference of all pairs over the mean: of 1, 3, 8 (2 + 5 + 7) 2 / 9 / 2 / 4. */
    assert_true(fabs(gini(3, 8.0, 1.0, 3.0) - 28.0 / 72) < 1e-15);
    assert_true(fabs(gini(3, 0.08, 0.01, 0.03) - 28.0 / 72) < 1e-15);
}

/* A property that holds up to a limit. */
typedef struct up_to {
    double limit;
    int64_t asked, fail_at;
} up_to;

static rk_status holds(void *ctx, double x, bool *yes, rk_error *e)
{
    up_to *u = ctx;
    if (++u->asked == u->fail_at) return rk_error_set(e, RK_E_STOPPED, "stopped");
    *yes = x <= u->limit;
    return RK_OK;
}

static void test_bisection(void **state)
{
    (void)state;
    static const double limits[] = {0, 1e-7, 0.3, 1, 1.25, 1.9999};
    rk_error e = rk_error_new();
    double x;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        up_to u = {.limit = limits[i]};
        assert_int_equal(bisect(2, 15, holds, &u, &x, &e), RK_OK);
        assert_int_equal(u.asked, 16);
        assert_true(x <= limits[i] && limits[i] < x + 2.0 / 32768);
    }
    up_to far = {.limit = 2};
    assert_int_equal(bisect(2, 15, holds, &far, &x, &e), RK_OK);
    assert_true(x == 2 && far.asked == 1);
    for (int64_t at = 1; at <= 16; at++) {
        up_to u = {.limit = 0.3, .fail_at = at};
        assert_int_equal(bisect(2, 15, holds, &u, &x, &e), RK_E_STOPPED);
        assert_int_equal(u.asked, at);
    }
}

enum { FILTERS = 3, LENGTH = 20, BIAS = 4, ALL = 2 + FILTERS * LENGTH + BIAS };

/* Each filter has the length of the weights'; biases, and what is no part, do not move. */
static void test_direction(void **state)
{
    (void)state;
    rk_lab_tensor weight = {"c/weight", {4, {FILTERS, 5, 2, 2}}, 2, FILTERS * LENGTH};
    rk_lab_tensor bias = {"c/bias", {1, {BIAS}}, 2 + FILTERS * LENGTH, BIAS};
    rk_random r = {3, 0, 8};
    float w[ALL];
    double d[ALL];
    for (int i = 0; i < ALL; i++) {
        w[i] = i / LENGTH == 1 ? 0.1f * (float)i : (float)(i % 7) - 3;
        d[i] = 77;
    }
    direction_fill(&weight, w, r, d);
    direction_fill(&bias, w, r, d);
    assert_true(d[0] == 77 && d[1] == 77);
    for (int i = 2 + FILTERS * LENGTH; i < ALL; i++) assert_true(d[i] == 0);
    for (int k = 0; k < FILTERS; k++) {
        double want = 0, have = 0, drawn = 0;
        for (int i = 2 + k * LENGTH; i < 2 + (k + 1) * LENGTH; i++) {
            double normal = (double)rk_random_normal(r, (uint64_t)i);
            want += (double)w[i] * (double)w[i];
            have += d[i] * d[i];
            drawn += normal * normal;
        }
        assert_true(fabs(have / want - 1) < 1e-12);
        for (int i = 2 + k * LENGTH; i < 2 + (k + 1) * LENGTH; i++) {
            double normal = (double)rk_random_normal(r, (uint64_t)i);
            assert_true(fabs(d[i] - normal * sqrt(want / drawn)) < 1e-12);
        }
    }
}

static void test_paths(void **state)
{
    (void)state;
    const float a[3] = {1, -2, 0.5f}, b[3] = {3, 4, -0.25f};
    float x[3];
    path_linear(a, b, 0, 3, x);
    assert_memory_equal(x, a, sizeof x);
    path_linear(a, b, 1, 3, x);
    assert_memory_equal(x, b, sizeof x);
    path_linear(a, b, -1, 3, x);
    assert_true(x[0] == -1 && x[1] == -8 && x[2] == 1.25f);
    path_curved(a, b, 0, 3, x);
    assert_memory_equal(x, a, sizeof x);
    for (double alpha = -1; alpha <= 2; alpha += 0.125) {
        path_curved(a, b, alpha, 3, x);
        for (int i = 0; i < 3; i++) {
            double angle = alpha * acos(-1) / 2;
            assert_true(fabs((double)x[i] -
                             (cos(angle) * (double)a[i] + sin(angle) * (double)b[i])) < 1e-6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gini), cmocka_unit_test(test_bisection),
        cmocka_unit_test(test_direction), cmocka_unit_test(test_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
