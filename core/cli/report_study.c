/* A section of the report for a study: verdicts, figures, what was shown, the audit. */
#include "base/error.h"
#include "cli/measure.h"
#include "cli/report_plot.h"
#include "cli/report_sample.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void rk_report_key(FILE *f, rk_look look)
{
    fprintf(f,
            "<svg class=key viewBox='-14 -8 28 16' fill='%s' stroke='%s'>"
            "<path d='M-14 0h28' stroke-width='2'/>%s</svg>",
            look.colour, look.colour, look.shape);
}

void rk_report_reason(FILE *f, const char *what, const rk_error *why)
{
    fprintf(f, "<p class=note><b class=bad>%s</b>: ", what);
    rk_html(f, why->text);
    fputs("</p>\n", f);
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

/* ---- results and audit ----------------------------------------------------------------------- */

static void mean_cell(FILE *f, const rk_study *s, const char *label, const char *measure)
{
    rk_moments m = {0};
    uint32_t never = 0, run;
    char text[64];
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        if (!rk_study_find(s, label, s->seed[i], &run)) continue;
        double x = rk_measure_value(s->runs, run, measure);
        never += isinf(x) != 0;
        if (isfinite(x)) rk_moments_add(&m, x);
    }
    double sd = rk_moments_spread(&m);
    rk_measure_print(measure, m.n || !never ? rk_moments_mean(&m) : (double)INFINITY, text,
                     sizeof text);
    cell(f, text, "n");
    if (sd > 0 && strcmp(measure, "changed_labels") != 0)
        fprintf(f, " <small>\xc2\xb1 %.2g</small>", rk_measure_percent(measure) ? 100 * sd : sd);
    if (m.n && never) fprintf(f, " <small>%u never</small>", never);
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

static rk_status no_memory(rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the report");
}

static rk_status write_study(FILE *f, rk_study *s, uint32_t *number, rk_error *e)
{
    rk_finding *x = NULL;
    uint32_t n = 0;
    rk_error why = rk_error_new();
    rk_status status = rk_study_judge(s, &x, &n, &why);
    if (status == RK_E_NOMEM) return no_memory(e);
    if (status != RK_OK) n = 0;
    write_head(f, s, x, n);
    if (status != RK_OK) rk_report_reason(f, "Not judged", &why);
    RK_TRY(rk_report_plots(f, s, number, e));
    write_papers(f, x, n);
    write_claims(f, x, n);
    RK_TRY(write_found(f, s, e));
    rk_report_samples(f, s);
    write_results(f, s);
    fputs("</section>\n", f);
    return RK_OK;
}

/* A study of what the preset no longer has, as a scale. */
static rk_status write_unmade(FILE *f, const rk_preset *p, const rk_error *why, rk_error *e)
{
    if (why->code == RK_E_NOMEM) return no_memory(e);
    fputs("<section>\n<h2>", f);
    rk_html(f, p->doc);
    fputs("</h2>\n", f);
    rk_report_reason(f, "Not judged", why);
    fputs("<p class=note>Its runs are shown as those of no preset are.\n</section>\n", f);
    return RK_OK;
}

/* Notes all runs of a study as seen, and as taken those that it shows; false if there are none. */
static bool take_runs(const rk_study *s, bool *seen, bool *taken)
{
    bool any = false;
    for (uint32_t i = 0; i < s->runs->n; i++) {
        if (!rk_study_owns(s->runs->run[i], s->preset->name, s->scale, s->changed)) continue;
        seen[i] = true;
        if (rk_study_shows(s, i)) taken[i] = any = true;
    }
    return any;
}

static rk_status take_study(FILE *f, const rk_runs *r, uint32_t first, bool *seen, bool *taken,
                            uint32_t *number, rk_error *e)
{
    int scale;
    rk_study s;
    rk_preset p;
    rk_pool pool = {0};
    rk_error why = rk_error_new();
    rk_status status = RK_OK;
    if (rk_preset_load(r->run[first]->preset, &p, NULL) != RK_OK) return RK_OK;
    const char *changed = rk_study_of(r->run[first], &pool, &scale);
    if (!changed) {
        status = no_memory(e);
    } else if (p.n_claims || p.n_figures || p.n_papers) {
        status = rk_study_make(&p, scale, changed, r, &s, &why);
        if (status == RK_OK) {
            if (take_runs(&s, seen, taken)) status = write_study(f, &s, number, e);
            rk_study_free(&s);
        } else {
            for (uint32_t i = first; i < r->n; i++)
                seen[i] = seen[i] || rk_study_owns(r->run[i], p.name, scale, changed);
            status = write_unmade(f, &p, &why, e);
        }
    }
    rk_pool_free(&pool);
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
