#include "cli/jobs.h"
#include "base/error.h"
#include "base/text.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

/* What the jobs are made from. */
typedef struct maker {
    const rk_preset *preset;
    const rk_assignment *own;
    uint32_t n_own;
    rk_jobs *out;
} maker;

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for runs"); }

static bool is_own(const maker *m, const char *key)
{
    for (uint32_t i = 0; i < m->n_own; i++)
        if (strcmp(m->own[i].key, key) == 0) return true;
    return false;
}

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

/* The configuration as text, but for its label. */
static char *written(const rk_job *job)
{
    rk_config c = job->s.config;
    c.variant = "";
    return rk_config_write(&c);
}

static rk_status is_new(const rk_jobs *jobs, const rk_job *job, bool *out, rk_error *e)
{
    char *text = written(job);
    *out = text;
    for (uint32_t i = 0; *out && i < jobs->n; i++) {
        const rk_job *old = &jobs->job[i];
        char *other = written(old);
        if (!other) {
            free(text);
            return no_memory(e);
        }
        *out = strcmp(text, other) != 0 || !same_text(job->s.threads, old->s.threads) ||
               !same_text(job->s.isa, old->s.isa) || !same_devices(&job->s, &old->s);
        free(other);
    }
    free(text);
    return text ? RK_OK : no_memory(e);
}

static rk_status add(rk_jobs *jobs, const rk_job *job, rk_error *e)
{
    bool fresh;
    RK_TRY(is_new(jobs, job, &fresh, e));
    if (!fresh) return RK_OK;
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
        if (is_own(m, a->key)) continue;
        rk_assignment one = {a->key, a->value[point % a->n]};
        point /= a->n;
        RK_TRY(rk_settings_apply(&job->s, &one, 1, &m->out->pool, e));
        rk_str_add(label, "%s%s=%s", label->n ? ", " : "", one.key, one.value);
    }
    return RK_OK;
}

static rk_status add_point(const maker *m, const rk_variant *variant, uint64_t point, rk_error *e)
{
    rk_job job = {rk_settings_default(), ""};
    rk_str label = {0};
    rk_pool *pool = &m->out->pool;
    RK_TRY(rk_settings_apply(&job.s, m->preset->base.list, m->preset->base.n, pool, e));
    if (variant) RK_TRY(rk_settings_apply(&job.s, variant->list, variant->n, pool, e));
    if (variant && labels_hold(m)) rk_str_add(&label, "%s", variant->label);
    rk_status status = apply_point(m, point, &job, &label, e);
    if (status == RK_OK && label.n) job.label = rk_pool_string(pool, label.s);
    bool failed = label.failed || !job.label;
    rk_str_free(&label);
    RK_TRY(status);
    if (failed) return no_memory(e);
    RK_TRY(rk_settings_apply(&job.s, m->own, m->n_own, pool, e));
    job.s.config.preset = m->preset->name;
    job.s.config.variant = job.label;
    return add(m->out, &job, e);
}

static rk_status add_all(const maker *m, rk_error *e)
{
    const rk_preset *p = m->preset;
    uint64_t points = 1;
    for (uint32_t i = 0; i < p->n_axes; i++)
        if (!is_own(m, p->axis[i].key)) points *= p->axis[i].n;
    if (points > 100000) return RK_FAIL(e, RK_E_INVALID, "%s: more than 100000 runs", p->path);
    for (uint64_t point = 0; point < points; point++) {
        if (p->n_variants == 0) RK_TRY(add_point(m, NULL, point, e));
        for (uint32_t i = 0; i < p->n_variants; i++) RK_TRY(add_point(m, &p->variant[i], point, e));
    }
    return RK_OK;
}

rk_status rk_jobs_make(const rk_preset *preset, const rk_assignment *own, uint32_t n, rk_jobs *out,
                       rk_error *e)
{
    static const rk_preset none = {.name = ""};
    maker m = {preset ? preset : &none, own, n, out};
    *out = (rk_jobs){0};
    rk_status status = add_all(&m, e);
    if (status != RK_OK) rk_jobs_free(out);
    return status;
}

void rk_jobs_free(rk_jobs *j)
{
    rk_pool_free(&j->pool);
    *j = (rk_jobs){0};
}
