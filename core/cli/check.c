/* rethink check: the arguments. */
#include "cli/check.h"
#include "base/text.h"
#include "data/names.h"
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_CASE = RK_OPTION_OWN,
    OPTION_KINDS,
    OPTION_LEVEL,
    OPTION_LIST,
    OPTION_OPTION,
    OPTION_QUICK,
    OPTION_TIMEOUT
};

static const struct argp_option options[] = {
    {"case", OPTION_CASE, "NAME", 0, "Run this case only; --list names them", 0},
    {"kinds", OPTION_KINDS, "KIND,...", 0, "Run the cases of these kinds only, and judge by them",
     0},
    {"level", OPTION_LEVEL, "LEVEL", 0,
     "Ask for this level: loads, all-kinds, deterministic or exact; without it a backend is held "
     "to what it promises itself, which is to be right in what it does not refuse",
     0},
    {"quick", OPTION_QUICK, NULL, 0, "Small shapes only, for slow devices", 0},
    {"timeout", OPTION_TIMEOUT, "SECONDS", 0, "A case that takes longer hangs (120)", 0},
    {"option", OPTION_OPTION, "KEY=VALUE", 0,
     "A setting for the backend, as threads=2, isa=plain; choices=SEED draws of what a tuner may "
     "choose; may be repeated",
     0},
    {"backend", RK_OPTION_BACKEND, "FILE.so", 0,
     "Load this backend too, for a DEVICE of it; may be repeated", 0},
    {"list", OPTION_LIST, NULL, 0, "Print the cases, and run none", 0},
    {"verbose", 'v', NULL, 0, "A line when a case begins and when it ends", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse_value(int key, char *arg, rk_check_arguments *a, struct argp_state *state)
{
    switch (key) {
    case OPTION_LEVEL:
        if (!rk_level_parse(arg, &a->level))
            return rk_cli_misuse(
                state, "--level '%s' is none: loads, all-kinds, deterministic, exact", arg);
        return 0;
    case OPTION_TIMEOUT:
        if (!rk_parse_f64(arg, &a->seconds) || !(a->seconds > 0) || a->seconds > 86400)
            return rk_cli_misuse(state, "--timeout '%s' is no number of seconds up to 86400", arg);
        return 0;
    case OPTION_OPTION:
        if (!strchr(arg, '=')) return rk_cli_misuse(state, "--option '%s' is not KEY=VALUE", arg);
        if (a->n_options == RK_BED_OPTIONS)
            return rk_cli_misuse(state, "more than %d times --option", RK_BED_OPTIONS);
        a->option[a->n_options++] = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    rk_check_arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (a->target) return ARGP_ERR_UNKNOWN;
        a->target = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->target && !a->list)
            return rk_cli_misuse(state, "which backend (FILE.so) or device");
        return 0;
    case OPTION_CASE: a->name = arg; return 0;
    case OPTION_KINDS: a->kinds = arg; return 0;
    case OPTION_QUICK: a->quick = true; return 0;
    case OPTION_LIST: a->list = true; return 0;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'v': a->verbose = true; return 0;
    case RK_OPTION_BACKEND:
        return rk_cli_append(&a->backends, &a->n_backends, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    default: return parse_value(key, arg, a, state);
    }
}

/* ---- which cases ---- */

static rk_status unknown(const char *what, const char *given, bool of_kinds, rk_error *e)
{
    char hint[RK_HINT_MAX] = "";
    uint32_t n = rk_check_cases(), m = 0;
    rk_check_case *all = calloc(n, sizeof *all);
    const char **known = calloc(n, sizeof *known);
    for (uint32_t i = 0; all && known && i < n; i++) {
        all[i] = rk_check_case_at(i);
        const char *name = of_kinds ? all[i].kind : all[i].name;
        if (m == 0 || strcmp(known[m - 1], name) != 0) known[m++] = name;
    }
    if (known) rk_name_hint(given, known, m, hint, sizeof hint);
    free(all);
    free(known);
    return RK_FAIL(e, RK_E_INVALID, "no %s '%.64s'%s", what, given, hint);
}

/* Selects the cases of the kinds in a list. */
static rk_status select_kinds(const char *list, bool *selected, rk_error *e)
{
    do {
        char kind[32];
        size_t n = strcspn(list, ",");
        bool any = false;
        snprintf(kind, sizeof kind, "%.*s", (int)n, list);
        for (uint32_t i = 0; i < rk_check_cases(); i++)
            if (strcmp(rk_check_case_at(i).kind, kind) == 0) any = selected[i] = true;
        if (!any) return unknown("kind", kind, true, e);
        list += n + (list[n] == ',');
    } while (*list);
    return RK_OK;
}

static rk_status select_cases(const rk_check_arguments *a, bool *selected, rk_error *e)
{
    uint32_t n = rk_check_cases(), found = 0;
    if (a->kinds && !a->name) return select_kinds(a->kinds, selected, e);
    for (uint32_t i = 0; i < n; i++) {
        selected[i] = !a->name || strcmp(rk_check_case_at(i).name, a->name) == 0;
        found += selected[i];
    }
    return found ? RK_OK : unknown("case", a->name, false, e);
}

static rk_status print_list(const rk_check_arguments *a, const bool *selected, rk_error *e)
{
    static const char *const heads[] = {"case", "needed for", "what it does"};
    rk_table *t = a->json ? NULL : rk_table_new("lll", heads);
    json_t *list = a->json ? json_array() : NULL;
    bool lost = false;
    for (uint32_t i = 0; i < rk_check_cases(); i++) {
        const rk_check_case c = rk_check_case_at(i);
        const char *level = c.service ? "loads" : c.needed ? "all-kinds" : "-";
        if (!selected[i]) continue;
        if (list)
            lost |= json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "case", c.name,
                                                          "kind", c.kind, "needed_for", level,
                                                          "doc", c.doc)) != 0;
        rk_table_cell(t, "%s", c.name);
        rk_table_cell(t, "%s", level);
        rk_table_cell(t, "%s", c.doc);
    }
    if (a->json) {
        if (lost) json_decref(list);
        return rk_cli_json(stdout, lost ? NULL : list, e);
    }
    rk_status s = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return s;
}

