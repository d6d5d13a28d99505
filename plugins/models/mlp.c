/* mlp: dense hidden layers with relu.
 *
 * mlp:layers=1 and mlp:layers=3 on 28 x 28 x 3 inputs are the "MLP 1x512" (1,209,866 parameters)
 * and "MLP 3x512" (1,735,178) of Zhang et al. 2016, table 1.  The paper does not say how it starts
 * the weights: He et al. 2015 is the default, torch is what most repetitions of it use.  It has no
 * batch normalization, some repetitions do.  mlp:hidden=4096,layers=2 is the network of Arpit et
 * al. 2017 on MNIST, mlp:layers=5,bn=on the F1 of Keskar et al. 2017. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"hidden", "512", "units of each hidden layer", RK_PARAM_INT, 1, 65536, NULL},
    {"layers", "1", "number of hidden layers", RK_PARAM_INT, 1, 64, NULL},
    {"init", "he",
     "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "
     "1 / sqrt(inputs), as torch.nn.Linear",
     RK_PARAM_CHOICE, 0, 0, "he|torch"},
    {"bn", "off",
     "batch normalization before each relu: with trained scale and shift, eps 1e-5; running "
     "averages keep 0.9; biases stay, though it cancels them",
     RK_PARAM_CHOICE, 0, 0, "off|on"},
    {"dropout", "0", "fraction of each hidden layer's values dropped in training", RK_PARAM_REAL, 0,
     0.99, NULL},
    {0}};

static rk_value dense(rk_graph *g, rk_value x, int64_t units, const char *init, const char *name)
{
    rk_init weight = rk_init_he(rk_dim(g, x, -1)), bias = {RK_INIT_ZERO, 0};
    if (strcmp(init, "torch") == 0) weight = bias = rk_init_torch(rk_dim(g, x, -1));
    return rk_dense(g, x, units, weight, bias, name);
}

/* What follows the products of a hidden layer. */
static rk_value finish(rk_graph *g, rk_value h, const rk_args *a, const char *name)
{
    rk_norm norm = {true, true, 1e-5f, 0.9f};
    rk_scope_push(g, name);
    if (strcmp(rk_arg_text(a, "bn"), "on") == 0) h = rk_batch_norm(g, h, norm, "bn");
    h = rk_dropout(g, rk_relu(g, h), 1.0f - (float)rk_arg_real(a, "dropout"), "dropout");
    rk_scope_pop(g);
    return h;
}

static rk_value mlp(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    const char *init = rk_arg_text(a, "init");
    rk_value h = rk_flatten(g, x);
    for (int64_t i = 1; i <= rk_arg_int(a, "layers"); i++) {
        char name[32];
        snprintf(name, sizeof name, "hidden%lld", (long long)i);
        h = finish(g, dense(g, h, rk_arg_int(a, "hidden"), init, name), a, name);
    }
    return dense(g, h, classes, init, "output");
}

RK_PLUGIN("mlp", "1.1",
          RK_ITEM(RK_KIND_MODEL, .name = "mlp", .doc = "dense hidden layers with relu",
                  .params = params, .model = mlp));
