/* Two benches compared, for other programs. */
#include "cli/bench.h"
#include <math.h>

static json_t *bench_json(const rk_bench_record *r)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "bench", (json_int_t)r->id, "started",
                     r->started, "status", r->status, "size", r->size, "version", r->version,
                     "host", rk_bench_text(r->host));
}

static json_t *number_json(const rk_versus_number *x)
{
    const rk_bench_value *k = x->key;
    json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o}", "suite", rk_bench_text(k->suite),
                             "subject", rk_bench_text(k->subject), "tier", rk_bench_text(k->tier),
                             "name", rk_bench_text(k->name), "unit", rk_bench_text(k->unit));
    if (x->why) {
        json_object_set_new(root, "why", json_string(x->why));
        return root;
    }
    json_t *more =
        json_pack("{s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:b}", "a", rk_bench_real(exp(x->a.mean)),
                  "b", rk_bench_real(exp(x->b.mean)), "n_a", (int)x->a.n, "n_b", (int)x->b.n,
                  "speed", rk_bench_real(x->speed.ratio), "low", rk_bench_real(x->speed.low),
                  "high", rk_bench_real(x->speed.high), "differs", x->speed.differs);
    json_object_update(root, more);
    json_decref(more);
    return root;
}

static void add_identity(void *ctx, const char *name, const char *a, const char *b)
{
    json_t *pair = json_pack("{s:o, s:o}", "a", rk_bench_text(a), "b", rk_bench_text(b));
    json_object_set_new(ctx, name, pair);
}

static json_t *side_json(const rk_bench_value *v)
{
    return json_pack("{s:o, s:o}", "value", rk_bench_real(v->spread.median), "text",
                     rk_bench_text(v->text));
}

static json_t *changes_json(const rk_versus_change *c, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "subject",
                                              rk_bench_text(c[i].a->subject), "tier",
                                              rk_bench_text(c[i].a->tier), "a", side_json(c[i].a),
                                              "b", side_json(c[i].b)));
    return list;
}

static json_t *device_json(const rk_versus *v, const rk_versus_device *d)
{
    json_t *identity = json_object(), *compared = json_array(), *others = json_array();
    rk_versus_identity(v, d, add_identity, identity);
    for (uint32_t i = 0; i < d->n; i++)
        json_array_append_new(d->number[i].why ? others : compared, number_json(&d->number[i]));
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "device", d->a->spec, "compared",
                     (int)d->compared, "agree", (int)d->agree, "identity", identity, "numbers",
                     compared, "not compared", others, "bits", changes_json(d->bits, d->n_bits),
                     "support", changes_json(d->support, d->n_support));
}

json_t *rk_versus_json(const rk_versus *v)
{
    json_t *devices = json_array();
    for (uint32_t i = 0; i < v->n; i++)
        json_array_append_new(devices, device_json(v, &v->device[i]));
    return json_pack("{s:o, s:o, s:f, s:i, s:i, s:o}", "a", bench_json(&v->a->record), "b",
                     bench_json(&v->b->record), "confidence", RK_CONFIDENCE, "compared",
                     (int)v->compared, "agree", (int)v->agree, "devices", devices);
}
