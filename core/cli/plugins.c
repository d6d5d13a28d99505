/* rethink plugins: the items of experiment plugins and their parameters. */
#include "cli/named.h"
#include "data/names.h"
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    const char **plugins, *name;
    uint32_t n_plugins;
    bool json, verbose;
    rk_error e;
} arguments;

static const struct argp_option options[] = {
    {"plugin", RK_OPTION_PLUGIN, "FILE.so", 0, "Look at this plugin too; may be repeated", 0},
    {"verbose", 'v', NULL, 0, "Also parameters, and every file with what came of it", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        a->name = arg;
        return 0;
    case RK_OPTION_PLUGIN:
        return rk_cli_append(&a->plugins, &a->n_plugins, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'v': a->verbose = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* "from 1 to 64", "he|torch", "a path". */
static void describe_range(const rk_param_spec *p, char *out, size_t cap)
{
    switch (p->type) {
    case RK_PARAM_INT:
    case RK_PARAM_REAL: snprintf(out, cap, "%.15g to %.15g", p->lo, p->hi); break;
    case RK_PARAM_CHOICE: snprintf(out, cap, "%s", p->choices); break;
    default: snprintf(out, cap, "path"); break;
    }
}

/* The i-th parameter of an item, with those that the core adds to every data set; NULL at the
 * end. */
static const rk_param_spec *parameter(const rk_item *item, uint32_t i)
{
    uint32_t n = 0;
    while (item->params && item->params[n].name) n++;
    if (i < n) return &item->params[i];
    i -= n;
    return i < RK_LIMITS && item->kind == RK_KIND_DATA ? &rk_limit_params[i] : NULL;
}

static rk_status print_items(const rk_item *const *items, uint32_t n, rk_error *e)
{
    static const char *const heads[] = {"kind", "name", "what it is"};
    rk_table *t = rk_table_new("lll", heads);
    for (uint32_t i = 0; i < n; i++) {
        rk_table_cell(t, "%s", rk_kind_name(items[i]->kind));
        rk_table_cell(t, "%s", items[i]->name);
        rk_table_cell(t, "%s", items[i]->doc);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_item(const rk_registry *r, const rk_item *item, rk_error *e)
{
    static const char *const heads[] = {"  parameter", "default", "values", "what it is"};
    printf("%s %s: %s\n  %s\n", rk_kind_name(item->kind), item->name, item->doc,
           rk_registry_file(r, item));
    if (!parameter(item, 0)) return RK_OK;
    rk_table *t = rk_table_new("llll", heads);
    for (uint32_t i = 0; parameter(item, i); i++) {
        const rk_param_spec *p = parameter(item, i);
        char range[128];
        describe_range(p, range, sizeof range);
        rk_table_cell(t, "  %s", p->name);
        rk_table_cell(t, "%s", p->initial ? p->initial : "(needed)");
        rk_table_cell(t, "%s", range);
        rk_table_cell(t, "%s", p->doc);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static rk_status print_files(const rk_registry *r, rk_error *e)
{
    static const char *const heads[] = {"plugin", "version", "file", "result"};
    const rk_plugin_candidate *c;
    uint32_t n = rk_registry_candidates(r, &c);
    rk_table *t = rk_table_new("llll", heads);
    for (uint32_t i = 0; i < n; i++) {
        rk_table_cell(t, "%s", c[i].name && c[i].name[0] ? c[i].name : "-");
        rk_table_cell(t, "%s", c[i].version && c[i].version[0] ? c[i].version : "-");
        rk_table_cell(t, "%s", c[i].path);
        rk_table_cell(t, "%s", c[i].reason);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static json_t *item_json(const rk_registry *r, const rk_item *item)
{
    json_t *params = json_array();
    bool failed = false;
    for (uint32_t i = 0; parameter(item, i); i++) {
        const rk_param_spec *p = parameter(item, i);
        static const char *const types[] = {"", "int", "real", "choice", "path"};
        json_t *object = json_pack("{s:s, s:s, s:s?, s:s}", "name", p->name, "type", types[p->type],
                                   "default", p->initial, "doc", p->doc);
        if (p->type == RK_PARAM_CHOICE)
            failed |= json_object_set_new(object, "choices", json_string(p->choices)) != 0;
        if (p->type == RK_PARAM_INT || p->type == RK_PARAM_REAL)
            failed |= json_object_set_new(object, "range", json_pack("[f, f]", p->lo, p->hi)) != 0;
        failed |= json_array_append_new(params, object) != 0;
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "kind", rk_kind_name(item->kind), "name", item->name,
                  "doc", item->doc, "file", rk_registry_file(r, item), "parameters", params);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static json_t *registry_json(const rk_registry *r, const rk_item *const *items, uint32_t n)
{
    const rk_plugin_candidate *c;
    uint32_t m = rk_registry_candidates(r, &c);
    json_t *of_items = json_array(), *files = json_array();
    bool failed = false;
    for (uint32_t i = 0; i < n; i++)
        failed |= json_array_append_new(of_items, item_json(r, items[i])) != 0;
    for (uint32_t i = 0; i < m; i++)
        failed |= json_array_append_new(files, json_pack("{s:s, s:s?, s:s?, s:s}", "file",
                                                         c[i].path, "plugin", c[i].name, "version",
                                                         c[i].version, "result", c[i].reason)) != 0;
    json_t *root = json_pack("{s:o, s:o}", "items", of_items, "files", files);
    if (!failed) return root;
    json_decref(root);
    return NULL;
}

/* Keeps the items of a name; their number. */
static uint32_t keep(const rk_item **items, uint32_t n, const char *name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(items[i]->name, name) == 0) items[kept++] = items[i];
    return kept;
}

static rk_status no_item(const rk_item *const *items, uint32_t n, const char *name, rk_error *e)
{
    const char **known = calloc(n + 1, sizeof *known);
    char hint[RK_HINT_MAX] = "";
    for (uint32_t i = 0; known && i < n; i++) known[i] = items[i]->name;
    if (known) rk_name_hint(name, known, n, hint, sizeof hint);
    free(known);
    return RK_FAIL(e, RK_E_INVALID, "no plugin has an item '%.64s'%s", name, hint);
}

static rk_status print(const rk_registry *r, const arguments *a, rk_error *e)
{
    const rk_item *const *all;
    uint32_t total = rk_registry_items(r, &all), n = total;
    const rk_item **items = calloc(total + 1, sizeof *items);
    rk_status status = RK_OK;
    if (!items) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u items", total);
    for (uint32_t i = 0; i < total; i++) items[i] = all[i];
    if (a->name) n = keep(items, n, a->name);
    if (a->name && n == 0) { /* it may be in a file that was refused */
        status = rk_named_plugins(r, a->plugins, a->n_plugins, e);
        if (status == RK_OK) status = no_item(all, total, a->name, e);
    } else if (a->json)
        status = rk_cli_json(stdout, registry_json(r, items, n), e);
    else if (!a->verbose && !a->name)
        status = print_items(items, n, e);
    else
        for (uint32_t i = 0; status == RK_OK && i < n; i++) {
            if (i) putchar('\n');
            status = print_item(r, items[i], e);
        }
    if (status == RK_OK && a->verbose && !a->json) {
        putchar('\n');
        status = print_files(r, e);
    }
    free(items);
    return status;
}

int rk_cli_plugins(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "[NAME]",
        "The models, data sets, transforms, augmentations, regularizers, optimizers, schedules and "
        "diagnostics that plugins offer; with NAME, that one and its parameters, which are written "
        "as NAME:key=value,key=value.  Plugins are shared objects: those of --plugin, of "
        "RETHINK_PLUGIN_PATH (files or folders, joined by colons), and the installed ones.",
        NULL,
        NULL,
        NULL};
    arguments a = {.e = rk_error_new()};
    rk_registry *r = NULL;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = rk_registry_new(a.plugins, a.n_plugins, &r, &a.e);
    if (done == RK_OK) done = print(r, &a, &a.e);
    if (done == RK_OK) done = rk_named_plugins(r, a.plugins, a.n_plugins, &a.e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &a.e);
    rk_registry_free(r);
    free(a.plugins);
    return done == RK_OK ? 0 : rk_cli_fail(&a.e);
}
