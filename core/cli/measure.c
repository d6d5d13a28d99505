#include "cli/measure.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/found.h"
#include "data/names.h"
#include "train/measures.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MAX = 128 };

/* Besides the columns of runs, of what is read off their epochs, and of epochs. */
static const char *const own[] = {"train", "test"};
enum { N_OWN = sizeof own / sizeof *own };

static bool is_number(const rk_field *f)
{
    return f->type == RK_FIELD_WHOLE || f->type == RK_FIELD_COUNT || f->type == RK_FIELD_REAL;
}

typedef const rk_field *(*table)(size_t *n);
static const table tables[] = {rk_run_fields, rk_measure_fields, rk_epoch_fields};
enum { N_TABLES = sizeof tables / sizeof *tables };

/* The number of that name in one of the first tables; *which says in which. */
static const rk_field *find(const char *name, int first, int end, int *which)
{
    for (int t = first; t < end; t++) {
        size_t n;
        const rk_field *fields = tables[t](&n);
        for (size_t i = 0; i < n; i++) {
            if (!is_number(&fields[i]) || strcmp(fields[i].name, name) != 0) continue;
            *which = t;
            return &fields[i];
        }
    }
    return NULL;
}

static const rk_field *epoch_field(const char *name)
{
    int which;
    return find(name, N_TABLES - 1, N_TABLES, &which);
}

/* A name that several tables have is the first one's. */
const char *rk_measure_name(size_t i)
{
    if (i < N_OWN) return own[i];
    i -= N_OWN;
    for (int t = 0; t < N_TABLES; t++) {
        size_t n;
        int which;
        const rk_field *fields = tables[t](&n);
        for (size_t k = 0; k < n; k++)
            if (is_number(&fields[k]) && !find(fields[k].name, 0, t, &which) && i-- == 0)
                return fields[k].name;
    }
    return NULL;
}

static rk_status unknown(const char *name, const char *const *known, size_t n, rk_error *e)
{
    char hint[RK_HINT_MAX];
    rk_name_hint(name, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no measure '%.40s'%s", name, hint);
}

rk_status rk_measure_check(const char *name, rk_error *e)
{
    const char *known[KNOWN_MAX], *rest;
    char diagnostic[512];
    size_t n = 0;
    if (strchr(name, '.')) return rk_found_split(name, diagnostic, sizeof diagnostic, &rest, e);
    for (; n < KNOWN_MAX && (known[n] = rk_measure_name(n)); n++)
        if (strcmp(known[n], name) == 0) return RK_OK;
    return unknown(name, known, n, e);
}

rk_status rk_measure_epoch_check(const char *name, rk_error *e)
{
    const char *known[KNOWN_MAX];
    size_t fields, n = 0;
    const rk_field *epoch = rk_epoch_fields(&fields);
    if (epoch_field(name)) return RK_OK;
    for (size_t i = 0; i < fields; i++)
        if (is_number(&epoch[i])) known[n++] = epoch[i].name;
    return unknown(name, known, n, e);
}

bool rk_measure_percent(const char *name)
{
    static const char *const names[] = {"train",     "test",      "best_test", "changed_labels",
                                        "clean_fit", "noisy_fit", "noisy_true"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return strstr(name, "accuracy") != NULL;
}

/* A count of 0 says that it never came to that. */
static double number_of(const rk_field *f, const void *record)
{
    const char *at = (const char *)record + f->offset;
    int64_t whole;
    double real;
    memcpy(&whole, at, sizeof whole);
    memcpy(&real, at, sizeof real);
    if (f->type == RK_FIELD_REAL) return real;
    bool count = f->type == RK_FIELD_COUNT || strcmp(f->name, "fit_epoch") == 0;
    return count && whole == 0 ? (double)INFINITY : (double)whole;
}

double rk_measure_at(const rk_runs *r, uint32_t run, const char *column, int64_t epoch)
{
    const rk_field *f = epoch_field(column);
    for (uint32_t i = 0; f && i < r->epochs[run]; i++)
        if (r->history[run][i].epoch == epoch) return number_of(f, &r->history[run][i]);
    return NAN;
}

double rk_measure_value(const rk_runs *r, uint32_t run, const char *name)
{
    const rk_run_record *x = r->run[run];
    int which = 0;
    if (strcmp(name, "train") == 0) return x->train_accuracy;
    if (strcmp(name, "test") == 0) return x->test_accuracy;
    const rk_field *f = find(name, 0, N_TABLES, &which);
    if (strchr(name, '.')) return rk_found_of_run(r, run, name);
    bool known = r->epochs[run] > 0 || (f && which == 0 && strcmp(f->group, "result") != 0);
    if (!f || !known) return NAN;
    if (which == 0) return number_of(f, x);
    if (which == 2) return rk_measure_at(r, run, name, x->epochs_done);
    rk_run_measures m = rk_run_measure(r->run[run], r->history[run], r->epochs[run]);
    return number_of(f, &m);
}

/* "NAME=NUMBER" among the parameters of items: behind ':' or ','. */
static double parameter(const char *spec, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = spec ? spec : ""; *p; p++) {
        if ((*p != ':' && *p != ',') || strncmp(p + 1, name, n) != 0 || p[n + 1] != '=') continue;
        char number[40];
        double value;
        const char *text = p + n + 2;
        snprintf(number, sizeof number, "%.*s", (int)strcspn(text, ",+"), text);
        if (rk_parse_f64(number, &value)) return value;
    }
    return NAN;
}

double rk_measure_axis(const rk_runs *r, uint32_t run, const char *name)
{
    const rk_run_record *x = r->run[run];
    const char *const specs[] = {x->randomize, x->regularize, x->data,    x->model,
                                 x->augment,   x->optimizer,  x->schedule};
    if (strcmp(name, "lr") == 0) return x->rate;
    if (strcmp(name, "batch") == 0) return (double)x->batch;
    if (strcmp(name, "epochs") == 0) return (double)x->epochs;
    if (strcmp(name, "seed") == 0) return (double)x->seed;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        double value = parameter(specs[i], name);
        if (isfinite(value)) return value;
    }
    return NAN;
}

void rk_measure_print(const char *name, double value, char *out, size_t cap)
{
    if (isnan(value))
        snprintf(out, cap, "-");
    else if (isinf(value))
        snprintf(out, cap, "never");
    else if (rk_measure_percent(name))
        snprintf(out, cap, "%.2f %%", 100 * value);
    else if (fabs(value) >= 1e7 || (value != 0 && fabs(value) < 1e-3))
        snprintf(out, cap, "%.3g", value);
    else if (fabs(value) >= 100 || value == floor(value))
        snprintf(out, cap, "%.0f", value);
    else
        snprintf(out, cap, "%.4g", value);
}
