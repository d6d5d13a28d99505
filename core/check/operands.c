/* Data of samples. */
#include "check/cases.h"
#include <stdlib.h>
#include <string.h>
#include "rethink/numerics.h"

uint32_t rk_dice_word(rk_dice *r)
{
    r->s = r->s * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = r->s ^ (r->s >> 33);
    return (uint32_t)(x >> 16);
}

uint32_t rk_dice_below(rk_dice *r, uint32_t n)
{
    return (uint32_t)(((uint64_t)rk_dice_word(r) * n) >> 32);
}

float rk_dice_float(rk_dice *r)
{
    float x = (float)((rk_dice_word(r) >> 8) + 1u) * 5.9604644775390625e-8f;
    return rk_dice_word(r) & 1u ? x : -x;
}

uint32_t rk_dice_special(rk_dice *r)
{
    static const uint32_t words[] = {0u,          0x80000000u, 0x7F800000u, 0xFF800000u,
                                     0x7FC00000u, 0x00000001u, 0x807FFFFFu, 0x3F800000u,
                                     0x7F7FFFFFu, 0xFFC12345u};
    uint32_t pick = rk_dice_below(r, 24);
    return pick < 10 ? words[pick] : pick < 16 ? rk_dice_word(r) : rk_bits(rk_dice_float(r));
}

uint32_t rk_word_at(const void *base, uint32_t dtype, int64_t i)
{
    uint32_t w = 0;
    if (dtype == RK_U8) return ((const uint8_t *)base)[i];
    memcpy(&w, (const unsigned char *)base + 4 * i, 4);
    return w;
}

void rk_word_put(void *base, uint32_t dtype, int64_t i, uint32_t w)
{
    if (dtype == RK_U8)
        ((uint8_t *)base)[i] = (uint8_t)w;
    else
        memcpy((unsigned char *)base + 4 * i, &w, 4);
}

int64_t rk_broadcast_at(const rk_tensor *t, int64_t e, const int64_t *dim, bool at_zero)
{
    int64_t at = 0;
    for (uint32_t d = t->rank; d-- > 0;) {
        int64_t index = e % dim[d];
        e /= dim[d];
        if (at_zero && d == 1) index = 0;
        at += index * t->stride[d];
    }
    return at;
}

uint32_t rk_after_folds(const rk_sample *t)
{
    uint32_t first = 0;
    for (uint32_t k = 0; k < t->op.n_code; k++)
        if (t->code[k].op == RK_I_FOLD) first = k + 1;
    return first;
}

void *rk_operands_array(rk_bed *b, rk_operands *d, int64_t n, size_t size)
{
    void *p = rk_pool_array(&d->pool, (size_t)n, size);
    b->outcome.scarce = b->outcome.scarce || (!p && rk_bed_going(b));
    if (!p) rk_bed_fail(b, "no host memory for %lld elements", (long long)n);
    return p;
}

bool rk_raw_make(rk_bed *b, rk_operands *d, int64_t n, rk_raw *out)
{
    out->word = rk_operands_array(b, d, n, sizeof *out->word);
    out->near = rk_operands_array(b, d, n, sizeof *out->near);
    return rk_bed_going(b);
}

static void *random_array(rk_bed *b, rk_operands *d, const rk_tensor *t, rk_dice *r, int special)
{
    int64_t n = rk_tensor_extent(t);
    void *p = rk_operands_array(b, d, n, rk_dtype_bytes(t->dtype));
    for (int64_t i = 0; p && i < n; i++) {
        uint32_t w = rk_dice_word(r);
        if (t->dtype == RK_F32) w = special ? rk_dice_special(r) : rk_bits(rk_dice_float(r));
        rk_word_put(p, t->dtype, i, w);
    }
    return p;
}

bool rk_operands_make(rk_bed *b, const rk_sample *t, rk_operands *d, rk_dice *r, int special)
{
    *d = (rk_operands){.terms = 1};
    if (!rk_bed_going(b)) return false;
    for (uint32_t j = 0; j < t->op.n_in; j++) d->in[j] = random_array(b, d, &t->in[j], r, special);
    for (uint32_t j = 0; j < t->op.n_out && rk_bed_going(b); j++) {
        const rk_tensor *o = &t->out[j];
        int64_t n = rk_tensor_extent(o);
        size_t bytes = (size_t)n * rk_dtype_bytes(o->dtype);
        d->out[j] = random_array(b, d, o, r, special);
        d->want[j] = rk_operands_array(b, d, n, rk_dtype_bytes(o->dtype));
        d->near[j] = rk_operands_array(b, d, n, sizeof **d->near);
        if (rk_bed_going(b)) memcpy(d->want[j], d->out[j], bytes);
    }
    return rk_bed_going(b);
}

void rk_operands_free(rk_operands *d) { rk_pool_free(&d->pool); }

bool rk_too_large(const rk_bed *b, int64_t work)
{
    return !rk_bed_going(b) || (b->quick && work > 20000);
}
