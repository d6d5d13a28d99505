/* Loading runs. */
#include "cli/runs.h"
#include "base/text.h"
#include "train/checkpoint.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void rk_runs_free(rk_runs *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        rk_run_record_free(r->run[i]);
        free(r->history[i]);
        rk_found_list_free(&r->found[i]);
    }
    free(r->run);
    free(r->history);
    free(r->epochs);
    free(r->found);
    free(r->path);
    *r = (rk_runs){0};
}

bool rk_run_later(const rk_run_record *a, const rk_run_record *b)
{
    int order = strcmp(a->started, b->started); /* UTC, ISO 8601 */
    return order ? order > 0 : a->id > b->id;
}

/* A run that ended before its first epoch has no accuracy, which is not an accuracy of 0. */
static void clear_unknown(rk_run_record *run)
{
    if (run->epochs_done > 0) return;
    run->train_accuracy = run->test_accuracy = run->train_loss = run->test_loss = NAN;
}

/* A run whose process was killed, or whose machine, could not record its end. */
static bool end_killed(const rk_results *results, rk_run_record *run)
{
    char *status, *error;
    if (strcmp(run->status, "running") != 0 || !rk_run_folder_left(results, run->id)) return true;
    if (asprintf(
            &error,
            "killed, as by a crash or a power cut: 'rethink run --resume %lld --out %s' goes on",
            (long long)run->id, rk_results_path(results)) < 0)
        return false;
    status = strdup("stopped");
    if (!status) {
        free(error);
        return false;
    }
    free((char *)run->status);
    free((char *)run->error);
    run->status = status;
    run->error = error;
    return true;
}

static rk_status load(rk_results *results, const int64_t *ids, uint32_t n, bool history,
                      rk_runs *out, rk_error *e)
{
    *out = (rk_runs){.run = calloc(n + 1, sizeof *out->run),
                     .history = calloc(n + 1, sizeof *out->history),
                     .epochs = calloc(n + 1, sizeof *out->epochs),
                     .found = calloc(n + 1, sizeof *out->found),
                     .path = strdup(rk_results_path(results)),
                     .with_history = history};
    if (!out->run || !out->history || !out->epochs || !out->found || !out->path)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", n);
    for (uint32_t i = 0; i < n; i++) {
        RK_TRY(rk_results_run(results, ids[i], &out->run[i], e));
        clear_unknown(out->run[i]);
        out->n++;
        if (!end_killed(results, out->run[i]))
            return RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", n);
        if (!history) continue;
        RK_TRY(rk_results_history(results, ids[i], &out->history[i], &out->epochs[i], e));
        RK_TRY(rk_results_found(results, ids[i], false, &out->found[i], e));
    }
    return RK_OK;
}

rk_status rk_runs_load_points(rk_runs *r, rk_error *e)
{
    rk_results *results;
    rk_status status = RK_OK;
    RK_TRY(rk_results_open(r->path, true, &results, e));
    for (uint32_t i = 0; i < r->n && status == RK_OK; i++) {
        if (r->found[i].n == 0) continue;
        rk_found_list_free(&r->found[i]);
        status = rk_results_found(results, r->run[i]->id, true, &r->found[i], e);
    }
    rk_results_close(results);
    return status;
}

rk_status rk_runs_load(const char *path, const char *preset, bool history, rk_runs *out,
                       rk_error *e)
{
    rk_results *results = NULL;
    int64_t *ids = NULL;
    uint32_t n = 0;
    *out = (rk_runs){0};
    RK_TRY(rk_results_open(path, true, &results, e));
    rk_status status = rk_results_list(results, preset, &ids, &n, e);
    if (status == RK_OK) status = load(results, ids, n, history, out, e);
    if (status != RK_OK) rk_runs_free(out);
    free(ids);
    rk_results_close(results);
    return status;
}

static rk_status find(const char *path, const char *text, const int64_t *ids, uint32_t n,
                      int64_t *id, rk_error *e)
{
    if (n == 0)
        return RK_FAIL(e, RK_E_INVALID, "%s has no runs: 'rethink run --out %s' adds one", path,
                       path);
    *id = ids[n - 1];
    if (strcmp(text, "last") == 0) return RK_OK;
    if (!rk_parse_i64(text, id))
        return RK_FAIL(e, RK_E_INVALID, "'%s' is no run: give its number, or last", text);
    for (uint32_t i = 0; i < n; i++)
        if (ids[i] == *id) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "%s has no run %s: its runs are %lld to %lld, see 'rethink list'", path, text,
                   (long long)ids[0], (long long)ids[n - 1]);
}

rk_status rk_runs_load_one(const char *path, const char *text, rk_runs *out, rk_error *e)
{
    rk_results *results = NULL;
    int64_t *ids = NULL, id = 0;
    uint32_t n = 0;
    *out = (rk_runs){0};
    RK_TRY(rk_results_open(path, true, &results, e));
    rk_status status = rk_results_list(results, NULL, &ids, &n, e);
    if (status == RK_OK) status = find(path, text, ids, n, &id, e);
    if (status == RK_OK) status = load(results, &id, 1, true, out, e);
    if (status != RK_OK) rk_runs_free(out);
    free(ids);
    rk_results_close(results);
    return status;
}
