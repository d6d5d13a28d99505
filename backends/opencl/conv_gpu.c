/* CONV, gpu variant: tiles and ranges. */
#include "conv.h"
#include "embedded.h"
#include "tf32.h"
#include "tile.h"
#include <rethink/numerics.h>
#include <stdio.h>

enum { SLACK = 4 * 64 }; /* words that two slices of taps may reach beyond the table, unused */

static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

static ocl_tiled tiled_of(const ocl_conv *c)
{
    if (c->which == RK_CONV_DW)
        return (ocl_tiled){.rows = c->co,
                           .columns = c->taps,
                           .times = c->blocks,
                           .chain = RK_CONV_DW_BLOCK,
                           .beside = 4,
                           .dw = 1,
                           .tf32 = c->tf32};
    return (ocl_tiled){.rows = c->co,
                       .columns = c->batch * c->h.positions * c->w.positions,
                       .times = c->h.out_phases * c->w.out_phases,
                       .chain = c->taps,
                       .beside = 4,
                       .tf32 = c->tf32};
}

/* Positions, and the input's coordinates of taps, are ints. */
static rk_status check_axis(const ocl_conv_axis *a, rk_error *e)
{
    double reach =
        (double)a->positions * (double)a->step + (double)a->window + (double)a->pad + (double)a->in;
    if (reach < 0x1p31) return RK_OK;
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: windows reach 2^31 rows or columns");
}

/* Whether a window reaches beyond the input. */
static int is_padded(const ocl_conv_axis *a, int which)
{
    if (which == RK_CONV_DX) return a->window > 1 || a->stride > 1 || a->pad || a->in < a->out;
    return a->pad || (a->out && (a->out - 1) * a->stride + a->window > a->in);
}

/* Whether rows and columns of the input that taps reach are shorts. */
static int is_near(const ocl_conv *c)
{
    const double most = 32767;
    return (double)c->h.in + (double)c->h.window + (double)c->h.pad < most &&
           (double)c->w.in + (double)c->w.window + (double)c->w.pad < most;
}

/* RK_EDGES and RK_TAIL: see the kernel.  A phase's chain has the taps of some places of the window
 * in every channel, so it ends with a slice if channels fill slices. */
static void write_source(rk_device *d, const ocl_conv *c, const ocl_code *code,
                         const ocl_choice *tile, ocl_text *source)
{
    const int dw = c->which == RK_CONV_DW;
    const uint64_t chain = dw ? c->batch * c->h.out * c->w.out : c->ci;
    int edges = is_padded(&c->h, c->which) || is_padded(&c->w, c->which);
    if (edges && (dw ? c->h.window > 16 || c->w.window > 16
                     : (double)c->h.window * (double)c->w.window > 32))
        edges = 2;
    ocl_source(d, source, 1);
    ocl_text_add(source, "#define RK_DW %d\n#define RK_BLOCKS %d\n#define RK_EDGES %d\n", dw,
                 !dw && c->blocks > 1, edges);
    if (dw) ocl_text_add(source, "#define RK_WHERE %s\n", is_near(c) ? "short2" : "int2");
    if (dw) ocl_text_add(source, "#define RK_RAGGED_A %d\n", c->co % tile->rows > 0);
    if (!dw) ocl_code_params(code, source, "RK_PARAMS", 0, code->n_code);
    if (!dw) ocl_code_body(code, source, "RK_BODY", 0, code->n_code);
    ocl_tile_source(d, tile, chain % tile->deep || (!dw && c->blocks > 1), source);
    OCL_APPEND(source, ocl_cl_conv_gpu);
}

