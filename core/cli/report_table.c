/* The table of a group: a row per randomization and device. */
#include "cli/report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The runs of one row, and room for one number of each. */
typedef struct row {
    uint32_t *run, n;
    double *value;
} row;

static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static bool same_row(const rk_run_record *a, const rk_run_record *b)
{
    return same(a->randomize, b->randomize) && same(a->device, b->device) &&
           same(a->numerics, b->numerics);
}

/* The row that the group's at-th run begins; false if an earlier run has begun it. */
static bool begin_row(const rk_runs *r, const rk_group *g, uint32_t at, row *out)
{
    const rk_run_record *first = r->run[g->runs.index[at]];
    out->n = 0;
    for (uint32_t i = 0; i < g->runs.n; i++) {
        uint32_t run = g->runs.index[i];
        if (!same_row(first, r->run[run])) continue;
        if (i < at) return false;
        out->run[out->n++] = run;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts; NaN if there is nothing. */
static double median(double *x, uint32_t n)
{
    if (n == 0) return NAN;
    qsort(x, n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* "12", or "12 (11-14)" if runs differ. */
static void print_spread(FILE *f, double *x, uint32_t n, int digits, const char *unit)
{
    double middle = median(x, n);
    if (n == 0) {
        fputs("-", f);
        return;
    }
    fprintf(f, "%.*f%s", digits, middle, unit);
    if (x[0] < x[n - 1])
        fprintf(f, " <small>(%.*f\xe2\x80\x93%.*f)</small>", digits, x[0], digits, x[n - 1]);
}

static void print_fit(FILE *f, const rk_runs *r, const row *w)
{
    uint32_t fit = 0;
    for (uint32_t i = 0; i < w->n; i++)
        if (r->run[w->run[i]]->fit_epoch > 0)
            w->value[fit++] = (double)r->run[w->run[i]]->fit_epoch;
    fputs("<td class=n>", f);
    print_spread(f, w->value, fit, 0, "");
    if (fit < w->n && w->n > 1) fprintf(f, " <small>%u of %u fit</small>", fit, w->n);
    fputs("</td>", f);
}

static void print_number(FILE *f, const rk_runs *r, const row *w, size_t column, double scale,
                         int digits, const char *unit)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        double x;
        memcpy(&x, (const char *)r->run[w->run[i]] + column, sizeof x);
        if (isfinite(x)) w->value[n++] = scale * x;
    }
    fputs("<td class=n>", f);
    print_spread(f, w->value, n, digits, unit);
    fputs("</td>", f);
}

static void print_time(FILE *f, const rk_runs *r, const row *w)
{
    for (uint32_t i = 0; i < w->n; i++) w->value[i] = r->run[w->run[i]]->seconds;
    fprintf(f, "<td class=n>%.1f s</td>", median(w->value, w->n));
}

static void print_digest(FILE *f, const rk_runs *r, const row *w)
{
    const char *first = r->run[w->run[0]]->digest;
    uint32_t others = 0;
    for (uint32_t i = 1; i < w->n; i++) others += !same(r->run[w->run[i]]->digest, first);
    fputs("<td>", f);
    if (others)
        fprintf(f, "%u runs", w->n);
    else if (first && first[0])
        fprintf(f, "<code>%.12s</code>", first);
    else
        fputs("-", f);
    fputs("</td>", f);
}

/* What the runs of one randomization say of the bits: pairs on different devices or with different
 * drivers, and those of them that differ. */
typedef struct verdict {
    uint32_t pairs, different;
    int64_t epoch;
} verdict;

/* Devices of two machines may have one spec. */
static bool same_device(const rk_run_record *a, const rk_run_record *b)
{
    return same(a->device, b->device) && same(a->device_name, b->device_name) &&
           same(a->driver, b->driver);
}

static verdict judge(const rk_runs *r, const rk_group *g, const char *kind)
{
    verdict v = {0};
    for (uint32_t i = 0; i < g->runs.n; i++)
        for (uint32_t k = 0; k < i; k++) {
            uint32_t a = g->runs.index[k], b = g->runs.index[i];
            bool pair = same(r->run[a]->randomize, kind) && rk_runs_comparable(r, a, b) &&
                        !same_device(r->run[a], r->run[b]);
            if (!pair) continue;
            int64_t epoch = rk_runs_first_difference(r, a, b);
            v.pairs++;
            v.different += epoch > 0;
            if (epoch > 0 && (v.epoch == 0 || epoch < v.epoch)) v.epoch = epoch;
        }
    return v;
}

static void print_verdict(FILE *f, const rk_runs *r, const rk_group *g, const char *kind,
                          uint32_t rows)
{
    verdict v = judge(r, g, kind);
    fprintf(f, "<td rowspan=%u>", rows);
    if (v.pairs == 0)
        fputs("-", f);
    else if (v.different == 0)
        fputs("<b class=good>yes</b>", f);
    else
        fprintf(f, "<b class=bad>no</b>, from epoch %lld", (long long)v.epoch);
    fputs("</td>", f);
}

static void print_kind(FILE *f, const rk_group *g, uint32_t kind, uint32_t rows)
{
    char title[128];
    rk_look look = rk_report_look(g, kind);
    rk_randomize_title(g->kind[kind], title, sizeof title);
    fprintf(f, "<th scope=row rowspan=%u>", rows);
    rk_report_key(f, look);
    rk_html(f, title);
    fputs("</th>", f);
}

static void print_row(FILE *f, const rk_runs *r, const row *w)
{
    const rk_run_record *first = r->run[w->run[0]];
    fputs("<td>", f);
    rk_html(f, first->device);
    if (!same(first->numerics, "exact")) fputs(" <small>fast numerics</small>", f);
    fprintf(f, "</td><td class=n>%u</td>", w->n);
    print_fit(f, r, w);
    print_number(f, r, w, offsetof(rk_run_record, train_accuracy), 100, 2, " %");
    print_number(f, r, w, offsetof(rk_run_record, test_accuracy), 100, 2, " %");
    print_time(f, r, w);
    print_digest(f, r, w);
}

static void print_rows(FILE *f, const rk_runs *r, const rk_group *g, uint32_t kind, row *w)
{
    uint32_t rows = 0, done = 0;
    for (uint32_t i = 0; i < g->runs.n; i++)
        rows += same(r->run[g->runs.index[i]]->randomize, g->kind[kind]) && begin_row(r, g, i, w);
    for (uint32_t i = 0; i < g->runs.n; i++) {
        if (!same(r->run[g->runs.index[i]]->randomize, g->kind[kind]) || !begin_row(r, g, i, w))
            continue;
        fputs(done ? "<tr>" : "<tr class=first>", f);
        if (done == 0) print_kind(f, g, kind, rows);
        print_row(f, r, w);
        if (done == 0) print_verdict(f, r, g, g->kind[kind], rows);
        fputs("</tr>\n", f);
        done++;
    }
}

rk_status rk_report_table(FILE *f, const rk_runs *r, const rk_group *g, rk_error *e)
{
    row w = {.run = calloc(g->runs.n + 1, sizeof *w.run),
             .value = calloc(g->runs.n + 1, sizeof *w.value)};
    rk_status status = RK_OK;
    if (w.run && w.value) {
        fputs(
            "<div class=wide><table>\n<thead><tr><th scope=col>randomization<th scope=col>device"
            "<th scope=col class=n>runs<th scope=col class=n>epochs to fit"
            "<th scope=col class=n>training accuracy<th scope=col class=n>test accuracy"
            "<th scope=col class=n>time<th scope=col>weights<th scope=col>same bits</tr></thead>\n"
            "<tbody>\n",
            f);
        for (uint32_t k = 0; k < g->n_kinds; k++) print_rows(f, r, g, k, &w);
        fputs("</tbody></table></div>\n", f);
    } else {
        status = RK_FAIL(e, RK_E_NOMEM, "no memory for a table of %u runs", g->runs.n);
    }
    free(w.run);
    free(w.value);
    return status;
}

/* ---- the summary ----------------------------------------------------------------------------- */

static double median_test(const rk_runs *r, const rk_group *g, const char *kind, double *value)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->runs.n; i++) {
        const rk_run_record *run = r->run[g->runs.index[i]];
        if (same(run->randomize, kind) && isfinite(run->test_accuracy))
            value[n++] = run->test_accuracy;
    }
    return 100 * median(value, n);
}

