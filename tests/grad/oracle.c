/* The interpreter: memory, order, effects. */
#include "oracle_ops.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oracle {
    const rk_graph *g;
    cell **value; /* [count]; NULL until it is needed */
    uint32_t count;
};

static void *must(void *p)
{
    if (p) return p;
    fprintf(stderr, "oracle: out of memory\n");
    exit(99);
}

oracle *oracle_new(const rk_graph *g)
{
    oracle *o = must(calloc(1, sizeof *o));
    o->g = g;
    return o;
}

void oracle_free(oracle *o)
{
    for (uint32_t v = 0; v < o->count; v++) free(o->value[v]);
    free(o->value);
    free(o);
}

/* One element at least, so that empty values have an address. */
static cell *cells_of(oracle *o, rk_value v)
{
    uint32_t count = rk_graph_count(o->g);
    if (count > o->count) {
        o->value = must(realloc(o->value, count * sizeof *o->value));
        memset(o->value + o->count, 0, (count - o->count) * sizeof *o->value);
        o->count = count;
    }
    if (!o->value[v])
        o->value[v] = must(calloc((size_t)rk_shape_size(rk_shape_of(o->g, v)) + 1, sizeof(cell)));
    return o->value[v];
}

static size_t bytes_of(const rk_node *n) { return (size_t)rk_shape_size(n->shape) * sizeof(cell); }

cell *oracle_buffer(oracle *o, const char *name)
{
    for (rk_value v = 1; v < rk_graph_count(o->g); v++)
        if (strcmp(rk_name_of(o->g, v), name) == 0) return cells_of(o, v);
    return NULL;
}

static void assign(const rk_node *n, operands x, cell *out)
{
    memcpy(out, x.in[1], bytes_of(n)); /* the state itself changes after everything was read */
}

static void evaluate(oracle *o, rk_value v)
{
    static oracle_op *const by_class[] = {
        [RK_CLASS_LEAF] = oracle_leaf,     [RK_CLASS_RNG] = oracle_rng,
        [RK_CLASS_MAP] = oracle_map,       [RK_CLASS_VIEW] = oracle_view,
        [RK_CLASS_MOVE] = oracle_move,     [RK_CLASS_REDUCE] = oracle_reduce,
        [RK_CLASS_MATMUL] = oracle_matmul, [RK_CLASS_CONV] = oracle_conv,
        [RK_CLASS_WINDOW] = oracle_window, [RK_CLASS_TAKE] = oracle_take,
        [RK_CLASS_PUT] = oracle_put,       [RK_CLASS_EFFECT] = assign};
    rk_node n = rk_graph_node(o->g, v);
    cell *out = cells_of(o, v);
    if (n.op == RK_OP_INPUT || n.op == RK_OP_STATE) return;
    const cell **in = must(calloc(n.n_in + 1, sizeof *in));
    rk_node *from = must(calloc(n.n_in + 1, sizeof *from));
    for (uint32_t i = 0; i < n.n_in; i++) {
        in[i] = o->value[n.in[i]];
        from[i] = rk_graph_node(o->g, n.in[i]);
    }
    by_class[rk_op_info(n.op)->class](&n, (operands){in, from}, out);
    free(in);
    free(from);
}

void oracle_run(oracle *o, const rk_value *roots, uint32_t n)
{
    uint32_t count = rk_graph_count(o->g);
    bool *live = must(calloc(count, sizeof *live));
    rk_graph_mark(o->g, roots, n, live);
    for (rk_value v = 1; v < count; v++)
        if (live[v]) evaluate(o, v);
    for (rk_value v = 1; v < count; v++) {
        rk_node node = rk_graph_node(o->g, v);
        if (node.op == RK_OP_ASSIGN) memcpy(o->value[node.in[0]], o->value[v], bytes_of(&node));
    }
    free(live);
}

const cell *oracle_value(const oracle *o, rk_value v) { return o->value[v]; }
double oracle_scalar(const oracle *o, rk_value v) { return o->value[v][0].f; }
