/* rethink tune: finds the fastest kernels of a device. */
#include "cli/tune.h"
#include "base/os.h"
#include "base/text.h"
#include "cli/jobs.h"
#include "cli/live.h"
#include "cli/named.h"
#include "cli/signals.h"
#include "device/hub.h"
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_RAPID = RK_OPTION_OWN,
    OPTION_FULL,
    OPTION_AGAIN,
    OPTION_MINUTES,
    OPTION_CHOICES,
    OPTION_EXPORT,
    OPTION_IMPORT,
    OPTION_LIST,
    OPTION_FORGET,
    SAMPLES = 9
};

static const struct argp_option own_options[] = {
    {"rapid", OPTION_RAPID, NULL, 0,
     "A few choices of the operations that most of the time goes into; this is the default", 1},
    {"full", OPTION_FULL, NULL, 0, "All choices of all operations; may take hours", 1},
    {"again", OPTION_AGAIN, NULL, 0, "Also operations that are tuned already", 1},
    {"minutes", OPTION_MINUTES, "M", 0, "Begin no operation after so many minutes", 1},
    {"choices", OPTION_CHOICES, "N", 0,
     "At most so many choices of an operation (8; with --full all)", 1},
    {"list", OPTION_LIST, NULL, 0, "Print what is known, and tune nothing", 1},
    {"forget", OPTION_FORGET, NULL, 0,
     "Drop what is known, of the devices of --device or of all, and tune nothing", 1},
    {"export", OPTION_EXPORT, "FILE", 0, "Write what is known to a file, and tune nothing", 1},
    {"import", OPTION_IMPORT, "FILE", 0, "Take over what a file knows, and tune nothing", 1},
    {"quiet", 'q', NULL, 0, "No lines for single operations", 1},
    {0}};

