/* vgg: the C2 (CIFAR-10) and C4 (CIFAR-100) of Keskar et al. 2017, as in the code that they
 * published: 3 x 3 convolutions with batch norm and relu, twice 64, twice 128, three times 256, 512
 * and 512 channels, with dropout between those of a group (0.3 in the first, 0.4 in the others) and
 * a 2 x 2 max-pool after each; dropout 0.5, a dense layer of 512 units with batch norm and relu,
 * dropout 0.5, and the classes.  Pools halve a side, rounded up.
 *
 * The network is that of Liu and Deng 2015.  The published code has Keras 1's batch norm in a mode
 * that takes the batch's statistics in evaluation too; here evaluation takes running averages. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"width", "1", "factor of the channels and units of all hidden layers", RK_PARAM_REAL, 0.01, 16,
     NULL},
    {"dropout", "on", "whether values are dropped in training", RK_PARAM_CHOICE, 0, 0, "on|off"},
    {"init", "he",
     "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "
     "1 / sqrt(inputs), as torch.nn",
     RK_PARAM_CHOICE, 0, 0, "he|torch"},
    {0}};

typedef struct net {
    rk_graph *g;
    const rk_args *args;
} net;

static int64_t scaled(net n, int64_t units)
{
    int64_t k = (int64_t)((double)units * rk_arg_real(n.args, "width") + 0.5);
    return k > 0 ? k : 1;
}

static rk_value drop(net n, rk_value x, float rate, const char *name)
{
    bool on = strcmp(rk_arg_text(n.args, "dropout"), "on") == 0;
    return rk_dropout(n.g, x, on ? 1 - rate : 1, name);
}

typedef struct start {
    rk_init weight, bias;
} start;

static start start_of(net n, int64_t inputs)
{
    rk_init zero = {RK_INIT_ZERO, 0};
    if (strcmp(rk_arg_text(n.args, "init"), "torch") == 0)
        return (start){rk_init_torch(inputs), rk_init_torch(inputs)};
    return (start){rk_init_he(inputs), zero};
}

static rk_value norm_relu(net n, rk_value x, const char *name)
{
    rk_norm norm = {true, true, 1e-5f, 0.9f};
    rk_scope_push(n.g, name);
    x = rk_batch_norm(n.g, x, norm, "bn");
    rk_scope_pop(n.g);
    return rk_relu(n.g, x);
}

static rk_value conv(net n, rk_value x, int64_t filters, const char *name)
{
    start s = start_of(n, 9 * rk_dim(n.g, x, 1));
    rk_window window = rk_window_same(n.g, x, 3, 1);
    return norm_relu(n, rk_conv_layer(n.g, x, filters, window, s.weight, &s.bias, name), name);
}

static rk_value dense(net n, rk_value x, int64_t units, const char *name)
{
    start s = start_of(n, rk_dim(n.g, x, 1));
    return rk_dense(n.g, x, units, s.weight, s.bias, name);
}

static rk_value vgg(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    static const struct {
        int64_t filters;
        int layers;
    } groups[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};
    net n = {g, a};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < groups[i].layers; j++) {
            char name[32], mask[48];
            snprintf(name, sizeof name, "conv%d_%d", i + 1, j + 1);
            snprintf(mask, sizeof mask, "%s/dropout", name);
            x = conv(n, x, scaled(n, groups[i].filters), name);
            if (j + 1 < groups[i].layers) x = drop(n, x, i == 0 ? 0.3f : 0.4f, mask);
        }
        x = rk_max_pool(g, x, rk_window_same(g, x, 2, 2));
    }
    x = drop(n, rk_flatten(g, x), 0.5f, "dropout");
    x = norm_relu(n, dense(n, x, scaled(n, 512), "hidden"), "hidden");
    return dense(n, drop(n, x, 0.5f, "hidden/dropout"), classes, "output");
}

RK_PLUGIN("vgg", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "vgg",
                  .doc = "thirteen 3 x 3 convolutions and two dense layers, with batch norm and "
                         "dropout",
                  .params = params, .model = vgg));
