/* label-smoothing: part of each label is given to all classes alike (Szegedy et al. 2016).
 *
 * What is minimized is (1 - epsilon) times the cross-entropy with the label and epsilon times the
 * mean over all classes, the right one too, of that with each class. */
#include "rethink/plugin.h"

static const rk_param_spec params[] = {
    {"epsilon", "0.1", "part of the label that all classes share", RK_PARAM_REAL, 0, 1, NULL}, {0}};

static rk_value smooth(rk_graph *g, rk_value logits, rk_value labels, const rk_args *a)
{
    float epsilon = (float)rk_arg_real(a, "epsilon");
    rk_value hard = rk_cross_entropy(g, logits, labels);
    if (!(epsilon > 0)) return hard;
    rk_value mean = rk_mean(g, rk_log_softmax(g, logits), 1, 1);
    rk_value soft = rk_neg(g, rk_reshape(g, mean, rk_shape_of(g, hard)));
    hard = rk_mul(g, hard, rk_const_f(g, 1 - epsilon));
    return rk_add(g, hard, rk_mul(g, soft, rk_const_f(g, epsilon)));
}

RK_PLUGIN("smoothing", "1.0",
          RK_ITEM(RK_KIND_REGULARIZER, .name = "label-smoothing",
                  .doc = "part of each label is given to all classes; recorded losses are without",
                  .params = params, .objective = smooth));
