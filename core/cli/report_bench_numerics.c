/* Numerics: errors of operations, and how far fast training goes from exact training. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <string.h>

static const char *const tiers[] = {"exact", "fast"};
enum { TIERS = 2, CURVES = 2 };

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure"); }

/* ---- errors ---------------------------------------------------------------------------------- */

static void error_cell(rk_sheet *t, const rk_bench_report *b, uint32_t i, uint32_t problem, int k)
{
    const char *subject = b->p.problem[problem].subject, *tier = tiers[k];
    const rk_merit *m = rk_portability_merit(&b->p, problem, (rk_application)k, i);
    rk_aggregate most, mean, equal;
    rk_bench_find(b, i, "numerics", subject, tier, "ulp max", &most);
    rk_bench_find(b, i, "numerics", subject, tier, "ulp mean", &mean);
    rk_bench_find(b, i, "numerics", subject, tier, "equal", &equal);
    rk_short text = rk_bench_number(most.most);
    if (most.n < 1 && equal.n < 1)
        rk_bench_cell(t, &most, "");
    else if (m->state == RK_WRONG)
        rk_sheet_bad(t, "%s, %s", text.s, k ? "wrong" : "other bits");
    else if (equal.n > 0 && equal.least >= 1)
        rk_sheet_cell(t, "%s, same bits", text.s);
    else
        rk_sheet_cell(t, "%s", text.s);
    if (mean.n > 0) rk_sheet_note(t, "mean %.2g", mean.median);
}

static bool has_numerics(const rk_bench_report *b, const char *subject, const char *tier)
{
    rk_aggregate a;
    for (uint32_t i = 0; i < b->p.n_platforms; i++)
        if (rk_bench_find(b, i, "numerics", subject, tier, "ulp max", &a) ||
            rk_bench_find(b, i, "numerics", subject, tier, "equal", &a))
            return true;
    return false;
}

static bool has_errors(const rk_bench_report *b)
{
    for (uint32_t k = 0; k < b->p.n_problems; k++)
        for (int tier = 0; tier < TIERS; tier++)
            if (has_numerics(b, b->p.problem[k].subject, tiers[tier])) return true;
    return false;
}

static rk_status write_errors(FILE *f, const rk_bench_report *b, rk_error *e)
{
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "operation");
    rk_sheet_column(t, 'l', "tier");
    rk_bench_columns(t, b);
    for (uint32_t k = 0; k < b->p.n_problems; k++)
        for (int tier = 0; tier < TIERS; tier++) {
            const char *subject = b->p.problem[k].subject;
            if (strcmp(b->p.problem[k].suite, "op") != 0) continue;
            if (!has_numerics(b, subject, tiers[tier])) continue;
            rk_sheet_row(t, "%s", subject);
            rk_sheet_cell(t, "%s", tiers[tier]);
            for (uint32_t i = 0; i < b->p.n_platforms; i++) error_cell(t, b, i, k, tier);
        }
    rk_status status = RK_OK;
    if (rk_sheet_rows(t)) {
        fputs("<h3>Errors of operations</h3>\n<p class=note>The largest and the mean error against "
              "double precision, in units of 2<sup>-23</sup> of the sum of the terms' magnitudes, "
              "and whether the bits are those of the reference, the cpu backend.\n",
              f);
        status = rk_sheet_write(t, "", f, e);
    }
    rk_sheet_free(t);
    return status;
}

/* ---- distance -------------------------------------------------------------------------------- */

typedef struct curves {
    const rk_bench_report *b;
    const char *subject;
    rk_series *series;
    uint32_t n;
    rk_pool pool;
} curves;

/* Exact runs have the same bits on every device: their curve is drawn once. */
static bool is_known(curves *c, const rk_series *s)
{
    const size_t bytes = s->n * sizeof *s->y;
    for (uint32_t i = 0; i < c->n; i++) {
        rk_series *other = &c->series[i];
        if (other->n != s->n || memcmp(other->y, s->y, bytes) != 0) continue;
        const char *dot = strrchr(s->name, ',');
        other->name = dot ? dot + 2 : s->name;
        return true;
    }
    return false;
}

