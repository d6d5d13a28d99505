/* Quantiles, mean and deviation against numbers worked out by hand, and R's quantile(type = 7). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/moments.h"
#include "base/spread.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (1 + fabs(want)))) fail_msg("%.17g, not %.17g", got, want);
}

static void test_nothing(void **state)
{
    (void)state;
    rk_spread s = rk_spread_of(NULL, 0);
    assert_int_equal(s.n, 0);
    assert_true(isnan(s.median) && isnan(s.q1) && isnan(s.q3) && isnan(s.least) && isnan(s.most));
    assert_true(isnan(s.mean) && isnan(s.sd));
}

static void test_one(void **state)
{
    (void)state;
    rk_spread s = rk_spread_one(-3.5);
    assert_int_equal(s.n, 1);
    near(s.median, -3.5);
    near(s.q1, -3.5);
    near(s.q3, -3.5);
    near(s.least, -3.5);
    near(s.most, -3.5);
    near(s.mean, -3.5);
    assert_true(isnan(s.sd));
}

static void test_two(void **state)
{
    (void)state;
    double x[] = {3, 1};
    rk_spread s = rk_spread_of(x, 2);
    near(s.q1, 1.5);
    near(s.median, 2);
    near(s.q3, 2.5);
    near(s.mean, 2);
    near(s.sd, sqrt(2));
    near(x[0], 1); /* sorted */
    near(x[1], 3);
}

/* R: x <- c(9, 1, 4, 16, 2); quantile(x); sd(x) */
static void test_odd(void **state)
{
    (void)state;
    double x[] = {9, 1, 4, 16, 2};
    rk_spread s = rk_spread_of(x, 5);
    assert_int_equal(s.n, 5);
    near(s.least, 1);
    near(s.q1, 2);
    near(s.median, 4);
    near(s.q3, 9);
    near(s.most, 16);
    near(s.mean, 6.4);
    near(s.sd, sqrt(38.3)); /* 153.2 / 4 */
}

/* Four numbers: quantiles lie between two of them. */
static void test_even(void **state)
{
    (void)state;
    double x[] = {10, 0, 2, 5};
    rk_spread s = rk_spread_of(x, 4);
    near(s.q1, 1.5);
    near(s.median, 3.5);
    near(s.q3, 6.25);
    near(s.mean, 4.25);
    near(s.sd, sqrt(56.75 / 3));
}

/* A deviation that is small beside the mean does not get lost. */
static void test_far(void **state)
{
    (void)state;
    double x[] = {1e9 + 1, 1e9 + 2, 1e9 + 3};
    near(rk_spread_of(x, 3).sd, 1);
}

static rk_moments moments_of(const double *x, uint32_t n)
{
    rk_moments m = {0};
    for (uint32_t i = 0; i < n; i++) rk_moments_add(&m, x[i]);
    return m;
}

/* Equal numbers, whatever they are, have no spread; the far ones have theirs. */
static void test_moments(void **state)
{
    (void)state;
    for (int i = 1; i < 100; i++) {
        rk_moments m = {0};
        for (int k = 0; k < 10; k++) rk_moments_add(&m, i / 100.0);
        assert_true(rk_moments_mean(&m) == i / 100.0 && rk_moments_spread(&m) == 0);
    }
    rk_moments far = moments_of((double[]){1e9 + 1, 1e9 + 3}, 2), none = {0};
    near(rk_moments_mean(&far), 1e9 + 2);
    near(rk_moments_spread(&far), sqrt(2));
    assert_true(isnan(rk_moments_mean(&none)) && isnan(rk_moments_spread(&none)));
}

/* What never came counts as infinitely far, wherever it is in the list. */
static void test_moments_of_never(void **state)
{
    (void)state;
    rk_moments first = moments_of((double[]){INFINITY, 1, INFINITY, 2}, 4);
    rk_moments last = moments_of((double[]){1, 2, INFINITY}, 3);
    assert_true(rk_moments_mean(&first) == INFINITY && rk_moments_spread(&first) == 0);
    assert_true(rk_moments_mean(&last) == INFINITY && rk_moments_spread(&last) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_one),
        cmocka_unit_test(test_two),     cmocka_unit_test(test_odd),
        cmocka_unit_test(test_even),    cmocka_unit_test(test_far),
        cmocka_unit_test(test_moments), cmocka_unit_test(test_moments_of_never)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
