/* Winograd's convolution, gpu variant: passes over the images, and the steps of one. */
#include "embedded.h"
#include "matmul.h"
#include "winograd.h"
#include <rethink/numerics.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SEGMENTS = 8, /* passes of dw */
    PASS = 32     /* MiB of a pass of others: transformed taps and products */
};

static rk_status pass_of(const rk_device *d, double *bytes, rk_error *e)
{
    const char *option = ocl_option(d->host, "opencl.pass");
    long mib = option ? strtol(option, NULL, 10) : PASS;
    *bytes = 0x1p20 * (double)mib;
    if (mib > 0 && mib <= 1024) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0,
                    "option opencl.pass is \"%.40s\"; it may be 1 to 1024 (MiB)", option);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

/* Where things are in the workspace, in floats: what is multiplied with the taps (transformed
 * weights, or gradients), taps, products.  Tiles are those of a pass. */
typedef struct cut {
    uint64_t images, passes, tiles, taps_at, products_at, floats;
} cut;

static rk_status cut_of(const rk_device *d, const ocl_conv *c, cut *w, rk_error *e)
{
    double pass;
    OCL_TRY(pass_of(d, &pass, e));
    const ocl_tiles all = ocl_winograd_tiles(c);
    const double image = (double)all.down * (double)all.across;
    const double each = 4.0 * (double)ocl_winograd_points(c) * image * (double)(c->ci + c->co);
    double images = each > pass ? 1 : pass / each;
    if (c->which == RK_CONV_DW) images = (double)parts(c->batch, SEGMENTS);
    w->images = images < (double)c->batch ? (uint64_t)images : c->batch;
    w->passes = parts(c->batch, w->images);
    const double floats = (double)w->images * each / 4 + (double)ocl_winograd_points(c) *
                                                             (double)c->ci * (double)c->co *
                                                             (double)SEGMENTS;
    if (floats > 0x1p30 || (double)c->h.out + (double)c->w.out + (double)c->h.pad +
                                   (double)c->w.pad + (double)c->h.in + (double)c->w.in >
                               0x1p30)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: a pass over the images is too large");
    w->tiles = w->images * all.down * all.across;
    const uint64_t points = ocl_winograd_points(c), kernels = points * c->ci * c->co,
                   dw = c->which == RK_CONV_DW;
    w->taps_at = dw ? points * c->co * w->tiles : kernels;
    w->products_at = w->taps_at + points * c->ci * w->tiles;
    w->floats = w->products_at + (dw ? w->passes * kernels : points * c->co * w->tiles);
    return RK_OK;
}

static rk_status add_step(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const char *name,
                          ocl_step **out, rk_error *e)
{
    ocl_text source;
    ocl_winograd_source(k->device, c, &source);
    ocl_code_params(code, &source, "RK_PARAMS", 0, code->n_code);
    ocl_code_body(code, &source, "RK_BODY", 0, code->n_code);
    OCL_APPEND(&source, ocl_cl_element);
    OCL_APPEND(&source, ocl_cl_winograd_gpu);
    return ocl_step_add(k, &source, name, out, e);
}

/* Transforms of the planes of input j, which has `channels` of them. */
static rk_status add_tiles(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const cut *w,
                           uint32_t j, rk_error *e)
{
    const ocl_tiles all = ocl_winograd_tiles(c);
    const uint64_t channels = j ? c->co : c->ci;
    const uint64_t words[] = {channels,
                              j ? c->joined : ocl_conv_from(c),
                              j ? c->h.out : c->h.in,
                              j ? c->w.out : c->w.in,
                              all.down,
                              all.across,
                              w->images};
    ocl_step *s;
    OCL_TRY(add_step(k, c, code, j ? "winograd_gradients" : "winograd_taps", &s, e));
    ocl_step_buffer(s, j, j ? c->before : ocl_conv_before(c));
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_step_u64(s, j ? 0 : w->taps_at, e));
    OCL_TRY(ocl_step_u64(s, c->batch, e));
    for (int i = 0; i < 7; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    if (!j) OCL_TRY(ocl_step_u32(s, (uint32_t)c->h.shift, e));
    if (!j) OCL_TRY(ocl_step_u32(s, (uint32_t)c->w.shift, e));
    ocl_step_range(s, w->tiles, channels, OCL_GROUP);
    return ocl_step_pass(s, e);
}

