/* rethink run: trains what was asked for, on every device that was asked for. */
#include "cli/run.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/devices_used.h"
#include "cli/helper.h"
#include "cli/named.h"
#include "cli/signals.h"
#include "cli/study.h"
#include "cli/summary.h"
#include "cli/watch.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

/* Everything that the runs of one command share. */
typedef struct command {
    const rk_run_arguments *a;
    rk_hub *hub;
    rk_registry *plugins;
    rk_results *results;
    rk_preset preset;
    rk_jobs jobs;
    rk_devices_used devices;
    rk_view view;
    rk_trace trace;
    rk_done *done;
    uint32_t n_done;
    bool failed;
} command;

/* Says how to go on with a run that was stopped, or why it failed. */
static void explain(command *c, int64_t id, rk_error *e)
{
    rk_view_clear(&c->view);
    if (id && e->code != RK_E_STOPPED) rk_error_prefix(e, "run %lld", (long long)id);
    rk_cli_fail(e);
    bool saved = e->code == RK_E_STOPPED, again = e->code == RK_E_IO || e->code == RK_E_DEVICE;
    if (id && (saved || again))
        fprintf(stderr, "rethink: %s: 'rethink run --resume %lld --out %s' goes on\n",
                saved ? "everything is saved" : "after that", (long long)id,
                rk_results_path(c->results));
    c->failed = true;
}

/* Settings of the backend and not of the run: they change no bits. */
static rk_status set_backend(const command *c, const rk_settings *s, rk_error *e)
{
    if (s->threads) RK_TRY(rk_hub_option(c->hub, "threads", s->threads, e));
    if (s->isa) RK_TRY(rk_hub_option(c->hub, "isa", s->isa, e));
    return RK_OK;
}

static rk_status run_one(command *c, uint32_t job, const char *spec, rk_error *e)
{
    const rk_settings *s = &c->jobs.job[job].s;
    rk_config config = s->config;
    rk_watch watch = rk_view_watch(&c->view);
    int64_t id;
    config.device = spec;
    c->view.number++;
    RK_TRY(set_backend(c, s, e));
    rk_status status = rk_run_start(c->hub, c->plugins, c->results, &config, &watch, &id, e);
    rk_view_clear(&c->view);
    if (id) c->done[c->n_done++] = (rk_done){id, job};
    if (status != RK_OK) explain(c, id, e);
    /* A run that could not even begin, or a disk or device that fails, would fail again. */
    bool go_on = status == RK_OK || (id && status == RK_E_INVALID);
    return go_on ? RK_OK : status;
}

/* True if the command may go on to another run. */
static bool run_job(command *c, uint32_t job)
{
    const rk_settings *s = &c->jobs.job[job].s;
    for (uint32_t i = 0; i < s->n_devices && !rk_signals_stopping(); i++) {
        rk_error e = rk_error_new();
        const rk_device_entry *device = rk_devices_used_get(&c->devices, s->device[i]);
        if (device && run_one(c, job, device->spec, &e) != RK_OK) return false;
    }
    return true;
}

static rk_status plan_jobs(command *c, rk_error *e)
{
    const rk_run_arguments *a = c->a;
    uint32_t runs = 0;
    if (a->preset) RK_TRY(rk_preset_load(a->preset, &c->preset, e));
    RK_TRY(rk_jobs_make(a->preset ? &c->preset : NULL, a->own, a->n_own, &c->jobs, e));
    RK_TRY(rk_jobs_keep(&c->jobs, a->variant, e));
    RK_TRY(rk_jobs_check(&c->jobs, a->preset ? &c->preset : NULL, c->plugins, e));
    if (a->dry_run && a->json) return rk_jobs_print_json(&c->jobs, stdout, e);
    if (a->dry_run) return rk_jobs_print(&c->jobs, stdout, e);
    RK_TRY(rk_devices_used_find(c->hub, &c->jobs, &c->devices, e));
    for (uint32_t i = 0; i < c->jobs.n; i++) runs += c->jobs.job[i].s.n_devices;
    c->done = calloc(runs + 1, sizeof *c->done);
    if (!c->done) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", runs);
    for (uint32_t i = 0; i < c->jobs.n; i++)
        for (uint32_t j = 0; j < c->jobs.job[i].s.n_devices; j++)
            c->view.total += rk_devices_used_get(&c->devices, c->jobs.job[i].s.device[j]) != NULL;
    rk_devices_used_print(&c->devices, c->view.out);
    fflush(c->view.out);
    return RK_OK;
}

static rk_status last_run(command *c, int64_t *id, rk_error *e)
{
    int64_t *ids;
    uint32_t n;
    RK_TRY(rk_results_list(c->results, NULL, &ids, &n, e));
    if (n) *id = ids[n - 1];
    free(ids);
    if (n) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "%s has no runs", rk_results_path(c->results));
}

static rk_status find_run(command *c, int64_t *id, rk_error *e)
{
    const char *text = c->a->resume;
    if (strcmp(text, "last") == 0) return last_run(c, id, e);
    if (rk_parse_i64(text, id)) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "--resume: '%.64s' is no run: give its number, or last", text);
}

