/* A section of the report for a study: verdicts, figures, what was shown, the audit. */
#include "base/error.h"
#include "cli/measure.h"
#include "cli/report_plot.h"
#include "cli/report_sample.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGED_MAX = 256 };

void rk_report_key(FILE *f, rk_look look)
{
    fprintf(f,
            "<svg class=key viewBox='-14 -8 28 16' fill='%s' stroke='%s'>"
            "<path d='M-14 0h28' stroke-width='2'/>%s</svg>",
            look.colour, look.colour, look.shape);
}

static void cell(FILE *f, const char *text, const char *class)
{
    fprintf(f, "<td%s%s>", class[0] ? " class=" : "", class);
    rk_html(f, text[0] ? text : "-");
}

static void verdict_cell(FILE *f, rk_outcome v)
{
    static const char *const classes[] = {"good", "bad", "soft"};
    fprintf(f, "<td><b class=%s>%s</b></tr>\n", classes[v], rk_outcome_name(v));
}

/* ---- verdicts -------------------------------------------------------------------------------- */

static void write_band(FILE *f, const rk_claim *c)
{
    if (isinf(c->to))
        fprintf(f, " at least %.4g", c->from);
    else if (isinf(c->from))
        fprintf(f, " at most %.4g", c->to);
    else
        fprintf(f, " from %.4g to %.4g", c->from, c->to);
}

/* rows: of the claim, if this is its first; else 0. */
static void claim_row(FILE *f, const rk_finding *x, uint32_t rows)
{
    const rk_claim *c = x->claim;
    fputs(rows ? "<tr class=first>" : "<tr>", f);
    if (rows) {
        fprintf(f, "<th scope=row rowspan=%u>", rows);
        rk_html(f, c->says[0] ? c->says : c->name);
        fputs("</th>", f);
    }
    fputs("<td><code>", f);
    rk_html(f, x->formula->text);
    fputs("</code>", f);
    if (x->formula == &c->mean) write_band(f, c);
    fputs("<br><small>", f);
    rk_html(f, x->measured);
    fputs("</small>", f);
    if (x->verdict == RK_NOT_MEASURED)
        fputs("<td class=n>-", f);
    else if (x->formula == &c->mean)
        fprintf(f, "<td class=n>mean %.4g", x->mean);
    else
        fprintf(f, "<td class=n>%u of %u", x->holds, x->seeds);
    verdict_cell(f, x->verdict);
}

static void write_claims(FILE *f, const rk_finding *x, uint32_t n)
{
    if (n == 0 || !x[0].claim) return;
    fputs("<h3>What must come out</h3>\n<div class=wide><table class=claims><thead><tr><th "
          "scope=col>claim<th scope=col>measured<th scope=col class=n>seeds that hold<th "
          "scope=col>verdict</tr></thead>\n",
          f);
    for (uint32_t i = 0; i < n && x[i].claim; i++) {
        bool first = i == 0 || x[i - 1].claim != x[i].claim;
        uint32_t rows = 0;
        while (first && i + rows < n && x[i + rows].claim == x[i].claim) rows++;
        claim_row(f, &x[i], rows);
    }
    fputs("</table></div>\n", f);
}

static void paper_row(FILE *f, const rk_finding *x)
{
    const rk_paper *p = x->paper;
    const bool percent = rk_measure_percent(p->measure);
    char text[64];
    fputs("<tr><th scope=row>", f);
    rk_html(f, p->label);
    fputs("</th>", f);
    cell(f, p->measure, "");
    rk_measure_print(p->measure, p->value, text, sizeof text);
    cell(f, text, "n");
    rk_measure_print(p->measure, x->mean, text, sizeof text);
    cell(f, text, "n");
    if (isfinite(x->spread))
        fprintf(f, " <small>\xc2\xb1 %.3g</small>", percent ? 100 * x->spread : x->spread);
    fprintf(f, "<td class=n>%.3g%s<td class=n>%u", percent ? 100 * p->tolerance : p->tolerance,
            percent ? " %" : "", x->seeds);
    cell(f, p->source, "");
    verdict_cell(f, x->verdict);
}

static void write_papers(FILE *f, const rk_finding *x, uint32_t n)
{
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (!x[i].paper) continue;
        if (!any)
            fputs(
                "<h3>Beside the paper</h3>\n<div class=wide><table><thead><tr><th scope=col>variant"
                "<th scope=col>measure<th scope=col class=n>paper<th scope=col class=n>ours<th "
                "scope=col class=n>tolerance<th scope=col class=n>seeds<th scope=col>source<th "
                "scope=col>verdict</tr></thead>\n",
                f);
        any = true;
        paper_row(f, &x[i]);
    }
    if (any) fputs("</table></div>\n", f);
}

