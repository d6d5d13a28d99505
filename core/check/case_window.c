/* WINDOW: sum and its adjoint, argmax, take and put; ties, NaN, padding, epilogues. */
#include "check/cases.h"
#include <math.h>
#include <string.h>
#include "rethink/numerics.h"

typedef struct geometry {
    int64_t N, H, W, kh, kw, sh, sw, ph, pw, OH, OW;
} geometry;

typedef struct operands {
    const uint32_t *a, *b; /* of one plane */
    uint32_t *out;
} operands;

static bool inside(const geometry *g, int64_t h, int64_t w)
{
    return h >= 0 && h < g->H && w >= 0 && w < g->W;
}

static uint32_t most(const geometry *g, const uint32_t *x, int64_t oh, int64_t ow)
{
    uint32_t best = 0xFFFFFFFFu;
    for (int64_t r = 0; r < g->kh; r++)
        for (int64_t s = 0; s < g->kw; s++) {
            int64_t h = oh * g->sh + r - g->ph, w = ow * g->sw + s - g->pw;
            if (!inside(g, h, w)) continue;
            float v = rk_float(x[h * g->W + w]);
            if (v == v && (best == 0xFFFFFFFFu || v > rk_float(x[best])))
                best = (uint32_t)(h * g->W + w);
        }
    return best;
}

/* Adds into out[] in the order of (oh, ow), which is ascending for each of its elements. */
static void one_window(int64_t which, const geometry *g, operands p, int64_t oh, int64_t ow)
{
    int64_t e = oh * g->OW + ow;
    float sum = 0.0f;
    bool known = which >= RK_WINDOW_TAKE && p.b[e] < (uint64_t)(g->H * g->W);
    for (int64_t r = 0; r < g->kh && which <= RK_WINDOW_SUM_T; r++)
        for (int64_t s = 0; s < g->kw; s++) {
            int64_t h = oh * g->sh + r - g->ph, w = ow * g->sw + s - g->pw, to = h * g->W + w;
            if (!inside(g, h, w)) continue;
            if (which == RK_WINDOW_SUM)
                sum += rk_float(p.a[to]);
            else
                p.out[to] = rk_bits(rk_float(p.out[to]) + rk_float(p.a[e]));
        }
    if (which == RK_WINDOW_SUM) p.out[e] = rk_bits(sum);
    if (which == RK_WINDOW_ARGMAX) p.out[e] = most(g, p.a, oh, ow);
    if (which == RK_WINDOW_TAKE) p.out[e] = known ? p.a[p.b[e]] : 0;
    if (which == RK_WINDOW_PUT && known)
        p.out[p.b[e]] = rk_bits(rk_float(p.out[p.b[e]]) + rk_float(p.a[e]));
}

static void windows(int64_t which, const geometry *g, const uint32_t *a, const uint32_t *b,
                    uint32_t *out)
{
    int64_t x = g->H * g->W, y = g->OH * g->OW;
    bool small_in = which == RK_WINDOW_SUM_T || which == RK_WINDOW_PUT;
    int64_t n_in = small_in ? y : x, n_out = small_in ? x : y;
    for (int64_t n = 0; n < g->N; n++) {
        operands p = {a + n * n_in, b ? b + n * y : NULL, out + n * n_out};
        for (int64_t oh = 0; oh < g->OH; oh++)
            for (int64_t ow = 0; ow < g->OW; ow++) one_window(which, g, p, oh, ow);
    }
}

static void add(rk_near *sum, float term)
{
    sum->v += (double)term;
    sum->e += fabs((double)term);
}

/* The oracle of the sums: at each element of x, the windows that cover it. */
static void cover(int64_t which, const geometry *g, int64_t h, int64_t w, const float *a,
                  rk_near *z)
{
    for (int64_t r = 0; r < g->kh; r++)
        for (int64_t s = 0; s < g->kw; s++) {
            int64_t top = h + g->ph - r, left = w + g->pw - s;
            if (top < 0 || left < 0 || top % g->sh || left % g->sw) continue;
            int64_t oh = top / g->sh, ow = left / g->sw, y = oh * g->OW + ow, x = h * g->W + w;
            if (oh >= g->OH || ow >= g->OW) continue;
            if (which == RK_WINDOW_SUM)
                add(&z[y], a[x]);
            else
                add(&z[x], a[y]);
        }
}

