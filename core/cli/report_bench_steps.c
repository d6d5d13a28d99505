/* Training: steps of each workload, and the time until random labels are memorized. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <string.h>

static const char *const tiers[] = {"exact", "fast"};
enum { TIERS = 2, LOG_SPAN = 20 };

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure"); }

/* ---- figures --------------------------------------------------------------------------------- */

/* A row for each device, a point for each tier; what is drawn of one of them. */
typedef struct dots {
    const rk_bench_report *b;
    const rk_problem *problem;
    rk_series series[TIERS];
    rk_pool pool;
} dots;

static void point(rk_series *s, double x, double low, double high, double row)
{
    if (!(x > 0) || !isfinite(x)) return;
    s->x[s->n] = x;
    s->x_low[s->n] = isfinite(low) ? low : x;
    s->x_high[s->n] = isfinite(high) ? high : x;
    s->y[s->n] = s->low[s->n] = s->high[s->n] = row;
    s->n++;
}

static void fill(dots *d, bool rates)
{
    const char *subject = d->problem->subject;
    for (int t = 0; t < TIERS; t++)
        for (uint32_t i = 0; i < d->b->p.n_platforms; i++) {
            rk_aggregate s, images;
            rk_bench_find(d->b, i, d->problem->suite, subject, tiers[t], "seconds", &s);
            rk_bench_find(d->b, i, d->problem->suite, subject, tiers[t], "images", &images);
            double n = images.median, row = i + (t ? 0.15 : -0.15);
            if (s.n < 1) continue;
            if (rates)
                point(&d->series[t], n / s.median, n / s.most, n / s.least, row);
            else
                point(&d->series[t], s.mean, fmax(s.mean - s.sd, s.least),
                      fmin(s.mean + s.sd, s.most), row);
        }
}

static bool far_apart(const dots *d)
{
    double least = INFINITY, most = 0;
    for (int t = 0; t < TIERS; t++)
        for (uint32_t i = 0; i < d->series[t].n; i++) {
            least = fmin(least, d->series[t].x[i]);
            most = fmax(most, d->series[t].x[i]);
        }
    return most > LOG_SPAN * least;
}

static rk_status draw(FILE *f, const rk_bench_report *b, const rk_problem *q, bool rates,
                      uint32_t *number, rk_error *e)
{
    static const char *const names[TIERS] = {"rethink exact", "rethink fast"};
    dots d = {.b = b, .problem = q};
    char caption[300];
    bool good = true;
    for (uint32_t t = 0; t < TIERS; t++)
        good = good && rk_bench_series(&d.pool, &d.series[t], names[t], b->p.n_platforms, t);
    if (good) fill(&d, rates);
    rk_status status = good ? RK_OK : no_memory(e);
    rk_plot plot = {.kind = RK_FIGURE_BARS, .y_name = "", .title = q->subject};
    plot.x_name = rates ? "images/s" : "seconds";
    plot.category = b->tag;
    plot.n_categories = b->p.n_platforms;
    plot.series = d.series;
    plot.n = TIERS;
    plot.x_log = far_apart(&d);
    snprintf(caption, sizeof caption,
             rates ? "Training %.200s: median, and all repetitions."
                   : "Memorizing with %.200s: mean and standard deviation "
                     "over seeds.",
             q->subject);
    rk_bench_figure figure = {
        .plot = &plot, .caption = caption, .file = rates ? "training" : "memorize"};
    while (plot.n && plot.series[plot.n - 1].n == 0) plot.n--;
    if (status == RK_OK && plot.n) status = rk_bench_draw(f, &figure, number, e);
    rk_pool_free(&d.pool);
    return status;
}

