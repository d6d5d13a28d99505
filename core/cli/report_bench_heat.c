/* Efficiencies of problems on platforms, as numbers with as much colour, and their means. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <string.h>

static const char *const suites[] = {"step", "memorize", "op"};
static const char *const suite_names[] = {"all training steps", "all that memorize",
                                          "all operations"};
enum { SUITES = 3 };

static void percent(rk_sheet *t, double x)
{
    if (isfinite(x))
        rk_sheet_cell(t, "%.0f %%", 100 * x);
    else
        rk_sheet_soft(t, "-");
}

/* known: of every platform it is known whether it can. */
static void metric_cells(rk_sheet *t, const rk_bench_report *b, rk_metric m, bool known)
{
    if (known || m.full > 0)
        percent(t, m.full);
    else
        rk_sheet_soft(t, "0 %%");
    percent(t, m.supported);
    if (m.platforms < b->p.n_platforms && m.platforms)
        rk_sheet_note(t, "%u of %u", m.platforms, b->p.n_platforms);
    percent(t, m.mean);
}

static void merit_cell(rk_sheet *t, const rk_merit *m, rk_efficiency which)
{
    double x = m->efficiency[which];
    if (m->state == RK_WRONG)
        rk_sheet_bad(t, "wrong");
    else if (m->state == RK_UNSUPPORTED)
        rk_sheet_bad(t, "cannot");
    else if (m->state == RK_NOT_TRIED || !isfinite(x))
        rk_sheet_soft(t, "-");
    else
        rk_sheet_heat(t, x, "%.0f %%", 100 * x);
    if (m->state == RK_RAN && which == RK_EFF_ARCHITECTURAL && m->roof > 1.005)
        rk_sheet_note(t, "%.0f %%", 100 * m->roof);
}

static bool all_tried(const rk_bench_report *b, uint32_t problem, rk_application a)
{
    for (uint32_t i = 0; i < b->p.n_platforms; i++)
        if (rk_portability_merit(&b->p, problem, a, i)->state == RK_NOT_TRIED) return false;
    return true;
}

/* True if the application has an efficiency of the problem anywhere, or something to tell. */
static bool to_show(const rk_bench_report *b, uint32_t problem, rk_application a,
                    rk_efficiency which)
{
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        const rk_merit *m = rk_portability_merit(&b->p, problem, a, i);
        bool failed = m->state == RK_WRONG || m->state == RK_UNSUPPORTED;
        if (m->state == RK_RAN && isfinite(m->efficiency[which])) return true;
        if (failed && (a == RK_APP_EXACT || isfinite(m->seconds))) return true;
    }
    return false;
}

static void problem_rows(rk_sheet *t, const rk_bench_report *b, const char *suite,
                         rk_efficiency which)
{
    for (uint32_t i = 0; i < b->p.n_problems; i++) {
        if (strcmp(b->p.problem[i].suite, suite) != 0) continue;
        for (rk_application a = 0; a < RK_APPS; a++) {
            if (!to_show(b, i, a, which)) continue;
            rk_sheet_row(t, "%s%s", strcmp(suite, "memorize") == 0 ? "memorize " : "",
                         b->p.problem[i].subject);
            rk_sheet_cell(t, "%s", rk_application_name(a));
            for (uint32_t k = 0; k < b->p.n_platforms; k++)
                merit_cell(t, rk_portability_merit(&b->p, i, a, k), which);
            metric_cells(t, b, rk_portability_metric(&b->p, i, a, which), all_tried(b, i, a));
        }
    }
}

static void overall_row(rk_sheet *t, const rk_bench_report *b, int suite, rk_application a,
                        rk_efficiency which)
{
    double x[64];
    uint32_t n = b->p.n_platforms < 64 ? b->p.n_platforms : 64;
    bool known = false;
    for (uint32_t k = 0; k < n; k++) {
        x[k] = rk_portability_overall(&b->p, suites[suite], a, k, which);
        known = known || x[k] > 0;
    }
    if (!known) return;
    rk_sheet_row(t, "%s", suite_names[suite]);
    rk_sheet_cell(t, "%s", rk_application_name(a));
    for (uint32_t k = 0; k < n; k++) {
        if (!isfinite(x[k]))
            rk_sheet_soft(t, "-");
        else
            rk_sheet_heat(t, x[k], "%.0f %%", 100 * x[k]);
    }
    metric_cells(t, b, rk_metric_of(x, n), true);
}

