/* CONV: y, dx and dw over one index set; strides, padding, 1x1, long chains, epilogues. */
#include "check/conv_shapes.h"
#include <math.h>
#include <string.h>
#include "rethink/numerics.h"

static int64_t longest(int64_t which, const rk_geometry *g)
{
    if (which == RK_CONV_DW) return g->N * g->OH * g->OW;
    return (which == RK_CONV_Y ? g->C : g->K) * g->R * g->S;
}

static const uint32_t bias_axes[3] = {13, 13, 14}; /* broadcast but along channels (dw: rows) */

/* Data beyond those of cases.h: a special number here and there, so that most chains stay finite;
 * small numbers, whose products are subnormal; and smaller ones, whose products are all -0. */
enum { SOME = 2, SMALL = 3, LOST = 4 };

static void sprinkle(const rk_sample *c, rk_operands *d, rk_dice *r, int data)
{
    for (int j = 0; j < 2; j++) {
        uint32_t *x = d->in[j];
        for (int64_t i = 0; i < rk_tensor_count(&c->in[j]); i++)
            if (data == SOME && rk_dice_below(r, 300) == 0)
                x[i] = rk_dice_special(r);
            else if (data == SMALL)
                x[i] = rk_bits(rk_float(x[i]) * 1e-20f);
            else if (data == LOST)
                x[i] = rk_bits(fabsf(rk_float(x[i])) * (j ? -1e-25f : 1e-25f));
    }
}

void rk_refer_conv_whole(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    int64_t which = c->op.p[0], n = rk_tensor_count(&c->out[0]);
    rk_geometry g;
    rk_raw raw;
    memcpy(&g, c->op.p + 1, sizeof g);
    if (!rk_raw_make(bed, d, n, &raw)) return;
    rk_conv_contract(which, &g, c->out[0].dim, d->in[0], d->in[1], raw.word);
    rk_conv_oracle(which, &g, d->in[0], d->in[1], raw.near, n);
    d->terms = longest(which, &g);
    rk_expect_raw(c, d, &raw, 2);
    rk_conv_widen(which, &g, c->out[0].dim, d->in[0], d->in[1], raw.near);
    rk_expect_wide(bed, c, d, &raw, 2);
}

static void judge(rk_bed *bed, const rk_sample *c, rk_dice *r, int data)
{
    rk_operands d;
    if (rk_operands_make(bed, c, &d, r, data == RK_SPECIAL)) {
        sprinkle(c, &d, r, data);
        rk_conv_poison(c, &d);
        rk_refer_conv(bed, c, &d);
        rk_expect(bed, c, &d);
    }
    rk_operands_free(&d);
}

/* part: NULL, or the channels of y's tensor, and the first one of y. */
static void run_part(rk_bed *bed, rk_dice *r, const rk_geometry *g, int64_t which, int data,
                     bool with_program, const int64_t *part)
{
    const int64_t x[4] = {g->N, g->C, g->H, g->W}, w[4] = {g->K, g->C, g->R, g->S},
                  y[4] = {g->N, part ? part[0] : g->K, g->OH, g->OW};
    const int64_t *a = which == RK_CONV_DX ? y : x, *b = which == RK_CONV_DW ? y : w;
    const int64_t *dim = which == RK_CONV_Y ? y : which == RK_CONV_DX ? x : w;
    rk_sample c;
    if (rk_too_large(bed, g->N * g->C * g->K * g->R * g->S * g->OH * g->OW)) return;
    rk_sample_begin(&c, RK_CONV);
    c.op.p[0] = which;
    memcpy(c.op.p + 1, g, sizeof *g);
    if (part) {
        c.op.rev = RK_CONV_PART;
        memcpy(c.op.p + 14, part, 2 * sizeof *part);
    }
    rk_sample_in(&c, RK_F32, 4, a, 0);
    rk_sample_in(&c, RK_F32, 4, b, 0);
    rk_sample_out(&c, RK_F32, 4, dim);
    if (with_program) {
        rk_sample_in(&c, RK_F32, 4, dim, bias_axes[which]);
        rk_sample_in(&c, RK_F32, 4, dim, 0);
        rk_sample_out(&c, RK_U8, 4, dim);
        uint16_t sum = rk_sample_ins(&c, RK_I_FADD, RK_R_IN, RK_R_IN + 1, 0);
        uint16_t all = rk_sample_ins(&c, RK_I_FADD, sum, RK_R_IN + 2, 0);
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FMAX, all, rk_sample_immf(&c, 0.0f), 0));
        rk_sample_store(&c, 1, rk_sample_ins(&c, RK_I_FLT, RK_R_IN, rk_sample_imm(&c, 0), 0));
    }
    judge(bed, &c, r, data);
}

