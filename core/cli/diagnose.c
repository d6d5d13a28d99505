/* rethink diagnose: measures the weights of a run, or of a file. */
#include "base/text.h"
#include "cli/found.h"
#include "cli/helper.h"
#include "cli/jobs.h"
#include "cli/named.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "cli/watch.h"
#include "data/registry.h"
#include "train/config.h"
#include <stdlib.h>
#include <string.h>

enum { OPTION_WHAT = RK_OPTION_OWN, OPTION_LIST };

typedef struct arguments {
    rk_run_arguments run; /* run.resume: the run */
    rk_str what;
    bool list;
} arguments;

static const struct argp_option own_options[] = {
    {"what", OPTION_WHAT, "NAME[:KEY=VALUE,...]", 0,
     "A diagnostic, as hessian; may be repeated, or joined by +", 1},
    {"list", OPTION_LIST, NULL, 0, "Name the diagnostics, and do nothing", 1},
    {"quiet", 'q', NULL, 0, "No progress, only the tables at the end", 1},
    {0}};

/* Items joined by '+'.  A comma also joins them, unless it is one between parameters: "a,b:p=1,q=2"
 * is a, and b with two parameters. */
static void add_what(rk_str *what, const char *text)
{
    if (what->n) rk_str_add(what, "+");
    for (; *text; text++) {
        bool escaped = text[0] == '\\' && text[1];
        bool joins = text[0] == ',' && text[1] && text[1 + strcspn(text + 1, "=:+,")] != '=';
        if (escaped) rk_str_add(what, "%c", *text++);
        rk_str_add(what, "%c", joins ? '+' : *text);
    }
}

/* With a run only what changes no bits may be said. */
static const char *not_with_run(const rk_run_arguments *a)
{
    static const char *const fine[] = {"device", "threads", "isa", "data-path"};
    return rk_run_fixed_setting(a, fine, sizeof fine / sizeof *fine);
}

static bool is_given(const rk_run_arguments *a, const char *key)
{
    for (uint32_t i = 0; i < a->n_own; i++)
        if (strcmp(a->own[i].key, key) == 0) return true;
    return false;
}

static error_t check(const arguments *a, const struct argp_state *state)
{
    const rk_run_arguments *r = &a->run;
    if (a->list) return 0;
    if (!a->what.n)
        return rk_cli_misuse(state, "what is to be measured?  --what NAME, and --list names them");
    if (r->resume && not_with_run(r))
        return rk_cli_misuse(state,
                             "a run is looked at as it was configured: '%s' cannot be given with "
                             "it",
                             not_with_run(r));
    if (!r->resume && !is_given(r, "weights"))
        return rk_cli_misuse(state,
                             "whose weights?  Give a run, by its number or last, or --weights "
                             "FILE with its --model and --data");
    return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case OPTION_WHAT: add_what(&a->what, arg); return a->what.failed ? ENOMEM : 0;
    case OPTION_LIST: a->list = true; return 0;
    case ARGP_KEY_ARG:
        if (a->run.resume) return ARGP_ERR_UNKNOWN;
        a->run.resume = arg;
        return 0;
    case ARGP_KEY_END: return check(a, state);
    default: return rk_train_option(key, arg, &a->run);
    }
}

/* ---- the work ------------------------------------------------------------------------------- */

typedef struct command {
    const arguments *a;
    rk_hub *hub;
    rk_registry *plugins;
    rk_results *results;
    rk_jobs jobs;
    rk_pool pool; /* of the settings of a run */
    rk_view view;
    int64_t run;
} command;

