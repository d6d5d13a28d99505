/* Host randomness against Random123 and against statistics with known spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>
#include <xxhash.h>
#include "rethink/numerics.h"
#include "rethink/plugin.h"

/* Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, words. */
static void test_known_answers(void **state)
{
    static const uint32_t rows[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    (void)state;
    for (int i = 0; i < 3; i++) {
        uint32_t c[4] = {rows[i][0], rows[i][1], rows[i][2], rows[i][3]};
        rk_philox(c, rows[i][4], rows[i][5]);
        assert_memory_equal(c, rows[i] + 6, sizeof c);
    }
}

/* Word i is word i % 4 of the block with counter (i / 4, 0, step, stream). */
static void test_words_are_random123s(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 2000; k++) {
        uint64_t i = k * k * 4099 % ((uint64_t)1 << 34), seed = k * 0x9E3779B97F4A7C15u;
        rk_random r = {seed, (uint32_t)(k * 77), (uint32_t)(k * 0x85EBCA6Bu)};
        philox4x32_ctr_t c = {{(uint32_t)(i / 4), 0, r.step, r.stream}};
        philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
        c = philox4x32(c, key);
        assert_int_equal(rk_random_word(r, i), c.v[i % 4]);
        assert_true(rk_random_uniform(r, i) == rk_uniform(c.v[i % 4]));
        if (i % 2 == 0)
            assert_true(rk_random_normal(r, i / 2) == rk_normal(c.v[i % 4], c.v[i % 4 + 1]));
    }
}

/* The same bits as one by one, and nothing beyond; from odd places on, too. */
static void test_normals_in_a_row(void **state)
{
    enum { MOST = 70, GUARD = 2 };
    static const uint64_t starts[] = {0, 1, 2, 3, 783, 784, ((uint64_t)1 << 33) - MOST};
    (void)state;
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++)
        for (int64_t n = 0; n <= MOST; n++) {
            const rk_random r = {s * 0x9E3779B97F4A7C15u, (uint32_t)s, 77};
            float x[MOST + GUARD];
            for (int i = 0; i < MOST + GUARD; i++) x[i] = 1000.0f;
            rk_random_fill_normal(r, starts[s], n, x);
            for (int64_t i = 0; i < n; i++) {
                float one = rk_random_normal(r, starts[s] + (uint64_t)i);
                assert_memory_equal(&x[i], &one, sizeof one);
            }
            for (int64_t i = n; i < MOST + GUARD; i++) assert_true(x[i] == 1000.0f);
        }
}

static void test_streams_are_named(void **state)
{
    (void)state;
    rk_random r = rk_random_named(5, "transform/labels");
    assert_int_equal(r.seed, 5);
    assert_int_equal(r.step, 0);
    assert_int_equal(r.stream, (uint32_t)XXH3_64bits("transform/labels", 16));
}

static void check_uniform(uint32_t n, uint32_t draws)
{
    uint32_t *count = calloc(n, sizeof *count);
    double chi2 = 0, expected = (double)draws / n;
    assert_non_null(count);
    for (uint32_t i = 0; i < draws; i++) {
        uint32_t x = rk_random_below((rk_random){9, 0, n}, i, n);
        assert_true(x < n);
        count[x]++;
    }
    for (uint32_t k = 0; k < n; k++) chi2 += pow(count[k] - expected, 2) / expected;
    free(count);
    /* chi^2 with n - 1 degrees of freedom: mean n - 1, variance 2 (n - 1). */
    assert_true(fabs(chi2 - (n - 1)) < 5 * sqrt(2.0 * (n - 1)) + 5);
}

static void test_below_is_uniform(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 40; n++) check_uniform(n, 20000);
    check_uniform(1000, 200000);
}

/* With n = 3 * 2^30 plain scaling of a word gives 1/2, 1/4, 1/4 to x % 3; unbiased are 1/3 each. */
static void test_below_rejects(void **state)
{
    enum { N = 30000 };
    uint32_t n = 3u << 30, count[3] = {0}, again = 0;
    rk_random r = {1, 0, 2};
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = rk_random_below(r, i, n), word = rk_random_word(r, i);
        count[x % 3]++;
        if ((uint32_t)((uint64_t)word * n) >= (uint32_t)(0x100000000u % n)) {
            assert_int_equal(x, (uint32_t)((uint64_t)word * n >> 32));
            continue;
        }
        again++; /* the next step's word, or a later one's */
        word = rk_random_word((rk_random){1, 1, 2}, i);
        if ((uint32_t)((uint64_t)word * n) >= (uint32_t)(0x100000000u % n))
            assert_int_equal(x, (uint32_t)((uint64_t)word * n >> 32));
    }
    for (int k = 0; k < 3; k++) assert_true(fabs(count[k] - N / 3.0) < 5 * sqrt(N * 2.0 / 9));
    assert_true(fabs(again - N / 4.0) < 5 * sqrt(N * 3.0 / 16)); /* a quarter is rejected */
}

static void test_order_is_a_permutation(void **state)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 4, 5, 31, 256, 784, 10007};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t n = sizes[s], *order = malloc((n + 1) * sizeof *order);
        uint8_t *seen = calloc(n + 1, 1);
        assert_non_null(order);
        assert_non_null(seen);
        order[n] = 0xABCDEF01u; /* a guard */
        rk_random_order((rk_random){3, 0, 4}, n, order);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(order[i] < n);
            assert_int_equal(seen[order[i]]++, 0);
        }
        assert_int_equal(order[n], 0xABCDEF01u);
        free(order);
        free(seen);
    }
}

/* Each of the 24 orders of 4 comes up equally often. */
static void test_order_is_uniform(void **state)
{
    enum { DRAWS = 48000 };
    uint32_t count[256] = {0}, kinds = 0;
    (void)state;
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t o[4];
        rk_random_order((rk_random){7, i, 8}, 4, o);
        count[o[0] + 4 * o[1] + 16 * o[2] + 64 * o[3]]++;
    }
    for (int k = 0; k < 256; k++) {
        if (count[k] == 0) continue;
        kinds++;
        assert_true(fabs(count[k] - DRAWS / 24.0) < 5 * sqrt(DRAWS / 24.0));
    }
    assert_int_equal(kinds, 24);
}

/* The bits are part of the contract; expected values from an implementation in Python. */
static void test_golden(void **state)
{
    static const uint32_t expected[8] = {5, 2, 4, 0, 1, 6, 7, 3};
    uint32_t order[8];
    (void)state;
    rk_random r = rk_random_named(1, "golden");
    rk_random_order(r, 8, order);
    assert_memory_equal(order, expected, sizeof order);
    assert_int_equal(rk_random_below(r, 5, 1000), 81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers),
                                       cmocka_unit_test(test_words_are_random123s),
                                       cmocka_unit_test(test_normals_in_a_row),
                                       cmocka_unit_test(test_streams_are_named),
                                       cmocka_unit_test(test_below_is_uniform),
                                       cmocka_unit_test(test_below_rejects),
                                       cmocka_unit_test(test_order_is_a_permutation),
                                       cmocka_unit_test(test_order_is_uniform),
                                       cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
