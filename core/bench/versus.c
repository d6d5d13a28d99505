#include "bench/versus.h"
#include "base/error.h"
#include "bench/aggregate.h"
#include <math.h>
#include <string.h>

enum { PROCESSES_MAX = 100 };

bool rk_versus_counts(const rk_bench_value *v)
{
    static const char *const parts[] = {"seconds", "kernel seconds", "host seconds", "plan warm"};
    if (strcmp(v->suite, "roofline") == 0) return !v->subject[0];
    if (strcmp(v->suite, "memorize") == 0) return strcmp(v->name, "seconds") == 0;
    if (strcmp(v->suite, "op") == 0)
        return strcmp(v->name, "seconds") == 0 || strcmp(v->name, "vendor seconds") == 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(v->suite, "step") == 0 && strcmp(v->name, parts[i]) == 0) return true;
    return false;
}

/* Of the values of one number. */
static rk_logs logs_of(const rk_bench_value *v, uint32_t n)
{
    double x[PROCESSES_MAX];
    uint32_t processes = 0;
    if (n > 0 && strcmp(v->suite, "memorize") == 0)
        return rk_logs_of_moments(v->spread.mean, v->spread.sd, (uint32_t)v->spread.n);
    for (uint32_t i = 0; i < n && processes < PROCESSES_MAX; i++)
        if (v[i].spread.n > 0) x[processes++] = v[i].spread.median;
    return rk_logs_of(x, processes);
}

