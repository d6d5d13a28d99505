#include "cli/jobs.h"
#include "cli/settings_path.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "train/config.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* What the jobs are made from. */
typedef struct maker {
    const rk_preset *preset;
    const rk_assignment *own;
    uint32_t n_own;
    int scale;           /* of the preset's; -1: none */
    const char *changed; /* what the user set, but for what changes no experiment */
    rk_jobs *out;
} maker;

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for runs"); }

static bool is_own(const maker *m, const char *key)
{
    for (uint32_t i = 0; i < m->n_own; i++)
        if (strcmp(m->own[i].key, key) == 0) return true;
    return false;
}

static bool is_here(const maker *m, uint32_t scales) { return rk_scales_have(scales, m->scale); }

/* Once the user sets what tells variants apart, their labels no longer say what they are. */
static bool labels_hold(const maker *m)
{
    for (uint32_t i = 0; i < m->preset->n_variants; i++)
        for (uint32_t j = 0; j < m->preset->variant[i].n; j++)
            if (is_own(m, m->preset->variant[i].list[j].key)) return false;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_devices(const rk_settings *a, const rk_settings *b)
{
    bool same = a->n_devices == b->n_devices;
    for (uint32_t i = 0; same && i < a->n_devices; i++)
        same = strcmp(a->device[i], b->device[i]) == 0;
    return same;
}

static rk_status write_text(rk_jobs *jobs, rk_job *job, rk_error *e)
{
    rk_config c = job->s.config;
    c.variant = "";
    char *text = rk_config_write(&c);
    job->text = text ? rk_pool_string(&jobs->pool, text) : NULL;
    free(text);
    return job->text ? RK_OK : no_memory(e);
}

static bool is_new(const rk_jobs *jobs, const rk_job *job)
{
    for (uint32_t i = 0; i < jobs->n; i++) {
        const rk_job *old = &jobs->job[i];
        if (strcmp(job->text, old->text) == 0 && same_text(job->s.threads, old->s.threads) &&
            same_text(job->s.isa, old->s.isa) && same_devices(&job->s, &old->s))
            return false;
    }
    return true;
}

static rk_status add(rk_jobs *jobs, rk_job *job, rk_error *e)
{
    RK_TRY(write_text(jobs, job, e));
    if (!is_new(jobs, job)) return RK_OK;
    if ((jobs->n & (jobs->n - 1)) == 0) { /* room is made for 1, 2, 4, ... */
        rk_job *longer = rk_pool_array(&jobs->pool, jobs->n ? 2 * jobs->n : 1, sizeof *longer);
        if (!longer) return no_memory(e);
        if (jobs->n) memcpy(longer, jobs->job, jobs->n * sizeof *longer);
        jobs->job = longer;
    }
    jobs->job[jobs->n++] = *job;
    return RK_OK;
}

/* Sets the axes that the user did not, by the digits of `point`, and adds them to the label. */
static rk_status apply_point(const maker *m, uint64_t point, rk_job *job, rk_str *label,
                             rk_error *e)
{
    for (uint32_t i = 0; i < m->preset->n_axes; i++) {
        const rk_axis *a = &m->preset->axis[i];
        if (is_own(m, a->key) || !is_here(m, a->scales)) continue;
        rk_assignment one = {a->key, a->value[point % a->n]};
        point /= a->n;
        RK_TRY(rk_settings_apply(&job->s, &one, 1, &m->out->pool, e));
        rk_str_add(label, "%s%s=%s", label->n ? ", " : "", one.key, one.value);
    }
    return RK_OK;
}

/* The preset's settings, those of the scale, and every section of the variant. */
static rk_status apply_sections(const maker *m, const rk_variant *variant, rk_job *job, rk_error *e)
{
    const rk_preset *p = m->preset;
    rk_pool *pool = &m->out->pool;
    RK_TRY(rk_settings_apply(&job->s, p->base.list, p->base.n, pool, e));
    if (m->scale >= 0) {
        const rk_variant *v = &p->at_scale[m->scale];
        RK_TRY(rk_settings_apply(&job->s, v->list, v->n, pool, e));
    }
    for (uint32_t i = 0; variant && i < p->n_variants; i++) {
        const rk_variant *v = &p->variant[i];
        if (is_here(m, v->scales) && strcmp(v->label, variant->label) == 0)
            RK_TRY(rk_settings_apply(&job->s, v->list, v->n, pool, e));
    }
    return RK_OK;
}

/* "small batch, lr=0.1": what the variant comes after, at the same point of the grid. */
static rk_status add_after(const maker *m, const rk_variant *variant, rk_job *job, rk_error *e)
{
    const rk_preset *p = m->preset;
    const char *point = job->label + strlen(variant->label);
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_variants; i++) n += p->variant[i].n_after;
    job->after = rk_pool_array(&m->out->pool, n + 1, sizeof *job->after);
    if (!job->after) return no_memory(e);
    for (uint32_t i = 0; i < p->n_variants; i++) {
        const rk_variant *v = &p->variant[i];
        if (!is_here(m, v->scales) || strcmp(v->label, variant->label) != 0) continue;
        for (uint32_t k = 0; k < v->n_after; k++) {
            rk_str label = {0};
            rk_str_add(&label, "%s%s", v->after[k], point);
            const char *copy = label.failed ? NULL : rk_pool_string(&m->out->pool, label.s);
            rk_str_free(&label);
            if (!copy) return no_memory(e);
            job->after[job->n_after++] = copy;
        }
    }
    return RK_OK;
}