static void run(rk_bed *bed, rk_dice *r, const rk_geometry *g, int64_t which, int data,
                bool with_program)
{
    run_part(bed, r, g, which, data, with_program, NULL);
}

static rk_geometry same(int64_t N, int64_t C, int64_t H, int64_t W, int64_t K, int64_t R, int64_t S,
                        int64_t stride, int64_t pad)
{
    rk_geometry g = {N, C, H, W, K, R, S, stride, stride, pad, pad, 0, 0};
    g.OH = (H + 2 * pad - R) / stride + 1;
    g.OW = (W + 2 * pad - S) / stride + 1;
    return g;
}

/* Which members of the family, by bits, and whether with a program. */
typedef struct part {
    uint32_t members;
    bool program;
} part;
enum { Y = 1 << RK_CONV_Y, DX = 1 << RK_CONV_DX, DW = 1 << RK_CONV_DW };
static const part all = {Y | DX | DW, false}, with_programs = {Y | DX | DW, true};

static void members(rk_bed *bed, part p, const rk_geometry *g, int special)
{
    rk_dice r = {51};
    for (int64_t which = 0; which < 3; which++)
        if (p.members >> which & 1u) run(bed, &r, g, which, special, p.program);
}

static void sizes(rk_bed *bed, part p)
{
    const rk_geometry list[] = {
        same(1, 1, 1, 1, 1, 1, 1, 1, 0),           same(2, 3, 7, 9, 5, 3, 3, 1, 1),
        same(3, 5, 8, 8, 7, 1, 1, 1, 0),           same(2, 3, 12, 11, 4, 5, 5, 1, 2),
        same(1, 2, 15, 17, 3, 7, 7, 1, 3),         same(2, 3, 9, 9, 4, 3, 3, 2, 1),
        same(2, 4, 10, 13, 3, 3, 3, 2, 0),         same(1, 3, 14, 14, 6, 5, 5, 2, 2),
        same(2, 5, 9, 7, 6, 1, 1, 2, 0),           same(1, 3, 11, 11, 2, 4, 2, 3, 1),
        same(3, 17, 6, 6, 33, 3, 3, 1, 1),         same(2, 3, 28, 28, 20, 3, 3, 1, 1),
        same(1, 2, 5, 40, 9, 3, 3, 1, 1),          same(4, 9, 14, 14, 13, 1, 1, 1, 0),
        same(1, 2, 5, 79, 3, 3, 3, 2, 1),          same(2, 2, 3, 35, 3, 1, 1, 2, 0),
        {2, 3, 6, 5, 4, 3, 2, 2, 1, 1, 0, 3, 4},   /* its own strides and pads along h and w */
        {2, 2, 5, 5, 3, 3, 3, 1, 1, 4, 4, 11, 11}, /* whole windows in the padding */
        {1, 2, 4, 4, 2, 3, 3, 1, 1, 0, 0, 5, 6},   /* outputs beyond the input */
        {1, 2, 9, 9, 2, 3, 3, 1, 1, 1, 1, 4, 5},   /* inputs that no window reaches */
        {2, 2, 7, 7, 3, 2, 2, 3, 3, 0, 0, 2, 2}};  /* gaps between windows */
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int special = 0; special < 2; special++) members(bed, p, &list[i], special);
}

