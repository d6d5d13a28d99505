/* Runs by label and seed. */
#include "cli/study.h"
#include "base/error.h"
#include "cli/jobs.h"
#include "data/names.h"
#include "train/diagnose.h"
#include <stdlib.h>
#include <string.h>

void rk_study_free(rk_study *s)
{
    rk_pool_free(&s->pool);
    *s = (rk_study){0};
}

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a study"); }

/* "random labels, seed=2, lr=0.1" without its seed. */
static const char *without_seed(rk_pool *pool, const char *variant)
{
    char *text = rk_pool_string(pool, variant);
    if (text) rk_label_without_seed(text);
    return text;
}

static bool has_label(const rk_study *s, const char *label)
{
    for (uint32_t i = 0; i < s->n_labels; i++)
        if (strcmp(s->label[i], label) == 0) return true;
    return false;
}

/* The texts of diagnose, as written. */
static rk_status note_diagnose(rk_study *s, const char *text, rk_error *e)
{
    for (uint32_t i = 0; i < s->n_diagnose; i++)
        if (strcmp(s->diagnose[i], text) == 0) return RK_OK;
    s->diagnose[s->n_diagnose] = rk_pool_string(&s->pool, text);
    return s->diagnose[s->n_diagnose++] ? RK_OK : no_memory(e);
}

static rk_status find_labels(rk_study *s, rk_error *e)
{
    rk_jobs jobs;
    rk_assignment scale = {"scale", rk_scale_name(s->scale)};
    rk_status status = RK_OK;
    RK_TRY(rk_jobs_make(s->preset, &scale, s->scale >= 0, &jobs, e));
    s->label = rk_pool_array(&s->pool, jobs.n + 1, sizeof *s->label);
    s->diagnose = rk_pool_array(&s->pool, jobs.n + 1, sizeof *s->diagnose);
    if (!s->label || !s->diagnose) status = no_memory(e);
    for (uint32_t i = 0; status == RK_OK && i < jobs.n; i++) {
        const char *label = without_seed(&s->pool, jobs.job[i].label);
        if (!label) status = no_memory(e);
        if (label && !has_label(s, label)) s->label[s->n_labels++] = label;
        const char *diagnose = jobs.job[i].s.config.diagnose;
        if (status == RK_OK && diagnose[0]) status = note_diagnose(s, diagnose, e);
    }
    rk_jobs_free(&jobs);
    return status;
}

/* What a run's study is told by; the text is config's. */
static const char *read_config(const rk_run_record *run, json_t **config, int *scale)
{
    *config = json_loads(run->config ? run->config : "", 0, NULL);
    const char *name = json_string_value(json_object_get(*config, "scale"));
    const char *changed = json_string_value(json_object_get(*config, "changed"));
    *scale = name ? rk_scale_find(name) : -1;
    return changed ? changed : "";
}

const char *rk_study_of(const rk_run_record *run, rk_pool *pool, int *scale)
{
    json_t *config;
    const char *changed = rk_pool_string(pool, read_config(run, &config, scale));
    json_decref(config);
    return changed;
}

bool rk_study_owns(const rk_run_record *run, const char *preset, int scale, const char *changed)
{
    json_t *config;
    int own;
    if (strcmp(run->preset, preset) != 0) return false;
    bool same = strcmp(read_config(run, &config, &own), changed) == 0 && own == scale;
    json_decref(config);
    return same;
}

static void add_seed(rk_study *s, uint64_t seed)
{
    uint32_t i = s->n_seeds;
    for (uint32_t k = 0; k < s->n_seeds; k++)
        if (s->seed[k] == seed) return;
    for (; i > 0 && s->seed[i - 1] > seed; i--) s->seed[i] = s->seed[i - 1];
    s->seed[i] = seed;
    s->n_seeds++;
}

