/* What the parts of the report of benches share: loading, numbers as texts, figures. */
#include "base/error.h"
#include "base/text.h"
#include "cli/report_bench.h"
#include "cli/report_sample.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a bench"); }

/* ---- loading --------------------------------------------------------------------------------- */

static const char *tag_of(const rk_bench_report *b, uint32_t i, int with)
{
    const rk_platform *x = &b->p.platform[i];
    rk_str s = {0};
    rk_str_add(&s, "%s", x->device->spec);
    if (with > 0) rk_str_add(&s, " at %s", x->bench->record.host);
    if (with > 1) rk_str_add(&s, " #%u", i + 1);
    char *text = s.failed ? NULL : rk_pool_string((rk_pool *)&b->pool, s.s);
    rk_str_free(&s);
    return text;
}

static rk_status make_tags(rk_bench_report *b, rk_error *e)
{
    bool distinct = false;
    b->tag = rk_pool_array(&b->pool, b->p.n_platforms + (size_t)1, sizeof *b->tag);
    if (!b->tag) return no_memory(e);
    for (int with = 0; with < 3 && !distinct; with++) {
        distinct = true;
        for (uint32_t i = 0; i < b->p.n_platforms; i++) {
            b->tag[i] = tag_of(b, i, with);
            if (!b->tag[i]) return no_memory(e);
            for (uint32_t k = 0; k < i; k++)
                distinct = distinct && strcmp(b->tag[i], b->tag[k]) != 0;
        }
    }
    return RK_OK;
}

rk_status rk_bench_report_load(const char *path, rk_bench_report *out, rk_error *e)
{
    *out = (rk_bench_report){0};
    RK_TRY(rk_benches_load(path, &out->file, e));
    rk_status status =
        rk_portability_make((const rk_bench *const *)out->file.bench, out->file.n, &out->p, e);
    if (status == RK_OK) status = make_tags(out, e);
    if (status != RK_OK) rk_bench_report_free(out);
    return status;
}

void rk_bench_report_free(rk_bench_report *b)
{
    rk_portability_free(&b->p);
    rk_pool_free(&b->pool);
    rk_benches_free(&b->file);
    *b = (rk_bench_report){0};
}

/* ---- values ---------------------------------------------------------------------------------- */

bool rk_bench_find(const rk_bench_report *b, uint32_t platform, const char *suite,
                   const char *subject, const char *tier, const char *name, rk_aggregate *out)
{
    const rk_platform *x = &b->p.platform[platform];
    return rk_aggregate_find(x->bench, x->device->device, suite, subject, tier, name, 0, out);
}

rk_short rk_bench_si(double x, const char *unit)
{
    static const char *const prefix[] = {"n", "\xc2\xb5", "m", "", "k", "M", "G", "T", "P"};
    rk_short out = {"-"};
    const int most = strcmp(unit, "s") == 0 ? 3 : 8; /* no kiloseconds */
    int at = 3;
    double size = fabs(x);
    if (!isfinite(x)) return out;
    for (; size >= 999.5 && at < most; at++) size /= 1000, x /= 1000;
    for (; size > 0 && size < 0.9995 && at > 0; at--) size *= 1000, x *= 1000;
    int digits = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
    snprintf(out.s, sizeof out.s, "%.*f %s%s", size > 0 ? digits : 0, x, prefix[at], unit);
    return out;
}

rk_short rk_bench_number(double x)
{
    rk_short out = {"-"};
    double size = fabs(x);
    if (!isfinite(x)) return out;
    if (size >= 99.95 && size < 1e9)
        snprintf(out.s, sizeof out.s, "%.0f", x);
    else
        snprintf(out.s, sizeof out.s, "%.3g", x);
    return out;
}

void rk_bench_cell(rk_sheet *t, const rk_aggregate *a, const char *unit)
{
    if (a->n > 0) {
        rk_short text = unit[0] ? rk_bench_si(a->median, unit) : rk_bench_number(a->median);
        rk_sheet_cell(t, "%s", text.s);
        return;
    }
    if (!a->text[0]) {
        rk_sheet_soft(t, "-");
        return;
    }
    rk_sheet_soft(t, "not measured");
    rk_sheet_note(t, "%s", a->text);
}

void rk_bench_columns(rk_sheet *t, const rk_bench_report *b)
{
    for (uint32_t i = 0; i < b->p.n_platforms; i++) rk_sheet_column(t, 'r', "%s", b->tag[i]);
}

