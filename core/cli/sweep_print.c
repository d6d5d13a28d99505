/* A sweep's plan and its end: tables and JSON. */
#include "base/moments.h"
#include "cli/runs.h"
#include "cli/study.h"
#include "cli/summary.h"
#include "cli/sweep.h"
#include "cli/signals.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TITLE_MAX = 128 };

static uint32_t to_do(const rk_sweep *s)
{
    return rk_sweep_count(s, RK_TASK_NEW) + rk_sweep_count(s, RK_TASK_RESUME);
}

/* The devices that may do a task: "cpu:0", "cpu:0 or opencl:0.0", "-". */
static void devices_of(const rk_task *t, char *out, size_t cap)
{
    size_t n = 0;
    snprintf(out, cap, "-");
    for (uint32_t i = 0; i < t->n_devices && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? " or " : "", t->device[i]);
}

static void add_task(rk_table *t, const rk_sweep *s, const rk_task *task)
{
    char title[TITLE_MAX], devices[512], seconds[RK_DURATION_CHARS];
    bool open = task->state == RK_TASK_NEW || task->state == RK_TASK_RESUME;
    double left = open ? rk_sweep_estimate(s, task) - task->spent : NAN;
    rk_task_title(task, title, sizeof title);
    devices_of(task, devices, sizeof devices);
    rk_duration(left < 0 ? 0 : left, seconds);
    rk_table_cell(t, "%u", task->number);
    rk_table_cell(t, "%s", title);
    rk_table_cell(t, "%llu", (unsigned long long)task->config.seed);
    rk_table_cell(t, "%s", devices);
    rk_table_cell(t, "%s", rk_task_state_name(task->state));
    if (task->run)
        rk_table_cell(t, "%lld", (long long)task->run);
    else
        rk_table_cell(t, "-");
    rk_table_cell(t, "%s", open && !isnan(left) ? seconds : "-");
}

rk_status rk_sweep_print_plan(const rk_sweep *s, uint32_t at_once, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"task",  "experiment", "seed", "device",
                                        "state", "run",        "takes"};
    char left[RK_DURATION_CHARS];
    rk_table *t = rk_table_new("rlrllrr", heads);
    for (uint32_t i = 0; i < s->n; i++) add_task(t, s, &s->task[i]);
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    RK_TRY(status);
    fprintf(f, "\n%u tasks: %u done, %u to resume, %u new", s->n, rk_sweep_count(s, RK_TASK_BEFORE),
            rk_sweep_count(s, RK_TASK_RESUME), rk_sweep_count(s, RK_TASK_NEW));
    if (rk_sweep_count(s, RK_TASK_LEFT_OUT))
        fprintf(f, ", %u left out", rk_sweep_count(s, RK_TASK_LEFT_OUT));
    double seconds = rk_sweep_left(s, NULL, 0, at_once);
    rk_duration(seconds, left);
    if (to_do(s) && !isnan(seconds)) fprintf(f, "; about %s, %u at once", left, at_once);
    fprintf(f, "\nplan %s\n", s->digest);
    return RK_OK;
}

/* ---- means over seeds ------------------------------------------------------------------------ */

/* "82.60 %", "82.60 +- 0.41 %"; the spread is that of a sample. */
static void mean_cell(rk_table *t, const rk_moments *m, const char *format, double scale,
                      const char *unit)
{
    char middle[32] = "-", spread[40] = "";
    if (m->n) snprintf(middle, sizeof middle, format, scale * rk_moments_mean(m));
    if (m->n > 1) {
        char deviation[32];
        snprintf(deviation, sizeof deviation, format, scale * rk_moments_spread(m));
        snprintf(spread, sizeof spread, " +- %s", deviation);
    }
    rk_table_cell(t, "%s%s%s", middle, spread, m->n ? unit : "");
}

/* Runs that differ in nothing but the seed. */
typedef struct group {
    rk_moments train, test, fit, epochs, seconds;
    uint32_t runs, first;
    const char *device;
} group;