static void print_tests(FILE *f, const rk_runs *r, const rk_group *g)
{
    char title[128];
    double *value = calloc(g->runs.n + 1, sizeof *value);
    bool first = true;
    for (uint32_t k = 0; value && k < g->n_kinds; k++) {
        double x = median_test(r, g, g->kind[k], value);
        if (!isfinite(x)) continue;
        rk_randomize_title(g->kind[k], title, sizeof title);
        fprintf(f, first ? "test accuracy is <b>%.1f %%</b> with " : ", %.1f %% with ", x);
        rk_html(f, title);
        first = false;
    }
    if (!first) fputs(".", f);
    free(value);
}

static void print_bits(FILE *f, const rk_runs *r, const rk_groups *all)
{
    uint32_t pairs = 0, different = 0;
    for (uint32_t i = 0; i < all->n; i++)
        for (uint32_t k = 0; k < all->group[i].n_kinds; k++) {
            verdict v = judge(r, &all->group[i], all->group[i].kind[k]);
            pairs += v.pairs;
            different += v.different;
        }
    if (pairs == 0) return;
    if (different == 0)
        fprintf(f,
                "<li><b class=good>Same bits.</b> In all %u comparisons between devices the "
                "weights had equal digests after every epoch.\n",
                pairs);
    else
        fprintf(f,
                "<li><b class=bad>Different bits.</b> In %u of %u comparisons between devices "
                "the weights had different digests.\n",
                different, pairs);
}

void rk_report_summary(FILE *f, const rk_runs *r, const rk_groups *some, const rk_groups *all)
{
    uint32_t fit = 0, unfinished = 0, fallback = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        fit += r->run[i]->fit_epoch > 0;
        unfinished += !same(r->run[i]->status, "done");
        fallback += r->run[i]->steps_fallback > 0;
    }
    fprintf(f, "<ul class=summary>\n<li>%u of %u runs fitted every training example.\n", fit, r->n);
    for (uint32_t i = 0; i < some->n; i++) {
        char model[200], data[200];
        rk_runs_brief(r, some->group[i].runs.index[0], offsetof(rk_run_record, model), model,
                      sizeof model);
        rk_runs_brief(r, some->group[i].runs.index[0], offsetof(rk_run_record, data), data,
                      sizeof data);
        fputs("<li>", f);
        rk_html(f, model);
        fputs(" on ", f);
        rk_html(f, data);
        fputs(": ", f);
        print_tests(f, r, &some->group[i]);
        fputc('\n', f);
    }
    print_bits(f, r, all);
    if (unfinished)
        fprintf(f,
                "<li><b class=bad>Not all done:</b> %u of %u runs have stopped early, failed or "
                "are running.\n",
                unfinished, r->n);
    if (fallback)
        fprintf(f,
                "<li><b class=bad>Fallback:</b> in %u of %u runs the device could not do all "
                "steps; see provenance.\n",
                fallback, r->n);
    fputs("</ul>\n", f);
}
