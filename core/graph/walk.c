/* Walking a graph: what is needed, and the whole as text. */
#include "graph/builder.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rk_graph_mark(const rk_graph *g, const rk_value *roots, uint32_t n, bool *live)
{
    memset(live, 0, rk_graph_count(g) * sizeof *live);
    for (uint32_t i = 0; i < n; i++)
        if (roots[i] < rk_graph_count(g)) live[roots[i]] = true;
    live[0] = false;
    for (rk_value v = rk_graph_count(g) - 1; v > 0; v--) { /* operands have smaller numbers */
        rk_node node = rk_graph_node(g, v);
        live[v] = live[v] || node.op == RK_OP_ASSIGN;
        for (uint32_t i = 0; live[v] && i < node.n_in; i++) live[node.in[i]] = true;
    }
}

/* Text that may not fit: at counts all of it. */
typedef struct sink {
    char *out;
    size_t cap, at;
} sink;

static void put(sink *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(sink *s, const char *format, ...)
{
    size_t room = s->at < s->cap ? s->cap - s->at : 0;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(room ? s->out + s->at : NULL, room, format, ap);
    va_end(ap);
    s->at += n > 0 ? (size_t)n : 0;
}

size_t rk_graph_dump(const rk_graph *g, char *out, size_t cap)
{
    sink s = {out, cap, 0};
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        put(&s, "%%%u = %s", v, rk_op_info(n.op)->name);
        for (uint32_t i = 0; i < n.n_in; i++) put(&s, " %%%u", n.in[i]);
        for (uint32_t i = 0; i < n.n_attr; i++) put(&s, "%s%" PRId64, i ? "," : " {", n.attr[i]);
        put(&s, "%s : %s", n.n_attr ? "}" : "", rk_value_show(g, v).s);
        if (n.name[0]) put(&s, " '%s'", n.name);
        if (n.trained) put(&s, " trained");
        if (n.statistic) put(&s, " statistic");
        put(&s, "\n");
    }
    return s.at;
}
