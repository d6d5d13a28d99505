#include "cli/run.h"
#include "cli/settings_path.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_RESUME = RK_OPTION_OWN,
    OPTION_ESTIMATE,
    OPTION_DRY_RUN,
    OPTION_PROFILE,
    OPTION_SETTING = 0x1000 /* the first of the table's */
};

static const struct argp_option shared_options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "Where results go (" RK_CLI_RESULTS ")", 1},
    {"variant", RK_OPTION_VARIANT, "PATTERN", 0,
     "Of a preset only the variants whose label matches: * is any text", 1},
    {"backend", RK_OPTION_BACKEND, "FILE.so", 0, "Load this backend too; may be repeated", 1},
    {"plugin", RK_OPTION_PLUGIN, "FILE.so", 0, "Load this plugin too; may be repeated", 1},
    {"tuning", RK_OPTION_TUNING, "FILE.json", 0,
     "The database of 'rethink tune', or off, or random:SEED, which draws choices; as "
     "RETHINK_TUNING",
     1},
    {"json", RK_OPTION_JSON, NULL, 0, "Print the runs as JSON, everything else to stderr", 1},
    {"verbose", 'v', NULL, 0, "Print the plan of a step, its packed size and lower bound", 1},
};
enum { SHARED_OPTIONS = sizeof shared_options / sizeof *shared_options };

static const struct argp_option own_options[] = {
    {"resume", OPTION_RESUME, "RUN", 0,
     "Go on with an unfinished run, by its number or 'last', to the same bits", 1},
    {"estimate", OPTION_ESTIMATE, NULL, 0,
     "Say how many FLOP and hours the runs would take, by timing a few steps, and train nothing",
     1},
    {"profile", OPTION_PROFILE, "FILE", OPTION_ARG_OPTIONAL,
     "Before a run begins, print what each kernel of a step takes and reaches; with --profile=FILE "
     "also as a trace, a JSON file that chrome://tracing and Perfetto draw",
     1},
    {"dry-run", OPTION_DRY_RUN, NULL, 0,
     "List the runs, with --json as an array of configurations, and train none", 1},
    {"quiet", 'q', NULL, 0, "No progress, only the table at the end", 1},
    {0}};

void rk_train_options(struct argp_option out[RK_TRAIN_OPTIONS_MAX], const struct argp_option *own)
{
    size_t n;
    const rk_setting *s = rk_settings_table(&n);
    memset(out, 0, RK_TRAIN_OPTIONS_MAX * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct argp_option){
            .name = s[i].key, .key = OPTION_SETTING + (int)i, .arg = s[i].arg, .doc = s[i].doc};
    memcpy(out + n, shared_options, sizeof shared_options);
    for (n += SHARED_OPTIONS; own->name && n + 1 < RK_TRAIN_OPTIONS_MAX; own++) out[n++] = *own;
}

static error_t assign(rk_run_arguments *a, int key, const char *arg)
{
    size_t n;
    const rk_setting *s = rk_settings_table(&n);
    size_t i = (size_t)(key - OPTION_SETTING);
    if (key < OPTION_SETTING || i >= n) return ARGP_ERR_UNKNOWN;
    rk_assignment *longer = realloc(a->own, (a->n_own + 1) * sizeof *longer);
    if (!longer) return ENOMEM;
    a->own = longer;
    a->own[a->n_own++] = (rk_assignment){s[i].key, arg ? arg : "yes"};
    return 0;
}

const char *rk_run_fixed_setting(const rk_run_arguments *a, const char *const *fine, size_t n)
{
    for (uint32_t i = 0; i < a->n_own; i++) {
        bool known = false;
        for (size_t k = 0; k < n; k++) known = known || strcmp(a->own[i].key, fine[k]) == 0;
        if (!known) return a->own[i].key;
    }
    return NULL;
}

/* Of a run that goes on: the preset or setting that may not be said, or NULL. */
static const char *not_with_resume(const rk_run_arguments *a)
{
    static const char *const fine[] = {"threads", "isa", "data-path"};
    const char *fixed = rk_run_fixed_setting(a, fine, sizeof fine / sizeof *fine);
    return fixed ? fixed : a->preset;
}

