/* RNG: the known answers of Random123, and every word by its index. */
#include "kinds.h"
#include <string.h>

/* Philox4x32-10 as the paper prints it, with its own names. */
static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t l = (uint64_t)0xD2511F53u * c[0], r = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(r >> 32) ^ c[1] ^ k0, (uint32_t)r,
                            (uint32_t)(l >> 32) ^ c[3] ^ k1, (uint32_t)l};
        memcpy(c, next, sizeof next);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* kat_vectors of Random123: philox4x32 10. */
static void known_answers(void **state)
{
    (void)state;
    uint32_t zero[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    philox(zero, 0, 0);
    philox(ones, ~0u, ~0u);
    philox(pi, 0xa4093822, 0x299f31d0);
    assert_memory_equal(zero, ((uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), 16);
    assert_memory_equal(ones, ((uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}), 16);
    assert_memory_equal(pi, ((uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}), 16);
}

static void words(void **state)
{
    static const int64_t counts[] = {0, 1, 2, 3, 4, 5, 63, 64, 65, 1021, 4096, 70001};
    static const int64_t streams[] = {0, 1, 0x12345678, 0xFFFFFFFF};
    harness *h = *state;
    random_state r = {41};
    for (int i = 0; i < 12; i++)
        for (int s = 0; s < 4; s++) {
            harness_case c;
            case_data d;
            if (too_large(h, counts[i])) continue;
            case_begin(&c, RK_RNG);
            case_in(&c, RK_U32, 1, (int64_t[]){3}, 0);
            case_out(&c, RK_U32, 1, &counts[i]);
            c.op.p[0] = streams[s];
            data_make(&c, &d, &r, DATA_PLAIN);
            const uint32_t *seed = d.in[0];
            for (int64_t w = 0; w < counts[i]; w++) {
                uint32_t counter[4] = {(uint32_t)(w / 4), 0, seed[2], (uint32_t)streams[s]};
                philox(counter, seed[0], seed[1]);
                ((uint32_t *)d.want[0])[w] = counter[w % 4];
            }
            expect_want(h, &c, &d, "rng");
            data_free(&c, &d);
        }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers), cmocka_unit_test(words)};
const kinds_group kinds_rng = {"rng", tests, sizeof tests / sizeof *tests};
