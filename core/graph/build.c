/* What every builder goes through: mistakes, operands, nodes. */
#include "graph/storage.h"
#include "graph/builder.h"
#include "base/error.h"
#include <stdio.h>
#include <string.h>

static void record(rk_graph *g, rk_status code, const char *what, uint32_t line, const char *text)
{
    const char *scope = g->scope ? g->scope->text : "";
    if (g->error.code != RK_OK) return;
    rk_fail(&g->error, code, what, line, "%s%s%s%s%s%s", what, what[0] ? ": " : "", text,
            scope[0] ? " (in scope " : "", scope, scope[0] ? ")" : "");
}

rk_value rk_graph_reject(rk_graph *g, const char *what, uint32_t line, const char *format, ...)
{
    char text[sizeof g->error.text];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    record(g, RK_E_INVALID, what, line, text);
    return 0;
}

rk_value rk_graph_fail(rk_graph *g, const char *format, ...)
{
    char text[sizeof g->error.text];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    record(g, RK_E_INVALID, "", 0, text);
    return 0;
}

void rk_graph_no_memory(rk_graph *g, size_t bytes)
{
    char text[64];
    snprintf(text, sizeof text, "no memory for %zu bytes", bytes);
    record(g, RK_E_NOMEM, "graph", 0, text);
}

rk_status rk_graph_check(const rk_graph *g, rk_error *e)
{
    if (g->error.code != RK_OK && e) *e = g->error;
    return g->error.code;
}

bool rk_graph_training(const rk_graph *g) { return g->training; }
void rk_graph_set_training(rk_graph *g, bool on) { g->training = on; }
bool rk_graph_by_batch(const rk_graph *g) { return g->training || g->by_batch; }
void rk_graph_set_by_batch(rk_graph *g, bool on) { g->by_batch = on; }

void rk_graph_on_update(rk_graph *g, rk_update *f, void *ctx)
{
    g->update = f;
    g->update_ctx = ctx;
}

rk_value rk_graph_updated(rk_graph *g, rk_value state, rk_value value)
{
    if (!g->update || !value || !rk_graph_node(g, state).trained) return value;
    return g->update(g->update_ctx, g, state, value);
}

rk_shape rk_shape_of(const rk_graph *g, rk_value v) { return rk_graph_node(g, v).shape; }
uint32_t rk_dtype_of(const rk_graph *g, rk_value v) { return rk_graph_node(g, v).dtype; }

int64_t rk_dim(const rk_graph *g, rk_value v, int axis)
{
    rk_shape s = rk_shape_of(g, v);
    if (axis < 0) axis += (int)s.rank;
    return axis >= 0 && axis < (int)s.rank ? s.dim[axis] : 0;
}

/* "f32 or u32" */
static rk_text types_show(uint32_t types)
{
    rk_text t = {""};
    for (uint32_t d = RK_F32; d <= RK_U8; d++)
        if (types & 1u << d) {
            size_t n = strlen(t.s);
            snprintf(t.s + n, sizeof t.s - n, "%s%s", n ? " or " : "", rk_dtype_name(d));
        }
    return t;
}

bool rk_operand(rk_graph *g, const char *what, rk_value v, uint32_t types)
{
    if (v == 0 || v >= rk_graph_count(g)) {
        RK_REJECT(g, what, "an operand is %u, which is no value of this graph", v);
        return false;
    }
    rk_node n = rk_graph_node(g, v);
    if (n.op == RK_OP_ASSIGN || !(types & 1u << n.dtype)) {
        RK_REJECT(g, what, "an operand is %s%s, expected %s",
                  n.op == RK_OP_ASSIGN ? "an assign of " : "", rk_value_show(g, v).s,
                  types_show(types).s);
        return false;
    }
    return true;
}

rk_value rk_build(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, const rk_value *in,
                  uint32_t n_in, const int64_t *attr, uint32_t n_attr)
{
    for (uint32_t i = 0; i < n_in; i++)
        if (!in[i]) return 0;
    if (!rk_shape_check(g, rk_op_info(op)->name, shape)) return 0;
    rk_node n = {.op = op,
                 .dtype = dtype,
                 .shape = shape,
                 .n_in = n_in,
                 .n_attr = n_attr,
                 .in = in,
                 .attr = attr,
                 .name = ""};
    return rk_graph_append(g, &n);
}

rk_value rk_build_1(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, rk_value a,
                    const int64_t *attr, uint32_t n_attr)
{
    return rk_build(g, op, dtype, shape, &a, 1, attr, n_attr);
}

rk_value rk_build_2(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, rk_value a,
                    rk_value b, const int64_t *attr, uint32_t n_attr)
{
    return rk_build(g, op, dtype, shape, (const rk_value[]){a, b}, 2, attr, n_attr);
}

bool rk_is_constant(const rk_graph *g, rk_value v, uint32_t *bits)
{
    rk_node n = rk_graph_node(g, v);
    while (n.op == RK_OP_RESHAPE || n.op == RK_OP_EXPAND) n = rk_graph_node(g, n.in[0]);
    if (n.op != RK_OP_CONST) return false;
    *bits = (uint32_t)n.attr[0];
    return true;
}