/* A run that stops before has no el2n either, but might have had. */
static rk_status check_el2n(const rk_settings *s, rk_error *e)
{
    const rk_config *c = &s->config;
    if (!c->scores || !s->el2n_given || c->el2n_epoch <= c->epochs) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "--el2n-epoch: there is no epoch %lld in a run of %lld: give one of them, or "
                   "more --epochs",
                   (long long)c->el2n_epoch, (long long)c->epochs);
}

static rk_status add_point(const maker *m, const rk_variant *variant, uint64_t point, rk_error *e)
{
    rk_job job = {.s = rk_settings_default(), .label = ""};
    rk_str label = {0};
    rk_pool *pool = &m->out->pool;
    RK_TRY(apply_sections(m, variant, &job, e));
    if (variant && labels_hold(m)) rk_str_add(&label, "%s", variant->label);
    rk_status status = apply_point(m, point, &job, &label, e);
    if (status == RK_OK && label.n) job.label = rk_pool_string(pool, label.s);
    bool failed = label.failed || !job.label;
    rk_str_free(&label);
    RK_TRY(status);
    if (failed) return no_memory(e);
    if (variant && labels_hold(m)) RK_TRY(add_after(m, variant, &job, e));
    RK_TRY(rk_settings_apply(&job.s, m->own, m->n_own, pool, e));
    RK_TRY(check_el2n(&job.s, e));
    job.s.config.preset = m->preset->name;
    job.s.config.variant = job.label;
    job.s.config.scale = rk_scale_name(m->scale);
    job.s.config.changed = m->changed;
    return add(m->out, &job, e);
}

/* True for a section that begins a variant at this scale. */
static bool is_first(const maker *m, uint32_t i)
{
    const rk_variant *v = m->preset->variant;
    for (uint32_t k = 0; k < i; k++)
        if (is_here(m, v[k].scales) && strcmp(v[k].label, v[i].label) == 0) return false;
    return is_here(m, v[i].scales);
}

static rk_status add_all(const maker *m, rk_error *e)
{
    const rk_preset *p = m->preset;
    uint64_t points = 1;
    for (uint32_t i = 0; i < p->n_axes; i++)
        if (!is_own(m, p->axis[i].key) && is_here(m, p->axis[i].scales)) points *= p->axis[i].n;
    if (points > 100000) return RK_FAIL(e, RK_E_INVALID, "%s: more than 100000 runs", p->path);
    for (uint64_t point = 0; point < points; point++) {
        if (p->n_variants == 0) RK_TRY(add_point(m, NULL, point, e));
        for (uint32_t i = 0; i < p->n_variants; i++)
            if (is_first(m, i)) RK_TRY(add_point(m, &p->variant[i], point, e));
    }
    return RK_OK;
}

