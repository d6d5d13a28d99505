/* flip: images mirrored left to right, each in half of the epochs.
 *
 * An image is mirrored where its word "flip" is below p 2^32.  In evaluation none is. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"p", "0.5", "probability of each image to be mirrored", RK_PARAM_REAL, 0, 1, NULL}, {0}};

static rk_value flip(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    int64_t n = rk_dim(g, x, 0), height = rk_dim(g, x, 2), width = rk_dim(g, x, 3);
    double p = rk_arg_real(a, "p");
    if (!rk_graph_training(g)) return x;
    rk_value word = rk_batch_word(g, b, "flip");
    rk_value hit = rk_lt(g, word, rk_const_u(g, (uint32_t)(p < 1 ? p * 4294967296.0 : 0)));
    if (p >= 1) hit = rk_eq(g, word, word); /* 2^32 is no word */
    rk_value column = rk_reshape(g, rk_iota(g, width), RK_SHAPE(1, 1, 1, width));
    rk_value mirrored = rk_sub(g, rk_const_u(g, (uint32_t)(width - 1)), column);
    hit = rk_reshape(g, hit, RK_SHAPE(n, 1, 1, 1));
    rk_value rows = rk_reshape(g, rk_iota(g, height), RK_SHAPE(1, 1, height, 1));
    return rk_image_take(g, x, rows, rk_where(g, hit, mirrored, column));
}

RK_PLUGIN("flip", "1.0",
          RK_ITEM(RK_KIND_AUGMENT, .name = "flip",
                  .doc = "images mirrored left to right at random; not in evaluation",
                  .params = params, .augment = flip));
