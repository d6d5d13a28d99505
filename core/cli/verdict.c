/* rethink verdict: what was claimed, what was measured. */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/study.h"
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    const char *results, *preset, *scale;
    bool json;
} arguments;

enum { OPTION_SCALE = RK_OPTION_OWN };

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0, "The results file (" RK_CLI_RESULTS ")", 0},
    {"preset", RK_OPTION_PRESET, "NAME", 0, "Only this preset, or those that it names", 0},
    {"scale", OPTION_SCALE, "micro|small|full", 0, "Only runs at this scale", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "As JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case RK_OPTION_PRESET: a->preset = arg; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    case OPTION_SCALE:
        if (rk_scale_find(arg) < 0)
            return rk_cli_misuse(state, "--scale: '%s' is none of micro|small|full", arg);
        a->scale = arg;
        return 0;
    default: return rk_cli_results_file(key, arg, state, &a->results);
    }
}

/* What is judged, and where verdicts go. */
typedef struct court {
    const rk_runs *runs;
    int scale;           /* -1: any */
    const char *changes; /* NULL: any */
    FILE *out;           /* NULL: to json */
    json_t *json;
    bool says; /* reasons, when they come */
    rk_outcome worst;
    uint32_t studies, unjudged;
    rk_error why; /* of the first that was not judged */
} court;

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for verdicts"); }

/* What cannot be judged keeps nothing else from it. */
static rk_status pass_over(court *c, const char *preset, int scale, const char *changed,
                           rk_error *why, rk_error *e)
{
    if (why->code == RK_E_NOMEM) return no_memory(e);
    if (c->json && json_array_append_new(
                       c->json, json_pack("{s:s, s:s, s:s, s:s, s:[], s:s}", "preset", preset,
                                          "scale", rk_scale_name(scale), "changed", changed,
                                          "verdict", rk_outcome_name(RK_NOT_MEASURED), "findings",
                                          "error", why->text)) != 0)
        return no_memory(e);
    rk_error_prefix(why, "%s%s%s", preset, scale >= 0 ? ", " : "", rk_scale_name(scale));
    if (c->says) rk_cli_fail(why);
    if (c->unjudged++ == 0) c->why = *why;
    return RK_OK;
}

static rk_status judge(court *c, rk_study *s, rk_error *e)
{
    rk_finding *f;
    uint32_t n;
    rk_error why = rk_error_new();
    if (rk_study_judge(s, &f, &n, &why) != RK_OK)
        return pass_over(c, s->preset->name, s->scale, s->changed, &why, e);
    if (n == 0) return RK_OK;
    rk_outcome v = rk_findings_outcome(f, n);
    c->studies++;
    if (v != RK_MET && c->worst != RK_NOT_MET) c->worst = v;
    if (c->out) return rk_findings_print(s, f, n, c->out, e);
    if (json_array_append_new(c->json, rk_findings_json(s, f, n)) != 0) return no_memory(e);
    return RK_OK;
}

static rk_status judge_study(court *c, const rk_preset *p, int scale, const char *changed,
                             rk_error *e)
{
    rk_study s;
    rk_error why = rk_error_new();
    if (!p->n_claims && !p->n_papers) return RK_OK;
    if (rk_study_make(p, scale, changed, c->runs, &s, &why) != RK_OK)
        return pass_over(c, p->name, scale, changed, &why, e);
    rk_status status = judge(c, &s, e);
    rk_study_free(&s);
    return status;
}

/* True if an earlier run of the file belongs to the same study. */
static bool seen(const rk_runs *r, uint32_t n, const char *preset, int scale, const char *changed)
{
    for (uint32_t i = 0; i < n; i++)
        if (rk_study_owns(r->run[i], preset, scale, changed)) return true;
    return false;
}

