/* rethink compare: what differs between two runs, and from which bit on. */
#include "cli/compare.h"
#include "cli/named.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_BISECT = RK_OPTION_OWN, EXIT_DIFFER = 1, EXIT_ERROR = 2 };

typedef struct arguments {
    const char **backends, **plugins, *out, *run[2];
    uint32_t n_backends, n_plugins;
    bool json, bisect;
    rk_error e;
} arguments;

static const struct argp_option options[] = {
    {"out", RK_OPTION_OUT, "FILE.sqlite", 0,
     "The results file of runs that are given by number alone (" RK_CLI_RESULTS ")", 0},
    {"bisect", OPTION_BISECT, NULL, 0,
     "Do both runs again, side by side, to the first kernel whose result has other bits", 0},
    {"backend", RK_OPTION_BACKEND, "FILE.so", 0, "With --bisect: load this backend too", 0},
    {"plugin", RK_OPTION_PLUGIN, "FILE.so", 0, "With --bisect: load this plugin too", 0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        a->run[state->arg_num] = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->run[1])
            return rk_cli_misuse(state, "which two runs?  Give their numbers, or FILE:NUMBER");
        return 0;
    case RK_OPTION_OUT: a->out = arg; return 0;
    case RK_OPTION_BACKEND:
        return rk_cli_append(&a->backends, &a->n_backends, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_PLUGIN:
        return rk_cli_append(&a->plugins, &a->n_plugins, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_JSON: a->json = true; return 0;
    case OPTION_BISECT: a->bisect = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- loading ---- */

/* "FILE:RUN", or a run of the file of --out; cuts the argument in two. */
static rk_status load_side(rk_comparison *c, const arguments *a, int i, char *text, rk_error *e)
{
    char *colon = strrchr(text, ':');
    c->path[i] = colon ? text : a->out;
    if (colon) *colon = '\0';
    return rk_runs_load_one(c->path[i], colon ? colon + 1 : text, &c->side[i], e);
}

static void name_sides(rk_comparison *c)
{
    bool same = strcmp(c->path[0], c->path[1]) == 0;
    for (int i = 0; i < 2; i++) {
        long long id = (long long)c->side[i].run[0]->id;
        const char *path = c->path[i];
        if (same)
            snprintf(c->head[i], sizeof c->head[i], "run %lld", id);
        else
            snprintf(c->head[i], sizeof c->head[i], "%.56s:%lld", path, id);
    }
}

/* ---- comparing ---- */

static rk_status no_memory(rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to compare two runs");
}

static bool add_pair(json_t *to, const char *name, json_t *a, json_t *b)
{
    if (a && b && json_equal(a, b)) return true;
    json_t *pair = json_pack("[O?, O?]", a, b);
    return json_object_set_new(to, name, pair) == 0;
}

/* Keys of either configuration whose values differ. */
static rk_status compare_configurations(rk_comparison *c, rk_error *e)
{
    json_t *config[2], *value;
    const char *key;
    bool good = true;
    for (int i = 0; i < 2; i++) config[i] = json_loads(c->side[i].run[0]->config, 0, NULL);
    c->configuration = json_object();
    json_object_foreach(config[0], key, value) good &=
        add_pair(c->configuration, key, value, json_object_get(config[1], key));
    json_object_foreach(config[1], key, value) if (!json_object_get(config[0], key)) good &=
        add_pair(c->configuration, key, NULL, value);
    json_decref(config[0]);
    json_decref(config[1]);
    return good && c->configuration ? RK_OK : no_memory(e);
}

/* What made the numbers: what the configuration does not say. */
static bool is_provenance(const rk_field *field)
{
    bool group = strcmp(field->group, "device") == 0 || strcmp(field->group, "identity") == 0 ||
                 strcmp(field->name, "version") == 0;
    return group && strcmp(field->name, "device") != 0 && strcmp(field->name, "numerics") != 0;
}

static rk_status compare_provenance(rk_comparison *c, rk_error *e)
{
    size_t n;
    const rk_field *fields = rk_run_fields(&n);
    json_t *run[2] = {rk_run_json(&c->side[0], 0), rk_run_json(&c->side[1], 0)};
    bool good = run[0] && run[1];
    c->provenance = json_object();
    for (size_t i = 0; i < n && good; i++)
        if (is_provenance(&fields[i]))
            good = add_pair(c->provenance, fields[i].name, json_object_get(run[0], fields[i].name),
                            json_object_get(run[1], fields[i].name));
    json_decref(run[0]);
    json_decref(run[1]);
    return good && c->provenance ? RK_OK : no_memory(e);
}

const rk_epoch_record *rk_compare_row(const rk_comparison *c, int side, int64_t epoch)
{
    const rk_runs *r = &c->side[side];
    for (uint32_t i = 0; i < r->epochs[0]; i++)
        if (r->history[0][i].epoch == epoch) return &r->history[0][i];
    return NULL;
}

bool rk_compare_same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static bool same_numbers(const rk_epoch_record *a, const rk_epoch_record *b)
{
    size_t n;
    const rk_field *field = rk_compare_numbers(&n);
    for (size_t i = 0; i < n; i++)
        if (!rk_compare_same(rk_compare_number(&field[i], a), rk_compare_number(&field[i], b)))
            return false;
    return true;
}

static rk_status compare_epochs(rk_comparison *c, rk_error *e)
{
    const rk_epoch_record *a, *b;
    for (; (a = rk_compare_row(c, 0, c->epochs + 1)) && (b = rk_compare_row(c, 1, c->epochs + 1));
         c->epochs++) {
        if (!c->bits && strcmp(a->digest, b->digest) != 0) c->bits = c->epochs + 1;
        if (!c->numbers && !same_numbers(a, b)) c->numbers = c->epochs + 1;
    }
    if (c->epochs) return RK_OK;
    const rk_run_record *x = c->side[0].run[0], *y = c->side[1].run[0];
    if (!c->side[0].epochs[0] && !c->side[1].epochs[0] && x->digest[0] && y->digest[0]) {
        c->weights = strcmp(x->digest, y->digest) != 0;
        return RK_OK;
    }
    return RK_FAIL(e, RK_E_INVALID, "%s has no epoch to compare",
                   c->head[rk_compare_row(c, 0, 1) ? 1 : 0]);
}

static rk_status compare(rk_comparison *c, const arguments *a, char *text[2], rk_error *e)
{
    for (int i = 0; i < 2; i++) RK_TRY(load_side(c, a, i, text[i], e));
    name_sides(c);
    RK_TRY(compare_configurations(c, e));
    RK_TRY(compare_provenance(c, e));
    RK_TRY(rk_compare_found(c, e));
    return compare_epochs(c, e);
}

/* ---- bisecting ---- */

static void show_progress(void *ctx, int64_t epoch, int64_t step, int64_t steps)
{
    (void)ctx;
    fprintf(stderr, "\r\033[Kboth runs again: epoch %lld  step %lld of %lld", (long long)epoch,
            (long long)step, (long long)steps);
    fflush(stderr);
}

static rk_status bisect_with(const rk_comparison *c, rk_hub *hub, const rk_registry *plugins,
                             rk_bisected *out, rk_error *e)
{
    rk_bisect_run run[2] = {{0}};
    int64_t last = c->bits ? c->bits : c->numbers;
    bool live = isatty(STDERR_FILENO);
    if (c->bits && c->numbers && c->numbers < c->bits) last = c->numbers;
    rk_status status = RK_OK;
    for (int i = 0; i < 2; i++) {
        const rk_runs *r = &c->side[i];
        run[i] =
            (rk_bisect_run){.record = r->run[0], .history = r->history[0], .epochs = r->epochs[0]};
        if (asprintf(&run[i].folder, "%s.runs/%lld", c->path[i], (long long)r->run[0]->id) < 0) {
            run[i].folder = NULL;
            status = no_memory(e);
        }
    }
    if (status == RK_OK)
        status = rk_bisect(hub, plugins, run, last, last == c->numbers && last != c->bits,
                           live ? show_progress : NULL, NULL, out, e);
    if (live) fprintf(stderr, "\r\033[K");
    for (int i = 0; i < 2; i++) free(run[i].folder);
    return status;
}

static rk_status bisect(const rk_comparison *c, const arguments *a, rk_bisected *out, rk_error *e)
{
    rk_hub *hub = NULL;
    rk_registry *plugins = NULL;
    if (strcmp(c->side[0].run[0]->data_digest, c->side[1].run[0]->data_digest) != 0)
        return RK_FAIL(e, RK_E_INVALID,
                       "--bisect: the runs were trained on other data (digests %.8s and %.8s)",
                       c->side[0].run[0]->data_digest, c->side[1].run[0]->data_digest);
    rk_status status = rk_hub_new(a->backends, a->n_backends, &hub, e);
    if (status == RK_OK) status = rk_named_backends(hub, a->backends, a->n_backends, e);
    if (status == RK_OK) status = rk_named_tuning(e);
    if (status == RK_OK) status = rk_registry_new(a->plugins, a->n_plugins, &plugins, e);
    if (status == RK_OK) status = rk_named_plugins(plugins, a->plugins, a->n_plugins, e);
    if (status == RK_OK) status = bisect_with(c, hub, plugins, out, e);
    rk_registry_free(plugins);
    rk_hub_free(hub);
    return status;
}

/* ---- the command ---- */

static rk_status answer(rk_comparison *c, const arguments *a, char *text[2], rk_error *e)
{
    rk_bisected found;
    RK_TRY(compare(c, a, text, e));
    bool again = a->bisect && (c->bits || c->numbers);
    if (again) RK_TRY(bisect(c, a, &found, e));
    if (a->json)
        RK_TRY(rk_cli_json(stdout, rk_compare_json(c, again ? &found : NULL), e));
    else
        RK_TRY(rk_compare_print(c, again ? &found : NULL, stdout, e));
    return rk_cli_flush(stdout, "standard output", e);
}

static rk_status run(rk_comparison *c, const arguments *a, rk_error *e)
{
    char *text[2] = {strdup(a->run[0]), strdup(a->run[1])};
    rk_status status = text[0] && text[1] ? answer(c, a, text, e) : no_memory(e);
    free(text[0]);
    free(text[1]);
    return status;
}

int rk_cli_compare(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "RUN RUN",
        "What differs between two runs: configuration, provenance, and the first epoch whose "
        "weights or losses have other bits.  RUN is a number, or last, of the file of --out, or "
        "FILE.sqlite:RUN.\v"
        "The exit status is 0 if all epochs that both have are equal to the bit, and what the same "
        "diagnostics found, 1 if not, 2 if that cannot be said.  --bisect trains both again as "
        "they were recorded, up to the first "
        "training step after which any state differs, and does that step again one kernel at a "
        "time.",
        NULL,
        NULL,
        NULL};
    arguments a = {.out = RK_CLI_RESULTS, .e = rk_error_new()};
    rk_comparison c = {0};
    int status;
    if (rk_cli_parse(&argp, argc, argv, &a, &status)) {
        rk_status done = run(&c, &a, &a.e);
        status = c.bits || c.numbers || c.weights || json_object_size(c.found) ? EXIT_DIFFER : 0;
        if (done != RK_OK) {
            rk_cli_fail(&a.e);
            status = EXIT_ERROR;
        }
    }
    for (int i = 0; i < 2; i++) rk_runs_free(&c.side[i]);
    json_decref(c.configuration);
    json_decref(c.provenance);
    json_decref(c.found);
    free(a.backends);
    free(a.plugins);
    return status;
}
