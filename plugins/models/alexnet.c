/* alexnet: networks of two convolutions with max-pools, and a few dense layers.
 *
 * alexnet is the small AlexNet of Zhang et al. 2016, appendix A: twice 5 x 5 convolution, relu,
 * 3 x 3 max-pool and local response normalization, then three dense layers.  The paper gives
 * 1,387,786 parameters on 28 x 28 x 3 inputs; 64 channels, SAME padding and pools of stride 2 (28,
 * 14, 7) give exactly these.  It does not give the constants of the normalization: these are of
 * TensorFlow's CIFAR-10 tutorial, from which the network comes; nor how weights start.
 * alexnet:lrn=off,bn=on,dropout=0.5 is the C1 of Keskar et al. 2017.
 *
 * cnn is smaller: 3 x 3 convolutions, 2 x 2 max-pools and one dense layer, 29,066 parameters on
 * 16 x 16 x 1 inputs.  The CIFAR-10 network of Arpit et al. 2017, on 28 x 28 x 3 inputs, is
 * cnn:filters1=200,filters2=200,kernel=5,pool=3,hidden1=384,hidden2=192,bn=on; it does not say how
 * borders are padded, SAME is the choice here. */
#include "rethink/plugin.h"
#include <string.h>

#define BN                                                                                         \
    {                                                                                              \
        "bn", "off",                                                                               \
            "batch normalization before each relu: with trained scale and shift, eps 1e-5; "       \
            "running "                                                                             \
            "averages keep 0.9; biases stay, though it cancels them",                              \
            RK_PARAM_CHOICE, 0, 0, "off|on"                                                        \
    }
#define DROPOUT                                                                                    \
    {                                                                                              \
        "dropout", "0",                                                                            \
            "fraction of values dropped between dense layers and before the last one, in "         \
            "training",                                                                            \
            RK_PARAM_REAL, 0, 0.99, NULL                                                           \
    }
#define INIT                                                                                       \
    {                                                                                              \
        "init", "he",                                                                              \
            "he: weights normal with variance 2 / inputs, biases 0; torch: both uniform within "   \
            "1 / sqrt(inputs), as torch.nn",                                                       \
            RK_PARAM_CHOICE, 0, 0, "he|torch"                                                      \
    }

static const rk_param_spec alexnet_params[] = {
    {"lrn", "on", "local response normalization: radius 4, bias 1, alpha 0.001 / 9, beta 0.75",
     RK_PARAM_CHOICE, 0, 0, "on|off"},
    {"width", "1", "factor of the channels and units of all hidden layers", RK_PARAM_REAL, 0.01, 16,
     NULL},
    INIT,
    BN,
    DROPOUT,
    {0}};

static const rk_param_spec cnn_params[] = {
    {"filters1", "32", "channels of the first convolution", RK_PARAM_INT, 1, 65536, NULL},
    {"filters2", "64", "channels of the second convolution", RK_PARAM_INT, 1, 65536, NULL},
    {"kernel", "3", "side of both convolutions, pixels", RK_PARAM_INT, 1, 64, NULL},
    {"pool", "2", "side and stride of both max-pools, pixels", RK_PARAM_INT, 1, 64, NULL},
    {"hidden1", "0", "units of the first hidden dense layer; 0: no such layer", RK_PARAM_INT, 0,
     65536, NULL},
    {"hidden2", "0", "units of the second hidden dense layer; 0: no such layer", RK_PARAM_INT, 0,
     65536, NULL},
    INIT,
    BN,
    DROPOUT,
    {0}};

typedef struct net {
    rk_graph *g;
    const rk_args *args;
    int64_t kernel, pool, stride; /* sides of convolutions and pools, stride of pools */
    bool lrn;
} net;

static bool says(net n, const char *param, const char *value)
{
    return strcmp(rk_arg_text(n.args, param), value) == 0;
}

/* How the weights and the biases of a layer with so many inputs a unit start. */
typedef struct start {
    rk_init weight, bias;
} start;