/* Points of a tier of a workload; zeros, which are no points of a log plot, are counted. */
static rk_status add_curve(curves *c, uint32_t platform, const char *tier, uint32_t look,
                           uint32_t *zeros, rk_error *e)
{
    const rk_platform *x = &c->b->p.platform[platform];
    uint32_t n;
    char name[160];
    const rk_bench_value *v = rk_aggregate_suite(x->bench, x->device->device, "distance", &n);
    rk_series *s = &c->series[c->n];
    snprintf(name, sizeof name, "%.120s, %s", c->b->tag[platform], tier);
    if (!rk_bench_series(&c->pool, s, rk_pool_string(&c->pool, name), n, look) || !s->name)
        return no_memory(e);
    for (uint32_t i = 0; i < n; i += rk_aggregate_run(v + i, n - i)) {
        if (strcmp(v[i].subject, c->subject) != 0 || strcmp(v[i].tier, tier) != 0) continue;
        rk_aggregate a = rk_aggregate_of(v + i, rk_aggregate_run(v + i, n - i));
        *zeros += a.n > 0 && a.median <= 0;
        if (a.n < 1 || a.median <= 0 || v[i].x <= 0) continue;
        s->x[s->n] = s->x_low[s->n] = s->x_high[s->n] = v[i].x;
        s->y[s->n] = a.median;
        s->low[s->n] = a.least > 0 ? a.least : a.median;
        s->high[s->n++] = a.most;
    }
    if (s->n > 0 && !is_known(c, s)) c->n++;
    return RK_OK;
}

static rk_status draw_curves(FILE *f, const curves *c, uint32_t zeros, uint32_t *number,
                             rk_error *e)
{
    char caption[500];
    rk_plot plot = {.kind = RK_FIGURE_SWEEP, .x_log = true, .y_log = true};
    plot.x_name = "steps";
    plot.y_name = "relative distance";
    plot.series = c->series;
    plot.n = c->n;
    snprintf(caption, sizeof caption,
             "%.200s: relative distance of all weights to those of the exact run on the same "
             "device.%s",
             c->subject,
             zeros ? " A distance of 0, the same bits, is no point of a logarithmic plot." : "");
    rk_bench_figure figure = {.plot = &plot, .caption = caption, .file = "distance"};
    return rk_bench_draw(f, &figure, number, e);
}

static rk_status write_distance(FILE *f, const rk_bench_report *b, const char *subject,
                                uint32_t *number, rk_error *e)
{
    static const char *const kinds[CURVES] = {"fast", "perturbed"};
    curves c = {.b = b, .subject = subject};
    uint32_t zeros = 0;
    c.series = rk_pool_array(&c.pool, (size_t)CURVES * b->p.n_platforms + 1, sizeof *c.series);
    rk_status status = c.series ? RK_OK : no_memory(e);
    for (uint32_t i = 0; status == RK_OK && i < b->p.n_platforms; i++)
        for (uint32_t k = 0; status == RK_OK && k < CURVES; k++)
            status = add_curve(&c, i, kinds[k], CURVES * i + k, &zeros, e);
    if (status == RK_OK && c.n) status = draw_curves(f, &c, zeros, number, e);
    if (status == RK_OK && !c.n && zeros) {
        fputs("<p>", f);
        rk_html(f, subject);
        fputs(": fast training had the bits of exact training after every step.\n", f);
    }
    rk_pool_free(&c.pool);
    return status;
}

/* The next subject of the suite 'distance' after a text, of all devices; NULL: none. */
static const char *next_subject(const rk_bench_report *b, const char *after)
{
    const char *best = NULL;
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        uint32_t n;
        const rk_platform *x = &b->p.platform[i];
        const rk_bench_value *v = rk_aggregate_suite(x->bench, x->device->device, "distance", &n);
        for (uint32_t k = 0; k < n; k++)
            if (strcmp(v[k].subject, after) > 0 && (!best || strcmp(v[k].subject, best) < 0))
                best = v[k].subject;
    }
    return best;
}

rk_status rk_bench_part_numerics(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e)
{
    const char *subject = next_subject(b, "");
    fputs("<section>\n<h2>Numerics</h2>\n", f);
    if (!subject && !has_errors(b)) fputs("<p class=note>Not measured.\n", f);
    if (subject)
        fputs(
            "<h3>How far fast training goes from exact training</h3>\n<p class=note>Beside it "
            "the exact run that began one ULP away: what any difference grows to. As long as fast "
            "stays near that curve, it is no worse than the last bit of a weight.\n<div "
            "class=figures>\n",
            f);
    for (const char *s = subject; s; s = next_subject(b, s))
        RK_TRY(write_distance(f, b, s, number, e));
    if (subject) fputs("</div>\n", f);
    RK_TRY(write_errors(f, b, e));
    fputs("</section>\n", f);
    return RK_OK;
}
