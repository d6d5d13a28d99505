/* rethink report: one HTML file that needs nothing else. */
#include "cli/report.h"
#include "base/os.h"
#include "cli/report_bench.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct arguments {
    const char *results, *to, *preset;
    bool bench;
} arguments;

enum { OPTION_BENCH = RK_OPTION_OWN };

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"to", 'o', "FILE.html", 0, "Where to write the report (report.html)", 0},
    {"preset", RK_OPTION_PRESET, "NAME", 0, "Only the runs of a preset", 0},
    {"bench", OPTION_BENCH, NULL, 0, "Only what 'rethink bench' measured", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'o': a->to = arg; return 0;
    case RK_OPTION_PRESET: a->preset = arg; return 0;
    case OPTION_BENCH: a->bench = true; return 0;
    case ARGP_KEY_END:
        if (a->bench && a->preset)
            return rk_cli_misuse(state,
                                 "--bench and --preset: runs, or benches?  Give one of them");
        return 0;
    default: return rk_cli_results_file(key, arg, state, &a->results);
    }
}

void rk_html(FILE *f, const char *text)
{
    for (; text && *text; text++) switch (*text) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        default: fputc(*text, f);
        }
}

static rk_status write_figures(FILE *f, const rk_runs *r, const rk_group *g, uint32_t number,
                               rk_error *e)
{
    static const char *const captions[RK_FIGURES] = {
        "Mean loss over the training examples, after each epoch",
        "Training examples classified right, after each epoch",
        "Test examples classified right, after each epoch"};
    fputs("<div class=figures>\n", f);
    for (int what = 0; what < RK_FIGURES; what++) {
        char *svg;
        RK_TRY(rk_report_figure(r, g, what, number * RK_FIGURES + (uint32_t)what, &svg, e));
        fprintf(f, "<figure>%s<figcaption>%s</figcaption></figure>\n", svg, captions[what]);
        free(svg);
    }
    fputs("</div>\n", f);
    return RK_OK;
}

static void write_legend(FILE *f, const rk_group *g)
{
    char title[128];
    fputs("<p class=legend>", f);
    for (uint32_t k = 0; k < g->n_kinds; k++) {
        rk_look look = rk_report_look(g, k);
        rk_randomize_title(g->kind[k], title, sizeof title);
        fputs("<span>", f);
        rk_report_key(f, look);
        rk_html(f, title);
        fputs("</span>\n", f);
    }
}

/* A row for each run. */
static rk_status write_found(FILE *f, const rk_runs *r, const rk_group *g, rk_error *e)
{
    rk_pool pool = {0};
    rk_found_row *row = rk_pool_array(&pool, g->runs.n, sizeof *row);
    char title[32];
    bool good = row;
    for (uint32_t i = 0; good && i < g->runs.n; i++) {
        snprintf(title, sizeof title, "run %lld", (long long)r->run[g->runs.index[i]]->id);
        row[i] = (rk_found_row){rk_pool_string(&pool, title), &g->runs.index[i], 1};
        good = row[i].title;
    }
    rk_status status = good ? rk_report_found(f, r, row, g->runs.n, e)
                            : RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    rk_pool_free(&pool);
    return status;
}

static rk_status write_group(FILE *f, const rk_runs *r, const rk_group *g, uint32_t number,
                             rk_error *e)
{
    char brief[200];
    const uint32_t first = g->runs.index[0];
    const size_t columns[] = {offsetof(rk_run_record, model), offsetof(rk_run_record, data)};
    fputs("<section>\n<h2>", f);
    for (int i = 0; i < 2; i++) {
        rk_runs_brief(r, first, columns[i], brief, sizeof brief);
        rk_html(f, brief);
        if (i == 0) fputs(" on ", f);
    }
    fprintf(f, "</h2>\n<p class=sub>%lld parameters, learning rate %.15g, batch %lld, ",
            (long long)r->run[first]->parameters, r->run[first]->rate,
            (long long)r->run[first]->batch);
    rk_html(f, r->run[first]->optimizer);
    fputs(", ", f);
    rk_html(f, r->run[first]->schedule);
    fputs(", ", f);
    rk_report_settings(f, r->run[first]);
    fputc('\n', f);
    write_legend(f, g);
    RK_TRY(write_figures(f, r, g, number, e));
    RK_TRY(rk_report_table(f, r, g, e));
    RK_TRY(write_found(f, r, g, e));
    fputs("<p class=note>Epochs to fit: the first epoch after which every training example is "
          "classified right. Of several runs (seeds) the median is given, with the range. A curve "
          "is drawn once for all devices that gave the same bits.\n</section>\n",
          f);
    return RK_OK;
}

/* What the page is made of.  taken: runs that studies show. */
typedef struct content {
    const char *path;
    rk_runs runs;
    rk_bench_report benches;
    rk_groups all, rest;
    bool *taken;
    uint32_t figures;
} content;