static rk_status collect(const rk_sweep *s, rk_results *r, const rk_task *t, group *g, rk_error *e)
{
    rk_run_record *run;
    if (t->state != RK_TASK_DONE && t->state != RK_TASK_BEFORE) return RK_OK;
    RK_TRY(rk_results_run(r, t->run, &run, e));
    if (g->runs++ == 0) {
        g->first = (uint32_t)(t - s->task);
        g->device = t->device[0];
    }
    if (strcmp(g->device, t->device[0]) != 0) g->device = "several";
    if (run->epochs_done) rk_moments_add(&g->train, run->train_accuracy);
    if (run->epochs_done) rk_moments_add(&g->test, run->test_accuracy);
    if (run->fit_epoch) rk_moments_add(&g->fit, (double)run->fit_epoch);
    rk_moments_add(&g->epochs, (double)run->epochs_done);
    rk_moments_add(&g->seconds, run->seconds);
    rk_run_record_free(run);
    return RK_OK;
}

static void add_group(rk_table *t, const rk_sweep *s, const group *g)
{
    char title[TITLE_MAX];
    rk_task_title(&s->task[g->first], title, sizeof title);
    rk_table_cell(t, "%s", title);
    rk_table_cell(t, "%s", g->device);
    rk_table_cell(t, "%u", g->runs);
    mean_cell(t, &g->train, "%.2f", 100, " %");
    mean_cell(t, &g->test, "%.2f", 100, " %");
    mean_cell(t, &g->fit, "%.1f", 1, "");
    rk_table_cell(t, "%u", g->fit.n);
    mean_cell(t, &g->epochs, "%.1f", 1, "");
    mean_cell(t, &g->seconds, "%.2f", 1, "");
}

static int by_first(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static rk_status print_groups(const rk_sweep *s, rk_results *r, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"experiment", "device", "runs",   "train",  "test",
                                        "fit at",     "fitted", "epochs", "seconds"};
    group *all = calloc(s->n_kinds + 1, sizeof *all);
    if (!all) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < s->n && status == RK_OK; i++)
        status = collect(s, r, &s->task[i], &all[s->task[i].kind], e);
    qsort(all, s->n_kinds, sizeof *all, by_first);
    rk_table *t = rk_table_new("llrrrrrrr", heads);
    for (uint32_t i = 0; i < s->n_kinds; i++)
        if (all[i].runs) add_group(t, s, &all[i]);
    if (status == RK_OK) status = rk_table_print(t, f, e);
    rk_table_free(t);
    free(all);
    return status;
}

/* ---- the end --------------------------------------------------------------------------------- */

static rk_status agreement(const rk_sweep *s, rk_results *r, FILE *f, bool *differ, rk_error *e)
{
    rk_done *done = calloc(s->n + 1, sizeof *done);
    uint32_t n = 0;
    if (!done) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    for (uint32_t i = 0; i < s->n; i++) {
        const rk_task *t = &s->task[i];
        if (t->state == RK_TASK_DONE || t->state == RK_TASK_BEFORE)
            done[n++] = (rk_done){t->run, t->job};
    }
    rk_status status = rk_summary_agreement(r, done, n, f, differ, e);
    free(done);
    return status;
}

static void print_counts(const rk_sweep *s, rk_results *r, FILE *f)
{
    uint32_t before = rk_sweep_count(s, RK_TASK_BEFORE), open = to_do(s);
    fprintf(f, "%u of %u tasks are done", rk_sweep_count(s, RK_TASK_DONE) + before, s->n);
    if (before) fprintf(f, " (%u before)", before);
    if (rk_sweep_count(s, RK_TASK_STOPPED))
        fprintf(f, ", %u stopped", rk_sweep_count(s, RK_TASK_STOPPED));
    if (rk_sweep_count(s, RK_TASK_FAILED))
        fprintf(f, ", %u failed", rk_sweep_count(s, RK_TASK_FAILED));
    if (rk_sweep_count(s, RK_TASK_LEFT_OUT))
        fprintf(f, ", %u left out", rk_sweep_count(s, RK_TASK_LEFT_OUT));
    if (open) fprintf(f, ", %u not started", open);
    fprintf(f, "; results are in %s\n", rk_results_path(r));
}

