/* adam: Kingma and Ba 2015, algorithm 1, with their names.
 *
 * m' = beta1 m + (1 - beta1) gradient, v' = beta2 v + (1 - beta2) gradient^2 elementwise,
 * weight' = weight - rate (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + epsilon), t the number
 * of steps with this one.  The rate is the paper's alpha; schedules act on it.  The defaults are
 * the paper's, and those of Keras, with which Keskar et al. 2017 trained. */
#include "rethink/plugin.h"
#include <stdio.h>

static const rk_param_spec params[] = {
    {"beta1", "0.9", "how much of the gradient's average a step keeps", RK_PARAM_REAL, 0, 0.9999999,
     NULL},
    {"beta2", "0.999", "how much of the squared gradient's average a step keeps", RK_PARAM_REAL, 0,
     0.9999999, NULL},
    {"epsilon", "1e-8", "added to the root of the squared gradient's average", RK_PARAM_REAL, 0, 1,
     NULL},
    {0}};

static rk_value state_of(rk_graph *g, rk_value param, rk_shape shape, const char *what)
{
    char name[512];
    int n = snprintf(name, sizeof name, "optimizer/%s/%s", rk_name_of(g, param), what);
    if (n < 0 || (size_t)n >= sizeof name)
        return rk_graph_fail(g, "a parameter's name is too long");
    return rk_state(g, RK_F32, shape, name);
}

/* Moves a running average that began at 0: returns its new value. */
static rk_value move(rk_graph *g, rk_value average, rk_value to, double beta)
{
    rk_value kept = rk_mul(g, rk_const_f(g, (float)beta), average);
    rk_value next = rk_add(g, kept, rk_mul(g, rk_const_f(g, (float)(1 - beta)), to));
    rk_assign(g, average, next);
    return next;
}

/* 1 - beta^t is the same average of ones: one scalar, beside the first parameter. */
static rk_value weight_of(rk_graph *g, rk_value first, double beta, const char *what)
{
    rk_value seen = state_of(g, first, rk_shape_make(0, NULL), what);
    return move(g, seen, rk_const_f(g, 1), beta);
}

static void adam(rk_graph *g, const rk_value *weights, const rk_value *grads, uint32_t n,
                 rk_value rate, const rk_args *a)
{
    double beta1 = rk_arg_real(a, "beta1"), beta2 = rk_arg_real(a, "beta2");
    rk_value epsilon = rk_const_f(g, (float)rk_arg_real(a, "epsilon"));
    if (n == 0) return;
    rk_value seen1 = weight_of(g, weights[0], beta1, "seen1");
    rk_value seen2 = weight_of(g, weights[0], beta2, "seen2");
    for (uint32_t i = 0; i < n; i++) {
        rk_shape shape = rk_shape_of(g, weights[i]);
        rk_value m = state_of(g, weights[i], shape, "m"), v = state_of(g, weights[i], shape, "v");
        rk_value mean = rk_div(g, move(g, m, grads[i], beta1), seen1);
        rk_value square = rk_div(g, move(g, v, rk_mul(g, grads[i], grads[i]), beta2), seen2);
        rk_value step = rk_div(g, mean, rk_add(g, rk_sqrt(g, square), epsilon));
        rk_assign(g, weights[i], rk_sub(g, weights[i], rk_mul(g, rate, step)));
    }
}

RK_PLUGIN("adam", "1.0",
          RK_ITEM(RK_KIND_OPTIMIZER, .name = "adam",
                  .doc = "steps by the gradient's average over the root of its square's",
                  .params = params, .step = adam));