static start start_of(net n, int64_t inputs)
{
    rk_init zero = {RK_INIT_ZERO, 0};
    if (says(n, "init", "torch")) return (start){rk_init_torch(inputs), rk_init_torch(inputs)};
    return (start){rk_init_he(inputs), zero};
}

/* Normalization, if there is one, and relu of what the layer `name` gives. */
static rk_value finish(net n, rk_value x, const char *name)
{
    rk_norm norm = {true, true, 1e-5f, 0.9f};
    if (says(n, "bn", "on")) {
        rk_scope_push(n.g, name);
        x = rk_batch_norm(n.g, x, norm, "bn");
        rk_scope_pop(n.g);
    }
    return rk_relu(n.g, x);
}

static rk_value conv_stage(net n, rk_value x, int64_t filters, const char *name)
{
    rk_graph *g = n.g;
    start s = start_of(n, n.kernel * n.kernel * rk_dim(g, x, 1));
    rk_window window = rk_window_same(g, x, n.kernel, 1);
    x = finish(n, rk_conv_layer(g, x, filters, window, s.weight, &s.bias, name), name);
    x = rk_max_pool(g, x, rk_window_same(g, x, n.pool, n.stride));
    return n.lrn ? rk_lrn(g, x, 4, 1.0f, 0.001f / 9, 0.75f) : x;
}

static rk_value dense(net n, rk_value x, int64_t units, const char *name)
{
    start s = start_of(n, rk_dim(n.g, x, 1));
    return rk_dense(n.g, x, units, s.weight, s.bias, name);
}

static rk_value drop(net n, rk_value x, const char *name)
{
    return rk_dropout(n.g, x, 1.0f - (float)rk_arg_real(n.args, "dropout"), name);
}

/* Hidden layers of 0 units are none. */
static rk_value dense_stage(net n, rk_value x, int64_t units1, int64_t units2, int64_t classes)
{
    x = rk_flatten(n.g, x);
    if (units1) x = finish(n, dense(n, x, units1, "hidden1"), "hidden1");
    if (units1 && units2) x = drop(n, x, "hidden1/dropout");
    if (units2) x = finish(n, dense(n, x, units2, "hidden2"), "hidden2");
    return dense(n, drop(n, x, "dropout"), classes, "output");
}

static int64_t scaled(net n, int64_t units)
{
    int64_t k = (int64_t)((double)units * rk_arg_real(n.args, "width") + 0.5);
    return k > 0 ? k : 1;
}

static rk_value alexnet(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    net n = {.g = g, .args = a, .kernel = 5, .pool = 3, .stride = 2};
    n.lrn = says(n, "lrn", "on");
    x = conv_stage(n, x, scaled(n, 64), "conv1");
    x = conv_stage(n, x, scaled(n, 64), "conv2");
    return dense_stage(n, x, scaled(n, 384), scaled(n, 192), classes);
}

static rk_value cnn(rk_graph *g, rk_value x, uint32_t classes, const rk_args *a)
{
    int64_t pool = rk_arg_int(a, "pool");
    net n = {.g = g, .args = a, .kernel = rk_arg_int(a, "kernel"), .pool = pool, .stride = pool};
    x = conv_stage(n, x, rk_arg_int(a, "filters1"), "conv1");
    x = conv_stage(n, x, rk_arg_int(a, "filters2"), "conv2");
    return dense_stage(n, x, rk_arg_int(a, "hidden1"), rk_arg_int(a, "hidden2"), classes);
}

RK_PLUGIN("alexnet", "1.1",
          RK_ITEM(RK_KIND_MODEL, .name = "alexnet",
                  .doc = "small AlexNet: two convolutions, three dense layers",
                  .params = alexnet_params, .model = alexnet),
          RK_ITEM(RK_KIND_MODEL, .name = "cnn",
                  .doc = "two convolutions, and one to three dense layers", .params = cnn_params,
                  .model = cnn));
