/* crop: a square part of each image, elsewhere in every epoch.
 *
 * crop:pad=4 is the protocol of He et al. 2016 and of Zagoruyko and Komodakis 2016 (WideResNet): 4
 * zeros around the image, and a part of the image's size out of it.  crop:size=28 on whole 32 x 32
 * images is that of Zhang et al. 2016, whose evaluation has the centre of 28 x 28.
 *
 * Images are standardized before they are cropped, so that a border of zeros has the image's mean;
 * with cifar10:crop=32 the mean and the variance are those of all 32 x 32 pixels, and not, as
 * without augmentation, of the centre.
 *
 * The upper edge is rk_batch_below(H + 2 pad - size + 1, "top") - pad, the left edge likewise with
 * W and "left". */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"size", "0", "side of the square that is kept, pixels; 0: the image's height and width",
     RK_PARAM_INT, 0, 65536, NULL},
    {"pad", "0", "zeros around the image before, pixels", RK_PARAM_INT, 0, 1024, NULL},
    {0}};

/* Rows or columns of the part of each image, [N or 1][1][size]; modulo 2^32, so that what is before
 * the image is far behind it. */
static rk_value places(rk_graph *g, const rk_batch *b, int64_t extent, int64_t size, int64_t pad,
                       const char *name)
{
    int64_t room = extent + 2 * pad - size + 1;
    rk_value edge = rk_const_u(g, (uint32_t)((room - 1) / 2)); /* of the centre */
    if (rk_graph_training(g)) {
        rk_value random = rk_batch_below(g, b, room, name);
        edge = rk_reshape(g, random, RK_SHAPE(rk_dim(g, random, 0), 1, 1));
    }
    rk_value first = rk_sub(g, edge, rk_const_u(g, (uint32_t)pad));
    return rk_add(g, rk_reshape(g, rk_iota(g, size), RK_SHAPE(1, 1, size)), first);
}

static rk_value crop(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    int64_t size = rk_arg_int(a, "size"), pad = rk_arg_int(a, "pad");
    int64_t height = rk_dim(g, x, 2), width = rk_dim(g, x, 3);
    int64_t h = size ? size : height, w = size ? size : width;
    if (h > height + 2 * pad || w > width + 2 * pad)
        return rk_graph_fail(g,
                             "crop: size=%lld is more than the image's %lld x %lld with pad=%lld: "
                             "a smaller size, or more pad",
                             (long long)size, (long long)height, (long long)width, (long long)pad);
    if (!rk_graph_training(g) && h == height && w == width) return x;
    rk_value rows = places(g, b, height, h, pad, "top");
    rk_value columns = places(g, b, width, w, pad, "left");
    rows = rk_reshape(g, rows, RK_SHAPE(rk_dim(g, rows, 0), 1, h, 1));
    columns = rk_reshape(g, columns, RK_SHAPE(rk_dim(g, columns, 0), 1, 1, w));
    return rk_image_take(g, x, rows, columns);
}

RK_PLUGIN("crop", "1.0",
          RK_ITEM(RK_KIND_AUGMENT, .name = "crop",
                  .doc = "a random part of each image, with zeros around; the centre in evaluation",
                  .params = params, .augment = crop));
