/* What a child says of its measurements, and how it is heard: a line of JSON each. */
#include "cli/bench.h"
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

json_t *rk_bench_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *rk_bench_text(const char *text)
{
    json_t *out = json_string(text ? text : "");
    if (out) return out;
    char *copy = strdup(text); /* some byte is no UTF-8 */
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    out = copy ? json_string(copy) : NULL;
    free(copy);
    return out;
}

#define FIELD(f)                                                                                   \
    {                                                                                              \
#f, offsetof(rk_bench_device, f)                                                           \
    }
static const rk_bench_field device_texts[] = {
    FIELD(spec),        FIELD(name),   FIELD(vendor),   FIELD(platform),  FIELD(driver),
    FIELD(backend),     FIELD(type),   FIELD(compiler), FIELD(processor), FIELD(clocks),
    FIELD(environment), FIELD(system), FIELD(tuning),   FIELD(selftest),  FIELD(energy)};
enum { N_TEXTS = sizeof device_texts / sizeof *device_texts };

const rk_bench_field *rk_bench_device_texts(size_t *n)
{
    *n = N_TEXTS;
    return device_texts;
}

/* The fields of a value. */
static const rk_bench_field value_texts[] = {
    {"suite", offsetof(rk_bench_value, suite)}, {"subject", offsetof(rk_bench_value, subject)},
    {"tier", offsetof(rk_bench_value, tier)},   {"name", offsetof(rk_bench_value, name)},
    {"unit", offsetof(rk_bench_value, unit)},   {"text", offsetof(rk_bench_value, text)}};
static const size_t value_reals[] = {offsetof(rk_bench_value, x),
                                     offsetof(rk_bench_value, spread.median),
                                     offsetof(rk_bench_value, spread.q1),
                                     offsetof(rk_bench_value, spread.q3),
                                     offsetof(rk_bench_value, spread.least),
                                     offsetof(rk_bench_value, spread.most),
                                     offsetof(rk_bench_value, spread.mean),
                                     offsetof(rk_bench_value, spread.sd)};
enum {
    N_VALUE_TEXTS = sizeof value_texts / sizeof *value_texts,
    N_REALS = sizeof value_reals / sizeof *value_reals
};

/* ---- the child ------------------------------------------------------------------------------- */

static bool write_all(const char *bytes, size_t n)
{
    while (n) {
        ssize_t put = write(RK_FD_NOTES, bytes, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes += put;
        n -= (size_t)put;
    }
    return true;
}

/* 17 digits: the number that is read is the one that was written. */
static bool say(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    bool good = text && write_all(text, strlen(text)) && write_all("\n", 1);
    free(text);
    return good;
}

static json_t *texts_of(const void *record, const rk_bench_field *of, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const void *field = (const char *)record + of[i].offset;
        json_array_append_new(list, rk_bench_text(*(const char *const *)field));
    }
    return list;
}

bool rk_bench_say_part(int part) { return say(json_pack("{s:i}", "part", part)); }

bool rk_bench_say_progress(const char *what, double fraction)
{
    return say(json_pack("{s:o, s:o}", "what", rk_bench_text(what), "at", rk_bench_real(fraction)));
}

bool rk_bench_say_failed(const char *why)
{
    return say(json_pack("{s:o}", "failed", rk_bench_text(why)));
}

bool rk_bench_say_end(void) { return say(json_pack("{s:b}", "end", 1)); }

bool rk_bench_say_device(const rk_bench_device *d)
{
    return say(json_pack("{s:o, s:I, s:I}", "device", texts_of(d, device_texts, N_TEXTS), "memory",
                         (json_int_t)d->memory, "threads", (json_int_t)d->threads));
}

bool rk_bench_say_value(const rk_bench_value *v)
{
    json_t *reals = json_array();
    for (size_t i = 0; i < N_REALS; i++) {
        const void *field = (const char *)v + value_reals[i];
        json_array_append_new(reals, rk_bench_real(*(const double *)field));
    }
    return say(json_pack("{s:o, s:o, s:I}", "value", texts_of(v, value_texts, N_VALUE_TEXTS),
                         "reals", reals, "n", (json_int_t)v->spread.n));
}

