/* CONV, gpu variant: tiles and ranges. */
#include "conv.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

/* Rows and columns of a group's tile, of which a work-item has a 16th each, depth of a slice, and
 * relative speed in percent. */
typedef struct tile {
    uint32_t rows, cols, deep, speed;
} tile;

/* A group's result passes through the local memory of its slices, 16 rows at a time. */
static int fits(const rk_device *d, const tile *t)
{
    uint64_t floats = (uint64_t)t->deep * (t->rows + t->cols + 2);
    return floats * 4 <= d->local_bytes && floats >= 16 * (uint64_t)t->cols;
}

/* The tile that computes least beyond the result's edges for its speed, of those of which there are
 * enough for every unit. */
static tile choose_tile(const rk_device *d, const ocl_choice *chosen, uint64_t rows, uint64_t cols,
                        uint64_t times)
{
    static const tile tiles[] = {{32, 32, 32, 55}, {64, 64, 16, 85}, {128, 128, 8, 100}};
    tile best = tiles[0];
    uint64_t lowest = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        const tile *t = &tiles[i];
        uint64_t groups = parts(rows, t->rows) * parts(cols, t->cols);
        uint64_t cost = groups * t->rows * t->cols * 100 / t->speed;
        if (cost >= lowest || (i && groups * times < 2 * (uint64_t)d->units) || !fits(d, t))
            continue;
        lowest = cost;
        best = *t;
    }
    if (chosen->rows) best = (tile){chosen->rows, chosen->cols, 16, 100};
    if (chosen->deep) best.deep = chosen->deep;
    return best;
}

/* Positions, and the input's coordinates of taps, are ints. */
static rk_status check_axis(const ocl_conv_axis *a, rk_error *e)
{
    double reach =
        (double)a->positions * (double)a->step + (double)a->window + (double)a->pad + (double)a->in;
    if (reach < 0x1p31) return RK_OK;
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: windows reach 2^31 rows or columns");
}

static void write_tile(ocl_text *t, const tile *choice, int dw)
{
    ocl_text_add(t, "#define RK_DW %d\n#define RK_BK %u\n", dw, choice->deep);
    ocl_text_add(t, "#define RK_BM %u\n#define RK_BN %u\n", choice->rows, choice->cols);
    ocl_text_add(t, "#define RK_TM %u\n#define RK_TN %u\n", choice->rows / 16, choice->cols / 16);
}

