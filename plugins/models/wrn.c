/* wrn: wide residual networks, WRN-depth-width (Zagoruyko and Komodakis 2016), as in the code that
 * the first author of Zhang et al. 2016 published: normalization and relu come before each
 * convolution, a 1 x 1 convolution without normalization is the shortcut where channels change, and
 * what it reads is normalized.  wrn:depth=28,width=1 has 369,498 parameters for ten classes. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"depth", "28", "layers: 4 more than a multiple of 6", RK_PARAM_INT, 10, 1000, NULL},
    {"width", "1", "factor of the channels 16, 32, 64 of the three groups", RK_PARAM_INT, 1, 64,
     NULL},
    {"base", "16", "channels of the first convolution, and of the first group at width 1",
     RK_PARAM_INT, 1, 1024, NULL},
    {"dropout", "0", "fraction of values dropped between the convolutions of a block",
     RK_PARAM_REAL, 0, 0.99, NULL},
    {"momentum", "0.9", "what a step keeps of the running mean and variance", RK_PARAM_REAL, 0,
     0.9999, NULL},
    {"init", "out",
     "weights of convolutions: out: normal with variance 2 / outputs, as in the published code; "
     "he: "
     "with 2 / inputs; torch: uniform within 1 / sqrt(inputs)",
     RK_PARAM_CHOICE, 0, 0, "out|he|torch"},
    {0}};

typedef struct net {
    rk_graph *g;
    const rk_args *args;
} net;

static rk_init start_of(net n, int64_t inputs, int64_t outputs)
{
    const char *init = rk_arg_text(n.args, "init");
    if (strcmp(init, "torch") == 0) return rk_init_torch(inputs);
    return rk_init_he(strcmp(init, "he") == 0 ? inputs : outputs);
}

static rk_value conv(net n, rk_value x, int64_t filters, int64_t side, int64_t stride,
                     const char *name)
{
    rk_window w = rk_window_padded(n.g, x, side, stride, side / 2);
    rk_init start = start_of(n, side * side * rk_dim(n.g, x, 1), side * side * filters);
    return rk_conv_layer(n.g, x, filters, w, start, NULL, name);
}

static rk_value norm_relu(net n, rk_value x, const char *name)
{
    rk_norm o = {true, true, 1e-5f, (float)rk_arg_real(n.args, "momentum")};
    return rk_relu(n.g, rk_batch_norm(n.g, x, o, name));
}

static rk_value block(net n, rk_value x, int64_t filters, int64_t stride)
{
    rk_value h = norm_relu(n, x, "bn1"), shortcut = x;
    if (rk_dim(n.g, x, 1) != filters) shortcut = conv(n, h, filters, 1, stride, "shortcut");
    h = norm_relu(n, conv(n, h, filters, 3, stride, "conv1"), "bn2");
    h = rk_dropout(n.g, h, 1.0f - (float)rk_arg_real(n.args, "dropout"), "dropout");
    return rk_add(n.g, shortcut, conv(n, h, filters, 3, 1, "conv2"));
}

/* Every group but the first halves the sides in its first block. */
static rk_value group(net n, rk_value x, int number, int64_t blocks)
{
    int64_t filters = rk_arg_int(n.args, "base") * rk_arg_int(n.args, "width") << (number - 1);
    for (int64_t i = 1; i <= blocks; i++) {
        char name[48];
        snprintf(name, sizeof name, "group%d/block%lld", number, (long long)i);
        rk_scope_push(n.g, name);
        x = block(n, x, filters, i == 1 && number > 1 ? 2 : 1);
        rk_scope_pop(n.g);
    }
    return x;
}

static rk_value wrn(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    net n = {g, a};
    rk_init zero = {RK_INIT_ZERO, 0};
    int64_t depth = rk_arg_int(a, "depth");
    if (depth % 6 != 4)
        return rk_graph_fail(g, "wrn: depth is %lld, expected 4 more than a multiple of 6: %lld",
                             (long long)depth, (long long)((depth - 4) / 6 * 6 + 4));
    x = conv(n, x, rk_arg_int(a, "base"), 3, 1, "conv1");
    for (int i = 1; i <= 3; i++) x = group(n, x, i, (depth - 4) / 6);
    x = rk_global_mean(g, norm_relu(n, x, "bn"));
    return rk_dense(g, x, classes, rk_init_torch(rk_dim(g, x, 1)), zero, "output");
}

RK_PLUGIN("wrn", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "wrn", .doc = "wide residual network WRN-depth-width",
                  .params = params, .model = wrn));
