/* Scopes, names, and the operations without operands. */
#include "graph/storage.h"
#include "graph/builder.h"
#include "rethink/numerics.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

void rk_scope_push(rk_graph *g, const char *name)
{
    const char *outer = g->scope ? g->scope->text : "";
    if (!name || !name[0]) {
        RK_REJECT(g, "scope", "the name is empty");
        return;
    }
    size_t bytes = strlen(outer) + strlen(name) + 2;
    rk_scope *s = rk_graph_alloc(g, sizeof *s);
    char *text = s ? rk_graph_alloc(g, bytes) : NULL;
    if (!text) return;
    snprintf(text, bytes, "%s%s/", outer, name);
    *s = (rk_scope){g->scope, text};
    g->scope = s;
}

void rk_scope_pop(rk_graph *g)
{
    if (g->scope)
        g->scope = g->scope->outer;
    else
        RK_REJECT(g, "scope", "more scopes were popped than pushed");
}

const char *rk_scope_name(rk_graph *g, const char *what, const char *name)
{
    const char *scope = g->scope ? g->scope->text : "";
    if (!name || !name[0]) {
        RK_REJECT(g, what, "the name is empty");
        return NULL;
    }
    size_t bytes = strlen(scope) + strlen(name) + 1;
    char *full = rk_graph_alloc(g, bytes);
    if (full) snprintf(full, bytes, "%s%s", scope, name);
    return full;
}

static rk_value buffer(rk_graph *g, rk_node n, const char *what)
{
    if (!n.name) return 0;
    if (n.dtype != RK_F32 && n.dtype != RK_U32 && n.dtype != RK_U8)
        return RK_REJECT(g, what, "'%s': %u is no type", n.name, n.dtype);
    return rk_shape_check(g, what, n.shape) ? rk_graph_append(g, &n) : 0;
}

rk_value rk_input(rk_graph *g, uint32_t dtype, rk_shape shape, const char *name)
{
    if (!name || !name[0]) return RK_REJECT(g, "input", "the name is empty");
    rk_node n = {.op = RK_OP_INPUT, .dtype = dtype, .shape = shape, .name = name};
    return buffer(g, n, "input");
}

rk_value rk_state(rk_graph *g, uint32_t dtype, rk_shape shape, const char *name)
{
    rk_node n = {
        .op = RK_OP_STATE, .dtype = dtype, .shape = shape, .name = rk_scope_name(g, "state", name)};
    return buffer(g, n, "state");
}

rk_value rk_param(rk_graph *g, rk_shape shape, rk_init init, const char *name)
{
    rk_node n = {.op = RK_OP_STATE,
                 .dtype = RK_F32,
                 .shape = shape,
                 .trained = true,
                 .init = init,
                 .name = rk_scope_name(g, "param", name)};
    if (init.kind > RK_INIT_UNIFORM)
        return RK_REJECT(g, "param", "'%s': %u is no kind of init", name ? name : "", init.kind);
    return buffer(g, n, "param");
}

rk_value rk_statistic(rk_graph *g, rk_shape shape, const char *name)
{
    rk_node n = {.op = RK_OP_STATE,
                 .dtype = RK_F32,
                 .shape = shape,
                 .statistic = true,
                 .name = rk_scope_name(g, "statistic", name)};
    return buffer(g, n, "statistic");
}

/* Correctly rounded in C with IEC 60559, so the same on every host.  No inputs, no deviation. */
rk_init rk_init_he(int64_t fan_in)
{
    return (rk_init){RK_INIT_NORMAL, fan_in > 0 ? (float)sqrt(2.0 / (double)fan_in) : 0};
}

rk_init rk_init_torch(int64_t fan_in)
{
    return (rk_init){RK_INIT_UNIFORM, fan_in > 0 ? (float)(1.0 / sqrt((double)fan_in)) : 0};
}