static const char *own_value(const maker *m, const char *key)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < m->n_own; i++)
        if (strcmp(m->own[i].key, key) == 0) value = m->own[i].value;
    return value;
}

/* "epochs=3, model=linear": which settings of the user make it another experiment. */
static rk_status list_changes(maker *m, rk_error *e)
{
    static const char *const harmless[] = {"seed",     "device", "threads", "isa",
                                           "fallback", "scale",  "unfused", "checkpoint-seconds",
                                           "data-path"};
    rk_str text = {0};
    for (uint32_t i = 0; i < m->n_own; i++) {
        bool changes = true;
        for (size_t k = 0; k < sizeof harmless / sizeof *harmless; k++)
            changes = changes && strcmp(m->own[i].key, harmless[k]) != 0;
        if (changes)
            rk_str_add(&text, "%s%s=%s", text.n ? ", " : "", m->own[i].key, m->own[i].value);
    }
    m->changed = text.failed ? NULL : rk_pool_string(&m->out->pool, text.s ? text.s : "");
    rk_str_free(&text);
    return m->changed ? RK_OK : no_memory(e);
}

static rk_status add_preset(maker *m, const char *wanted, rk_error *e)
{
    const rk_preset *p = m->preset;
    if (!p->n_parts) {
        RK_TRY(rk_preset_pick(p, wanted, &m->scale, e));
        return add_all(m, e);
    }
    if (!wanted && p->scale >= 0) wanted = rk_scale_name(p->scale);
    for (uint32_t i = 0; i < p->n_parts; i++) {
        m->preset = &p->part[i];
        RK_TRY(add_preset(m, wanted, e));
    }
    return RK_OK;
}

/* A folder for a data set that no run has is a mistake. */
static rk_status check_paths(const maker *m, rk_error *e)
{
    for (uint32_t i = 0; i < m->n_own; i++) {
        const rk_assignment *own = &m->own[i];
        bool used = strcmp(own->key, "data-path") != 0;
        for (uint32_t k = 0; !used && k < m->out->n; k++)
            used = rk_data_path_is_of(own->value, m->out->job[k].s.config.data);
        if (!used)
            return RK_FAIL(e, RK_E_INVALID,
                           "--data-path: no run has the data set of '%.64s'; the "
                           "first has %.64s",
                           own->value, m->out->n ? m->out->job[0].s.config.data : "none");
    }
    return RK_OK;
}

rk_status rk_jobs_make(const rk_preset *preset, const rk_assignment *own, uint32_t n, rk_jobs *out,
                       rk_error *e)
{
    static const rk_preset none = {.name = "", .scale = -1};
    maker m = {.preset = preset ? preset : &none, .own = own, .n_own = n, .out = out};
    *out = (rk_jobs){0};
    const char *wanted = own_value(&m, "scale");
    rk_status status = RK_OK;
    if (preset) status = list_changes(&m, e);
    if (!preset) m.changed = "";
    if (!preset && wanted)
        status = RK_FAIL(e, RK_E_INVALID, "--scale is of presets: name one, as fig1a");
    if (status == RK_OK) status = add_preset(&m, wanted, e);
    if (status == RK_OK) status = check_paths(&m, e);
    if (status == RK_OK) status = rk_jobs_order(out, e);
    if (status != RK_OK) rk_jobs_free(out);
    return status;
}

/* Which file and line a mistake is in. */
static rk_status blame(const rk_preset *p, const char *name, const rk_registry *plugins,
                       rk_error *e)
{
    for (uint32_t i = 0; i < p->n_parts; i++)
        if (strcmp(name, p->part[i].name) == 0) return rk_preset_blame(&p->part[i], plugins, e);
    return rk_preset_blame(p, plugins, e);
}