static rk_status find_runs(rk_study *s, rk_error *e)
{
    uint32_t n = s->runs->n;
    s->run = rk_pool_array(&s->pool, n + 1, sizeof *s->run);
    s->run_label = rk_pool_array(&s->pool, n + 1, sizeof *s->run_label);
    s->seed = rk_pool_array(&s->pool, n + 1, sizeof *s->seed);
    if (!s->run || !s->run_label || !s->seed) return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        const rk_run_record *run = s->runs->run[i];
        if (!rk_study_owns(run, s->preset->name, s->scale, s->changed)) continue;
        s->n_all++;
        if (strcmp(run->status, "done") != 0) continue;
        s->run_label[s->n_runs] = without_seed(&s->pool, run->variant);
        if (!s->run_label[s->n_runs]) return no_memory(e);
        s->run[s->n_runs++] = i;
        add_seed(s, run->seed);
    }
    return RK_OK;
}

rk_status rk_study_make(const rk_preset *p, int scale, const char *changed, const rk_runs *runs,
                        rk_study *out, rk_error *e)
{
    *out = (rk_study){.preset = p, .scale = scale, .runs = runs};
    out->changed = rk_pool_string(&out->pool, changed);
    rk_status status = out->changed ? find_labels(out, e) : no_memory(e);
    if (status == RK_OK && runs) status = find_runs(out, e);
    if (status != RK_OK) rk_study_free(out);
    return status;
}

bool rk_study_find(const rk_study *s, const char *label, uint64_t seed, uint32_t *run)
{
    const rk_run_record *latest = NULL;
    for (uint32_t i = 0; i < s->n_runs; i++) {
        const rk_run_record *one = s->runs->run[s->run[i]];
        if (one->seed != seed || strcmp(s->run_label[i], label) != 0) continue;
        if (latest && !rk_run_later(one, latest)) continue;
        latest = one;
        *run = s->run[i];
    }
    return latest;
}

bool rk_study_shows(const rk_study *s, uint32_t run)
{
    for (uint32_t i = 0; i < s->n_runs; i++)
        if (s->run[i] == run) return has_label(s, s->run_label[i]);
    return false;
}

rk_status rk_study_label(const rk_study *s, const char *label, rk_error *e)
{
    char hint[RK_HINT_MAX];
    if (has_label(s, label)) return RK_OK;
    rk_name_hint(label, s->label, s->n_labels, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no variant '%.64s'%s%s%s", label, s->scale >= 0 ? " at " : "",
                   rk_scale_name(s->scale), hint);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static rk_status check_formula(rk_calculator *c, const rk_study *s, const rk_formula *f,
                               rk_error *e)
{
    double ignored;
    if (!f->text || rk_calculate(c, s, 0, f->text, &ignored, e) == RK_OK) return RK_OK;
    return rk_error_prefix(e, "%s:%u", s->preset->path, f->line);
}

static rk_status check_all(rk_calculator *c, const rk_study *s, rk_error *e)
{
    const rk_preset *p = s->preset;
    for (uint32_t i = 0; i < p->n_claims; i++) {
        const rk_claim *claim = &p->claim[i];
        if (!rk_scales_have(claim->scales, s->scale)) continue;
        RK_TRY(check_formula(c, s, &claim->mean, e));
        for (uint32_t k = 0; k < claim->n; k++) RK_TRY(check_formula(c, s, &claim->holds[k], e));
    }
    for (uint32_t i = 0; i < p->n_papers; i++) {
        if (!rk_scales_have(p->paper[i].scales, s->scale)) continue;
        if (rk_study_label(s, p->paper[i].label, e) != RK_OK)
            return rk_error_prefix(e, "%s:%u", p->path, p->paper[i].line);
    }
    return RK_OK;
}

rk_status rk_study_check(const rk_preset *p, rk_error *e)
{
    rk_calculator *c;
    rk_status status = RK_OK;
    if (p->n_parts || (!p->n_claims && !p->n_papers)) return RK_OK;
    RK_TRY(rk_calculator_new(&c, e));
    for (int scale = p->scales ? 0 : -1; status == RK_OK && scale < RK_SCALES; scale++) {
        rk_study s;
        if (scale >= 0 && !(p->scales >> scale & 1)) continue;
        status = rk_study_make(p, scale, "", NULL, &s, e);
        if (status != RK_OK) break;
        status = check_all(c, &s, e);
        rk_study_free(&s);
    }
    rk_calculator_free(c);
    return status;
}
