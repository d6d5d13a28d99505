/* A lab for tests of diagnostics, see theory_rig.h. */
#include "theory_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

rig *open_rig(const world *w, const char *model, const char *data, const char *randomize)
{
    rig *r = calloc(1, sizeof *r);
    rk_error e = rk_error_new();
    assert_non_null(r);
    r->world = w;
    r->config = rk_config_default();
    r->config.model = model;
    r->config.data = data;
    r->config.randomize = randomize;
    r->config.batch = 8;
    r->trainer = open_trainer(w, &r->config);
    must(rk_trainer_begin(r->trainer, 0, &e), &e);
    for (int64_t step = 0; step < r->trainer->steps; step++)
        must(rk_trainer_step(r->trainer, step, &e), &e);
    must(rk_lab_new(w->hub, r->trainer, &r->config, NULL, &r->lab, &e), &e);
    return r;
}

void close_rig(rig *r)
{
    rk_lab_free(r->lab);
    rk_trainer_close(r->trainer);
    free(r);
}

rk_lab_report measure(const rig *r, const char *item)
{
    rk_error e = rk_error_new();
    rk_lab_report report;
    rk_spec *spec = parse_item(r->world->plugins, RK_KIND_DIAGNOSTIC, item);
    must(rk_lab_run(r->lab, spec, &report, &e), &e);
    rk_spec_free(spec);
    return report;
}

void refuses(const rig *r, const char *item, const char *text)
{
    rk_error e = rk_error_new();
    rk_lab_report report;
    rk_spec *spec = parse_item(r->world->plugins, RK_KIND_DIAGNOSTIC, item);
    assert_int_not_equal(rk_lab_run(r->lab, spec, &report, &e), RK_OK);
    if (!strstr(e.text, text)) fail_msg("%s: %s", item, e.text);
    rk_spec_free(spec);
}

double value(const rk_lab_report *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_values; i++)
        if (!strcmp(r->value[i].name, name)) return r->value[i].value;
    fail_msg("there is no value %s", name);
    return 0;
}

bool has_note(const rk_lab_report *r, const char *text)
{
    for (uint32_t i = 0; i < r->n_notes; i++)
        if (strstr(r->note[i], text)) return true;
    return false;
}

void near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want))) fail_msg("%.17g is not %.17g", got, want);
}

void example(const rig *r, bool test, int64_t i, double x[PIXELS])
{
    float row[PIXELS];
    rk_error e = rk_error_new();
    must(rk_lab_example(r->lab, test, i, row, &e), &e);
    for (int k = 0; k < PIXELS; k++) x[k] = (double)row[k];
}

double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int k = 0; k < PIXELS; k++) sum += a[k] * b[k];
    return sum;
}

void eliminate(double a[MOST][MOST], double b[MOST][CLASSES], int n)
{
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c; r < n; r++)
            if (fabs(a[r][c]) > fabs(a[pivot][c])) pivot = r;
        for (int k = 0; k < n; k++) {
            double t = a[c][k];
            a[c][k] = a[pivot][k];
            a[pivot][k] = t;
        }
        for (int k = 0; k < CLASSES; k++) {
            double t = b[c][k];
            b[c][k] = b[pivot][k];
            b[pivot][k] = t;
        }
        for (int r = 0; r < n; r++) {
            double f = r == c ? 0 : a[r][c] / a[c][c];
            for (int k = c; k < n; k++) a[r][k] -= f * a[c][k];
            for (int k = 0; k < CLASSES; k++) b[r][k] -= f * b[c][k];
        }
    }
    for (int r = 0; r < n; r++)
        for (int k = 0; k < CLASSES; k++) b[r][k] /= a[r][r];
}

int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
