/* alexnet: the small AlexNet of Zhang et al. 2016, appendix A: twice 5 x 5 convolution, relu, 3 x 3
 * max-pool and local response normalization, then three dense layers.
 *
 * The paper gives 1,387,786 parameters on 28 x 28 x 3 inputs; 64 channels, SAME padding and pools
 * of stride 2 (28, 14, 7) give exactly these.  It does not give the constants of the normalization:
 * these are of TensorFlow's CIFAR-10 tutorial, from which the network comes; nor how weights
 * start. */
#include "rethink/plugin.h"
#include <string.h>

static const rk_param_spec params[] = {
    {"lrn", "on", "local response normalization: radius 4, bias 1, alpha 0.001 / 9, beta 0.75",
     RK_PARAM_CHOICE, 0, 0, "on|off"},
    {"width", "1", "factor of the channels and units of all hidden layers", RK_PARAM_REAL, 0.01, 16,
     NULL},
    {"init", "he",
     "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "
     "1 / sqrt(inputs), as torch.nn",
     RK_PARAM_CHOICE, 0, 0, "he|torch"},
    {0}};

typedef struct net {
    rk_graph *g;
    const rk_args *args;
} net;

/* How the weights and the biases of a layer with so many inputs a unit start. */
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

static int64_t scaled(net n, int64_t units)
{
    int64_t k = (int64_t)((double)units * rk_arg_real(n.args, "width") + 0.5);
    return k > 0 ? k : 1;
}

static rk_value conv_stage(net n, rk_value x, const char *name)
{
    rk_graph *g = n.g;
    start s = start_of(n, 25 * rk_dim(g, x, 1));
    rk_window five = rk_window_same(g, x, 5, 1);
    x = rk_relu(g, rk_conv_layer(g, x, scaled(n, 64), five, s.weight, &s.bias, name));
    x = rk_max_pool(g, x, rk_window_same(g, x, 3, 2));
    if (strcmp(rk_arg_text(n.args, "lrn"), "off") == 0) return x;
    return rk_lrn(g, x, 4, 1.0f, 0.001f / 9, 0.75f);
}

static rk_value dense(net n, rk_value x, int64_t units, const char *name)
{
    start s = start_of(n, rk_dim(n.g, x, 1));
    return rk_dense(n.g, x, units, s.weight, s.bias, name);
}

static rk_value alexnet(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    net n = {g, a};
    x = conv_stage(n, x, "conv1");
    x = conv_stage(n, x, "conv2");
    x = rk_relu(g, dense(n, rk_flatten(g, x), scaled(n, 384), "hidden1"));
    x = rk_relu(g, dense(n, x, scaled(n, 192), "hidden2"));
    return dense(n, x, classes, "output");
}

RK_PLUGIN("alexnet", "1.0",
          RK_ITEM(RK_KIND_MODEL, .name = "alexnet",
                  .doc = "small AlexNet: two convolutions, three dense layers", .params = params,
                  .model = alexnet));
