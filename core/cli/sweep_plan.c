/* From arguments to tasks. */
#include "base/text.h"
#include "cli/sweep.h"
#include "train/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the tasks are made with. */
typedef struct planner {
    const rk_sweep_arguments *a;
    const rk_registry *plugins;
    rk_sweep *s;
    rk_str text; /* of all tasks, for the digest */
    uint32_t cap, job;
    rk_error *e;
} planner;

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a sweep"); }

/* The texts of the configuration that are a recipe's, which goes. */
static rk_status keep_texts(rk_pool *pool, rk_config *c, rk_error *e)
{
    const char **texts[] = {&c->model,     &c->data,     &c->randomize,  &c->augment,
                            &c->optimizer, &c->schedule, &c->regularize, &c->diagnose};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = rk_pool_string(pool, *texts[i]);
        if (!*texts[i]) return no_memory(e);
    }
    return RK_OK;
}

static bool wanted(const rk_numbers *only, uint32_t number)
{
    for (uint32_t i = 0; i < only->n; i++)
        if (only->list[i] == number) return true;
    return only->n == 0;
}

/* Adds one task, for devices[n], to the digest, and to the list if it is wanted. */
static rk_status add_task(planner *p, const rk_job *job, const rk_config *config,
                          const char *const *devices, uint32_t n)
{
    rk_sweep *s = p->s;
    rk_config c = *config;
    char *text = rk_config_write(&c);
    s->total++;
    rk_str_add(&p->text, "%s", text ? text : "");
    for (uint32_t i = 0; i < n; i++) rk_str_add(&p->text, " %s", devices[i]);
    rk_str_add(&p->text, "\n");
    free(text);
    if (!text || p->text.failed) return no_memory(p->e);
    if (!wanted(&p->a->only, s->total)) return RK_OK;
    if (s->n == p->cap) {
        rk_task *longer = realloc(s->task, (2 * p->cap + 16) * sizeof *longer);
        if (!longer) return no_memory(p->e);
        s->task = longer;
        p->cap = 2 * p->cap + 16;
    }
    rk_task t = {.number = s->total, .job = p->job, .config = c, .label = job->label};
    t.after = job->after;
    t.n_after = job->n_after;
    t.threads = job->s.threads;
    t.isa = job->s.isa;
    t.n_devices = n;
    t.device = rk_pool_copy(&s->pool, devices, n * sizeof *devices);
    if (!t.device) return no_memory(p->e);
    s->task[s->n++] = t;
    return RK_OK;
}

static rk_status add_job(planner *p, const rk_job *job)
{
    rk_recipe recipe;
    const rk_settings *set = &job->s;
    RK_TRY(rk_config_check(&set->config, p->e));
    RK_TRY(rk_recipe_parse(p->plugins, &set->config, &recipe, p->e));
    rk_config config = rk_recipe_config(&recipe, &set->config);
    config.device = "";
    rk_status status = keep_texts(&p->s->pool, &config, p->e);
    rk_recipe_clear(&recipe);
    if (status == RK_OK && p->a->spread)
        status = add_task(p, job, &config, set->device, set->n_devices);
    for (uint32_t i = 0; i < set->n_devices && status == RK_OK && !p->a->spread; i++)
        status = add_task(p, job, &config, &set->device[i], 1);
    p->job++;
    return status;
}

static rk_status make_jobs(const planner *p, const char *seed, rk_jobs *out)
{
    const rk_run_arguments *run = &p->a->run;
    rk_assignment *own = calloc(run->n_own + 1, sizeof *own);
    if (!own) return no_memory(p->e);
    if (run->n_own) memcpy(own, run->own, run->n_own * sizeof *own);
    own[run->n_own] = (rk_assignment){"seed", seed};
    rk_status status = rk_jobs_make(run->preset ? &p->s->preset : NULL, own,
                                    run->n_own + (seed != NULL), out, p->e);
    if (status == RK_OK) status = rk_jobs_keep(out, run->variant, p->e);
    free(own);
    return status;
}

static rk_status add_seed(planner *p, const int64_t *seed)
{
    char text[32] = "";
    rk_sweep *s = p->s;
    const char *kept = NULL;
    if (seed) {
        snprintf(text, sizeof text, "%lld", (long long)*seed);
        kept = rk_pool_string(&s->pool, text);
        if (!kept) return no_memory(p->e);
    }
    RK_TRY(make_jobs(p, kept, &s->jobs[s->n_jobs]));
    rk_jobs *jobs = &s->jobs[s->n_jobs++];
    RK_TRY(rk_jobs_keep(jobs, p->a->run.variant, p->e));
    RK_TRY(rk_jobs_check(jobs, p->a->run.preset ? &s->preset : NULL, p->plugins, p->e));
    for (uint32_t i = 0; i < jobs->n; i++) RK_TRY(add_job(p, &jobs->job[i]));
    return RK_OK;
}

static rk_status check_plan(const planner *p)
{
    const rk_sweep *s = p->s;
    const rk_numbers *only = &p->a->only;
    for (uint32_t i = 0; i < only->n; i++)
        if (only->list[i] > s->total)
            return RK_FAIL(p->e, RK_E_INVALID, "--task: no task %lld, the sweep has 1 to %u",
                           (long long)only->list[i], s->total);
    if (p->a->plan && strcmp(p->a->plan, s->digest) != 0)
        return RK_FAIL(p->e, RK_E_INVALID,
                       "--plan: the sweep is not what it was when it was planned (%.40s, now %s): "
                       "a preset, a plugin or an option has changed",
                       p->a->plan, s->digest);
    return RK_OK;
}

static rk_status plan(planner *p)
{
    const rk_sweep_arguments *a = p->a;
    rk_sweep *s = p->s;
    if (a->run.preset) RK_TRY(rk_preset_load(a->run.preset, &s->preset, p->e));
    s->jobs = calloc(a->seeds.n + 1, sizeof *s->jobs);
    if (!s->jobs) return no_memory(p->e);
    if (a->seeds.n == 0) RK_TRY(add_seed(p, NULL));
    for (uint32_t i = 0; i < a->seeds.n; i++) RK_TRY(add_seed(p, &a->seeds.list[i]));
    rk_digest_hex(p->text.s, p->text.n, s->digest);
    return check_plan(p);
}

rk_status rk_sweep_plan(const rk_sweep_arguments *a, const rk_registry *plugins, rk_sweep *out,
                        rk_error *e)
{
    planner p = {.a = a, .plugins = plugins, .s = out, .e = e};
    *out = (rk_sweep){.spread = a->spread};
    rk_status status = plan(&p);
    rk_str_free(&p.text);
    if (status != RK_OK) rk_sweep_free(out);
    return status;
}

void rk_sweep_free(rk_sweep *s)
{
    for (uint32_t i = 0; i < s->n; i++) free(s->task[i].reason);
    for (uint32_t i = 0; i < s->n_jobs; i++) rk_jobs_free(&s->jobs[i]);
    free(s->task);
    free(s->jobs);
    free(s->kind);
    rk_devices_used_free(&s->devices);
    rk_preset_free(&s->preset);
    rk_pool_free(&s->pool);
    *s = (rk_sweep){0};
}