/* ---- figures --------------------------------------------------------------------------------- */

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
    fprintf(f, " <a download='%s-%s-%s.csv' href='", preset, p->y_name, p->x_name);
    rk_report_data_uri(f, "text/csv", text, n);
    fputs("'>CSV</a>", f);
    free(text);
    return RK_OK;
}

static rk_status write_plot(FILE *f, const rk_study *s, const rk_plot *p, const rk_figure *figure,
                            uint32_t *number, bool legend, rk_error *e)
{
    char *svg;
    RK_TRY(rk_plot_svg(p, (*number)++, &svg, e));
    fprintf(f, "<figure%s>", p->kind == RK_FIGURE_BARS ? " class=tall" : "");
    if (legend) write_legend(f, p);
    fprintf(f, "%s<figcaption>", svg);
    free(svg);
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
        snprintf(title, sizeof title, "%s: %s", figure->title, all->series[i].name);
        head.title = title;
        RK_TRY(write_plot(f, s, &one, &head, number, false, e));
    }
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

static rk_status write_figures(FILE *f, rk_study *s, uint32_t *number, rk_error *e)
{
    uint32_t curves = 0;
    fputs("<div class=figures>\n", f);
    for (uint32_t i = 0; i < s->preset->n_figures; i++)
        if (rk_scales_have(s->preset->figure[i].scales, s->scale))
            RK_TRY(write_figure(f, s, &s->preset->figure[i], number, &curves, e));
    fputs("</div>\n", f);
    return RK_OK;
}

/* ---- results and audit ----------------------------------------------------------------------- */

static void mean_cell(FILE *f, const rk_study *s, const char *label, const char *measure)
{
    double sum = 0, squares = 0;
    uint32_t n = 0, never = 0, run;
    char text[64];
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        if (!rk_study_find(s, label, s->seed[i], &run)) continue;
        double x = rk_measure_value(s->runs, run, measure);
        never += isinf(x) != 0;
        if (!isfinite(x)) continue;
        sum += x;
        squares += x * x;
        n++;
    }
    double mean = n ? sum / n : never ? (double)INFINITY : (double)NAN;
    double square = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    double sd = square > 0 ? sqrt(square) : 0;
    rk_measure_print(measure, mean, text, sizeof text);
    cell(f, text, "n");
    if (n > 1 && sd > 0 && strcmp(measure, "changed_labels") != 0)
        fprintf(f, " <small>\xc2\xb1 %.2g</small>", rk_measure_percent(measure) ? 100 * sd : sd);
    if (n && never) fprintf(f, " <small>%u never</small>", never);
}

static void write_results(FILE *f, const rk_study *s)
{
    static const char *const measures[] = {"train", "test", "best_test", "fit_steps", "seconds"};
    fputs("<details open><summary>Every variant</summary><div class=wide><table><thead><tr>"
          "<th scope=col>variant<th scope=col class=n>seeds<th scope=col class=n>training accuracy"
          "<th scope=col class=n>test accuracy<th scope=col class=n>best test<th scope=col class=n>"
          "steps to fit<th scope=col class=n>seconds<th scope=col class=n>labels changed"
          "<th scope=col>data, first seed</tr></thead>\n",
          f);
    for (uint32_t i = 0; i < s->n_labels; i++) {
        uint32_t n = 0, run, first = 0;
        for (uint32_t k = s->n_seeds; k-- > 0;)
            if (rk_study_find(s, s->label[i], s->seed[k], &run)) n++, first = run;
        if (!n) continue;
        fputs("<tr><th scope=row>", f);
        rk_html(f, s->label[i]);
        fprintf(f, "</th><td class=n>%u", n);
        for (size_t k = 0; k < sizeof measures / sizeof *measures; k++)
            mean_cell(f, s, s->label[i], measures[k]);
        mean_cell(f, s, s->label[i], "changed_labels");
        fprintf(f, "<td><code>%.12s</code></tr>\n", s->runs->run[first]->data_digest);
    }
    fputs("</table></div><p class=note>Of labels drawn anew with probability p a part p (1 - 1/K) "
          "changes, of K classes; digests of data are XXH3-128.</details>\n",
          f);
}

/* ---- the section ----------------------------------------------------------------------------- */

