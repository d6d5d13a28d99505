/* Sections of presets that say what must come out: claims, numbers of papers, figures. */
#include "base/error.h"
#include "base/text.h"
#include "cli/measure.h"
#include "cli/preset_parse.h"
#include "cli/study.h"
#include "data/names.h"
#include <math.h>
#include <string.h>

static rk_status number(const char *key, const char *value, double *out, rk_error *e)
{
    if (rk_parse_f64(value, out)) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "%s: '%.40s' is no number", key, value);
}

static rk_status wrong_key(const char *key, const char *const *known, size_t n, const char *section,
                           rk_error *e)
{
    char hint[RK_HINT_MAX];
    rk_name_hint(key, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no key '%.40s' in [%s]%s", key, section, hint);
}

/* ---- claims ---------------------------------------------------------------------------------- */

static rk_status begin_claim(rk_preset *p, const rk_section *s, rk_error *e)
{
    if (!s->label[0]) return RK_FAIL(e, RK_E_INVALID, "[claim] needs a name: [claim NAME]");
    rk_claim *list = rk_preset_longer(&p->pool, p->claim, p->n_claims, sizeof *list);
    if (!list) return rk_preset_no_memory(p, e);
    p->claim = list;
    list[p->n_claims] = (rk_claim){
        .says = "", .from = -INFINITY, .to = INFINITY, .scales = s->scales, .line = s->line};
    return rk_preset_text(p, s->label, &list[p->n_claims++].name, e);
}

static rk_status add_holds(rk_preset *p, rk_claim *c, const rk_section *s, const char *value,
                           rk_error *e)
{
    rk_formula *list = rk_preset_longer(&p->pool, c->holds, c->n, sizeof *list);
    if (!list) return rk_preset_no_memory(p, e);
    c->holds = list;
    list[c->n].line = s->line;
    return rk_preset_text(p, value, &list[c->n++].text, e);
}

rk_status rk_preset_claim(rk_preset *p, const rk_section *s, const char *key, const char *value,
                          rk_error *e)
{
    static const char *const keys[] = {"from", "holds", "mean", "says", "to"};
    if (s->first) RK_TRY(begin_claim(p, s, e));
    rk_claim *c = &p->claim[p->n_claims - 1];
    if (strcmp(key, "says") == 0) return rk_preset_text(p, value, &c->says, e);
    if (strcmp(key, "holds") == 0) return add_holds(p, c, s, value, e);
    if (strcmp(key, "from") == 0) return number(key, value, &c->from, e);
    if (strcmp(key, "to") == 0) return number(key, value, &c->to, e);
    if (strcmp(key, "mean") != 0) return wrong_key(key, keys, 5, "claim NAME", e);
    if (c->mean.text)
        return RK_FAIL(e, RK_E_INVALID, "mean is set twice, first in line %u", c->mean.line);
    c->mean.line = s->line;
    return rk_preset_text(p, value, &c->mean.text, e);
}

static rk_status check_claim(const rk_preset *p, const rk_claim *c, rk_error *e)
{
    bool band = isfinite(c->from) || isfinite(c->to);
    if (!c->n && !c->mean.text)
        return RK_FAIL(e, RK_E_INVALID, "%s:%u: [claim %s] claims nothing: holds = EXPRESSION",
                       p->path, c->line, c->name);
    if (band == (c->mean.text != NULL) && c->from <= c->to) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "%s:%u: [claim %s]: mean = EXPRESSION goes with from = NUMBER or to = NUMBER, "
                   "the smaller first",
                   p->path, c->line, c->name);
}

/* ---- numbers of papers ----------------------------------------------------------------------- */

/* "100.0 within 0.1", "4000 within 35%": accuracies are in percent. */
static rk_status read_band(const char *key, const char *text, rk_paper *out, rk_error *e)
{
    char value[32], tolerance[32];
    const char *within = strstr(text, " within ");
    bool fine = within && within - text < 32 && strlen(within + 8) < 32;
    if (fine) {
        snprintf(value, sizeof value, "%.*s", (int)(within - text), text);
        snprintf(tolerance, sizeof tolerance, "%s", within + 8);
        size_t n = strlen(tolerance);
        bool relative = n && tolerance[n - 1] == '%';
        if (relative) tolerance[n - 1] = '\0';
        fine = rk_parse_f64(value, &out->value) && rk_parse_f64(tolerance, &out->tolerance) &&
               out->tolerance >= 0;
        if (relative) out->tolerance *= fabs(out->value) / 100;
    }
    if (!fine)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s: '%.40s' is not VALUE within TOLERANCE, as 50.5 within 2.5 or 4000 "
                       "within 35%%",
                       key, text);
    double unit = rk_measure_percent(key) ? 0.01 : 1;
    out->value *= unit;
    out->tolerance *= unit;
    return RK_OK;
}

