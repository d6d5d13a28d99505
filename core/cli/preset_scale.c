/* Scales of presets, and which line of a preset is to blame. */
#include "base/error.h"
#include "cli/preset.h"
#include "train/config.h"
#include <stdio.h>
#include <string.h>

static const char *const names[RK_SCALES] = {"micro", "small", "full"};

const char *rk_scale_name(int scale) { return scale >= 0 && scale < RK_SCALES ? names[scale] : ""; }

int rk_scale_find(const char *name)
{
    for (int i = 0; i < RK_SCALES; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

bool rk_scales_have(uint32_t scales, int scale)
{
    uint32_t all = (1u << RK_SCALES) - 1;
    return scale < 0 ? scales == all : (scales >> scale & 1) != 0;
}

rk_status rk_preset_pick(const rk_preset *p, const char *wanted, int *out, rk_error *e)
{
    char known[32] = "";
    *out = wanted ? rk_scale_find(wanted) : p->scale;
    if (!wanted || (*out >= 0 && (p->scales >> *out & 1))) return RK_OK;
    for (int i = 0; i < RK_SCALES; i++)
        if (p->scales >> i & 1)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
                     known[0] ? ", " : "", names[i]);
    if (!known[0])
        return RK_FAIL(e, RK_E_INVALID, "--scale: the preset %s has no scales: leave it out",
                       p->name);
    return RK_FAIL(e, RK_E_INVALID, "--scale: the preset %s has no scale %.40s: %s", p->name,
                   wanted, known);
}

static rk_status try_one(const rk_registry *plugins, rk_assignment one)
{
    rk_pool pool = {0};
    rk_settings s = rk_settings_default();
    rk_recipe recipe;
    rk_status status = rk_settings_apply(&s, &one, 1, &pool, NULL);
    if (status == RK_OK) status = rk_recipe_parse(plugins, &s.config, &recipe, NULL);
    if (status == RK_OK) rk_recipe_clear(&recipe);
    rk_pool_free(&pool);
    return status;
}

/* The line of the first assignment of a section that is wrong by itself; 0 if there is none. */
static uint32_t wrong_line(const rk_variant *v, const rk_registry *plugins)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (try_one(plugins, v->list[i]) != RK_OK) return v->line[i];
    return 0;
}

rk_status rk_preset_blame(const rk_preset *p, const rk_registry *plugins, rk_error *e)
{
    uint32_t line = wrong_line(&p->base, plugins);
    for (uint32_t i = 0; !line && i < RK_SCALES; i++) line = wrong_line(&p->at_scale[i], plugins);
    for (uint32_t i = 0; !line && i < p->n_variants; i++)
        line = wrong_line(&p->variant[i], plugins);
    for (uint32_t i = 0; !line && i < p->n_axes; i++)
        for (uint32_t k = 0; !line && k < p->axis[i].n; k++)
            if (try_one(plugins, (rk_assignment){p->axis[i].key, p->axis[i].value[k]}) != RK_OK)
                line = p->axis[i].line;
    return line ? rk_error_prefix(e, "%s:%u", p->path, line) : e->code;
}
