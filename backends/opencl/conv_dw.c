/* CONV, cpu variant: DW; kernels/conv_dw.cl and conv_dw_sum.cl. */
#include "conv.h"
#include "embedded.h"
#include <math.h>
#include <rethink/numerics.h>
#include <stdio.h>

/* Floats of a task's copy; positions of a piece, whose gradients and copies stay in a second-level
 * cache beside what is asked for ahead; taps that the second step turns at once. */
enum { COPY = 131072, PIECE = 512, CHUNK = 64 };

/* How the sums are cut: units of `group` channels by `vectors` of columns, in panels of a tile's;
 * a unit's sums have room for whole tiles.  A task is a unit, or `blocks` of its chains, whose sums
 * are kept one by one. */
typedef struct cut {
    ocl_conv_tile tile;
    uint64_t group, groups, vectors, cuts, blocks;
    uint64_t panels, rest, sums, units, tasks, slot;
    ocl_conv_copy copy;
} cut;

static uint64_t positions_of(const ocl_conv *c) { return c->batch * c->h.out * c->w.out; }
static uint64_t window_of(const ocl_conv *c) { return c->h.window * c->w.window; }

/* Rows of x that a piece can need. */
static uint64_t piece_rows(const ocl_conv *c)
{
    uint64_t plane = c->h.out * c->w.out,
             images = ocl_least((PIECE - 1) / ocl_most(plane, 1) + 2, c->batch);
    uint64_t rows = ocl_least(PIECE / ocl_most(c->w.out, 1) + 1 + images, images * c->h.out);
    return rows + images * c->h.more;
}

/* Whether x is read where it lies, at distances that 32 bits hold. */
static int is_here(const ocl_conv *c)
{
    const uint64_t plane = c->h.out * c->w.out;
    return ocl_conv_is_point(c) &&
           (double)(PIECE / ocl_most(plane, 1) + 2) * (double)c->ci * (double)plane <= 0x1p31;
}

/* Cycles or so of a position: loads of a panel's last vectors are shared by few products, gradients
 * are turned, and x is copied phase by phase, or waited for. */
static double each_of(const rk_device *d, const ocl_conv *c, const cut *w)
{
    const ocl_conv_tile *t = &w->tile;
    const double rest = (double)(w->vectors % t->nv), rows = t->mr,
                 tiles = (double)ocl_parts(w->group * window_of(c), t->mr);
    double panels = (double)(w->vectors / t->nv) * rows * t->nv * 100 / t->speed;
    if (rest > 0) panels += 1.04 * fmax(rows * rest, rows + rest);
    double copy = is_here(c) ? 0.3 : 0.6 * (double)(c->h.in_phases * c->w.in_phases);
    return tiles * (panels + 0.25 * (double)w->vectors) + 0.6 * (double)(w->vectors * d->width) +
           copy * (double)w->group;
}

static uint64_t runs_of(const ocl_conv *c, const cut *w)
{
    return ocl_parts(ocl_most(c->blocks, 1), w->blocks);
}

/* Of the longest share of all work. */
static double cost_of(const rk_device *d, const ocl_conv *c, const cut *w)
{
    const uint64_t tasks = w->groups * w->cuts * runs_of(c, w);
    const double positions = (double)ocl_least(positions_of(c), w->blocks * RK_CONV_DW_BLOCK);
    const double sums = (double)c->blocks * (double)(c->co * c->taps) / d->width / d->units;
    return (double)ocl_parts(tasks, d->units) * positions * each_of(d, c, w) +
           (w->blocks < c->blocks ? 12 * sums : 0);
}

/* A pointer for each tap: tiles of 12 x 2 leave too few other registers.  Broadcasts take all loads
 * of tiles of one vector where two vectors are multiplied in a cycle (Zen 5; on Zen 4 such tiles
 * are 3 % behind). */
