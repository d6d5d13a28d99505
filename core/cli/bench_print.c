/* What a bench found, as tables with a column for each device. */
#include "bench/portability.h"
#include "cli/bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct page {
    const rk_bench *b;
    rk_portability p;
    rk_pool pool;
    FILE *f;
    uint32_t n; /* devices */
} page;

static rk_table *new_table(page *g, const char *first)
{
    char *align = rk_pool_array(&g->pool, g->n + (size_t)2, 1);
    const char **heads = rk_pool_array(&g->pool, g->n + (size_t)1, sizeof *heads);
    if (!align || !heads) return NULL;
    memset(align, 'r', g->n + (size_t)1);
    align[0] = 'l';
    heads[0] = first;
    for (uint32_t i = 0; i < g->n; i++) heads[i + 1] = g->b->device[i].spec;
    return rk_table_new(align, heads);
}

static rk_status end_table(page *g, rk_table *t, rk_error *e)
{
    if (!t) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    fputc('\n', g->f);
    rk_status status = rk_table_print(t, g->f, e);
    rk_table_free(t);
    return status;
}

static bool has_suite(const page *g, const char *suite)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n && n == 0; i++)
        rk_aggregate_suite(g->b, g->b->device[i].device, suite, &n);
    return n > 0;
}

static void percent_cell(rk_table *t, double x)
{
    if (isnan(x))
        rk_table_cell(t, "-");
    else
        rk_table_cell(t, "%.1f %%", 100 * x);
}

/* ---- rooflines ------------------------------------------------------------------------------- */

static double roof(const page *g, uint32_t device, const char *name)
{
    return rk_aggregate_median(g->b, g->b->device[device].device, "roofline", "", "", name);
}

static rk_status print_roofline(page *g, rk_error *e)
{
    static const struct {
        const char *name, *title;
        double scale;
    } rows[] = {{"fma", "fma, GFLOP/s", 1e-9},
                {"product", "matrix product, GFLOP/s", 1e-9},
                {"triad", "triad, GB/s", 1e-9},
                {"read", "read, GB/s", 1e-9},
                {"local", "local memory, GB/s", 1e-9},
                {"launch", "launch, us", 1e6},
                {"launch and wait", "launch and wait, us", 1e6},
                {"upload", "upload, GB/s", 1e-9},
                {"download", "download, GB/s", 1e-9},
                {"upload pinned", "upload pinned, GB/s", 1e-9},
                {"download pinned", "download pinned, GB/s", 1e-9}};
    if (!has_suite(g, "roofline")) return RK_OK;
    rk_table *t = new_table(g, "roofline");
    for (size_t i = 0; t && i < sizeof rows / sizeof *rows; i++) {
        bool any = false;
        for (uint32_t k = 0; k < g->n; k++) any = any || isfinite(roof(g, k, rows[i].name));
        if (any) rk_table_cell(t, "%s", rows[i].title);
        for (uint32_t k = 0; any && k < g->n; k++) {
            double x = roof(g, k, rows[i].name);
            if (isfinite(x))
                rk_table_cell(t, "%.4g", rows[i].scale * x);
            else
                rk_table_cell(t, "-");
        }
    }
    return end_table(g, t, e);
}

/* ---- times ----------------------------------------------------------------------------------- */

void rk_bench_time(double seconds, char *out, size_t cap)
{
    if (seconds >= 1)
        snprintf(out, cap, "%.3g s", seconds);
    else if (seconds >= 1e-3)
        snprintf(out, cap, "%.3g ms", 1e3 * seconds);
    else
        snprintf(out, cap, "%.3g us", 1e6 * seconds);
}

