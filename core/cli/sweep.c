/* rethink sweep: a grid of runs, each in a process of its own. */
#include "cli/sweep.h"
#include "cli/named.h"
#include "cli/signals.h"
#include "device/load.h"
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct command {
    const rk_sweep_arguments *a;
    rk_hub *hub;
    rk_registry *plugins;
    rk_results *results;
    rk_sweep sweep;
    rk_sweep_view view;
    char **backend; /* [n_backends]: files that the children load */
    uint32_t n_backends;
    int lock;
    uint32_t at_once;
    bool failed;
} command;

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static rk_status open_results(command *c, rk_error *e)
{
    const char *out = c->a->run.out;
    if (!c->a->dry_run) {
        RK_TRY(rk_results_open(out, false, &c->results, e));
        return rk_results_lock(out, &c->lock, e);
    }
    if (access(out, F_OK) != 0) return RK_OK;
    return rk_results_open(out, true, &c->results, e);
}

/* Adds the file of a device's backend, once. */
static rk_status add_backend(command *c, const char *device, rk_error *e)
{
    const char *path;
    uint32_t index;
    RK_TRY(rk_hub_locate(c->hub, device, &path, &index, e));
    for (uint32_t i = 0; i < c->n_backends; i++)
        if (strcmp(c->backend[i], path) == 0) return RK_OK;
    char **longer = realloc(c->backend, (c->n_backends + (size_t)1) * sizeof *longer);
    if (longer) c->backend = longer;
    char *copy = longer ? strdup(path) : NULL;
    if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of backends");
    c->backend[c->n_backends++] = copy;
    return RK_OK;
}

static rk_status add_backends(command *c, rk_error *e)
{
    const rk_devices_used *used = &c->sweep.devices;
    rk_error ignored =
        rk_error_new(); /* there may be no reference: then nothing falls back to it */
    if (add_backend(c, "cpu", &ignored) == RK_E_NOMEM) return add_backend(c, "cpu", e);
    for (uint32_t i = 0; i < used->n; i++)
        if (used->device[i].entry.spec[0]) RK_TRY(add_backend(c, used->device[i].entry.spec, e));
    return RK_OK;
}

/* Devices are looked for here, used by the children only. */
static rk_status find_devices(command *c, rk_error *e)
{
    const rk_run_arguments *run = &c->a->run;
    RK_TRY(rk_hub_new(run->backends, run->n_backends, &c->hub, e));
    RK_TRY(rk_named_backends(c->hub, run->backends, run->n_backends, e));
    RK_TRY(rk_named_tuning(e));
    RK_TRY(rk_sweep_find_devices(c->hub, &c->sweep, e));
    RK_TRY(add_backends(c, e));
    if (!run->quiet && !c->a->dry_run)
        rk_devices_used_print(&c->sweep.devices, run->json ? stderr : stdout);
    rk_hub_free(c->hub);
    c->hub = NULL;
    return RK_OK;
}

static uint32_t distinct_devices(const rk_sweep *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->devices.n; i++) n += s->devices.device[i].entry.spec[0] != '\0';
    return larger(n, 1);
}

/* How many at once: no more than there is to do, so that these get all cores. */
static void decide_at_once(command *c)
{
    const rk_sweep *s = &c->sweep;
    uint32_t open = rk_sweep_count(s, RK_TASK_NEW) + rk_sweep_count(s, RK_TASK_RESUME);
    uint32_t usual = c->a->spread ? distinct_devices(s) : 1;
    c->at_once = larger(smaller(c->a->jobs ? c->a->jobs : usual, open), 1);
}

/* Children that run at once share the cores. */
static void share_cores(const command *c, rk_sweep_common *common)
{
    cpu_set_t set;
    if (c->at_once == 1) return;
    uint32_t cores = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) cores = (uint32_t)CPU_COUNT(&set);
    snprintf(common->threads, sizeof common->threads, "%u", larger(cores / c->at_once, 1));
}

static rk_status train(command *c, rk_error *e)
{
    bool differ = false;
    rk_sweep *s = &c->sweep;
    rk_sweep_common common = {.a = c->a,
                              .results = c->a->run.out,
                              .backends = (const char *const *)c->backend,
                              .n_backends = c->n_backends,
                              .lock = c->lock};
    share_cores(c, &common);
    RK_TRY(rk_sweep_run(s, &common, c->results, c->at_once, &c->view, e));
    RK_TRY(rk_sweep_print_end(s, c->results, &c->view, &differ, e));
    bool open = rk_sweep_count(s, RK_TASK_NEW) + rk_sweep_count(s, RK_TASK_RESUME) > 0;
    c->failed = differ || open || rk_sweep_count(s, RK_TASK_FAILED);
    if (rk_signals_stopping())
        fprintf(stderr, "rethink: stopped, everything is saved: the same command goes on\n");
    else if (open)
        fprintf(stderr, "rethink: given up after several failures to read or write a file; after "
                        "that is mended, the same command goes on\n");
    if (c->a->run.json)
        RK_TRY(rk_sweep_print_json(s, c->results, rk_sweep_left(s, NULL, 0, c->at_once), e));
    return RK_OK;
}

static rk_status dry_run(const command *c, rk_error *e)
{
    const rk_sweep *s = &c->sweep;
    if (c->a->run.json)
        return rk_sweep_print_json(s, c->results, rk_sweep_left(s, NULL, 0, c->at_once), e);
    return rk_sweep_print_plan(s, c->at_once, stdout, e);
}

static rk_status sweep(command *c, rk_error *e)
{
    const rk_run_arguments *run = &c->a->run;
    RK_TRY(rk_registry_new(run->plugins, run->n_plugins, &c->plugins, e));
    RK_TRY(rk_named_plugins(c->plugins, run->plugins, run->n_plugins, e));
    RK_TRY(rk_sweep_plan(c->a, c->plugins, &c->sweep, e));
    if (c->a->emit) return rk_sweep_print_slurm(&c->sweep, c->a, stdout, e);
    RK_TRY(find_devices(c, e));
    RK_TRY(open_results(c, e));
    RK_TRY(rk_sweep_match(&c->sweep, c->results, e));
    decide_at_once(c);
    c->view = rk_sweep_view_new(&c->sweep, c->a);
    return c->a->dry_run ? dry_run(c, e) : train(c, e);
}

static void close_all(command *c)
{
    for (uint32_t i = 0; i < c->n_backends; i++) free(c->backend[i]);
    free(c->backend);
    rk_sweep_free(&c->sweep);
    rk_results_close(c->results);
    rk_registry_free(c->plugins);
    rk_hub_free(c->hub);
    if (c->lock >= 0) close(c->lock);
}

static int run(const rk_sweep_arguments *a)
{
    command c = {.a = a, .lock = -1};
    rk_error e = rk_error_new();
    int code = 0;
    if (a->worker) return rk_sweep_work();
    rk_signals_catch();
    rk_status status = sweep(&c, &e);
    if (status == RK_OK) status = rk_cli_flush(stdout, "standard output", &e);
    if (status != RK_OK)
        code = rk_cli_fail(&e);
    else
        code = rk_signals_status(c.failed);
    close_all(&c);
    return code;
}

int rk_cli_sweep(int argc, char **argv)
{
    rk_sweep_arguments a;
    int code = 0;
    if (rk_sweep_parse(argc, argv, &a, &code)) code = run(&a);
    rk_sweep_arguments_free(&a);
    return code;
}
