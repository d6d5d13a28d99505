#include "train/diagnose.h"
#include "base/error.h"
#include "base/os.h"
#include "train/lab.h"
#include "train/record.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One diagnostic on its way. */
typedef struct work {
    const rk_diagnosis *d;
    const rk_spec *spec;
    rk_lab *lab;
} work;

/* ---- what the lab asks ---------------------------------------------------------------------- */

static void on_progress(void *ctx, const char *diagnostic, double fraction)
{
    const work *w = ctx;
    const rk_watch *watch = w->d->watch;
    (void)diagnostic;
    if (watch && watch->diagnosing && w->spec)
        watch->diagnosing(watch->ctx, w->d->run, w->spec->text, fraction);
}

static bool on_stopping(void *ctx)
{
    const work *w = ctx;
    const rk_watch *watch = w->d->watch;
    return watch && watch->stopping && watch->stopping(watch->ctx);
}

static rk_status on_other(void *ctx, const char *run, char *path, size_t cap, rk_error *e)
{
    const work *w = ctx;
    return rk_other_run(w->d->results, w->d->run, run, path, cap, e);
}

/* ---- from a report to what is stored -------------------------------------------------------- */

/* Arrays are the report's pool's. */
static rk_status take_lists(rk_lab_report *r, rk_found *out, rk_error *e)
{
    out->value = rk_pool_array(&r->pool, r->n_values + (size_t)1, sizeof *out->value);
    out->point = rk_pool_array(&r->pool, r->n_points + (size_t)1, sizeof *out->point);
    if (!out->value || !out->point) return RK_FAIL(e, RK_E_NOMEM, "no memory for what was found");
    for (uint32_t i = 0; i < r->n_values; i++)
        out->value[i] = (rk_found_value){r->value[i].name, r->value[i].value};
    for (uint32_t i = 0; i < r->n_points; i++) {
        const rk_lab_dot *p = &r->point[i];
        out->point[i] = (rk_found_point){p->series, p->x, p->y, p->dims == 3 ? p->z : (double)NAN};
    }
    out->note = r->note;
    out->n_values = r->n_values;
    out->n_points = r->n_points;
    out->n_notes = r->n_notes;
    out->bytes = (int64_t)r->bytes;
    return RK_OK;
}

static void take_head(const work *w, rk_found *out)
{
    const rk_device_entry *device = rk_session_device(w->d->trainer->session);
    out->spec = w->spec->text;
    out->name = w->spec->item->name;
    out->digest = w->d->digest;
    out->epoch = w->d->epoch;
    out->device = device->spec;
    out->device_name = device->info.name;
    out->version = RETHINK_VERSION;
    out->error = "";
}

static rk_status store(const work *w, rk_found *f, rk_error *e)
{
    const rk_watch *watch = w->d->watch;
    bool replaced = false;
    RK_TRY(rk_results_put_found(w->d->results, w->d->run->id, f, &replaced, e));
    if (watch && watch->found) watch->found(watch->ctx, w->d->run, f, replaced);
    return RK_OK;
}

/* ---- one diagnostic -------------------------------------------------------------------------- */

/* What ends everything, as the device does; any other failure is the diagnostic's own. */
static bool ends_all(rk_status status) { return status == RK_E_STOPPED || status == RK_E_DEVICE; }

static rk_status examine(work *w, rk_found *f, rk_lab_report *report, rk_error *e)
{
    uint64_t start = rk_os_now_ns();
    rk_status status = rk_lab_run(w->lab, w->spec, report, e);
    if (status == RK_OK) status = rk_spec_audit(w->spec, e);
    f->seconds = 1e-9 * (double)(rk_os_now_ns() - start);
    if (status == RK_OK) status = take_lists(report, f, e);
    if (status == RK_OK) status = rk_found_check(f, e);
    return status;
}

static rk_status run_one(work *w, bool *failed, rk_error *e)
{
    char measured[32];
    rk_found f = {0};
    rk_lab_report report = {0};
    rk_error why = rk_error_new();
    take_head(w, &f);
    rk_status status = examine(w, &f, &report, &why), stored = RK_OK;
    rk_record_time(measured);
    f.measured = measured;
    if (status == RK_OK || !ends_all(status)) {
        if (status != RK_OK) {
            f.error = why.text;
            f.n_values = f.n_points = f.n_notes = 0;
        }
        stored = store(w, &f, e);
    }
    rk_lab_report_free(&report);
    RK_TRY(stored);
    if (status == RK_OK) return RK_OK;
    bool fatal = ends_all(status);
    if (fatal || !*failed)
        RK_FAIL(e, fatal ? status : RK_E_INVALID, "diagnostic %s: %s", w->spec->text, why.text);
    *failed = true;
    return fatal ? status : RK_OK;
}

/* Whether it was done on these weights before. */
static bool is_known(const rk_found_list *l, const rk_diagnosis *d, const rk_spec *spec)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (!l->found[i].error[0] && strcmp(l->found[i].spec, spec->text) == 0 &&
            strcmp(l->found[i].digest, d->digest) == 0)
            return true;
    return false;
}

static rk_status run_all(work *w, const rk_found_list *known, bool *failed, rk_error *e)
{
    const rk_diagnosis *d = w->d;
    for (uint32_t i = 0; i < d->list->n; i++) {
        w->spec = d->list->spec[i];
        if (!d->again && is_known(known, d, w->spec)) continue;
        if (on_stopping(w))
            return RK_FAIL(e, RK_E_STOPPED, "stopped before the diagnostic %s", w->spec->text);
        RK_TRY(run_one(w, failed, e));
    }
    return RK_OK;
}

rk_status rk_diagnose(const rk_diagnosis *d, bool *failed, rk_error *e)
{
    rk_found_list known;
    work w = {.d = d};
    const rk_lab_watch watch = {
        .ctx = &w, .progress = on_progress, .stopping = on_stopping, .other = on_other};
    *failed = false;
    if (d->list->n == 0) return RK_OK;
    RK_TRY(rk_results_found(d->results, d->run->id, false, &known, e));
    rk_status status = rk_lab_new(d->hub, d->trainer, d->config, &watch, &w.lab, e);
    if (status == RK_OK) {
        status = run_all(&w, &known, failed, e);
    } else if (!ends_all(status)) {
        rk_error_prefix(e, "diagnostics");
        *failed = true;
        status = RK_OK;
    }
    rk_lab_free(w.lab);
    rk_found_list_free(&known);
    return status;
}
