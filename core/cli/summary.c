#include "cli/summary.h"
#include "cli/runs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t rk_first_difference(const rk_epoch_record *a, uint32_t n_a, const rk_epoch_record *b,
                            uint32_t n_b)
{
    uint32_t n = n_a < n_b ? n_a : n_b;
    for (uint32_t i = 0; i < n; i++)
        if (a[i].epoch != b[i].epoch || strcmp(a[i].digest, b[i].digest) != 0) return a[i].epoch;
    if (n_a == n_b) return 0;
    return n_a > n_b ? a[n].epoch : b[n].epoch;
}

/* A run without epochs was not evaluated. */
static void percent_cell(rk_table *t, const rk_run_record *run, double fraction)
{
    if (run->epochs_done && isfinite(fraction))
        rk_table_cell(t, "%.2f %%", 100 * fraction);
    else
        rk_table_cell(t, "-");
}

static void add_row(rk_table *t, const rk_run_record *run)
{
    char title[64];
    rk_randomize_title(run->randomize, title, sizeof title);
    rk_table_cell(t, "%lld", (long long)run->id);
    rk_table_cell(t, "%s", run->variant[0] ? run->variant : title);
    rk_table_cell(t, "%s", run->device);
    percent_cell(t, run, run->train_accuracy);
    percent_cell(t, run, run->test_accuracy);
    if (run->fit_epoch)
        rk_table_cell(t, "%lld", (long long)run->fit_epoch);
    else
        rk_table_cell(t, "-");
    rk_table_cell(t, "%lld", (long long)run->epochs_done);
    rk_table_cell(t, "%.2f", run->seconds);
    rk_table_cell(t, "%.12s", run->digest[0] ? run->digest : "-");
    rk_table_cell(t, "%s", run->status);
}

rk_status rk_summary_table(rk_results *r, const rk_done *done, uint32_t n, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"run",    "experiment", "device",  "train",  "test",
                                        "fit at", "epochs",     "seconds", "digest", "status"};
    rk_status status = RK_OK;
    rk_table *t = rk_table_new("rllrrrrrll", heads);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        rk_run_record *run;
        status = rk_results_run(r, done[i].id, &run, e);
        if (status != RK_OK) break;
        add_row(t, run);
        rk_run_record_free(run);
    }
    if (status == RK_OK) status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

/* Two runs of one job, side by side. */
typedef struct pair {
    rk_run_record *run[2];
    rk_epoch_record *rows[2];
    uint32_t n[2];
} pair;

static void free_pair(pair *p)
{
    for (int i = 0; i < 2; i++) {
        rk_run_record_free(p->run[i]);
        free(p->rows[i]);
    }
}

static rk_status load_pair(rk_results *r, int64_t a, int64_t b, pair *p, rk_error *e)
{
    const int64_t ids[2] = {a, b};
    *p = (pair){0};
    for (int i = 0; i < 2; i++) {
        rk_status status = rk_results_run(r, ids[i], &p->run[i], e);
        if (status == RK_OK) status = rk_results_history(r, ids[i], &p->rows[i], &p->n[i], e);
        if (status == RK_OK) continue;
        free_pair(p);
        return status;
    }
    return RK_OK;
}

/* What comparing all pairs found. */
typedef struct verdict {
    uint32_t pairs, differing;
    int64_t epochs;
    bool untrained; /* some pairs have no epoch, but weights */
    bool exact;
} verdict;

static void say_pair(const pair *p, const char *what, FILE *f)
{
    const rk_run_record *a = p->run[0], *b = p->run[1];
    fprintf(f, "%s%s%s: %s (run %lld) and %s (run %lld) ", what, a->variant[0] ? ", " : "",
            a->variant, a->device, (long long)a->id, b->device, (long long)b->id);
}

