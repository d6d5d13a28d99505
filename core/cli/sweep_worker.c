/* The child's side of a sweep: one run, told by a text, said in notes. */
#include "base/os.h"
#include "cli/helper.h"
#include "cli/named.h"
#include "cli/signals.h"
#include "cli/spawn.h"
#include "cli/sweep.h"
#include "train/config.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_EVERY_NS 200e6

_Static_assert(sizeof(rk_sweep_note) <= PIPE_BUF, "a note is written whole");

typedef struct worker {
    json_t *order;
    const char *results, *config, *threads, *isa;
    json_int_t resume, number, parent;
    int verbose;
    json_t *backends, *plugins;
    const char **backend, **plugin;
    uint32_t n_backends, n_plugins;
    rk_hub *hub;
    rk_registry *registry;
    rk_results *file;
    rk_pace pace;
    double said_ns;
} worker;

static void say(rk_sweep_note note)
{
    while (write(RK_FD_NOTES, &note, sizeof note) < 0 && errno == EINTR) {
    }
}

static void on_start(void *ctx, const rk_run_record *run, const rk_program_info *step)
{
    const worker *w = ctx;
    const char *fallback = step->fallback_steps ? step->fallback_note : run->fallback_note;
    if (fallback[0]) fprintf(stderr, "rethink: FALLBACK on %s: %s\n", run->device, fallback);
    if (w->verbose) fprintf(stderr, "plan %s\n%s", step->digest, step->text);
    say((rk_sweep_note){.kind = RK_NOTE_START, .run = run->id, .epochs = run->epochs});
}

static void on_progress(void *ctx, const rk_run_record *run, int64_t epoch, int64_t step,
                        int64_t steps)
{
    worker *w = ctx;
    double now = (double)rk_os_now_ns();
    rk_pace_note(&w->pace, epoch, step, steps);
    if (now - w->said_ns < SAY_EVERY_NS) return;
    rk_pace_now pace = rk_pace_get(&w->pace, run->epochs, step, steps, run->batch);
    w->said_ns = now;
    say((rk_sweep_note){.kind = RK_NOTE_PROGRESS,
                        .run = run->id,
                        .epoch = epoch,
                        .epochs = run->epochs,
                        .images = pace.images,
                        .left = pace.left});
}

static void on_epoch(void *ctx, const rk_run_record *run, const rk_epoch_record *row)
{
    (void)ctx;
    say((rk_sweep_note){.kind = RK_NOTE_EPOCH,
                        .run = run->id,
                        .epoch = row->epoch,
                        .epochs = run->epochs,
                        .loss = row->train_loss,
                        .train = row->train_accuracy,
                        .test = row->test_accuracy});
}

static void on_skipped(void *ctx, int64_t examples, const char *why)
{
    (void)ctx;
    fprintf(stderr, "rethink: %lld examples were left out, the first: %s\n", (long long)examples,
            why);
}

static bool on_stopping(void *ctx)
{
    (void)ctx;
    return rk_signals_stopping();
}

static rk_status read_order(worker *w, rk_error *e)
{
    json_error_t why;
    w->order = json_loadfd(STDIN_FILENO, 0, &why);
    if (!w->order ||
        json_unpack_ex(w->order, &why, 0, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o, s:o}",
                       "results", &w->results, "config", &w->config, "threads", &w->threads, "isa",
                       &w->isa, "resume", &w->resume, "number", &w->number, "parent", &w->parent,
                       "verbose", &w->verbose, "backends", &w->backends, "plugins",
                       &w->plugins) != 0)
        return RK_FAIL(e, RK_E_INVALID, "--worker is for the processes of a sweep alone: %s",
                       why.text);
    w->backend = rk_spawn_texts(w->backends, &w->n_backends);
    w->plugin = rk_spawn_texts(w->plugins, &w->n_plugins);
    if (!w->backend || !w->plugin) return RK_FAIL(e, RK_E_NOMEM, "no memory for a run");
    return RK_OK;
}

static rk_status open_all(worker *w, rk_error *e)
{
    RK_TRY(rk_hub_new_of(w->backend, w->n_backends, &w->hub, e));
    RK_TRY(rk_named_backends(w->hub, w->backend, w->n_backends, e));
    RK_TRY(rk_helper_use(w->hub, NULL, e));
    if (w->verbose) rk_hub_verbosity(w->hub, 2);
    if (w->threads[0]) RK_TRY(rk_hub_option(w->hub, "threads", w->threads, e));
    if (w->isa[0]) RK_TRY(rk_hub_option(w->hub, "isa", w->isa, e));
    RK_TRY(rk_registry_new(w->plugin, w->n_plugins, &w->registry, e));
    RK_TRY(rk_named_plugins(w->registry, w->plugin, w->n_plugins, e));
    return rk_results_open(w->results, false, &w->file, e);
}

static rk_status train(worker *w, rk_error *e)
{
    int64_t id = 0;
    rk_config c;
    json_t *owner = NULL;
    rk_watch watch = {.ctx = w,
                      .start = on_start,
                      .progress = on_progress,
                      .epoch = on_epoch,
                      .stopping = on_stopping,
                      .skipped = on_skipped};
    if (w->resume)
        return rk_run_resume(w->hub, w->registry, w->file, (int64_t)w->resume, NULL, &watch, e);
    RK_TRY(rk_config_read(w->config, &c, &owner, e));
    rk_results_number_next(w->file, (int64_t)w->number);
    rk_status status = rk_run_start(w->hub, w->registry, w->file, &c, &watch, &id, e);
    json_decref(owner);
    return status;
}

static void close_all(worker *w)
{
    rk_results_close(w->file);
    rk_registry_free(w->registry);
    rk_hub_free(w->hub);
    free(w->backend);
    free(w->plugin);
    json_decref(w->order);
}

int rk_sweep_work(void)
{
    worker w = {0};
    rk_error e = rk_error_new();
    rk_sweep_note end = {.kind = RK_NOTE_END};
    rk_signals_catch();
    signal(SIGPIPE, SIG_IGN);
    rk_status status = read_order(&w, &e);
    if (status != RK_OK) {
        close_all(&w);
        return rk_cli_fail(&e);
    }
    status = rk_spawn_tie(w.parent, "sweep", &e);
    if (status == RK_OK) status = open_all(&w, &e);
    if (status == RK_OK) status = train(&w, &e);
    end.code = status;
    snprintf(end.text, sizeof end.text, "%s", e.text);
    say(end); /* before drivers are closed: what they do then is not the run's */
    close_all(&w);
    return status == RK_OK ? 0 : RK_CLI_FAILURE;
}