rk_bits rk_bench_bits(const rk_bench_report *b, uint32_t platform)
{
    const rk_platform *x = &b->p.platform[platform];
    rk_bits out = {0};
    uint32_t n;
    const rk_bench_value *v = rk_aggregate_suite(x->bench, x->device->device, "numerics", &n);
    for (uint32_t i = 0; i < n; i += rk_aggregate_run(v + i, n - i)) {
        if (strcmp(v[i].name, "equal") != 0 || strcmp(v[i].tier, "exact") != 0) continue;
        rk_aggregate a = rk_aggregate_of(v + i, rk_aggregate_run(v + i, n - i));
        out.compared += a.n > 0;
        out.different += a.n > 0 && a.least < 1;
    }
    v = rk_aggregate_suite(x->bench, x->device->device, "support", &n);
    for (uint32_t i = 0; i < n; i += rk_aggregate_run(v + i, n - i))
        out.wrong += rk_aggregate_of(v + i, rk_aggregate_run(v + i, n - i)).most >= 3;
    return out;
}

/* ---- slow operations ------------------------------------------------------------------------- */

/* What the platform's operations reach of its roofline: the median. */
static double typical(const rk_bench_report *b, rk_application a, uint32_t platform)
{
    double *x = calloc(b->p.n_problems + (size_t)1, sizeof *x), median = NAN;
    int64_t n = 0;
    for (uint32_t i = 0; x && i < b->p.n_problems; i++) {
        const rk_merit *m = rk_portability_merit(&b->p, i, a, platform);
        if (strcmp(b->p.problem[i].suite, "op") == 0 && m->state == RK_RAN && m->roof > 0)
            x[n++] = m->efficiency[RK_EFF_ARCHITECTURAL];
    }
    if (x) median = rk_spread_of(x, n).median;
    free(x);
    return median;
}

double rk_bench_slow(const rk_bench_report *b, uint32_t problem, rk_application a,
                     uint32_t platform)
{
    const rk_merit *m = rk_portability_merit(&b->p, problem, a, platform);
    rk_aggregate launch;
    bool op = strcmp(b->p.problem[problem].suite, "op") == 0;
    if (!op || m->state != RK_RAN || a == RK_APP_VENDOR) return 0;
    rk_bench_find(b, platform, "roofline", "", "", "launch and wait", &launch);
    if (launch.n == 0) rk_bench_find(b, platform, "roofline", "", "", "launch", &launch);
    double expected = m->seconds * m->roof / typical(b, a, platform);
    if (launch.n > 0) expected += launch.median;
    double factor = m->seconds / expected, beside = 1 / m->efficiency[RK_EFF_APPLICATION];
    if (!(factor > beside)) factor = beside;
    return factor > RK_SLOW ? factor : 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

bool rk_bench_series(rk_pool *pool, rk_series *out, const char *name, uint32_t points,
                     uint32_t look)
{
    size_t room = (size_t)points + 1;
    double *x = rk_pool_array(pool, 6 * room, sizeof *x);
    *out = (rk_series){.name = name, .look = look};
    if (!x) return false;
    double **const arrays[] = {&out->x, &out->y, &out->x_low, &out->x_high, &out->low, &out->high};
    for (size_t i = 0; i < 6; i++) *arrays[i] = x + i * room;
    return true;
}

void rk_bench_legend(FILE *f, const rk_bench_figure *x)
{
    fputs("<p class=legend>", f);
    for (uint32_t i = 0; i < (x->in_legend ? x->in_legend : x->plot->n); i++) {
        if (x->plot->series[i].n == 0) continue;
        fputs("<span>", f);
        rk_report_key(f, rk_report_series_look(x->plot->series[i].look));
        rk_html(f, x->plot->series[i].name);
        fputs("</span>\n", f);
    }
    fprintf(f, "%s</p>", x->legend ? x->legend : "");
}

static rk_status write_csv(FILE *f, const rk_bench_figure *x, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *m = open_memstream(&text, &n);
    if (!m) return no_memory(e);
    rk_plot_csv(x->plot, m);
    fclose(m);
    fprintf(f, " <a download='%s.csv' href='", x->file);
    rk_report_data_uri(f, "text/csv", text, n);
    fputs("'>CSV</a>", f);
    free(text);
    return RK_OK;
}

rk_status rk_bench_draw(FILE *f, const rk_bench_figure *x, uint32_t *number, rk_error *e)
{
    char *svg;
    if (x->script)
        RK_TRY(rk_report_svg(x->script, x->bytes, (*number)++, &svg, e));
    else
        RK_TRY(rk_plot_svg(x->plot, (*number)++, &svg, e));
    fputs("<figure>", f);
    if (!x->bare) rk_bench_legend(f, x);
    fprintf(f, "%s<figcaption>", svg);
    free(svg);
    rk_html(f, x->caption);
    RK_TRY(write_csv(f, x, e));
    fputs("</figcaption></figure>\n", f);
    return RK_OK;
}
