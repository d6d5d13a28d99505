/* CONV, cpu variant: tiles, what a task copies, ranges. */
#include "conv.h"
#include "embedded.h"
#include <math.h>
#include <rethink/numerics.h>
#include <stdio.h>

/* Floats of a task's copy, which stays in a second-level cache, of what a span of positions reads,
 * which stays in a first-level cache, and positions of a span; WRITE and ABREAST
 * are explained below. */
enum { COPY = 65536, NEAR = 6144, SPAN = 512, WRITE = 256, ABREAST = 4 };

/* Sets *lowest to its cost.  Tiles of 16 lanes fill 32 registers, or leave some free where few rows
 * or columns want that. */
static ocl_conv_tile choose_tile(const rk_device *d, const ocl_choice *chosen, uint64_t rows,
                                 uint64_t cols, double *lowest)
{
    enum { WIDE = 5, NARROW = 2 };
    static const ocl_conv_tile wide[WIDE] = {
        {6, 4, 100}, {8, 3, 98}, {12, 2, 95}, {8, 2, 93}, {16, 1, 92}};
    static const ocl_conv_tile narrow[NARROW] = {{4, 3, 100}, {6, 2, 100}};
    const ocl_conv_tile *list = d->width == 16 ? wide : narrow, *best = list;
    const ocl_conv_tile asked = {chosen->rows, chosen->cols / d->width, 100};
    int count = chosen->rows ? 1 : d->width == 16 ? WIDE : NARROW;
    if (chosen->rows) list = best = &asked;
    *lowest = INFINITY;
    for (int i = 0; i < count; i++) {
        uint64_t nr = (uint64_t)list[i].nv * d->width, mr = list[i].mr;
        double cost =
            (double)(ocl_parts(rows, mr) * mr) * (double)(ocl_parts(cols, nr) * nr) / list[i].speed;
        if (cost >= *lowest) continue;
        *lowest = cost;
        best = &list[i];
    }
    return *best;
}

/* Floats of a copy: part counts units of 1024. */
static uint64_t copy_size(const ocl_choice *c) { return c->part ? c->part * 1024u : COPY; }

/* Windows of 1 x 1 read no neighbours: images become rows, and their planes columns, so that
 * vectors go on from one image to the next. */
static ocl_conv flat_of(const ocl_conv *c)
{
    ocl_conv f = *c;
    uint64_t plane = c->h.in * c->w.in;
    f.flat = ocl_conv_is_point(c) && (double)ocl_most(c->ci, 1) * (double)plane <= 2.0 * COPY;
    if (!f.flat) return f;
    f.batch = 1;
    f.h.in = f.h.out = f.h.positions = c->batch;
    f.w.in = f.w.out = f.w.positions = plane;
    return f;
}

/* Of the columns [0, n) of phase b, how many lie before the input's element `limit`. */
static uint64_t reach(const ocl_conv_axis *w, uint64_t b, int64_t limit, uint64_t n)
{
    int64_t from = (int64_t)b + w->shift, step = (int64_t)w->step;
    return from < limit ? ocl_least((uint64_t)((limit - from + step - 1) / step), n) : 0;
}

ocl_conv_copy ocl_conv_copy_of(const ocl_conv *c, uint64_t channels, uint64_t rows,
                               uint64_t abreast)
{
    ocl_conv_copy k = {
        .planes = channels * c->h.in_phases * c->w.in_phases, .rows = rows, .abreast = abreast};
    uint64_t width = c->w.positions + c->w.more;
    uint64_t before = reach(&c->w, c->w.in_phases - 1, 0, width);
    uint64_t after = width - reach(&c->w, 0, (int64_t)c->w.in, width);
    k.tail = ocl_least(ocl_least(before, after), c->w.more);
    k.period = width - k.tail;
    k.plane = rows * abreast * k.period + k.tail;
    return k;
}

static rk_status too_large(rk_error *e)
{
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a task would copy more than 2^31 elements");
}

static uint64_t slots(const rk_device *d, uint64_t tasks)
{
    return ocl_least((uint64_t)d->units * 2, tasks);
}