static rk_status print_list(const command *c, rk_error *e)
{
    static const char *const heads[] = {"diagnostic", "what it measures"};
    const rk_item *const *items;
    uint32_t n = rk_registry_items(c->plugins, &items);
    rk_table *t = rk_table_new("ll", heads);
    for (uint32_t i = 0; i < n; i++) {
        if (items[i]->kind != RK_KIND_DIAGNOSTIC) continue;
        rk_table_cell(t, "%s", items[i]->name);
        rk_table_cell(t, "%s", items[i]->doc);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

/* Of the backend, and the one device. */
static rk_status apply_settings(const command *c, const rk_settings *s, rk_error *e)
{
    if (s->n_devices > 1)
        return RK_FAIL(e, RK_E_INVALID, "--device: one device, not %u", s->n_devices);
    if (s->threads) RK_TRY(rk_hub_option(c->hub, "threads", s->threads, e));
    if (s->isa) RK_TRY(rk_hub_option(c->hub, "isa", s->isa, e));
    return RK_OK;
}

static rk_status of_run(command *c, rk_error *e)
{
    const rk_run_arguments *r = &c->a->run;
    rk_watch watch = rk_view_watch(&c->view);
    rk_settings s;
    rk_runs one;
    RK_TRY(rk_runs_load_one(r->out, r->resume, &one, e));
    int64_t id = one.run[0]->id;
    rk_status status = rk_run_settings(r, one.run[0], &c->pool, &s, e);
    rk_runs_free(&one);
    RK_TRY(status);
    RK_TRY(apply_settings(c, &s, e));
    c->run = id;
    return rk_run_diagnose(c->hub, c->plugins, c->results, id, c->a->what.s,
                           is_given(r, "device") ? s.device[0] : NULL, s.config.data, &watch, e);
}

/* A run that trains nothing. */
static rk_status of_file(command *c, rk_error *e)
{
    const rk_run_arguments *r = &c->a->run;
    rk_watch watch = rk_view_watch(&c->view);
    RK_TRY(rk_jobs_make(NULL, r->own, r->n_own, &c->jobs, e));
    const rk_settings *s = &c->jobs.job[0].s;
    RK_TRY(apply_settings(c, s, e));
    rk_config config = s->config;
    config.epochs = 0;
    config.diagnose = c->a->what.s;
    config.device = s->device[0];
    return rk_run_start(c->hub, c->plugins, c->results, &config, &watch, &c->run, e);
}

/* ---- what is printed ------------------------------------------------------------------------ */

/* Of all that is known of the run what was asked for. */
static rk_status keep_asked(const command *c, rk_found_list *l, rk_error *e)
{
    rk_spec_list asked;
    uint32_t n = 0;
    RK_TRY(rk_spec_list_parse(c->plugins, RK_KIND_DIAGNOSTIC, c->a->what.s, &asked, e));
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; k < asked.n; k++)
            if (strcmp(asked.spec[k]->text, l->found[i].spec) == 0) {
                l->found[n++] = l->found[i];
                break;
            }
    l->n = n;
    rk_spec_list_clear(&asked);
    return RK_OK;
}

static rk_status print_found(const command *c, rk_error *e)
{
    rk_run_record *run;
    rk_found_list l = {0};
    RK_TRY(rk_results_run(c->results, c->run, &run, e));
    rk_status status = rk_results_found(c->results, c->run, true, &l, e);
    if (status == RK_OK) status = keep_asked(c, &l, e);
    if (status == RK_OK && c->a->run.json)
        status = rk_cli_json(stdout,
                             json_pack("{s:I, s:o}", "run", (json_int_t)c->run, "diagnostics",
                                       rk_found_json(&l, run->digest)),
                             e);
    else if (status == RK_OK && l.n) {
        if (!c->a->run.quiet) putchar('\n');
        status = rk_found_print(&l, run->digest, stdout, e);
    }
    rk_found_list_free(&l);
    rk_run_record_free(run);
    return status;
}

/* What was found before something failed is printed all the same. */
static rk_status work(command *c, rk_error *e)
{
    rk_status status = c->a->run.resume ? of_run(c, e) : of_file(c, e);
    rk_view_clear(&c->view);
    if (c->run) {
        rk_error why = rk_error_new();
        rk_status printed = print_found(c, &why);
        if (status == RK_OK && printed != RK_OK) {
            *e = why;
            status = printed;
        }
    }
    return status;
}

static rk_status open_all(command *c, rk_error *e)
{
    const rk_run_arguments *r = &c->a->run;
    RK_TRY(rk_registry_new(r->plugins, r->n_plugins, &c->plugins, e));
    RK_TRY(rk_named_plugins(c->plugins, r->plugins, r->n_plugins, e));
    if (c->a->list) return RK_OK;
    RK_TRY(rk_hub_new(r->backends, r->n_backends, &c->hub, e));
    RK_TRY(rk_named_backends(c->hub, r->backends, r->n_backends, e));
    RK_TRY(rk_named_tuning(e));
    RK_TRY(rk_helper_use(c->hub, r->quiet || r->json ? NULL : &c->view, e));
    if (r->verbose) rk_hub_verbosity(c->hub, 2);
    return rk_run_results(r, &c->results, e);
}

static int run(const arguments *a)
{
    command c = {.a = a,
                 .view = {.out = a->run.json ? stderr : stdout,
                          .quiet = a->run.quiet,
                          .verbose = a->run.verbose,
                          .live = rk_live_new(),
                          .number = 1,
                          .total = 1,
                          .stopping = rk_signals_stopping}};
    rk_error e = rk_error_new();
    rk_signals_catch();
    rk_status status = open_all(&c, &e);
    if (status == RK_OK) status = a->list ? print_list(&c, &e) : work(&c, &e);
    if (status == RK_OK) status = rk_cli_flush(stdout, "standard output", &e);
    int code = status == RK_OK || status == RK_E_STOPPED ? rk_signals_status(false) : 0;
    if (status != RK_OK) {
        int failed = rk_cli_fail(&e);
        if (status != RK_E_STOPPED) code = failed;
    }
    rk_jobs_free(&c.jobs);
    rk_pool_free(&c.pool);
    rk_results_close(c.results);
    rk_registry_free(c.plugins);
    rk_hub_free(c.hub);
    return code;
}

int rk_cli_diagnose(int argc, char **argv)
{
    struct argp_option options[RK_TRAIN_OPTIONS_MAX];
    const struct argp argp = {
        options,
        parse,
        "[RUN]",
        "Measures the weights of a run, finished or interrupted, by its number or 'last'; or with "
        "--weights those of a safetensors file, together with --model, --data and what else is to "
        "be known of them.  What is found goes to the results file, in place of an older result "
        "of the same diagnostic and parameters, and to the terminal.\v"
        "With a RUN, --device may name another device than the one it was trained on, and "
        "--data-path where its data are now.  The exit "
        "status is 1 if a diagnostic failed; the others are done all the same.",
        NULL,
        NULL,
        NULL};
    arguments a = {.run = {.out = RK_CLI_RESULTS, .e = rk_error_new()}};
    int code = 0;
    rk_train_options(options, own_options);
    if (rk_cli_parse(&argp, argc, argv, &a, &code)) code = run(&a);
    rk_str_free(&a.what);
    rk_run_arguments_free(&a.run);
    return code;
}
