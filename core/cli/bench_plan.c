/* What a bench measures: parts, devices, and which process does what. */
#include "cli/bench.h"
#include "cli/named.h"
#include "data/names.h"
#include "device/load.h"
#include <stdlib.h>
#include <string.h>

/* Seconds of a quick bench; three devices in three processes each are 100 seconds. */
static const rk_bench_part parts[] = {{{"roofline", NULL}, {false, false}, rk_bench_roofline, 3},
                                      {{"op", "numerics"}, {false, true}, rk_bench_ops, 4},
                                      {{"support", NULL}, {true, false}, rk_bench_support, 1},
                                      {{"step", NULL}, {false, false}, rk_bench_steps, 2},
                                      {{"memorize", NULL}, {true, false}, rk_bench_memorize, 4},
                                      {{"distance", NULL}, {true, false}, rk_bench_distance, 2}};
enum { N_PARTS = sizeof parts / sizeof *parts };
_Static_assert(N_PARTS <= (int)RK_BENCH_PARTS_MAX, "a place for each part");

const rk_bench_part *rk_bench_parts(uint32_t *n)
{
    *n = N_PARTS;
    return parts;
}

const char *rk_bench_size_name(rk_bench_size s)
{
    static const char *const names[] = {"quick", "normal", "full"};
    return names[s];
}

/* ---- suites ---------------------------------------------------------------------------------- */

static rk_status unknown_suite(const char *name, rk_error *e)
{
    const char *known[2 * N_PARTS];
    char hint[RK_HINT_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < N_PARTS; i++)
        for (int k = 0; k < 2; k++)
            if (parts[i].suite[k]) known[n++] = parts[i].suite[k];
    rk_name_hint(name, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "--suite: no suite '%.64s'%s", name, hint);
}

static bool keep(rk_bench_suites *s, const char *name)
{
    for (uint32_t i = 0; i < N_PARTS; i++)
        for (int k = 0; k < 2; k++)
            if (parts[i].suite[k] && strcmp(parts[i].suite[k], name) == 0)
                return s->keep[i][k] = true;
    return false;
}

rk_status rk_bench_suites_parse(const char *list, rk_bench_suites *out, rk_error *e)
{
    *out = (rk_bench_suites){0};
    for (uint32_t i = 0; !list && i < N_PARTS; i++)
        for (int k = 0; k < 2; k++) out->keep[i][k] = parts[i].suite[k];
    while (list) {
        char name[64];
        size_t n = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, list);
        if (!keep(out, name)) return unknown_suite(name, e);
        list = list[n] ? list + n + 1 : NULL;
    }
    return RK_OK;
}

bool rk_bench_suites_keep(const rk_bench_suites *s, const char *suite)
{
    for (uint32_t i = 0; i < N_PARTS; i++)
        for (int k = 0; k < 2; k++)
            if (parts[i].suite[k] && strcmp(parts[i].suite[k], suite) == 0) return s->keep[i][k];
    return true;
}

/* ---- devices --------------------------------------------------------------------------------- */

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a bench"); }

static rk_status add_device(rk_bench_plan *p, const rk_hub *hub, const rk_device_entry *entry,
                            rk_error *e)
{
    const char *path;
    uint32_t index;
    for (uint32_t i = 0; i < p->n; i++)
        if (strcmp(p->target[i].spec, entry->spec) == 0) return RK_OK;
    RK_TRY(rk_hub_locate(hub, entry->spec, &path, &index, e));
    rk_bench_target *list = rk_pool_longer(&p->pool, p->target, p->n, sizeof *list);
    if (!list) return no_memory(e);
    p->target = list;
    rk_bench_target *t = &list[p->n++];
    *t = (rk_bench_target){.name = rk_pool_string(&p->pool, entry->info.name),
                           .driver = rk_pool_string(&p->pool, entry->info.driver),
                           .path = rk_pool_string(&p->pool, path),
                           .type = entry->info.type};
    snprintf(t->spec, sizeof t->spec, "%s", entry->spec);
    return t->name && t->driver && t->path ? RK_OK : no_memory(e);
}

