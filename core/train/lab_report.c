/* What is found: a diagnostic is run, and what it reports is checked and kept. */
#include "base/error.h"
#include "train/found.h"
#include "train/lab_own.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, NOTE_BYTES = 400 };

void rk_lab_report_free(rk_lab_report *r)
{
    rk_pool_free(&r->pool);
    memset(r, 0, sizeof *r);
}

/* ---- checks --------------------------------------------------------------------------------- */

static void fail(rk_lab *lab, rk_status code, const char *what, const char *name)
{
    if (lab->mistake.code == RK_OK) RK_FAIL(&lab->mistake, code, "it reports %s '%s'", what, name);
}

static void no_memory(rk_lab *lab)
{
    if (lab->mistake.code == RK_OK)
        RK_FAIL(&lab->mistake, RK_E_NOMEM, "no memory for what it reports");
}

static bool is_name(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n <= NAME_MAX_BYTES &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* What may be stored is the bound of what is kept: a plugin that reports without end is stopped. */
static bool has_room(rk_lab *lab, uint32_t n, uint32_t most, const char *what)
{
    if (n < most) return true;
    if (lab->mistake.code == RK_OK)
        RK_FAIL(&lab->mistake, RK_E_INTERNAL,
                "it reports more than %u %s, the most that are kept: take smaller parameters", most,
                what);
    return false;
}

/* Room for one more in an array of the report's pool, which keeps the smaller ones too. */
static void *grown(rk_lab *lab, void *array, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) return array;
    uint32_t more = *cap ? 2 * *cap : 16;
    void *wider = rk_pool_array(&lab->report->pool, more, size);
    if (!wider) {
        no_memory(lab);
        return NULL;
    }
    if (n) memcpy(wider, array, n * size);
    *cap = more;
    return wider;
}

/* ---- reports -------------------------------------------------------------------------------- */

void rk_lab_value(rk_lab *lab, const char *name, double value)
{
    rk_lab_report *r = lab->report;
    if (!r || lab->mistake.code != RK_OK) return;
    if (!is_name(name)) {
        fail(lab, RK_E_INTERNAL, "a value with the name", name);
        return;
    }
    if (!has_room(lab, r->n_values, RK_FOUND_VALUES_MAX, "numbers")) return;
    for (uint32_t i = 0; i < r->n_values; i++)
        if (strcmp(r->value[i].name, name) == 0) {
            fail(lab, RK_E_INTERNAL, "twice the value", name);
            return;
        }
    rk_lab_number *list = grown(lab, r->value, r->n_values, &lab->cap_values, sizeof *list);
    const char *copy = rk_pool_string(&r->pool, name);
    if (!copy) no_memory(lab);
    if (!list || !copy) return;
    r->value = list;
    list[r->n_values++] = (rk_lab_number){copy, isfinite(value) ? value : (double)NAN};
    if (isinf(value)) rk_lab_note(lab, "%s is infinite: not measured", name);
}

/* The name of a curve, which nearly always is that of the point before. */
static const char *series_of(rk_lab *lab, const char *name)
{
    const rk_lab_report *r = lab->report;
    if (r->n_points && strcmp(r->point[r->n_points - 1].series, name) == 0)
        return r->point[r->n_points - 1].series;
    const char *copy = rk_pool_string(&lab->report->pool, name);
    if (!copy) no_memory(lab);
    return copy;
}

static void add_point(rk_lab *lab, const char *name, rk_lab_dot p)
{
    rk_lab_report *r = lab->report;
    if (!r || lab->mistake.code != RK_OK) return;
    if (!is_name(name)) {
        fail(lab, RK_E_INTERNAL, "a curve with the name", name);
        return;
    }
    if (!isfinite(p.x) || !isfinite(p.y) || (p.dims == 3 && !isfinite(p.z))) {
        rk_lab_note(lab, "%s: the point at %g is not finite and left out", name, p.x);
        return;
    }
    if (!has_room(lab, r->n_points, RK_FOUND_POINTS_MAX, "points of curves")) return;
    rk_lab_dot *list = grown(lab, r->point, r->n_points, &lab->cap_points, sizeof *list);
    p.series = series_of(lab, name);
    if (!list || !p.series) return;
    r->point = list;
    list[r->n_points++] = p;
}

void rk_lab_point(rk_lab *lab, const char *curve, double x, double y)
{
    add_point(lab, curve, (rk_lab_dot){.x = x, .y = y, .dims = 2});
}

void rk_lab_point3(rk_lab *lab, const char *surface, double x, double y, double z)
{
    add_point(lab, surface, (rk_lab_dot){.x = x, .y = y, .z = z, .dims = 3});
}

void rk_lab_note(rk_lab *lab, const char *format, ...)
{
    char text[NOTE_BYTES];
    va_list list;
    rk_lab_report *r = lab->report;
    if (!r || lab->mistake.code != RK_OK) return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (uint32_t i = 0; i < r->n_notes; i++)
        if (strcmp(r->note[i], text) == 0) return;
    if (!has_room(lab, r->n_notes, RK_FOUND_NOTES_MAX, "notes")) return;
    const char **notes = grown(lab, r->note, r->n_notes, &lab->cap_notes, sizeof *notes);
    const char *copy = rk_pool_string(&r->pool, text);
    if (!copy) no_memory(lab);
    if (!notes || !copy) return;
    r->note = notes;
    notes[r->n_notes++] = copy;
}

/* ---- running -------------------------------------------------------------------------------- */

rk_status rk_lab_go_on(rk_lab *lab, rk_error *e)
{
    if (lab->mistake.code != RK_OK) {
        if (e) *e = lab->mistake;
        return lab->mistake.code;
    }
    if (!lab->watch.stopping || !lab->watch.stopping(lab->watch.ctx)) return RK_OK;
    return RK_FAIL(e, RK_E_STOPPED, "stopped");
}

rk_status rk_lab_progress(rk_lab *lab, double fraction, rk_error *e)
{
    if (lab->watch.progress && lab->running)
        lab->watch.progress(lab->watch.ctx, lab->running->item->name, fraction);
    return rk_lab_go_on(lab, e);
}

rk_random rk_lab_random(const rk_lab *lab, const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "diagnose/%s/%s", lab->running ? lab->running->item->name : "",
             name);
    return rk_random_named(lab->trainer->seed, full);
}

void rk_lab_count_bytes(rk_lab *lab, uint64_t more, uint64_t less)
{
    lab->bytes = lab->bytes + more - less;
    if (lab->report && lab->bytes > lab->report->bytes) lab->report->bytes = lab->bytes;
}

rk_status rk_lab_run(rk_lab *lab, const rk_spec *diagnostic, rk_lab_report *out, rk_error *e)
{
    memset(out, 0, sizeof *out);
    lab->running = diagnostic;
    lab->report = out;
    lab->cap_values = lab->cap_points = lab->cap_notes = 0;
    lab->mistake = rk_error_new();
    rk_status status = diagnostic->item->diagnose(lab, diagnostic->args, e);
    if (status == RK_OK && lab->mistake.code != RK_OK) {
        status = lab->mistake.code;
        if (e) *e = lab->mistake;
    }
    lab->running = NULL;
    lab->report = NULL;
    if (status != RK_OK) rk_lab_report_free(out);
    return status;
}