static void merit_cell(rk_table *t, const rk_merit *m, const char *suite, double images)
{
    char time[32];
    rk_bench_time(m->seconds, time, sizeof time);
    if (m->state == RK_UNSUPPORTED)
        rk_table_cell(t, "unsupported");
    else if (m->state == RK_WRONG)
        rk_table_cell(t, "WRONG");
    else if (m->state != RK_RAN)
        rk_table_cell(t, "%s", m->text[0] ? "not measured" : "-");
    else if (isfinite(images) && strcmp(suite, "step") == 0)
        rk_table_cell(t, images < 1000 * m->seconds ? "%s  %.4g images/s" : "%s  %.0f images/s",
                      time, images / m->seconds);
    else if (isfinite(m->roof) && strcmp(suite, "op") == 0)
        rk_table_cell(t, "%s %3.0f %%", time, 100 * m->roof);
    else
        rk_table_cell(t, "%s", time);
}

static void problem_row(const page *g, rk_table *t, uint32_t problem, rk_application a)
{
    static const char *const names[RK_APPS] = {"exact", "fast", "vendor"};
    const rk_problem *q = &g->p.problem[problem];
    bool any = false;
    for (uint32_t k = 0; k < g->n && k < g->p.n_platforms; k++)
        any = any || rk_portability_merit(&g->p, problem, a, k)->state != RK_NOT_TRIED ||
              (a == RK_APP_EXACT && rk_portability_merit(&g->p, problem, a, k)->text[0]);
    if (!any) return;
    rk_table_cell(t, "%s, %s", q->subject, names[a]);
    for (uint32_t k = 0; k < g->n; k++) {
        double images = NAN;
        for (int tier = 0; tier < 2 && !isfinite(images); tier++)
            images = rk_aggregate_median(g->b, g->b->device[k].device, q->suite, q->subject,
                                         names[tier], "images");
        merit_cell(t, rk_portability_merit(&g->p, problem, a, k), q->suite, images);
    }
}

static rk_status print_problems(page *g, const char *suite, const char *title, rk_error *e)
{
    if (!has_suite(g, suite) || g->p.n_platforms != g->n) return RK_OK;
    rk_table *t = new_table(g, title);
    for (uint32_t i = 0; t && i < g->p.n_problems; i++)
        if (strcmp(g->p.problem[i].suite, suite) == 0)
            for (rk_application a = 0; a < RK_APPS; a++) problem_row(g, t, i, a);
    return end_table(g, t, e);
}

/* ---- numerics and support -------------------------------------------------------------------- */

/* "12 of 14": how many values of a name in a tier are 1. */
static void equal_cell(rk_table *t, const rk_bench_value *v, uint32_t n, const char *tier)
{
    uint32_t all = 0, equal = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, "equal") != 0 || strcmp(v[i].tier, tier) != 0) continue;
        if (v[i].spread.n < 1) continue;
        all++;
        equal += v[i].spread.least >= 1;
    }
    if (all)
        rk_table_cell(t, "%u of %u", equal, all);
    else
        rk_table_cell(t, "-");
}

static void error_cell(rk_table *t, const rk_bench_value *v, uint32_t n, const char *tier)
{
    double most = NAN;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(v[i].name, "ulp max") == 0 && strcmp(v[i].tier, tier) == 0)
            most = fmax(most, v[i].spread.most);
    if (isnan(most))
        rk_table_cell(t, "-");
    else
        rk_table_cell(t, "%.3g", most);
}

static rk_status print_numerics(page *g, rk_error *e)
{
    static const char *const tiers[] = {"exact", "fast"};
    if (!has_suite(g, "numerics")) return RK_OK;
    rk_table *t = new_table(g, "numerics");
    for (int k = 0; t && k < 4; k++) {
        const char *tier = tiers[k % 2];
        rk_table_cell(t, "%s, %s", k < 2 ? "bits as the reference" : "error / 2^-23 of the terms",
                      tier);
        for (uint32_t i = 0; i < g->n; i++) {
            uint32_t n;
            const rk_bench_value *v =
                rk_aggregate_suite(g->b, g->b->device[i].device, "numerics", &n);
            (k < 2 ? equal_cell : error_cell)(t, v, n, tier);
        }
    }
    return end_table(g, t, e);
}