static void choose_tile(cut *best, double *lowest, cut w, const rk_device *d, const ocl_conv *c,
                        const ocl_choice *chosen)
{
    static const ocl_conv_tile wide[] = {{6, 4, 100}, {9, 3, 94},  {8, 2, 98},
                                         {8, 3, 99},  {12, 1, 82}, {16, 1, 76}},
                               narrow[] = {{4, 3, 100}, {6, 2, 100}};
    const ocl_conv_tile asked = {chosen->rows, chosen->cols / d->width, 100};
    const uint64_t blocks = ocl_most(c->blocks, 1),
                   runs = ocl_least(blocks, (uint64_t)d->units * 8);
    const ocl_conv_tile *list = chosen->rows ? &asked : d->width == 16 ? wide : narrow;
    const size_t count = chosen->rows ? 1 : d->width == 16 ? 6 : 2;
    for (size_t i = 0; i < count; i++)
        for (uint64_t cuts = 1; cuts <= runs; cuts *= 2) {
            w.tile = list[i];
            w.blocks = ocl_parts(blocks, cuts);
            double cost = cost_of(d, c, &w);
            if (cost >= *lowest) continue;
            *lowest = cost;
            *best = w;
        }
}

/* Copies of as many channels as `part` allows, or fewer, and columns, to keep all units busy. */
static void choose(cut *best, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    const uint64_t vectors = ocl_most(ocl_parts(c->co, d->width), 1), rows = piece_rows(c),
                   one = ocl_conv_copy_of(c, 1, rows, 1).plane * c->h.in_phases * c->w.in_phases,
                   copy = chosen->part ? chosen->part * 2048u : COPY,
                   room = is_here(c) ? c->ci : ocl_most(copy / ocl_most(one, 1), 1),
                   fewest = ocl_parts(c->ci, ocl_least(room, c->ci));
    double lowest = INFINITY;
    for (uint64_t g = fewest; g <= ocl_least(c->ci, fewest + d->units); g++)
        for (uint64_t k = 1; k <= ocl_least(vectors, d->units); k++) {
            cut w = {.group = ocl_parts(c->ci, g), .vectors = ocl_parts(vectors, k)};
            w.groups = ocl_parts(c->ci, w.group);
            w.cuts = ocl_parts(vectors, w.vectors);
            choose_tile(best, &lowest, w, d, c, chosen);
        }
}

static uint64_t slots(const rk_device *d, uint64_t tasks)
{
    return ocl_least((uint64_t)d->units * 2, tasks);
}

static rk_status cut_of(cut *w, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c,
                        rk_error *e)
{
    choose(w, d, chosen, c);
    const uint64_t taps = w->group * window_of(c), nr = (uint64_t)w->tile.nv * d->width;
    w->copy = ocl_conv_copy_of(c, w->group, piece_rows(c), 1);
    w->panels = ocl_parts(w->vectors, w->tile.nv);
    w->rest = w->vectors - (w->panels - 1) * w->tile.nv;
    w->units = w->groups * w->cuts;
    w->sums = w->panels * ocl_parts(taps, w->tile.mr) * w->tile.mr * nr;
    w->tasks = w->units * runs_of(c, w);
    const double copy = is_here(c) ? 0 : (double)w->copy.planes * (double)w->copy.plane;
    if (copy > 0x1p31 || (double)w->sums > 0x1p31 || (double)w->units * (double)c->blocks > 0x1p30)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a task would copy more than 2^31 elements");
    /* The copy, a panel, places of positions and of what comes after them, sums, taps. */
    w->slot = ocl_parts((uint64_t)copy, 16) * 16 + PIECE * (nr + 1) + PIECE / 4 + w->sums + taps;
    w->slot = ocl_parts(ocl_most(w->slot, CHUNK * nr), 16) * 16;
    return RK_OK;
}

/* Sums of each unit that are kept, and where they all end and slots begin. */
static uint64_t kept(const ocl_conv *c, const cut *w)
{
    return w->blocks < c->blocks ? c->blocks : ocl_least(c->blocks, 1);
}
static uint64_t slots_at(const ocl_conv *c, const cut *w)
{
    return kept(c, w) * w->units * w->sums;
}