static void write_head(FILE *f, const rk_study *s, const rk_finding *x, uint32_t n)
{
    uint32_t met = 0, missing = 0;
    for (uint32_t i = 0; i < n; i++) {
        met += x[i].verdict == RK_MET;
        missing += x[i].verdict == RK_NOT_MEASURED;
    }
    fputs("<section>\n<h2>", f);
    rk_html(f, s->preset->doc);
    fprintf(f, "</h2>\n<p class=sub>%u runs, %u seed%s", s->n_runs, s->n_seeds,
            s->n_seeds == 1 ? "" : "s");
    if (n) {
        bool all = met == n;
        fprintf(f, " \xc2\xb7 <b class=%s>%u of %u met</b>", all ? "good" : "bad", met, n);
        if (missing) fprintf(f, ", %u not measured", missing);
    }
    fputs(" \xc2\xb7 <code>rethink run ", f);
    rk_html(f, s->preset->name);
    if (s->scale >= 0) fprintf(f, " --scale %s", rk_scale_name(s->scale));
    fputs("</code>", f);
    if (s->changed[0]) {
        fputs(", with ", f);
        rk_html(f, s->changed);
    }
    fputc('\n', f);
}

/* A row for each label. */
static rk_status write_found(FILE *f, rk_study *s, rk_error *e)
{
    rk_found_row *row = rk_pool_array(&s->pool, s->n_labels + (size_t)1, sizeof *row);
    uint32_t n = 0, run;
    if (!row) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    for (uint32_t i = 0; i < s->n_labels; i++) {
        rk_found_row *x = &row[n];
        x->title = s->label[i];
        x->run = rk_pool_array(&s->pool, s->n_seeds + (size_t)1, sizeof *x->run);
        if (!x->run) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
        for (uint32_t k = 0; k < s->n_seeds; k++)
            if (rk_study_find(s, s->label[i], s->seed[k], &run)) x->run[x->n++] = run;
        n += x->n > 0;
    }
    return rk_report_found(f, s->runs, row, n, e);
}

static rk_status write_study(FILE *f, rk_study *s, uint32_t *number, rk_error *e)
{
    rk_finding *x;
    uint32_t n;
    RK_TRY(rk_study_judge(s, &x, &n, e));
    write_head(f, s, x, n);
    RK_TRY(write_figures(f, s, number, e));
    write_papers(f, x, n);
    write_claims(f, x, n);
    RK_TRY(write_found(f, s, e));
    rk_report_samples(f, s);
    write_results(f, s);
    fputs("</section>\n", f);
    return RK_OK;
}

/* Notes all runs of a study as seen, and as taken those that it shows; false if there are none. */
static bool take_runs(const rk_study *s, bool *seen, bool *taken)
{
    char changed[CHANGED_MAX];
    bool any = false;
    int scale;
    for (uint32_t i = 0; i < s->runs->n; i++) {
        if (strcmp(s->runs->run[i]->preset, s->preset->name) != 0) continue;
        rk_study_of(s->runs->run[i], &scale, changed, sizeof changed);
        if (scale != s->scale || strcmp(changed, s->changed) != 0) continue;
        seen[i] = true;
        if (rk_study_shows(s, i)) taken[i] = any = true;
    }
    return any;
}

static rk_status take_study(FILE *f, const rk_runs *r, uint32_t first, bool *seen, bool *taken,
                            uint32_t *number, rk_error *e)
{
    char changed[CHANGED_MAX];
    int scale;
    rk_study s;
    rk_preset p;
    rk_status status = RK_OK;
    if (rk_preset_load(r->run[first]->preset, &p, NULL) != RK_OK) return RK_OK;
    if (p.n_claims || p.n_figures || p.n_papers) {
        rk_study_of(r->run[first], &scale, changed, sizeof changed);
        status = rk_study_make(&p, scale, changed, r, &s, e);
        if (status == RK_OK) {
            if (take_runs(&s, seen, taken)) status = write_study(f, &s, number, e);
            rk_study_free(&s);
        }
    }
    rk_preset_free(&p);
    return status;
}

/* Presets that cannot be read, as those of another installation, are shown as other runs are. */
rk_status rk_report_studies(FILE *f, const rk_runs *r, bool *taken, uint32_t *number, rk_error *e)
{
    bool *seen = calloc(r->n + (size_t)1, sizeof *seen);
    rk_status status = seen ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", r->n);
    for (uint32_t i = 0; i < r->n && status == RK_OK; i++)
        if (!seen[i] && r->run[i]->preset[0]) status = take_study(f, r, i, seen, taken, number, e);
    free(seen);
    return status;
}