/* How many subjects are so, by the worst of each: tiers and processes are beside each other. */
static uint32_t count_support(const rk_bench_value *v, uint32_t n, int state)
{
    uint32_t found = 0;
    double worst = NAN;
    for (uint32_t i = 0; i < n; i++) {
        if (!(v[i].spread.most <= worst)) worst = v[i].spread.most;
        if (i + 1 < n && strcmp(v[i].subject, v[i + 1].subject) == 0) continue;
        found += worst == state;
        worst = NAN;
    }
    return found;
}

static rk_status print_support(page *g, rk_error *e)
{
    static const char *const states[] = {"ok", "fallback", "unsupported", "wrong"};
    if (!has_suite(g, "support")) return RK_OK;
    rk_table *t = new_table(g, "operations");
    for (int k = 0; t && k < 4; k++) {
        rk_table_cell(t, "%s", states[k]);
        for (uint32_t i = 0; i < g->n; i++) {
            uint32_t n;
            const rk_bench_value *v =
                rk_aggregate_suite(g->b, g->b->device[i].device, "support", &n);
            rk_table_cell(t, "%u", count_support(v, n, k));
        }
    }
    RK_TRY(end_table(g, t, e));
    for (uint32_t i = 0; i < g->b->n_value; i++) {
        const rk_bench_value *v = &g->b->value[i];
        if (strcmp(v->suite, "support") == 0 && v->spread.most == 3)
            fprintf(g->f, "WRONG on %s: %s%s%s: %s\n", g->b->device[v->device - 1].spec, v->subject,
                    v->tier[0] ? ", " : "", v->tier, v->text);
    }
    return RK_OK;
}

/* ---- variance -------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The best of a device, or the time of an operation or a step. */
static bool varies(const rk_bench_value *v)
{
    if (strcmp(v->suite, "roofline") == 0) return !v->subject[0];
    return strcmp(v->name, "seconds") == 0;
}

/* The median over rooflines and times of their coefficients of variation. */
static double variation(page *g, int64_t device, bool between)
{
    static const char *const suites[] = {"roofline", "op", "step"};
    double *x = rk_pool_array(&g->pool, g->b->n_value + (size_t)1, sizeof *x);
    size_t n = 0;
    for (int s = 0; x && s < 3; s++) {
        uint32_t all, run;
        const rk_bench_value *v = rk_aggregate_suite(g->b, device, suites[s], &all);
        for (uint32_t i = 0; i < all; i += run) {
            run = rk_aggregate_run(v + i, all - i);
            rk_aggregate a = rk_aggregate_of(v + i, run);
            double cv = between ? a.between : a.within;
            if (varies(&v[i]) && isfinite(cv)) x[n++] = cv;
        }
    }
    if (n == 0) return NAN;
    qsort(x, n, sizeof *x, ascending);
    return x[n / 2];
}

/* The farthest from 1 of any process. */
static double drift(const page *g, int64_t device)
{
    double worst = NAN;
    for (uint32_t i = 0; i < g->b->n_value; i++) {
        const rk_bench_value *v = &g->b->value[i];
        bool here = v->device == device && strcmp(v->suite, "machine") == 0 &&
                    strcmp(v->name, "drift") == 0 && !v->subject[0] && v->spread.n > 0;
        if (here && !(fabs(v->spread.median - 1) <= fabs(worst))) worst = v->spread.median - 1;
    }
    return worst;
}

/* How far another such bench may be: the median over numbers. */
static double reach(page *g, int64_t device)
{
    double *x = rk_pool_array(&g->pool, g->b->n_value + (size_t)1, sizeof *x);
    return x ? rk_versus_reach(g->b, device, x).median : (double)NAN;
}

static rk_status print_variance(page *g, rk_error *e)
{
    static const char *const titles[] = {"within a process", "between processes",
                                         "another such bench, within (95 %)",
                                         "clock drift, the worst"};
    rk_table *t = new_table(g, "variance");
    for (int k = 0; t && k < 4; k++) {
        rk_table_cell(t, "%s", titles[k]);
        for (uint32_t i = 0; i < g->n; i++) {
            int64_t device = g->b->device[i].device;
            percent_cell(t, k < 2    ? variation(g, device, k == 1)
                            : k == 2 ? reach(g, device)
                                     : drift(g, device));
        }
    }
    RK_TRY(end_table(g, t, e));
    for (uint32_t i = 0; i < g->n; i++)
        if (fabs(drift(g, g->b->device[i].device)) > RK_DRIFT_MOST)
            fprintf(g->f, "%s: clock drift over %.0f %%: repeat on a quiet machine\n",
                    g->b->device[i].spec, 100 * RK_DRIFT_MOST);
    return RK_OK;
}