/* Products of all points; those of dw are kept apart by pass. */
static rk_status add_products(rk_kernel *k, const ocl_conv *c, const cut *w, rk_error *e)
{
    const uint64_t dw = c->which == RK_CONV_DW, n = dw ? c->ci : w->tiles,
                   deep = dw ? w->tiles : c->ci;
    const ocl_product p = {.batch = ocl_winograd_points(c),
                           .m = c->co,
                           .n = n,
                           .k = deep,
                           .tb = dw,
                           .block = c->tile == 4 ? OCL_WINO_CHAIN : 0,
                           .a_batch = c->co * deep,
                           .b_batch = c->ci * w->tiles};
    const ocl_choice none = {0}, g = ocl_product_group(k->device, &p, &none);
    ocl_text source;
    ocl_step *s;
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source,
                 "#define RK_PARAMS __global uchar *to, ulong to_at, ulong part, uint pass, "
                 "\n#define RK_BODY st32((__global uint *)(to + to_at), pass * part + pos, "
                 "in0, 1);\n");
    ocl_product_source(k->device, &p, &g, &source);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &s, e));
    ocl_step_buffer(s, k->n_args, 0);
    ocl_step_buffer(s, k->n_args, w->taps_at * 4);
    ocl_step_buffer(s, k->n_args, w->products_at * 4);
    OCL_TRY(ocl_step_u64(s, dw ? ocl_winograd_points(c) * c->co * c->ci : 0, e));
    OCL_TRY(ocl_step_pass(s, e));
    return ocl_product_args(s, &p, &g, e);
}

static rk_status add_weights(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_error *e)
{
    ocl_step *s;
    OCL_TRY(add_step(k, c, code, "winograd_weights", &s, e));
    ocl_step_buffer(s, 1, 0);
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_step_u64(s, c->out_weight, e));
    OCL_TRY(ocl_step_u64(s, c->in_weight, e));
    OCL_TRY(ocl_step_u32(s, (uint32_t)c->ci, e));
    OCL_TRY(ocl_step_u32(s, (uint32_t)c->co, e));
    OCL_TRY(ocl_step_u32(s, c->which == RK_CONV_DX, e));
    ocl_step_range(s, c->ci * c->co, 1, OCL_GROUP);
    return RK_OK;
}

/* The last step: of a pass, or of dw when all passes are done. */
static rk_status add_results(rk_kernel *k, const ocl_conv *c, const ocl_code *code, const cut *w,
                             rk_error *e)
{
    const ocl_tiles all = ocl_winograd_tiles(c);
    const int dw = c->which == RK_CONV_DW;
    const uint64_t sum[] = {c->ci, c->co, w->passes},
                   tile[] = {c->co,    ocl_conv_to(c), c->h.out, c->w.out,
                             all.down, all.across,     w->images};
    ocl_step *s;
    OCL_TRY(add_step(k, c, code, dw ? "winograd_sum" : "winograd_results", &s, e));
    ocl_step_buffer(s, k->n_args, 0);
    OCL_TRY(ocl_code_args(code, s, 0, code->n_code, e));
    OCL_TRY(ocl_step_u64(s, w->products_at, e));
    if (!dw) OCL_TRY(ocl_step_u64(s, c->batch, e));
    for (int i = 0; i < (dw ? 3 : 7); i++)
        OCL_TRY(ocl_step_u32(s, (uint32_t)(dw ? sum[i] : tile[i]), e));
    ocl_step_range(s, dw ? c->ci * c->co : w->tiles, dw ? 1 : c->co, OCL_GROUP);
    return dw ? RK_OK : ocl_step_pass(s, e);
}

static float bound_of(const ocl_conv *c, const cut *w)
{
    uint64_t block = least(w->tiles, RK_MATMUL_BLOCK);
    if (c->which != RK_CONV_DW) return ocl_winograd_bound(c);
    return ocl_winograd_bound_dw(c, block, parts(w->tiles, RK_MATMUL_BLOCK), w->passes);
}

rk_status ocl_winograd_gpu(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                           rk_error *e)
{
    const int dw = c->which == RK_CONV_DW;
    cut w = {.images = 0};
    OCL_TRY(cut_of(k->device, c, &w, e));
    OCL_TRY(ocl_loops(k->device, 2 * (dw ? w.tiles : c->ci) + 64, e));
    OCL_TRY(ocl_winograd_claim(c, bound_of(c, &w), 4.0 * (double)w.floats, info, e));
    snprintf(info->impl, sizeof info->impl, "winograd %ux%u gpu, %u passes", dw ? 3 : c->tile,
             dw ? 3 : c->tile, (uint32_t)w.passes);
    if (!dw) OCL_TRY(add_weights(k, c, code, e));
    k->loop_from = k->n_steps;
    OCL_TRY(add_tiles(k, c, code, &w, 0, e));
    if (dw) OCL_TRY(add_tiles(k, c, code, &w, 1, e));
    OCL_TRY(add_products(k, c, &w, e));
    if (!dw) OCL_TRY(add_results(k, c, code, &w, e));
    k->loop_end = k->n_steps;
    k->passes = (uint32_t)w.passes;
    return dw ? add_results(k, c, code, &w, e) : RK_OK;
}
