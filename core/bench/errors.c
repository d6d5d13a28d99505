#include "bench/errors.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "rethink/numerics.h"

void rk_bed_of(rk_open *d, rk_bed *bed)
{
    memset(bed, 0, sizeof *bed);
    bed->table = *d->table;
    bed->backend = &bed->table;
    bed->device = d->device;
    bed->info = d->info;
    bed->quick = true;
}

void rk_bed_return(const rk_bed *bed, rk_open *d, const char *why)
{
    if (bed->lost) rk_open_lose(d, why);
}

void rk_refer(rk_bed *b, const rk_sample *t, rk_operands *d)
{
    static void (*const of[])(rk_bed *, const rk_sample *, rk_operands *) = {
        [RK_EWISE] = rk_refer_ewise,   [RK_COPY] = rk_refer_copy, [RK_REDUCE] = rk_refer_reduce,
        [RK_MATMUL] = rk_refer_matmul, [RK_CONV] = rk_refer_conv, [RK_WINDOW] = rk_refer_window,
        [RK_TAKE] = rk_refer_take,     [RK_PUT] = rk_refer_put,   [RK_RNG] = rk_refer_rng};
    of[t->op.kind](b, t, d);
}

static bool is_nan(uint32_t w) { return (w & 0x7FFFFFFFu) > RK_INF_BITS; }

static bool same(uint32_t dtype, uint32_t a, uint32_t b)
{
    return a == b || (dtype == RK_F32 && is_nan(a) && is_nan(b));
}

bool rk_same_words(const rk_tensor *t, const void *got, const void *want, char *where, size_t cap)
{
    int64_t n = rk_tensor_count(t), first = -1, differ = 0;
    for (int64_t i = n; i-- > 0;)
        if (!same(t->dtype, rk_word_at(got, t->dtype, i), rk_word_at(want, t->dtype, i)))
            first = i, differ++;
    if (first < 0) return true;
    uint32_t a = rk_word_at(got, t->dtype, first), b = rk_word_at(want, t->dtype, first);
    if (t->dtype == RK_F32)
        snprintf(where, cap,
                 "element %lld of %lld is %.9g (0x%08X), not %.9g (0x%08X); %lld differ",
                 (long long)first, (long long)n, (double)rk_float(a), a, (double)rk_float(b), b,
                 (long long)differ);
    else
        snprintf(where, cap, "element %lld of %lld is %u, not %u; %lld differ", (long long)first,
                 (long long)n, a, b, (long long)differ);
    return false;
}

/* Where an element is known to be near a value that has digits. */
static void count(rk_errors *out, const rk_tensor *t, const rk_near *near, const void *got)
{
    double sum = out->mean * (double)out->counted;
    for (int64_t i = 0; t->dtype == RK_F32 && i < rk_tensor_count(t); i++) {
        if (near[i].e == RK_NEAR_WORD || !isfinite(near[i].e) || !isfinite(near[i].v)) continue;
        double off = fabs((double)rk_float(rk_word_at(got, RK_F32, i)) - near[i].v);
        double ulp = off == 0 ? 0 : off / (RK_EPS * near[i].e);
        out->most = fmax(out->most, ulp);
        sum += ulp;
        out->counted++;
    }
    out->mean = out->counted ? sum / (double)out->counted : 0;
}

static rk_status compare(rk_bed *bed, const rk_sample *t, rk_operands *d, bool exact,
                         rk_errors *out, rk_error *e)
{
    rk_ran ran;
    rk_sample asked = *t;
    if (!exact) asked.op.flags |= RK_OP_FAST;
    for (uint32_t j = 0; j < t->op.n_in; j++) rk_fill_places(t, j, d->in[j]);
    rk_refer(bed, t, d);
    if (!rk_bed_going(bed)) return RK_FAIL(e, RK_E_NOMEM, "%s", bed->outcome.text);
    RK_TRY(rk_sample_run_ran(bed, &asked, (const void *const *)d->in, d->out, -1, &ran, e));
    for (uint32_t j = 0; j < t->op.n_out; j++) {
        count(out, &t->out[j], d->near[j], d->out[j]);
        if (!exact || !out->right) continue;
        out->right =
            rk_same_words(&t->out[j], d->out[j], d->want[j], out->where, sizeof out->where);
    }
    rk_expect_ran(bed, &asked, d, &ran);
    if (rk_bed_going(bed) || !out->right) return RK_OK;
    out->right = false;
    snprintf(out->where, sizeof out->where, "%s", bed->outcome.text);
    return RK_OK;
}

rk_status rk_errors_of(rk_open *d, const rk_sample *t, bool exact, uint64_t seed, rk_errors *out,
                       rk_error *e)
{
    rk_bed bed;
    rk_operands operands;
    rk_dice r = {seed};
    rk_error own = rk_error_new();
    *out = (rk_errors){.right = true};
    rk_bed_of(d, &bed);
    bool made = rk_operands_make(&bed, t, &operands, &r, RK_PLAIN);
    rk_status s = made ? compare(&bed, t, &operands, exact, out, &own)
                       : RK_FAIL(&own, RK_E_NOMEM, "%s", bed.outcome.text);
    rk_operands_free(&operands);
    if (s == RK_OK) return RK_OK;
    if (!own.text[0]) RK_FAIL(&own, s, "the backend gave no reason");
    rk_bed_return(&bed, d, own.text);
    return RK_FAIL(e, s, "%s", own.text);
}
