/* From the runs of a study to lines of means over seeds. */
#include "base/error.h"
#include "cli/measure.h"
#include "cli/report_plot.h"
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 10, LOG_SPAN = 15 };

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure"); }

void rk_band_add(rk_band *b, double x)
{
    if (!isfinite(x)) return;
    b->least = b->of.n && b->least < x ? b->least : x;
    b->most = b->of.n && b->most > x ? b->most : x;
    rk_moments_add(&b->of, x);
}

/* One standard deviation to either side, and no farther than the values go. */
static void ends(const rk_band *b, double *low, double *high)
{
    double m = rk_moments_mean(&b->of), sd = b->of.n > 1 ? rk_moments_spread(&b->of) : 0;
    *low = m - sd > b->least ? m - sd : b->least;
    *high = m + sd < b->most ? m + sd : b->most;
}

rk_status rk_plot_series(rk_study *s, rk_plot *p, const char *name, uint32_t points,
                         rk_series **out, rk_error *e)
{
    rk_series *r = &p->series[p->n];
    double *room = rk_pool_array(&s->pool, 6 * ((size_t)points + 1), sizeof *room);
    if (!room) return no_memory(e);
    *r = (rk_series){.name = name, .look = p->n % LOOKS};
    double **const arrays[] = {&r->x, &r->y, &r->x_low, &r->x_high, &r->low, &r->high};
    for (size_t i = 0; i < 6; i++) *arrays[i] = room + i * ((size_t)points + 1);
    *out = r;
    return RK_OK;
}

void rk_series_add(rk_series *r, const rk_band *x, const rk_band *y)
{
    uint32_t i = r->n;
    if (!x->of.n || !y->of.n) return;
    r->x[i] = rk_moments_mean(&x->of);
    r->y[i] = rk_moments_mean(&y->of);
    ends(x, &r->x_low[i], &r->x_high[i]);
    ends(y, &r->low[i], &r->high[i]);
    r->n++;
}

static bool is_drawn(const rk_figure *f, const char *label)
{
    return fnmatch(f->only, label, 0) == 0;
}

/* A measure of a label over all seeds. */
static rk_band of_label(const rk_study *s, const char *label, const char *measure, bool axis)
{
    rk_band b = {0};
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        uint32_t run;
        if (!rk_study_find(s, label, s->seed[i], &run)) continue;
        rk_band_add(&b, axis ? rk_measure_axis(s->runs, run, measure)
                             : rk_measure_value(s->runs, run, measure));
    }
    return b;
}

/* ---- curves ---------------------------------------------------------------------------------- */

static uint32_t longest(const rk_study *s, const char *label)
{
    uint32_t n = 0, run;
    for (uint32_t i = 0; i < s->n_seeds; i++)
        if (rk_study_find(s, label, s->seed[i], &run) && s->runs->epochs[run] > n)
            n = s->runs->epochs[run];
    return n;
}

static double progress(const rk_epoch_record *r, const char *x)
{
    if (strcmp(x, "steps") == 0) return (double)r->steps;
    return strcmp(x, "seconds") == 0 ? r->seconds : (double)r->epoch;
}

/* A run that has ended keeps its last value, as long as another seed goes on. */
static void add_epoch(const rk_study *s, const rk_figure *f, const char *x, const char *label,
                      uint32_t at, rk_series *out)
{
    rk_band bx = {0}, by = {0};
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        uint32_t run;
        if (!rk_study_find(s, label, s->seed[i], &run) || !s->runs->epochs[run]) continue;
        uint32_t last = s->runs->epochs[run] - 1;
        const rk_epoch_record *r = &s->runs->history[run][at < last ? at : last];
        if (at <= last) rk_band_add(&bx, progress(r, x));
        rk_band_add(&by, rk_measure_at(s->runs, run, f->y, r->epoch));
    }
    rk_series_add(out, &bx, &by);
}

static rk_status make_curves(rk_study *s, const rk_figure *f, const char *x, rk_plot *p,
                             rk_error *e)
{
    for (uint32_t i = 0; i < s->n_labels; i++) {
        rk_series *r;
        uint32_t n = longest(s, s->label[i]);
        if (!n || !is_drawn(f, s->label[i])) continue;
        RK_TRY(rk_plot_series(s, p, s->label[i], n, &r, e));
        for (uint32_t k = 0; k < n; k++) add_epoch(s, f, x, s->label[i], k, r);
        p->n += r->n > 0;
    }
    return RK_OK;
}

/* ---- sweeps ---------------------------------------------------------------------------------- */

static void sort(rk_series *r)
{
    double *const arrays[] = {r->x, r->y, r->x_low, r->x_high, r->low, r->high};
    for (uint32_t i = 1; i < r->n; i++)
        for (uint32_t k = i; k > 0 && r->x[k] < r->x[k - 1]; k--)
            for (size_t a = 0; a < 6; a++) {
                double swap = arrays[a][k];
                arrays[a][k] = arrays[a][k - 1];
                arrays[a][k - 1] = swap;
            }
}

