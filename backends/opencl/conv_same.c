/* CONV, cpu variant: Y whose result has the input's extents, or these by the stride, and DX of such
 * with strides of 1 or 2: kernels/conv_same.cl and conv_dx.cl.  Windows of 1 x 1 are among them
 * where planes are nearly whole vectors. */
#include "conv.h"
#include "embedded.h"
#include <math.h>
#include <stdio.h>

/* Floats of a copy, which stays in a second-level cache, images of one, positions that are written
 * together, and tasks of a unit. */
enum { COPY = 65536, ABREAST = 16, SPAN = 256, TASKS = 8 };

/* How a Y or DX is cut into tasks, of `run` times `abreast` images; wish: floats of what is copied
 * next that can be asked for; slot: of a work-item. */
typedef struct cut {
    ocl_conv_tile tile;
    ocl_conv_table table;
    uint64_t abreast, run, span, tasks, wish, copy, slot;
} cut;

static int is_same(const ocl_conv_axis *a, int which)
{
    if (which == RK_CONV_Y) return a->window && a->in == a->stride * a->out;
    return a->window && a->out == a->stride * a->in && a->out_phases == a->stride && a->low <= 0;
}

static int is_dealt(const ocl_conv *c) { return c->which == RK_CONV_DX && c->h.out_phases == 2; }

/* Elements of each phase of a plane; planes of an image's copy. */
static uint64_t area_of(const ocl_conv *c) { return c->h.positions * c->w.positions; }
static uint64_t planes_of(const ocl_conv *c) { return c->ci * c->h.in_phases * c->w.in_phases; }
static uint64_t window_of(const ocl_conv *c) { return c->h.window * c->w.window; }
static int has_stride(const ocl_conv *c) { return c->h.step > 1 || c->w.step > 1; }

/* How far before an element of a phase the first taps' are: phase 0 lacks what the padding has. */
static uint64_t edge_of(const ocl_conv *c)
{
    if (c->which == RK_CONV_DX) return (uint64_t)-c->h.low * c->w.positions + (uint64_t)-c->w.low;
    return ocl_parts(c->h.pad, c->h.step) * c->w.out + ocl_parts(c->w.pad, c->w.step);
}

/* Phases of a plane lack different numbers of rows, and so begin at different distances. */
static uint64_t gap_of(const ocl_conv *c) { return has_stride(c) ? edge_of(c) : 0; }

/* How far behind the last element something is read or written. */
static uint64_t behind_of(const ocl_conv *c)
{
    return ocl_most(edge_of(c), c->h.more * c->w.positions + c->w.more);
}

/* Whether few lanes are of no plane where images are not joined, as windows of 1 x 1 are not. */
static int is_dense(const rk_device *d, const ocl_conv *c)
{
    const uint64_t width = d->width, lanes = ocl_parts(area_of(c), width) * width;
    return 10 * lanes <= 11 * area_of(c);
}

/* Whether images are read where they lie: vectors of all but the first and the last one stay within
 * the images beside theirs. */
static int is_here(const rk_device *d, const ocl_conv *c, uint64_t abreast)
{
    return abreast == 1 && !has_stride(c) && !is_dealt(c) &&
           behind_of(c) + d->width <= c->ci * area_of(c);
}

/* Whether vectors of the last one go beyond it. */
static int is_last(const rk_device *d, const ocl_conv *c)
{
    return behind_of(c) || area_of(c) % d->width;
}

/* Vectors of 8 fit planes well, and processors that have them have few registers. */
int ocl_conv_same_can(const rk_device *d, const ocl_conv *c)
{
    const uint64_t phases = c->h.out_phases;
    return c->which != RK_CONV_DW && d->width == 16 && phases <= 2 && phases == c->w.out_phases &&
           is_same(&c->h, c->which) && is_same(&c->w, c->which) &&
           (!ocl_conv_is_point(c) || is_dense(d, c)) && c->ci && c->blocks == 1 &&
           c->batch >= (uint64_t)d->units * 2 &&
           (double)planes_of(c) * (double)(area_of(c) + gap_of(c)) <= COPY * 2.0 &&
           behind_of(c) <= COPY && (double)window_of(c) * (double)area_of(c) <= COPY * 64.0;
}

