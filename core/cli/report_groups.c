/* Which runs belong together, and which must agree. */
#include "base/text.h"
#include "cli/report.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

/* A digest of all that decides a run's bits and what is measured of it, but for what runs of one
 * group may differ in. */
typedef struct group_key {
    char text[33];
} group_key;

/* What the columns say, where the configuration cannot be read. */
static rk_config columns_of(const rk_run_record *run)
{
    rk_config c = rk_config_default();
    c.model = run->model;
    c.data = run->data;
    c.augment = run->augment;
    c.optimizer = run->optimizer;
    c.schedule = run->schedule;
    c.regularize = run->regularize;
    c.epochs = run->epochs;
    c.batch = run->batch;
    c.rate = run->rate;
    return c;
}

static bool make_key(const rk_run_record *run, group_key *out)
{
    const rk_config any = rk_config_default();
    rk_config c;
    json_t *owner = NULL;
    if (rk_config_read(run->config, &c, &owner, NULL) != RK_OK) c = columns_of(run);
    c.randomize = c.diagnose = c.device = c.preset = c.variant = c.scale = c.changed = "";
    c.seed = any.seed;
    c.session = any.session;
    c.scores = any.scores; /* they are beside the run, as what diagnostics find */
    c.el2n_epoch = any.el2n_epoch;
    c.checkpoint_seconds = any.checkpoint_seconds;
    char *text = rk_config_write(&c);
    if (text) rk_digest_hex(text, strlen(text), out->text);
    free(text);
    json_decref(owner);
    return text;
}

void rk_report_settings(FILE *f, const rk_run_record *run)
{
    rk_config c;
    json_t *owner = NULL;
    fprintf(f, "%lld epoch%s", (long long)run->epochs, run->epochs == 1 ? "" : "s");
    if (rk_config_read(run->config, &c, &owner, NULL) != RK_OK) return;
    if (c.stop_accuracy > 0) fprintf(f, ", stop-accuracy %.15g", c.stop_accuracy);
    if (c.stop_loss > 0) fprintf(f, ", stop-loss %.15g", c.stop_loss);
    if (c.stop_patience) fprintf(f, ", stop-patience %lld", (long long)c.stop_patience);
    if (c.eval_limit) fprintf(f, ", eval-limit %lld", (long long)c.eval_limit);
    if (c.corrupt_test) fputs(", eval-labels corrupted", f);
    if (c.hold_out > 0) fprintf(f, ", hold-out %.15g", c.hold_out);
    if (c.randomize_seed >= 0) fprintf(f, ", randomize-seed %lld", (long long)c.randomize_seed);
    if (c.weights[0]) {
        fputs(", weights ", f);
        rk_html(f, c.weights);
    }
    json_decref(owner);
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

/* key[n]: of the groups. */
static rk_status find_groups(const rk_runs *r, const bool *left_out, group_key *key, rk_groups *out,
                             rk_error *e)
{
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t k = 0;
        group_key own;
        if (left_out && left_out[i]) continue;
        if (!make_key(r->run[i], &own)) return RK_FAIL(e, RK_E_NOMEM, "no memory for groups");
        while (k < out->n && !same(key[k].text, own.text)) k++;
        RK_TRY(add_run(r, &out->group[k], i, e));
        if (k == out->n) key[out->n++] = own;
    }
    return RK_OK;
}

rk_status rk_groups_make(const rk_runs *r, const bool *left_out, rk_groups *out, rk_error *e)
{
    group_key *key = calloc(r->n + (size_t)1, sizeof *key);
    *out = (rk_groups){.group = calloc(r->n + (size_t)1, sizeof *out->group)};
    rk_status status = key && out->group ? find_groups(r, left_out, key, out, e)
                                         : RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", r->n);
    free(key);
    return status;
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
