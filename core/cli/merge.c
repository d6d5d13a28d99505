/* rethink merge: joins results files. */
#include "train/merge.h"
#include "cli/cli.h"
#include <stdlib.h>

typedef struct arguments {
    const char *out, **from;
    uint32_t n;
    bool json, quiet;
    rk_error e;
} arguments;

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0,
     "Where all runs go (" RK_CLI_RESULTS "); made if it is not there", 0},
    {"quiet", 'q', NULL, 0, "Say nothing but what is wrong", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print how many runs were added, as JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG: return rk_cli_append(&a->from, &a->n, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case ARGP_KEY_END:
        if (a->n == 0) return rk_cli_misuse(state, "which files?  Name those to be joined");
        return 0;
    case RK_OPTION_OUT: a->out = arg; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void say(const char *text) { fprintf(stderr, "rethink: %s\n", text); }

static rk_status print(const arguments *a, const rk_merged *m, rk_error *e)
{
    if (a->json)
        return rk_cli_json(stdout,
                           json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "out", a->out, "added",
                                     (int)m->added, "updated", (int)m->updated, "known",
                                     (int)m->known, "conflicting", (int)m->conflicting,
                                     "benches_added", (int)m->benches_added),
                           e);
    if (a->quiet) return RK_OK;
    printf("%s: %u run%s added", a->out, m->added, m->added == 1 ? "" : "s");
    if (m->updated) printf(", %u brought up", m->updated);
    if (m->known) printf(", %u were there already", m->known);
    if (m->benches_added)
        printf(", %u bench%s added", m->benches_added, m->benches_added == 1 ? "" : "es");
    printf("\n");
    return rk_cli_flush(stdout, "standard output", e);
}

int rk_cli_merge(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "FILE.sqlite...",
        "Joins results files: runs, epochs, checkpoints and weights, and benches.  A run that is "
        "in several, "
        "as the copy of one machine and that of another, is taken once, as far as it got; runs "
        "that began as the same and have different digests are both kept, and named.\v"
        "All or nothing: a merge that fails or is killed leaves the runs of --out as they were, "
        "and may be given again.",
        NULL,
        NULL,
        NULL};
    arguments a = {.out = RK_CLI_RESULTS, .e = rk_error_new()};
    rk_merged merged;
    int code;
    if (rk_cli_parse(&argp, argc, argv, &a, &code)) {
        rk_status status = rk_results_merge(a.out, a.from, a.n, say, &merged, &a.e);
        if (status == RK_OK) status = print(&a, &merged, &a.e);
        code = status == RK_OK ? 0 : rk_cli_fail(&a.e);
    }
    free(a.from);
    return code;
}
