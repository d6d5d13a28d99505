/* rethink show: everything about one run. */
#include "cli/runs.h"
#include <string.h>

typedef struct arguments {
    const char *run, *out;
    bool json;
} arguments;

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON: one object, as in 'rethink export'", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        if (state->arg_num == 0)
            a->run = arg;
        else
            a->out = arg;
        return 0;
    case ARGP_KEY_NO_ARGS: return rk_cli_misuse(state, "which run?  Give its number, or last");
    case RK_OPTION_OUT: a->out = arg; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The stored text is compact: indented it can be read. */
static void print_config(const rk_run_record *run)
{
    json_t *config = json_loads(run->config ? run->config : "", 0, NULL);
    if (config) {
        json_dumpf(config, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        putchar('\n');
    } else {
        puts(run->config ? run->config : "");
    }
    json_decref(config);
}

static void print_fields(const rk_run_record *run)
{
    bool colour = rk_cli_colour(stdout);
    const char *group = "";
    size_t n;
    const rk_field *fields = rk_run_fields(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(group, fields[i].group) != 0)
            printf(colour ? "%s\033[1m%s\033[0m\n" : "%s%s\n", i ? "\n" : "", fields[i].group);
        group = fields[i].group;
        if (fields[i].type == RK_FIELD_JSON) {
            print_config(run);
            continue;
        }
        printf("  %-16s", fields[i].name);
        if (rk_field_empty(&fields[i], run)) putchar('-');
        rk_field_print(stdout, &fields[i], run);
        putchar('\n');
    }
}

static rk_status print_epochs(const rk_runs *r, rk_error *e)
{
    static const char *const heads[] = {"epoch", "seconds",   "rate", "loss",  "train loss",
                                        "train", "test loss", "test", "digest"};
    rk_table *t = rk_table_new("rrrrrrrrl", heads);
    for (uint32_t i = 0; i < r->epochs[0]; i++) {
        const rk_epoch_record *x = &r->history[0][i];
        rk_table_cell(t, "%lld", (long long)x->epoch);
        rk_table_cell(t, "%.1f", x->seconds);
        rk_table_cell(t, "%.4g", x->rate);
        rk_table_cell(t, "%.5f", x->online_loss);
        rk_table_cell(t, "%.5f", x->train_loss);
        rk_table_cell(t, "%.2f %%", 100 * x->train_accuracy);
        rk_table_cell(t, "%.5f", x->test_loss);
        rk_table_cell(t, "%.2f %%", 100 * x->test_accuracy);
        rk_table_cell(t, "%s", x->digest);
    }
    putchar('\n');
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

int rk_cli_show(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "RUN [FILE.sqlite]",
        "Everything that is recorded of a run: RUN is its number, or last.",
        NULL,
        NULL,
        NULL};
    arguments a = {.out = RK_CLI_RESULTS};
    rk_error e = rk_error_new();
    rk_runs runs;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = rk_runs_load_one(a.out, a.run, &runs, &e);
    if (done == RK_OK && a.json) {
        done = rk_cli_json(stdout, rk_run_json(&runs, 0), &e);
    } else if (done == RK_OK) {
        print_fields(runs.run[0]);
        done = print_epochs(&runs, &e);
    }
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    rk_runs_free(&runs);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