error_t rk_train_option(int key, char *arg, rk_run_arguments *a)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (a->preset) return ARGP_ERR_UNKNOWN;
        a->preset = arg;
        return 0;
    case RK_OPTION_OUT: a->out = arg; return 0;
    case RK_OPTION_VARIANT: a->variant = arg; return 0;
    case RK_OPTION_BACKEND:
        return rk_cli_append(&a->backends, &a->n_backends, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_PLUGIN:
        return rk_cli_append(&a->plugins, &a->n_plugins, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_TUNING: /* and so for processes that this one starts */
        return setenv("RETHINK_TUNING", arg, 1) == 0 ? 0 : ENOMEM;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'v': a->verbose = true; return 0;
    default: return assign(a, key, arg);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_run_arguments *a = state->input;
    switch (key) {
    case OPTION_RESUME: a->resume = arg; return 0;
    case OPTION_ESTIMATE: a->estimate = true; return 0;
    case OPTION_DRY_RUN: a->dry_run = true; return 0;
    case OPTION_PROFILE:
        a->profile = true;
        a->trace = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->resume && not_with_resume(a))
            return rk_cli_misuse(state,
                                 "--resume goes on with a run as it was configured, '%s' cannot "
                                 "be given with it",
                                 not_with_resume(a));
        if (a->resume && a->estimate)
            return rk_cli_misuse(state, "--estimate is for runs that have not begun");
        if (a->resume && a->dry_run)
            return rk_cli_misuse(state, "--dry-run is for runs that have not begun");
        if (a->resume && a->profile)
            return rk_cli_misuse(state, "--profile is for runs that have not begun");
        return 0;
    default: return rk_train_option(key, arg, a);
    }
}

bool rk_run_parse(int argc, char **argv, rk_run_arguments *out, int *status)
{
    struct argp_option options[RK_TRAIN_OPTIONS_MAX];
    const struct argp argp = {options,
                              parse,
                              "[PRESET]",
                              "Trains, and records every epoch.  A PRESET is an experiment by "
                              "name, as quickstart; options "
                              "given with it replace its own.\v"
                              "A killed run goes on with --resume, to the bits it would have had; "
                              "--data-path says where its "
                              "data are if they have been moved.",
                              NULL,
                              NULL,
                              NULL};
    rk_train_options(options, own_options);
    *out = (rk_run_arguments){.out = RK_CLI_RESULTS, .e = rk_error_new()};
    return rk_cli_parse(&argp, argc, argv, out, status);
}

rk_status rk_run_results(const rk_run_arguments *a, rk_results **out, rk_error *e)
{
    if (a->resume) RK_TRY(rk_results_open(a->out, true, out, e));
    if (a->resume) rk_results_close(*out);
    return rk_results_open(a->out, false, out, e);
}

rk_status rk_run_settings(const rk_run_arguments *a, const rk_run_record *run, rk_pool *pool,
                          rk_settings *out, rk_error *e)
{
    rk_config recorded;
    json_t *owner;
    *out = rk_settings_default();
    RK_TRY(rk_config_read(run->config, &recorded, &owner, e));
    const char *data = rk_pool_string(pool, recorded.data);
    json_decref(owner);
    if (!data) return RK_FAIL(e, RK_E_NOMEM, "no memory for options");
    for (uint32_t i = 0; i < a->n_own; i++)
        if (strcmp(a->own[i].key, "data-path") == 0 && !rk_data_path_is_of(a->own[i].value, data))
            return RK_FAIL(e, RK_E_INVALID,
                           "--data-path: run %lld has not the data set of '%.64s', it has %.64s",
                           (long long)run->id, a->own[i].value, data);
    out->config.data = data;
    return rk_settings_apply(out, a->own, a->n_own, pool, e);
}

void rk_run_arguments_free(rk_run_arguments *a)
{
    free(a->own);
    free(a->backends);
    free(a->plugins);
}
