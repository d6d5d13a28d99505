/* l2: weight decay as a penalty, strength / 2 times the sum of squares.
 *
 * Its gradient is strength times the weight, as weight_decay of PyTorch's SGD and TensorFlow's
 * l2_loss count it.  on=weights leaves out biases (and everything not named ".../weight"), as the
 * models of Zhang et al. 2016 do; the paper does not state its strengths. */
#include "rethink/plugin.h"
#include <string.h>

static const rk_param_spec params[] = {
    {"strength", "0.0005", "factor of the weights in the gradient", RK_PARAM_REAL, 0, 1000, NULL},
    {"on", "weights", "weights: parameters named .../weight; all: biases too", RK_PARAM_CHOICE, 0,
     0, "weights|all"},
    {0}};

static bool is_weight(const char *name)
{
    const char *last = strrchr(name, '/');
    return strcmp(last ? last + 1 : name, "weight") == 0;
}

static rk_value sum_of_squares(rk_graph *g, rk_value w)
{
    rk_value all = rk_reduce_sum(g, rk_mul(g, w, w), 0, rk_shape_of(g, w).rank);
    return rk_reshape(g, all, rk_shape_make(0, NULL));
}

static rk_value l2(rk_graph *g, const rk_value *weights, uint32_t n, const rk_args *a)
{
    bool everything = strcmp(rk_arg_text(a, "on"), "all") == 0;
    rk_value sum = rk_const_f(g, 0);
    for (uint32_t i = 0; i < n; i++)
        if (everything || is_weight(rk_name_of(g, weights[i])))
            sum = rk_add(g, sum, sum_of_squares(g, weights[i]));
    return rk_mul(g, rk_const_f(g, 0.5f * (float)rk_arg_real(a, "strength")), sum);
}

RK_PLUGIN("l2", "1.0",
          RK_ITEM(RK_KIND_REGULARIZER, .name = "l2",
                  .doc = "weight decay: strength / 2 times the sum of squares of the weights",
                  .params = params, .penalty = l2));