/* Rows of a band: copies of COPY floats at most, but enough bands to keep all units busy. */
static uint64_t band_of(const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    uint64_t row = ocl_most(ocl_conv_copy_of(c, c->ci, 1, 1).plane, 1),
             band = copy_size(chosen) / row, rows = c->h.positions;
    band = band > c->h.more ? band - c->h.more : 1;
    uint64_t bands = ocl_parts(rows, band), want = ocl_parts((uint64_t)d->units * 4, c->batch);
    uint64_t useful = ocl_parts(rows * c->w.positions, 96);
    bands = ocl_most(bands, ocl_least(ocl_least(want, useful), rows));
    return ocl_parts(rows, bands);
}

/* Positions that are written together: the more, the fewer cut vectors.  Tiles of wide vectors are
 * done so soon that many short pieces of the result hold them up, wherever the input stays; those
 * of flat planes would be cut at the ends of images as well. */
static uint64_t span_of(const rk_device *d, const ocl_conv *c, const ocl_conv_copy *y, uint64_t nr)
{
    uint64_t read = ocl_most(y->planes * (c->h.more + 1), 1),
             tiles = ocl_least(NEAR / read, SPAN) / nr;
    if (y->abreast > 1) return ocl_parts(y->plane, nr) * nr;
    if (d->width == 16 || c->flat)
        tiles = ocl_most(tiles, ocl_parts(ocl_least(y->plane, WRITE), nr));
    return ocl_most(tiles, 1) * nr;
}

/* How a Y or DX is cut into tasks, and where the slot of a work-item begins. */
typedef struct cut {
    ocl_conv_copy copy;
    ocl_conv_tile tile;
    ocl_conv_table table;
    uint64_t band, bands, tasks, span, slot;
} cut;

/* How many images lie abreast, and the tile: rows of a few small ones together leave fewer lanes
 * without a position.  Vectors of 8 leave few anyway. */
static void choose_abreast(cut *w, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    const uint64_t rows = w->band + c->h.more;
    uint64_t few = d->width == 16 && w->bands == 1 && !c->flat && !chosen->deep ? ABREAST : 1;
    double lowest = INFINITY, cost;
    few = ocl_most(ocl_least(few, c->batch / ((uint64_t)d->units * 2)), 1);
    for (uint64_t n = 1; n <= few; n++) {
        const ocl_conv_copy k = ocl_conv_copy_of(c, c->ci, rows, n);
        if (n > 1 && 2 * k.planes * k.plane > 3 * copy_size(chosen)) break;
        ocl_conv_tile t = choose_tile(d, chosen, c->co, w->band * n * k.period, &cost);
        cost = cost / (double)n;
        if (n > 1 && cost >= 0.98 * lowest) continue;
        lowest = cost;
        w->copy = k;
        w->tile = t;
    }
}

static rk_status cut_of(cut *w, const rk_device *d, const ocl_choice *chosen, const ocl_conv *c,
                        rk_error *e)
{
    w->band = band_of(d, chosen, c);
    w->bands = ocl_parts(c->h.positions, w->band);
    choose_abreast(w, d, chosen, c);
    w->tasks = ocl_parts(c->batch, w->copy.abreast) * w->bands;
    const uint64_t nr = (uint64_t)w->tile.nv * d->width, mr = w->tile.mr;
    w->span = chosen->deep ? ocl_parts(chosen->deep, nr) * nr : span_of(d, c, &w->copy, nr);
    w->table = ocl_conv_table_of(c, 1, mr);
    const double floats = (double)w->copy.planes * (double)w->copy.plane;
    const double lines = (double)c->w.out_phases * (double)((mr + 1) * w->span);
    const double loops = (double)c->h.out_phases * (double)ocl_parts(w->copy.plane, nr) *
                         (double)ocl_parts(c->co, mr);
    if (floats > 0x1p31 || lines > 0x1p31 || loops > 0x1p31 || w->tasks > 1u << 30)
        return too_large(e);
    w->slot = w->copy.planes * w->copy.plane + c->w.out_phases * (mr + 1) * w->span;
    w->slot = (w->slot + nr + 4 * d->width + 15) / 16 * 16;
    return RK_OK;
}

