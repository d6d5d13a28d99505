/* Where Winograd's algorithm is used, and how far off its results may be: see winograd.h. */
#include "winograd.h"
#include "embedded.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double most_workspace = 0x1p30; /* bytes */
static const double most_error = 10;         /* see ocl_winograd_is_near */

ocl_tiles ocl_winograd_tiles(const ocl_conv *c)
{
    return (ocl_tiles){(c->h.out + c->tile - 1) / c->tile, (c->w.out + c->tile - 1) / c->tile};
}

int ocl_winograd_can(const ocl_conv *c)
{
    return c->h.window == 3 && c->w.window == 3 && c->h.stride == 1 && c->w.stride == 1 &&
           c->batch && c->ci && c->co && c->h.in && c->w.in && c->h.out && c->w.out;
}

/* Measured on PoCL by tests/bench/bench_conv, at batch 128: with 16 and 16 channels transforms cost
 * about what products save, and with 16 and 64 or 32 and 32 those of dw still do.  2048 tiles are
 * the fewest that were measured.  On an H100 steps of Inception and WRN-16-4 take 1.3 to 1.4 times
 * as long with it, as transforms are launches by themselves; a tuner may find where it pays. */
static int pays(const rk_device *d, const ocl_conv *given)
{
    ocl_conv c = *given;
    c.tile = 2;
    ocl_tiles t = ocl_winograd_tiles(&c);
    uint64_t few = c.which == RK_CONV_DW ? 32 : 16;
    return d->cpu && c.ci >= few && c.co >= few && c.ci * c.co >= few * 64 &&
           c.batch * t.down * t.across >= 2048;
}

/* Likewise: tiles of 4 x 4 gain 1.09 to 1.27 on planes of 16 x 16 and 28 x 28, nothing that is sure
 * on 14 x 14, and lose on 7 x 7, where vectors of tiles are not full. */
static int pays_4x4(const rk_device *d, const ocl_conv *c)
{
    return pays(d, c) && c->h.out >= 16 && c->w.out >= 16;
}

uint32_t ocl_winograd_tile(const rk_device *d, const ocl_conv *c)
{
    const char *option = ocl_option(d->host, "opencl.winograd");
    const int is_4x4 = option && !strcmp(option, "4x4"), is_2x2 = option && !strcmp(option, "2x2");
    if (!ocl_winograd_can(c) || (option && !strcmp(option, "never"))) return 0;
    if (!is_2x2 && ocl_winograd_is_near(d, c) && (is_4x4 || pays_4x4(d, c))) return 4;
    return is_2x2 || is_4x4 || (option && !strcmp(option, "always")) || pays(d, c) ? 2 : 0;
}

/* What the result may be away from the truth, over eps and the magnitude of RK_BOUND_PLANES.
 *
 * Let |x| <= X and |w| <= W in the planes of a channel, u = eps / 2.  Along one side the rows of
 * the transform of taps have absolute sums of 2, those of the weights 1, 3/2, 3/2, 1, and a result
 * adds three of the four points: at most 2 (1 + 3/2 + 3/2) X W = 8 X W, in two dimensions 64 X W,
 * where the magnitude has 9 X W.  Each of these terms is rounded 2 times with the taps, 4 with the
 * weights (halving is exact), as often as there are channels in the sum, whether or not it is cut
 * into blocks, and 4 times in the result, so that the error is at most (channels + 10) u 64 / 9 of
 * the magnitude, and 3.6 leaves more than one percent for products of roundings. */
static double bound_2x2(const ocl_conv *c) { return 3.6 * (double)(c->ci + 10); }

/* As above, with the coefficients of ../winograd_4x4.h: |B| |G| |A| along one side sum up to 22.26
 * for the worst of four results, which makes 55.06 of the magnitude.  Roundings: 2 with the taps
 * along each side, 4 with the weights, of which one is their coefficients', 3 with the result; and
 * those of a chain and of the chains. */
static double bound_4x4(const ocl_conv *c)
{
    uint64_t chain = c->ci < OCL_WINO_CHAIN ? c->ci : OCL_WINO_CHAIN;
    return 27.9 * (double)(chain + (c->ci - 1) / OCL_WINO_CHAIN + 18);
}

float ocl_winograd_bound(const ocl_conv *c)
{
    return (float)(c->tile == 4 ? bound_4x4(c) : bound_2x2(c));
}

/* What they claim is at most so many times what plain summation of as many terms can be off: 10
 * refuses fewer than 28 channels, with which errors are about twice those of exact kernels. */
int ocl_winograd_is_near(const rk_device *d, const ocl_conv *c)
{
    const char *option = ocl_option(d->host, "opencl.winograd-error");
    double most = option ? strtod(option, NULL) : most_error;
    return c->which != RK_CONV_DW && bound_4x4(c) <= most * (4.5 * (double)c->ci + 3);
}

/* As above: sums of two pixels on each side make 4 X, a gradient's transform is a mean or itself,
 * G, and a weight adds at most nine of the sixteen points: 36 X G for each tile, of which the
 * image's share of the magnitude is OH OW X G.  Roundings: 2 with the pixels, 2 with the gradients,
 * those of the chain of a block, of blocks and of segments, 4 in the result. */
float ocl_winograd_bound_dw(const ocl_conv *c, uint64_t chain, uint64_t blocks, uint64_t segments)
{
    ocl_tiles t = ocl_winograd_tiles(c);
    double each = (double)(t.down * t.across) / (double)(c->h.out * c->w.out);
    return (float)(18.2 * each * (double)(chain + blocks + segments + 8));
}

rk_status ocl_winograd_claim(const ocl_conv *c, float ulp, double bytes, rk_kinfo *info,
                             rk_error *e)
{
    double terms = c->which == RK_CONV_DW ? (double)(c->batch * c->h.out * c->w.out) : 0;
    if (terms > 0 && (double)ulp > 4 * terms)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "the bound would say nothing of so few positions");
    if (bytes > most_workspace)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%.0f MiB of workspace", bytes / 1048576);
    info->tier = RK_TIER_FAST;
    info->bound = RK_BOUND_PLANES;
    info->ulp = ulp;
    info->workspace = (uint64_t)bytes;
    return RK_OK;
}

void ocl_winograd_source(rk_device *d, const ocl_conv *c, ocl_text *source)
{
    ocl_source(d, source, 1);
    ocl_text_add(source, "#define RK_DW %d\n#define RK_TILE %u\n", c->which == RK_CONV_DW, c->tile);
    ocl_text_add(source, "#define RK_W4 F\n#define RK_W4_FMA(c, x, y) fma((F)(c), x, y)\n");
    if (c->tile == 4) OCL_APPEND(source, ocl_cl_winograd_4x4);
    OCL_APPEND(source, ocl_cl_winograd);
}

rk_status ocl_winograd(rk_kernel *k, const ocl_conv *c, const ocl_code *code, rk_kinfo *info,
                       rk_error *e)
{
    return k->device->cpu ? ocl_winograd_cpu(k, c, code, info, e)
                          : ocl_winograd_gpu(k, c, code, info, e);
}
