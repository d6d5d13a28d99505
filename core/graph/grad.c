/* The reverse sweep: from the loss back to what it depends on.
 *
 * Contributions to one value are added in a fixed order: users with larger numbers first, a user's
 * operands from the first on.  The same graph gives the same derivative graph, node for node. */
#include "graph/builder.h"
#include <stdlib.h>

typedef struct sweep {
    bool *leads;    /* [loss + 1]: a differentiable path goes from a wrt to this value */
    rk_value *part; /* [loss + 1]: d loss / d value so far, or 0 */
} sweep;

/* Only F32 values lead to the loss: what makes words or masks of floats has no rule. */
static void mark_paths(const rk_graph *g, sweep *s, rk_value loss, const rk_value *wrt, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (wrt[i] <= loss) s->leads[wrt[i]] = true;
    for (rk_value v = 1; v <= loss; v++) {
        rk_node node = rk_graph_node(g, v);
        for (uint32_t i = 0; i < node.n_in && rk_rule_of(node.op); i++)
            if (s->leads[node.in[i]]) s->leads[v] = true;
    }
}

static void give(rk_graph *g, sweep *s, rk_value to, rk_value part)
{
    s->part[to] = s->part[to] ? rk_add(g, s->part[to], part) : part;
}

static void run(rk_graph *g, sweep *s, rk_value loss)
{
    s->part[loss] = rk_expand(g, rk_const_f(g, 1.0f), rk_shape_of(g, loss));
    for (rk_value v = loss; v > 0; v--) {
        rk_node n = rk_graph_node(g, v);
        rk_rule *rule = rk_rule_of(n.op);
        if (!s->part[v] || !rule) continue;
        for (uint32_t i = 0; i < n.n_in; i++)
            if (s->leads[n.in[i]]) give(g, s, n.in[i], rule(g, v, s->part[v], i));
    }
}

static bool may_differentiate(rk_graph *g, rk_value loss, const rk_value *wrt, uint32_t n)
{
    if (!rk_operand(g, "grad", loss, RK_TYPE_F32)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!rk_operand(g, "grad", wrt[i], RK_TYPE_F32)) return false;
    if (rk_shape_size(rk_shape_of(g, loss)) == 1) return true;
    RK_REJECT(g, "grad", "the loss is %s, expected one element", rk_value_show(g, loss).s);
    return false;
}

void rk_grad(rk_graph *g, rk_value loss, const rk_value *wrt, uint32_t n, rk_value *out)
{
    sweep s = {NULL, NULL};
    bool ok = may_differentiate(g, loss, wrt, n);
    if (ok) {
        s.leads = calloc((size_t)loss + 1, sizeof *s.leads);
        s.part = calloc((size_t)loss + 1, sizeof *s.part);
        ok = s.leads && s.part;
        if (!ok) rk_graph_no_memory(g, ((size_t)loss + 1) * sizeof *s.part);
    }
    if (ok) {
        mark_paths(g, &s, loss, wrt, n);
        run(g, &s, loss);
    }
    for (uint32_t i = 0; i < n; i++) {
        rk_value d = ok && wrt[i] <= loss ? s.part[wrt[i]] : 0;
        out[i] = d || !ok ? d : rk_expand(g, rk_const_f(g, 0.0f), rk_shape_of(g, wrt[i]));
    }
    free(s.leads);
    free(s.part);
}
