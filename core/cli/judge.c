/* From expressions to verdicts. */
#include "base/error.h"
#include "base/moments.h"
#include "cli/measure.h"
#include "cli/study.h"
#include <math.h>
#include <string.h>

const char *rk_outcome_name(rk_outcome v)
{
    static const char *const names[] = {"met", "not met", "not measured"};
    return names[v];
}

rk_outcome rk_findings_outcome(const rk_finding *f, uint32_t n)
{
    rk_outcome worst = RK_MET;
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].verdict == RK_NOT_MET) return RK_NOT_MET;
        if (f[i].verdict == RK_NOT_MEASURED) worst = RK_NOT_MEASURED;
    }
    return worst;
}

static rk_status judge_formula(rk_calculator *c, rk_study *s, rk_finding *f, rk_error *e)
{
    const bool of_mean = f->formula == &f->claim->mean;
    rk_moments m = {0};
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        double value;
        if (rk_calculate(c, s, s->seed[i], f->formula->text, &value, e) != RK_OK)
            return rk_error_prefix(e, "%s:%u", s->preset->path, f->formula->line);
        if (isnan(value)) continue;
        rk_moments_add(&m, value);
        f->holds += of_mean ? value >= f->claim->from && value <= f->claim->to : value != 0;
    }
    f->seeds = m.n;
    f->mean = of_mean ? rk_moments_mean(&m) : (double)NAN;
    f->spread = of_mean ? rk_moments_spread(&m) : (double)NAN;
    f->measured = rk_calculator_notes(c, &s->pool);
    if (!f->measured) return RK_FAIL(e, RK_E_NOMEM, "no memory for verdicts");
    bool met =
        of_mean ? f->mean >= f->claim->from && f->mean <= f->claim->to : f->holds >= m.n - m.n / 10;
    f->verdict = m.n == 0 ? RK_NOT_MEASURED : met ? RK_MET : RK_NOT_MET;
    return RK_OK;
}

static void judge_paper(const rk_study *s, rk_finding *f)
{
    rk_moments m = {0};
    for (uint32_t i = 0; i < s->n_seeds; i++) {
        uint32_t run;
        if (!rk_study_find(s, f->paper->label, s->seed[i], &run)) continue;
        double value = rk_measure_value(s->runs, run, f->paper->measure);
        if (!isnan(value)) rk_moments_add(&m, value);
    }
    f->seeds = m.n;
    f->mean = rk_moments_mean(&m);
    f->spread = rk_moments_spread(&m);
    f->measured = "";
    bool met = fabs(f->mean - f->paper->value) <= f->paper->tolerance;
    f->verdict = m.n == 0 ? RK_NOT_MEASURED : met ? RK_MET : RK_NOT_MET;
}

/* Room for all: a claim has a finding for each of its inequalities, and one for its band. */
static uint32_t count(const rk_preset *p)
{
    uint32_t n = p->n_papers;
    for (uint32_t i = 0; i < p->n_claims; i++) n += p->claim[i].n + 1;
    return n;
}

static uint32_t list_claims(const rk_study *s, rk_finding *out)
{
    const rk_preset *p = s->preset;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_claims; i++) {
        const rk_claim *claim = &p->claim[i];
        if (!rk_scales_have(claim->scales, s->scale)) continue;
        for (uint32_t k = 0; k < claim->n; k++)
            out[n++] = (rk_finding){.claim = claim, .formula = &claim->holds[k]};
        if (claim->mean.text) out[n++] = (rk_finding){.claim = claim, .formula = &claim->mean};
    }
    return n;
}

rk_status rk_study_judge(rk_study *s, rk_finding **out, uint32_t *n, rk_error *e)
{
    const rk_preset *p = s->preset;
    rk_calculator *c;
    rk_finding *list = rk_pool_array(&s->pool, count(p) + 1, sizeof *list);
    rk_status status = RK_OK;
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory for verdicts");
    RK_TRY(rk_calculator_new(&c, e));
    *out = list;
    *n = list_claims(s, list);
    for (uint32_t i = 0; status == RK_OK && i < *n; i++) status = judge_formula(c, s, &list[i], e);
    rk_calculator_free(c);
    for (uint32_t i = 0; i < p->n_papers; i++) {
        const rk_paper *paper = &p->paper[i];
        if (!paper->measure || !rk_scales_have(paper->scales, s->scale)) continue;
        list[*n].paper = paper;
        judge_paper(s, &list[(*n)++]);
    }
    return status;
}
