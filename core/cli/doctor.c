/* rethink doctor: why does it not fit? */
#include "cli/jobs.h"
#include "cli/named.h"
#include "cli/run.h"
#include "cli/runs.h"
#include "base/text.h"
#include "train/doctor.h"
#include <stdlib.h>
#include <string.h>

enum { CAUSES_FOUND = 1, ERROR = 2, OPTION_QUIET = 'q' };

static const struct argp_option own_options[] = {
    {"preset", RK_OPTION_PRESET, "NAME", 0, "Look at the runs of a preset", 1},
    {"quiet", OPTION_QUIET, NULL, 0, "Only what was found", 1},
    {0}};

/* Of a run that is there only where its data are now. */
static const char *not_with_run(const rk_run_arguments *a)
{
    static const char *const fine[] = {"data-path"};
    const char *fixed = rk_run_fixed_setting(a, fine, 1);
    return fixed || !a->preset ? fixed : "preset";
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_run_arguments *a = state->input;
    switch (key) {
    case RK_OPTION_PRESET:
        if (a->preset) return rk_cli_misuse(state, "either --preset or '%.64s'", a->preset);
        a->preset = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (a->preset || a->resume) return ARGP_ERR_UNKNOWN;
        if (strcmp(arg, "last") == 0 || (arg[0] >= '0' && arg[0] <= '9'))
            a->resume = arg; /* the run */
        else
            a->preset = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->resume && not_with_run(a))
            return rk_cli_misuse(state,
                                 "a run is looked at as it was configured: '%s' cannot be "
                                 "given with it",
                                 not_with_run(a));
        return 0;
    default: return rk_train_option(key, arg, a);
    }
}

/* One look at one run or configuration. */
typedef struct visit {
    const char *title;
    const rk_doctor_facts *facts;
    rk_doctor_finding finding[RK_DOCTOR_CHECKS];
    uint32_t n, causes;
} visit;

static const char *const verdicts[] = {"ok", "note", "likely cause"};

static void print_head(const visit *v)
{
    const rk_doctor_facts *f = v->facts;
    const rk_epoch_record *last = f->n_rows ? &f->rows[f->n_rows - 1] : NULL;
    int64_t fits = rk_doctor_fits(f);
    printf("%s\n", v->title);
    if (fits)
        printf("It fits: every training example is right from epoch %lld on\n", (long long)fits);
    else if (last)
        printf("It does not fit: training accuracy %.2f %% after %lld epochs\n",
               100 * rk_goal_accuracy(last, f->config->eval_limit > 0), (long long)last->epoch);
    putchar('\n');
}

static rk_status print_text(const visit *v, bool quiet, rk_error *e)
{
    static const char *const heads[] = {"check", "verdict", "evidence"};
    rk_table *t = rk_table_new("lll", heads);
    for (uint32_t i = 0; i < v->n; i++) {
        const rk_doctor_finding *f = &v->finding[i];
        if (quiet && f->verdict == RK_DOCTOR_OK) continue;
        rk_table_cell(t, "%s", f->check);
        rk_table_cell(t, "%s", verdicts[f->verdict]);
        rk_table_cell(t, "%s", f->evidence);
        if (f->verdict == RK_DOCTOR_OK || !f->remedy[0]) continue;
        rk_table_cell(t, "%s", "");
        rk_table_cell(t, "%s", "");
        rk_table_cell(t, "-> %s", f->remedy);
    }
    print_head(v);
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    if (v->causes)
        printf("\n%u likely cause%s\n", v->causes, v->causes == 1 ? "" : "s");
    else
        printf("\nNothing was found\n");
    return status;
}

/* NULL without memory. */
static json_t *visit_json(const visit *v)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < v->n; i++) {
        const rk_doctor_finding *f = &v->finding[i];
        json_t *one = json_pack("{s:s, s:s, s:s, s:s}", "check", f->check, "verdict",
                                verdicts[f->verdict], "evidence", f->evidence, "remedy", f->remedy);
        if (json_array_append_new(list, one) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:i, s:o}", "title", v->title, "fit_epoch",
                     (json_int_t)rk_doctor_fits(v->facts), "causes", (int)v->causes, "findings",
                     list);
}

/* Everything that the visits of one command share. */
typedef struct command {
    const rk_run_arguments *a;
    rk_registry *plugins;
    json_t *all;
    uint32_t causes, visits;
} command;