static void empty(rk_bed *bed)
{
    const rk_geometry list[] = {
        {0, 2, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3}, {2, 0, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3},
        {2, 2, 0, 3, 2, 3, 3, 1, 1, 1, 1, 0, 3}, {2, 2, 3, 3, 0, 3, 3, 1, 1, 1, 1, 3, 3},
        {2, 2, 3, 3, 2, 0, 3, 1, 1, 1, 1, 3, 3}, {2, 2, 3, 3, 2, 3, 3, 1, 1, 1, 1, 0, 3},
        {2, 2, 0, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) members(bed, all, &list[i], RK_PLAIN);
}

/* More taps than a block: of the channels for y and dx, of the positions for dw. */
static void long_chains(rk_bed *bed)
{
    const rk_geometry list[] = {
        same(5, 1000, 3, 3, 2, 3, 3, 1, 1), same(1, 2, 3, 3, 1000, 3, 3, 1, 1),
        same(1, 8195, 2, 2, 3, 1, 1, 1, 0), same(5, 2, 16, 16, 3, 3, 3, 1, 1),
        same(4, 3, 32, 32, 2, 3, 3, 2, 1),  same(1, 2, 33, 63, 3, 3, 3, 1, 1),
        same(1025, 2, 1, 1, 3, 1, 1, 1, 0), same(1, 8195, 1, 1, 2, 1, 1, 1, 0),
        same(1, 2, 1, 1, 8195, 1, 1, 1, 0)};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) members(bed, all, &list[i], RK_PLAIN);
}

static void random_geometries(rk_bed *bed, part p)
{
    rk_dice r = {52};
    for (int i = 0; i < (bed->quick ? 4 : 60); i++) {
        rk_geometry g = {
            1 + rk_dice_below(&r, 3),  1 + rk_dice_below(&r, 20), 1 + rk_dice_below(&r, 18),
            1 + rk_dice_below(&r, 18), 1 + rk_dice_below(&r, 20), 1 + rk_dice_below(&r, 5),
            1 + rk_dice_below(&r, 5),  1 + rk_dice_below(&r, 3),  1 + rk_dice_below(&r, 3),
            rk_dice_below(&r, 4),      rk_dice_below(&r, 4),      1 + rk_dice_below(&r, 18),
            1 + rk_dice_below(&r, 18)};
        members(bed, p, &g, (int)rk_dice_below(&r, 2));
    }
}

/* What a kernel may cut into tiles, bands, groups, pieces and phases: several of each, and odd
 * ends. */