static void windows_near(int64_t which, const geometry *g, const rk_operands *d, rk_near *z)
{
    int64_t x = g->H * g->W, y = g->OH * g->OW;
    const float *a = d->in[0];
    const uint32_t *index = d->in[1];
    for (int64_t n = 0; n < g->N; n++) {
        for (int64_t i = 0; which <= RK_WINDOW_SUM_T && i < x; i++)
            cover(which, g, i / g->W, i % g->W, a + n * (which == RK_WINDOW_SUM ? x : y),
                  z + n * (which == RK_WINDOW_SUM ? y : x));
        for (int64_t i = 0; which == RK_WINDOW_PUT && i < y; i++)
            if (index[n * y + i] < (uint64_t)x) add(&z[n * x + index[n * y + i]], a[n * y + i]);
    }
    rk_near_sums(z, g->N * (which == RK_WINDOW_SUM ? y : x));
}

static bool is_sum(int64_t which) { return which <= RK_WINDOW_SUM_T || which == RK_WINDOW_PUT; }

void rk_refer_window(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    int64_t which = c->op.p[0], n = rk_tensor_count(&c->out[0]);
    geometry g;
    rk_raw raw;
    memcpy(&g, c->op.p + 1, sizeof g);
    if (!rk_raw_make(bed, d, n, &raw)) return;
    windows(which, &g, d->in[0], d->in[1], raw.word);
    if (is_sum(which)) windows_near(which, &g, d, raw.near);
    d->terms = which == RK_WINDOW_PUT ? g.OH * g.OW : g.kh * g.kw;
    rk_expect_raw(c, d, &raw, 1);
    if (!is_sum(which)) rk_expect_words(c, d);
}

/* Ties for a maximum; places, most of them inside of the plane. */
static void place(const geometry *g, int64_t which, rk_operands *d, rk_dice *r)
{
    for (int64_t i = 0; which == RK_WINDOW_ARGMAX && i < g->N * g->H * g->W; i += 2)
        ((uint32_t *)d->in[0])[i] = rk_bits((float)rk_dice_below(r, 4));
    for (int64_t i = 0; which >= RK_WINDOW_TAKE && i < g->N * g->OH * g->OW; i++)
        if (rk_dice_below(r, 8))
            ((uint32_t *)d->in[1])[i] = rk_dice_below(r, (uint32_t)(g->H * g->W + 1));
}

static void run(rk_bed *bed, rk_dice *r, const geometry *g, int64_t which, int special,
                bool with_program)
{
    const int64_t x[3] = {g->N, g->H, g->W}, y[3] = {g->N, g->OH, g->OW};
    bool small_in = which == RK_WINDOW_SUM_T || which == RK_WINDOW_PUT;
    const int64_t *dim = small_in ? x : y;
    rk_sample c;
    rk_operands d;
    if (rk_too_large(bed, g->N * g->OH * g->OW * g->kh * g->kw)) return;
    rk_sample_begin(&c, RK_WINDOW);
    c.op.p[0] = which;
    memcpy(c.op.p + 1, g, sizeof *g);
    rk_sample_in(&c, RK_F32, 3, small_in ? y : x, 0);
    if (which >= RK_WINDOW_TAKE) rk_sample_in(&c, RK_U32, 3, y, 0);
    rk_sample_out(&c, which == RK_WINDOW_ARGMAX ? RK_U32 : RK_F32, 3, dim);
    if (with_program) {
        rk_sample_in(&c, RK_F32, 3, dim, 6);
        uint16_t scaled = rk_sample_ins(&c, RK_I_FMUL, RK_R_IN, rk_sample_immf(&c, 1.0f / 9.0f), 0);
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FADD, scaled, RK_R_IN + 1, 0));
    }
    if (rk_operands_make(bed, &c, &d, r, special)) {
        place(g, which, &d, r);
        rk_refer_window(bed, &c, &d);
        rk_expect(bed, &c, &d);
    }
    rk_operands_free(&d);
}

