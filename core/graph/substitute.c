/* A value as it would be if others were others: copies of the nodes between. */
#include "graph/builder.h"
#include <stdlib.h>
#include <string.h>

typedef struct copying {
    const rk_value *from, *to;
    uint32_t n;
    rk_value *now; /* [value + 1]: what stands for a value, or 0: not needed, or not yet known */
    bool *needed;  /* [value + 1]: a value that is to be copied */
    rk_value *operand; /* of one node */
} copying;

/* What `value` needs, no further back than to what is replaced. */
static void mark(const rk_graph *g, copying *c, rk_value value)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->from[i] <= value) c->now[c->from[i]] = c->to[i];
    c->needed[value] = !c->now[value];
    for (rk_value v = value; v > 0; v--) {
        rk_node node = rk_graph_node(g, v);
        for (uint32_t i = 0; i < node.n_in && c->needed[v]; i++)
            c->needed[node.in[i]] = !c->now[node.in[i]];
    }
}

/* Nodes are pure and no shape changes, so a copy is as sound as its pattern; one with the operands
 * of the pattern is the pattern. */
static rk_value copy(rk_graph *g, const copying *c, rk_value v)
{
    rk_node node = rk_graph_node(g, v);
    for (uint32_t i = 0; i < node.n_in; i++) {
        c->operand[i] = c->now[node.in[i]];
        if (!c->operand[i]) return 0; /* no memory, which is recorded */
    }
    node.in = c->operand;
    return rk_graph_append(g, &node);
}

static bool may_replace(rk_graph *g, rk_value value, const rk_value *from, const rk_value *to,
                        uint32_t n)
{
    if (!rk_operand(g, "substitute", value, RK_TYPE_ANY)) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!rk_operand(g, "substitute", from[i], RK_TYPE_ANY) ||
            !rk_operand(g, "substitute", to[i], RK_TYPE_ANY))
            return false;
        if (rk_dtype_of(g, from[i]) == rk_dtype_of(g, to[i]) &&
            rk_shape_same(rk_shape_of(g, from[i]), rk_shape_of(g, to[i])))
            continue;
        RK_REJECT(g, "substitute", "%s cannot stand for %s", rk_value_show(g, to[i]).s,
                  rk_value_show(g, from[i]).s);
        return false;
    }
    return true;
}

static uint32_t most_operands(const rk_graph *g, rk_value value)
{
    uint32_t most = 1;
    for (rk_value v = 1; v <= value; v++) {
        uint32_t n = rk_graph_node(g, v).n_in;
        if (n > most) most = n;
    }
    return most;
}

rk_value rk_substitute(rk_graph *g, rk_value value, const rk_value *from, const rk_value *to,
                       uint32_t n)
{
    copying c = {.from = from, .to = to, .n = n};
    rk_value out = 0;
    if (!may_replace(g, value, from, to, n)) return 0;
    c.now = calloc((size_t)value + 1, sizeof *c.now);
    c.needed = calloc((size_t)value + 1, sizeof *c.needed);
    c.operand = calloc(most_operands(g, value), sizeof *c.operand);
    if (c.now && c.needed && c.operand) {
        mark(g, &c, value);
        for (rk_value v = 1; v <= value; v++)
            if (c.needed[v]) c.now[v] = copy(g, &c, v);
        out = c.now[value];
    } else {
        rk_graph_no_memory(g, ((size_t)value + 1) * sizeof *c.now);
    }
    free(c.now);
    free(c.needed);
    free(c.operand);
    return out;
}