static rk_status draw_all(FILE *f, const rk_bench_report *b, const char *suite, uint32_t *number,
                          rk_error *e)
{
    rk_status status = RK_OK;
    fputs("<div class='figures pair'>\n", f);
    for (uint32_t i = 0; status == RK_OK && i < b->p.n_problems; i++)
        if (strcmp(b->p.problem[i].suite, suite) == 0)
            status = draw(f, b, &b->p.problem[i], strcmp(suite, "step") == 0, number, e);
    fputs("</div>\n", f);
    return status;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void value(rk_sheet *t, const rk_bench_report *b, uint32_t platform, const rk_problem *q,
                  int tier, const char *name, const char *unit)
{
    rk_aggregate a;
    rk_bench_find(b, platform, q->suite, q->subject, tiers[tier], name, &a);
    rk_bench_cell(t, &a, unit);
}

/* A part of the step's time. */
static void part(rk_sheet *t, const rk_bench_report *b, uint32_t platform, const rk_problem *q,
                 int tier, const char *name)
{
    rk_aggregate a, whole;
    rk_bench_find(b, platform, q->suite, q->subject, tiers[tier], name, &a);
    rk_bench_find(b, platform, q->suite, q->subject, tiers[tier], "seconds", &whole);
    if (a.n > 0 && whole.n > 0)
        rk_sheet_cell(t, "%.0f %%", 100 * a.median / whole.median);
    else
        rk_sheet_soft(t, "-");
}

static void step_row(rk_sheet *t, const rk_bench_report *b, const rk_problem *q, uint32_t i,
                     int tier)
{
    rk_aggregate s, images, exact;
    if (!rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "seconds", &s)) return;
    rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "images", &images);
    rk_bench_find(b, i, q->suite, q->subject, "exact", "seconds", &exact);
    rk_sheet_row(t, "%s", q->subject);
    rk_sheet_cell(t, "%s", b->tag[i]);
    rk_sheet_cell(t, "%s", tiers[tier]);
    rk_bench_cell(t, &s, "s");
    rk_sheet_cell(t, "%s", rk_bench_number(images.median / s.median).s);
    if (tier && s.n && exact.n)
        rk_sheet_cell(t, "%.2f", exact.median / s.median);
    else
        rk_sheet_soft(t, "-");
    value(t, b, i, q, tier, "launches", "");
    part(t, b, i, q, tier, "kernel seconds");
    part(t, b, i, q, tier, "gap seconds");
    part(t, b, i, q, tier, "host seconds");
}

/* A row of a workload on a device in a tier. */
typedef void row_fn(rk_sheet *t, const rk_bench_report *b, const rk_problem *q, uint32_t platform,
                    int tier);

static rk_status write_rows(FILE *f, const rk_bench_report *b, const char *suite,
                            const char *const *heads, size_t n, row_fn *row, rk_error *e)
{
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "workload");
    rk_sheet_column(t, 'l', "device");
    rk_sheet_column(t, 'l', "tier");
    for (size_t i = 0; i < n; i++) rk_sheet_column(t, 'r', "%s", heads[i]);
    for (uint32_t k = 0; k < b->p.n_problems; k++)
        for (uint32_t i = 0; i < b->p.n_platforms; i++)
            for (int tier = 0; tier < TIERS; tier++)
                if (strcmp(b->p.problem[k].suite, suite) == 0) row(t, b, &b->p.problem[k], i, tier);
    rk_status status = rk_sheet_rows(t) ? rk_sheet_write(t, "", f, e) : RK_OK;
    rk_sheet_free(t);
    return status;
}

static rk_status write_steps(FILE *f, const rk_bench_report *b, rk_error *e)
{
    static const char *const heads[] = {"a step",  "images/s", "of exact", "launches",
                                        "kernels", "gaps",     "host"};
    return write_rows(f, b, "step", heads, sizeof heads / sizeof *heads, step_row, e);
}

