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
    rk_outcome worst;
    uint32_t studies;
} court;

static rk_status judge(court *c, const rk_preset *p, int scale, const char *changed, rk_error *e)
{
    rk_study s;
    rk_finding *f;
    uint32_t n;
    RK_TRY(rk_study_make(p, scale, changed, c->runs, &s, e));
    rk_status status = rk_study_judge(&s, &f, &n, e);
    if (status == RK_OK && n > 0) {
        rk_outcome v = rk_findings_outcome(f, n);
        c->studies++;
        if (v != RK_MET && c->worst != RK_NOT_MET) c->worst = v;
        if (c->out) status = rk_findings_print(&s, f, n, c->out, e);
        if (!c->out && json_array_append_new(c->json, rk_findings_json(&s, f, n)) != 0)
            status = RK_FAIL(e, RK_E_NOMEM, "no memory for verdicts");
    }
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
        if (!changed) status = RK_FAIL(e, RK_E_NOMEM, "no memory for verdicts");
        if (!changed || (c->scale >= 0 && scale != c->scale) ||
            (c->changes && strcmp(changed, c->changes) != 0) ||
            seen(c->runs, i, p->name, scale, changed))
            continue;
        status = judge(c, p, scale, changed, e);
    }
    rk_pool_free(&pool);
    return status;
}

rk_status rk_verdicts_print(const char *results, const rk_preset *p, int scale,
                            const char *wanted_changes, FILE *out, rk_outcome *worst, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(results, NULL, true, &runs, e));
    court c = {.runs = &runs, .scale = scale, .changes = wanted_changes, .out = out};
    rk_status status = judge_preset(&c, p, e);
    *worst = c.worst;
    rk_runs_free(&runs);
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static rk_status judge_named(court *c, const char *name, rk_error *e)
{
    rk_preset p;
    RK_TRY(rk_preset_load(name, &p, e));
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
        if (first) RK_TRY(judge_named(c, name, e));
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

static rk_status verdict(const arguments *a, rk_outcome *worst, rk_error *e)
{
    rk_runs runs;
    RK_TRY(rk_runs_load(a->results, NULL, true, &runs, e));
    court c = {.runs = &runs,
               .scale = a->scale ? rk_scale_find(a->scale) : -1,
               .out = a->json ? NULL : stdout,
               .json = a->json ? json_array() : NULL};
    rk_status status = a->preset ? judge_named(&c, a->preset, e) : judge_all(&c, e);
    if (status == RK_OK && c.studies == 0) status = nothing(a, e);
    if (status == RK_OK && a->json)
        status = rk_cli_json(stdout, c.json, e);
    else
        json_decref(c.json);
    *worst = c.worst;
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
        "and "
        "2 for an error.",
        NULL,
        NULL,
        NULL};
    arguments a = {.results = RK_CLI_RESULTS};
    rk_error e = rk_error_new();
    rk_outcome worst = RK_MET;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = verdict(&a, &worst, &e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &e);
    if (done == RK_OK) return worst == RK_MET ? 0 : RK_CLI_FAILURE;
    rk_cli_fail(&e);
    return RK_CLI_MISUSE;
}