/* The time of all tasks, the last of which may find some units idle. */
static double cost_of(const rk_device *d, const ocl_conv *c, ocl_conv_tile t, uint64_t abreast)
{
    enum { REST = 120 }; /* in percent, of vectors that fill no tile */
    uint64_t vectors = ocl_parts(abreast * area_of(c), d->width), rest = vectors % t.nv,
             rounds = ocl_parts(ocl_parts(c->batch, abreast), d->units);
    return (double)(ocl_parts(c->co, t.mr) * t.mr * rounds) *
           (double)((vectors - rest) * 100 + rest * REST) / t.speed;
}

/* Windows of 1 x 1 load each vector once for each panel; where an image is more than the nearest
 * cache holds, many rows spare loads. */
static void choose(cut *w, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    enum { TILES = 7 };
    static const ocl_conv_tile windows[TILES] = {{6, 4, 100}, {8, 3, 100}, {12, 2, 97}, {8, 2, 93},
                                                 {16, 1, 93}, {3, 7, 85},  {3, 8, 85}},
                               points[TILES] = {{14, 2, 103}, {12, 2, 100}, {8, 3, 93}, {6, 4, 88},
                                                {8, 2, 90},   {16, 1, 88},  {3, 8, 60}};
    const ocl_conv_tile asked = {chosen->rows, chosen->cols / d->width, 100};
    const ocl_conv_tile *usual = ocl_conv_is_point(c) && c->taps > 64 ? points : windows;
    const ocl_conv_tile *list = chosen->rows ? &asked : usual;
    const size_t count = chosen->rows ? 1 : TILES;
    const uint64_t copy = chosen->part ? chosen->part * 1024u : COPY,
                   image = planes_of(c) * area_of(c);
    double lowest = INFINITY;
    const uint64_t few = ocl_conv_is_point(c) ? 1
                         : is_dealt(c)        ? ocl_most(SPAN / area_of(c), 1)
                                              : ABREAST;
    for (uint64_t n = 1; n <= few && (n == 1 || n * image <= 2 * copy); n++)
        for (size_t i = 0; i < count; i++) {
            double cost = cost_of(d, c, list[i], n);
            if (cost >= lowest * (n > w->abreast ? 0.99 : 1)) continue;
            lowest = cost;
            w->tile = list[i];
            w->abreast = n;
        }
}

/* Floats of what tiles write, and of an image that phases are joined to. */
static uint64_t raw_of(const ocl_conv *c, const ocl_conv_tile *t, uint64_t span)
{
    const uint64_t image = c->h.out * c->w.out + 4 * 16 /* a vector before it, and two behind */;
    return is_dealt(c) ? 4 * t->mr * span + image : t->mr * span;
}

static rk_status cut_of(cut *w, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c,
                        rk_error *e)
{
    w->abreast = 1;
    choose(w, d, chosen, c);
    const uint64_t nr = (uint64_t)w->tile.nv * d->width, plane = w->abreast * area_of(c),
                   masks = window_of(c) * d->width;
    w->span = is_dealt(c) ? plane : ocl_least(chosen->deep ? chosen->deep : SPAN, plane);
    w->span = ocl_parts(w->span, nr) * nr;
    w->table = ocl_conv_table_of(c, 1, w->tile.mr);
    const uint64_t times = ocl_parts(c->batch, w->abreast), rows = ocl_conv_from(c);
    w->run = ocl_most(times / ((uint64_t)d->units * TASKS), 1);
    w->tasks = ocl_parts(times, w->run);
    w->wish = w->abreast == 1 || rows == c->ci ? w->abreast * c->ci * c->h.in * c->w.in : 0;
    if (c->h.window < c->h.step) w->wish = 0; /* most rows are not needed */
    w->copy = planes_of(c) * (plane + gap_of(c)) + behind_of(c) + d->width;
    if (is_here(d, c, w->abreast) && !is_last(d, c)) w->copy = 0;
    w->slot = ocl_conv_is_point(c) ? 0 : ocl_parts(plane, d->width) * masks;
    w->slot = ocl_parts(w->slot + w->copy + raw_of(c, &w->tile, w->span), 16) * 16;
    if ((double)w->slot > 0x1p31 || w->tasks > 1u << 30)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a task would copy more than 2^31 elements");
    return RK_OK;
}

