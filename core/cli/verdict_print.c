/* Verdicts as tables and as JSON. */
#include "base/error.h"
#include "cli/measure.h"
#include "cli/study.h"
#include <math.h>
#include <string.h>

static const char *shown(rk_outcome v) { return v == RK_NOT_MET ? "NOT MET" : rk_outcome_name(v); }

static void print_head(const rk_study *s, FILE *out)
{
    bool colour = rk_cli_colour(out);
    fprintf(out, "\n%s%s%s%s%s%s%s%s%s: %s\n", colour ? "\033[1m" : "", s->preset->name,
            s->scale >= 0 ? ", " : "", rk_scale_name(s->scale), s->changed[0] ? " (" : "",
            s->changed, s->changed[0] ? ")" : "", colour ? "\033[0m" : "",
            s->n_seeds == 1 ? " (1 seed)" : "", s->preset->doc);
    if (s->n_all > s->n_runs)
        fprintf(out, "%u of %u runs are not done, and not counted\n", s->n_all - s->n_runs,
                s->n_all);
}

/* A number and its spread over seeds: "50.44 ± 0.21 %". */
static void print_mean(const char *measure, double value, double spread, char *out, size_t cap)
{
    const bool percent = rk_measure_percent(measure);
    char text[64];
    if (!isfinite(value) || !isfinite(spread)) {
        rk_measure_print(measure, value, out, cap);
        return;
    }
    if (percent) {
        snprintf(out, cap, "%.2f \xc2\xb1 %.2f %%", 100 * value, 100 * spread);
        return;
    }
    rk_measure_print(measure, value, text, sizeof text);
    snprintf(out, cap, "%s \xc2\xb1 %.3g", text, spread);
}

static void band_cell(rk_table *t, const rk_finding *f)
{
    const rk_claim *c = f->claim;
    if (isinf(c->to))
        rk_table_cell(t, "mean %.4g >= %.4g", f->mean, c->from);
    else if (isinf(c->from))
        rk_table_cell(t, "mean %.4g <= %.4g", f->mean, c->to);
    else
        rk_table_cell(t, "mean %.4g in %.4g..%.4g", f->mean, c->from, c->to);
}

static void claim_row(rk_table *t, const rk_finding *f, bool first)
{
    rk_table_cell(t, "%s", first ? f->claim->name : "");
    if (f->verdict == RK_NOT_MEASURED)
        rk_table_cell(t, "-");
    else if (f->formula == &f->claim->mean)
        band_cell(t, f);
    else
        rk_table_cell(t, "%u of %u seeds", f->holds, f->seeds);
    rk_table_cell(t, "%s", shown(f->verdict));
    rk_table_cell(t, "%s", f->measured[0] ? f->measured : "-");
}

static rk_status print_claims(const rk_finding *f, uint32_t n, FILE *out, rk_error *e)
{
    static const char *const heads[] = {"claim", "holds", "verdict", "measured"};
    if (n == 0 || !f[0].claim) return RK_OK;
    rk_table *t = rk_table_new("llll", heads);
    for (uint32_t i = 0; i < n && f[i].claim; i++)
        claim_row(t, &f[i], i == 0 || f[i - 1].claim != f[i].claim);
    rk_status status = rk_table_print(t, out, e);
    rk_table_free(t);
    return status;
}

static void paper_row(rk_table *t, const rk_finding *f)
{
    const rk_paper *p = f->paper;
    const bool percent = rk_measure_percent(p->measure);
    char paper[64], ours[96];
    rk_measure_print(p->measure, p->value, paper, sizeof paper);
    print_mean(p->measure, f->mean, f->spread, ours, sizeof ours);
    rk_table_cell(t, "%s", p->label);
    rk_table_cell(t, "%s", p->measure);
    rk_table_cell(t, "%s", paper);
    rk_table_cell(t, "%s", ours);
    rk_table_cell(t, "%.3g%s", percent ? 100 * p->tolerance : p->tolerance, percent ? " %" : "");
    rk_table_cell(t, "%u", f->seeds);
    rk_table_cell(t, "%s", shown(f->verdict));
}

static rk_status print_papers(const rk_finding *f, uint32_t n, FILE *out, rk_error *e)
{
    static const char *const heads[] = {"variant",   "measure", "paper",  "ours",
                                        "tolerance", "seeds",   "verdict"};
    rk_table *t = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (!f[i].paper) continue;
        if (!t) t = rk_table_new("llrrrrl", heads);
        paper_row(t, &f[i]);
    }
    rk_status status = t ? rk_table_print(t, out, e) : RK_OK;
    rk_table_free(t);
    return status;
}

rk_status rk_findings_print(const rk_study *s, const rk_finding *f, uint32_t n, FILE *out,
                            rk_error *e)
{
    uint32_t claims = 0, count[3] = {0};
    if (n == 0) return RK_OK;
    print_head(s, out);
    while (claims < n && f[claims].claim) claims++;
    RK_TRY(print_claims(f, claims, out, e));
    RK_TRY(print_papers(f + claims, n - claims, out, e));
    for (uint32_t i = 0; i < n; i++) count[f[i].verdict]++;
    fprintf(out, "%u of %u met", count[RK_MET], n);
    if (count[RK_NOT_MET]) fprintf(out, ", %u NOT MET", count[RK_NOT_MET]);
    if (count[RK_NOT_MEASURED]) fprintf(out, ", %u not measured", count[RK_NOT_MEASURED]);
    fputc('\n', out);
    return RK_OK;
}

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *finding_json(const rk_finding *f)
{
    const rk_paper *p = f->paper;
    if (p)
        return json_pack("{s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:i, s:s}", "variant", p->label,
                         "measure", p->measure, "source", p->source, "paper", p->value, "tolerance",
                         p->tolerance, "mean", real_or_null(f->mean), "sd", real_or_null(f->spread),
                         "seeds", (int)f->seeds, "verdict", rk_outcome_name(f->verdict));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:s}", "claim", f->claim->name, "says",
                     f->claim->says, "expression", f->formula->text, "measured", f->measured,
                     "seeds", (int)f->seeds, "holds", (int)f->holds, "mean", real_or_null(f->mean),
                     "verdict", rk_outcome_name(f->verdict));
}

json_t *rk_findings_json(const rk_study *s, const rk_finding *f, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < n; i++) {
        if (json_array_append_new(list, finding_json(&f[i])) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o}", "preset", s->preset->name, "scale",
                     rk_scale_name(s->scale), "changed", s->changed, "seeds", (int)s->n_seeds,
                     "verdict", rk_outcome_name(rk_findings_outcome(f, n)), "findings", list);
}
