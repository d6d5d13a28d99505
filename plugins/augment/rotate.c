/* rotate: images turned about their centre, by another angle in every epoch.
 *
 * The angle is (2 u - 1) degrees pi / 180, with u = rk_uniform(word "angle").  The pixel at (y, x)
 * from the centre gets the nearest one to (cos y + sin x, cos x - sin y), and 0 where there is
 * none; in fp32, products and sums rounded one by one.  In evaluation nothing turns.  Zhang et al.
 * 2016 turn by up to 25 degrees and do not say how they interpolate. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"degrees", "25", "largest angle, to either side", RK_PARAM_REAL, 0, 180, NULL}, {0}};

static const double RADIANS = 3.14159265358979324 / 180;

/* F32 angles of the images, [N][1][1][1]. */
static rk_value angles(rk_graph *g, const rk_batch *b, double degrees)
{
    rk_value bits = rk_shr(g, rk_batch_word(g, b, "angle"), rk_const_u(g, 8));
    rk_value uniform = rk_mul(g, rk_cast(g, bits, RK_F32), rk_const_f(g, 5.96046448e-8f));
    rk_value twice = rk_mul(g, uniform, rk_const_f(g, 2));
    rk_value signed_one = rk_sub(g, twice, rk_const_f(g, 1));
    rk_value angle = rk_mul(g, signed_one, rk_const_f(g, (float)(degrees * RADIANS)));
    return rk_reshape(g, angle, RK_SHAPE(rk_dim(g, angle, 0), 1, 1, 1));
}

/* Distances of n places from their middle, along a dimension of [1][1][H][W]. */
static rk_value distances(rk_graph *g, int64_t n, rk_shape along)
{
    rk_value place = rk_cast(g, rk_iota(g, n), RK_F32);
    return rk_reshape(g, rk_sub(g, place, rk_const_f(g, (float)(n - 1) / 2)), along);
}

/* The nearest whole number to a distance from the middle of n places, modulo 2^32: what is added is
 * more than any distance, so that the cast sees no negative number. */
static rk_value nearest(rk_graph *g, rk_value distance, int64_t n, int64_t more)
{
    rk_value up = rk_add(g, distance, rk_const_f(g, (float)(n - 1) / 2 + 0.5f + (float)more));
    return rk_sub(g, rk_cast(g, up, RK_U32), rk_const_u(g, (uint32_t)more));
}

static rk_value rotate(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    int64_t h = rk_dim(g, x, 2), w = rk_dim(g, x, 3);
    if (!rk_graph_training(g)) return x;
    rk_value angle = angles(g, b, rk_arg_real(a, "degrees"));
    rk_value sine = rk_sin(g, angle), cosine = rk_cos(g, angle);
    rk_value dy = distances(g, h, RK_SHAPE(1, 1, h, 1)), dx = distances(g, w, RK_SHAPE(1, 1, 1, w));
    rk_value cy = rk_mul(g, cosine, dy), sx = rk_mul(g, sine, dx);
    rk_value cx = rk_mul(g, cosine, dx), sy = rk_mul(g, sine, dy);
    rk_value rows = nearest(g, rk_add(g, cy, sx), h, h + w);
    return rk_image_take(g, x, rows, nearest(g, rk_sub(g, cx, sy), w, h + w));
}

RK_PLUGIN("rotate", "1.0",
          RK_ITEM(RK_KIND_AUGMENT, .name = "rotate",
                  .doc = "images turned by a random angle; not in evaluation", .params = params,
                  .augment = rotate));
