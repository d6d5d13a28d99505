#include "small_step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void descend(rk_graph *g, rk_value loss)
{
    rk_value w[8], d[8];
    uint32_t n = rk_graph_params(g, w, 8);
    rk_grad(g, rk_reshape(g, loss, rk_shape_make(0, NULL)), w, n, d);
    for (uint32_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "velocity/%s", rk_name_of(g, w[i]));
        rk_value v = rk_state(g, RK_F32, rk_shape_of(g, w[i]), name);
        rk_value next = rk_add(g, rk_mul(g, rk_const_f(g, 0.9f), v), d[i]);
        rk_assign(g, v, next);
        rk_assign(g, w[i], rk_sub(g, w[i], rk_mul(g, rk_const_f(g, 0.1f), next)));
    }
}

rk_graph *small_step(void)
{
    rk_graph *g = rk_graph_new();
    if (!g) abort();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(SMALL_ROWS, SMALL_IN), "x");
    rk_value labels = rk_input(g, RK_U32, RK_SHAPE(SMALL_ROWS), "labels");
    rk_init init = rk_init_torch(SMALL_IN);
    rk_value noise = rk_rng_uniform(g, RK_SHAPE(SMALL_ROWS, SMALL_IN), "noise");
    rk_value h = rk_relu(g, rk_dense(g, rk_add(g, x, noise), 6, init, init, "hidden"));
    h = rk_dense(g, h, 3, init, init, "output");
    descend(g, rk_mean(g, rk_cross_entropy(g, h, labels), 0, 1));
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(2, 3), "a"),
             b = rk_state(g, RK_F32, RK_SHAPE(2, 3), "b");
    rk_value c = rk_state(g, RK_F32, RK_SHAPE(3, 2), "c");
    rk_assign(g, a, rk_add(g, b, rk_const_f(g, 1)));
    rk_assign(g, b, a);
    rk_assign(g, c, rk_permute(g, a, (uint32_t[]){1, 0}));
    return g;
}

static rk_status use(rk_session *s, const rk_graph *g, uint32_t *weight, rk_error *e)
{
    float x[SMALL_ROWS * SMALL_IN], w[6 * SMALL_IN];
    const uint32_t labels[SMALL_ROWS] = {0, 1, 2, 1};
    rk_program *p;
    for (int i = 0; i < SMALL_ROWS * SMALL_IN; i++) x[i] = (float)(i * 7 % 11) / 8;
    RK_TRY(rk_session_add(s, g, "step", &p, e));
    RK_TRY(rk_session_commit(s, e));
    RK_TRY(rk_session_init(s, e));
    RK_TRY(rk_session_write(s, "x", x, sizeof x, e));
    RK_TRY(rk_session_write(s, "labels", labels, sizeof labels, e));
    for (int i = 0; i < 5; i++) RK_TRY(rk_program_run(p, e));
    RK_TRY(rk_session_sync(s, e));
    RK_TRY(rk_session_read(s, "hidden/weight", w, sizeof w, e));
    memcpy(weight, &w[3], sizeof *weight);
    return RK_OK;
}

rk_status small_session(rk_hub *h, const char *spec, const rk_session_options *o, const rk_graph *g,
                        uint32_t *weight, rk_error *e)
{
    rk_session *s;
    RK_TRY(rk_session_open(h, spec, o, &s, e));
    rk_status status = use(s, g, weight, e);
    rk_session_close(s);
    return status;
}
