/* Where Winograd's algorithm is used, and how far off its results may be: see winograd.h. */
#include "winograd.h"
#include "embedded.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double most_workspace = 0x1p30; /* bytes */
static const double most_error = 10;         /* see ocl_winograd_is_near */
static const double most_bound = 4;          /* of dw, times its terms */

ocl_tiles ocl_winograd_tiles(const ocl_conv *c)
{
    return (ocl_tiles){(c->h.out + c->tile - 1) / c->tile, (c->w.out + c->tile - 1) / c->tile};
}

int ocl_winograd_can(const ocl_conv *c)
{
    return c->h.window == 3 && c->w.window == 3 && c->h.stride == 1 && c->w.stride == 1 &&
           c->batch && c->ci && c->co && c->h.in && c->w.in && c->h.out && c->w.out;
}

static uint64_t tiles_of(const ocl_conv *given, uint32_t tile)
{
    ocl_conv c = *given;
    c.tile = tile;
    ocl_tiles t = ocl_winograd_tiles(&c);
    return c.batch * t.down * t.across;
}

/* Measured on PoCL by tests/bench/bench_conv, at batch 128: with 16 and 16 channels transforms cost
 * about what products save, and with 16 and 64 or 32 and 32 those of dw still do.  2048 tiles are
 * the fewest that were measured.  On an H100 steps of Inception and WRN-16-4 take 1.3 to 1.4 times
 * as long with it, as transforms are launches by themselves; a tuner may find where it pays. */
static int pays(const rk_device *d, const ocl_conv *c)
{
    uint64_t few = c->which == RK_CONV_DW ? 32 : 16;
    return d->cpu && c->ci >= few && c->co >= few && c->ci * c->co >= few * 64 &&
           tiles_of(c, 2) >= 2048;
}

/* Likewise: with vectors of 16 tiles of 4 x 4 took .65 to .95 of the time of those of 2 x 2, on
 * planes of 7 x 7 to 32 x 32, wherever they make fewer products, and dw of 16 and 64 channels .88
 * of that of exact kernels; 512 are the fewest that were measured. */
static int pays_4x4(const rk_device *d, const ocl_conv *c)
{
    const uint64_t small = tiles_of(c, 2), large = tiles_of(c, 4);
    return d->cpu && c->ci >= 16 && c->co >= 16 && c->ci * c->co >= 1024 && large >= 512 &&
           9 * large < 4 * small;
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

/* As above: sums of two pixels on each side make 4 X, a gradient's transform is a mean or itself,
 * G, and a weight adds at most nine of the sixteen points: 36 X G for each tile, of which the
 * image's share of the magnitude is OH OW X G.  Roundings: 2 with the pixels, 2 with the gradients,
 * those of the chain of a block, of blocks and of segments, 4 in the result.  With tiles of 4 x 4
 * |B| |G| |A| along one side sum up to 26.51 for the worst of three weights, 702.8 in two
 * dimensions; roundings are those of y. */
float ocl_winograd_bound_dw(const ocl_conv *c, uint64_t chain, uint64_t blocks, uint64_t segments)
{
    ocl_tiles t = ocl_winograd_tiles(c);
    double each = (double)(t.down * t.across) / (double)(c->h.out * c->w.out);
    double sums = (double)(chain + blocks + segments);
    return (float)(c->tile == 4 ? 356 * each * (sums + 18) : 18.2 * each * (sums + 8));
}

/* Terms of an element of dw. */
static double terms_of(const ocl_conv *c) { return (double)(c->batch * c->h.out * c->w.out); }

/* What they claim is at most so many times what plain summation of as many terms can be off: 10
 * refuses y and dx of fewer than 28 channels, with which errors are about twice those of exact
 * kernels.  dw of the gpu variant has no such tiles. */
int ocl_winograd_is_near(const rk_device *d, const ocl_conv *given)
{
    const char *option = ocl_option(d->host, "opencl.winograd-error");
    double ratio = option ? strtod(option, NULL) : most_error;
    ocl_conv c = *given;
    c.tile = 4;
    if (c.which != RK_CONV_DW) return bound_4x4(&c) <= ratio * (4.5 * (double)c.ci + 3);
    if (!d->cpu) return 0;
    double bound = (double)ocl_winograd_cpu_bound_dw(d, &c);
    return bound <= ratio * (0.5 * terms_of(&c) + 3) && bound <= most_bound * terms_of(&c);
}

rk_status ocl_winograd_claim(const ocl_conv *c, float ulp, double bytes, rk_kinfo *info,
                             rk_error *e)
{
    if (c->which == RK_CONV_DW && (double)ulp > most_bound * terms_of(c))
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