static error_t parse_minutes(const char *arg, rk_tune_arguments *a, const struct argp_state *state)
{
    char *end;
    a->options.seconds = 60 * strtod(arg, &end);
    if (*arg && !*end && a->options.seconds > 0 && isfinite(a->options.seconds)) return 0;
    return rk_cli_misuse(state, "--minutes: '%.40s' is no number of minutes above 0", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_tune_arguments *a = state->input;
    uint64_t n;
    switch (key) {
    case OPTION_RAPID: a->rapid = true; return 0;
    case OPTION_FULL: a->options.full = true; return 0;
    case OPTION_AGAIN: a->options.again = true; return 0;
    case OPTION_MINUTES: return parse_minutes(arg, a, state);
    case OPTION_CHOICES:
        if (rk_parse_u64(arg, &n) && n > 0 && n < 10000) return a->options.choices = (uint32_t)n, 0;
        return rk_cli_misuse(state, "--choices: '%.40s' is no number from 1 to 9999", arg);
    case OPTION_EXPORT: a->to = arg; return 0;
    case OPTION_IMPORT: a->from = arg; return 0;
    case OPTION_LIST: a->list = true; return 0;
    case OPTION_FORGET: a->forget = true; return 0;
    case ARGP_KEY_END:
        if (a->rapid && a->options.full) return rk_cli_misuse(state, "--rapid or --full, not both");
        return 0;
    default: return rk_train_option(key, arg, &a->run);
    }
}

/* ---- what there is to tune ---- */

/* Everything of the command. */
typedef struct command {
    const rk_tune_arguments *a;
    rk_hub *hub;
    rk_registry *plugins;
    rk_preset preset;
    rk_jobs jobs;
    const char *device[RK_DEVICES_MAX];
    uint32_t n_device;
    rk_live live;
    double begun;
    const char *spec; /* of the device that is tuned */
    char path[RK_PATH_MAX];
} command;

static bool is_given(const command *c, const char *key)
{
    for (uint32_t i = 0; i < c->a->run.n_own; i++)
        if (strcmp(c->a->run.own[i].key, key) == 0) return true;
    return false;
}

static rk_status add_job(command *c, const rk_config *config, const char *spec, rk_tune_ops *ops,
                         rk_error *e)
{
    rk_trainer *t;
    rk_config own = *config;
    own.device = spec;
    RK_TRY(rk_trainer_open(c->hub, c->plugins, &own, &t, e));
    rk_status status = rk_tune_ops_add(ops, t->session, e);
    rk_trainer_close(t);
    return status;
}

/* The plans of the paper's models and their like, on images of its size; no data set is needed. */
static rk_status add_models(command *c, const char *spec, rk_tune_ops *ops, rk_error *e)
{
    static const char *const models[] = {"mlp:layers=1", "mlp:layers=3", "alexnet",
                                         "inception",    "cnn",          "wrn:depth=28,width=1"};
    for (size_t i = 0; i < sizeof models / sizeof *models && !rk_signals_stopping(); i++) {
        rk_config config = c->jobs.job[0].s.config;
        config.model = models[i];
        if (!is_given(c, "data")) config.data = "noise:n=256,size=28,classes=10";
        config.eval_limit = config.eval_limit ? config.eval_limit : config.batch;
        RK_TRY(add_job(c, &config, spec, ops, e));
    }
    return RK_OK;
}

static rk_status add_all(command *c, const char *spec, rk_tune_ops *ops, rk_error *e)
{
    if (!c->a->run.preset && !is_given(c, "model")) return add_models(c, spec, ops, e);
    for (uint32_t i = 0; i < c->jobs.n && !rk_signals_stopping(); i++) {
        const rk_config *x = &c->jobs.job[i].s.config;
        bool seen = false; /* what else differs changes no plan, or not much */
        for (uint32_t k = 0; k < i && !seen; k++) {
            const rk_config *y = &c->jobs.job[k].s.config;
            seen = strcmp(x->model, y->model) == 0 && strcmp(x->data, y->data) == 0 &&
                   x->batch == y->batch;
        }
        if (!seen) RK_TRY(add_job(c, x, spec, ops, e));
    }
    return RK_OK;
}

/* ---- what a user sees ---- */

static void progress(void *ctx, const char *class, uint32_t done, uint32_t total)
{
    command *c = ctx;
    char text[256], left[RK_DURATION_CHARS] = "?";
    double passed = 1e-9 * ((double)rk_os_now_ns() - c->begun);
    if (done) rk_duration(passed / done * (total - done), left);
    snprintf(text, sizeof text, "%s  %u of %u, %s left  %s", c->spec, done + 1, total, left, class);
    rk_live_draw(&c->live, text);
}

static void result(void *ctx, const rk_tune_result *r)
{
    command *c = ctx;
    if (c->a->run.quiet) return;
    rk_live_clear(&c->live);
    FILE *out = c->a->run.json ? stderr : stdout;
    if (r->choice[0])
        fprintf(out, "%s: %s takes %.3f ms instead of %.3f (%.2f times as fast)\n", r->class,
                r->choice, 1e3 * r->seconds, 1e3 * r->usual, r->usual / r->seconds);
    else
        fprintf(out, "%s: the backend's own stays, %.3f ms; none of %u others is faster\n",
                r->class, 1e3 * r->usual, r->tried);
    fflush(out);
}

static void line(void *ctx, const char *text)
{
    command *c = ctx;
    rk_live_clear(&c->live);
    fprintf(stderr, "rethink: %s\n", text);
}

static bool stopping(void *ctx)
{
    (void)ctx;
    return rk_signals_stopping();
}

static rk_status tune_device(command *c, const char *spec, rk_error *e)
{
    rk_tune_ops ops = {.op = NULL};
    rk_tune_summary s = {.ops = 0};
    const rk_tune_watch watch = {c, progress, result, line, stopping};
    FILE *out = c->a->run.json ? stderr : stdout;
    c->spec = spec;
    rk_status status = add_all(c, spec, &ops, e);
    rk_tune_ops_sort(&ops);
    c->begun = (double)rk_os_now_ns();
    if (status == RK_OK)
        status = rk_tune(c->hub, spec, &ops, &c->a->options, c->path, &watch, &s, e);
    rk_live_clear(&c->live);
    if (status == RK_OK || status == RK_E_STOPPED) {
        fprintf(out, "%s: %u operations tuned, %u of them with a faster choice; %u known before",
                spec, s.ops, s.better, s.known);
        if (s.left) fprintf(out, "; %u left for the next time", s.left);
        if (!s.ops && !s.known && s.nothing[0]) fprintf(out, "; nothing to tune: %s", s.nothing);
        fputc('\n', out);
    }
    rk_tune_ops_free(&ops);
    if (status == RK_OK && s.wrong)
        return RK_FAIL(e, RK_E_UNSUPPORTED,
                       "%s: its own kernels are wrong for %u operations, see above; 'rethink "
                       "check %s' says more",
                       spec, s.wrong, spec);
    return status;
}

/* ---- the command ---- */

/* Those of --device, or all whose backends have choices. */
static void find_devices(command *c)
{
    const rk_device_entry *entry;
    uint32_t n = rk_hub_devices(c->hub, &entry);
    const rk_settings *s = &c->jobs.job[0].s;
    for (uint32_t i = 0; is_given(c, "device") && i < s->n_devices; i++)
        c->device[c->n_device++] = s->device[i];
    for (uint32_t i = 0; !is_given(c, "device") && i < n && c->n_device < RK_DEVICES_MAX; i++)
        if (c->hub->loaded[c->hub->device_backend[i]]->table.choices)
            c->device[c->n_device++] = entry[i].spec;
}

static rk_status open_all(command *c, rk_error *e)
{
    const rk_run_arguments *a = &c->a->run;
    rk_tuning *known;
    RK_TRY(rk_hub_new(a->backends, a->n_backends, &c->hub, e));
    RK_TRY(rk_named_backends(c->hub, a->backends, a->n_backends, e));
    if (a->verbose) rk_hub_verbosity(c->hub, 2);
    if (a->preset) RK_TRY(rk_preset_load(a->preset, &c->preset, e));
    RK_TRY(rk_jobs_make(a->preset ? &c->preset : NULL, a->own, a->n_own, &c->jobs, e));
    RK_TRY(rk_jobs_keep(&c->jobs, a->variant, e));
    const rk_settings *s = &c->jobs.job[0].s;
    if (s->threads) RK_TRY(rk_hub_option(c->hub, "threads", s->threads, e));
    if (s->isa) RK_TRY(rk_hub_option(c->hub, "isa", s->isa, e));
    if (!rk_tuning_path(c->path))
        return RK_FAIL(e, RK_E_INVALID,
                       "there is no place for the database: RETHINK_TUNING is off, or "
                       "HOME is not set; --tuning FILE names one");
    if (strncmp(c->path, "random:", 7) == 0)
        return RK_FAIL(e, RK_E_INVALID,
                       "RETHINK_TUNING=%.40s is for runs: --tuning FILE names a "
                       "database",
                       c->path);
    find_devices(c);
    if (c->a->forget) return RK_OK;
    RK_TRY(rk_tuning_read(c->path, &known,
                          e)); /* before any run of a kernel says that it is damaged */
    rk_tuning_free(known);
    return RK_OK;
}

static rk_status work(command *c, rk_error *e)
{
    const rk_run_arguments *a = &c->a->run;
    if (rk_tune_is_database(c->a))
        return rk_tune_database(c->hub, c->a, c->path, c->device,
                                is_given(c, "device") ? c->n_device : 0, e);
    RK_TRY(rk_registry_new(a->plugins, a->n_plugins, &c->plugins, e));
    RK_TRY(rk_named_plugins(c->plugins, a->plugins, a->n_plugins, e));
    if (!c->n_device)
        return RK_FAIL(e, RK_E_INVALID,
                       "no device has anything to tune: 'rethink devices -v' says "
                       "what there is");
    for (uint32_t i = 0; i < c->n_device; i++) RK_TRY(tune_device(c, c->device[i], e));
    if (!a->json) return RK_OK;
    rk_tune_arguments list = *c->a;
    list.list = true;
    return rk_tune_database(c->hub, &list, c->path, c->device, c->n_device, e);
}

int rk_cli_tune(int argc, char **argv)
{
    struct argp_option options[RK_TRAIN_OPTIONS_MAX];
    const struct argp argp = {
        options,
        parse,
        "[PRESET]",
        "Times the ways in which a device's backend can compute the operations of training, and "
        "keeps "
        "the fastest in a database that later runs use.  In exact numerics the bits stay the same: "
        "each "
        "way is checked against the CPU backend before it is timed.\vWithout a PRESET or a "
        "--model, "
        "the operations are those of the paper's models.  Ctrl-C keeps what is known, and the same "
        "command goes on.",
        NULL,
        NULL,
        NULL};
    rk_tune_arguments a = {.options = {.samples = SAMPLES, .seed = 1},
                           .run = {.out = RK_CLI_RESULTS, .e = rk_error_new()}};
    command c = {.a = &a, .live = rk_live_new()};
    rk_error e = rk_error_new();
    int code = 0;
    rk_train_options(options, own_options);
    if (!rk_cli_parse(&argp, argc, argv, &a, &code)) {
        rk_run_arguments_free(&a.run);
        return code;
    }
    rk_signals_catch();
    rk_status status = open_all(&c, &e);
    if (status == RK_OK) status = work(&c, &e);
    if (status == RK_OK) status = rk_cli_flush(stdout, "standard output", &e);
    if (status == RK_OK || (status == RK_E_STOPPED && rk_signals_stopping()))
        code = rk_signals_status(false);
    else
        code = rk_cli_fail(&e);
    rk_jobs_free(&c.jobs);
    rk_preset_free(&c.preset);
    rk_registry_free(c.plugins);
    rk_hub_free(c.hub);
    rk_run_arguments_free(&a.run);
    return code;
}
