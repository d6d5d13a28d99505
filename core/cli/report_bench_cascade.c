/* Cascades: efficiencies from the best device on, and the metric of those so far. */
#include "base/error.h"
#include "cli/report_bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of each application that has something: its steps down. */
typedef struct cascade {
    const rk_bench_report *b;
    uint32_t n; /* platforms */
    rk_cascade_step *step[RK_APPS];
    rk_series efficiency[RK_APPS], metric[RK_APPS];
    uint32_t n_apps;
    rk_pool pool;
} cascade;

static rk_status collect(cascade *c, const char *suite, rk_efficiency which, rk_error *e)
{
    static const char *const metric_names[RK_APPS] = {"rethink exact, metric so far",
                                                      "rethink fast, metric so far",
                                                      "vendor library, metric so far"};
    double *x = rk_pool_array(&c->pool, c->n + (size_t)1, sizeof *x);
    for (rk_application a = 0; x && a < RK_APPS; a++) {
        bool any = false;
        for (uint32_t i = 0; i < c->n; i++) {
            x[i] = rk_portability_overall(&c->b->p, suite, a, i, which);
            any = any || x[i] > 0;
        }
        if (!any) continue;
        c->step[a] = rk_pool_array(&c->pool, c->n, sizeof **c->step);
        rk_series *s[] = {&c->efficiency[c->n_apps], &c->metric[c->n_apps]};
        bool good = c->step[a] &&
                    rk_bench_series(&c->pool, s[0], rk_application_name(a), c->n, (uint32_t)a) &&
                    rk_bench_series(&c->pool, s[1], metric_names[a], c->n, (uint32_t)a);
        if (!good) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
        rk_cascade_of(x, c->n, c->step[a]);
        for (uint32_t i = 0; i < c->n; i++)
            for (int k = 0; k < 2; k++) {
                double y = k ? c->step[a][i].metric : c->step[a][i].efficiency;
                s[k]->x[i] = s[k]->x_low[i] = s[k]->x_high[i] = i + 1;
                s[k]->y[i] = s[k]->low[i] = s[k]->high[i] = 100 * y;
            }
        s[0]->n = s[1]->n = c->n;
        c->n_apps++;
    }
    return x ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
}

static void write_script(FILE *f, const cascade *c)
{
    fprintf(f,
            "set encoding utf8\n"
            "set terminal svg size 480,320 dynamic noenhanced font 'sans-serif,14'\n"
            "set border 3 lw 1\nset tics nomirror out\nunset key\nset rmargin 3\nset tmargin 0.8\n"
            "set bmargin 3.2\nset lmargin 10\nset grid ytics lc rgb 'gray' lw 0.5 dt 1\n"
            "set xrange [0.8:%g]\nset xtics 1,1\nset yrange [0:104]\nset ytics 0,20,100\n"
            "set xlabel 'devices, the best first' offset 0,0.3\n"
            "set ylabel 'efficiency, %%' offset 1\n",
            c->n + 0.2);
    for (uint32_t i = 0; i < c->n_apps; i++) {
        fprintf(f, "$s%u << EOD\n", i);
        for (uint32_t k = 0; k < c->n; k++)
            fprintf(f, "%u %.9g %.9g\n", k + 1, c->efficiency[i].y[k], c->metric[i].y[k]);
        fputs("EOD\n", f);
    }
    for (uint32_t i = 0; i < c->n_apps; i++) {
        rk_look look = rk_report_series_look(c->efficiency[i].look);
        fprintf(f,
                "%s $s%u using 1:3 with lines dt 2 lc rgb '%s' lw 1.5 notitle,\\\n $s%u using 1:2 "
                "with linespoints lc rgb '%s' lw 2 pt %d ps 0.8 notitle",
                i ? ",\\\n" : "plot", i, look.colour, i, look.colour, look.point);
    }
    fputc('\n', f);
}

/* Which device each step is. */
static rk_status write_order(FILE *f, const cascade *c, rk_error *e)
{
    rk_sheet *t = rk_sheet_new();
    rk_sheet_column(t, 'l', "devices");
    for (uint32_t i = 0; i < c->n; i++) rk_sheet_column(t, 'r', "%u", i + 1);
    for (rk_application a = 0; a < RK_APPS; a++) {
        if (!c->step[a]) continue;
        rk_sheet_row(t, "%s", rk_application_name(a));
        for (uint32_t i = 0; i < c->n; i++) {
            const rk_cascade_step *s = &c->step[a][i];
            rk_sheet_cell(t, "%s", c->b->tag[s->platform]);
            rk_sheet_note(t, "%.0f %%, so far %.0f %%", 100 * s->efficiency, 100 * s->metric);
        }
    }
    rk_status status = rk_sheet_write(t, "small", f, e);
    rk_sheet_free(t);
    return status;
}

static rk_status draw(FILE *f, cascade *c, const char *suite, rk_efficiency which, uint32_t *number,
                      rk_error *e)
{
    char *script = NULL, caption[120], file[64];
    size_t n = 0;
    FILE *m = open_memstream(&script, &n);
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for a figure");
    write_script(m, c);
    fclose(m);
    const char *kind = which == RK_EFF_APPLICATION ? "application" : "architectural";
    snprintf(caption, sizeof caption, "Cascade of all %s, %s efficiency.",
             strcmp(suite, "op") == 0 ? "operations" : "training steps", kind);
    snprintf(file, sizeof file, "cascade-%s-%s", suite, kind);
    rk_series shown[2 * RK_APPS];
    for (uint32_t i = 0; i < c->n_apps; i++) {
        shown[i] = c->efficiency[i];
        shown[c->n_apps + i] = c->metric[i];
    }
    rk_plot plot = {.kind = RK_FIGURE_SWEEP, .x_name = "devices", .y_name = "percent"};
    plot.series = shown;
    plot.n = 2 * c->n_apps;
    rk_bench_figure figure = {.script = script,
                              .bytes = n,
                              .plot = &plot,
                              .caption = caption,
                              .file = file,
                              .in_legend = c->n_apps};
    figure.legend = RK_BENCH_KEY "stroke-width='1.5'><path d='M-14 0h28' stroke-dasharray='5 4'/>"
                                 "</svg>portability of those so far</span>";
    rk_status status = rk_bench_draw(f, &figure, number, e);
    free(script);
    return status;
}

rk_status rk_bench_cascade(FILE *f, const rk_bench_report *b, const char *suite,
                           rk_efficiency which, uint32_t *number, rk_error *e)
{
    cascade c = {.b = b, .n = b->p.n_platforms};
    rk_status status = collect(&c, suite, which, e);
    if (status == RK_OK && c.n_apps) {
        fputs("<div>", f);
        status = draw(f, &c, suite, which, number, e);
        if (status == RK_OK) status = write_order(f, &c, e);
        fputs("</div>\n", f);
    }
    rk_pool_free(&c.pool);
    return status;
}
