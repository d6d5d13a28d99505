/* sam: sharpness-aware minimization (Foret et al. 2021).
 *
 * A step takes the gradient g of the batch's loss at the weights w, then the gradient at
 * w + rho g / |g|, with |g| the norm over all parameters, and updates w by the latter: twice the
 * work of a step.  Where g is 0 nothing is added.  Both gradients see the same batch and the same
 * dropout; running averages of batch norm are those of the first.  Penalties count at w. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"rho", "0.05", "how far from the weights the gradient is taken", RK_PARAM_REAL, 0, 1000, NULL},
    {0}};

static void ascend(rk_graph *g, const rk_value *weights, const rk_value *grads, uint32_t n,
                   rk_value *at, const rk_args *a)
{
    rk_value zero = rk_const_f(g, 0), sum = zero;
    for (uint32_t i = 0; i < n; i++) {
        rk_value square = rk_mul(g, grads[i], grads[i]);
        rk_value all = rk_reduce_sum(g, square, 0, rk_shape_of(g, square).rank);
        sum = rk_add(g, sum, rk_reshape(g, all, rk_shape_make(0, NULL)));
    }
    rk_value some = rk_lt(g, zero, sum); /* without a slope the step is 0 whatever the norm */
    rk_value norm = rk_sqrt(g, rk_where(g, some, sum, rk_const_f(g, 1)));
    rk_value step = rk_div(g, rk_const_f(g, (float)rk_arg_real(a, "rho")), norm);
    for (uint32_t i = 0; i < n; i++) at[i] = rk_add(g, weights[i], rk_mul(g, step, grads[i]));
}

RK_PLUGIN("sam", "1.0",
          RK_ITEM(RK_KIND_REGULARIZER, .name = "sam",
                  .doc = "sharpness-aware minimization: the gradient is taken rho up the slope",
                  .params = params, .perturb = ascend));
