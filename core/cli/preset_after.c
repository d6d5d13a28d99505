/* Which variants come after which: those whose diagnostics look at the weights of others. */
#include "base/error.h"
#include "cli/preset_parse.h"
#include "data/names.h"
#include <string.h>

rk_status rk_preset_after(rk_preset *p, rk_variant *v, const char *label, uint32_t line,
                          rk_error *e)
{
    const char **list = rk_preset_longer(&p->pool, v->after, v->n_after, sizeof *list);
    if (!list) return rk_preset_no_memory(p, e);
    v->after = list;
    v->after_line = line;
    return rk_preset_text(p, label, &list[v->n_after++], e);
}

static bool is_here(const rk_preset *p, const char *label, int scale)
{
    for (uint32_t i = 0; i < p->n_variants; i++)
        if (rk_scales_have(p->variant[i].scales, scale) && !strcmp(p->variant[i].label, label))
            return true;
    return false;
}

static rk_status check_label(const rk_preset *p, const rk_variant *v, const char *label, int scale,
                             rk_error *e)
{
    const char *known[64];
    char hint[RK_HINT_MAX];
    uint32_t n = 0;
    if (is_here(p, label, scale)) return RK_OK;
    for (uint32_t i = 0; i < p->n_variants && n < 64; i++)
        if (rk_scales_have(p->variant[i].scales, scale)) known[n++] = p->variant[i].label;
    rk_name_hint(label, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "%s:%u: after: no variant '%.64s'%s%s%s", p->path,
                   v->after_line, label, scale >= 0 ? " at " : "", rk_scale_name(scale), hint);
}

/* Whether `from` comes, over others, after `to`; more steps than sections are a ring. */
static bool comes_after(const rk_preset *p, const char *from, const char *to, int scale,
                        uint32_t steps)
{
    for (uint32_t i = 0; steps && i < p->n_variants; i++) {
        const rk_variant *v = &p->variant[i];
        if (!rk_scales_have(v->scales, scale) || strcmp(v->label, from) != 0) continue;
        for (uint32_t k = 0; k < v->n_after; k++)
            if (!strcmp(v->after[k], to) || comes_after(p, v->after[k], to, scale, steps - 1))
                return true;
    }
    return false;
}

static rk_status check_section(const rk_preset *p, const rk_variant *v, int scale, rk_error *e)
{
    for (uint32_t k = 0; k < v->n_after; k++) RK_TRY(check_label(p, v, v->after[k], scale, e));
    if (v->n_after && comes_after(p, v->label, v->label, scale, p->n_variants))
        return RK_FAIL(e, RK_E_INVALID, "%s:%u: after: '%s' would come after itself", p->path,
                       v->after_line, v->label);
    return RK_OK;
}

rk_status rk_preset_check_after(const rk_preset *p, rk_error *e)
{
    for (int scale = p->scales ? 0 : -1; scale < RK_SCALES; scale++) {
        if (scale >= 0 && !(p->scales >> scale & 1)) continue;
        for (uint32_t i = 0; i < p->n_variants; i++)
            if (rk_scales_have(p->variant[i].scales, scale))
                RK_TRY(check_section(p, &p->variant[i], scale, e));
        if (scale < 0) break;
    }
    return RK_OK;
}