uint32_t rk_graph_params(const rk_graph *g, rk_value *out, uint32_t cap)
{
    uint32_t n = 0;
    for (rk_value v = 1; v < g->count; v++)
        if (g->entry[v].node.trained) {
            if (n < cap) out[n] = v;
            n++;
        }
    return n;
}

const char *rk_name_of(const rk_graph *g, rk_value v)
{
    rk_node n = rk_graph_node(g, v);
    return n.op == RK_OP_INPUT || n.op == RK_OP_STATE ? n.name : "";
}

static rk_value constant(rk_graph *g, uint32_t dtype, uint32_t bits)
{
    return rk_build(g, RK_OP_CONST, dtype, (rk_shape){0}, NULL, 0, &(int64_t){bits}, 1);
}

rk_value rk_const_f(rk_graph *g, float x) { return constant(g, RK_F32, rk_bits(x)); }
rk_value rk_const_u(rk_graph *g, uint32_t x) { return constant(g, RK_U32, x); }

rk_value rk_iota(rk_graph *g, int64_t n)
{
    if (n > (int64_t)UINT32_MAX + 1)
        return RK_REJECT(g, "iota", "%lld numbers do not fit in u32", (long long)n);
    return rk_build(g, RK_OP_IOTA, RK_U32, RK_SHAPE(n), NULL, 0, NULL, 0);
}

rk_value rk_rng(rk_graph *g, rk_shape shape, const char *name)
{
    rk_node key = {.op = RK_OP_STATE, .dtype = RK_U32, .shape = RK_SHAPE(3), .name = "rng/key"};
    const char *full = rk_scope_name(g, "rng", name);
    if (!full || !rk_shape_check(g, "rng", shape)) return 0;
    rk_value in = rk_graph_append(g, &key);
    if (!in) return 0;
    int64_t stream = (uint32_t)XXH3_64bits(full, strlen(full));
    rk_node n = {.op = RK_OP_RNG,
                 .dtype = RK_U32,
                 .shape = shape,
                 .n_in = 1,
                 .n_attr = 1,
                 .in = &in,
                 .attr = &stream,
                 .name = full};
    return rk_graph_append(g, &n);
}

/* rk_uniform of numerics.h, as operations. */
static rk_value uniform_of(rk_graph *g, rk_value words)
{
    rk_value high = rk_cast(g, rk_shr(g, words, rk_const_u(g, 8)), RK_F32);
    return rk_mul(g, high, rk_const_f(g, 5.96046448e-8f));
}

rk_value rk_rng_uniform(rk_graph *g, rk_shape shape, const char *name)
{
    return uniform_of(g, rk_rng(g, shape, name));
}

rk_value rk_normal_of(rk_graph *g, rk_value w0, rk_value w1)
{
    rk_value u0 = uniform_of(g, w0), u1 = uniform_of(g, w1);
    rk_value nonzero = rk_add(g, u0, rk_const_f(g, 5.96046448e-8f));
    rk_value log = rk_log(g, nonzero);
    rk_value radius = rk_sqrt(g, rk_mul(g, log, rk_const_f(g, -2.0f)));
    rk_value turn = rk_cos(g, rk_mul(g, u1, rk_const_f(g, 6.28318531f)));
    return rk_mul(g, radius, turn);
}

/* Element i takes words 2 i and 2 i + 1. */
rk_value rk_rng_normal(rk_graph *g, rk_shape shape, const char *name)
{
    if (!rk_shape_check(g, "rng_normal", shape)) return 0;
    int64_t n = rk_shape_size(shape);
    rk_value words = rk_rng(g, RK_SHAPE(n, 2), name);
    rk_value w0 = rk_slice(g, words, (const int64_t[]){0, 0}, RK_SHAPE(n, 1));
    rk_value w1 = rk_slice(g, words, (const int64_t[]){0, 1}, RK_SHAPE(n, 1));
    return rk_reshape(g, rk_normal_of(g, w0, w1), shape);
}