static rk_sheet *begin(const rk_bench_report *b)
{
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "problem");
    rk_sheet_column(t, 'l', "application");
    rk_bench_columns(t, b);
    rk_sheet_column(t, 'r', "portability");
    rk_sheet_column(t, 'r', "of the supported");
    rk_sheet_column(t, 'r', "mean");
    return t;
}

static rk_status finish(FILE *f, rk_sheet *t, bool open, rk_error *e)
{
    rk_status status = RK_OK;
    if (rk_sheet_rows(t)) {
        fprintf(f, "<details%s><summary>Every operation</summary>", open ? " open" : "");
        status = rk_sheet_write(t, "map", f, e);
        fputs("</details>\n", f);
    }
    rk_sheet_free(t);
    return status;
}

static rk_status write_maps(FILE *f, const rk_bench_report *b, rk_efficiency which, rk_error *e)
{
    rk_sheet *t = begin(b);
    for (int s = 0; s < SUITES; s++)
        for (rk_application a = 0; a < RK_APPS; a++) overall_row(t, b, s, a, which);
    problem_rows(t, b, "step", which);
    problem_rows(t, b, "memorize", which);
    rk_status status = rk_sheet_rows(t) ? rk_sheet_write(t, "map", f, e) : RK_OK;
    rk_sheet_free(t);
    RK_TRY(status);
    t = begin(b);
    problem_rows(t, b, "op", which);
    return finish(f, t, which == RK_EFF_ARCHITECTURAL, e);
}

static bool has_roofs(const rk_bench_report *b)
{
    for (uint32_t i = 0; i < b->p.n_problems; i++)
        for (rk_application a = 0; a < RK_APPS; a++)
            for (uint32_t k = 0; k < b->p.n_platforms; k++)
                if (isfinite(rk_portability_merit(&b->p, i, a, k)->roof)) return true;
    return false;
}

static rk_status write_cascades(FILE *f, const rk_bench_report *b, rk_efficiency which,
                                uint32_t *number, rk_error *e)
{
    if (b->p.n_platforms < 2) return RK_OK;
    fputs("<div class=figures>\n", f);
    RK_TRY(rk_bench_cascade(f, b, "step", which, number, e));
    RK_TRY(rk_bench_cascade(f, b, "op", which, number, e));
    fputs("</div>\n", f);
    return RK_OK;
}

rk_status rk_bench_part_efficiency(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e)
{
    if (b->p.n_problems == 0) return RK_OK;
    fputs(
        "<section>\n<h2>Performance portability</h2>\n<p class=note>"
        "Portability is the metric of Pennycook, Sewall and Lee: the harmonic mean of "
        "efficiencies over all devices, and 0 if one of them cannot, or is wrong. Beside it the "
        "same over those that can, and their arithmetic mean. Grey: not measured on every device, "
        "which the metric takes as not supported. Rows of <i>all</i> solve each problem once "
        "that was measured on every device.\n"
        "<h3>Architectural efficiency: of what the roofline allows</h3>\n",
        f);
    if (!has_roofs(b))
        fputs("<p class=note>Not measured: it takes the suites roofline, and op or step.\n", f);
    else
        fputs("<p class=note>An efficiency above 100 %, small beside it, is that of data in a "
              "cache, and counts as 100 %.\n",
              f);
    RK_TRY(write_maps(f, b, RK_EFF_ARCHITECTURAL, e));
    RK_TRY(write_cascades(f, b, RK_EFF_ARCHITECTURAL, number, e));
    fputs("<h3>Application efficiency: of the best that was measured on the device</h3>\n", f);
    RK_TRY(write_maps(f, b, RK_EFF_APPLICATION, e));
    RK_TRY(write_cascades(f, b, RK_EFF_APPLICATION, number, e));
    fputs("</section>\n", f);
    return RK_OK;
}