static void sizes(rk_bed *bed, int64_t which, bool with_program)
{
    static const geometry list[] = {
        {1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1},       {3, 8, 8, 2, 2, 2, 2, 0, 0, 4, 4},
        {5, 9, 11, 3, 3, 2, 2, 1, 1, 5, 6},      {4, 28, 28, 3, 3, 1, 1, 1, 1, 28, 28},
        {2, 7, 7, 7, 7, 1, 1, 0, 0, 1, 1},       {3, 13, 6, 3, 2, 1, 3, 2, 1, 15, 3},
        {2, 5, 5, 2, 2, 3, 3, 0, 0, 2, 2},       {2, 4, 4, 3, 3, 1, 1, 4, 4, 10, 10},
        {2, 3, 3, 2, 2, 1, 1, 0, 0, 5, 6},       {0, 3, 3, 2, 2, 1, 1, 0, 0, 2, 2},
        {2, 0, 3, 2, 2, 1, 1, 1, 1, 1, 3},       {2, 3, 3, 0, 2, 1, 1, 0, 0, 3, 3},
        {2, 3, 3, 2, 2, 1, 1, 0, 0, 0, 2},       {1, 64, 1, 5, 1, 1, 1, 2, 0, 64, 1},
        {300, 16, 16, 3, 3, 2, 2, 0, 0, 7, 7},   {1, 1, 70001, 1, 3, 1, 1, 0, 1, 1, 70001},
        {2, 20, 20, 17, 17, 2, 2, 8, 8, 10, 10}, {3, 6, 7, 9, 4, 2, 2, 2, 1, 1, 1},
        {2, 7, 7, 3, 3, 1, 1, 0, 0, 1, 1},       {9, 14, 14, 3, 3, 2, 2, 0, 0, 7, 7},
        {2, 19, 23, 4, 5, 3, 2, 1, 3, 7, 12},    {90, 4, 4, 4, 3, 1, 1, 0, 0, 1, 1},
        {2, 3, 9, 1, 2, 1, 8, 0, 8, 3, 4},       {2, 4, 17, 4, 1, 5, 2, 0, 0, 1, 9},
        {3, 2, 2, 5, 5, 2, 2, 2, 2, 1, 1},       {2, 3, 300, 2, 3, 1, 1, 1, 1, 4, 300},
        {3, 30, 2, 11, 1, 1, 1, 5, 0, 30, 2},    {2, 9, 150, 5, 1, 1, 1, 2, 0, 9, 150},
        {2, 5, 37, 4, 1, 1, 1, 3, 0, 7, 37},     {2, 3, 20, 2, 1, 1, 1, 4, 0, 9, 20},
        {2, 9, 33, 3, 1, 1, 1, 0, 0, 4, 33},     {1, 3, 4, 17, 17, 1 << 30, 1 << 30, 0, 0, 5, 5}};
    rk_dice r = {61};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int special = 0; special < 2; special++)
            run(bed, &r, &list[i], which, special, with_program);
}

static void sum(rk_bed *bed) { sizes(bed, RK_WINDOW_SUM, false); }
static void sum_adjoint(rk_bed *bed) { sizes(bed, RK_WINDOW_SUM_T, false); }
static void argmax(rk_bed *bed) { sizes(bed, RK_WINDOW_ARGMAX, false); }
static void take(rk_bed *bed) { sizes(bed, RK_WINDOW_TAKE, false); }
static void put(rk_bed *bed) { sizes(bed, RK_WINDOW_PUT, false); }

static void epilogues(rk_bed *bed)
{
    sizes(bed, RK_WINDOW_SUM, true);
    sizes(bed, RK_WINDOW_SUM_T, true);
}

static const rk_case cases[] = {
    {"sum", "windows with strides, padding, gaps; beyond the input; extents of 0", sum,
     RK_CASE_NEEDED},
    {"sum-adjoint", "the same shapes", sum_adjoint, RK_CASE_NEEDED},
    {"argmax", "the same shapes; ties, NaN, windows in the padding", argmax, RK_CASE_NEEDED},
    {"take", "the same shapes; places in and out of the plane", take, RK_CASE_NEEDED},
    {"put", "the same shapes; places in and out of the plane", put, RK_CASE_NEEDED},
    {"epilogues", "programs on the sums", epilogues, 0}};
const rk_case_group rk_cases_window = {"window", cases, sizeof cases / sizeof *cases};
