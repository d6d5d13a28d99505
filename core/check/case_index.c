/* TAKE and PUT: repeated, missing and far-off rows, every dtype. */
#include "check/cases.h"
#include <math.h>
#include <string.h>

static const int64_t shapes[][3] = {{1, 1, 1},      {0, 3, 4},     {4, 0, 3},     {4, 3, 0},
                                    {10, 7, 33},    {3, 1, 70001}, {500, 97, 20}, {2, 70001, 3},
                                    {1000, 3, 700}, {60, 784, 128}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static bool set_up(rk_bed *bed, rk_sample *c, uint32_t kind, uint32_t dtype, const int64_t *p)
{
    int64_t rows[2] = {p[0], p[1]}, picked[2] = {p[2], p[1]};
    rk_sample_begin(c, kind);
    rk_sample_in(c, dtype, 2, kind == RK_TAKE ? rows : picked, 0);
    rk_sample_in(c, RK_U32, 1, &p[2], 0);
    rk_sample_out(c, dtype, 2, kind == RK_TAKE ? picked : rows);
    memcpy(c->op.p, p, 3 * sizeof *p);
    return !rk_too_large(bed, (p[0] + p[2]) * p[1]);
}

/* Mostly rows that exist, one in eight that does not. */
static void pick_rows(uint32_t *index, const int64_t *p, rk_dice *r)
{
    for (int64_t j = 0; j < p[2]; j++) {
        uint32_t pick = rk_dice_below(r, 16);
        index[j] = pick ? rk_dice_below(r, (uint32_t)p[0]) : rk_dice_word(r);
        if (pick == 1) index[j] = (uint32_t)p[0];
    }
}

static void want_take(const int64_t *p, size_t bytes, rk_operands *d)
{
    const uint32_t *index = d->in[1];
    size_t row = (size_t)p[1] * bytes;
    for (int64_t j = 0; j < p[2]; j++) {
        unsigned char *to = (unsigned char *)d->want[0] + (size_t)j * row;
        memset(to, 0, row);
        if (index[j] < (uint64_t)p[0]) memcpy(to, (unsigned char *)d->in[0] + index[j] * row, row);
    }
}

void rk_refer_take(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    (void)bed;
    want_take(c->op.p, rk_dtype_bytes(c->out[0].dtype), d);
    rk_expect_words(c, d);
}

static void take(rk_bed *bed)
{
    static const uint32_t dtypes[] = {RK_F32, RK_U32, RK_U8};
    rk_dice r = {31};
    for (int s = 0; s < SHAPES; s++)
        for (int t = 0; t < 3; t++) {
            const int64_t *p = shapes[s];
            rk_sample c;
            rk_operands d;
            if (!set_up(bed, &c, RK_TAKE, dtypes[t], p)) continue;
            if (rk_operands_make(bed, &c, &d, &r, RK_SPECIAL)) {
                pick_rows(d.in[1], p, &r);
                rk_refer_take(bed, &c, &d);
                rk_expect(bed, &c, &d);
            }
            rk_operands_free(&d);
        }
}

static void want_put(const int64_t *p, rk_operands *d)
{
    const uint32_t *index = d->in[1];
    const float *x = d->in[0];
    float *want = d->want[0];
    for (int64_t i = 0; i < p[0] * p[1]; i++) want[i] = 0.0f; /* near is zero already */
    for (int64_t j = 0; j < p[2]; j++)
        for (int64_t i = 0; i < p[1] && index[j] < (uint64_t)p[0]; i++) {
            int64_t to = (int64_t)index[j] * p[1] + i;
            want[to] += x[j * p[1] + i];
            d->near[0][to].v += (double)x[j * p[1] + i];
            d->near[0][to].e += fabs((double)x[j * p[1] + i]);
        }
    rk_near_sums(d->near[0], p[0] * p[1]);
}

void rk_refer_put(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    (void)bed;
    d->terms = c->op.p[2];
    want_put(c->op.p, d);
}

static void put(rk_bed *bed)
{
    rk_dice r = {32};
    for (int s = 0; s < SHAPES; s++)
        for (int special = 0; special < 2; special++) {
            const int64_t *p = shapes[s];
            rk_sample c;
            rk_operands d;
            if (!set_up(bed, &c, RK_PUT, RK_F32, p)) continue;
            if (rk_operands_make(bed, &c, &d, &r, special)) {
                pick_rows(d.in[1], p, &r);
                rk_refer_put(bed, &c, &d);
                rk_expect(bed, &c, &d);
            }
            rk_operands_free(&d);
        }
}

static const rk_case take_cases[] = {
    {"rows", "rows repeated, missing, out of range; every dtype", take, RK_CASE_NEEDED}};
static const rk_case put_cases[] = {
    {"rows", "rows added in order, some out of range; plain and special values", put,
     RK_CASE_NEEDED}};
const rk_case_group rk_cases_take = {"take", take_cases, 1}, rk_cases_put = {"put", put_cases, 1};
