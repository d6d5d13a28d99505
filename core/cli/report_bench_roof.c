/* Rooflines: what a device can, and what operations reach of it. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Series of a panel: applications, then training steps, then what is wrong. */
enum { STEPS = RK_APPS, WRONG, SERIES };
#define WRONG_COLOUR "black"

static const char *const names[SERIES] = {"rethink exact", "rethink fast", "vendor library",
                                          "training steps", "wrong results"};

/* Ranges of all panels: powers of ten. */
typedef struct range {
    double from, to;
} range;

typedef struct panels {
    const rk_bench_report *b;
    range x, y;             /* FLOP/B, GFLOP/s */
    uint32_t shown[SERIES]; /* points of each, of all panels */
    uint32_t drawn;         /* panels */
    rk_pool pool;
} panels;

static void widen(range *r, double x)
{
    if (!isfinite(x) || x <= 0) return;
    r->from = fmin(r->from, pow(10, floor(log10(x))));
    r->to = fmax(r->to, pow(10, ceil(log10(x))));
}

static double roof(const rk_bench_report *b, uint32_t platform, const char *name)
{
    rk_aggregate a;
    rk_bench_find(b, platform, "roofline", "", "", name, &a);
    return a.median;
}

/* False if it is no point: not measured, or nothing is computed. */
static bool point_of(const rk_bench_report *b, uint32_t problem, rk_application a,
                     uint32_t platform, double *x, double *y)
{
    const rk_merit *m = rk_portability_merit(&b->p, problem, a, platform);
    *x = m->flop / m->bytes;
    *y = m->flop / m->seconds / 1e9;
    return isfinite(*x) && isfinite(*y) && *x > 0 && *y > 0;
}

static void find_ranges(panels *p)
{
    const rk_bench_report *b = p->b;
    double x, y;
    p->x = p->y = (range){INFINITY, 0};
    for (uint32_t k = 0; k < b->p.n_platforms; k++) {
        double fma = roof(b, k, "fma"), triad = roof(b, k, "triad");
        widen(&p->x, fma / triad);
        widen(&p->y, fma / 1e9);
        for (uint32_t i = 0; i < b->p.n_problems; i++)
            for (rk_application a = 0; a < RK_APPS; a++)
                if (point_of(b, i, a, k, &x, &y)) {
                    widen(&p->x, x);
                    widen(&p->y, y);
                }
    }
}

static rk_status fill(panels *p, uint32_t platform, rk_series *s, rk_error *e)
{
    const rk_portability *q = &p->b->p;
    double x, y;
    for (uint32_t i = 0; i < SERIES; i++)
        if (!rk_bench_series(&p->pool, &s[i], names[i], q->n_problems * RK_APPS, i))
            return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    for (uint32_t i = 0; i < q->n_problems; i++)
        for (rk_application a = 0; a < RK_APPS; a++) {
            if (!point_of(p->b, i, a, platform, &x, &y)) continue;
            rk_merit_state state = rk_portability_merit(q, i, a, platform)->state;
            uint32_t to = strcmp(q->problem[i].suite, "step") == 0 ? (uint32_t)STEPS : (uint32_t)a;
            rk_series *r = &s[state == RK_WRONG ? (uint32_t)WRONG : to];
            r->x[r->n] = r->x_low[r->n] = r->x_high[r->n] = x;
            r->y[r->n] = r->low[r->n] = r->high[r->n] = y;
            r->n++;
        }
    return RK_OK;
}

/* Under both roofs, and dashed what the best matrix product reaches. */
static void write_roofs(FILE *f, const panels *p, uint32_t platform)
{
    double fma = roof(p->b, platform, "fma") / 1e9, triad = roof(p->b, platform, "triad") / 1e9;
    double product = roof(p->b, platform, "product") / 1e9;
    fprintf(f, "$roof << EOD\n%.9g %.9g\n%.9g %.9g\n%.9g %.9g\nEOD\n", p->x.from,
            fmin(fma, triad * p->x.from), fma / triad, fma, p->x.to, fmin(fma, triad * p->x.to));
    if (isfinite(product))
        fprintf(f, "$product << EOD\n%.9g %.9g\n%.9g %.9g\nEOD\n", product / triad, product,
                p->x.to, product);
    fputs("plot $roof using 1:2 with lines lc rgb 'black' lw 2 notitle", f);
    if (isfinite(product))
        fputs(",\\\n $product using 1:2 with lines lc rgb 'black' lw 1.2 dt 2 notitle", f);
}

