/* rethink scores: per-example scores of a run, or of several. */
#include "cli/scores.h"
#include "base/text.h"
#include "data/names.h"
#include <string.h>

enum { OPTION_TOP = RK_OPTION_OWN, OPTION_BY, OPTION_OVER, OPTION_VARIANT, OPTION_TEST };

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"top", OPTION_TOP, "N", 0, "Print the N examples that most look as if their label was changed",
     0},
    {"by", OPTION_BY, "SCORE", 0,
     "By this score: loss, aum, el2n, forgotten, learned, p_mean or p_variance (aum)", 0},
    {"over", OPTION_OVER, "RUN,RUN-RUN,...", 0,
     "How many of these runs are right about each example, and how much more examples differ than "
     "chance would have it; of runs with --hold-out what they memorize",
     0},
    {"preset", RK_OPTION_PRESET, "NAME", 0,
     "Over the finished runs of a preset; of a seed the latest", 0},
    {"variant", OPTION_VARIANT, "LABEL", 0,
     "Of these only the runs of one variant, without its seed", 0},
    {"test", OPTION_TEST, NULL, 0, "With several runs: test examples instead of training examples",
     0},
    {"csv", RK_OPTION_CSV, NULL, 0, "CSV: a row per example", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "JSON: the summary, and an array of examples", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t set_by(rk_scores_arguments *a, const char *name, const struct argp_state *state)
{
    size_t n;
    const rk_score_kind *kinds = rk_score_kinds(&n);
    const char *known[16];
    char hint[RK_HINT_MAX];
    a->by = name;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(kinds[i].name, name) == 0) return 0;
        known[i] = kinds[i].name;
    }
    rk_name_hint(name, known, (uint32_t)n, hint, sizeof hint);
    return rk_cli_misuse(state, "no score '%.64s'%s", name, hint);
}

static bool several(const rk_scores_arguments *a) { return a->over || a->preset || a->variant; }

/* What does not go together. */
static error_t check(const rk_scores_arguments *a, const struct argp_state *state)
{
    if (!a->run && !several(a))
        return rk_cli_misuse(state, "which run?  Give its number, or last, or --over RUN,RUN");
    if (a->over && (a->preset || a->variant))
        return rk_cli_misuse(state, "--over names the runs: leave out --preset and --variant");
    if (several(a) && a->by) return rk_cli_misuse(state, "--by is for one run");
    if (!several(a) && a->test) return rk_cli_misuse(state, "--test is for several runs");
    if (a->csv && a->json) return rk_cli_misuse(state, "either --csv or --json");
    if (a->top && (a->csv || a->json))
        return rk_cli_misuse(state, "--top is for the table: --csv and --json print all examples");
    return 0;
}

typedef struct parser {
    rk_scores_arguments a;
    const char *word[2];
    uint32_t n;
} parser;

/* With several runs the only argument is the file. */
static error_t finish(parser *p, const struct argp_state *state)
{
    uint32_t at = 0;
    if (!several(&p->a) && p->n) p->a.run = p->word[at++];
    if (at < p->n) p->a.results = p->word[at++];
    if (at < p->n) return rk_cli_misuse(state, "takes no argument '%.64s'", p->word[at]);
    return check(&p->a, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    parser *p = state->input;
    rk_scores_arguments *a = &p->a;
    switch (key) {
    case ARGP_KEY_ARG:
        if (p->n == 2) return ARGP_ERR_UNKNOWN;
        p->word[p->n++] = arg;
        return 0;
    case ARGP_KEY_END: return finish(p, state);
    case RK_OPTION_OUT: a->results = arg; return 0;
    case OPTION_TOP:
        if (!rk_parse_i64(arg, &a->top) || a->top < 1)
            return rk_cli_misuse(state, "--top: '%.64s' is not a whole number from 1 on", arg);
        return 0;
    case OPTION_BY: return set_by(a, arg, state);
    case OPTION_OVER: a->over = arg; return 0;
    case RK_OPTION_PRESET: a->preset = arg; return 0;
    case OPTION_VARIANT: a->variant = arg; return 0;
    case OPTION_TEST: a->test = true; return 0;
    case RK_OPTION_CSV: a->csv = true; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int rk_cli_scores(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "RUN [FILE.sqlite]\n--over RUN,RUN-RUN,... [FILE.sqlite]",
        "Scores of each example of a run that was started with --scores, from its presentations "
        "during training: cumulative loss, area under the margin (aum), error norm in an early "
        "epoch (el2n), forgetting events, the epoch when it was first right (learned), mean and "
        "variance of the label's probability.  AUC says how well a score finds the examples whose "
        "label was changed: 0.5 by chance, 1 without a mistake.\v"
        "Over runs with --hold-out, memorization is how much more often an example is right in "
        "runs that trained on it than in those that held it out, which is the C-score; the "
        "influence of a training example on a test example is the same difference there.",
        NULL,
        NULL,
        NULL};
    parser p = {.a = {.results = RK_CLI_RESULTS}};
    rk_error e = rk_error_new();
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &p, &status)) return status;
    rk_status done = several(&p.a) ? rk_scores_over(&p.a, &e) : rk_scores_one(&p.a, &e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    return done == RK_OK ? 0 : rk_cli_fail(&e);
}