static void tiles(rk_bed *bed, part p)
{
    const rk_geometry list[] = {
        same(1, 29, 28, 28, 13, 3, 3, 1, 1),         /* bands of rows, pieces of channels */
        same(13, 30, 7, 7, 13, 3, 3, 1, 1),          /* groups of images */
        same(65, 57, 7, 7, 2, 3, 3, 1, 1),           /* likewise, several a thread, of two sizes */
        same(11, 70, 7, 7, 50, 1, 1, 1, 0),          /* operands read where they lie */
        same(2, 11, 20, 33, 13, 3, 3, 1, 0),         /* likewise, with a halo */
        same(2, 300, 14, 14, 13, 1, 1, 1, 0),        /* pieces of 1 x 1 */
        {9, 18, 14, 14, 30, 3, 3, 2, 2, 0, 0, 7, 7}, /* padded at one side only */
        same(3, 9, 29, 31, 35, 3, 3, 2, 1),          /* phases of unequal size */
        same(4, 7, 20, 23, 12, 5, 5, 3, 1),          /* likewise, three a side */
        same(5, 33, 16, 16, 40, 1, 1, 2, 0),         /* phases without a tap */
        {6, 5, 20, 20, 9, 2, 2, 3, 3, 0, 0, 7, 7},   /* likewise, and gaps */
        {2, 6, 23, 30, 7, 5, 2, 2, 1, 3, 1, 13, 31}, /* each side its own */
        {2, 3, 5, 1, 4, 3, 1, 2, 3, 1, 0, 3, 1},     /* a stride beyond the plane */
        {3, 4, 9, 9, 5, 3, 3, 1, 1, 5, 5, 17, 17},   /* more padding than kernel */
        {3, 4, 9, 9, 5, 3, 3, 2, 2, 6, 6, 10, 10},   /* likewise, by strides */
        same(1, 3, 20, 20, 4, 17, 17, 1, 8),         /* more taps than a piece */
        {1, 1, 70, 70, 1, 65, 65, 1, 1, 0, 0, 6, 6}, /* thousands */
        {1, 2, 19, 19, 3, 3, 3, 9, 9, 1, 1, 3, 3},   /* 81 phases */
        same(1, 3, 3, 600, 18, 3, 3, 1, 1),          /* long rows */
        same(1, 20, 5, 5, 64, 3, 3, 1, 1),           /* one small image */
        same(2, 3, 28, 28, 24, 5, 5, 1, 2)};         /* a first layer */
    static const int data[] = {RK_PLAIN, SMALL, LOST};
    rk_dice r = {53};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int64_t which = 0; which < 3; which++) {
            run(bed, &r, &list[i], which, SOME, p.program);
            if (i >= 6 && !p.program) run(bed, &r, &list[i], which, data[i % 3], false);
        }
}

/* Up to three channels of the result: planes of another size than the operand's, or as large, with
 * odd ends, windows to one side, and larger ones than the plane. */
static void few(rk_bed *bed, part p)
{
    const rk_geometry list[] = {
        {2, 9, 16, 16, 1, 2, 2, 1, 1, 1, 0, 17, 15}, {2, 1, 15, 17, 8, 2, 2, 1, 1, 1, 0, 16, 16},
        {1, 1, 9, 40, 8, 1, 3, 1, 1, 0, 5, 9, 48},   {1, 8, 14, 20, 1, 1, 3, 1, 1, 0, 2, 14, 18},
        {1, 8, 9, 20, 1, 1, 3, 1, 1, 0, 1, 9, 23},   {6, 13, 16, 17, 2, 3, 3, 1, 1, 1, 1, 16, 17},
        {3, 2, 9, 19, 11, 3, 5, 1, 1, 0, 3, 7, 21},  {2, 3, 21, 18, 10, 3, 3, 1, 1, 1, 1, 21, 18},
        {2, 3, 9, 11, 2, 2, 4, 1, 1, 1, 1, 9, 11},   {3, 1, 8, 8, 3, 5, 3, 1, 1, 2, 1, 8, 8},
        {1, 2, 3, 47, 1, 7, 9, 1, 1, 3, 4, 3, 47},   {2, 3, 30, 5, 3, 3, 13, 1, 1, 0, 11, 30, 5},
        {1, 2, 129, 1, 2, 3, 2, 1, 1, 2, 0, 129, 1}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i += p.program ? 3 : 1)
        members(bed, p, &list[i], p.program ? SOME : RK_PLAIN);
}

/* Blocks of several tiles, pieces and threads.  With 911 channels the last block has 7 taps, which
 * are none of most phases': it adds +0 to what may be -0. */
