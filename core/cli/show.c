/* rethink show: everything about one run. */
#include "cli/definitions.h"
#include "cli/found.h"
#include <math.h>
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

/* Groups after the first one, or after something else, begin with an empty line. */
static void print_fields(const rk_field *fields, size_t n, const void *record, bool first)
{
    bool colour = rk_cli_colour(stdout);
    const char *group = "";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(group, fields[i].group) != 0)
            printf(colour ? "%s\033[1m%s\033[0m\n" : "%s%s\n", i || !first ? "\n" : "",
                   fields[i].group);
        group = fields[i].group;
        if (fields[i].type == RK_FIELD_JSON) {
            print_config(record);
            continue;
        }
        printf("  %-18s", fields[i].name);
        if (rk_field_empty(&fields[i], record)) putchar('-');
        rk_field_print(stdout, &fields[i], record);
        putchar('\n');
    }
}

static void print_run(const rk_runs *r)
{
    size_t n, n_measures;
    const rk_field *fields = rk_run_fields(&n), *of_measures = rk_measure_fields(&n_measures);
    rk_run_measures measures = rk_run_measure(r->run[0], r->history[0], r->epochs[0]);
    print_fields(fields, n, r->run[0], true);
    print_fields(of_measures, n_measures, &measures, false);
}

static void print_definitions(const rk_runs *r)
{
    rk_definition list[RK_DEFINITIONS];
    uint32_t n = rk_definitions_of(r->run[0], r->history[0], r->epochs[0], list);
    puts(rk_cli_colour(stdout) ? "\n\033[1mdefinitions\033[0m" : "\ndefinitions");
    for (uint32_t i = 0; i < n; i++) printf("  %-18s%s\n", list[i].name, list[i].text);
}

static void percent(rk_table *t, double fraction)
{
    if (isfinite(fraction))
        rk_table_cell(t, "%.2f %%", 100 * fraction);
    else
        rk_table_cell(t, "-");
}

/* The columns of the fits are there if labels were changed. */
static rk_status print_epochs(const rk_runs *r, rk_error *e)
{
    static const char *const plain[] = {"epoch", "seconds",   "rate", "loss",  "train loss",
                                        "train", "test loss", "test", "digest"};
    static const char *const noisy[] = {"epoch",      "seconds",   "rate",        "loss",
                                        "train loss", "train",     "test loss",   "test",
                                        "clean fit",  "noisy fit", "noisy->true", "digest"};
    uint32_t n = r->epochs[0];
    if (n == 0) return RK_OK;
    bool fits = n && isfinite(r->history[0][n - 1].noisy_fit);
    rk_table *t = rk_table_new(fits ? "rrrrrrrrrrrl" : "rrrrrrrrl", fits ? noisy : plain);
    for (uint32_t i = 0; i < n; i++) {
        const rk_epoch_record *x = &r->history[0][i];
        rk_table_cell(t, "%lld", (long long)x->epoch);
        rk_table_cell(t, "%.1f", x->seconds);
        rk_table_cell(t, "%.4g", x->rate);
        rk_table_cell(t, "%.5f", x->online_loss);
        rk_table_cell(t, "%.5f", x->train_loss);
        percent(t, x->train_accuracy);
        rk_table_cell(t, "%.5f", x->test_loss);
        percent(t, x->test_accuracy);
        if (fits) {
            percent(t, x->clean_fit);
            percent(t, x->noisy_fit);
            percent(t, x->noisy_true);
        }
        rk_table_cell(t, "%s", x->digest);
    }
    putchar('\n');
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_found(const rk_runs *r, rk_error *e)
{
    if (r->found[0].n == 0) return RK_OK;
    puts(rk_cli_colour(stdout) ? "\n\033[1mdiagnostics\033[0m" : "\ndiagnostics");
    return rk_found_print(&r->found[0], r->run[0]->digest, stdout, e);
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
    if (done == RK_OK) done = rk_runs_load_points(&runs, &e);
    if (done == RK_OK && a.json) {
        done = rk_cli_json(stdout, rk_run_json(&runs, 0), &e);
    } else if (done == RK_OK) {
        print_run(&runs);
        print_definitions(&runs);
        done = print_found(&runs, &e);
        if (done == RK_OK) done = print_epochs(&runs, &e);
    }
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    rk_runs_free(&runs);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
