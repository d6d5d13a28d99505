/* Functions of numerics.h against the C library in double, over a dense sample of all floats, with
 * the bounds that the header states; the integer division and root against the processor's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include "rethink/numerics.h"

/* A prime step: every exponent and many low mantissa patterns are met. */
#define STEP 8191u

static double error_ulp(float got, double want)
{
    float nearest = (float)want;
    int e;
    if (isnan(want)) return isnan(got) ? 0 : INFINITY;
    if (isinf(nearest)) return got == nearest ? 0 : INFINITY;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

static void check(float (*got)(float), double (*want)(double), double bound)
{
    double worst = 0;
    for (uint64_t i = 0; i < (uint64_t)1 << 32; i += STEP) {
        float x = rk_float((uint32_t)i);
        double u = error_ulp(got(x), want((double)x));
        if (u > worst) worst = u;
    }
    assert_true(worst <= bound);
    assert_true(worst > 0); /* the sample met something */
}

static float exp_of(float x) { return rk_expf(x); }
static float log_of(float x) { return rk_logf(x); }
static float sin_of(float x) { return rk_sinf(x); }
static float cos_of(float x) { return rk_cosf(x); }

static void test_exp(void **state)
{
    (void)state;
    check(exp_of, exp, 1.011);
    assert_true(isinf(rk_expf(89.0f)) && rk_expf(-104.0f) == 0.0f && rk_expf(0.0f) == 1.0f);
    assert_true(isnan(rk_expf(NAN)) && isinf(rk_expf(INFINITY)) && rk_expf(-INFINITY) == 0.0f);
    assert_true(rk_expf(-100.0f) > 0.0f && rk_expf(-100.0f) < 1.2e-38f); /* subnormal */
}

static void test_log(void **state)
{
    (void)state;
    check(log_of, log, 0.827);
    assert_true(rk_logf(1.0f) == 0.0f && isinf(rk_logf(0.0f)) && isinf(rk_logf(-0.0f)));
    assert_true(isnan(rk_logf(-1.0f)) && isnan(rk_logf(NAN)) && isnan(rk_logf(-NAN)));
    assert_true(isinf(rk_logf(INFINITY)) && isnan(rk_logf(-INFINITY)));
}

static void test_sin_cos(void **state)
{
    (void)state;
    check(sin_of, sin, 1.543);
    check(cos_of, cos, 1.543);
    assert_true(isnan(rk_sinf(INFINITY)) && isnan(rk_cosf(-INFINITY)) && isnan(rk_cosf(NAN)));
    assert_true(rk_cosf(0.0f) == 1.0f && rk_bits(rk_sinf(-0.0f)) == 0x80000000u);
}

static bool same(float a, float b) { return (isnan(a) && isnan(b)) || rk_bits(a) == rk_bits(b); }

static void test_soft_sqrt(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < (uint64_t)1 << 32; i += STEP)
        assert_true(same(rk_sqrt_soft(rk_float((uint32_t)i)), sqrtf(rk_float((uint32_t)i))));
}

static const uint32_t special[] = {0,           0x80000000u, 1,           0x007FFFFFu, 0x00800000u,
                                   0x3F800000u, 0x7F7FFFFFu, 0x7F800000u, 0xFF800000u, 0x7FC00000u};
enum { N = sizeof special / sizeof *special };

/* Pairs of all kinds: random bits; alike exponents; subnormal operands and quotients; specials. */
static void test_soft_division(void **state)
{
    uint32_t c[4];
    (void)state;
    for (uint32_t i = 0; i < 300000; i++) {
        c[0] = i, c[1] = c[2] = c[3] = 0;
        rk_philox(c, 7, 11);
        uint32_t a = i % 5 ? c[0] : special[c[0] % N], b = i % 7 ? c[1] : special[c[1] % N];
        if (i % 3 == 0) b = (b & 0x807FFFFFu) | (a & 0x7F800000u);
        if (i % 11 == 0) a &= 0x80FFFFFFu;
        float x = rk_float(a), y = rk_float(b);
        assert_true(same(rk_div_soft(x, y), x / y));
    }
}

