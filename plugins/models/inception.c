/* inception: the small Inception of Zhang et al. 2016, appendix A and figure 3.
 *
 * Modules join a 1 x 1 and a 3 x 3 convolution along the channels, or, to halve the sides, a 3 x 3
 * convolution of stride 2 and a 3 x 3 max-pool; every convolution is followed by batch
 * normalization and relu.  The paper gives 1,649,402 parameters on 28 x 28 x 3 inputs, which is one
 * for each of the 1,712 channels beside the weights.  Two layouts have them and it does not say
 * which is meant: bn=shift is that of TensorFlow's slim library, on which the paper's code was
 * built; bn=bias is that of most repetitions, where normalization cancels the bias.  bn=off, "w/o
 * BatchNorm", keeps the bias and has as many.
 *
 * Normalization and relu take each channel for itself, so a module applies them once, to the joined
 * convolutions. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"bn", "shift",
     "batch normalization: shift: with a trained shift and without scale, convolutions without "
     "bias; bias: without either, convolutions with bias; off: none, convolutions with bias",
     RK_PARAM_CHOICE, 0, 0, "shift|bias|off"},
    {"momentum", "0.9", "what a step keeps of the running mean and variance", RK_PARAM_REAL, 0,
     0.9999, NULL},
    {"width", "1", "factor of the channels of all layers", RK_PARAM_REAL, 0.01, 16, NULL},
    {"init", "he",
     "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "
     "1 / sqrt(inputs), as torch.nn",
     RK_PARAM_CHOICE, 0, 0, "he|torch"},
    {0}};

typedef struct net {
    rk_graph *g;
    const rk_args *args;
    rk_norm norm;
    bool normalized, biased;
} net;

/* How the weights and the biases of a layer with so many inputs a unit start. */
typedef struct start {
    rk_init weight, bias;
} start;

static start start_of(const net *n, int64_t inputs)
{
    rk_init zero = {RK_INIT_ZERO, 0};
    if (strcmp(rk_arg_text(n->args, "init"), "torch") == 0)
        return (start){rk_init_torch(inputs), rk_init_torch(inputs)};
    return (start){rk_init_he(inputs), zero};
}

static rk_value conv(const net *n, rk_value x, int64_t channels, int64_t side, int64_t stride,
                     const char *name)
{
    int64_t filters = (int64_t)((double)channels * rk_arg_real(n->args, "width") + 0.5);
    start s = start_of(n, side * side * rk_dim(n->g, x, 1));
    rk_window w = rk_window_same(n->g, x, side, stride);
    return rk_conv_layer(n->g, x, filters > 0 ? filters : 1, w, s.weight,
                         n->biased ? &s.bias : NULL, name);
}

static rk_value finish(const net *n, rk_value x)
{
    if (n->normalized) x = rk_batch_norm(n->g, x, n->norm, "bn");
    return rk_relu(n->g, x);
}

/* Both branches of a module: 1 x 1 and 3 x 3. */
static rk_value both(const net *n, rk_value x, int64_t ones, int64_t threes)
{
    rk_value branch[2];
    branch[0] = conv(n, x, ones, 1, 1, "conv1");
    branch[1] = conv(n, x, threes, 3, 1, "conv3");
    return finish(n, rk_concat(n->g, branch, 2, 1));
}

/* Both branches of a module that halves the sides: convolution and maximum. */
static rk_value down(const net *n, rk_value x, int64_t threes)
{
    rk_value branch[2];
    branch[0] = finish(n, conv(n, x, threes, 3, 2, "conv3"));
    branch[1] = rk_max_pool(n->g, x, rk_window_same(n->g, x, 3, 2));
    return rk_concat(n->g, branch, 2, 1);
}

/* Channels of the 1 x 1 and the 3 x 3 convolution; no 1 x 1: a module that halves the sides. */
static const struct module {
    int64_t ones, threes;
} modules[] = {{32, 32}, {32, 48}, {0, 80}, {112, 48},  {96, 64},
               {80, 80}, {48, 96}, {0, 96}, {176, 160}, {176, 160}};

static rk_value inception(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    const char *bn = rk_arg_text(a, "bn");
    net n = {.g = g, .args = a, .norm = {.shift = strcmp(bn, "shift") == 0, .eps = 0.001f}};
    n.norm.momentum = (float)rk_arg_real(a, "momentum");
    n.normalized = strcmp(bn, "off") != 0;
    n.biased = strcmp(bn, "shift") != 0;
    rk_scope_push(g, "first");
    x = finish(&n, conv(&n, x, 96, 3, 1, "conv3"));
    rk_scope_pop(g);
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        const struct module *m = &modules[i];
        char name[32];
        snprintf(name, sizeof name, "%s%d", m->ones ? "inception" : "down", (int)i + 2);
        rk_scope_push(g, name);
        x = m->ones ? both(&n, x, m->ones, m->threes) : down(&n, x, m->threes);
        rk_scope_pop(g);
    }
    x = rk_global_mean(g, x);
    start s = start_of(&n, rk_dim(g, x, 1));
    return rk_dense(g, x, classes, s.weight, s.bias, "output");
}

RK_PLUGIN("inception", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "inception",
                  .doc = "small Inception: ten modules of two branches each", .params = params,
                  .model = inception));
