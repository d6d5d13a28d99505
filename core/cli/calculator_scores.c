/* Functions of expressions that look at single examples. */
#include "base/error.h"
#include "cli/calculator.h"
#include "data/names.h"
#include "train/scores.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 32, EASINESS_RUNS = 20, MEMORY_RUNS = 20 /* fewer say nothing */ };

static void give_error(sqlite3_context *ctx, const rk_error *e)
{
    sqlite3_result_error(ctx, e->text, -1);
}

/* What runs lack is not measured, which is no mistake; the notes say why. */
static void give_lack(sqlite3_context *ctx, rk_calculator *c, const rk_error *e)
{
    if (e->code != RK_E_INVALID)
        give_error(ctx, e);
    else if (!c->missing[0])
        snprintf(c->missing, sizeof c->missing, "%.300s", e->text);
}

static const rk_score_kind *kind_named(const char *name, rk_error *e)
{
    const char *known[KINDS_MAX];
    char hint[RK_HINT_MAX];
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    for (size_t i = 0; i < n && i < KINDS_MAX; i++) {
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
        known[i] = kinds[i].name;
    }
    rk_name_hint(name, known, n, hint, sizeof hint);
    RK_FAIL(e, RK_E_INVALID, "no score '%.40s'%s", name, hint);
    return NULL;
}

static rk_status run_auc(const rk_runs *r, uint32_t run, const rk_score_kind *kind, double *out,
                         rk_error *e)
{
    rk_results *results;
    rk_example_score *row;
    uint32_t n;
    RK_TRY(rk_results_open(r->path, true, &results, e));
    rk_status status = rk_results_scores(results, r->run[run]->id, false, &row, &n, e);
    if (status == RK_OK) {
        status = rk_scores_auc(row, n, kind, out, e);
        free(row);
    }
    rk_results_close(results);
    return status;
}

/* auc('score', 'label'): how well a score finds the changed labels of a run. */
static void auc(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    const char *label = rk_calculator_text(v[1]);
    rk_error e = rk_error_new();
    char name[80];
    uint32_t run;
    double value = NAN;
    (void)n;
    const rk_score_kind *kind = kind_named(rk_calculator_text(v[0]), &e);
    if (!kind) {
        give_error(ctx, &e);
        return;
    }
    if (!rk_calculator_run(ctx, c, label, &run)) return;
    if (run_auc(c->study->runs, run, kind, &value, &e) != RK_OK) {
        give_lack(ctx, c, &e);
        return;
    }
    snprintf(name, sizeof name, "AUC of %s", kind->name);
    rk_calculator_note(c, name, label, value);
    rk_calculator_give(ctx, value);
}

static rk_status all_runs(const rk_study *s, const char *label, int64_t **out, uint32_t *n,
                          rk_error *e)
{
    uint32_t run;
    *n = 0;
    *out = calloc(s->n_seeds + (size_t)1, sizeof **out);
    if (!*out) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of runs");
    for (uint32_t i = 0; i < s->n_seeds; i++)
        if (rk_study_find(s, label, s->seed[i], &run)) (*out)[(*n)++] = s->runs->run[run]->id;
    return RK_OK;
}

/* Of fewer than EASINESS_RUNS runs nothing is said. */
static rk_status ratio_of(const rk_study *s, const char *label, double *out, rk_error *e)
{
    rk_results *results;
    rk_easiness x = {.ratio = NAN};
    int64_t *id;
    uint32_t n;
    RK_TRY(all_runs(s, label, &id, &n, e));
    rk_status status = RK_OK;
    if (n >= EASINESS_RUNS) status = rk_results_open(s->runs->path, true, &results, e);
    if (n >= EASINESS_RUNS && status == RK_OK) {
        status = rk_results_easiness(results, id, n, false, &x, NULL, NULL, e);
        rk_results_close(results);
    }
    free(id);
    *out = x.ratio;
    return status;
}

