#include "train/learn.h"
#include "graph/node.h"
#include <stdlib.h>

typedef struct learning {
    rk_graph *g;
    const rk_spec_list *regularizers;
    rk_value *params, *grads, *at, *more; /* [n] */
    uint32_t n;
} learning;

static rk_value to_scalar(rk_graph *g, rk_value x)
{
    return rk_reshape(g, x, rk_shape_make(0, NULL));
}

/* What is minimized but for penalties. */
static rk_value objective(const learning *l, rk_value logits, rk_value label, rk_value loss)
{
    rk_graph *g = l->g;
    for (uint32_t k = 0; k < l->regularizers->n; k++) {
        const rk_spec *s = l->regularizers->spec[k];
        if (!s->item->objective) continue;
        loss = s->item->objective(g, logits, label, s->args);
        rk_shape shape = rk_shape_of(g, loss);
        if (loss && (shape.rank != 1 || shape.dim[0] != rk_dim(g, label, 0)))
            loss = rk_graph_fail(g, "the regularizer %s does not give a loss per example",
                                 s->item->name);
    }
    return to_scalar(g, rk_mean(g, loss, 0, 1));
}

/* The sum of loss, if there is one, and of all penalties; 0 if there is nothing. */
static rk_value with_penalties(const learning *l, rk_value loss)
{
    for (uint32_t k = 0; k < l->regularizers->n; k++) {
        const rk_spec *s = l->regularizers->spec[k];
        if (!s->item->penalty) continue;
        rk_value penalty = to_scalar(l->g, s->item->penalty(l->g, l->params, l->n, s->args));
        loss = loss ? rk_add(l->g, loss, penalty) : penalty;
    }
    return loss;
}

/* The gradient of the objective where a regularizer wants it, and of the penalties where they are:
 * as Foret et al. 2021 state it, the penalty is no part of what is made flat. */
static void perturbed(const learning *l, const rk_spec *s, rk_value loss)
{
    rk_graph *g = l->g;
    rk_grad(g, loss, l->params, l->n, l->grads);
    s->item->perturb(g, l->params, l->grads, l->n, l->at, s->args);
    rk_grad(g, rk_substitute(g, loss, l->params, l->at, l->n), l->at, l->n, l->grads);
    rk_value penalty = with_penalties(l, 0);
    if (!penalty) return;
    rk_grad(g, penalty, l->params, l->n, l->more);
    for (uint32_t i = 0; i < l->n; i++) l->grads[i] = rk_add(g, l->grads[i], l->more[i]);
}

static void differentiate(const learning *l, rk_value loss)
{
    for (uint32_t k = 0; k < l->regularizers->n; k++)
        if (l->regularizers->spec[k]->item->perturb) {
            perturbed(l, l->regularizers->spec[k], loss);
            return;
        }
    rk_grad(l->g, with_penalties(l, loss), l->params, l->n, l->grads);
}

/* An rk_update. */
static rk_value project(void *ctx, rk_graph *g, rk_value param, rk_value updated)
{
    const learning *l = ctx;
    uint32_t i = 0;
    while (i < l->n && l->params[i] != param) i++;
    for (uint32_t k = 0; k < l->regularizers->n && i < l->n; k++) {
        const rk_spec *s = l->regularizers->spec[k];
        if (s->item->project) updated = s->item->project(g, l->params, l->n, i, updated, s->args);
    }
    return updated;
}

void rk_learn(rk_graph *g, const rk_recipe *r, rk_value logits, rk_value label, rk_value loss)
{
    learning l = {.g = g, .regularizers = &r->regularizers, .n = rk_graph_params(g, NULL, 0)};
    l.params = calloc(4 * (size_t)l.n + 1, sizeof *l.params);
    if (l.params && l.n > 0) {
        l.grads = l.params + l.n;
        l.at = l.grads + l.n;
        l.more = l.at + l.n;
        rk_graph_params(g, l.params, l.n);
        differentiate(&l, objective(&l, logits, label, loss));
        rk_value rate = rk_input(g, RK_F32, rk_shape_make(0, NULL), "train/rate");
        rk_graph_on_update(g, project, &l);
        r->optimizer->item->step(g, l.params, l.grads, l.n, rate, r->optimizer->args);
        rk_graph_on_update(g, NULL, NULL);
    } else {
        rk_graph_fail(g, l.params ? "the model %s has no parameters" : "no memory to train %s",
                      r->model->item->name);
    }
    free(l.params);
}