static rk_status add_products(rk_kernel *k, const ocl_conv *c, const cut *w, rk_error *e)
{
    rk_device *d = k->device;
    const int here = is_here(c);
    const uint64_t room = here ? 0 : ocl_parts(w->copy.planes * w->copy.plane, 16) * 16;
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 1);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n#define RK_REST %u\n", w->tile.mr,
                 w->tile.nv, (uint32_t)w->rest);
    ocl_text_add(&source, "#define RK_FLAT %d\n#define RK_PIECE %u\n", here, PIECE);
    OCL_APPEND(&source, ocl_cl_transpose);
    OCL_APPEND(&source, ocl_cl_fill);
    OCL_APPEND(&source, ocl_cl_conv_dw);
    OCL_TRY(ocl_step_add(k, &source, "conv_dw", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, c->before);
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, OCL_COUNTER, 0);
    const ocl_conv_axis *h = &c->h, *v = &c->w;
    const uint64_t places[] = {slots_at(c, w),     w->slot,           positions_of(c), w->sums,
                               (uint64_t)h->shift, (uint64_t)v->shift};
    for (int i = 0; i < 6; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    const uint64_t planes[] = {c->ci, c->co, c->joined, h->window, v->window,
                               h->in, v->in, h->out,    v->out};
    const uint64_t words[] = {
        h->in_phases, v->in_phases,   h->step,      v->step,
        h->more,      w->copy.period, w->copy.tail, w->copy.plane,
        room,         w->group,       w->groups,    w->vectors * d->width,
        w->panels,    w->units,       w->blocks,    kept(c, w) > 1 ? w->units : 0,
        w->tasks};
    for (int i = 0; i < 9; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)planes[i], e));
    for (int i = 0; i < 17; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    ocl_step_range(s, slots(d, w->tasks), 1, 1);
    return RK_OK;
}

static rk_status add_sums(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const cut *w,
                          rk_error *e)
{
    rk_device *d = k->device;
    const uint64_t chunks = ocl_parts(w->group * window_of(c), CHUNK),
                   tasks = w->units * w->panels * chunks;
    ocl_text source;
    ocl_step *s;
    OCL_TRY(ocl_loops(d, c->blocks, e));
    ocl_source(d, &source, 1);
    ocl_text_add(&source, "#define RK_CHUNK %u\n", CHUNK);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_transpose);
    OCL_APPEND(&source, ocl_cl_conv_dw_sum);
    OCL_TRY(ocl_step_add(k, &source, "conv_dw_sum", &s, e));
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    const uint64_t places[] = {slots_at(c, w), w->sums, c->taps};
    const uint64_t words[] = {c->ci,        c->co,
                              window_of(c), w->group,
                              w->groups,    w->vectors * d->width,
                              w->panels,    (uint64_t)w->tile.nv * d->width,
                              w->units,     kept(c, w),
                              chunks,       tasks};
    for (int i = 0; i < 3; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    for (int i = 0; i < 12; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    ocl_step_range(s, slots(d, tasks), 1, 1);
    return RK_OK;
}

rk_status ocl_conv_dw(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                      rk_error *e)
{
    const rk_device *d = k->device;
    cut w;
    OCL_TRY(cut_of(&w, d, &k->choice, c, e));
    snprintf(info->impl, sizeof info->impl, "conv cpu %ux%u, dw", w.tile.mr, w.tile.nv * d->width);
    if (!c->blocks) snprintf(info->impl, sizeof info->impl, "conv cpu, empty chains");
    if (c->blocks) OCL_TRY(add_products(k, c, &w, e));
    OCL_TRY(add_sums(k, c, code, &w, e));
    info->workspace = (slots_at(c, &w) + (uint64_t)d->units * 2 * w.slot) * 4;
    return RK_OK;
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const ocl_conv *conv;
} asked;

/* Whether a choice differs from the static rules'. */
static int fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice none = {0}, tile_only = {.rows = c->rows, .cols = c->cols};
    rk_error why = {.size = sizeof why};
    cut w, usual, rule;
    if (cut_of(&w, a->device, c, a->conv, &why) != RK_OK ||
        cut_of(&usual, a->device, &none, a->conv, &why) != RK_OK ||
        cut_of(&rule, a->device, &tile_only, a->conv, &why) != RK_OK)
        return 0;
    if (c->rows && w.tile.mr == usual.tile.mr && w.tile.nv == usual.tile.nv) return 0;
    return !c->part || w.group != rule.group;
}

void ocl_conv_dw_choices(const rk_device *d, const ocl_conv *c, ocl_choices *out)
{
    static const uint32_t copies[] = {16, 32, 128};
    const uint32_t v = d->width;
    const uint32_t wide[][2] = {{6, 4 * v}, {12, 2 * v}, {8, 3 * v}, {8, 2 * v}, {16, v}, {12, v}},
                   narrow[][2] = {{4, 3 * v}, {6, 2 * v}, {8, v}, {2, 4 * v}};
    const asked a = {d, c};
    ocl_menu menu = {d->width == 16 ? wide : narrow, NULL, copies, d->width == 16 ? 6 : 4, 0, 3};
    ocl_choices_fill(out, &menu, fits, &a);
}
