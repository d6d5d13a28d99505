/* Which runs belong together, and which must agree. */
#include "cli/report.h"
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static bool together(const rk_run_record *a, const rk_run_record *b)
{
    return same(a->model, b->model) && same(a->data, b->data) && same(a->optimizer, b->optimizer) &&
           same(a->schedule, b->schedule) && same(a->regularize, b->regularize) &&
           same(a->augment, b->augment) && a->batch == b->batch &&
           !(a->rate < b->rate || a->rate > b->rate);
}

static rk_status add_run(const rk_runs *r, rk_group *g, uint32_t run, rk_error *e)
{
    const char *kind = r->run[run]->randomize;
    uint32_t k = 0;
    if (!g->runs.index) g->runs.index = calloc(r->n, sizeof *g->runs.index);
    if (!g->runs.index) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", r->n);
    while (k < g->n_kinds && !same(g->kind[k], kind)) k++;
    if (k == RK_GROUP_KINDS) {
        g->others++;
        return RK_OK;
    }
    g->kind[k] = kind ? kind : "";
    if (k == g->n_kinds) g->n_kinds++;
    g->runs.index[g->runs.n++] = run;
    return RK_OK;
}

rk_status rk_groups_make(const rk_runs *r, const bool *left_out, rk_groups *out, rk_error *e)
{
    *out = (rk_groups){.group = calloc(r->n + 1, sizeof *out->group)};
    if (!out->group) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t k = 0;
        if (left_out && left_out[i]) continue;
        while (k < out->n && !together(r->run[out->group[k].runs.index[0]], r->run[i])) k++;
        RK_TRY(add_run(r, &out->group[k], i, e));
        if (k == out->n) out->n++;
    }
    return RK_OK;
}

void rk_groups_free(rk_groups *g)
{
    for (uint32_t i = 0; i < g->n; i++) free(g->group[i].runs.index);
    free(g->group);
    *g = (rk_groups){0};
}

int64_t rk_runs_first_difference(const rk_runs *r, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0, k = 0; i < r->epochs[a] && k < r->epochs[b];) {
        const rk_epoch_record *x = &r->history[a][i], *y = &r->history[b][k];
        if (x->epoch == y->epoch && strcmp(x->digest, y->digest) != 0) return x->epoch;
        i += x->epoch <= y->epoch;
        k += y->epoch <= x->epoch;
    }
    return 0;
}

bool rk_runs_comparable(const rk_runs *r, uint32_t a, uint32_t b)
{
    const rk_run_record *x = r->run[a], *y = r->run[b];
    return same(x->numerics, "exact") && same(y->numerics, "exact") && x->seed == y->seed &&
           same(x->randomize, y->randomize) && same(x->data_digest, y->data_digest) &&
           r->epochs[a] > 0 && r->epochs[b] > 0;
}
