/* l2: the Euclidean norm of weights as a penalty and as a constraint.
 *
 *   l2           weight decay as a penalty, strength / 2 times the sum of squares.  Its gradient is
 *                strength times the weight, as weight_decay of PyTorch's SGD and TensorFlow's
 *                l2_loss count it.
 *   weight-norm  strength times the norm of all weights together, not squared: its gradient has the
 *                length strength, however small the weights are, and is 0 where all of them are.
 *   max-norm     after each step, the incoming weights of each unit (row of a dense layer, filter
 *                of a convolution) are scaled back to the norm limit if theirs is larger
 *                (Srivastava et al. 2014).  Weights within the limit keep every bit.
 *
 * A weight is a parameter named ".../weight": neither a bias nor of a normalization.  The last one
 * of a model makes its logits.  Zhang et al. 2016 do not state their strengths; TensorFlow's
 * CIFAR-10 tutorial, from which their AlexNet comes, has l2:strength=0.004,on=hidden-dense. */
#include "rethink/plugin.h"
#include <string.h>

#define ON_DOC                                                                                     \
    "weights: all parameters named .../weight; hidden: but the last; dense, conv: of such layers " \
    "only; hidden-dense: of dense layers but the last"
#define ON "weights|hidden|dense|conv|hidden-dense"

static const rk_param_spec l2_params[] = {
    {"strength", "0.0005", "factor of the weights in the gradient", RK_PARAM_REAL, 0, 1000, NULL},
    {"on", "weights", ON_DOC "; all: biases and normalizations too", RK_PARAM_CHOICE, 0, 0,
     ON "|all"},
    {0}};

static const rk_param_spec weight_norm_params[] = {
    {"strength", "0.01", "length of the gradient", RK_PARAM_REAL, 0, 1000, NULL},
    {"on", "weights", ON_DOC "; all: biases and normalizations too", RK_PARAM_CHOICE, 0, 0,
     ON "|all"},
    {0}};

static const rk_param_spec max_norm_params[] = {
    {"limit", "3", "largest norm of the weights into one unit", RK_PARAM_REAL, 1e-6, 1e6, NULL},
    {"on", "weights", ON_DOC, RK_PARAM_CHOICE, 0, 0, ON},
    {0}};

static bool is_weight(rk_graph *g, rk_value param)
{
    const char *name = rk_name_of(g, param), *last = strrchr(name, '/');
    return strcmp(last ? last + 1 : name, "weight") == 0;
}

/* Whether params[i] is one of the tensors that `on` names. */
static bool is_chosen(rk_graph *g, const rk_value *params, uint32_t n, uint32_t i, const char *on)
{
    uint32_t rank = rk_shape_of(g, params[i]).rank, later = 0;
    if (strcmp(on, "all") == 0) return true;
    if (!is_weight(g, params[i])) return false;
    for (uint32_t k = i + 1; k < n; k++) later += is_weight(g, params[k]);
    if (strcmp(on, "hidden") == 0) return later > 0;
    if (strcmp(on, "dense") == 0) return rank == 2;
    if (strcmp(on, "conv") == 0) return rank == 4;
    return strcmp(on, "hidden-dense") != 0 || (rank == 2 && later > 0);
}

static rk_value sum_of_squares(rk_graph *g, const rk_value *params, uint32_t n, const char *on)
{
    rk_value sum = rk_const_f(g, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_chosen(g, params, n, i, on)) continue;
        rk_value w = params[i], square = rk_mul(g, w, w);
        rk_value all = rk_reduce_sum(g, square, 0, rk_shape_of(g, w).rank);
        sum = rk_add(g, sum, rk_reshape(g, all, rk_shape_make(0, NULL)));
    }
    return sum;
}

static rk_value l2(rk_graph *g, const rk_value *params, uint32_t n, const rk_args *a)
{
    rk_value sum = sum_of_squares(g, params, n, rk_arg_text(a, "on"));
    return rk_mul(g, rk_const_f(g, 0.5f * (float)rk_arg_real(a, "strength")), sum);
}

/* The derivative of a root is infinite at 0, so it never sees a 0. */
static rk_value weight_norm(rk_graph *g, const rk_value *params, uint32_t n, const rk_args *a)
{
    rk_value sum = sum_of_squares(g, params, n, rk_arg_text(a, "on"));
    rk_value zero = rk_const_f(g, 0), some = rk_lt(g, zero, sum);
    rk_value root = rk_sqrt(g, rk_where(g, some, sum, rk_const_f(g, 1)));
    rk_value norm = rk_where(g, some, root, zero);
    return rk_mul(g, rk_const_f(g, (float)rk_arg_real(a, "strength")), norm);
}

static rk_value max_norm(rk_graph *g, const rk_value *params, uint32_t n, uint32_t i,
                         rk_value updated, const rk_args *a)
{
    rk_shape s = rk_shape_of(g, updated);
    if (s.rank < 2 || !is_chosen(g, params, n, i, rk_arg_text(a, "on"))) return updated;
    rk_value limit = rk_const_f(g, (float)rk_arg_real(a, "limit"));
    rk_value squares = rk_reduce_sum(g, rk_mul(g, updated, updated), 1, s.rank - 1);
    rk_value norm = rk_sqrt(g, squares), over = rk_lt(g, limit, norm);
    rk_value scaled = rk_mul(g, updated, rk_div(g, limit, norm));
    return rk_where(g, over, scaled, updated);
}

RK_PLUGIN("l2", "1.1",
          RK_ITEM(RK_KIND_REGULARIZER, .name = "l2",
                  .doc = "weight decay: strength / 2 times the sum of squares of the weights",
                  .params = l2_params, .penalty = l2),
          RK_ITEM(RK_KIND_REGULARIZER, .name = "weight-norm",
                  .doc = "strength times the norm of all weights, not squared",
                  .params = weight_norm_params, .penalty = weight_norm),
          RK_ITEM(RK_KIND_REGULARIZER, .name = "max-norm",
                  .doc = "after each step the weights into one unit have a norm of at most limit",
                  .params = max_norm_params, .project = max_norm));
