/* rethink list: one line a run, and one a bench. */
#include "cli/bench.h"
#include "cli/runs.h"
#include <math.h>
#include <string.h>

typedef struct arguments {
    const char *out, *preset;
    bool json, verbose;
} arguments;

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"preset", RK_OPTION_PRESET, "NAME", 0, "Only the runs of a preset", 0},
    {"verbose", 'v', NULL, 0, "Every parameter, and whole digests", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON: an array of runs without their epochs", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case RK_OPTION_PRESET: a->preset = arg; return 0;
    case 'v': a->verbose = true; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    default: return rk_cli_results_file(key, arg, state, &a->out);
    }
}

static void percent_cell(rk_table *t, double x)
{
    if (isnan(x))
        rk_table_cell(t, "-");
    else
        rk_table_cell(t, "%.2f %%", 100 * x);
}

static void spec_cell(rk_table *t, const rk_runs *r, uint32_t i, size_t column, bool whole)
{
    char brief[256];
    const char *text = *(const char *const *)(const void *)((const char *)r->run[i] + column);
    rk_runs_brief(r, i, column, brief, sizeof brief);
    rk_table_cell(t, "%s", whole ? text : brief);
}

static rk_status print_table(const rk_runs *r, bool verbose, rk_error *e)
{
    static const char *const heads[] = {"run",  "status", "model", "data",  "randomize", "device",
                                        "seed", "epochs", "fit",   "train", "test",      "digest"};
    rk_table *t = rk_table_new("rlllllrrrrrl", heads);
    for (uint32_t i = 0; i < r->n; i++) {
        const rk_run_record *run = r->run[i];
        rk_table_cell(t, "%lld", (long long)run->id);
        rk_table_cell(t, "%s", run->status);
        spec_cell(t, r, i, offsetof(rk_run_record, model), verbose);
        spec_cell(t, r, i, offsetof(rk_run_record, data), verbose);
        rk_table_cell(t, "%s", run->randomize && run->randomize[0] ? run->randomize : "-");
        rk_table_cell(t, "%s%s", run->device, run->steps_fallback ? " (fallback)" : "");
        rk_table_cell(t, "%llu", (unsigned long long)run->seed);
        rk_table_cell(t, "%lld", (long long)run->epochs_done);
        if (run->fit_epoch)
            rk_table_cell(t, "%lld", (long long)run->fit_epoch);
        else
            rk_table_cell(t, "-");
        percent_cell(t, run->train_accuracy);
        percent_cell(t, run->test_accuracy);
        rk_table_cell(t, "%.*s", verbose ? 32 : 8, run->digest ? run->digest : "");
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static void say_stopped(const rk_runs *r)
{
    for (uint32_t i = 0; i < r->n; i++) {
        if (strcmp(r->run[i]->status, "stopped") != 0) continue;
        fflush(stdout);
        fprintf(
            stderr,
            "rethink: a run that was stopped goes on with 'rethink run --resume RUN --out %s'\n",
            r->path);
        return;
    }
}

static rk_status print_benches(const rk_benches *b, bool after_runs, rk_error *e)
{
    static const char *const heads[] = {"bench", "status", "size", "started", "host", "devices"};
    rk_table *t = rk_table_new("rlllll", heads);
    for (uint32_t i = 0; i < b->n; i++) {
        const rk_bench *one = b->bench[i];
        rk_str devices = {0};
        for (uint32_t k = 0; k < one->n_device; k++)
            rk_str_add(&devices, "%s%s", k ? ", " : "", one->device[k].spec);
        rk_table_cell(t, "%lld", (long long)one->record.id);
        rk_table_cell(t, "%s", one->record.status);
        rk_table_cell(t, "%s", one->record.size);
        rk_table_cell(t, "%s", one->record.started);
        rk_table_cell(t, "%s", one->record.host);
        rk_table_cell(t, "%s", devices.s ? devices.s : "-");
        rk_str_free(&devices);
    }
    if (after_runs) putchar('\n');
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

/* A file may hold either, or both. */
static rk_status print(const arguments *a, const rk_runs *runs, rk_error *e)
{
    rk_benches benches;
    if (a->json) return rk_cli_json(stdout, rk_runs_json(runs), e);
    RK_TRY(rk_benches_load(a->out, &benches, e));
    rk_status status = RK_OK;
    if (runs->n || !benches.n) status = print_table(runs, a->verbose, e);
    if (status == RK_OK && benches.n) status = print_benches(&benches, runs->n > 0, e);
    if (status == RK_OK) say_stopped(runs);
    rk_benches_free(&benches);
    return status;
}

int rk_cli_list(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "[FILE.sqlite]",
        "The runs of a results file, one line each.  'fit' is the first epoch at whose end every "
        "training example was right.  Runs whose digests are equal ended with the same bits.  Then "
        "the benches, if there are any; 'rethink export --benches' prints their values.",
        NULL,
        NULL,
        NULL};
    arguments a = {.out = RK_CLI_RESULTS};
    rk_error e = rk_error_new();
    rk_runs runs;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = rk_runs_load(a.out, a.preset, false, &runs, &e);
    if (done == RK_OK) done = print(&a, &runs, &e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    rk_runs_free(&runs);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