static void blocks(rk_bed *bed, part p)
{
    const rk_geometry list[] = {
        same(3, 930, 4, 4, 9, 3, 3, 1, 1),    same(3, 9, 4, 4, 930, 3, 3, 1, 1),
        same(2, 8300, 3, 3, 7, 1, 1, 1, 0),   same(2, 9, 7, 5, 930, 3, 3, 2, 1),
        same(2, 3, 6, 6, 911, 3, 3, 3, 1),    same(1, 2, 7, 7, 911, 3, 3, 2, 0),
        same(3, 5, 28, 28, 20, 3, 3, 1, 1),   same(8, 2, 32, 32, 6, 3, 3, 1, 1),
        same(43, 5, 7, 7, 18, 3, 3, 1, 1),    same(24, 6, 16, 16, 7, 3, 3, 2, 1),
        same(1, 72, 5, 6, 73, 3, 3, 1, 1),    same(2, 40, 9, 9, 330, 3, 3, 2, 1),
        same(8, 1, 16, 16, 68, 1, 1, 1, 0), /* blocks and panels for two threads */
        same(12, 19, 14, 14, 18, 1, 1, 1, 0), same(6, 1, 20, 20, 2, 1, 1, 1, 0),
        same(1, 1, 2, 2, 1000, 3, 3, 2, 1)}; /* the last two also where shapes are small */
    rk_dice r = {54};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int64_t which = 0; which < 3; which++) {
            run(bed, &r, &list[i], which, RK_PLAIN, p.program);
            if (list[i].sh > 1 && !p.program) run(bed, &r, &list[i], which, LOST, false);
        }
}

/* Planes whose rows share their padding, or end where a tile or a vector does; phases without taps;
 * blocks of positions that begin and end within rows and hold parts of three images. */
static void edges(rk_bed *bed, part p)
{
    for (size_t i = 0; i < sizeof conv_edges / sizeof *conv_edges; i++)
        members(bed, p, &conv_edges[i], RK_PLAIN);
}

/* Kernels of 3 x 3 by strides of 1, for which there are transforms of tiles: extents that are and
 * are not multiples of 2 and 4, bands and groups of tiles, pads that differ, each on its own. */
static void three(rk_bed *bed, part p)
{
    rk_dice r = {55};
    for (size_t i = 0; i < sizeof conv_three / sizeof *conv_three; i++)
        for (int64_t which = 0; which < 3; which++) {
            run(bed, &r, &conv_three[i], which, RK_PLAIN, p.program);
            if (!p.program) run(bed, &r, &conv_three[i], which, i % 2 ? SOME : SMALL, false);
        }
}

/* y and g as the first, a middle and the last part of a tensor, in every way there is to compute
 * them. */
static void parts(rk_bed *bed)
{
    const rk_geometry list[] = {
        same(2, 3, 7, 9, 5, 3, 3, 1, 1),
        same(3, 5, 8, 8, 7, 1, 1, 1, 0),           /* read where it lies */
        same(2, 3, 9, 9, 4, 3, 3, 2, 1),           /* phases */
        same(5, 9, 7, 7, 13, 3, 3, 1, 1),          /* groups of images */
        same(43, 8, 7, 7, 13, 3, 3, 1, 1),         /* images side by side */
        {43, 8, 7, 7, 13, 1, 3, 1, 1, 0, 1, 7, 7}, /* likewise, no rows of padding */
        same(43, 13, 7, 7, 9, 3, 3, 2, 1),         /* likewise, phases */
        same(1, 5, 28, 28, 7, 3, 3, 1, 1),         /* bands of rows */
        same(2, 4, 10, 13, 6, 3, 3, 1, 0),         /* read where it lies, with a halo */
        {3, 4, 14, 14, 5, 3, 3, 2, 2, 0, 0, 7, 7}, /* padded at one side only */
        same(2, 7, 9, 9, 6, 1, 1, 2, 0),           /* phases without a tap */
        same(1, 930, 2, 2, 3, 3, 3, 1, 1),         /* blocks of y */
        same(2, 2, 3, 3, 930, 3, 3, 1, 1),         /* blocks of dx */
        same(7, 2, 16, 16, 3, 1, 1, 1, 0),         /* blocks of dw */
        {1, 2, 19, 19, 3, 3, 3, 9, 9, 1, 1, 3, 3}, /* 81 phases */
        same(2, 8, 16, 16, 3, 1, 3, 1, 1),         /* few channels of y */
        same(2, 2, 16, 17, 9, 3, 3, 1, 1),         /* few channels of x */
        {0, 2, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3},   /* nothing */
        {2, 0, 3, 3, 2, 3, 3, 1, 1, 1, 1, 3, 3},   /* no taps */
        {2, 2, 3, 3, 0, 3, 3, 1, 1, 1, 1, 3, 3}};  /* no channels */
    static const int64_t before[] = {0, 3, 33}, after[] = {5, 1, 0};
    rk_dice r = {56};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int64_t which = 0; which < 3; which++) {
            size_t k = (i + (size_t)which) % 3;
            const int64_t part[2] = {before[k] + list[i].K + after[k], before[k]};
            run_part(bed, &r, &list[i], which, i % 2 ? SOME : RK_PLAIN, false, part);
            if (which != RK_CONV_Y) run_part(bed, &r, &list[i], which, RK_PLAIN, true, part);
        }
}