/* ---- the command ---- */

static rk_status check_all(const rk_check_arguments *a, const bool *selected, bool *met,
                           rk_error *e)
{
    uint32_t n = 0;
    rk_check_device *d = calloc(RK_BACKEND_DEVICES, sizeof *d);
    rk_check_report *r = rk_check_report_new(a);
    rk_status s = d && r ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a check");
    if (s == RK_OK)
        s = rk_check_find(a->target, a->backends, a->n_backends, a->option, a->seconds, d, &n, e);
    for (uint32_t i = 0; s == RK_OK && i < n; i++)
        s = rk_check_report_device(r, &d[i], selected, e);
    if (s == RK_OK) s = rk_check_report_end(r, met, e);
    rk_check_report_free(r);
    free(d);
    return s;
}

int rk_cli_check(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "FILE.so|DEVICE",
        "Is a backend right?  Computes every kind of kernel on shapes and values that go wrong "
        "easily, and compares every element with references of double precision and, in the exact "
        "tier, bit by bit; makes calls that must be refused; counts memory.  A case that crashes "
        "or hangs is one that failed.\v"
        "Exits with 0 if the level is met.  A file is checked on all its devices; 'rethink "
        "devices' "
        "lists DEVICEs.",
        NULL,
        NULL,
        NULL};
    rk_check_arguments a = {.seconds = 120, .e = rk_error_new()};
    bool met = true;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    bool *selected = calloc(rk_check_cases(), sizeof *selected);
    rk_status done =
        selected ? select_cases(&a, selected, &a.e) : RK_FAIL(&a.e, RK_E_NOMEM, "no memory");
    if (done == RK_OK)
        done = a.list ? print_list(&a, selected, &a.e) : check_all(&a, selected, &met, &a.e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &a.e);
    free(selected);
    free(a.backends);
    return done != RK_OK ? rk_cli_fail(&a.e) : met ? 0 : RK_CLI_FAILURE;
}