/* easiness('label'): how much more examples differ in accuracy over all seeds than by chance. */
static void easiness(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    const char *label = rk_calculator_text(v[0]);
    rk_error e = rk_error_new();
    uint32_t run;
    double value = NAN;
    (void)n;
    if (!rk_calculator_run(ctx, c, label, &run)) return;
    bool known = c->easiness.study == c->study && strcmp(c->easiness.label, label) == 0;
    if (!known && ratio_of(c->study, label, &value, &e) != RK_OK) {
        give_lack(ctx, c, &e);
        return;
    }
    if (known) value = c->easiness.value;
    c->easiness.study = c->study;
    snprintf(c->easiness.label, sizeof c->easiness.label, "%s", label);
    c->easiness.value = value;
    rk_calculator_note(c, "variance ratio", label, value);
    rk_calculator_give(ctx, value);
}

/* Of fewer than MEMORY_RUNS runs nothing is said. */
static rk_status memory_of(rk_calculator *c, const char *label, rk_error *e)
{
    rk_results *results;
    int64_t *id;
    uint32_t n;
    if (c->memory.study == c->study && strcmp(c->memory.label, label) == 0) return RK_OK;
    RK_TRY(all_runs(c->study, label, &id, &n, e));
    rk_status status = RK_OK;
    if (n < MEMORY_RUNS)
        c->memory.value = (rk_memorization){.auc = NAN,
                                            .c_auc = NAN,
                                            .mean = NAN,
                                            .of_changed = NAN,
                                            .of_clean = NAN,
                                            .c_mean = NAN};
    else
        status = rk_results_open(c->study->runs->path, true, &results, e);
    if (n >= MEMORY_RUNS && status == RK_OK) {
        status = rk_results_memorization(results, id, n, 0, &c->memory.value, e);
        rk_results_close(results);
        free(c->memory.value.memory);
    }
    free(id);
    RK_TRY(status);
    c->memory.value.memory = NULL;
    c->memory.study = c->study;
    snprintf(c->memory.label, sizeof c->memory.label, "%s", label);
    return RK_OK;
}

static const double *memory_named(const rk_memorization *m, const char *name, rk_error *e)
{
    static const char *const names[] = {"auc", "changed", "unchanged", "mean", "c_auc", "c_mean"};
    const double *const values[] = {&m->auc,  &m->of_changed, &m->of_clean,
                                    &m->mean, &m->c_auc,      &m->c_mean};
    char hint[RK_HINT_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) return values[i];
    rk_name_hint(name, names, sizeof names / sizeof *names, hint, sizeof hint);
    RK_FAIL(e, RK_E_INVALID, "memorization has no '%.40s'%s", name, hint);
    return NULL;
}

/* memorization('auc', 'label'), of all seeds; also changed, unchanged, mean, c_auc, c_mean. */
static void memorization(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    const char *label = rk_calculator_text(v[1]);
    rk_error e = rk_error_new();
    char name[80];
    uint32_t run;
    (void)n;
    const double *value = memory_named(&c->memory.value, rk_calculator_text(v[0]), &e);
    if (!value) {
        give_error(ctx, &e);
        return;
    }
    if (!rk_calculator_run(ctx, c, label, &run)) return;
    if (memory_of(c, label, &e) != RK_OK) {
        give_lack(ctx, c, &e);
        return;
    }
    snprintf(name, sizeof name, "memorization, %.40s", rk_calculator_text(v[0]));
    rk_calculator_note(c, name, label, *value);
    rk_calculator_give(ctx, *value);
}

int rk_calculator_add_scores(rk_calculator *c)
{
    int code = sqlite3_create_function_v2(c->db, "auc", 2, SQLITE_UTF8, c, auc, NULL, NULL, NULL);
    if (code != SQLITE_OK) return code;
    code = sqlite3_create_function_v2(c->db, "easiness", 1, SQLITE_UTF8, c, easiness, NULL, NULL,
                                      NULL);
    if (code != SQLITE_OK) return code;
    return sqlite3_create_function_v2(c->db, "memorization", 2, SQLITE_UTF8, c, memorization, NULL,
                                      NULL, NULL);
}
