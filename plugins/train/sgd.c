/* sgd: stochastic gradient descent with momentum.
 *
 * velocity' = momentum velocity + gradient, weight' = weight - rate velocity': the rate is outside
 * of the velocity, as in PyTorch, TensorFlow and Sutskever et al. 2013 up to that factor.  With
 * nesterov=yes weight' = weight - rate (gradient + momentum velocity').  Zhang et al. 2016 use
 * momentum 0.9.  With momentum=0 there is no velocity. */
#include "rethink/plugin.h"
#include <stdio.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"momentum", "0.9", "how much of the velocity a step keeps", RK_PARAM_REAL, 0, 1, NULL},
    {"nesterov", "no", "whether the gradient is taken ahead, after Nesterov", RK_PARAM_CHOICE, 0, 0,
     "no|yes"},
    {0}};

static rk_value velocity_of(rk_graph *g, rk_value param)
{
    char name[512];
    int n = snprintf(name, sizeof name, "optimizer/%s/velocity", rk_name_of(g, param));
    if (n < 0 || (size_t)n >= sizeof name)
        return rk_graph_fail(g, "a parameter's name is too long");
    return rk_state(g, RK_F32, rk_shape_of(g, param), name);
}

/* The direction of one parameter's step, after its velocity moved on. */
static rk_value direction(rk_graph *g, rk_value param, rk_value grad, rk_value momentum, bool ahead)
{
    rk_value velocity = velocity_of(g, param);
    rk_value next = rk_add(g, rk_mul(g, momentum, velocity), grad);
    rk_assign(g, velocity, next);
    return ahead ? rk_add(g, grad, rk_mul(g, momentum, next)) : next;
}

static void sgd(rk_graph *g, const rk_value *weights, const rk_value *grads, uint32_t n,
                rk_value rate, const rk_args *a)
{
    float momentum = (float)rk_arg_real(a, "momentum");
    bool ahead = strcmp(rk_arg_text(a, "nesterov"), "yes") == 0;
    for (uint32_t i = 0; i < n; i++) {
        rk_value d = grads[i];
        if (momentum > 0) d = direction(g, weights[i], d, rk_const_f(g, momentum), ahead);
        rk_assign(g, weights[i], rk_sub(g, weights[i], rk_mul(g, rate, d)));
    }
}

RK_PLUGIN("sgd", "1.0",
          RK_ITEM(RK_KIND_OPTIMIZER, .name = "sgd",
                  .doc = "stochastic gradient descent with momentum", .params = params,
                  .step = sgd));