/* Every study of a preset that has runs, in the order of the file. */
static rk_status judge_preset(court *c, const rk_preset *p, rk_error *e)
{
    rk_pool pool = {0};
    rk_status status = RK_OK;
    int scale;
    for (uint32_t i = 0; i < p->n_parts; i++) RK_TRY(judge_preset(c, &p->part[i], e));
    for (uint32_t i = 0; status == RK_OK && i < c->runs->n; i++) {
        const rk_run_record *run = c->runs->run[i];
        if (strcmp(run->preset, p->name) != 0) continue;
        const char *changed = rk_study_of(run, &pool, &scale);
        if (!changed) status = no_memory(e);
        if (!changed || (c->scale >= 0 && scale != c->scale) ||
            (c->changes && strcmp(changed, c->changes) != 0) ||
            seen(c->runs, i, p->name, scale, changed))
            continue;
        status = judge_study(c, p, scale, changed, e);
    }
    rk_pool_free(&pool);
    return status;
}

rk_status rk_verdicts_print(const char *results, const rk_preset *p, int scale,
                            const char *wanted_changes, FILE *out, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(results, NULL, true, &runs, e));
    court c = {.runs = &runs, .scale = scale, .changes = wanted_changes, .out = out};
    rk_status status = judge_preset(&c, p, e);
    rk_runs_free(&runs);
    if (status != RK_OK || !c.unjudged) return status;
    if (e) *e = c.why;
    return c.why.code;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* One of the runs may be unknown here, one that the user names may not. */
static rk_status judge_named(court *c, const char *name, bool of_runs, rk_error *e)
{
    rk_preset p;
    rk_error why = rk_error_new();
    rk_status loaded = rk_preset_load(name, &p, of_runs ? &why : e);
    if (loaded != RK_OK) return of_runs ? pass_over(c, name, -1, "", &why, e) : loaded;
    rk_status status = judge_preset(c, &p, e);
    rk_preset_free(&p);
    return status;
}

/* Every preset that the runs name. */
static rk_status judge_all(court *c, rk_error *e)
{
    for (uint32_t i = 0; i < c->runs->n; i++) {
        const char *name = c->runs->run[i]->preset;
        bool first = name[0] != '\0';
        for (uint32_t k = 0; first && k < i; k++)
            first = strcmp(c->runs->run[k]->preset, name) != 0;
        if (first) RK_TRY(judge_named(c, name, true, e));
    }
    return RK_OK;
}

static rk_status nothing(const arguments *a, rk_error *e)
{
    return RK_FAIL(e, RK_E_INVALID,
                   "%s has no runs of a preset that claims anything%s%s%s%s: 'rethink run fig1a' "
                   "makes some",
                   a->results, a->preset ? ", of " : "", a->preset ? a->preset : "",
                   a->scale ? ", at " : "", a->scale ? a->scale : "");
}

static rk_status verdict(const arguments *a, int *exit_status, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(a->results, NULL, true, &runs, e));
    court c = {.runs = &runs,
               .scale = a->scale ? rk_scale_find(a->scale) : -1,
               .out = a->json ? NULL : stdout,
               .json = a->json ? json_array() : NULL,
               .says = true};
    rk_status status = a->preset ? judge_named(&c, a->preset, false, e) : judge_all(&c, e);
    if (status == RK_OK && c.studies == 0 && c.unjudged == 0) status = nothing(a, e);
    if (status == RK_OK && a->json)
        status = rk_cli_json(stdout, c.json, e);
    else
        json_decref(c.json);
    *exit_status = c.unjudged ? RK_CLI_MISUSE : c.worst == RK_MET ? 0 : RK_CLI_FAILURE;
    rk_runs_free(&runs);
    return status;
}

int rk_cli_verdict(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "[FILE.sqlite]",
        "What presets claim and papers report, beside what was measured.  A claim is met if it "
        "holds for all seeds but at most one in ten; a number of a paper if the mean over seeds is "
        "within its tolerance.\v"
        "The exit status is 0 if everything is met, 1 if something is not, or was not measured, "
        "and 2 for an error, as of a study that cannot be judged: the others are.",
        NULL,
        NULL,
        NULL};
    arguments a = {.results = RK_CLI_RESULTS};
    rk_error e = rk_error_new();
    int status, outcome = 0;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = verdict(&a, &outcome, &e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    if (done == RK_OK) return outcome;
    rk_cli_fail(&e);
    return RK_CLI_MISUSE;
}
