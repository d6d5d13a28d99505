#include "check/conv.h"
#include <math.h>
#include "rethink/numerics.h"

/* A chain cut into blocks; feed taps with their number in the full set. */
typedef struct chain {
    float total, acc;
    int64_t block, length;
} chain;

static void chain_close(chain *c)
{
    c->total = c->block == 0 ? c->acc : c->total + c->acc;
    c->acc = 0.0f;
    c->block++;
}

static void chain_tap(chain *c, int64_t number, bool takes_part, float a, float b)
{
    while (number / c->length > c->block) chain_close(c);
    if (takes_part) c->acc = fmaf(a, b, c->acc);
}

static float at(const float *p, int64_t plane, int64_t h, int64_t w, int64_t H, int64_t W)
{
    return h < 0 || h >= H || w < 0 || w >= W ? 0.0f : p[(plane * H + h) * W + w];
}

static float one_y(const rk_geometry *g, const float *x, const float *w, int64_t n, int64_t k,
                   int64_t oh, int64_t ow)
{
    chain c = {.length = RK_CONV_BLOCK};
    int64_t tap = 0;
    for (int64_t ch = 0; ch < g->C; ch++)
        for (int64_t r = 0; r < g->R; r++)
            for (int64_t s = 0; s < g->S; s++, tap++)
                chain_tap(&c, tap, true,
                          at(x, n * g->C + ch, oh * g->sh + r - g->ph, ow * g->sw + s - g->pw, g->H,
                             g->W),
                          w[((k * g->C + ch) * g->R + r) * g->S + s]);
    chain_close(&c);
    return c.total;
}

static float one_dx(const rk_geometry *g, const float *dy, const float *w, int64_t n, int64_t ch,
                    int64_t h, int64_t v)
{
    chain c = {.length = RK_CONV_BLOCK};
    int64_t tap = 0;
    for (int64_t k = 0; k < g->K; k++)
        for (int64_t r = 0; r < g->R; r++)
            for (int64_t s = 0; s < g->S; s++, tap++) {
                int64_t top = h + g->ph - r, left = v + g->pw - s;
                bool whole = top % g->sh == 0 && left % g->sw == 0;
                chain_tap(&c, tap, whole,
                          whole ? at(dy, n * g->K + k, top / g->sh, left / g->sw, g->OH, g->OW)
                                : 0.0f,
                          w[((k * g->C + ch) * g->R + r) * g->S + s]);
            }
    chain_close(&c);
    return c.total;
}

static float one_dw(const rk_geometry *g, const float *x, const float *dy, int64_t k, int64_t ch,
                    int64_t r, int64_t s)
{
    chain c = {.length = RK_CONV_DW_BLOCK};
    int64_t tap = 0;
    for (int64_t n = 0; n < g->N; n++)
        for (int64_t oh = 0; oh < g->OH; oh++)
            for (int64_t ow = 0; ow < g->OW; ow++, tap++)
                chain_tap(&c, tap, true,
                          at(x, n * g->C + ch, oh * g->sh + r - g->ph, ow * g->sw + s - g->pw, g->H,
                             g->W),
                          dy[((n * g->K + k) * g->OH + oh) * g->OW + ow]);
    chain_close(&c);
    return c.total;
}

void rk_conv_contract(int64_t which, const rk_geometry *g, const int64_t *dim, const float *a,
                      const float *b, uint32_t *out)
{
    for (int64_t i = 0; i < dim[0]; i++)
        for (int64_t j = 0; j < dim[1]; j++)
            for (int64_t k = 0; k < dim[2]; k++)
                for (int64_t l = 0; l < dim[3]; l++)
                    *out++ = rk_bits(which == RK_CONV_Y    ? one_y(g, a, b, i, j, k, l)
                                     : which == RK_CONV_DX ? one_dx(g, a, b, i, j, k, l)
                                                           : one_dw(g, a, b, i, j, k, l));
}

/* The oracle: one walk over everything that x, w and y meet in, y also outside of its planes.  Each
 * member of the family adds into one of the three; what is outside reads as 0. */
typedef struct meeting {
    const rk_geometry *g;
    int64_t which;
    const float *a, *b;
    rk_near *z;
} meeting;

