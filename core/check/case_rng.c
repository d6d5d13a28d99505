/* RNG: the known answers of Random123, and every word by its index. */
#include "check/cases.h"
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

static void want_words(rk_operands *d, int64_t n, uint32_t stream)
{
    const uint32_t *seed = d->in[0];
    for (int64_t i = 0; i < n; i++) {
        uint32_t counter[4] = {(uint32_t)(i / 4), 0, seed[2], stream};
        philox(counter, seed[0], seed[1]);
        ((uint32_t *)d->want[0])[i] = counter[i % 4];
    }
}

void rk_refer_rng(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    (void)bed;
    want_words(d, rk_tensor_count(&c->out[0]), (uint32_t)c->op.p[0]);
    rk_expect_words(c, d);
}

static bool is_philox(const uint32_t *counter, uint32_t k0, uint32_t k1, const uint32_t *want)
{
    uint32_t c[4];
    memcpy(c, counter, sizeof c);
    philox(c, k0, k1);
    return memcmp(c, want, sizeof c) == 0;
}

/* kat_vectors of Random123, philox4x32 10.  An op can have the counter of the first only; the
 * others are for the reference here. */
static void known_answers(rk_bed *bed)
{
    static const uint32_t zero[4], ones[4] = {~0u, ~0u, ~0u, ~0u};
    static const uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    static const uint32_t answer[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                          {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                          {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    rk_dice r = {42};
    rk_sample c;
    rk_operands d;
    RK_BED_CHECK(bed,
                 is_philox(zero, 0, 0, answer[0]) && is_philox(ones, ~0u, ~0u, answer[1]) &&
                     is_philox(pi, 0xa4093822, 0x299f31d0, answer[2]),
                 "the reference of this suite is wrong");
    rk_sample_begin(&c, RK_RNG);
    rk_sample_in(&c, RK_U32, 1, (int64_t[]){3}, 0);
    rk_sample_out(&c, RK_U32, 1, (int64_t[]){4});
    if (rk_operands_make(bed, &c, &d, &r, RK_PLAIN)) {
        memset(d.in[0], 0, 3 * sizeof(uint32_t));
        memcpy(d.want[0], answer[0], sizeof answer[0]);
        rk_expect_words(&c, &d);
        rk_expect(bed, &c, &d);
    }
    rk_operands_free(&d);
}

static void words(rk_bed *bed)
{
    static const int64_t counts[] = {0, 1, 2, 3, 4, 5, 63, 64, 65, 1021, 4096, 70001};
    static const int64_t streams[] = {0, 1, 0x12345678, 0xFFFFFFFF};
    rk_dice r = {41};
    for (int i = 0; i < 12; i++)
        for (int s = 0; s < 4; s++) {
            rk_sample c;
            rk_operands d;
            if (rk_too_large(bed, counts[i])) continue;
            rk_sample_begin(&c, RK_RNG);
            rk_sample_in(&c, RK_U32, 1, (int64_t[]){3}, 0);
            rk_sample_out(&c, RK_U32, 1, &counts[i]);
            c.op.p[0] = streams[s];
            if (rk_operands_make(bed, &c, &d, &r, RK_PLAIN)) {
                rk_refer_rng(bed, &c, &d);
                rk_expect(bed, &c, &d);
            }
            rk_operands_free(&d);
        }
}

static const rk_case cases[] = {
    {"known-answer", "the answer that Random123 publishes for a key of zeros", known_answers,
     RK_CASE_NEEDED},
    {"words", "every word by its index; 0, 1, odd and large counts", words, RK_CASE_NEEDED}};
const rk_case_group rk_cases_rng = {"rng", cases, sizeof cases / sizeof *cases};
