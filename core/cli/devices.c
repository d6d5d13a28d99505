/* rethink devices: what can compute, and why the rest cannot. */
#include "cli/named.h"
#include <stdlib.h>

typedef struct arguments {
    const char **backends;
    uint32_t n_backends;
    bool json, verbose;
    rk_error e;
} arguments;

static const struct argp_option options[] = {
    {"backend", RK_OPTION_BACKEND, "FILE.so", 0, "Look at this backend too; may be repeated", 0},
    {"verbose", 'v', NULL, 0,
     "Also every place where a backend was looked for, with the reason if it was refused; and test "
     "whether each device computes exactly (takes seconds)",
     0},
    {"json", RK_OPTION_JSON, NULL, 0, "Print JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case RK_OPTION_BACKEND:
        return rk_cli_append(&a->backends, &a->n_backends, arg, &a->e) == RK_OK ? 0 : ENOMEM;
    case RK_OPTION_JSON: a->json = true; return 0;
    case 'v': a->verbose = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const char *type_name(uint32_t type)
{
    return type == RK_DEV_CPU ? "cpu" : type == RK_DEV_GPU ? "gpu" : "other";
}

/* A device that cannot even be opened is not exact, and the reason says so. */
static rk_selftest selftest(rk_hub *hub, const char *spec)
{
    rk_error e = rk_error_new();
    rk_selftest t = {0};
    if (rk_hub_selftest(hub, spec, &t, &e) != RK_OK) {
        t = (rk_selftest){0};
        snprintf(t.reason, sizeof t.reason, "%.*s", (int)sizeof t.reason - 1, e.text);
    }
    return t;
}

static rk_status print_devices(rk_hub *hub, bool verbose, rk_error *e)
{
    static const char *const heads[] = {"device", "type",    "memory", "name",
                                        "driver", "GFLOP/s", "exact"};
    const rk_device_entry *entry;
    uint32_t n = rk_hub_devices(hub, &entry);
    rk_table *t = rk_table_new(verbose ? "llrllrl" : "llrll", heads);
    for (uint32_t i = 0; i < n; i++) {
        rk_table_cell(t, "%s", entry[i].spec);
        rk_table_cell(t, "%s", type_name(entry[i].info.type));
        rk_table_cell(t, "%.1f GiB", (double)entry[i].info.mem_total / (1 << 30));
        rk_table_cell(t, "%s", entry[i].info.name);
        rk_table_cell(t, "%s", entry[i].info.driver);
        if (!verbose) continue;
        rk_selftest test = selftest(hub, entry[i].spec);
        rk_table_cell(t, "%.1f", test.gflops);
        if (test.exact)
            rk_table_cell(t, "yes");
        else
            rk_table_cell(t, "no: %s", test.reason);
    }
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static void print_tuning(rk_hub *hub)
{
    char digest[33];
    rk_hub_tuning(hub, digest);
    printf("\nTuning: %s%s\n",
           digest[0] ? "database with digest " : "nothing is tuned, static rules hold", digest);
}

static rk_status print_candidates(const rk_hub *hub, rk_error *e)
{
    static const char *const heads[] = {"backend", "devices", "file", "result"};
    const rk_candidate *c;
    uint32_t n = rk_hub_candidates(hub, &c);
    rk_table *t = rk_table_new("lrll", heads);
    for (uint32_t i = 0; i < n; i++) {
        bool note = c[i].note && c[i].note[0];
        rk_table_cell(t, "%s", c[i].backend[0] ? c[i].backend : "-");
        rk_table_cell(t, "%u", c[i].n_devices);
        rk_table_cell(t, "%s", c[i].path);
        rk_table_cell(t, "%s%s%s", c[i].reason, note ? "; " : "", note ? c[i].note : "");
    }
    putchar('\n');
    rk_status status = rk_table_print(t, stdout, e);
    rk_table_free(t);
    return status;
}

static json_t *device_json(rk_hub *hub, const rk_device_entry *d, bool verbose)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "device", d->spec, "backend",
        d->backend, "backend_version", d->backend_version, "type", type_name(d->info.type), "name",
        d->info.name, "vendor", d->info.vendor, "platform", d->info.platform, "driver",
        d->info.driver, "memory_bytes", (json_int_t)d->info.mem_total, "largest_buffer_bytes",
        (json_int_t)d->info.mem_max_alloc);
    if (!object || !verbose) return object;
    rk_selftest t = selftest(hub, d->spec);
    json_t *test = json_pack("{s:b, s:s, s:f, s:f}", "exact", (int)t.exact, "reason", t.reason,
                             "milliseconds", t.milliseconds, "gflops", t.gflops);
    if (json_object_set_new(object, "selftest", test) == 0) return object;
    json_decref(object);
    return NULL;
}

static json_t *hub_json(rk_hub *hub, bool verbose)
{
    const rk_device_entry *entry;
    const rk_candidate *c;
    uint32_t n = rk_hub_devices(hub, &entry), m = rk_hub_candidates(hub, &c);
    json_t *devices = json_array(), *backends = json_array();
    bool failed = false;
    char tuning[33];
    for (uint32_t i = 0; i < n; i++)
        failed |= json_array_append_new(devices, device_json(hub, &entry[i], verbose)) != 0;
    for (uint32_t i = 0; i < m; i++)
        failed |= json_array_append_new(
                      backends, json_pack("{s:s, s:s, s:s, s:I, s:s?}", "file", c[i].path,
                                          "backend", c[i].backend, "result", c[i].reason, "devices",
                                          (json_int_t)c[i].n_devices, "note", c[i].note)) != 0;
    rk_hub_tuning(hub, tuning);
    json_t *root =
        json_pack("{s:o, s:o, s:s}", "devices", devices, "backends", backends, "tuning", tuning);
    if (!failed) return root;
    json_decref(root);
    return NULL;
}

static rk_status print(rk_hub *hub, const arguments *a, rk_error *e)
{
    const rk_device_entry *entry;
    if (a->json) return rk_cli_json(stdout, hub_json(hub, a->verbose), e);
    bool any = rk_hub_devices(hub, &entry) > 0;
    if (any) RK_TRY(print_devices(hub, a->verbose, e));
    if (a->verbose) RK_TRY(print_candidates(hub, e));
    if (a->verbose) print_tuning(hub);
    if (any) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "no device was found%s",
                   a->verbose ? "" : "; 'rethink devices -v' says where it was looked for");
}

int rk_cli_devices(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "The devices that can be given to 'rethink run --device'.  Backends are shared objects: "
        "those of --backend, of RETHINK_BACKEND_PATH (files or folders, joined by colons), and "
        "the installed ones.",
        NULL,
        NULL,
        NULL};
    arguments a = {.e = rk_error_new()};
    rk_hub *hub = NULL;
    int status;
    if (!rk_cli_parse(&argp, argc, argv, &a, &status)) return status;
    rk_status done = rk_hub_new(a.backends, a.n_backends, &hub, &a.e);
    if (done == RK_OK) done = print(hub, &a, &a.e);
    if (done == RK_OK) done = rk_named_backends(hub, a.backends, a.n_backends, &a.e);
    if (done == RK_OK) done = rk_cli_flush(stdout, "standard output", &a.e);
    rk_hub_free(hub);
    free(a.backends);
    return done == RK_OK ? 0 : rk_cli_fail(&a.e);
}