static void write_head(FILE *f, const content *c)
{
    char now[32] = "";
    time_t t = time(NULL);
    struct tm utc;
    if (gmtime_r(&t, &utc)) strftime(now, sizeof now, "%Y-%m-%d %H:%M UTC", &utc);
    fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
          "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
          "<meta name=color-scheme content='light dark'>\n<title>rethink report</title>\n<style>\n",
          f);
    rk_report_style(f);
    if (c->benches.p.n_platforms) rk_report_bench_style(f);
    fprintf(f, "</style>\n</head>\n<body>\n<header>\n<h1>%s</h1>\n<p class=sub>",
            c->runs.n ? "What the same network learns from randomized data"
                      : "How portable performance and numerics are");
    if (c->runs.n) fprintf(f, "%u runs in ", c->runs.n);
    if (c->benches.p.n_platforms)
        fprintf(f, c->runs.n ? "and a benchmark of %u device%s in " : "%u device%s in ",
                c->benches.p.n_platforms, c->benches.p.n_platforms == 1 ? "" : "s");
    rk_html(f, c->path);
    fprintf(f, ", reported %s by rethink " RETHINK_VERSION "\n</header>\n<main>\n", now);
}

/* Studies are written first, into a text of their own: which runs are left is known only then. */
static rk_status write_runs(FILE *f, content *c, rk_error *e)
{
    char *studies = NULL;
    size_t n = 0;
    FILE *m = open_memstream(&studies, &n);
    if (!m) return RK_FAIL(e, RK_E_NOMEM, "no memory for the report");
    rk_status status = rk_report_studies(m, &c->runs, c->taken, &c->figures, e);
    fclose(m);
    if (status == RK_OK) status = rk_groups_make(&c->runs, NULL, &c->all, e);
    if (status == RK_OK) status = rk_groups_make(&c->runs, c->taken, &c->rest, e);
    if (status == RK_OK) {
        rk_report_summary(f, &c->runs, &c->rest, &c->all);
        fputs(studies, f);
    }
    free(studies);
    for (uint32_t i = 0; status == RK_OK && i < c->rest.n; i++)
        status = write_group(f, &c->runs, &c->rest.group[i], c->figures + i, e);
    c->figures += c->rest.n * RK_FIGURES;
    return status;
}

static rk_status write_page(FILE *f, content *c, rk_error *e)
{
    write_head(f, c);
    if (c->runs.n) RK_TRY(write_runs(f, c, e));
    RK_TRY(rk_report_benches(f, &c->benches, &c->figures, e));
    if (c->runs.n) rk_report_provenance(f, &c->runs, &c->all);
    fputs("</main>\n</body>\n</html>\n", f);
    return rk_cli_flush(f, "the report", e);
}

static rk_status write_file(content *c, const char *to, rk_error *e)
{
    char *text = NULL;
    size_t n = 0;
    c->taken = calloc(c->runs.n + (size_t)1, sizeof *c->taken);
    FILE *f = c->taken ? open_memstream(&text, &n) : NULL;
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for the report");
    rk_status status = write_page(f, c, e);
    fclose(f);
    if (status == RK_OK) status = rk_os_write_atomic(to, text, n, e);
    free(text);
    return status;
}

/* A file of neither runs nor benches has nothing to report. */
static rk_status load(const arguments *a, content *c, rk_error *e)
{
    if (!a->bench) {
        RK_TRY(rk_runs_load(a->results, a->preset, true, &c->runs, e));
        RK_TRY(rk_runs_load_points(&c->runs, e));
    }
    if (!a->preset) RK_TRY(rk_bench_report_load(a->results, &c->benches, e));
    if (a->bench && c->benches.p.n_platforms == 0)
        return RK_FAIL(e, RK_E_INVALID, "%s has no benches: 'rethink bench' adds one", a->results);
    if (c->runs.n == 0 && c->benches.p.n_platforms == 0)
        return RK_FAIL(e, RK_E_INVALID, "%s has no runs%s%s: 'rethink run' adds one", a->results,
                       a->preset ? " of preset " : "", a->preset ? a->preset : "");
    return RK_OK;
}

static void say(const arguments *a, const content *c)
{
    const uint32_t devices = c->benches.p.n_platforms;
    printf("report: %s (", a->to);
    if (c->runs.n) printf("%u runs", c->runs.n);
    if (devices)
        printf("%sa benchmark of %u device%s", c->runs.n ? ", " : "", devices,
               devices == 1 ? "" : "s");
    printf(")\n");
}

static rk_status make(const arguments *a, rk_error *e)
{
    content c = {.path = a->results};
    rk_status status = load(a, &c, e);
    if (status == RK_OK) status = write_file(&c, a->to, e);
    if (status == RK_OK) say(a, &c);
    free(c.taken);
    rk_groups_free(&c.all);
    rk_groups_free(&c.rest);
    rk_runs_free(&c.runs);
    rk_bench_report_free(&c.benches);
    return status;
}

int rk_cli_report(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "[FILE.sqlite]",
        "One self-contained HTML file: learning curves, the table of accuracies and epochs to fit "
        "per randomization and device, whether devices gave the same bits, what 'rethink bench' "
        "measured, and where every number comes from.",
        NULL,
        NULL,
        NULL};
    arguments a = {.results = RK_CLI_RESULTS, .to = "report.html"};
    rk_error e = rk_error_new();
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = make(&a, &e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