static rk_status walk_args(ocl_step *s, const ocl_conv *c, const cut *w, rk_error *e)
{
    const ocl_conv_table *t = &w->table;
    const ocl_conv_copy *y = &w->copy;
    const ocl_conv_axis *h = &c->h, *v = &c->w;
    const uint64_t places[] = {t->first,          t->ends, t->tap,  t->weights,
                               t->words,          w->slot, c->taps, (uint64_t)h->shift,
                               (uint64_t)v->shift};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        OCL_TRY(ocl_step_u64(s, places[i], e));
    const uint64_t planes[] = {c->ci, c->co, ocl_conv_from(c), ocl_conv_to(c),
                               h->in, v->in, h->out,           v->out};
    const uint64_t phases[] = {h->in_phases,  v->in_phases, h->out_phases,
                               v->out_phases, h->step,      v->step};
    const uint64_t words[] = {h->more,      y->period, y->tail,   y->plane, h->positions,
                              v->positions, w->band,   w->bands,  w->span,  c->blocks,
                              w->tasks,     c->batch,  y->abreast};
    for (int i = 0; i < 8; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)planes[i], e));
    for (int i = 0; i < 6; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)phases[i], e));
    for (int i = 0; i < 13; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

static rk_status walk(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                      rk_error *e)
{
    rk_device *d = k->device;
    cut w;
    OCL_TRY(cut_of(&w, d, &k->choice, c, e));
    snprintf(info->impl, sizeof info->impl, "conv cpu %ux%u", w.tile.mr, w.tile.nv * d->width);
    OCL_TRY(
        ocl_conv_pack(k, c, &w.table, w.tile.mr, w.copy.plane, w.copy.abreast * w.copy.period, e));
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 1);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n", w.tile.mr, w.tile.nv);
    ocl_text_add(&source, "#define RK_BLOCKS %d\n#define RK_FLAT %d\n", c->blocks > 1, c->flat);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_fill);
    OCL_APPEND(&source, ocl_cl_conv_cpu);
    OCL_TRY(ocl_step_add(k, &source, "conv", &s, e));
    ocl_step_buffer(s, 0, ocl_conv_before(c));
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, OCL_COUNTER, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    OCL_TRY(walk_args(s, c, &w, e));
    ocl_step_range(s, slots(d, w.tasks), 1, 1);
    info->workspace = (w.table.words + slots(d, w.tasks) * w.slot) * 4;
    return RK_OK;
}

rk_status ocl_conv_cpu(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                       rk_error *e)
{
    if (c->which == RK_CONV_DW) return ocl_conv_dw(k, c, code, info, e);
    const ocl_conv flat = flat_of(c);
    if (ocl_conv_same_can(k->device, c)) return ocl_conv_same(k, c, code, info, e);
    return walk(k, &flat, code, info, e);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const ocl_conv *conv;
} asked;

/* Whether a choice of a Y or DX differs from the static rules'. */
static int walk_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice none = {0}, tile_only = {.rows = c->rows, .cols = c->cols};
    rk_error why = {.size = sizeof why};
    cut w, usual, rule;
    if (ocl_conv_same_can(a->device, a->conv)) return ocl_conv_same_fits(a->device, a->conv, c);
    if (cut_of(&w, a->device, c, a->conv, &why) != RK_OK ||
        cut_of(&usual, a->device, &none, a->conv, &why) != RK_OK ||
        cut_of(&rule, a->device, &tile_only, a->conv, &why) != RK_OK)
        return 0;
    if (c->rows && w.tile.mr == usual.tile.mr && w.tile.nv == usual.tile.nv) return 0;
    if (c->part && w.band == rule.band) return 0;
    return !c->deep || w.span != rule.span;
}

void ocl_conv_cpu_choices(const rk_device *d, const ocl_conv *c, ocl_choices *out)
{
    static const uint32_t spans[] = {128, 256, 512}, copies[] = {16, 32, 128};
    const uint32_t v = d->width;
    const uint32_t wide[][2] = {{6, 4 * v}, {12, 2 * v}, {8, 3 * v}, {8, 2 * v}, {16, v}, {12, v}},
                   narrow[][2] = {{4, 3 * v}, {6, 2 * v}, {8, v}, {2, 4 * v}};
    if (c->which == RK_CONV_DW) {
        ocl_conv_dw_choices(d, c, out);
        return;
    }
    const ocl_conv flat = flat_of(c);
    const asked a = {d, &flat};
    ocl_menu menu = {d->width == 16 ? wide : narrow, spans, copies, d->width == 16 ? 6 : 4, 3, 3};
    ocl_choices_fill(out, &menu, walk_fits, &a);
}
