/* The figures of a study in the report, with legends, captions and their numbers as CSV. */
#include "base/error.h"
#include "cli/report_plot.h"
#include "cli/report_sample.h"
#include <stdlib.h>
#include <string.h>

static void write_legend(FILE *f, const rk_plot *p)
{
    if (p->n < 2 && !p->paper.n) return;
    fputs("<p class=legend>", f);
    for (uint32_t i = 0; i < p->n; i++) {
        fputs("<span>", f);
        rk_report_key(f, rk_report_series_look(p->series[i].look));
        rk_html(f, p->series[i].name);
        fputs("</span>", f);
    }
    if (p->paper.n)
        fputs("<span><svg class=key viewBox='-14 -8 28 16'><path d='M-4-4h8v8h-8z' fill='none' "
              "stroke='currentColor' stroke-width='1.5'/></svg>paper, with its tolerance</span>",
              f);
    fputc('\n', f);
}

static rk_status write_csv(FILE *f, const rk_plot *p, const char *preset, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *m = open_memstream(&text, &n);
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    rk_plot_csv(p, m);
    fclose(m);
    const char *const parts[] = {preset, "-", p->y_name, "-", p->x_name};
    fputs(" <a download='", f);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) rk_html(f, parts[i]);
    fputs(".csv' href='", f);
    rk_report_data_uri(f, "text/csv", text, n);
    fputs("'>CSV</a>", f);
    free(text);
    return RK_OK;
}

static void write_left_out(FILE *f, const rk_plot *p)
{
    if (!p->left_out) return;
    fprintf(f,
            " Of %u lines %u are drawn; the CSV has all, and <code>only = PATTERN</code> in the "
            "preset picks some.",
            p->n + p->left_out, p->n);
}

static rk_status write_plot(FILE *f, const rk_study *s, const rk_plot *p, const rk_figure *figure,
                            uint32_t *number, bool legend, rk_error *e)
{
    char *svg;
    rk_error why = rk_error_new();
    rk_status status = rk_plot_svg(p, (*number)++, &svg, &why);
    if (status != RK_OK && status != RK_E_UNSUPPORTED) {
        if (e) *e = why;
        return status;
    }
    fprintf(f, "<figure%s>", p->kind == RK_FIGURE_BARS ? " class=tall" : "");
    if (legend) write_legend(f, p);
    if (svg)
        fputs(svg, f);
    else
        rk_report_reason(f, "Not drawn", &why);
    free(svg);
    fputs("<figcaption>", f);
    rk_html(f, figure->title);
    if (p->kind == RK_FIGURE_CURVES) fprintf(f, ", by %s", p->x_name);
    if (s->n_seeds > 1)
        fputs(p->series[0].z ? "; mean over seeds." : "; mean and standard deviation over seeds.",
              f);
    else
        fputs(".", f);
    if (p->kind == RK_FIGURE_CURVES && s->n_seeds > 1)
        fputs(" A run that has ended keeps its last value.", f);
    if (figure->note[0]) {
        fputc(' ', f);
        rk_html(f, figure->note);
    }
    write_left_out(f, p);
    RK_TRY(write_csv(f, p, s->preset->name, e));
    fputs("</figcaption></figure>\n", f);
    return RK_OK;
}

/* A picture for each of them. */
static rk_status write_surfaces(FILE *f, const rk_study *s, const rk_plot *all,
                                const rk_figure *figure, uint32_t *number, rk_error *e)
{
    for (uint32_t i = 0; i < all->n; i++) {
        char title[256];
        rk_plot one = *all;
        rk_figure head = *figure;
        if (!all->series[i].z) continue;
        one.series = &all->series[i];
        one.n = 1;
        one.left_out = 0;
        snprintf(title, sizeof title, "%s: %s", figure->title, all->series[i].name);
        head.title = title;
        RK_TRY(write_plot(f, s, &one, &head, number, false, e));
    }
    if (all->left_out)
        fprintf(f,
                "<p class=note>Of %u surfaces %u are drawn: <code>only = PATTERN</code> in the "
                "preset picks some.</p>\n",
                all->n + all->left_out, all->n);
    return RK_OK;
}

/* Curves by seconds too, unless they are drawn so anyway.  *curves counts figures of curves: the
 * legend of the first one is that of all. */
static rk_status write_figure(FILE *f, rk_study *s, const rk_figure *figure, uint32_t *number,
                              uint32_t *curves, rk_error *e)
{
    const bool by_time = figure->kind == RK_FIGURE_CURVES && strcmp(figure->x, "seconds") != 0;
    rk_plot p;
    RK_TRY(rk_plot_make(s, figure, NULL, &p, e));
    if (!p.n) return RK_OK;
    if (p.series[0].z) return write_surfaces(f, s, &p, figure, number, e);
    bool legend = figure->kind != RK_FIGURE_CURVES;
    if (!legend && (*curves)++ == 0) write_legend(f, &p);
    RK_TRY(write_plot(f, s, &p, figure, number, legend, e));
    if (!by_time) return RK_OK;
    RK_TRY(rk_plot_make(s, figure, "seconds", &p, e));
    return write_plot(f, s, &p, figure, number, false, e);
}

rk_status rk_report_plots(FILE *f, rk_study *s, uint32_t *number, rk_error *e)
{
    uint32_t curves = 0;
    fputs("<div class=figures>\n", f);
    for (uint32_t i = 0; i < s->preset->n_figures; i++)
        if (rk_scales_have(s->preset->figure[i].scales, s->scale))
            RK_TRY(write_figure(f, s, &s->preset->figure[i], number, &curves, e));
    fputs("</div>\n", f);
    return RK_OK;
}