static rk_status add_sweep(rk_study *s, const rk_figure *f, const char *prefix, rk_plot *p,
                           rk_error *e)
{
    rk_series *r;
    RK_TRY(rk_plot_series(s, p, prefix[0] ? prefix : "measured", s->n_labels, &r, e));
    for (uint32_t i = 0; i < s->n_labels; i++) {
        if (!is_drawn(f, s->label[i]) || strncmp(s->label[i], prefix, strlen(prefix)) != 0)
            continue;
        rk_band x = of_label(s, s->label[i], f->x, true), y = of_label(s, s->label[i], f->y, false);
        rk_series_add(r, &x, &y);
    }
    sort(r);
    p->n += r->n > 0;
    return RK_OK;
}

/* How many texts there are between bars. */
static uint32_t parts(const char *text)
{
    uint32_t n = 1;
    for (; *text; text++) n += *text == '|';
    return n;
}

rk_status rk_plot_split(rk_study *s, const char *text, const char ***list, rk_error *e)
{
    char *rest = rk_pool_string(&s->pool, text);
    const char **out = rk_pool_array(&s->pool, parts(text) + (size_t)1, sizeof *out);
    uint32_t n = 0;
    if (!rest || !out) return no_memory(e);
    while (rest) {
        char *bar = strchr(rest, '|');
        if (bar) *bar = '\0';
        rest += strspn(rest, " ");
        for (size_t k = strlen(rest); k && rest[k - 1] == ' ';) rest[--k] = '\0';
        out[n++] = rest;
        rest = bar ? bar + 1 : NULL;
    }
    *list = out;
    return RK_OK;
}

static rk_status make_sweep(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e)
{
    const char **names;
    RK_TRY(rk_plot_split(s, f->series, &names, e));
    for (uint32_t i = 0; names[i]; i++) RK_TRY(add_sweep(s, f, names[i], p, e));
    return RK_OK;
}

/* ---- frontiers ------------------------------------------------------------------------------- */

/* The first word of "dropout 0.5". */
static size_t family(const char *text) { return strcspn(text, " "); }

static rk_status family_series(rk_study *s, rk_plot *p, const char *rest, rk_series **out,
                               rk_error *e)
{
    size_t n = family(rest);
    for (uint32_t i = 0; i < p->n; i++) {
        *out = &p->series[i];
        if (strlen((*out)->name) == n && strncmp((*out)->name, rest, n) == 0) return RK_OK;
    }
    char *name = rk_pool_copy(&s->pool, rest, n + 1);
    if (!name) return no_memory(e);
    name[n] = '\0';
    RK_TRY(rk_plot_series(s, p, name, s->n_labels, out, e));
    p->n++;
    return RK_OK;
}

/* x is measured of "random dropout 0.5", y of "true dropout 0.5", if series is "random | true". */
static rk_status make_frontier(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e)
{
    const char **names;
    char other[160];
    RK_TRY(rk_plot_split(s, f->series, &names, e));
    if (!names[0] || !names[1])
        return RK_FAIL(e, RK_E_INVALID, "%s:%u: series = a | b: x is of a, y is of b",
                       s->preset->path, f->line);
    size_t n = strlen(names[0]);
    p->x_of = names[0];
    p->y_of = names[1];
    for (uint32_t i = 0; i < s->n_labels; i++) {
        rk_series *r;
        if (strncmp(s->label[i], names[0], n) != 0 || s->label[i][n] != ' ') continue;
        snprintf(other, sizeof other, "%s%s", names[1], s->label[i] + n);
        rk_band x = of_label(s, s->label[i], f->x, false), y = of_label(s, other, f->y, false);
        if (!x.of.n || !y.of.n) continue;
        RK_TRY(family_series(s, p, s->label[i] + n + 1, &r, e));
        rk_series_add(r, &x, &y);
    }
    return RK_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* One series: x is the value, y the row, counted from the top. */
static rk_status make_rows(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e)
{
    rk_series *r;
    p->category = rk_pool_array(&s->pool, s->n_labels + 1, sizeof *p->category);
    if (!p->category) return no_memory(e);
    RK_TRY(rk_plot_series(s, p, "measured", s->n_labels, &r, e));
    for (uint32_t i = 0; i < s->n_labels; i++) {
        rk_band x = of_label(s, s->label[i], f->y, false), row = {0};
        if (!is_drawn(f, s->label[i]) || !x.of.n) continue;
        rk_band_add(&row, p->n_categories);
        p->category[p->n_categories++] = s->label[i];
        rk_series_add(r, &x, &row);
    }
    p->n += r->n > 0;
    return RK_OK;
}

/* ---- the paper ------------------------------------------------------------------------------- */

static const rk_paper *paper_of(const rk_study *s, const char *label, const char *measure)
{
    for (uint32_t i = 0; i < s->preset->n_papers; i++) {
        const rk_paper *p = &s->preset->paper[i];
        if (p->measure && rk_scales_have(p->scales, s->scale) && strcmp(p->label, label) == 0 &&
            strcmp(p->measure, measure) == 0)
            return p;
    }
    return NULL;
}

static void add_paper(rk_series *r, double x, double y, double tolerance, bool rows)
{
    uint32_t i = r->n++;
    r->x[i] = r->x_low[i] = r->x_high[i] = rows ? y : x;
    r->y[i] = r->low[i] = r->high[i] = rows ? x : y;
    *(rows ? &r->x_low[i] : &r->low[i]) = y - tolerance;
    *(rows ? &r->x_high[i] : &r->high[i]) = y + tolerance;
}

/* Numbers of the paper at the places of ours. */
static rk_status add_papers(rk_study *s, const rk_figure *f, rk_plot *p, rk_error *e)
{
    const bool rows = f->kind == RK_FIGURE_BARS;
    rk_plot one = {.series = &p->paper};
    rk_series *r;
    RK_TRY(rk_plot_series(s, &one, "paper", s->n_labels, &r, e));
    for (uint32_t i = 0; i < s->n_labels; i++) {
        const rk_paper *paper = paper_of(s, s->label[i], f->y);
        rk_band x = of_label(s, s->label[i], f->x, true);
        if (!paper || !is_drawn(f, s->label[i]) || (!rows && !x.of.n)) continue;
        uint32_t row = 0;
        while (rows && row < p->n_categories && strcmp(p->category[row], s->label[i]) != 0) row++;
        if (rows && row == p->n_categories) continue;
        add_paper(r, rows ? row : rk_moments_mean(&x.of), paper->value, paper->tolerance, rows);
    }
    sort(r);
    return RK_OK;
}

/* ---- the plot -------------------------------------------------------------------------------- */

static void scale(double *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) x[i] *= 100;
}