static void write_script(FILE *f, const panels *p, uint32_t platform, const rk_series *s)
{
    fprintf(f,
            "set encoding utf8\n"
            "set terminal svg size 440,320 dynamic noenhanced font 'sans-serif,14'\n"
            "set border 3 lw 1\nset tics nomirror out\nunset key\nset rmargin 3\nset tmargin 0.8\n"
            "set bmargin 3.2\nset lmargin 10\nset logscale xy\nset format xy '%%g'\n"
            "set grid xtics ytics lc rgb 'gray' lw 0.5 dt 1\nset mxtics 1\nset mytics 1\n"
            "set xtics 10\nset ytics 10\n"
            "set xrange [%g:%g]\nset yrange [%g:%g]\n"
            "set xlabel 'FLOP per byte' offset 0,0.3\nset ylabel 'GFLOP/s' offset 1\n",
            p->x.from, p->x.to, p->y.from, p->y.to);
    for (uint32_t i = 0; i < SERIES; i++) {
        if (s[i].n == 0) continue;
        fprintf(f, "$s%u << EOD\n", i);
        for (uint32_t k = 0; k < s[i].n; k++) fprintf(f, "%.9g %.9g\n", s[i].x[k], s[i].y[k]);
        fputs("EOD\n", f);
    }
    write_roofs(f, p, platform);
    for (uint32_t i = 0; i < SERIES; i++) {
        rk_look look = rk_report_series_look(s[i].look);
        if (s[i].n == 0) continue;
        fprintf(f, ",\\\n $s%u using 1:2 with points pt %d ps %g lw 2 lc rgb '%s' notitle", i,
                i == WRONG ? 2 : look.point, i == WRONG ? 1.2 : 0.8,
                i == WRONG ? WRONG_COLOUR : look.colour);
    }
    fputc('\n', f);
}

#define ROOF_KEYS                                                                                  \
    RK_BENCH_KEY "stroke-width='2'><path d='M-14 0h28'/></svg>roofs</span>" RK_BENCH_KEY           \
                 "stroke-width='1.5'><path d='M-14 0h28' stroke-dasharray='5 4'/></svg>"           \
                 "best matrix product</span>"
#define WRONG_KEY                                                                                  \
    RK_BENCH_KEY "stroke-width='2'><path d='M-5-5l10 10M5-5l-10 10'/></svg>wrong results</span>"

static void write_legend(FILE *f, const panels *p)
{
    rk_series s[SERIES] = {0};
    rk_plot plot = {.series = s, .n = SERIES};
    rk_bench_figure figure = {.plot = &plot, .in_legend = WRONG};
    for (uint32_t i = 0; i < SERIES; i++) {
        s[i].name = names[i];
        s[i].look = i;
        s[i].n = p->shown[i];
    }
    figure.legend = p->shown[WRONG] ? WRONG_KEY ROOF_KEYS : ROOF_KEYS;
    rk_bench_legend(f, &figure);
}

