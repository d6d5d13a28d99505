/* Winograd's convolution, cpu variant: units of work and their memory. */
#include "embedded.h"
#include "winograd.h"
#include <rethink/numerics.h>
#include <stdio.h>

enum {
    TILES = 64,     /* of a block of dw, of either size, about, which decides its bits */
    SEGMENTS = 8,   /* likewise of the images */
    MOST = 128,     /* tiles of a unit of y or dx, about */
    TRANSFORM = 100 /* what the transforms of a tile and a channel cost, in fma */
};
static const double most_slot = 0x1p26; /* bytes of a work-item's memory */

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }
static uint64_t up(uint64_t n, uint64_t size) { return parts(n, size) * size; }
/* Floats from row to row: an odd number of cache lines, so that rows fall into different sets. */
static uint64_t apart(uint64_t n) { return (parts(n, 16) | 1) * 16; }

/* Register tiles, mr rows by nv vectors, as in conv_cpu.c. */
typedef struct tile {
    uint32_t mr, nv, speed;
} tile;

static const tile *tiles_of(const rk_device *d)
{
    static const tile wide[2] = {{6, 4, 100}, {12, 2, 97}};
    static const tile narrow[2] = {{4, 3, 100}, {6, 2, 100}};
    return d->width == 16 ? wide : narrow;
}

static uint64_t slots(const rk_device *d, uint64_t tasks)
{
    return least((uint64_t)d->units * 2, tasks);
}

static rk_status add_step(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const tile *t,
                          const char *name, ocl_step **out, rk_error *e)
{
    ocl_text source;
    ocl_winograd_source(k->device, c, &source);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n", t->mr, t->nv);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    if (c->which == RK_CONV_DW) OCL_APPEND(&source, ocl_cl_transpose);
    OCL_APPEND(&source, ocl_cl_fill);
    if (c->tile == 4 && c->which != RK_CONV_DW) OCL_APPEND(&source, ocl_cl_winograd_cpu_4x4);
    OCL_APPEND(&source, ocl_cl_winograd_cpu);
    if (c->which == RK_CONV_DW) OCL_APPEND(&source, ocl_cl_winograd_cpu_dw);
    return ocl_step_add(k, &source, name, out, e);
}

