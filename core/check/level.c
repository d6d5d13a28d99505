/* What the results of cases say of a backend. */
#include "check/check.h"
#include <stdio.h>
#include <string.h>

static const char *const levels[] = {"none", "loads", "all-kinds", "deterministic", "exact"};

const char *rk_level_name(rk_level level) { return levels[level]; }

bool rk_level_parse(const char *text, rk_level *out)
{
    for (int i = RK_LEVEL_LOADS; i <= RK_LEVEL_EXACT; i++)
        if (strcmp(text, levels[i]) == 0) {
            *out = (rk_level)i;
            return true;
        }
    return false;
}

const char *rk_verdict_name(rk_verdict v)
{
    static const char *const names[] = {"not run", "ok", "unsupported", "failed"};
    return names[v];
}

static rk_coverage *coverage_of(rk_check_summary *s, const char *kind)
{
    for (uint32_t k = 0; k < s->n_kinds; k++)
        if (strcmp(s->kind[k].kind, kind) == 0) return &s->kind[k];
    s->kind[s->n_kinds] = (rk_coverage){.kind = kind, .programs = true, .impl = "", .reason = ""};
    return &s->kind[s->n_kinds++];
}

static void count(rk_coverage *k, const rk_check_case *c, const rk_case_result *r)
{
    const rk_outcome *o = &r->outcome;
    k->cases++;
    k->kernels += !c->service;
    k->ok += r->verdict == RK_VERDICT_OK;
    k->failed += r->verdict == RK_VERDICT_FAILED;
    k->unsupported += r->verdict == RK_VERDICT_UNSUPPORTED;
    k->exact += o->exact;
    k->fast += o->fast;
    k->refused += o->refused;
    k->in_place += o->in_place;
    if (o->ulp > k->ulp) k->ulp = o->ulp;
    if (!k->impl[0]) k->impl = o->impl;
    if (r->verdict != RK_VERDICT_UNSUPPORTED) return;
    if (c->needed)
        k->lacks = true;
    else
        k->programs = false;
    if (!k->reason[0]) k->reason = o->reason;
}

/* The level that the answers of prepare promise, and what is missing for the next. */
static rk_level declared(const rk_check_summary *s, const rk_case_result *result, char *why,
                         size_t cap)
{
    uint32_t computed = 0, kernels = 0;
    const rk_coverage *lacking = NULL, *inexact = NULL;
    for (uint32_t k = 0; k < s->n_kinds; k++) {
        const rk_coverage *c = &s->kind[k];
        computed += c->exact + c->fast;
        kernels += c->kernels;
        if (c->lacks && !lacking) lacking = c;
        if (c->fast && !inexact) inexact = c;
    }
    why[0] = '\0';
    if (kernels == 0) return RK_LEVEL_LOADS; /* only what is not about kinds was asked for */
    if (computed == 0) {
        snprintf(why, cap, "it computes nothing: %s", lacking ? lacking->reason : "");
        return RK_LEVEL_NONE;
    }
    if (lacking) {
        snprintf(why, cap, "%s is unsupported: %s", lacking->kind, lacking->reason);
        return RK_LEVEL_LOADS;
    }
    for (uint32_t i = 0; i < rk_check_cases(); i++)
        if (result[i].outcome.differs) {
            snprintf(why, cap, "%s gave other bits when it ran again", rk_check_case_at(i).name);
            return RK_LEVEL_ALL_KINDS;
        }
    if (!inexact) return RK_LEVEL_EXACT;
    snprintf(why, cap, "%s is computed by the fast tier only", inexact->kind);
    return RK_LEVEL_DETERMINISTIC;
}

void rk_check_sum_up(const rk_case_result *result, rk_level asked, rk_check_summary *out)
{
    *out = (rk_check_summary){.asked = asked};
    for (uint32_t i = 0; i < rk_check_cases(); i++) {
        const rk_check_case c = rk_check_case_at(i);
        if (result[i].verdict == RK_VERDICT_NONE) continue;
        count(coverage_of(out, c.kind), &c, &result[i]);
    }
    for (uint32_t k = 0; k < out->n_kinds; k++) {
        out->cases += out->kind[k].cases;
        out->ok += out->kind[k].ok;
        out->failed += out->kind[k].failed;
        out->unsupported += out->kind[k].unsupported;
    }
    out->level = declared(out, result, out->why, sizeof out->why);
    /* That a fast kernel does not repeat itself is no failure where nobody asked for it. */
    rk_level least = out->level == RK_LEVEL_ALL_KINDS ? RK_LEVEL_DETERMINISTIC : RK_LEVEL_LOADS;
    if (out->failed) {
        out->level = RK_LEVEL_NONE;
        snprintf(out->why, sizeof out->why, "%u of %u cases failed", out->failed, out->cases);
    }
    out->met = out->level >= (asked == RK_LEVEL_NONE ? least : asked);
}
