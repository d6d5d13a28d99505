/* What rethink check prints: for people, as lines that test runners count, as JSON. */
#include "cli/check.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rk_check_report {
    const rk_check_arguments *a;
    rk_case_result *result; /* of the device at work */
    json_t *devices;        /* NULL: not JSON */
    uint32_t done, selected;
    bool live, met, lost; /* live: stderr is a terminal; lost: there was no memory for JSON */
};

rk_check_report *rk_check_report_new(const rk_check_arguments *a)
{
    rk_check_report *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->a = a;
    r->met = true;
    r->live = !a->json && !a->verbose && isatty(STDERR_FILENO);
    r->result = calloc(rk_check_cases(), sizeof *r->result);
    r->devices = a->json ? json_array() : NULL;
    if (r->result && (!a->json || r->devices)) return r;
    rk_check_report_free(r);
    return NULL;
}

void rk_check_report_free(rk_check_report *r)
{
    if (!r) return;
    json_decref(r->devices);
    free(r->result);
    free(r);
}

/* ---- while it runs ---- */

static void clear(const rk_check_report *r)
{
    if (r->live) fprintf(stderr, "\r\033[K");
}

static void print_failure(const rk_check_report *r, const rk_check_case *c, const char *text)
{
    clear(r);
    printf("FAILED %s\n  %s\n", c->name, text);
    if (r->a->name) return;
    printf("  again: rethink check %s --case %s%s", r->a->target, c->name,
           r->a->quick ? " --quick" : "");
    for (uint32_t i = 0; i < r->a->n_options; i++) printf(" --option %s", r->a->option[i]);
    putchar('\n');
}

static void print_verbose(const rk_check_case *c, const rk_case_result *v)
{
    static const char *const marks[] = {"", "[       OK ]", "[  SKIPPED ]", "[  FAILED  ]"};
    if (!v) {
        printf("[ RUN      ] %s\n", c->name);
    } else {
        const rk_outcome *o = &v->outcome;
        if (v->verdict == RK_VERDICT_FAILED) printf("  %s\n", o->text);
        if (v->verdict == RK_VERDICT_UNSUPPORTED) printf("  unsupported: %s\n", o->reason);
        printf("%s %s\n", marks[v->verdict], c->name);
    }
    fflush(stdout);
}

static void watch(void *ctx, uint32_t i, const rk_case_result *v)
{
    rk_check_report *r = ctx;
    const rk_check_case c = rk_check_case_at(i);
    if (r->a->json) return;
    if (r->a->verbose)
        print_verbose(&c, v);
    else if (v && v->verdict == RK_VERDICT_FAILED)
        print_failure(r, &c, v->outcome.text);
    if (v) r->done++;
    if (r->live && !v) fprintf(stderr, "\r\033[K%u of %u  %s ", r->done + 1, r->selected, c.name);
}

/* ---- after it ---- */

static const char *programs_of(const rk_coverage *k)
{
    if (k->exact + k->fast + k->refused == 0) return "";
    return k->programs ? "yes" : "no";
}

