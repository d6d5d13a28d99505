/* Variance: how far repetitions and starts of processes are apart, and whether the machine was
 * quiet. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNSTEADY = 5 }; /* so many of the least steady are listed */

/* Values that are times or rates, not counts. */
static bool is_measured(const rk_bench_value *v)
{
    static const char *const counted[] = {"flop",     "bytes",         "images",      "equal",
                                          "launches", "device memory", "host memory", "support"};
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (strcmp(v->name, counted[i]) == 0) return false;
    return strcmp(v->suite, "op") == 0 || strcmp(v->suite, "step") == 0 ||
           strcmp(v->suite, "roofline") == 0;
}

typedef struct unsteady {
    const rk_bench_value *v;
    rk_aggregate a;
} unsteady;

/* Keeps the least steady of all, worst first. */
static void keep(unsteady *worst, const rk_bench_value *v, const rk_aggregate *a)
{
    if (!isfinite(a->between)) return;
    for (int i = 0; i < UNSTEADY; i++) {
        if (worst[i].v && worst[i].a.between >= a->between) continue;
        memmove(worst + i + 1, worst + i, sizeof *worst * (size_t)(UNSTEADY - 1 - i));
        worst[i] = (unsteady){v, *a};
        return;
    }
}

typedef struct variance {
    rk_spread within, between, reach;
    uint32_t processes;
    unsteady worst[UNSTEADY];
} variance;

static rk_status measure(const rk_platform *x, variance *out, rk_error *e)
{
    const rk_bench *b = x->bench;
    double *within = calloc(2 * (size_t)b->n_value + 1, sizeof *within);
    double *between = within + b->n_value;
    int64_t n_within = 0, n_between = 0;
    *out = (variance){0};
    if (!within) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    for (uint32_t i = 0; i < b->n_value;) {
        const rk_bench_value *v = &b->value[i];
        uint32_t n = rk_aggregate_run(v, b->n_value - i);
        i += n;
        if (v->device != x->device->device || !is_measured(v)) continue;
        rk_aggregate a = rk_aggregate_of(v, n);
        if (a.processes > out->processes) out->processes = a.processes;
        if (isfinite(a.within)) within[n_within++] = a.within;
        if (isfinite(a.between)) between[n_between++] = a.between;
        keep(out->worst, v, &a);
    }
    out->within = rk_spread_of(within, n_within);
    out->between = rk_spread_of(between, n_between);
    out->reach = rk_versus_reach(b, x->device->device, within);
    free(within);
    return RK_OK;
}

static void percent(rk_sheet *t, double x)
{
    if (isfinite(x))
        rk_sheet_cell(t, "%.1f %%", 100 * x);
    else
        rk_sheet_soft(t, "-");
}

static void drift_cell(rk_sheet *t, const rk_aggregate *a)
{
    double farthest = fmax(fabs(a->least - 1), fabs(a->most - 1));
    if (a->n < 1)
        rk_bench_cell(t, a, "");
    else if (farthest > RK_DRIFT_MOST)
        rk_sheet_bad(t, "%+.1f %%", 100 * ((a->most - 1 >= farthest ? a->most : a->least) - 1));
    else
        rk_sheet_cell(t, "%+.1f %%", 100 * (a->median - 1));
}

static rk_status row(rk_sheet *t, const rk_bench_report *b, uint32_t i, variance *v, rk_error *e)
{
    rk_aggregate drift, load, clock;
    RK_TRY(measure(&b->p.platform[i], v, e));
    rk_bench_find(b, i, "machine", "", "", "drift", &drift);
    rk_bench_find(b, i, "machine", "", "", "load", &load);
    rk_bench_find(b, i, "machine", "", "", "clock", &clock);
    rk_sheet_row(t, "%s", b->tag[i]);
    rk_sheet_cell(t, "%u", v->processes);
    percent(t, v->within.median);
    percent(t, v->within.most);
    percent(t, v->between.median);
    percent(t, v->between.most);
    percent(t, v->reach.median);
    drift_cell(t, &drift);
    rk_bench_cell(t, &load, "");
    rk_bench_cell(t, &clock, "Hz");
    return RK_OK;
}

static void list_worst(FILE *f, const rk_bench_report *b, uint32_t i, const variance *v)
{
    if (!v->worst[0].v) return;
    fputs("<li>", f);
    rk_html(f, b->tag[i]);
    for (int k = 0; k < UNSTEADY && v->worst[k].v; k++) {
        const rk_bench_value *x = v->worst[k].v;
        const char *const words[] = {x->subject, x->tier, x->name};
        fputs(k ? "; " : ": ", f);
        for (int w = 0; w < 3; w++) {
            if (!words[w][0]) continue;
            rk_html(f, words[w]);
            fputc(' ', f);
        }
        fprintf(f, "%.1f %%", 100 * v->worst[k].a.between);
    }
    fputs(".\n", f);
}

rk_status rk_bench_part_variance(FILE *f, const rk_bench_report *b, rk_error *e)
{
    static const char *const heads[] = {"processes",       "within, median", "within, most",
                                        "between, median", "between, most",  "another bench",
                                        "drift",           "load",           "clock"};
    variance *v = calloc(b->p.n_platforms + (size_t)1, sizeof *v);
    rk_sheet *t = rk_sheet_new();
    rk_status status = v ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    rk_sheet_column(t, 'l', "device");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        rk_sheet_column(t, 'r', "%s", heads[i]);
    for (uint32_t i = 0; status == RK_OK && i < b->p.n_platforms; i++)
        status = row(t, b, i, &v[i], e);
    fputs(
        "<section>\n<h2>Variance</h2>\n<p class=note>Coefficients of variation of times and "
        "rates: of the repetitions within a process, and of the medians of processes. "
        "<em>Another bench</em>: so far another such bench may be from a number (the median one) "
        "while nothing changes, with a probability of 95 %; Student's t over processes. Two "
        "benches are compared by <code>rethink bench --compare</code>. Drift is "
        "the rate of the last matrix product over the first's, marked from 2 % on: then the clock "
        "changed, or something else ran. Repetitions of contenders were interleaved.\n",
        f);
    if (status == RK_OK) status = rk_sheet_write(t, "", f, e);
    if (status == RK_OK)
        fputs("<p class=note>Least steady between processes:\n<ul class=note>\n", f);
    for (uint32_t i = 0; status == RK_OK && i < b->p.n_platforms; i++) list_worst(f, b, i, &v[i]);
    fputs("</ul>\n</section>\n", f);
    rk_sheet_free(t);
    free(v);
    return status;
}