/* Enough channels and positions for the largest tile of any backend, also on a slow device. */
static void large_tile(rk_bed *bed)
{
    rk_dice r = {53};
    rk_geometry g = same(2, 1, 17, 17, 130, 1, 1, 1, 0);
    bool quick = bed->quick;
    bed->quick = false;
    run(bed, &r, &g, RK_CONV_Y, RK_PLAIN, false);
    bed->quick = quick;
}

static void y(rk_bed *bed) { sizes(bed, (part){Y, false}); }
static void dx(rk_bed *bed) { sizes(bed, (part){DX, false}); }
static void dw(rk_bed *bed) { sizes(bed, (part){DW, false}); }
static void epilogues(rk_bed *bed) { sizes(bed, with_programs); }
static void random_plain(rk_bed *bed) { random_geometries(bed, all); }

static void long_plain(rk_bed *bed)
{
    long_chains(bed);
    blocks(bed, all);
}

static void edges_plain(rk_bed *bed) { edges(bed, all); }
static void three_plain(rk_bed *bed) { three(bed, all); }

static void tiles_plain(rk_bed *bed)
{
    tiles(bed, all);
    few(bed, (part){Y | DX, false});
    large_tile(bed);
}

static void epilogues_of_edges(rk_bed *bed)
{
    few(bed, (part){Y | DX, true});
    edges(bed, with_programs);
    random_geometries(bed, with_programs);
}

static void epilogues_of_tiles(rk_bed *bed)
{
    tiles(bed, with_programs);
    blocks(bed, with_programs);
    three(bed, with_programs);
}

static const rk_case cases[] = {
    {"y", "strides, padding, 1x1 to 7x7, odd sizes; plain and special values", y, RK_CASE_NEEDED},
    {"dx", "its gradient in x, the same shapes", dx, RK_CASE_NEEDED},
    {"dw", "its gradient in w, the same shapes", dw, RK_CASE_NEEDED},
    {"empty", "extents of 0, all three", empty, RK_CASE_NEEDED},
    {"long-chains", "sums of several blocks; a last one added to -0", long_plain, RK_CASE_NEEDED},
    {"random", "random shapes, all three", random_plain, RK_CASE_NEEDED},
    {"tiles", "several tiles and phases, odd ends; tiny numbers", tiles_plain, RK_CASE_NEEDED},
    {"edges", "rows that share padding, parts of images, no taps", edges_plain, RK_CASE_NEEDED},
    {"three", "3 x 3 by strides of 1: tiles of transforms, bands", three_plain, RK_CASE_NEEDED},
    {"epilogues", "programs on the result: bias, residual, relu, mask", epilogues, 0},
    {"epilogues-edges", "the same, of edges and random shapes", epilogues_of_edges, 0},
    {"epilogues-tiles", "the same, of what is cut into tiles", epilogues_of_tiles, 0},
    {"parts", "revision 1: y and g as channels of a larger tensor", parts, 0}};
const rk_case_group rk_cases_conv = {"conv", cases, sizeof cases / sizeof *cases};
