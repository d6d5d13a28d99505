/* rethink export: runs and their epochs, or benches, for other programs. */
#include "cli/found.h"
#include "cli/bench.h"
#include "base/os.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    const char *results, *to, *preset;
    bool csv, benches;
} arguments;

enum { OPTION_BENCHES = RK_OPTION_OWN };

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"json", RK_OPTION_JSON, NULL, 0,
     "JSON: an array of runs, each with its epochs under history (default)", 0},
    {"csv", RK_OPTION_CSV, NULL, 0,
     "CSV: a row per epoch, with columns of its run and of what diagnostics found of it", 0},
    {"preset", RK_OPTION_PRESET, "NAME", 0, "Only the runs of a preset", 0},
    {"benches", OPTION_BENCHES, NULL, 0,
     "What 'rethink bench' measured, instead of runs: in JSON all values, in CSV a row for each "
     "problem, application and platform, with the columns of p3-analysis",
     0},
    {"to", 'o', "FILE", 0, "Write to a file, as one act, instead of standard output", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'o': a->to = arg; return 0;
    case RK_OPTION_PRESET: a->preset = arg; return 0;
    case RK_OPTION_JSON: a->csv = false; return 0;
    case RK_OPTION_CSV: a->csv = true; return 0;
    case OPTION_BENCHES: a->benches = true; return 0;
    default: return rk_cli_results_file(key, arg, state, &a->results);
    }
}

static rk_status write_cell(FILE *f, const rk_field *field, const void *record, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    if (!memory) return RK_FAIL(e, RK_E_NOMEM, "no memory for a CSV cell");
    rk_field_print(memory, field, record);
    if (fclose(memory) != 0) {
        free(text);
        return RK_FAIL(e, RK_E_NOMEM, "no memory for a CSV cell");
    }
    rk_cli_csv_cell(f, text, "");
    free(text);
    return RK_OK;
}

/* What a row says of its run: what tells runs apart. */
static bool wanted(const rk_field *field)
{
    static const char *const names[] = {
        "id",          "status",      "preset",      "variant",  "model",      "data",
        "randomize",   "augment",     "optimizer",   "schedule", "regularize", "batch",
        "seed",        "device",      "device_name", "driver",   "numerics",   "parameters",
        "plan_digest", "data_digest", "version"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], field->name) == 0) return true;
    return false;
}

/* A cell and what follows it. */
static rk_status write_cells(FILE *f, const rk_field *fields, size_t n, const void *record,
                             const char *end, rk_error *e)
{
    for (size_t i = 0; i < n; i++) {
        RK_TRY(write_cell(f, &fields[i], record, e));
        fputs(i + 1 < n ? "," : end, f);
    }
    return RK_OK;
}

/* What diagnostics found: a column each. */
typedef struct found_columns {
    rk_pool pool;
    const char **name;
    uint32_t n;
} found_columns;

static void write_found(FILE *f, const rk_runs *r, uint32_t run, const found_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        double x = rk_found_of_run(r, run, c->name[i]);
        fputc(',', f);
        if (!isnan(x)) fprintf(f, "%.15g", x);
    }
    fputs("\r\n", f);
}

/* epoch NULL: of a run that has none; then there are no numbers of epochs. */
static rk_status write_row(FILE *f, const rk_run_record *run, const rk_run_measures *measures,
                           const rk_epoch_record *epoch, rk_error *e)
{
    size_t n_run, n_measure, n_epoch;
    const rk_field *of_run = rk_run_fields(&n_run), *of_epoch = rk_epoch_fields(&n_epoch);
    const rk_field *of_measures = rk_measure_fields(&n_measure);
    for (size_t i = 0; i < n_run; i++)
        if (wanted(&of_run[i])) RK_TRY(write_cells(f, &of_run[i], 1, run, ",", e));
    RK_TRY(write_cells(f, of_measures, n_measure, measures, ",", e));
    if (epoch) return write_cells(f, of_epoch, n_epoch, epoch, "", e);
    for (size_t i = 1; i < n_epoch; i++) fputc(',', f);
    return RK_OK;
}

