/* inputs: noise on the inputs, and dropout of inputs: other ones in every step.
 *
 *   noise  adds sigma times rk_rng_normal("normal") to each value: Gaussian noise (Arpit et al.
 *          2017 draw it with sigma from 0 to 5).  Images are standardized, so sigma counts their
 *          standard deviations.
 *   drop   sets each value to 0 with probability p and divides the others by 1 - p: rk_dropout
 *          ("mask") of what the model sees.
 *
 * Not in evaluation.  Random words belong to a place in the batch and a step, as those of dropout
 * between layers: they are the same on every device and after every stop, but another batch size
 * gives an example others. */
#include "rethink/plugin.h"

static const rk_param_spec noise_params[] = {
    {"sigma", "0.1", "standard deviation of the noise, in those of a standardized image",
     RK_PARAM_REAL, 0, 1000, NULL},
    {0}};

static const rk_param_spec drop_params[] = {
    {"p", "0.2", "probability of each value to become 0", RK_PARAM_REAL, 0, 0.99, NULL}, {0}};

static rk_value noise(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    float sigma = (float)rk_arg_real(a, "sigma");
    (void)b;
    if (!rk_graph_training(g) || !(sigma > 0)) return x;
    rk_value normal = rk_rng_normal(g, rk_shape_of(g, x), "normal");
    return rk_add(g, x, rk_mul(g, normal, rk_const_f(g, sigma)));
}

static rk_value drop(rk_graph *g, rk_value x, const rk_batch *b, const rk_args *a)
{
    (void)b;
    return rk_dropout(g, x, 1.0f - (float)rk_arg_real(a, "p"), "mask");
}

RK_PLUGIN("inputs", "1.0",
          RK_ITEM(RK_KIND_AUGMENT, .name = "noise",
                  .doc = "Gaussian noise on every value of an image; not in evaluation",
                  .params = noise_params, .augment = noise),
          RK_ITEM(RK_KIND_AUGMENT, .name = "drop",
                  .doc = "dropout of the values of an image; not in evaluation",
                  .params = drop_params, .augment = drop));