static rk_status look(command *c, const char *title, rk_doctor_facts *f, rk_error *e)
{
    visit v = {.title = title, .facts = f};
    RK_TRY(rk_doctor_collect(c->plugins, f, e));
    v.n = rk_doctor_check(f, v.finding);
    for (uint32_t i = 0; i < v.n; i++) v.causes += v.finding[i].verdict == RK_DOCTOR_CAUSE;
    c->causes += v.causes;
    if (c->a->json && json_array_append_new(c->all, visit_json(&v)) == 0) return RK_OK;
    if (c->a->json) return RK_FAIL(e, RK_E_NOMEM, "no memory for JSON");
    if (c->visits++) putchar('\n');
    return print_text(&v, c->a->quiet, e);
}

static rk_status look_at_run(command *c, rk_error *e)
{
    rk_runs runs;
    rk_config config;
    json_t *owner = NULL;
    rk_settings s;
    rk_pool pool = {0};
    char title[32];
    RK_TRY(rk_runs_load_one(c->a->out, c->a->resume, &runs, e));
    rk_status status = rk_config_read(runs.run[0]->config, &config, &owner, e);
    if (status == RK_OK) status = rk_run_settings(c->a, runs.run[0], &pool, &s, e);
    if (status == RK_OK) {
        config.data = s.config.data;
        rk_doctor_facts f = {.config = &config,
                             .model = runs.run[0]->model,
                             .run = runs.run[0],
                             .rows = runs.history[0],
                             .n_rows = runs.epochs[0]};
        snprintf(title, sizeof title, "Run %lld", (long long)runs.run[0]->id);
        status = look(c, title, &f, e);
    }
    json_decref(owner);
    rk_pool_free(&pool);
    rk_runs_free(&runs);
    return status;
}

static rk_status look_at_jobs(command *c, rk_error *e)
{
    rk_preset preset = {0};
    rk_jobs jobs = {0};
    rk_status status = RK_OK;
    if (c->a->preset) RK_TRY(rk_preset_load(c->a->preset, &preset, e));
    status = rk_jobs_make(c->a->preset ? &preset : NULL, c->a->own, c->a->n_own, &jobs, e);
    for (uint32_t i = 0; i < jobs.n && status == RK_OK; i++) {
        const rk_job *job = &jobs.job[i];
        rk_doctor_facts f = {.config = &job->s.config, .model = job->s.config.model};
        status = look(c, job->label[0] ? job->label : "These options", &f, e);
    }
    rk_jobs_free(&jobs);
    rk_preset_free(&preset);
    return status;
}

static rk_status examine(command *c, rk_error *e)
{
    const rk_run_arguments *a = c->a;
    RK_TRY(rk_registry_new(a->plugins, a->n_plugins, &c->plugins, e));
    RK_TRY(rk_named_plugins(c->plugins, a->plugins, a->n_plugins, e));
    c->all = json_array();
    RK_TRY(a->resume ? look_at_run(c, e) : look_at_jobs(c, e));
    if (a->json) RK_TRY(rk_cli_json(stdout, json_incref(c->all), e));
    return rk_cli_flush(stdout, "standard output", e);
}

int rk_cli_doctor(int argc, char **argv)
{
    struct argp_option options[RK_TRAIN_OPTIONS_MAX];
    const struct argp argp = {options,
                              parse,
                              "RUN\n[PRESET]",
                              "Why does it not fit?  Looks at a run, or at what would be run, for "
                              "what keeps the training accuracy from 1, each with its evidence "
                              "and a remedy.\vThe exit status is 0 if nothing was found, 1 if "
                              "there are likely causes, 2 for an error.",
                              NULL,
                              NULL,
                              NULL};
    rk_run_arguments a = {.out = RK_CLI_RESULTS, .e = rk_error_new()};
    rk_error e = rk_error_new();
    int code = 0;
    rk_train_options(options, own_options);
    if (!rk_cli_parse(&argp, argc, argv, &a, &code)) {
        rk_run_arguments_free(&a);
        return code;
    }
    command c = {.a = &a};
    if (examine(&c, &e) != RK_OK) {
        rk_cli_fail(&e);
        code = ERROR;
    } else if (c.causes) {
        code = CAUSES_FOUND;
    }
    json_decref(c.all);
    rk_registry_free(c.plugins);
    rk_run_arguments_free(&a);
    return code;
}