/* ---- the parent ------------------------------------------------------------------------------ */

static bool read_texts(rk_pool *pool, const json_t *list, void *record, const rk_bench_field *of,
                       size_t n)
{
    bool good = json_array_size(list) == n;
    for (size_t i = 0; good && i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        void *field = (char *)record + of[i].offset;
        const char *copy = text ? rk_pool_string(pool, text) : NULL;
        *(const char **)field = copy;
        good = copy;
    }
    return good;
}

static bool hear_value(rk_bench_heard *h, const json_t *root, const json_t *texts)
{
    const json_t *reals = json_object_get(root, "reals");
    rk_bench_value *list = rk_pool_longer(&h->pool, h->value, h->n, sizeof *list);
    if (!list || json_array_size(reals) != N_REALS) return false;
    h->value = list;
    rk_bench_value *v = &list[h->n];
    *v = (rk_bench_value){.spread.n = json_integer_value(json_object_get(root, "n"))};
    for (size_t i = 0; i < N_REALS; i++) {
        const json_t *x = json_array_get(reals, i);
        void *field = (char *)v + value_reals[i];
        *(double *)field = json_is_number(x) ? json_number_value(x) : (double)NAN;
    }
    if (!read_texts(&h->pool, texts, v, value_texts, N_VALUE_TEXTS)) return false;
    h->n++;
    return true;
}

static bool hear_device(rk_bench_heard *h, const json_t *root, const json_t *texts)
{
    h->device = (rk_bench_device){.memory = json_integer_value(json_object_get(root, "memory")),
                                  .threads = json_integer_value(json_object_get(root, "threads"))};
    h->identified = read_texts(&h->pool, texts, &h->device, device_texts, N_TEXTS);
    return h->identified;
}

static bool hear_progress(rk_bench_heard *h, const json_t *root, const json_t *what)
{
    h->fraction = json_number_value(json_object_get(root, "at"));
    snprintf(h->what, sizeof h->what, "%s", json_string_value(what));
    return true;
}

bool rk_bench_heard_fail(rk_bench_heard *h, const char *why)
{
    uint32_t n;
    rk_bench_value *list = rk_pool_longer(&h->pool, h->value, h->n, sizeof *list);
    const char *text = rk_pool_string(&h->pool, why ? why : "");
    if (!list || !text) return false;
    h->failed = true;
    h->value = list;
    list[h->n++] =
        (rk_bench_value){.suite = "machine",
                         .subject = h->part < 0 ? "" : rk_bench_parts(&n)[h->part].suite[0],
                         .tier = "",
                         .name = "failed",
                         .unit = "",
                         .text = text,
                         .spread = rk_spread_of(NULL, 0)};
    return true;
}

static bool hear_part(rk_bench_heard *h, const json_t *part)
{
    uint32_t n;
    json_int_t number = json_integer_value(part);
    rk_bench_parts(&n);
    if (number < 0 || number >= (json_int_t)n) return false;
    h->part = (int)number;
    h->fraction = 0;
    h->what[0] = '\0';
    return true;
}

static bool hear(rk_bench_heard *h, const json_t *root)
{
    const json_t *value = json_object_get(root, "value"), *what = json_object_get(root, "what");
    const json_t *device = json_object_get(root, "device"), *part = json_object_get(root, "part");
    const json_t *failed = json_object_get(root, "failed");
    if (value) return hear_value(h, root, value);
    if (what) return hear_progress(h, root, what);
    if (device) return hear_device(h, root, device);
    if (part) return hear_part(h, part);
    if (failed) return rk_bench_heard_fail(h, json_string_value(failed));
    h->ended = json_object_get(root, "end");
    return h->ended;
}

bool rk_bench_hear(rk_bench_heard *h, const char *line)
{
    json_t *root = json_loads(line, 0, NULL);
    bool good = root && hear(h, root);
    json_decref(root);
    return good;
}
