#include "bench/fill.h"
#include <stdlib.h>
#include "rethink/numerics.h"

/* What an index of input j counts, or 0: it is none. */
static uint32_t places(const rk_sample *t, uint32_t j)
{
    const int64_t *p = t->op.p;
    if (j != 1) return 0;
    if (t->op.kind == RK_TAKE || t->op.kind == RK_PUT) return (uint32_t)p[0];
    bool window = t->op.kind == RK_WINDOW && p[0] >= RK_WINDOW_TAKE;
    return window ? (uint32_t)(p[2] * p[3]) : 0;
}

void rk_fill_places(const rk_sample *t, uint32_t j, void *x)
{
    uint32_t most = places(t, j), *index = x;
    for (int64_t i = 0; most && i < rk_tensor_extent(&t->in[j]); i++) index[i] %= most;
}

static void random_numbers(const rk_tensor *t, rk_dice *r, void *x)
{
    for (int64_t i = 0; i < rk_tensor_extent(t); i++)
        rk_word_put(x, t->dtype, i,
                    t->dtype == RK_F32 ? rk_bits(rk_dice_float(r)) : rk_dice_word(r));
}

rk_status rk_fill(rk_trial *trial, const rk_sample *t, uint64_t seed, rk_error *e)
{
    rk_dice r = {seed};
    rk_status s = RK_OK;
    for (uint32_t j = 0; s == RK_OK && j < t->op.n_in; j++) {
        uint64_t bytes = (uint64_t)rk_tensor_extent(&t->in[j]) * rk_dtype_bytes(t->in[j].dtype);
        void *x = malloc(bytes + 1);
        if (!x)
            return RK_FAIL(e, RK_E_NOMEM, "no memory for %llu bytes of an operand",
                           (unsigned long long)bytes);
        random_numbers(&t->in[j], &r, x);
        rk_fill_places(t, j, x);
        s = rk_open_write(trial->d, trial->arg[j].mem, trial->arg[j].offset, x, bytes, e);
        free(x);
    }
    return s;
}