/* ---- portability ----------------------------------------------------------------------------- */

static void metric_cells(rk_table *t, const page *g, const rk_metric m[RK_EFFS])
{
    for (rk_efficiency k = 0; k < RK_EFFS; k++) percent_cell(t, m[k].full);
    percent_cell(t, m[RK_EFF_APPLICATION].supported);
    percent_cell(t, m[RK_EFF_APPLICATION].mean);
    rk_table_cell(t, "%u of %u", m[RK_EFF_APPLICATION].platforms, g->p.n_platforms);
}

/* An application that ran nowhere has no row. */
static void portability_row(const page *g, rk_table *t, uint32_t problem, rk_application a)
{
    rk_metric m[RK_EFFS];
    bool tried = false;
    for (uint32_t i = 0; i < g->p.n_platforms; i++) {
        rk_merit_state state = rk_portability_merit(&g->p, problem, a, i)->state;
        tried = tried || state == RK_RAN || state == RK_WRONG;
    }
    if (!tried) return;
    for (rk_efficiency k = 0; k < RK_EFFS; k++) m[k] = rk_portability_metric(&g->p, problem, a, k);
    rk_table_cell(t, "%s, %s", g->p.problem[problem].subject, rk_application_name(a));
    metric_cells(t, g, m);
}

/* All operations as one problem: there are many. */
static void operations_row(page *g, rk_table *t, rk_application a)
{
    rk_metric m[RK_EFFS];
    double *x = rk_pool_array(&g->pool, g->p.n_platforms, sizeof *x);
    if (!x || !rk_portability_has(&g->p, "op", a)) return;
    for (rk_efficiency k = 0; k < RK_EFFS; k++) {
        for (uint32_t i = 0; i < g->p.n_platforms; i++)
            x[i] = rk_portability_overall(&g->p, "op", a, i, k);
        m[k] = rk_metric_of(x, g->p.n_platforms);
    }
    rk_table_cell(t, "all operations, %s", rk_application_name(a));
    metric_cells(t, g, m);
}

/* Of one device there is nothing to say. */
static rk_status print_portability(page *g, rk_error *e)
{
    static const char *const heads[] = {"performance portability", "application", "architectural",
                                        "of those supported",      "mean",        "supported"};
    if (g->p.n_platforms < 2 || g->p.n_problems == 0) return RK_OK;
    rk_table *t = rk_table_new("lrrrrr", heads);
    for (rk_application a = 0; a < RK_APPS; a++) operations_row(g, t, a);
    for (uint32_t i = 0; i < g->p.n_problems; i++)
        for (rk_application a = 0; a < RK_APPS; a++)
            if (strcmp(g->p.problem[i].suite, "op") != 0) portability_row(g, t, i, a);
    return end_table(g, t, e);
}

rk_status rk_bench_print(const rk_bench *b, FILE *f, rk_error *e)
{
    page g = {.b = b, .f = f, .n = b->n_device};
    RK_TRY(rk_portability_make(&b, 1, &g.p, e));
    rk_status status = print_roofline(&g, e);
    if (status == RK_OK) status = print_problems(&g, "op", "operation, of its roofline", e);
    if (status == RK_OK) status = print_problems(&g, "step", "training step", e);
    if (status == RK_OK) status = print_problems(&g, "memorize", "until all is memorized", e);
    if (status == RK_OK) status = print_numerics(&g, e);
    if (status == RK_OK) status = print_support(&g, e);
    if (status == RK_OK) status = print_portability(&g, e);
    if (status == RK_OK) status = print_variance(&g, e);
    rk_pool_free(&g.pool);
    rk_portability_free(&g.p);
    return status;
}
