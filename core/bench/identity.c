/* Who is measured: a device, its driver, the backend, and the machine around them. */
#include "bench/identity.h"
#include "base/error.h"
#include "bench/bench.h"
#include "bench/energy.h"
#include "device/device.h"
#include <stdlib.h>
#include <string.h>

extern char **environ;

static const char *or_unknown(const char *text) { return text && *text ? text : "unknown"; }

static const char *type_name(uint32_t type)
{
    return type == RK_DEV_CPU ? "cpu" : type == RK_DEV_GPU ? "gpu" : "other";
}

/* Hands a text over; NULL without memory. */
static const char *take(rk_str *t)
{
    if (!t->failed && t->s) return t->s;
    bool empty = !t->failed;
    rk_str_free(t);
    return empty ? strdup("") : NULL;
}

static const char *add_compiler(const rk_backend *backend)
{
    rk_str t = {0};
    rk_str_add(&t, "rethink: %s %s; backend: %s",
#ifdef __clang__
               "clang",
#else
               "gcc",
#endif
               __VERSION__, or_unknown(backend->build));
    return take(&t);
}

static const char *add_backend(const rk_device_entry *d)
{
    rk_str t = {0};
    rk_str_add(&t, "%s %s", d->backend, or_unknown(d->backend_version));
    return take(&t);
}

static const char *made(void (*add)(const char *, rk_str *))
{
    rk_str t = {0};
    add("", &t);
    return take(&t);
}

static void add_environment(const char *root, rk_str *out)
{
    (void)root;
    rk_identity_environment(environ, out);
}

/* A device that cannot be opened is described all the same. */
static const char *add_selftest(const rk_bench_case *c)
{
    rk_selftest t;
    rk_error why = rk_error_new();
    if (rk_hub_selftest(c->hub, c->spec, &t, &why) != RK_OK) return strdup(why.text);
    return strdup(t.exact ? "exact" : t.reason);
}

static const char *add_energy(const rk_devinfo *d)
{
    char text[256];
    rk_energy *sensor;
    rk_energy_open("", NULL, d, &sensor, text, sizeof text);
    rk_energy_close(sensor);
    return strdup(text);
}

static int64_t threads_of(const rk_hub *h)
{
    uint64_t n;
    for (uint32_t i = 0; i < h->n_options; i++)
        if (strcmp(h->options[2 * i], "threads") == 0 && rk_parse_u64(h->options[2 * i + 1], &n))
            return (int64_t)n;
    return 0;
}

/* The texts of a device that are made here, in the order of the fields. */
enum { TEXTS = 14 };
static void list_texts(rk_bench_device *d, const char **out[TEXTS])
{
    const char **const all[TEXTS] = {&d->name,     &d->vendor,      &d->platform, &d->driver,
                                     &d->backend,  &d->type,        &d->compiler, &d->processor,
                                     &d->clocks,   &d->environment, &d->system,   &d->tuning,
                                     &d->selftest, &d->energy};
    memcpy(out, all, sizeof all);
}

rk_status rk_bench_identity(const rk_bench_case *c, rk_bench_device *out, rk_error *e)
{
    uint32_t number;
    char tuning[33];
    const char **text[TEXTS];
    bool complete = true;
    RK_TRY(rk_hub_find(c->hub, c->spec, &number, e));
    rk_hub_tuning(c->hub, tuning);
    const rk_device_entry *d = &c->hub->devices[number];
    const rk_loaded *loaded = c->hub->loaded[c->hub->device_backend[number]];
    *out = (rk_bench_device){.name = strdup(or_unknown(d->info.name)),
                             .vendor = strdup(or_unknown(d->info.vendor)),
                             .platform = strdup(or_unknown(d->info.platform)),
                             .driver = strdup(or_unknown(d->info.driver)),
                             .backend = add_backend(d),
                             .type = strdup(type_name(d->info.type)),
                             .compiler = add_compiler(&loaded->table),
                             .processor = made(rk_identity_processor),
                             .clocks = made(rk_identity_clocks),
                             .environment = made(add_environment),
                             .system = made(rk_identity_system),
                             .tuning = strdup(tuning[0] ? tuning : "none"),
                             .selftest = add_selftest(c),
                             .energy = add_energy(&d->info),
                             .memory = (int64_t)d->info.mem_total,
                             .threads = threads_of(c->hub)};
    list_texts(out, text);
    for (int i = 0; i < TEXTS; i++) complete = complete && *text[i];
    if (complete) return RK_OK;
    rk_bench_identity_free(out);
    return RK_FAIL(e, RK_E_NOMEM, "no memory to describe %s", c->spec);
}

void rk_bench_identity_free(rk_bench_device *d)
{
    const char **text[TEXTS];
    list_texts(d, text);
    for (int i = 0; i < TEXTS; i++) free((void *)*text[i]);
    *d = (rk_bench_device){.bench = 0};
}
