/* CONV: y, dx and dw over one index set; strides, padding, 1x1, long chains, epilogues. */
#include "kinds.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <rethink/numerics.h>

/* p[] of a CONV after `which`, by the header's names. */
typedef struct geometry {
    int64_t N, C, H, W, K, R, S, sh, sw, ph, pw, OH, OW;
} geometry;

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

static float one_y(const geometry *g, const float *x, const float *w, int64_t n, int64_t k,
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

static float one_dx(const geometry *g, const float *dy, const float *w, int64_t n, int64_t ch,
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

static float one_dw(const geometry *g, const float *x, const float *dy, int64_t k, int64_t ch,
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

static uint32_t *convolve(int64_t which, const geometry *g, const int64_t *dim, const float *a,
                          const float *b)
{
    uint32_t *y = malloc((size_t)(dim[0] * dim[1] * dim[2] * dim[3]) * 4 + 1), *out = y;
    assert_non_null(y);
    for (int64_t i = 0; i < dim[0]; i++)
        for (int64_t j = 0; j < dim[1]; j++)
            for (int64_t k = 0; k < dim[2]; k++)
                for (int64_t l = 0; l < dim[3]; l++)
                    *out++ = rk_bits(which == RK_CONV_Y    ? one_y(g, a, b, i, j, k, l)
                                     : which == RK_CONV_DX ? one_dx(g, a, b, i, j, k, l)
                                                           : one_dw(g, a, b, i, j, k, l));
    return y;
}

static const uint32_t bias_axes[3] = {13, 13, 14}; /* broadcast but along channels (dw: rows) */

static void run(harness *h, random_state *r, const geometry *g, int64_t which, int special,
                bool with_program)
{
    const int64_t x[4] = {g->N, g->C, g->H, g->W}, w[4] = {g->K, g->C, g->R, g->S},
                  y[4] = {g->N, g->K, g->OH, g->OW};
    const int64_t *a = which == RK_CONV_DX ? y : x, *b = which == RK_CONV_DW ? y : w;
    const int64_t *dim = which == RK_CONV_Y ? y : which == RK_CONV_DX ? x : w;
    harness_case c;
    case_data d;
    if (too_large(h, g->N * g->C * g->K * g->R * g->S * g->OH * g->OW)) return;
    case_begin(&c, RK_CONV);
    c.op.p[0] = which;
    memcpy(c.op.p + 1, g, sizeof *g);
    case_in(&c, RK_F32, 4, a, 0);
    case_in(&c, RK_F32, 4, b, 0);
    case_out(&c, RK_F32, 4, dim);
    if (with_program) {
        case_in(&c, RK_F32, 4, dim, bias_axes[which]);
        case_in(&c, RK_F32, 4, dim, 0);
        case_out(&c, RK_U8, 4, dim);
        uint16_t sum = case_ins(&c, RK_I_FADD, RK_R_IN, RK_R_IN + 1, 0);
        uint16_t all = case_ins(&c, RK_I_FADD, sum, RK_R_IN + 2, 0);
        case_store(&c, 0, case_ins(&c, RK_I_FMAX, all, case_immf(&c, 0.0f), 0));
        case_store(&c, 1, case_ins(&c, RK_I_FLT, RK_R_IN, case_imm(&c, 0), 0));
    }
    data_make(&c, &d, r, special);
    uint32_t *raw = convolve(which, g, dim, d.in[0], d.in[1]);
    want_raw(&c, &d, raw, 2);
    free(raw);
    expect_want(h, &c, &d, "conv");
    data_free(&c, &d);
}

static geometry same(int64_t N, int64_t C, int64_t H, int64_t W, int64_t K, int64_t R, int64_t S,
                     int64_t stride, int64_t pad)
{
    geometry g = {N, C, H, W, K, R, S, stride, stride, pad, pad, 0, 0};
    g.OH = (H + 2 * pad - R) / stride + 1;
    g.OW = (W + 2 * pad - S) / stride + 1;
    return g;
}

/* On a slow device the members take turns at having a program. */
static void all_of(harness *h, const geometry *g, int special)
{
    random_state r = {51};
    for (int64_t which = 0; which < 3; which++)
        for (int with = 0; with < 2; with++)
            if (!h->small || with == (which + special) % 2) run(h, &r, g, which, special, with);
}

static void sizes(void **state)
{
    const geometry list[] = {
        same(1, 1, 1, 1, 1, 1, 1, 1, 0),           same(2, 3, 7, 9, 5, 3, 3, 1, 1),
        same(3, 5, 8, 8, 7, 1, 1, 1, 0),           same(2, 3, 12, 11, 4, 5, 5, 1, 2),
        same(1, 2, 15, 17, 3, 7, 7, 1, 3),         same(2, 3, 9, 9, 4, 3, 3, 2, 1),
        same(2, 4, 10, 13, 3, 3, 3, 2, 0),         same(1, 3, 14, 14, 6, 5, 5, 2, 2),
        same(2, 5, 9, 7, 6, 1, 1, 2, 0),           same(1, 3, 11, 11, 2, 4, 2, 3, 1),
        same(3, 17, 6, 6, 33, 3, 3, 1, 1),         same(2, 3, 28, 28, 20, 3, 3, 1, 1),
        same(1, 2, 5, 40, 9, 3, 3, 1, 1),          same(4, 9, 14, 14, 13, 1, 1, 1, 0),
        {2, 3, 6, 5, 4, 3, 2, 2, 1, 1, 0, 3, 4},   /* its own strides and pads along h and w */
        {2, 2, 5, 5, 3, 3, 3, 1, 1, 4, 4, 11, 11}, /* whole windows in the padding */
        {1, 2, 4, 4, 2, 3, 3, 1, 1, 0, 0, 5, 6},   /* outputs beyond the input */
        {1, 2, 9, 9, 2, 3, 3, 1, 1, 1, 1, 4, 5},   /* inputs that no window reaches */
        {2, 2, 7, 7, 3, 2, 2, 3, 3, 0, 0, 2, 2}};  /* gaps between windows */
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int special = 0; special < 2; special++) all_of(*state, &list[i], special);
}

static void empty(void **state)
{
    const geometry list[] = {
        {0, 2, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3}, {2, 0, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3},
        {2, 2, 0, 3, 2, 3, 3, 1, 1, 1, 1, 0, 3}, {2, 2, 3, 3, 0, 3, 3, 1, 1, 1, 1, 3, 3},
        {2, 2, 3, 3, 2, 0, 3, 1, 1, 1, 1, 3, 3}, {2, 2, 3, 3, 2, 3, 3, 1, 1, 1, 1, 0, 3},
        {2, 2, 0, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) all_of(*state, &list[i], DATA_PLAIN);
}

/* More taps than a block: of the channels for y and dx, of the positions for dw. */
static void long_chains(void **state)
{
    const geometry list[] = {same(1, 1000, 3, 3, 2, 3, 3, 1, 1), same(1, 2, 3, 3, 1000, 3, 3, 1, 1),
                             same(1, 8195, 2, 2, 3, 1, 1, 1, 0), same(5, 2, 16, 16, 3, 3, 3, 1, 1),
                             same(4, 3, 32, 32, 2, 3, 3, 2, 1),  same(1, 2, 33, 63, 3, 3, 3, 1, 1),
                             same(1025, 2, 1, 1, 3, 1, 1, 1, 0)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) all_of(*state, &list[i], DATA_PLAIN);
}

static void random_geometries(void **state)
{
    harness *h = *state;
    random_state r = {52};
    for (int i = 0; i < (h->small ? 4 : 60); i++) {
        geometry g = {1 + random_below(&r, 3),  1 + random_below(&r, 20), 1 + random_below(&r, 18),
                      1 + random_below(&r, 18), 1 + random_below(&r, 20), 1 + random_below(&r, 5),
                      1 + random_below(&r, 5),  1 + random_below(&r, 3),  1 + random_below(&r, 3),
                      random_below(&r, 4),      random_below(&r, 4),      1 + random_below(&r, 18),
                      1 + random_below(&r, 18)};
        all_of(h, &g, (int)random_below(&r, 2));
    }
}

/* Planes whose rows share their padding, or end where a tile or a vector does; phases without taps;
 * blocks of positions that begin and end within rows and hold parts of three images. */
static void edges(void **state)
{
    const geometry list[] = {
        {2, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},     /* all but one tap in the padding */
        {2, 2, 3, 23, 3, 1, 3, 1, 1, 0, 1, 3, 23},   /* a period of 24 */
        {1, 2, 5, 7, 5, 3, 3, 1, 1, 2, 2, 7, 9},     /* more columns than the input has */
        {1, 3, 4, 9, 4, 2, 2, 1, 1, 0, 1, 3, 9},     /* padding on one side only is read */
        {1, 2, 9, 8, 3, 2, 2, 4, 5, 1, 1, 2, 2},     /* most phases have no tap */
        {1, 2, 3, 2, 3, 1, 1, 5, 5, 0, 0, 1, 1},     /* a stride beyond the input */
        {1, 1, 6, 6, 2, 5, 4, 2, 3, 2, 1, 3, 2},     /* other phases along h and w */
        {350, 1, 2, 2, 2, 2, 2, 1, 1, 0, 0, 1, 3},   /* 1024 is no multiple of a row's 3 */
        {6, 1, 20, 20, 2, 1, 1, 1, 1, 0, 0, 20, 20}, /* three blocks, each of parts of images */
        {1, 1, 3, 3, 25, 2, 2, 1, 1, 0, 0, 2, 2},    /* one channel more than tiles have */
        {1, 1, 2, 2, 1000, 3, 3, 2, 2, 1, 1, 1, 1}}; /* a block of taps, of which few take part */
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) all_of(*state, &list[i], DATA_PLAIN);
}

/* Enough channels and positions for the largest tile of any backend, also on a slow device. */
static void large_tile(void **state)
{
    harness *h = *state;
    random_state r = {53};
    geometry g = same(2, 1, 17, 17, 130, 1, 1, 1, 0);
    int small = h->small;
    h->small = 0;
    run(h, &r, &g, RK_CONV_Y, DATA_PLAIN, false);
    h->small = small;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sizes),       cmocka_unit_test(empty),
    cmocka_unit_test(long_chains), cmocka_unit_test(random_geometries),
    cmocka_unit_test(edges),       cmocka_unit_test(large_tile)};
const kinds_group kinds_conv = {"conv", tests, sizeof tests / sizeof *tests};