rk_status rk_preset_paper(rk_preset *p, const rk_section *s, const char *key, const char *value,
                          rk_error *e)
{
    const uint32_t n = p->n_papers;
    rk_paper paper = {.scales = s->restricted ? s->scales : 0, .line = s->line};
    const char *source = "";
    /* Every number is an entry of its own; the section's source comes first, as one without. */
    if (!s->first && n) source = p->paper[n - 1].source;
    if (strcmp(key, "source") != 0) {
        RK_TRY(rk_measure_check(key, e));
        RK_TRY(read_band(key, value, &paper, e));
        RK_TRY(rk_preset_text(p, key, &paper.measure, e));
    } else if (!s->first) {
        return RK_FAIL(e, RK_E_INVALID, "source comes first in [paper LABEL]");
    }
    rk_paper *list = rk_preset_longer(&p->pool, p->paper, n, sizeof *list);
    if (!list) return rk_preset_no_memory(p, e);
    RK_TRY(rk_preset_text(p, s->label, &paper.label, e));
    RK_TRY(rk_preset_text(p, paper.measure ? source : value, &paper.source, e));
    list[n] = paper;
    p->paper = list;
    p->n_papers++;
    return RK_OK;
}

/* Without '@' the scale is full; a preset without scales has its numbers at none. */
static rk_status place_papers(rk_preset *p, rk_error *e)
{
    const uint32_t all = (1u << RK_SCALES) - 1;
    for (uint32_t i = 0; i < p->n_papers; i++) {
        rk_paper *paper = &p->paper[i];
        int scale = RK_SCALE_MICRO;
        if (!paper->scales) paper->scales = p->scales ? 1u << RK_SCALE_FULL : all;
        if (p->scales ? paper->scales & p->scales : paper->scales == all) continue;
        while (!(paper->scales >> scale & 1)) scale++;
        return RK_FAIL(
            e, RK_E_INVALID,
            "%s:%u: [paper %s] is of scale %s, and there is no [scale %s]: [paper %s%s%s] "
            "is of one that there is",
            p->path, paper->line, paper->label, rk_scale_name(scale), rk_scale_name(scale),
            paper->label, p->scale >= 0 ? " @ " : "", rk_scale_name(p->scale));
    }
    return RK_OK;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* The axes of curves, unless they are said. */
static const char figure_x[] = "steps", figure_y[] = "train_loss";

static rk_status figure_kind(const char *value, rk_figure *f, rk_error *e)
{
    static const char *const kinds[] = {"curves", "sweep", "frontier", "bars", "diagnostic"};
    for (int i = 0; i < 5; i++) {
        if (strcmp(value, kinds[i]) != 0) continue;
        f->kind = (rk_figure_kind)i;
        if (f->kind == RK_FIGURE_DIAGNOSTIC && !strcmp(f->x, figure_x)) f->x = "x";
        if (f->kind == RK_FIGURE_DIAGNOSTIC && !strcmp(f->y, figure_y)) f->y = "y";
        return RK_OK;
    }
    return RK_FAIL(e, RK_E_INVALID,
                   "kind: '%.40s' is none of curves|sweep|frontier|bars|diagnostic", value);
}

/* "x y": axes. */
static rk_status figure_log(const char *value, uint32_t *out, rk_error *e)
{
    for (*out = 0; *value; value++) {
        const char *axis = strchr("xyz", *value);
        if (axis) *out |= 1u << (axis - "xyz");
        if (!axis && *value != ' ' && *value != ',')
            return RK_FAIL(e, RK_E_INVALID, "log: '%.40s' is not of the axes x, y, z", value);
    }
    return RK_OK;
}

rk_status rk_preset_figure(rk_preset *p, const rk_section *s, const char *key, const char *value,
                           rk_error *e)
{
    static const char *const keys[] = {"kind", "log", "note", "only", "series", "x", "y"};
    if (s->first) {
        rk_figure *list = rk_preset_longer(&p->pool, p->figure, p->n_figures, sizeof *list);
        if (!list) return rk_preset_no_memory(p, e);
        p->figure = list;
        list[p->n_figures] = (rk_figure){.x = figure_x,
                                         .y = figure_y,
                                         .note = "",
                                         .only = "*",
                                         .series = "",
                                         .scales = s->scales,
                                         .line = s->line};
        RK_TRY(rk_preset_text(p, s->label, &list[p->n_figures++].title, e));
    }
    rk_figure *f = &p->figure[p->n_figures - 1];
    if (strcmp(key, "kind") == 0) return figure_kind(value, f, e);
    if (strcmp(key, "x") == 0) return rk_preset_text(p, value, &f->x, e);
    if (strcmp(key, "y") == 0) return rk_preset_text(p, value, &f->y, e);
    if (strcmp(key, "log") == 0) return figure_log(value, &f->log, e);
    if (strcmp(key, "only") == 0) return rk_preset_text(p, value, &f->only, e);
    if (strcmp(key, "series") == 0) return rk_preset_text(p, value, &f->series, e);
    if (strcmp(key, "note") == 0) return rk_preset_text(p, value, &f->note, e);
    return wrong_key(key, keys, 7, "figure TITLE", e);
}

/* "a.b | c.d": names of curves. */
static rk_status check_curves(const char *series, rk_error *e)
{
    char name[512], diagnostic[512];
    const char *rest;
    do {
        series += strspn(series, " |");
        size_t n = strcspn(series, "|");
        snprintf(name, sizeof name, "%.*s", (int)n, series);
        for (size_t k = strlen(name); k && name[k - 1] == ' ';) name[--k] = '\0';
        if (rk_found_split(name, diagnostic, sizeof diagnostic, &rest, e) != RK_OK)
            return rk_error_prefix(e, "series");
        series += n;
    } while (*series);
    return RK_OK;
}

static rk_status check_figure(const rk_preset *p, const rk_figure *f, rk_error *e)
{
    static const char *const xs[] = {"epochs", "seconds", "steps"};
    rk_status status = RK_OK;
    bool known = f->kind != RK_FIGURE_CURVES, drawn = f->kind == RK_FIGURE_DIAGNOSTIC;
    if (!drawn && f->log)
        status = RK_FAIL(e, RK_E_INVALID, "log is for figures of kind = diagnostic");
    if (drawn) status = check_curves(f->series, e);
    for (int i = 0; i < 3; i++) known = known || strcmp(f->x, xs[i]) == 0;
    if (status == RK_OK && !known)
        status = RK_FAIL(e, RK_E_INVALID, "x: '%.40s' is none of steps|epochs|seconds", f->x);
    if (status == RK_OK && f->kind == RK_FIGURE_CURVES) status = rk_measure_epoch_check(f->y, e);
    if (status == RK_OK && !drawn && f->kind != RK_FIGURE_CURVES)
        status = rk_measure_check(f->y, e);
    if (status == RK_OK && f->kind == RK_FIGURE_FRONTIER) status = rk_measure_check(f->x, e);
    return status == RK_OK ? RK_OK : rk_error_prefix(e, "%s:%u", p->path, f->line);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static rk_status check_conflicts(const rk_preset *p, const rk_axis *a, rk_error *e)
{
    for (uint32_t i = 0; i < p->n_variants; i++)
        for (uint32_t k = 0; k < p->variant[i].n; k++)
            if (strcmp(p->variant[i].list[k].key, a->key) == 0 &&
                (p->variant[i].scales & a->scales))
                return RK_FAIL(e, RK_E_INVALID,
                               "%s:%u: %s conflicts with the grid of line %u, which would replace "
                               "it: leave one",
                               p->path, p->variant[i].line[k], a->key, a->line);
    return RK_OK;
}

static rk_status check_parts(const rk_preset *p, rk_error *e)
{
    if (!p->n_parts) return RK_OK;
    if (p->base.n || p->n_variants || p->n_axes || p->n_claims || p->n_papers || p->n_figures)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s: a preset that names presets has nothing else but doc and scale",
                       p->path);
    for (uint32_t i = 0; i < p->n_parts; i++) {
        int scale;
        rk_status status =
            rk_preset_pick(&p->part[i], p->scale < 0 ? NULL : rk_scale_name(p->scale), &scale, e);
        if (status != RK_OK) return rk_error_prefix(e, "%s", p->path);
    }
    return RK_OK;
}

rk_status rk_preset_whole(rk_preset *p, rk_error *e)
{
    if (!p->n_parts && p->scale >= 0 && !(p->scales >> p->scale & 1))
        return RK_FAIL(e, RK_E_INVALID, "%s: scale = %s, and there is no [scale %s]", p->path,
                       rk_scale_name(p->scale), rk_scale_name(p->scale));
    RK_TRY(check_parts(p, e));
    RK_TRY(rk_preset_check_after(p, e));
    RK_TRY(place_papers(p, e));
    for (uint32_t i = 0; i < p->n_axes; i++) RK_TRY(check_conflicts(p, &p->axis[i], e));
    for (uint32_t i = 0; i < p->n_claims; i++) RK_TRY(check_claim(p, &p->claim[i], e));
    for (uint32_t i = 0; i < p->n_figures; i++) RK_TRY(check_figure(p, &p->figure[i], e));
    return rk_study_check(p, e);
}