/* Devices that do not agree are a failure, which is said however quiet. */
static rk_status print_agreement(const rk_sweep *s, rk_results *r, const rk_sweep_view *v,
                                 bool *differ, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    rk_status status = agreement(s, r, f, differ, e);
    if (fclose(f) != 0 && status == RK_OK) status = RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    if (status == RK_OK && (*differ || !v->quiet)) fputs(text, v->quiet ? stderr : v->out);
    free(text);
    return status;
}

/* What the preset claims, of the runs that are like these. */
static rk_status print_verdicts(const rk_sweep *s, rk_results *r, FILE *f, rk_error *e)
{
    if (!s->preset.name || s->n == 0) return RK_OK;
    const rk_config *c = &s->task[0].config;
    return rk_verdicts_print(rk_results_path(r), &s->preset, rk_scale_find(c->scale), c->changed, f,
                             e);
}

rk_status rk_sweep_print_end(const rk_sweep *s, rk_results *r, const rk_sweep_view *v, bool *differ,
                             rk_error *e)
{
    uint32_t done = rk_sweep_count(s, RK_TASK_DONE) + rk_sweep_count(s, RK_TASK_BEFORE);
    if (!v->quiet && done) {
        fputc('\n', v->out);
        RK_TRY(print_groups(s, r, v->out, e));
    }
    RK_TRY(print_agreement(s, r, v, differ, e));
    if (v->quiet) return RK_OK;
    print_counts(s, r, v->out);
    return print_verdicts(s, r, v->out, e);
}

static json_t *task_json(const rk_task *t, rk_results *r)
{
    rk_error ignored = rk_error_new();
    rk_run_record *run = NULL;
    char title[TITLE_MAX];
    rk_task_title(t, title, sizeof title);
    if (r && t->run) rk_results_run(r, t->run, &run, &ignored);
    bool epochs = run && run->epochs_done > 0;
    json_t *root = json_pack(
        "{s:i, s:s, s:I, s:s?, s:s, s:b, s:o, s:s?, s:o, s:o, s:o, s:o, s:s?}", "task",
        (int)t->number, "experiment", title, "seed", (json_int_t)t->config.seed, "device",
        t->n_devices == 1 || t->state >= RK_TASK_RUNNING ? t->device[0] : NULL, "state",
        rk_task_state_name(t->state), "resumed", (int)t->resumed, "run",
        t->run ? json_integer(t->run) : json_null(), "digest", epochs ? run->digest : NULL,
        "epochs_done", json_integer(run ? run->epochs_done : 0), "train_accuracy",
        epochs ? json_real(run->train_accuracy) : json_null(), "test_accuracy",
        epochs ? json_real(run->test_accuracy) : json_null(), "seconds",
        json_real(run ? run->seconds : 0), "error", t->reason);
    rk_run_record_free(run);
    return root;
}

rk_status rk_sweep_print_json(const rk_sweep *s, rk_results *r, double left, rk_error *e)
{
    json_t *tasks = json_array();
    for (uint32_t i = 0; i < s->n; i++) json_array_append_new(tasks, task_json(&s->task[i], r));
    json_t *root = json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "plan", s->digest, "tasks", (int)s->n, "done",
        (int)(rk_sweep_count(s, RK_TASK_DONE) + rk_sweep_count(s, RK_TASK_BEFORE)), "failed",
        (int)rk_sweep_count(s, RK_TASK_FAILED), "stopped", (int)rk_sweep_count(s, RK_TASK_STOPPED),
        "not_started", (int)to_do(s), "seconds_left",
        isfinite(left) ? json_real(left) : json_null(), "runs", tasks);
    return rk_cli_json(stdout, root, e);
}