static rk_status give(ocl_step *s, const uint64_t *places, int n_place, const uint64_t *words,
                      int n_word, rk_error *e)
{
    for (int i = 0; i < n_place; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    for (int i = 0; i < n_word; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

/* ---- y and dx ---- */

/* Units of work: rows of tiles, counted through all images; where things are in a slot, in
 * floats. */
typedef struct cut {
    tile tile;
    uint64_t lines, tiles; /* most of a unit */
    uint64_t ld, pitch, product_at, lines_at, column_at, slot, weights;
} cut;

static uint64_t cost_of(const ocl_conv *c, const tile *t, uint64_t nr, uint64_t n)
{
    uint64_t fma = ocl_winograd_points(c) * c->ci * up(c->co, t->mr) * up(n, nr) * 100 / t->speed;
    return fma + TRANSFORM * n * (c->ci + c->co);
}

/* The cheapest tiles and units; but there are enough units to keep all busy. */
static void choose(const rk_device *d, const ocl_conv *c, cut *w)
{
    const ocl_tiles all = ocl_winograd_tiles(c);
    const uint64_t lines = c->batch * all.down, want = least((uint64_t)d->units * 4, lines);
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 2; i++)
        for (uint64_t n = 1; n == 1 || (n * all.across <= MOST && parts(lines, n) >= want); n++) {
            const tile *t = &tiles_of(d)[i];
            uint64_t cost = cost_of(c, t, (uint64_t)t->nv * d->width, n * all.across) / n;
            if (cost >= best) continue;
            best = cost;
            *w = (cut){.tile = *t, .lines = n, .tiles = n * all.across};
        }
}

static void lay_out(const rk_device *d, const ocl_conv *c, cut *w)
{
    const ocl_tiles all = ocl_winograd_tiles(c);
    const uint64_t v = d->width, mr = w->tile.mr, points = ocl_winograd_points(c), edge = c->tile;
    const uint64_t rows = least(w->lines, all.down), period = edge * all.across + 2;
    w->ld = apart(most(up(w->tiles, w->tile.nv * v), w->tiles + v));
    w->pitch = up((w->lines + 1) * all.across + 2 * v, 16);
    if (edge == 4) w->pitch = up(4 * up(w->tiles, v) + 2 * v, 16);
    w->product_at = up(points * c->ci * w->ld + v, 16);
    w->lines_at = w->product_at + up(points * up(c->co, mr) * w->ld + v, 16);
    w->column_at = w->lines_at + up((edge == 4 ? 7 : 2 * rows + 2) * period + 4 * v, 16);
    w->slot = w->column_at + (edge == 4 ? 12 : 8) * w->pitch;
    w->slot = up(w->slot + edge * rows * c->w.out + v, 16);
    w->weights = up(points * c->ci * up(c->co, mr), 16);
}

static rk_status add_weights(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const cut *w,
                             rk_error *e)
{
    ocl_step *s;
    OCL_TRY(add_step(k, c, code, &w->tile, "winograd_weights", &s, e));
    ocl_step_buffer(s, 1, 0);
    ocl_step_buffer(s, k->n_args, 0);
    const uint64_t places[] = {c->out_weight, c->in_weight},
                   words[] = {c->ci, c->co, c->which == RK_CONV_DX};
    ocl_step_range(s, parts(c->co, w->tile.mr), 1, 1);
    return give(s, places, 2, words, 3, e);
}

static rk_status walk(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                      rk_error *e)
{
    rk_device *d = k->device;
    const ocl_tiles all = ocl_winograd_tiles(c);
    cut w = {.lines = 0};
    ocl_step *s;
    choose(d, c, &w);
    lay_out(d, c, &w);
    const uint64_t tasks = parts(c->batch * all.down, w.lines);
    const double bytes = 4.0 * ((double)w.weights + (double)slots(d, tasks) * (double)w.slot);
    if (4.0 * (double)w.slot > most_slot || tasks > 1u << 30)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a unit of tiles is too large");
    OCL_TRY(ocl_winograd_claim(c, ocl_winograd_bound(c), bytes, info, e));
    snprintf(info->impl, sizeof info->impl, "winograd %ux%u cpu %ux%u, %u tiles", c->tile, c->tile,
             w.tile.mr, w.tile.nv * d->width, (uint32_t)w.tiles);
    OCL_TRY(add_weights(k, c, code, &w, e));
    OCL_TRY(add_step(k, c, code, &w.tile, "winograd", &s, e));
    ocl_step_buffer(s, 0, ocl_conv_before(c));
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, OCL_COUNTER, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    const uint64_t places[] = {w.weights,   w.slot,   w.product_at,         w.lines_at,
                               w.column_at, c->batch, (uint64_t)c->h.shift, (uint64_t)c->w.shift};
    const uint64_t words[] = {c->ci,   c->co,    ocl_conv_from(c), ocl_conv_to(c), c->h.in,
                              c->w.in, c->h.out, c->w.out,         all.down,       all.across,
                              w.lines, w.ld,     w.pitch,          tasks};
    ocl_step_range(s, slots(d, tasks), 1, 1);
    return give(s, places, 8, words, 14, e);
}

/* ---- dw ---- */

/* Units of work: segments of the images, groups of channels of x; blocks: images, rows of tiles. */
typedef struct cut_dw {
    tile tile;
    uint64_t segments, groups, group, images, rows, bands, tiles; /* tiles: of a block */
    uint64_t ld, ld_g, ld_sum, sums, slot;
} cut_dw;

static tile choose_dw(const rk_device *d, const ocl_conv *c)
{
    const tile *list = tiles_of(d);
    uint64_t cost[2];
    for (int i = 0; i < 2; i++)
        cost[i] = up(c->co, list[i].mr) * up(c->ci, (uint64_t)list[i].nv * d->width) * 100 /
                  list[i].speed;
    return list[cost[1] < cost[0]];
}

static void cut_dw_of(const rk_device *d, const ocl_conv *c, cut_dw *w)
{
    const ocl_tiles all = ocl_winograd_tiles(c);
    const uint64_t image = all.down * all.across;
    w->tile = choose_dw(d, c);
    const uint64_t nr = (uint64_t)w->tile.nv * d->width, mr = w->tile.mr, v = d->width;
    w->segments = least(c->batch, SEGMENTS);
    w->images = most(least(TILES / image, parts(c->batch, w->segments)), 1);
    w->rows = parts(all.down, parts(image, TILES));
    w->bands = parts(all.down, w->rows);
    w->groups = least(parts((uint64_t)d->units * 2, w->segments), parts(c->ci, nr));
    w->group = up(parts(c->ci, w->groups), nr);
    w->groups = parts(c->ci, w->group);
    const uint64_t points = ocl_winograd_points(c), edge = c->tile;
    w->tiles = w->images * w->rows * all.across;
    w->ld = apart(w->group);
    w->ld_g = apart(up(up(c->co, mr), v));
    w->ld_sum = w->groups * w->group;
    w->sums = up(w->segments * points * up(c->co, mr) * w->ld_sum, 16);
    uint64_t pixels = most((edge * w->rows + 2) * (edge * all.across + 2) * w->ld,
                           edge * w->rows * edge * all.across * w->ld_g);
    w->slot = up(points * w->tiles * (w->ld + w->ld_g) + pixels, 16);
}

static float bound_of(const ocl_conv *c, const cut_dw *w)
{
    return ocl_winograd_bound_dw(c, w->tiles, w->bands * parts(c->batch, w->segments), w->segments);
}

float ocl_winograd_cpu_bound_dw(const rk_device *d, const ocl_conv *c)
{
    cut_dw w = {.rows = 0};
    cut_dw_of(d, c, &w);
    return bound_of(c, &w);
}

static rk_status add_blocks(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const cut_dw *w,
                            rk_error *e)
{
    rk_device *d = k->device;
    const ocl_tiles all = ocl_winograd_tiles(c);
    const uint64_t tasks = w->segments * w->groups;
    ocl_step *s;
    OCL_TRY(add_step(k, c, code, &w->tile, "winograd_dw", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, c->before);
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, OCL_COUNTER, 0);
    const uint64_t places[] = {w->sums, w->slot, c->batch, (uint64_t)c->h.shift,
                               (uint64_t)c->w.shift};
    const uint64_t words[] = {c->ci,     c->co,    c->joined,  c->h.in,     c->w.in,   c->h.out,
                              c->w.out,  all.down, all.across, w->segments, w->group,  w->groups,
                              w->images, w->rows,  w->ld,      w->ld_g,     w->ld_sum, tasks};
    ocl_step_range(s, slots(d, tasks), 1, 1);
    return give(s, places, 5, words, 18, e);
}

static rk_status gather(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                        rk_error *e)
{
    rk_device *d = k->device;
    cut_dw w = {.rows = 0};
    ocl_step *s;
    cut_dw_of(d, c, &w);
    const double bytes =
        4.0 * ((double)w.sums + (double)slots(d, w.segments * w.groups) * (double)w.slot);
    if (4.0 * (double)w.slot > most_slot)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a block of tiles is too large");
    OCL_TRY(ocl_winograd_claim(c, bound_of(c, &w), bytes, info, e));
    snprintf(info->impl, sizeof info->impl, "winograd 3x3,%ux%u cpu %ux%u, %u segments", c->tile,
             c->tile, w.tile.mr, w.tile.nv * d->width, (uint32_t)w.segments);
    OCL_TRY(add_blocks(k, c, code, &w, e));
    OCL_TRY(add_step(k, c, code, &w.tile, "winograd_sum", &s, e));
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    const uint64_t words[] = {c->ci, c->co, w.segments, w.ld_sum};
    ocl_step_range(s, c->co, 1, 1);
    return give(s, NULL, 0, words, 4, e);
}

rk_status ocl_winograd_cpu(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                           rk_error *e)
{
    return c->which == RK_CONV_DW ? gather(k, c, code, info, e) : walk(k, c, code, info, e);
}