static rk_status add_args(ocl_step *s, const ocl_conv *c, const cut *w, rk_error *e)
{
    const uint64_t places[] = {w->table.tap, w->table.weights, w->table.words, w->slot};
    const uint64_t words[] = {c->taps,
                              c->ci,
                              c->co,
                              ocl_conv_from(c),
                              ocl_conv_to(c),
                              c->h.out,
                              c->w.out,
                              c->h.in,
                              c->w.in,
                              c->h.in_phases,
                              c->w.in_phases,
                              c->h.step,
                              c->w.step,
                              c->w.window,
                              c->h.pad,
                              c->w.pad,
                              c->which == RK_CONV_DX,
                              gap_of(c),
                              edge_of(c),
                              w->copy,
                              w->span,
                              w->tasks,
                              c->batch,
                              w->abreast,
                              w->run,
                              w->wish};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        OCL_TRY(ocl_step_u64(s, places[i], e));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

static rk_status add_dx_args(ocl_step *s, const ocl_conv *c, const cut *w, rk_error *e)
{
    const uint64_t places[] = {w->table.first, w->table.tap, w->table.weights, w->table.words,
                               w->slot};
    const uint64_t words[] = {c->taps,  c->ci,      c->co,       ocl_conv_from(c), ocl_conv_to(c),
                              c->h.in,  c->w.in,    c->h.window, c->w.window,      c->h.pad,
                              c->w.pad, edge_of(c), w->copy,     w->span,          w->tasks,
                              c->batch, w->abreast, w->run,      w->wish};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        OCL_TRY(ocl_step_u64(s, places[i], e));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

rk_status ocl_conv_same(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                        rk_error *e)
{
    rk_device *d = k->device;
    cut w;
    OCL_TRY(cut_of(&w, d, &k->choice, c, e));
    const uint64_t slots = ocl_least((uint64_t)d->units * 2, w.tasks);
    snprintf(info->impl, sizeof info->impl, "conv cpu %ux%u, same", w.tile.mr,
             w.tile.nv * d->width);
    OCL_TRY(ocl_conv_pack(k, c, &w.table, w.tile.mr, w.abreast * area_of(c) + gap_of(c),
                          c->w.positions, e));
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 1);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n#define RK_AREA %uu\n", w.tile.mr,
                 w.tile.nv, (uint32_t)window_of(c));
    ocl_text_add(&source, "#define RK_POINT %d\n#define RK_HERE %d\n#define RK_LAST %d\n",
                 ocl_conv_is_point(c), is_here(d, c, w.abreast), is_last(d, c));
    ocl_text_add(&source, "#define RK_STRIDE %d\n#define RK_WANTED %d\n", has_stride(c),
                 ocl_code_want(code, &source, "RK_WANT") && w.abreast == 1 && !code->streams);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_fill);
    OCL_APPEND(&source, ocl_cl_conv_tile);
    if (is_dealt(c))
        OCL_APPEND(&source, ocl_cl_conv_dx);
    else
        OCL_APPEND(&source, ocl_cl_conv_same);
    OCL_TRY(ocl_step_add(k, &source, "conv", &s, e));
    ocl_step_buffer(s, 0, ocl_conv_before(c));
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, OCL_COUNTER, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    OCL_TRY(is_dealt(c) ? add_dx_args(s, c, &w, e) : add_args(s, c, &w, e));
    ocl_step_range(s, slots, 1, 1);
    info->workspace = (w.table.words + slots * w.slot) * 4;
    return RK_OK;
}

int ocl_conv_same_fits(const rk_device *d, const ocl_conv *c, const ocl_choice *choice)
{
    const ocl_choice none = {0}, tile_only = {.rows = choice->rows, .cols = choice->cols};
    rk_error why = {.size = sizeof why};
    cut w, usual, rule;
    if (cut_of(&w, d, choice, c, &why) != RK_OK || cut_of(&usual, d, &none, c, &why) != RK_OK ||
        cut_of(&rule, d, &tile_only, c, &why) != RK_OK)
        return 0;
    if (choice->rows && w.tile.mr == usual.tile.mr && w.tile.nv == usual.tile.nv) return 0;
    if (choice->part && w.abreast == rule.abreast) return 0;
    return !choice->deep || w.span != rule.span;
}