static rk_status write_costs(FILE *f, const rk_bench_report *b, rk_error *e)
{
    static const char *const names[][3] = {{"plan, cold", "plan cold", "s"},
                                           {"plan, warm", "plan warm", "s"},
                                           {"tuning", "tune", "s"},
                                           {"device memory", "device memory", "B"},
                                           {"host memory", "host memory", "B"},
                                           {"energy a step", "energy", "J"}};
    enum { N = sizeof names / sizeof *names };
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "workload");
    rk_sheet_column(t, 'l', "device");
    rk_sheet_column(t, 'l', "tier");
    for (size_t i = 0; i < N; i++) rk_sheet_column(t, 'r', "%s", names[i][0]);
    for (uint32_t k = 0; k < b->p.n_problems; k++)
        for (uint32_t i = 0; i < b->p.n_platforms; i++)
            for (int tier = 0; tier < TIERS; tier++) {
                const rk_problem *q = &b->p.problem[k];
                rk_aggregate s;
                if (strcmp(q->suite, "step") != 0) continue;
                rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "seconds", &s);
                if (s.n == 0) continue;
                rk_sheet_row(t, "%s", q->subject);
                rk_sheet_cell(t, "%s", b->tag[i]);
                rk_sheet_cell(t, "%s", tiers[tier]);
                for (size_t n = 0; n < N; n++) value(t, b, i, q, tier, names[n][1], names[n][2]);
            }
    rk_status status = RK_OK;
    if (rk_sheet_rows(t)) {
        fputs("<h3>What a step costs beside its time</h3>\n", f);
        status = rk_sheet_write(t, "", f, e);
    }
    rk_sheet_free(t);
    return status;
}

static void memorize_row(rk_sheet *t, const rk_bench_report *b, const rk_problem *q, uint32_t i,
                         int tier)
{
    rk_aggregate s, epochs;
    if (!rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "seconds", &s)) return;
    rk_bench_find(b, i, q->suite, q->subject, tiers[tier], "epochs", &epochs);
    rk_sheet_row(t, "%s", q->subject);
    rk_sheet_cell(t, "%s", b->tag[i]);
    rk_sheet_cell(t, "%s", tiers[tier]);
    rk_sheet_cell(t, "%lld", (long long)s.n);
    if (s.n == 0) {
        rk_sheet_soft(t, "not measured");
        rk_sheet_note(t, "%s", s.text);
        return;
    }
    rk_sheet_cell(t, "%s", rk_bench_si(s.mean, "s").s);
    rk_sheet_cell(t, "%s", rk_bench_si(s.sd, "s").s);
    rk_sheet_cell(t, "%s", rk_bench_si(s.least, "s").s);
    rk_sheet_cell(t, "%s", rk_bench_si(s.most, "s").s);
    if (epochs.n > 0 && epochs.most > epochs.least)
        rk_sheet_cell(t, "%.3g (%.0f to %.0f)", epochs.mean, epochs.least, epochs.most);
    else
        rk_sheet_cell(t, "%s", rk_bench_number(epochs.mean).s);
}

static rk_status write_memorize(FILE *f, const rk_bench_report *b, rk_error *e)
{
    static const char *const heads[] = {"seeds", "mean", "sd", "least", "most", "epochs"};
    return write_rows(f, b, "memorize", heads, sizeof heads / sizeof *heads, memorize_row, e);
}

static bool has(const rk_bench_report *b, const char *suite)
{
    for (uint32_t i = 0; i < b->p.n_problems; i++)
        if (strcmp(b->p.problem[i].suite, suite) == 0) return true;
    return false;
}

rk_status rk_bench_part_training(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e)
{
    if (has(b, "memorize")) {
        fputs("<section>\n<h2>Time to memorize</h2>\n<p class=sub>Until every training example is "
              "classified right, of a set whose labels are random: evaluation included, "
              "planning not.\n",
              f);
        RK_TRY(draw_all(f, b, "memorize", number, e));
        RK_TRY(write_memorize(f, b, e));
        fputs("</section>\n", f);
    }
    if (!has(b, "step")) return RK_OK;
    fputs("<section>\n<h2>Training steps</h2>\n", f);
    RK_TRY(draw_all(f, b, "step", number, e));
    RK_TRY(write_steps(f, b, e));
    RK_TRY(write_costs(f, b, e));
    fputs("</section>\n", f);
    return RK_OK;
}
