/* Both sides of a process that measures: the order, and what it does. */
#include "base/os.h"
#include "cli/bench.h"
#include "cli/named.h"
#include "cli/signals.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_EVERY_NS 200e6

rk_status rk_bench_start(const rk_bench_order *o, rk_spawned *out, rk_error *e)
{
    const rk_bench_options *s = &o->options;
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:f, s:b, s:b, s:I, s:o, s:o}",
                  "spec", o->spec, "reference", o->reference ? o->reference : "", "suites",
                  o->suites ? o->suites : "", "threads", o->threads ? o->threads : "", "size",
                  (int)s->size, "repeats", (int)s->repeats, "process", (int)s->process, "parts",
                  (int)o->parts, "seed", (json_int_t)s->seed, "times", o->times, "identify",
                  (int)o->identify, "verbose", (int)o->verbose, "parent", (json_int_t)getpid(),
                  "backends", rk_spawn_list(o->backends, o->n_backends), "plugins",
                  rk_spawn_list(o->plugins, o->n_plugins));
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to start a process");
    rk_status status = rk_spawn("bench", text, -1, out, e);
    free(text);
    return status;
}

/* ---- the child's side ------------------------------------------------------------------------ */

typedef struct worker {
    json_t *order;
    rk_bench_order o;
    const char **backend, **plugin;
    rk_registry *registry;
    json_int_t parent;
    rk_bench_suites suites;
    rk_hub *hub;
    double said_ns;
} worker;

static rk_status on_value(void *ctx, const rk_bench_value *v, rk_error *e)
{
    const worker *w = ctx;
    if (!rk_bench_suites_keep(&w->suites, v->suite)) return RK_OK;
    if (rk_bench_say_value(v)) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the value %s of %s", v->name, v->suite);
}

static void on_progress(void *ctx, const char *what, double fraction)
{
    worker *w = ctx;
    double now = (double)rk_os_now_ns();
    if (now - w->said_ns < SAY_EVERY_NS) return;
    w->said_ns = now;
    rk_bench_say_progress(what, fraction);
}

static bool on_stopping(void *ctx)
{
    (void)ctx;
    return rk_signals_stopping();
}

static rk_status read_order(worker *w, rk_error *e)
{
    json_error_t why;
    json_t *backends, *plugins;
    int size, repeats, process, parts, identify, verbose;
    json_int_t seed;
    rk_bench_order *o = &w->o;
    w->order = json_loadfd(STDIN_FILENO, 0, &why);
    if (!w->order ||
        json_unpack_ex(
            w->order, &why, 0,
            "{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:f, s:b, s:b, s:I, s:o, s:o}", "spec",
            &o->spec, "reference", &o->reference, "suites", &o->suites, "threads", &o->threads,
            "size", &size, "repeats", &repeats, "process", &process, "parts", &parts, "seed", &seed,
            "times", &o->times, "identify", &identify, "verbose", &verbose, "parent", &w->parent,
            "backends", &backends, "plugins", &plugins) != 0)
        return RK_FAIL(e, RK_E_INVALID, "--worker is for the processes of a bench alone: %s",
                       why.text);
    o->identify = identify;
    o->verbose = verbose;
    o->parts = (uint32_t)parts;
    o->options = (rk_bench_options){.size = (rk_bench_size)size,
                                    .repeats = (uint32_t)repeats,
                                    .seed = (uint64_t)seed,
                                    .process = (uint32_t)process,
                                    .fast = true};
    w->backend = rk_spawn_texts(backends, &o->n_backends);
    w->plugin = rk_spawn_texts(plugins, &o->n_plugins);
    if (!w->backend || !w->plugin) return RK_FAIL(e, RK_E_NOMEM, "no memory for a bench");
    return rk_bench_suites_parse(o->suites[0] ? o->suites : NULL, &w->suites, e);
}

static rk_status open_all(worker *w, rk_error *e)
{
    const rk_bench_order *o = &w->o;
    RK_TRY(rk_hub_new_of(w->backend, o->n_backends, &w->hub, e));
    RK_TRY(rk_named_backends(w->hub, w->backend, o->n_backends, e));
    if (o->verbose) rk_hub_verbosity(w->hub, 2);
    if (o->threads[0]) RK_TRY(rk_hub_option(w->hub, "threads", o->threads, e));
    RK_TRY(rk_registry_new(w->plugin, o->n_plugins, &w->registry, e));
    return rk_named_plugins(w->registry, w->plugin, o->n_plugins, e);
}

static rk_status identify(const rk_bench_case *c, const char *threads, rk_error *e)
{
    rk_bench_device d = {0};
    int64_t n = 0;
    RK_TRY(rk_bench_identity(c, &d, e));
    if (!d.threads && rk_parse_i64(threads, &n)) d.threads = n;
    bool said = rk_bench_say_device(&d);
    rk_bench_identity_free(&d);
    return said ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for the identity of a device");
}

/* A part that fails says so, and the next one is measured all the same. */
static rk_status do_parts(const worker *w, rk_bench_case *c, rk_bench_options *o, rk_error *e)
{
    uint32_t n;
    const rk_bench_part *part = rk_bench_parts(&n);
    for (uint32_t i = 0; i < n; i++) {
        if (!(w->o.parts & (1u << i))) continue;
        rk_error why = rk_error_new();
        o->seconds = part[i].seconds * w->o.times;
        rk_bench_say_part((int)i);
        rk_status status = part[i].run(c, &why);
        if (status == RK_E_STOPPED || rk_signals_stopping())
            return RK_FAIL(e, RK_E_STOPPED, "stopped");
        if (status != RK_OK) rk_bench_say_failed(why.text);
    }
    return RK_OK;
}

static rk_status measure(worker *w, rk_error *e)
{
    const rk_bench_sink sink = {w, on_value, on_progress, on_stopping};
    rk_bench_options o = w->o.options;
    rk_bench_case c = {.hub = w->hub,
                       .spec = w->o.spec,
                       .reference = w->o.reference[0] ? w->o.reference : NULL,
                       .options = &o,
                       .sink = &sink,
                       .plugins = w->registry};
    void *machine = NULL;
    if (w->o.identify && rk_bench_suites_keep(&w->suites, "step")) /* the first of its device */
        RK_TRY(rk_bench_cold_measure(&c, e));
    if (w->o.identify) RK_TRY(identify(&c, w->o.threads, e));
    RK_TRY(rk_bench_machine_begin(&c, &machine, e));
    rk_status status = do_parts(w, &c, &o, e);
    rk_status ended = rk_bench_machine_end(&c, machine, status == RK_OK ? e : NULL);
    return status == RK_OK ? ended : status;
}

int rk_bench_work(void)
{
    worker w = {0};
    rk_error e = rk_error_new();
    rk_signals_catch();
    signal(SIGPIPE, SIG_IGN);
    rk_status status = read_order(&w, &e);
    bool ordered = status == RK_OK;
    if (ordered) status = rk_spawn_tie(w.parent, "bench", &e);
    if (status == RK_OK) status = open_all(&w, &e);
    if (status == RK_OK) status = measure(&w, &e);
    if (ordered && status != RK_OK && status != RK_E_STOPPED) rk_bench_say_failed(e.text);
    /* Before drivers are closed: what they do then is no measurement. */
    if (ordered && status != RK_E_STOPPED) rk_bench_say_end();
    rk_hub_free(w.hub);
    rk_registry_free(w.registry);
    free(w.backend);
    free(w.plugin);
    json_decref(w.order);
    if (!ordered) return rk_cli_fail(&e);
    return status == RK_OK ? 0 : RK_CLI_FAILURE;
}