static rk_status write_panel(FILE *f, panels *p, uint32_t platform, uint32_t *number, rk_error *e)
{
    rk_series s[SERIES];
    char *script = NULL, caption[400];
    size_t n = 0;
    double fma = roof(p->b, platform, "fma"), triad = roof(p->b, platform, "triad");
    RK_TRY(fill(p, platform, s, e));
    for (uint32_t i = 0; i < SERIES; i++) p->shown[i] += s[i].n;
    p->drawn++;
    FILE *m = open_memstream(&script, &n);
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    write_script(m, p, platform, s);
    fclose(m);
    snprintf(caption, sizeof caption,
             "%.200s: %s and %s, which meet at %.3g FLOP per byte; best matrix product %s.",
             p->b->p.platform[platform].label, rk_bench_si(fma, "FLOP/s").s,
             rk_bench_si(triad, "B/s").s, fma / triad,
             rk_bench_si(roof(p->b, platform, "product"), "FLOP/s").s);
    rk_plot plot = {.kind = RK_FIGURE_SWEEP, .x_name = "flop_per_byte", .y_name = "gflops"};
    plot.series = s;
    plot.n = SERIES;
    rk_bench_figure figure = {.script = script,
                              .bytes = n,
                              .plot = &plot,
                              .caption = caption,
                              .file = "roofline",
                              .bare = true};
    rk_status status = rk_bench_draw(f, &figure, number, e);
    free(script);
    return status;
}

/* No row of what no device was asked for, as in files of an older version. */
static void write_row(rk_sheet *t, const rk_bench_report *b, const char *name, const char *unit)
{
    rk_aggregate a;
    bool any = false;
    for (uint32_t i = 0; i < b->p.n_platforms; i++)
        any = rk_bench_find(b, i, "roofline", "", "", name, &a) || any;
    if (!any) return;
    rk_sheet_row(t, "%s", name);
    for (uint32_t i = 0; i < b->p.n_platforms; i++) {
        rk_bench_find(b, i, "roofline", "", "", name, &a);
        rk_bench_cell(t, &a, unit);
        if (a.n > 0 && a.text[0]) rk_sheet_note(t, "%s", a.text);
    }
}

static rk_status write_table(FILE *f, const rk_bench_report *b, rk_error *e)
{
    static const char *const rows[][2] = {
        {"fma", "FLOP/s"},   {"product", "FLOP/s"},    {"triad", "B/s"},          {"read", "B/s"},
        {"local", "B/s"},    {"launch", "s"},          {"launch and wait", "s"},  {"upload", "B/s"},
        {"download", "B/s"}, {"upload pinned", "B/s"}, {"download pinned", "B/s"}};
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "measured");
    rk_bench_columns(t, b);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) write_row(t, b, rows[i][0], rows[i][1]);
    rk_status status = rk_sheet_write(t, "", f, e);
    rk_sheet_free(t);
    return status;
}

static bool has_roof(const rk_bench_report *b, uint32_t platform)
{
    return roof(b, platform, "fma") > 0 && roof(b, platform, "triad") > 0;
}

/* The legend goes first, and is known last. */
static rk_status write_panels(FILE *f, panels *p, uint32_t *number, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *m = open_memstream(&text, &n);
    rk_status status = RK_OK;
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    for (uint32_t i = 0; status == RK_OK && i < p->b->p.n_platforms; i++) {
        if (has_roof(p->b, i)) {
            status = write_panel(m, p, i, number, e);
            continue;
        }
        fputs("<p class=note>", m);
        rk_html(m, p->b->tag[i]);
        fputs(": the roofline was not measured.\n", m);
    }
    fclose(m);
    fputs("<div class=figures>\n", f);
    if (p->drawn) write_legend(f, p);
    fprintf(f, "%s</div>\n", text);
    free(text);
    return status;
}

rk_status rk_bench_part_roofline(FILE *f, const rk_bench_report *b, uint32_t *number, rk_error *e)
{
    panels p = {.b = b};
    fputs(
        "<section>\n<h2>What the devices can: rooflines</h2>\n<p class=sub>The best chain of "
        "fused multiply-adds and the best triad (a[i] = b[i] + s c[i]), measured here. Points are "
        "operations and training steps; what computes nothing, as a copy, has none. Above the "
        "roof is what stays in a cache.\n",
        f);
    find_ranges(&p);
    rk_status status = write_panels(f, &p, number, e);
    if (status == RK_OK && p.drawn) status = write_table(f, b, e);
    fputs("</section>\n", f);
    rk_pool_free(&p.pool);
    return status;
}