static void meet(const meeting *m, int64_t n, int64_t k, int64_t oh, int64_t ow, int64_t c)
{
    const rk_geometry *g = m->g;
    bool in_y = oh >= 0 && oh < g->OH && ow >= 0 && ow < g->OW;
    int64_t y = ((n * g->K + k) * g->OH + oh) * g->OW + ow;
    if (m->which != RK_CONV_DX && !in_y) return;
    for (int64_t r = 0; r < g->R; r++)
        for (int64_t s = 0; s < g->S; s++) {
            int64_t h = oh * g->sh + r - g->ph, v = ow * g->sw + s - g->pw;
            bool in_x = h >= 0 && h < g->H && v >= 0 && v < g->W;
            int64_t x = ((n * g->C + c) * g->H + h) * g->W + v;
            int64_t w = ((k * g->C + c) * g->R + r) * g->S + s;
            if (m->which == RK_CONV_DX && !in_x) continue;
            double term;
            int64_t z;
            if (m->which == RK_CONV_Y)
                term = (in_x ? (double)m->a[x] : 0.0) * (double)m->b[w], z = y;
            else if (m->which == RK_CONV_DX)
                term = (in_y ? (double)m->a[y] : 0.0) * (double)m->b[w], z = x;
            else
                term = (in_x ? (double)m->a[x] : 0.0) * (double)m->b[y], z = w;
            m->z[z].v += term;
            m->z[z].e += fabs(term);
        }
}

void rk_conv_oracle(int64_t which, const rk_geometry *g, const float *a, const float *b,
                    rk_near *out, int64_t n_out)
{
    const meeting m = {g, which, a, b, out};
    int64_t top = g->R / g->sh + 1, left = g->S / g->sw + 1;
    for (int64_t n = 0; n < g->N; n++)
        for (int64_t k = 0; k < g->K; k++)
            for (int64_t oh = -top; oh <= (g->H + g->ph) / g->sh || oh < g->OH; oh++)
                for (int64_t ow = -left; ow <= (g->W + g->pw) / g->sw || ow < g->OW; ow++)
                    for (int64_t c = 0; c < g->C; c++) meet(&m, n, k, oh, ow, c);
    rk_near_sums(out, n_out);
}

/* The largest magnitude of a plane, 2^-100 at least; infinite if nothing may be said of it. */
static double largest(const float *plane, int64_t n)
{
    double most = 0x1p-100;
    for (int64_t i = 0; i < n; i++)
        most = plane[i] == plane[i] ? fmax(most, fabs(plane[i])) : INFINITY;
    return most < 0x1p100 ? most : INFINITY;
}

/* Of plane [i][j] of the result. */
static double magnitude(int64_t which, const rk_geometry *g, int64_t i, int64_t j, const float *a,
                        const float *b)
{
    int64_t x = g->H * g->W, w = g->R * g->S, y = g->OH * g->OW;
    double sum = 0;
    if (which == RK_CONV_Y)
        for (int64_t c = 0; c < g->C; c++)
            sum +=
                (double)w * largest(a + (i * g->C + c) * x, x) * largest(b + (j * g->C + c) * w, w);
    else if (which == RK_CONV_DX)
        for (int64_t k = 0; k < g->K; k++)
            sum +=
                (double)w * largest(a + (i * g->K + k) * y, y) * largest(b + (k * g->C + j) * w, w);
    else
        for (int64_t n = 0; n < g->N; n++)
            sum +=
                (double)y * largest(a + (n * g->C + j) * x, x) * largest(b + (n * g->K + i) * y, y);
    return sum < 0x1p100 ? sum : INFINITY;
}

void rk_conv_widen(int64_t which, const rk_geometry *g, const int64_t *dim, const float *a,
                   const float *b, rk_near *out)
{
    int64_t plane = dim[2] * dim[3];
    for (int64_t i = 0; i < dim[0] * dim[1]; i++) {
        double e = magnitude(which, g, i / dim[1], i % dim[1], a, b);
        for (int64_t p = 0; p < plane; p++) out[i * plane + p].e = e;
    }
}