/* Triples of all kinds: random bits; specials; c near the product, so that most of it cancels, or
 * at every distance from it; subnormal results. */
static void test_soft_fma(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t w[4] = {i, 0, 0, 0};
        rk_philox(w, 5, 17);
        float a = rk_float(w[0]), b = rk_float(w[1]), c = rk_float(w[2]);
        if (i % 5 == 0) a = rk_float(special[w[0] % N]);
        if (i % 7 == 0) b = rk_float(special[w[1] % N]);
        if (i % 11 == 0) c = rk_float(special[w[2] % N]);
        if (i % 3 == 0) a = rk_float((w[0] & 0x80FFFFFFu) | 0x3F000000u);
        if (i % 3 == 0) b = rk_float((w[1] & 0x80FFFFFFu) | 0x3F000000u);
        if (i % 6 == 0) c = rk_float(rk_bits(-(a * b)) + w[2] % 5 - 2);
        if (i % 6 == 3) c = ldexpf(a * b, (int)(w[2] % 128) - 64) * (w[3] % 2 ? 1.0f : -1.0f);
        if (i % 13 == 0) c = rk_float(w[2] & 0x807FFFFFu), a = ldexpf(a, -126);
        assert_true(same(rk_fma_soft(a, b, c), fmaf(a, b, c)));
    }
}

static void test_conversions(void **state)
{
    (void)state;
    assert_int_equal(rk_op_F2U(rk_bits(-1.0f)), 0);
    assert_int_equal(rk_op_F2U(rk_bits(NAN)), 0);
    assert_int_equal(rk_op_F2U(rk_bits(0.99f)), 0);
    assert_int_equal(rk_op_F2U(rk_bits(1.0f)), 1);
    assert_int_equal(rk_op_F2U(rk_bits(4294967040.0f)), 4294967040u);
    assert_int_equal(rk_op_F2U(rk_bits(4294967296.0f)), 0xFFFFFFFFu);
    assert_true(rk_float(rk_op_U2F(16777217u)) == 16777216.0f); /* ties to even */
    assert_true(rk_float(rk_op_U2F(16777219u)) == 16777220.0f);
    assert_int_equal(rk_op_IMULHI(0xFFFFFFFFu, 0xFFFFFFFFu), 0xFFFFFFFEu);
    assert_int_equal(rk_op_ISHR(8, 33), 4);
    assert_int_equal(rk_op_FMAX(rk_bits(NAN), rk_bits(1.0f)), rk_bits(1.0f));
    assert_int_equal(rk_op_FMAX(rk_bits(-0.0f), 0), 0);
}

static void test_normal_moments(void **state)
{
    double sum = 0, square = 0;
    enum { COUNT = 1 << 20 };
    (void)state;
    for (uint32_t i = 0; i < COUNT; i += 2) {
        uint32_t c[4] = {i, 0, 0, 0};
        rk_philox(c, 3, 5);
        double a = (double)rk_normal(c[0], c[1]), b = (double)rk_normal(c[2], c[3]);
        sum += a + b;
        square += a * a + b * b;
    }
    assert_true(fabs(sum / COUNT) < 4.0 / sqrt(COUNT));
    assert_true(fabs(square / COUNT - 1) < 4.0 * sqrt(2.0 / COUNT));
    assert_false(isinf(rk_normal(0, 0)) || isnan(rk_normal(0, 0)));
    assert_true(rk_normal(0xFFFFFFFFu, 0) == 0.0f); /* log 1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),           cmocka_unit_test(test_log),
        cmocka_unit_test(test_sin_cos),       cmocka_unit_test(test_soft_sqrt),
        cmocka_unit_test(test_soft_division), cmocka_unit_test(test_soft_fma),
        cmocka_unit_test(test_conversions),   cmocka_unit_test(test_normal_moments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
