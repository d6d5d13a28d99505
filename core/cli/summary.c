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
    bool exact;
} verdict;

static rk_status compare(rk_results *r, int64_t a, int64_t b, FILE *f, verdict *v, rk_error *e)
{
    pair p;
    RK_TRY(load_pair(r, a, b, &p, e));
    bool whole = strcmp(p.run[0]->status, "done") == 0 && strcmp(p.run[1]->status, "done") == 0;
    uint32_t least = p.n[0] < p.n[1] ? p.n[0] : p.n[1]; /* of a stopped run: what it has */
    if (!whole) p.n[0] = p.n[1] = least;
    int64_t epoch = rk_first_difference(p.rows[0], p.n[0], p.rows[1], p.n[1]);
    v->pairs++;
    v->epochs += p.n[0];
    if (strcmp(p.run[0]->numerics, "fast") == 0) v->exact = false;
    if (epoch) {
        v->differing++;
        fprintf(f,
                "DIGESTS DIFFER%s%s: %s (run %lld) and %s (run %lld) from epoch %lld on; 'rethink "
                "compare %lld %lld --bisect --out %s' finds the kernel\n",
                p.run[0]->variant[0] ? ", " : "", p.run[0]->variant, p.run[0]->device, (long long)a,
                p.run[1]->device, (long long)b, (long long)epoch, (long long)a, (long long)b,
                rk_results_path(r));
    }
    free_pair(&p);
    return RK_OK;
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
        fprintf(f,
                "Digests agree: the devices computed the same bits in every one of %lld epochs\n",
                (long long)v.epochs);
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