rk_status rk_jobs_check(const rk_jobs *j, const rk_preset *preset, const rk_registry *plugins,
                        rk_error *e)
{
    for (uint32_t i = 0; i < j->n; i++) {
        rk_recipe recipe;
        const rk_config *c = &j->job[i].s.config;
        rk_status status = rk_recipe_parse(plugins, c, &recipe, e);
        if (status != RK_OK) return preset ? blame(preset, c->preset, plugins, e) : status;
        rk_recipe_clear(&recipe);
    }
    return RK_OK;
}

/* "random labels" of "random labels, seed=2": what the variant is called. */
static bool matches(const char *pattern, const char *label)
{
    char name[80];
    size_t n = strlen(label);
    for (const char *p = label; (p = strstr(p, ", ")) != NULL; p++)
        if (memchr(p + 2, '=', strcspn(p + 2, ","))) {
            n = (size_t)(p - label);
            break;
        }
    snprintf(name, sizeof name, "%.*s", (int)n, label);
    return fnmatch(pattern, label, 0) == 0 || fnmatch(pattern, name, 0) == 0;
}

rk_status rk_jobs_keep(rk_jobs *j, const char *pattern, rk_error *e)
{
    const uint32_t all = j->n;
    if (!pattern) return RK_OK;
    j->n = 0;
    for (uint32_t i = 0; i < all; i++)
        if (matches(pattern, j->job[i].label)) j->job[j->n++] = j->job[i];
    if (j->n || !all) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "--variant: '%.64s' matches no run; the first is '%s'", pattern,
                   j->job[0].label);
}

rk_status rk_jobs_print(const rk_jobs *j, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"preset", "scale", "variant", "seed",
                                        "epochs", "batch", "model",   "data"};
    rk_table *t = rk_table_new("lllrrrll", heads);
    for (uint32_t i = 0; i < j->n; i++) {
        const rk_config *c = &j->job[i].s.config;
        rk_table_cell(t, "%s", c->preset[0] ? c->preset : "-");
        rk_table_cell(t, "%s", c->scale[0] ? c->scale : "-");
        rk_table_cell(t, "%s", c->variant[0] ? c->variant : "-");
        rk_table_cell(t, "%llu", (unsigned long long)c->seed);
        rk_table_cell(t, "%lld", (long long)c->epochs);
        rk_table_cell(t, "%lld", (long long)c->batch);
        rk_table_cell(t, "%s", c->model);
        rk_table_cell(t, "%s", c->data);
    }
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    if (status == RK_OK) fprintf(f, "%u runs, on each of their devices\n", j->n);
    return status;
}

/* The configuration as it will be recorded, with all devices in place of one; NULL without
 * memory. */
static json_t *job_json(const rk_job *job)
{
    const rk_settings *s = &job->s;
    char *text = rk_config_write(&s->config);
    json_t *root = text ? json_loads(text, 0, NULL) : NULL, *devices = json_array();
    bool good = root && devices;
    for (uint32_t i = 0; good && i < s->n_devices; i++)
        good = json_array_append_new(devices, json_string(s->device[i])) == 0;
    good = good && json_object_del(root, "device") == 0 &&
           json_object_set(root, "devices", devices) == 0 &&
           json_object_set_new(root, "threads",
                               s->threads ? json_integer(atoi(s->threads)) : json_null()) == 0 &&
           json_object_set_new(root, "isa", s->isa ? json_string(s->isa) : json_null()) == 0;
    json_decref(devices);
    free(text);
    if (good) return root;
    json_decref(root);
    return NULL;
}

rk_status rk_jobs_print_json(const rk_jobs *j, FILE *f, rk_error *e)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < j->n; i++) {
        if (json_array_append_new(list, job_json(&j->job[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return rk_cli_json(f, list, e);
}

void rk_jobs_free(rk_jobs *j)
{
    rk_pool_free(&j->pool);
    *j = (rk_jobs){0};
}