static void write_heads(FILE *f, const rk_field *fields, size_t n, const char *end)
{
    for (size_t i = 0; i < n; i++) fprintf(f, "%s%s", fields[i].name, i + 1 < n ? "," : end);
}

static void write_found_heads(FILE *f, const found_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        bool quoted = strchr(c->name[i], ',');
        fprintf(f, quoted ? ",\"%s\"" : ",%s", c->name[i]);
    }
    fputs("\r\n", f);
}

static rk_status write_runs_csv(FILE *f, const rk_runs *r, const found_columns *c, rk_error *e)
{
    size_t n_run, n_measure, n_epoch;
    const rk_field *run = rk_run_fields(&n_run), *epoch = rk_epoch_fields(&n_epoch);
    const rk_field *of_measures = rk_measure_fields(&n_measure);
    for (size_t i = 0; i < n_run; i++)
        if (wanted(&run[i])) write_heads(f, &run[i], 1, ",");
    write_heads(f, of_measures, n_measure, ",");
    write_heads(f, epoch, n_epoch, "");
    write_found_heads(f, c);
    for (uint32_t i = 0; i < r->n; i++) {
        rk_run_measures measures = rk_run_measure(r->run[i], r->history[i], r->epochs[i]);
        uint32_t rows = r->epochs[i] || r->found[i].n == 0 ? r->epochs[i] : 1;
        for (uint32_t k = 0; k < rows; k++) {
            RK_TRY(write_row(f, r->run[i], &measures, r->epochs[i] ? &r->history[i][k] : NULL, e));
            write_found(f, r, i, c);
        }
    }
    return RK_OK;
}

static rk_status write_csv(FILE *f, const rk_runs *r, rk_error *e)
{
    found_columns c = {0};
    rk_status status = rk_found_names(r, &c.pool, &c.name, &c.n, e);
    if (status == RK_OK) status = write_runs_csv(f, r, &c, e);
    rk_pool_free(&c.pool);
    return status;
}

static rk_status write_runs(FILE *f, const arguments *a, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(a->results, a->preset, true, &runs, e));
    rk_status status = a->csv ? RK_OK : rk_runs_load_points(&runs, e);
    if (status == RK_OK)
        status = a->csv ? write_csv(f, &runs, e) : rk_cli_json(f, rk_runs_json(&runs), e);
    rk_runs_free(&runs);
    return status;
}

static rk_status write_benches(FILE *f, const arguments *a, rk_error *e)
{
    rk_benches benches;
    RK_TRY(rk_benches_load(a->results, &benches, e));
    rk_status status =
        a->csv ? rk_benches_csv(&benches, f, e) : rk_cli_json(f, rk_benches_json(&benches), e);
    rk_benches_free(&benches);
    return status;
}

static rk_status write_all(FILE *f, const arguments *a, rk_error *e)
{
    RK_TRY(a->benches ? write_benches(f, a, e) : write_runs(f, a, e));
    return rk_cli_flush(f, "the export", e);
}

/* In memory first, so that a failure leaves an older file as it was. */
static rk_status write_file(const arguments *a, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for the export");
    rk_status status = write_all(f, a, e);
    fclose(f);
    if (status == RK_OK) status = rk_os_write_atomic(a->to, text, n, e);
    free(text);
    return status;
}

int rk_cli_export(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "[FILE.sqlite]",
        "Every run of a results file with its epochs.  epochs counts those that were completed; "
        "fit_epoch is the first with training accuracy 1, under --eval-limit also of its batches, "
        "0 if there is none, fit_steps the steps until then; steps_acc99, steps_loss05 and "
        "steps_loss01 those until training accuracy 0.99 and mean online loss 0.5 and 0.1.  What "
        "diagnostics found is under diagnostics, and in CSV a column DIAGNOSTIC.NAME for each "
        "number.  Numbers that are not there or not finite are null.",
        NULL,
        NULL,
        NULL};
    arguments a = {.results = RK_CLI_RESULTS};
    rk_error e = rk_error_new();
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = a.to ? write_file(&a, &e) : write_all(stdout, &a, &e);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
