/* linear: softmax regression, one dense layer on the pixels.
 *
 * Zhang et al. 2016, section 5, study the linear model; init=zero starts in the span of the
 * training data, from where gradient descent finds the solution of smallest norm. */
#include "rethink/plugin.h"
#include <string.h>

static const rk_param_spec params[] = {
    {"init", "he",
     "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "
     "1 / sqrt(inputs), as torch.nn.Linear; zero: all 0",
     RK_PARAM_CHOICE, 0, 0, "he|torch|zero"},
    {0}};

static rk_value linear(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    const char *init = rk_arg_text(a, "init");
    rk_value flat = rk_flatten(g, x);
    int64_t inputs = rk_dim(g, flat, -1);
    rk_init zero = {RK_INIT_ZERO, 0}, weight = zero, bias = zero;
    if (strcmp(init, "he") == 0) weight = rk_init_he(inputs);
    if (strcmp(init, "torch") == 0) weight = bias = rk_init_torch(inputs);
    return rk_dense(g, flat, classes, weight, bias, "output");
}

RK_PLUGIN("linear", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "linear", .doc = "softmax regression: one dense layer",
                  .params = params, .model = linear));