static void to_percent(rk_series *r, bool x, bool y)
{
    double *const xs[] = {r->x, r->x_low, r->x_high}, *const ys[] = {r->y, r->low, r->high};
    for (int i = 0; i < 3; i++) {
        if (x) scale(xs[i], r->n);
        if (y) scale(ys[i], r->n);
    }
}

static void finish(rk_plot *p)
{
    double least = INFINITY, most = -INFINITY;
    for (uint32_t i = 0; i < p->n; i++) {
        to_percent(&p->series[i], p->x_percent, p->y_percent);
        for (uint32_t k = 0; k < p->series[i].n; k++) {
            least = fmin(least, p->series[i].x[k]);
            most = fmax(most, p->series[i].x[k]);
        }
    }
    to_percent(&p->paper, p->x_percent, p->y_percent);
    if (p->kind == RK_FIGURE_SWEEP) p->x_log = least > 0 && most / least > LOG_SPAN;
    if (p->n <= RK_SERIES_MAX) return;
    p->left_out = p->n - RK_SERIES_MAX;
    p->n = RK_SERIES_MAX;
}

rk_status rk_plot_make(rk_study *s, const rk_figure *f, const char *x, rk_plot *out, rk_error *e)
{
    const bool rows = f->kind == RK_FIGURE_BARS;
    *out =
        (rk_plot){.kind = f->kind,
                  .title = f->title,
                  .x_name = rows ? f->y
                            : x  ? x
                                 : f->x,
                  .y_name = rows ? "" : f->y,
                  .y_percent = !rows && f->kind != RK_FIGURE_DIAGNOSTIC && rk_measure_percent(f->y),
                  .x_percent = rows ? rk_measure_percent(f->y)
                                    : f->kind == RK_FIGURE_FRONTIER && rk_measure_percent(f->x)};
    out->y_log = f->kind == RK_FIGURE_CURVES ? strstr(f->y, "loss") != NULL : f->log & RK_LOG_Y;
    out->x_log = f->log & RK_LOG_X;
    out->z_log = f->log & RK_LOG_Z;
    out->series =
        rk_pool_array(&s->pool, parts(f->series) * (s->n_labels + (size_t)1), sizeof *out->series);
    rk_status status = out->series ? RK_OK : no_memory(e);
    if (status == RK_OK) switch (f->kind) {
        case RK_FIGURE_CURVES: status = make_curves(s, f, x ? x : f->x, out, e); break;
        case RK_FIGURE_SWEEP: status = make_sweep(s, f, out, e); break;
        case RK_FIGURE_FRONTIER: status = make_frontier(s, f, out, e); break;
        case RK_FIGURE_BARS: status = make_rows(s, f, out, e); break;
        case RK_FIGURE_DIAGNOSTIC: status = rk_plot_diagnostic(s, f, out, e); break;
        }
    if (status == RK_OK && (rows || f->kind == RK_FIGURE_SWEEP)) status = add_papers(s, f, out, e);
    if (status == RK_OK) finish(out);
    return status;
}
