/* The n-th allocation fails, for all n: no builder crashes, the error says so, nothing leaks.
 * Linked with --wrap, so that the graph's allocations pass through here. */
#include "graph/node.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t element);
void *__real_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t element);
void *__wrap_realloc(void *old, size_t n);

static long countdown = -1; /* allocations that still succeed; negative: all */
static bool once;           /* only one fails, the later ones succeed */

static bool exhausted(void)
{
    if (countdown < 0) return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (once) countdown = -1;
    return true;
}

void *__wrap_malloc(size_t n) { return exhausted() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t k) { return exhausted() ? NULL : __real_calloc(n, k); }
void *__wrap_realloc(void *p, size_t n) { return exhausted() ? NULL : __real_realloc(p, n); }

/* A training step that uses layers, randomness, windows, derivatives twice, and long names.  A few
 * allocations serve many nodes: the constants before it shift which builder needs the next one. */
static void build(rk_graph *g, uint32_t constants)
{
    rk_norm norm = {true, true, 0.01f, 0.9f};
    rk_init he = rk_init_he(9);
    char name[20000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (uint32_t i = 0; i < constants; i++) rk_const_u(g, 1000 + i);
    rk_graph_set_training(g, true);
    rk_scope_push(g, "net");
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 1, 8, 8), "x");
    x = rk_conv_layer(g, x, 3, rk_window_same(g, x, 3, 1), he, &he, "conv");
    x = rk_relu(g, rk_batch_norm(g, x, norm, "bn"));
    x = rk_max_pool(g, x, rk_window_same(g, x, 2, 2));
    rk_value mean = rk_global_mean(g, x);
    x = rk_average_pool(g, rk_lrn(g, x, 1, 1, 1, 0.5f), rk_window_same(g, x, 3, 1));
    x = rk_add(g, x, rk_reshape(g, mean, RK_SHAPE(2, 3, 1, 1)));
    x = rk_dropout(g, rk_flatten(g, x), 0.5f, "drop");
    for (int i = 0; i < 12; i++) {
        char layer[16];
        snprintf(layer, sizeof layer, "fc%d", i);
        x = rk_relu(g, rk_dense(g, x, 8, he, he, layer));
    }
    x = rk_add(g, x, rk_rng_normal(g, RK_SHAPE(2, 8), "noise"));
    x = rk_cross_entropy(g, x, rk_input(g, RK_U32, RK_SHAPE(2), "labels"));
    rk_value loss = rk_mean(g, x, 0, 1), param[32], d[32] = {0}, dd[1], to;
    uint32_t n = rk_graph_params(g, param, 32);
    rk_grad(g, loss, param, n, d);
    if (n) rk_grad(g, rk_reduce_sum(g, rk_reshape(g, d[0], RK_SHAPE(27)), 0, 1), param, 1, dd);
    if (n) {
        to = rk_add(g, param[0], d[0]);
        rk_substitute(g, mean, param, &to, 1);
    }
    for (uint32_t i = 0; i < n; i++) rk_assign(g, param[i], rk_sub(g, param[i], d[i]));
    rk_state(g, RK_F32, RK_SHAPE(1), name);
    rk_scope_pop(g);
}

/* Returns whether the n-th allocation was reached. */
static bool fails_at(long n, bool only_one, uint32_t constants)
{
    rk_error e = {0};
    once = only_one;
    countdown = n;
    rk_graph *g = rk_graph_new();
    if (!g) {
        countdown = -1;
        return true;
    }
    build(g, constants);
    bool reached = only_one ? countdown < 0 : countdown == 0;
    rk_status status = rk_graph_check(g, &e);
    countdown = -1;
    if (reached && status != RK_E_NOMEM) /* at 0 the last one may have been just enough */
        assert_true(status == RK_OK && !only_one);
    if (status == RK_E_NOMEM) assert_non_null(strstr(e.text, "no memory for"));
    char text[64];
    rk_graph_dump(g, text, sizeof text);
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node node = rk_graph_node(g, v);
        for (uint32_t i = 0; i < node.n_in; i++) assert_in_range(node.in[i], 1, v - 1);
    }
    rk_graph_free(g);
    return status != RK_OK;
}

static void test_all(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        long n = 0;
        while (fails_at(n, i % 2, i / 2)) n++;
        assert_in_range(n, 10, 10000); /* so many allocations there are */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests_name("graph memory", tests, NULL, NULL);
}
