/* jitter: the light and the colours of each image changed, in another way in every epoch.
 *
 * With w = 2 u - 1 from each word, in this order (Zhang et al. 2016 name the four for ImageNet; the
 * default ranges are those of TensorFlow's code for Inception on pixels from 0 to 1 of standard
 * deviation 1/4):
 *
 *   brightness  w brightness is added to every value; images are standardized, so it counts their
 *               standard deviations
 *   saturation  a pixel's colour is what its channels have more than their mean m: it is multiplied
 *               by 1 + w saturation
 *   hue         the colour turns about grey by w hue of a full turn: m + (x - m) cos t + d sin t,
 *               d = (b - g, r - b, g - r) / sqrt 3
 *   contrast    what a channel has more than its mean over the image is multiplied by
 *               1 + w contrast
 *
 * Where a strength is 0, nothing is computed and no word drawn.  In evaluation nothing changes. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"brightness", "0.5", "largest change of all values, in standard deviations of the image",
     RK_PARAM_REAL, 0, 100, NULL},
    {"saturation", "0.5", "largest change of the strength of colours, as a fraction", RK_PARAM_REAL,
     0, 1, NULL},
    {"hue", "0.2", "largest turn of colours, as a fraction of a full turn", RK_PARAM_REAL, 0, 0.5,
     NULL},
    {"contrast", "0.5", "largest change of the contrast, as a fraction", RK_PARAM_REAL, 0, 1, NULL},
    {0}};

/* Of each image a number in [-most, most), [N][1][1][1]. */
static rk_value draw(rk_graph *g, const rk_batch *b, const char *name, double most)
{
    rk_value bits = rk_shr(g, rk_batch_word(g, b, name), rk_const_u(g, 8));
    rk_value uniform = rk_mul(g, rk_cast(g, bits, RK_F32), rk_const_f(g, 5.96046448e-8f));
    rk_value twice = rk_mul(g, uniform, rk_const_f(g, 2));
    rk_value w = rk_mul(g, rk_sub(g, twice, rk_const_f(g, 1)), rk_const_f(g, (float)most));
    return rk_reshape(g, w, RK_SHAPE(rk_dim(g, w, 0), 1, 1, 1));
}

/* centre + (x - centre) factor */
static rk_value scale_about(rk_graph *g, rk_value x, rk_value centre, rk_value factor)
{
    rk_value more = rk_sub(g, x, centre);
    return rk_add(g, centre, rk_mul(g, more, factor));
}

/* Channel c of the result is channel c + shift of the three. */
static rk_value roll(rk_graph *g, rk_value x, int64_t shift)
{
    rk_shape one = rk_shape_of(g, x);
    rk_value channel[3];
    one.dim[1] = 1;
    for (int64_t c = 0; c < 3; c++)
        channel[c] = rk_slice(g, x, (const int64_t[]){0, (c + shift) % 3, 0, 0}, one);
    return rk_concat(g, channel, 3, 1);
}

static rk_value turn(rk_graph *g, rk_value x, rk_value grey, rk_value fraction)
{
    rk_value angle = rk_mul(g, fraction, rk_const_f(g, 6.28318531f));
    rk_value sine = rk_mul(g, rk_sin(g, angle), rk_const_f(g, 0.577350269f));
    rk_value before = roll(g, x, 2), across = rk_sub(g, before, roll(g, x, 1));
    rk_value turned = scale_about(g, x, grey, rk_cos(g, angle));
    return rk_add(g, turned, rk_mul(g, across, sine));
}

static rk_value jitter(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    double brightness = rk_arg_real(a, "brightness"), saturation = rk_arg_real(a, "saturation");
    double hue = rk_arg_real(a, "hue"), contrast = rk_arg_real(a, "contrast");
    rk_value one = rk_const_f(g, 1);
    if ((saturation > 0 || hue > 0) && rk_dim(g, x, 1) != 3)
        return rk_graph_fail(g,
                             "jitter: saturation and hue are of 3 channels, the images have %lld: "
                             "saturation=0,hue=0",
                             (long long)rk_dim(g, x, 1));
    if (!rk_graph_training(g)) return x;
    if (brightness > 0) x = rk_add(g, x, draw(g, b, "brightness", brightness));
    if (saturation > 0) {
        rk_value factor = rk_add(g, one, draw(g, b, "saturation", saturation));
        x = scale_about(g, x, rk_mean(g, x, 1, 1), factor);
    }
    if (hue > 0) {
        rk_value fraction = draw(g, b, "hue", hue);
        x = turn(g, x, rk_mean(g, x, 1, 1), fraction);
    }
    if (contrast > 0) {
        rk_value factor = rk_add(g, one, draw(g, b, "contrast", contrast));
        x = scale_about(g, x, rk_mean(g, x, 2, 2), factor);
    }
    return x;
}

RK_PLUGIN("jitter", "1.0",
          RK_ITEM(RK_KIND_AUGMENT, .name = "jitter",
                  .doc = "brightness, saturation, hue and contrast at random; not in evaluation",
                  .params = params, .augment = jitter));