/* The device that a name of the user's means. */
static rk_status add_named(rk_bench_plan *p, const rk_hub *hub, const char *spec, rk_error *e)
{
    const rk_device_entry *entry;
    const char *path, *other_path;
    uint32_t index, other, n = rk_hub_devices(hub, &entry);
    RK_TRY(rk_hub_locate(hub, spec, &path, &index, e));
    for (uint32_t i = 0; i < n; i++) {
        RK_TRY(rk_hub_locate(hub, entry[i].spec, &other_path, &other, e));
        if (other == index && strcmp(other_path, path) == 0)
            return add_device(p, hub, &entry[i], e);
    }
    return RK_FAIL(e, RK_E_INTERNAL, "the device %s is not among the hub's", spec);
}

static rk_status find_reference(rk_bench_plan *p, const rk_hub *hub, rk_error *e)
{
    rk_error ignored = rk_error_new();
    const char *path;
    uint32_t index;
    if (rk_hub_locate(hub, "cpu", &path, &index, &ignored) != RK_OK) return RK_OK;
    p->reference = "cpu:0";
    p->reference_path = rk_pool_string(&p->pool, path);
    return p->reference_path ? RK_OK : no_memory(e);
}

static rk_status find_devices(rk_bench_plan *p, const rk_hub *hub, rk_error *e)
{
    const rk_bench_arguments *a = p->a;
    const rk_device_entry *entry;
    uint32_t n = rk_hub_devices(hub, &entry);
    RK_TRY(rk_named_backends(hub, a->backends, a->n_backends, e));
    RK_TRY(rk_named_tuning(e));
    RK_TRY(find_reference(p, hub, e));
    for (uint32_t i = 0; i < a->n_devices; i++) RK_TRY(add_named(p, hub, a->devices[i], e));
    for (uint32_t i = 0; a->n_devices == 0 && i < n; i++) RK_TRY(add_device(p, hub, &entry[i], e));
    if (p->n) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "no device was found; 'rethink devices -v' says where it was looked for");
}

/* How much longer than a quick bench: as the size says, or so that a device takes the seconds. */
static double times(const rk_bench_plan *p)
{
    static const double usual[] = {1, 10, 60};
    double quick = 0;
    for (uint32_t i = 0; i < N_PARTS; i++)
        for (uint32_t k = 1; k <= p->a->processes; k++)
            if (rk_bench_plan_has(p, i, k)) quick += parts[i].seconds;
    return p->a->seconds > 0 ? p->a->seconds / quick : usual[p->a->size];
}

rk_status rk_bench_plan_make(const rk_bench_arguments *a, rk_bench_plan *out, rk_error *e)
{
    rk_hub *hub = NULL;
    *out = (rk_bench_plan){.a = a};
    RK_TRY(rk_bench_suites_parse(a->suites, &out->suites, e));
    out->times = times(out);
    rk_status status = rk_hub_new(a->backends, a->n_backends, &hub, e);
    if (status == RK_OK) status = find_devices(out, hub, e);
    rk_hub_free(hub);
    if (status != RK_OK) rk_bench_plan_free(out);
    return status;
}

void rk_bench_plan_free(rk_bench_plan *p)
{
    rk_pool_free(&p->pool);
    *p = (rk_bench_plan){0};
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Each round begins one device later. */
uint32_t rk_bench_plan_device(const rk_bench_plan *p, uint32_t task)
{
    uint32_t round = task / p->n;
    return (task % p->n + round) % p->n;
}

bool rk_bench_plan_has(const rk_bench_plan *p, uint32_t part, uint32_t process)
{
    bool has = false;
    for (int k = 0; k < 2; k++)
        has |= p->suites.keep[part][k] && (process == 1 || !parts[part].once[k]);
    return has;
}

double rk_bench_plan_seconds(const rk_bench_plan *p, uint32_t part)
{
    return parts[part].seconds * p->times;
}

char *rk_bench_plan_config(const rk_bench_plan *p)
{
    const rk_bench_arguments *a = p->a;
    json_t *devices = json_array(), *suites = json_array();
    for (uint32_t i = 0; i < p->n; i++)
        json_array_append_new(devices, json_string(p->target[i].spec));
    for (uint32_t i = 0; i < N_PARTS; i++)
        for (int k = 0; k < 2; k++)
            if (p->suites.keep[i][k]) json_array_append_new(suites, json_string(parts[i].suite[k]));
    json_t *root = json_pack("{s:s, s:i, s:i, s:f, s:f, s:s, s:o, s:o}", "size",
                             rk_bench_size_name(a->size), "processes", (int)a->processes, "repeats",
                             (int)a->repeats, "timeout", a->timeout, "times", p->times, "threads",
                             a->threads ? a->threads : "", "devices", devices, "suites", suites);
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    return text;
}