rk_spread rk_versus_reach(const rk_bench *b, int64_t device, double *scratch)
{
    int64_t n = 0;
    for (uint32_t i = 0, run; i < b->n_value; i += run) {
        const rk_bench_value *v = &b->value[i];
        run = rk_aggregate_run(v, b->n_value - i);
        if (v->device != device || !rk_versus_counts(v) || strcmp(v->suite, "memorize") == 0)
            continue;
        rk_logs l = logs_of(v, run);
        double reach = rk_logs_reach(&l);
        if (isfinite(reach)) scratch[n++] = reach;
    }
    return rk_spread_of(scratch, n);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The values of a bench's device with the keys of v, which may be another bench's. */
static const rk_bench_value *same(const rk_bench *b, int64_t device, const rk_bench_value *v,
                                  uint32_t *n)
{
    uint32_t all;
    const rk_bench_value *list = rk_aggregate_suite(b, device, v->suite, &all);
    for (uint32_t i = 0; i < all; i++) {
        if (strcmp(list[i].subject, v->subject) != 0 || strcmp(list[i].tier, v->tier) != 0 ||
            strcmp(list[i].name, v->name) != 0 || list[i].x != v->x)
            continue;
        *n = rk_aggregate_run(list + i, all - i);
        return list + i;
    }
    *n = 0;
    return NULL;
}

static const char *why_not(const rk_bench_value *a, uint32_t n_a, const rk_bench_value *b,
                           uint32_t n_b, const rk_versus_number *x)
{
    int64_t of_a = 0, of_b = 0;
    for (uint32_t i = 0; i < n_a; i++) of_a += a[i].spread.n;
    for (uint32_t i = 0; i < n_b; i++) of_b += b[i].spread.n;
    if (!of_a && !of_b) return "measured in neither";
    if (!of_a) return "measured in B only";
    if (!of_b) return "measured in A only";
    if (strcmp(x->key->suite, "memorize") == 0)
        return x->a.n < 2 || x->b.n < 2 ? "of one seed only" : NULL;
    if (!x->a.n || !x->b.n) return "not above 0";
    return x->a.n < 2 || x->b.n < 2 ? "of one process only" : NULL;
}

/* In seconds more is slower, in rates faster. */
static rk_ratio speed_of(const rk_versus_number *x)
{
    bool rate = strstr(x->key->unit, "/s");
    return rate ? rk_ratio_of(&x->a, &x->b) : rk_ratio_of(&x->b, &x->a);
}

static rk_status add_number(rk_versus *v, rk_versus_device *d, const rk_bench_value *key,
                            rk_error *e)
{
    uint32_t n_a, n_b;
    const rk_bench_value *a = same(v->a, d->a->device, key, &n_a);
    const rk_bench_value *b = same(v->b, d->b->device, key, &n_b);
    rk_versus_number *list = rk_pool_longer(&v->pool, d->number, d->n, sizeof *list);
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory to compare benches");
    d->number = list;
    rk_versus_number *x = &list[d->n++];
    *x = (rk_versus_number){.key = key, .a = logs_of(a, n_a), .b = logs_of(b, n_b)};
    x->by_a = a ? a->text : "";
    x->by_b = b ? b->text : "";
    x->why = why_not(a, n_a, b, n_b, x);
    x->speed = speed_of(x);
    d->compared += !x->why;
    d->agree += !x->why && !x->speed.differs;
    return RK_OK;
}

/* All of a's, then those of b's that a has not. */
static rk_status add_numbers(rk_versus *v, rk_versus_device *d, rk_error *e)
{
    for (int second = 0; second < 2; second++) {
        const rk_bench *from = second ? v->b : v->a;
        int64_t device = second ? d->b->device : d->a->device;
        for (uint32_t i = 0, run, n; i < from->n_value; i += run) {
            const rk_bench_value *key = &from->value[i];
            run = rk_aggregate_run(key, from->n_value - i);
            if (key->device != device || !rk_versus_counts(key)) continue;
            if (second && same(v->a, d->a->device, key, &n)) continue;
            RK_TRY(add_number(v, d, key, e));
        }
    }
    return RK_OK;
}

/* ---- what was decided ------------------------------------------------------------------------ */

/* Digests are those of equal results; else the text is the first element that is not. */
static bool changed(const rk_bench_value *a, const rk_bench_value *b)
{
    bool measured = a->spread.n > 0 && b->spread.n > 0;
    if (!measured) return a->spread.n != b->spread.n;
    if (a->spread.median != b->spread.median) return true;
    return strcmp(a->suite, "numerics") == 0 && a->spread.median == 1 &&
           strcmp(a->text, b->text) != 0;
}

static rk_status add_change(rk_versus *v, const rk_bench_value *a, const rk_bench_value *b,
                            rk_versus_change **list, uint32_t *n, rk_error *e)
{
    rk_versus_change *longer = rk_pool_longer(&v->pool, *list, *n, sizeof *longer);
    if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory to compare benches");
    *list = longer;
    longer[(*n)++] = (rk_versus_change){a, b};
    return RK_OK;
}

/* Of what one of the two has not, the value is one that was not measured.  That is no change where
 * the other is as it should be, nor where a suite was left out. */
static rk_status add_new(rk_versus *v, const rk_bench_value *b, rk_versus_change **list,
                         uint32_t *n, rk_error *e)
{
    bool equal = strcmp(b->name, "equal") == 0;
    bool good = b->spread.n < 1 || b->spread.median == (equal ? 1 : 0);
    if (good || (equal && strcmp(b->tier, "exact") != 0)) return RK_OK;
    rk_bench_value *a = rk_pool_copy(&v->pool, b, sizeof *b);
    if (!a) return RK_FAIL(e, RK_E_NOMEM, "no memory to compare benches");
    a->spread = rk_spread_of(NULL, 0);
    a->text = "";
    return add_change(v, a, b, list, n, e);
}

static rk_status add_changes(rk_versus *v, const rk_versus_device *d, const char *suite,
                             const char *name, rk_versus_change **list, uint32_t *n, rk_error *e)
{
    uint32_t all, ran, other;
    const rk_bench_value *b = rk_aggregate_suite(v->b, d->b->device, suite, &all);
    rk_aggregate_suite(v->a, d->a->device, suite, &ran);
    for (uint32_t i = 0; ran && i < all; i += rk_aggregate_run(b + i, all - i)) {
        if (strcmp(b[i].name, name) != 0) continue;
        const rk_bench_value *a = same(v->a, d->a->device, &b[i], &other);
        if (!a)
            RK_TRY(add_new(v, &b[i], list, n, e));
        else if (changed(a, &b[i]))
            RK_TRY(add_change(v, a, &b[i], list, n, e));
    }
    return RK_OK;
}

/* ---- devices --------------------------------------------------------------------------------- */

static rk_status add_device(rk_versus *v, const rk_bench_device *a, const rk_bench_device *b,
                            rk_error *e)
{
    rk_versus_device *list = rk_pool_longer(&v->pool, v->device, v->n, sizeof *list);
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory to compare benches");
    v->device = list;
    rk_versus_device *d = &list[v->n++];
    *d = (rk_versus_device){.a = a, .b = b};
    RK_TRY(add_numbers(v, d, e));
    RK_TRY(add_changes(v, d, "numerics", "equal", &d->bits, &d->n_bits, e));
    RK_TRY(add_changes(v, d, "support", "support", &d->support, &d->n_support, e));
    v->compared += d->compared;
    v->agree += d->agree;
    return RK_OK;
}

rk_status rk_versus_make(const rk_bench *a, const rk_bench *b, rk_versus *out, rk_error *e)
{
    rk_status status = RK_OK;
    *out = (rk_versus){.a = a, .b = b};
    for (uint32_t i = 0; i < a->n_device; i++)
        for (uint32_t k = 0; k < b->n_device && status == RK_OK; k++)
            if (strcmp(a->device[i].spec, b->device[k].spec) == 0)
                status = add_device(out, &a->device[i], &b->device[k], e);
    if (status == RK_OK && out->n == 0)
        status =
            RK_FAIL(e, RK_E_INVALID, "no device is in both bench %lld (%s%s) and bench %lld (%s%s)",
                    (long long)a->record.id, a->n_device ? a->device[0].spec : "none",
                    a->n_device > 1 ? ", ..." : "", (long long)b->record.id,
                    b->n_device ? b->device[0].spec : "none", b->n_device > 1 ? ", ..." : "");
    if (status != RK_OK) rk_versus_free(out);
    return status;
}

void rk_versus_free(rk_versus *v)
{
    rk_pool_free(&v->pool);
    *v = (rk_versus){.n = 0};
}