static void compare_epochs(pair *p, const char *path, FILE *f, verdict *v)
{
    const rk_run_record *a = p->run[0], *b = p->run[1];
    bool whole = strcmp(a->status, "done") == 0 && strcmp(b->status, "done") == 0;
    uint32_t least = p->n[0] < p->n[1] ? p->n[0] : p->n[1]; /* of a stopped run: what it has */
    if (!whole) p->n[0] = p->n[1] = least;
    int64_t epoch = rk_first_difference(p->rows[0], p->n[0], p->rows[1], p->n[1]);
    v->pairs++;
    v->epochs += p->n[0];
    if (!epoch) return;
    v->differing++;
    say_pair(p, "DIGESTS DIFFER", f);
    fprintf(f,
            "from epoch %lld on; 'rethink compare %lld %lld --bisect --out %s' finds the kernel\n",
            (long long)epoch, (long long)a->id, (long long)b->id, path);
}

/* Of a pair without a common epoch: the weights, if neither has any. */
static void compare_weights(const pair *p, const char *path, FILE *f, verdict *v)
{
    const rk_run_record *a = p->run[0], *b = p->run[1];
    if (p->n[0] || p->n[1] || !a->digest[0] || !b->digest[0]) {
        say_pair(p, "NOT COMPARED", f);
        fputs("have no epoch in common\n", f);
        return;
    }
    v->pairs++;
    v->untrained = true;
    if (strcmp(a->digest, b->digest) == 0) return;
    v->differing++;
    say_pair(p, "DIGESTS DIFFER", f);
    fprintf(f, "without an epoch; 'rethink compare %lld %lld --out %s' shows what else differs\n",
            (long long)a->id, (long long)b->id, path);
}

static rk_status compare(rk_results *r, int64_t a, int64_t b, FILE *f, verdict *v, rk_error *e)
{
    pair p;
    RK_TRY(load_pair(r, a, b, &p, e));
    if (strcmp(p.run[0]->numerics, "fast") == 0) v->exact = false;
    if (p.n[0] && p.n[1])
        compare_epochs(&p, rk_results_path(r), f, v);
    else
        compare_weights(&p, rk_results_path(r), f, v);
    free_pair(&p);
    return RK_OK;
}

static void say_agreement(const verdict *v, FILE *f)
{
    if (v->epochs)
        fprintf(f,
                "Digests agree: the devices computed the same bits in every one of %lld epochs\n",
                (long long)v->epochs);
    if (v->untrained)
        fputs("Digests agree: the devices have the same weights in every run without epochs\n", f);
}

rk_status rk_summary_agreement(rk_results *r, const rk_done *done, uint32_t n, FILE *f,
                               bool *differ, rk_error *e)
{
    verdict v = {.exact = true};
    *differ = false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = i;
        while (first > 0 && done[first - 1].job == done[i].job) first--;
        if (first < i) RK_TRY(compare(r, done[first].id, done[i].id, f, &v, e));
    }
    if (v.pairs == 0) return RK_OK;
    *differ = v.differing && v.exact;
    if (v.differing == 0)
        say_agreement(&v, f);
    else if (!v.exact)
        fprintf(f, "(fast numerics promise no equal bits)\n");
    return RK_OK;
}

rk_status rk_summary_json(rk_results *r, const rk_done *done, uint32_t n, FILE *f, rk_error *e)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < n; i++) {
        char id[32];
        rk_runs one;
        snprintf(id, sizeof id, "%lld", (long long)done[i].id);
        rk_status status = rk_runs_load_one(rk_results_path(r), id, &one, e);
        if (status == RK_OK) status = rk_runs_load_points(&one, e);
        if (status != RK_OK) {
            json_decref(all);
            return status;
        }
        int failed = json_array_append_new(all, rk_run_json(&one, 0));
        rk_runs_free(&one);
        if (!failed) continue;
        json_decref(all);
        return rk_cli_json(f, NULL, e);
    }
    return rk_cli_json(f, all, e);
}