static rk_status print_coverage(const rk_check_summary *s, rk_error *e)
{
    static const char *const heads[] = {"kind",    "cases",    "ok",       "exact ops", "fast ops",
                                        "refused", "in place", "programs", "kernels"};
    rk_table *t = rk_table_new("lrrrrrrll", heads);
    for (uint32_t i = 0; i < s->n_kinds; i++) {
        const rk_coverage *k = &s->kind[i];
        rk_table_cell(t, "%s", k->kind);
        rk_table_cell(t, "%u", k->cases);
        rk_table_cell(t, "%u", k->ok);
        const uint32_t ops[4] = {k->exact, k->fast, k->refused, k->in_place};
        for (int j = 0; j < 4; j++)
            if (k->kernels)
                rk_table_cell(t, "%u", ops[j]);
            else
                rk_table_cell(t, "%s", "");
        rk_table_cell(t, "%s", programs_of(k));
        rk_table_cell(t, "%s", k->impl);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    for (uint32_t i = 0; i < s->n_kinds; i++)
        if (s->kind[i].unsupported)
            printf("%s: %u of %u cases unsupported: %s\n", s->kind[i].kind, s->kind[i].unsupported,
                   s->kind[i].cases, s->kind[i].reason);
    return status;
}

/* One case alone: what came of it, in words. */
static void print_case(const rk_check_report *r)
{
    for (uint32_t i = 0; i < rk_check_cases(); i++) {
        const rk_case_result *v = &r->result[i];
        const rk_outcome *o = &v->outcome;
        if (v->verdict == RK_VERDICT_NONE) continue;
        printf("%s: %s in %.3f s; %u ops exact, %u fast, %u refused, %u in place%s%s\n",
               rk_check_case_at(i).name, rk_verdict_name(v->verdict), v->seconds, o->exact, o->fast,
               o->refused, o->in_place, o->impl[0] ? "; kernel " : "", o->impl);
        if (o->reason[0]) printf("  unsupported: %s\n", o->reason);
    }
}

static void print_verdict(const rk_check_summary *s)
{
    if (s->met)
        printf("met: level %s%s%s%s\n", rk_level_name(s->level), s->why[0] ? " (" : "", s->why,
               s->why[0] ? ")" : "");
    else if (s->asked && !s->failed)
        printf("not met: level %s was asked for; %s\n", rk_level_name(s->asked), s->why);
    else
        printf("not met: %s\n", s->why);
}

/* ---- JSON ---- */

static json_t *case_json(uint32_t i, const rk_case_result *v)
{
    const rk_check_case c = rk_check_case_at(i);
    const rk_outcome *o = &v->outcome;
    return json_pack("{s:s, s:s, s:s, s:f, s:i, s:i, s:i, s:i, s:b, s:s, s:s, s:s}", "case", c.name,
                     "kind", c.kind, "result", rk_verdict_name(v->verdict), "seconds", v->seconds,
                     "exact_ops", (int)o->exact, "fast_ops", (int)o->fast, "refused_ops",
                     (int)o->refused, "in_place", (int)o->in_place, "repeats", (int)!o->differs,
                     "kernel", o->impl, "unsupported", o->reason, "failure", o->text);
}

static json_t *kind_json(const rk_coverage *k)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:b}", "kind", k->kind, "cases",
                     (int)k->cases, "ok", (int)k->ok, "failed", (int)k->failed, "unsupported",
                     (int)k->unsupported, "exact_ops", (int)k->exact, "fast_ops", (int)k->fast,
                     "refused_ops", (int)k->refused, "complete", (int)!k->lacks, "programs",
                     (int)k->programs);
}

static bool add_json(rk_check_report *r, const rk_check_device *d, const rk_check_summary *s)
{
    json_t *cases = json_array(), *kinds = json_array();
    bool failed = false;
    for (uint32_t i = 0; i < rk_check_cases(); i++)
        if (r->result[i].verdict != RK_VERDICT_NONE)
            failed |= json_array_append_new(cases, case_json(i, &r->result[i])) != 0;
    for (uint32_t k = 0; k < s->n_kinds; k++)
        failed |= json_array_append_new(kinds, kind_json(&s->kind[k])) != 0;
    failed |= json_array_append_new(
                  r->devices,
                  json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s?, s:s, s:o, s:o}",
                            "device", d->spec, "backend", d->backend, "backend_version", d->version,
                            "file", d->path, "name", d->info.name, "driver", d->info.driver, "met",
                            (int)s->met, "level", rk_level_name(s->level), "asked",
                            s->asked ? rk_level_name(s->asked) : NULL, "why", s->why, "kinds",
                            kinds, "cases", cases)) != 0;
    return !failed;
}

/* ---- a device ---- */

rk_status rk_check_report_device(rk_check_report *r, const rk_check_device *d, const bool *selected,
                                 rk_error *e)
{
    const rk_check_arguments *a = r->a;
    rk_check_summary s;
    const rk_check_options o = {.option = a->n_options ? a->option : NULL,
                                .selected = selected,
                                .quick = a->quick,
                                .seconds = a->seconds,
                                .watch = watch,
                                .ctx = r};
    r->done = r->selected = 0;
    for (uint32_t i = 0; i < rk_check_cases(); i++) r->selected += selected[i];
    if (!a->json)
        printf("%s: %s; backend %s %s, driver %s\n", d->spec, d->info.name, d->backend, d->version,
               d->info.driver[0] ? d->info.driver : "-");
    if (a->verbose && !a->json) printf("[==========] Running %u test(s).\n", r->selected);
    fflush(stdout);
    RK_TRY(rk_check_run(d, &o, r->result, e));
    clear(r);
    rk_check_sum_up(r->result, a->level, &s);
    if (a->name) s.met = s.ok == s.cases; /* one case says nothing of levels */
    r->met = r->met && s.met;
    if (a->json) {
        r->lost = r->lost || !add_json(r, d, &s);
        return RK_OK;
    }
    if (a->name)
        print_case(r);
    else
        RK_TRY(print_coverage(&s, e));
    if (!a->name) print_verdict(&s);
    return RK_OK;
}

rk_status rk_check_report_end(rk_check_report *r, bool *met, rk_error *e)
{
    *met = r->met;
    if (!r->a->json) return RK_OK;
    json_t *root =
        r->lost ? NULL : json_pack("{s:b, s:O}", "met", (int)r->met, "devices", r->devices);
    return rk_cli_json(stdout, root, e);
}