static rk_status walk_args(ocl_step *s, const ocl_conv *c, const ocl_conv_table *t, uint64_t panels,
                           rk_error *e)
{
    const uint64_t dx = c->which == RK_CONV_DX;
    const uint64_t places[] = {t->first, t->ends, t->tap, t->weights};
    for (int i = 0; i < 4; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    const uint64_t words[] = {c->batch,
                              panels,
                              c->taps,
                              c->ci,
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
    for (int i = 0; i < 18; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    return RK_OK;
}

static rk_status walk(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                      rk_error *e)
{
    rk_device *d = k->device;
    const ocl_tiled what = tiled_of(c);
    const ocl_choice t = ocl_tile(d, &what, &k->choice);
    const uint64_t panels = parts(what.columns, t.cols);
    const ocl_conv_table table = ocl_conv_table_of(c, 4, t.rows);
    OCL_TRY(ocl_loops(d, 3 * c->taps, e));
    snprintf(info->impl, sizeof info->impl, "conv gpu %s%ux%ux%u by %u", ocl_tf32_name(c->tf32),
             t.rows, t.cols, t.deep, t.part);
    OCL_TRY(ocl_conv_pack(k, c, &table, t.rows, c->h.in * c->w.in, c->w.in, e));
    ocl_text source;
    ocl_step *s;
    write_source(d, c, code, &t, &source);
    OCL_TRY(ocl_step_add(k, &source, "conv", &s, e));
    ocl_step_buffer(s, 0, ocl_conv_before(c));
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    OCL_TRY(walk_args(s, c, &table, panels, e));
    ocl_step_range(s, panels * parts(c->co, t.rows) * t.part, what.times, t.part);
    info->workspace = (table.words + SLACK) * 4;
    return RK_OK;
}

static rk_status gather(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                        rk_error *e)
{
    rk_device *d = k->device;
    const ocl_tiled what = tiled_of(c);
    const ocl_choice t = ocl_tile(d, &what, &k->choice);
    snprintf(info->impl, sizeof info->impl, "conv gpu %s%ux%ux%u by %u, blocks",
             ocl_tf32_name(c->tf32), t.rows, t.cols, t.deep, t.part);
    ocl_text source;
    ocl_step *s;
    write_source(d, c, code, &t, &source);
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
    ocl_step_range(s, parts(c->taps, t.cols) * parts(c->co, t.rows) * t.part, c->blocks, t.part);
    info->workspace = c->blocks * c->co * c->taps * 4;
    return RK_OK;
}

/* The second step of DW, which adds partial results. */
static rk_status add_sums(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_error *e)
{
    ocl_text source;
    ocl_step *s;
    uint64_t count = c->co * c->taps;
    OCL_TRY(ocl_loops(k->device, c->blocks, e));
    ocl_source(k->device, &source, 1);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_conv_sum);
    OCL_TRY(ocl_step_add(k, &source, "conv_sum", &s, e));
    ocl_step_buffer(s, c->blocks ? k->n_args : 0, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    const uint64_t words[] = {c->blocks, count, c->taps};
    for (int i = 0; i < 3; i++) OCL_TRY(ocl_step_u64(s, words[i], e));
    ocl_step_range(s, count, 1, OCL_GROUP);
    return RK_OK;
}

rk_status ocl_conv_gpu(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                       rk_error *e)
{
    OCL_TRY(check_axis(&c->h, e));
    OCL_TRY(check_axis(&c->w, e));
    if ((double)c->ci * (double)c->h.in * (double)c->w.in > 0x1p31)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: an image of 2^31 elements");
    if ((double)c->batch * (double)c->h.positions * (double)c->w.positions > 4294967000.0)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: 2^32 positions");
    if (c->tf32) ocl_tf32_claim(c, info);
    if (c->which != RK_CONV_DW) return walk(k, c, code, info, e);
    if ((double)c->h.out * (double)c->w.out > 4294967295.0)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a plane of 2^32 elements");
    snprintf(info->impl, sizeof info->impl, "conv gpu, empty chains");
    if (c->blocks) OCL_TRY(gather(k, c, code, info, e));
    return add_sums(k, c, code, e);
}

void ocl_conv_gpu_choices(const rk_device *d, const ocl_conv *c, ocl_choices *out)
{
    ocl_tiled what = tiled_of(c);
    what.tf32 = 0;
    ocl_tile_choices(d, &what, out);
    what.tf32 = c->tf32;
    if (what.tf32) ocl_tile_choices(d, &what, out);
}
