#include "cli/measure.h"
#include "base/error.h"
#include "base/text.h"
#include "data/names.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MAX = 128 };

/* How far a run had come when something was true for the first time. */
static const struct goal {
    const char *name;
    double loss, accuracy; /* one of the two is asked for, the other is always true */
} goals[] = {{"fit", INFINITY, 1},
             {"acc99", INFINITY, 0.99},
             {"loss05", 0.5, -INFINITY},
             {"loss01", 0.1, -INFINITY}};
static const char *const own[] = {
    "train",          "test",          "best_test",     "best_epoch",
    "epochs_fit",     "steps_fit",     "seconds_fit",   "epochs_acc99",
    "steps_acc99",    "seconds_acc99", "epochs_loss05", "steps_loss05",
    "seconds_loss05", "epochs_loss01", "steps_loss01",  "seconds_loss01"};
enum { N_OWN = sizeof own / sizeof *own };

static bool is_number(const rk_field *f)
{
    return f->type == RK_FIELD_WHOLE || f->type == RK_FIELD_REAL;
}

static const rk_field *field_of(const rk_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (is_number(&fields[i]) && strcmp(fields[i].name, name) == 0) return &fields[i];
    return NULL;
}

static const rk_field *run_field(const char *name)
{
    size_t n;
    const rk_field *fields = rk_run_fields(&n);
    return field_of(fields, n, name);
}

static const rk_field *epoch_field(const char *name)
{
    size_t n;
    const rk_field *fields = rk_epoch_fields(&n);
    return field_of(fields, n, name);
}

/* Own names, then columns of runs, then those of epochs that runs do not have. */
const char *rk_measure_name(size_t i)
{
    size_t n_run, n_epoch;
    const rk_field *run = rk_run_fields(&n_run), *epoch = rk_epoch_fields(&n_epoch);
    if (i < N_OWN) return own[i];
    i -= N_OWN;
    for (size_t k = 0; k < n_run; k++)
        if (is_number(&run[k]) && i-- == 0) return run[k].name;
    for (size_t k = 0; k < n_epoch; k++)
        if (is_number(&epoch[k]) && !run_field(epoch[k].name) && i-- == 0) return epoch[k].name;
    return NULL;
}

static rk_status unknown(const char *name, const char *const *known, size_t n, rk_error *e)
{
    char hint[320];
    rk_name_hint(name, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no measure '%.40s'%s", name, hint);
}

rk_status rk_measure_check(const char *name, rk_error *e)
{
    const char *known[KNOWN_MAX];
    size_t n = 0;
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

static double number_of(const rk_field *f, const void *record)
{
    const char *at = (const char *)record + f->offset;
    int64_t whole;
    double real;
    memcpy(&whole, at, sizeof whole);
    memcpy(&real, at, sizeof real);
    return f->type == RK_FIELD_WHOLE ? (double)whole : real;
}

double rk_measure_at(const rk_runs *r, uint32_t run, const char *column, int64_t epoch)
{
    const rk_field *f = epoch_field(column);
    for (uint32_t i = 0; f && i < r->epochs[run]; i++)
        if (r->history[run][i].epoch == epoch) return number_of(f, &r->history[run][i]);
    return NAN;
}

/* The first epoch of the highest test accuracy; 0 if there is no epoch. */
static int64_t best_epoch(const rk_runs *r, uint32_t run)
{
    double best = -1;
    int64_t epoch = 0;
    for (uint32_t i = 0; i < r->epochs[run]; i++) {
        const rk_epoch_record *x = &r->history[run][i];
        if (!(x->test_accuracy > best)) continue;
        best = x->test_accuracy;
        epoch = x->epoch;
    }
    return epoch;
}

static double progress(const rk_epoch_record *x, const char *unit)
{
    if (strcmp(unit, "steps") == 0) return (double)x->steps;
    return strcmp(unit, "seconds") == 0 ? x->seconds : (double)x->epoch;
}

/* name is UNIT_GOAL; *out is set if it is. */
static bool until(const rk_runs *r, uint32_t run, const char *name, double *out)
{
    const char *bar = strchr(name, '_');
    char unit[16];
    if (!bar || bar - name >= (long)sizeof unit) return false;
    snprintf(unit, sizeof unit, "%.*s", (int)(bar - name), name);
    for (size_t k = 0; k < sizeof goals / sizeof *goals; k++) {
        if (strcmp(bar + 1, goals[k].name) != 0) continue;
        *out = r->epochs[run] ? (double)INFINITY : (double)NAN;
        for (uint32_t i = r->epochs[run]; i-- > 0;) {
            const rk_epoch_record *x = &r->history[run][i];
            if (x->train_loss <= goals[k].loss && x->train_accuracy >= goals[k].accuracy)
                *out = progress(x, unit);
        }
        return true;
    }
    return false;
}

double rk_measure_value(const rk_runs *r, uint32_t run, const char *name)
{
    const rk_run_record *x = r->run[run];
    double value = NAN;
    if (strcmp(name, "train") == 0) return x->train_accuracy;
    if (strcmp(name, "test") == 0) return x->test_accuracy;
    if (strcmp(name, "best_epoch") == 0) return (double)best_epoch(r, run);
    if (strcmp(name, "best_test") == 0)
        return rk_measure_at(r, run, "test_accuracy", best_epoch(r, run));
    if (until(r, run, name, &value)) return value;
    if (run_field(name)) return number_of(run_field(name), x);
    return rk_measure_at(r, run, name, x->epochs_done);
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