static rk_status resume_with(command *c, int64_t id, const rk_settings *s, rk_error *e)
{
    rk_watch watch = rk_view_watch(&c->view);
    RK_TRY(set_backend(c, s, e));
    c->done = calloc(1, sizeof *c->done);
    if (!c->done) return RK_FAIL(e, RK_E_NOMEM, "no memory to go on with a run");
    c->view.number = c->view.total = 1;
    rk_status status = rk_run_resume(c->hub, c->plugins, c->results, id, s->config.data, &watch, e);
    rk_view_clear(&c->view);
    if (status == RK_OK || status == RK_E_STOPPED) c->done[c->n_done++] = (rk_done){id, 0};
    if (status == RK_E_STOPPED) explain(c, id, e);
    return status == RK_E_STOPPED ? RK_OK : status;
}

static rk_status resume(command *c, rk_error *e)
{
    int64_t id = 0;
    rk_run_record *run;
    rk_settings s;
    rk_pool pool = {0};
    RK_TRY(find_run(c, &id, e));
    RK_TRY(rk_results_run(c->results, id, &run, e));
    rk_status status = rk_run_settings(c->a, run, &pool, &s, e);
    rk_run_record_free(run);
    if (status == RK_OK) status = resume_with(c, id, &s, e);
    rk_pool_free(&pool);
    return status;
}

static rk_status train(command *c, rk_error *e)
{
    if (c->a->resume) return resume(c, e);
    RK_TRY(plan_jobs(c, e));
    if (c->a->dry_run) return rk_cli_flush(stdout, "standard output", e);
    for (uint32_t i = 0; i < c->jobs.n && !rk_signals_stopping(); i++)
        if (!run_job(c, i)) break;
    if (c->view.number < c->view.total)
        fprintf(stderr, "rethink: %u of %u runs were not started\n", c->view.total - c->view.number,
                c->view.total);
    return RK_OK;
}

/* What the preset claims, of the runs that are like these. */
static rk_status print_verdicts(const command *c, rk_error *e)
{
    if (!c->a->preset || c->jobs.n == 0) return RK_OK;
    const rk_config *config = &c->jobs.job[0].s.config;
    return rk_verdicts_print(rk_results_path(c->results), &c->preset, rk_scale_find(config->scale),
                             config->changed, c->view.out, e);
}

static rk_status summarize(command *c, rk_error *e)
{
    bool differ = false;
    if (c->n_done == 0) return RK_OK;
    fputc('\n', c->view.out);
    RK_TRY(rk_summary_table(c->results, c->done, c->n_done, c->view.out, e));
    RK_TRY(rk_summary_agreement(c->results, c->done, c->n_done, c->view.out, &differ, e));
    if (!c->a->quiet) fprintf(c->view.out, "Results are in %s\n", rk_results_path(c->results));
    if (differ) c->failed = true;
    rk_status judged = print_verdicts(c, e);
    if (c->a->json) RK_TRY(rk_summary_json(c->results, c->done, c->n_done, stdout, e));
    RK_TRY(rk_cli_flush(stdout, "standard output", e));
    return judged;
}

static rk_status open_all(command *c, rk_error *e)
{
    const rk_run_arguments *a = c->a;
    RK_TRY(rk_hub_new(a->backends, a->n_backends, &c->hub, e));
    RK_TRY(rk_named_backends(c->hub, a->backends, a->n_backends, e));
    RK_TRY(rk_named_tuning(e));
    RK_TRY(rk_helper_use(c->hub, a->quiet || a->json ? NULL : &c->view, e));
    if (a->verbose) rk_hub_verbosity(c->hub, 2);
    RK_TRY(rk_registry_new(a->plugins, a->n_plugins, &c->plugins, e));
    RK_TRY(rk_named_plugins(c->plugins, a->plugins, a->n_plugins, e));
    return rk_run_results(a, &c->results, e);
}

static void close_all(command *c)
{
    free(c->done);
    rk_trace_free(&c->trace);
    rk_devices_used_free(&c->devices);
    rk_jobs_free(&c->jobs);
    rk_preset_free(&c->preset);
    rk_results_close(c->results);
    rk_registry_free(c->plugins);
    rk_hub_free(c->hub);
}

int rk_cli_run(int argc, char **argv)
{
    rk_run_arguments a;
    rk_error e = rk_error_new();
    int code = 0;
    if (!rk_run_parse(argc, argv, &a, &code)) {
        rk_run_arguments_free(&a);
        return code;
    }
    command c = {.a = &a,
                 .view = {.out = a.json ? stderr : stdout,
                          .quiet = a.quiet,
                          .verbose = a.verbose,
                          .estimate = a.estimate,
                          .profile = a.profile,
                          .live = rk_live_new(),
                          .stopping = rk_signals_stopping}};
    if (a.trace) c.view.trace = &c.trace;
    rk_signals_catch();
    rk_status status = open_all(&c, &e);
    if (status == RK_OK && a.trace) /* empty: a path that is wrong is found before the training */
        status = rk_trace_write(&c.trace, a.trace, &e);
    if (status == RK_OK) status = train(&c, &e);
    if (status == RK_OK && a.trace) status = rk_trace_write(&c.trace, a.trace, &e);
    if (status == RK_OK) status = summarize(&c, &e);
    if (status != RK_OK)
        code = rk_cli_fail(&e);
    else
        code = rk_signals_status(c.failed);
    close_all(&c);
    rk_run_arguments_free(&a);
    return code;
}