static rk_status walk_args(ocl_step *s, const ocl_conv *c, const ocl_conv_table *t, uint64_t panels,
                           rk_error *e)
{
    const uint64_t dx = c->which == RK_CONV_DX;
    const uint64_t places[] = {t->first, t->ends, t->tap, c->out_weight, c->batch, panels};
    for (int i = 0; i < 6; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    const uint64_t words[] = {c->ci,
                              c->co,
                              ocl_conv_from(c),
                              ocl_conv_to(c),
                              c->h.in,
                              c->w.in,
                              c->h.out,
                              c->w.out,
                              c->h.out_phases,
                              c->w.out_phases,
                              c->h.step,
                              c->w.step,
                              dx ? 0 : (uint64_t)c->h.shift,
                              dx ? 0 : (uint64_t)c->w.shift,
                              c->blocks};
    for (int i = 0; i < 15; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

static rk_status walk(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                      rk_error *e)
{
    rk_device *d = k->device;
    const uint64_t phases = c->h.out_phases * c->w.out_phases;
    const uint64_t columns = c->batch * c->h.positions * c->w.positions;
    const tile t = choose_tile(d, &k->choice, c->co, columns, phases);
    const uint64_t panels = parts(columns, t.cols);
    const ocl_conv_table table = ocl_conv_table_of(c, 4, 0);
    OCL_TRY(ocl_loops(d, 3 * c->taps, e));
    snprintf(info->impl, sizeof info->impl, "conv gpu %ux%ux%u", t.rows, t.cols, t.deep);
    OCL_TRY(ocl_conv_pack(k, c, &table, 0, 0, 0, e));
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 1);
    write_tile(&source, &t, 0);
    ocl_text_add(&source, "#define RK_BLOCKS %d\n", c->blocks > 1);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_element);
    OCL_APPEND(&source, ocl_cl_conv_gpu);
    OCL_TRY(ocl_step_add(k, &source, "conv", &s, e));
    ocl_step_buffer(s, 0, ocl_conv_before(c));
    ocl_step_buffer(s, 1, 0);
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    OCL_TRY(walk_args(s, c, &table, panels, e));
    ocl_step_range(s, panels * parts(c->co, t.rows) * OCL_GROUP, phases, OCL_GROUP);
    info->workspace = table.words * 4;
    return RK_OK;
}

static rk_status gather(rk_kernel *k, const ocl_conv *c, rk_kinfo *info, rk_error *e)
{
    rk_device *d = k->device;
    const tile t = choose_tile(d, &k->choice, c->co, c->taps, c->blocks);
    snprintf(info->impl, sizeof info->impl, "conv gpu %ux%ux%u, blocks", t.rows, t.cols, t.deep);
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 1);
    write_tile(&source, &t, 1);
    OCL_APPEND(&source, ocl_cl_element);
    OCL_APPEND(&source, ocl_cl_conv_gpu);
    OCL_TRY(ocl_step_add(k, &source, "conv_dw", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, c->before);
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_step_u64(s, c->batch * c->h.out * c->w.out, e));
    const uint64_t words[] = {c->taps,
                              c->ci,
                              c->co,
                              c->joined,
                              c->h.window,
                              c->w.window,
                              c->h.in,
                              c->w.in,
                              c->h.out,
                              c->w.out,
                              c->h.step,
                              c->w.step,
                              (uint64_t)c->h.shift,
                              (uint64_t)c->w.shift};
    for (int i = 0; i < 14; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    ocl_step_range(s, parts(c->taps, t.cols) * parts(c->co, t.rows) * OCL_GROUP, c->blocks,
                   OCL_GROUP);
    info->workspace = c->blocks * c->co * c->taps * 4;
    return RK_OK;
}

rk_status ocl_conv_gpu(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                       rk_error *e)
{
    OCL_TRY(check_axis(&c->h, e));
    OCL_TRY(check_axis(&c->w, e));
    if (c->which != RK_CONV_DW) return walk(k, c, code, info, e);
    if ((double)c->h.out * (double)c->w.out > 4294967295.0)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a plane of 2^32 elements");
    snprintf(info->impl, sizeof info->impl, "conv gpu, empty chains");
    if (c->blocks) OCL_TRY(gather(k, c, info, e));
    return ocl_conv_sum(k, c, code, 0, e);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    tile usual;
} asked;

static int choice_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    tile t = a->usual;
    if (c->rows) t = (tile){c->rows, c->cols, 16, 100};
    const uint32_t rule = t.deep;
    if (c->deep) t.deep = c->deep;
    if (c->rows && t.rows == a->usual.rows && t.cols == a->usual.cols) return 0;
    return (!c->deep || t.deep != rule) && fits(a->device, &t);
}

void ocl_conv_gpu_choices(const rk_device *d, const ocl_conv *c, ocl_choices *out)
{
    static const uint32_t tiles[][2] = {{64, 64},  {128, 128}, {32, 32}, {128, 64},
                                        {64, 128}, {64, 32},   {32, 64}};
    static const uint32_t depths[] = {16, 8, 32};
    const ocl_menu menu = {tiles, depths, NULL, 7, 3, 0};
    const ocl_choice none = {0};
    const uint64_t phases = c->h.out_phases * c->w.out_phases;
    const uint64_t columns = c->batch * c->h.positions * c->w.positions;
    asked a = {d, choose_tile(d, &none, c->co, columns, phases)};
    if (c->which == RK_CONV_DW) a.usual = choose_tile(d, &none, c->co, c->taps, c->blocks);
    ocl_choices_fill(out, &menu, choice_fits, &a);
}
