#include "bench/aggregate.h"
#include <math.h>
#include <string.h>

enum { PROCESSES_MAX = 64 }; /* whose medians are told apart */

/* In the order of values: negative if v comes before the keys. */
static int order(const rk_bench_value *v, const rk_bench_value *key)
{
    const char *const have[] = {v->suite, v->subject, v->tier, v->name};
    const char *const want[] = {key->suite, key->subject, key->tier, key->name};
    if (v->device != key->device) return v->device < key->device ? -1 : 1;
    for (int i = 0; i < 4; i++) {
        int sign = strcmp(have[i], want[i]);
        if (sign != 0) return sign;
    }
    return (v->x > key->x) - (v->x < key->x);
}

uint32_t rk_aggregate_run(const rk_bench_value *v, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && order(&v[i], &v[0]) == 0) i++;
    return i;
}

/* Sums of squares are those within processes and those between their means. */
static void pool(const rk_bench_value *v, uint32_t n, rk_aggregate *a)
{
    double squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        const rk_spread *s = &v[i].spread;
        if (s->n < 1) continue;
        a->least = a->n && a->least < s->least ? a->least : s->least;
        a->most = a->n && a->most > s->most ? a->most : s->most;
        a->mean = (a->n ? a->mean * (double)a->n : 0) + s->mean * (double)s->n;
        a->n += s->n;
        a->mean /= (double)a->n;
    }
    for (uint32_t i = 0; i < n; i++) {
        const rk_spread *s = &v[i].spread;
        if (s->n < 1) continue;
        double away = s->mean - a->mean;
        squares += (double)s->n * away * away;
        if (s->n > 1) squares += (double)(s->n - 1) * s->sd * s->sd;
    }
    if (a->n > 1) a->sd = sqrt(squares / (double)(a->n - 1));
}

rk_aggregate rk_aggregate_of(const rk_bench_value *v, uint32_t n)
{
    rk_aggregate a = {0, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, "", ""};
    double medians[PROCESSES_MAX], within[PROCESSES_MAX], q1[PROCESSES_MAX], q3[PROCESSES_MAX];
    uint32_t n_within = 0;
    for (uint32_t i = 0; i < n; i++) {
        const rk_spread *s = &v[i].spread;
        bool first = s->n > 0 && a.processes == 0;
        if (i == 0 || first) a.unit = v[i].unit, a.text = v[i].text;
        if (s->n < 1 || a.processes == PROCESSES_MAX) continue;
        q1[a.processes] = s->q1;
        q3[a.processes] = s->q3;
        medians[a.processes++] = s->median;
        if (s->n > 1 && s->mean > 0) within[n_within++] = s->sd / s->mean;
    }
    pool(v, n, &a);
    a.within = rk_spread_of(within, n_within).median;
    rk_spread between = rk_spread_of(medians, a.processes);
    a.median = between.median;
    a.q1 = rk_spread_of(q1, a.processes).median;
    a.q3 = rk_spread_of(q3, a.processes).median;
    if (a.processes > 1 && between.mean > 0) a.between = between.sd / between.mean;
    return a;
}

/* The first value that does not come before the keys. */
static uint32_t lower_bound(const rk_bench *b, const rk_bench_value *key)
{
    uint32_t low = 0, high = b->n_value;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (order(&b->value[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rk_aggregate_find(const rk_bench *b, int64_t device, const char *suite, const char *subject,
                       const char *tier, const char *name, double x, rk_aggregate *out)
{
    rk_bench_value key = {
        .device = device, .suite = suite, .subject = subject, .tier = tier, .name = name, .x = x};
    uint32_t first = lower_bound(b, &key);
    bool found = first < b->n_value && order(&b->value[first], &key) == 0;
    uint32_t n = found ? rk_aggregate_run(b->value + first, b->n_value - first) : 0;
    *out = rk_aggregate_of(n ? b->value + first : NULL, n);
    return found;
}

const rk_bench_value *rk_aggregate_suite(const rk_bench *b, int64_t device, const char *suite,
                                         uint32_t *n)
{
    rk_bench_value key = {
        .device = device, .suite = suite, .subject = "", .tier = "", .name = "", .x = -INFINITY};
    uint32_t first = lower_bound(b, &key), end = first;
    while (end < b->n_value && b->value[end].device == device &&
           strcmp(b->value[end].suite, suite) == 0)
        end++;
    *n = end - first;
    return *n ? b->value + first : NULL;
}

double rk_aggregate_median(const rk_bench *b, int64_t device, const char *suite,
                           const char *subject, const char *tier, const char *name)
{
    rk_aggregate a;
    rk_aggregate_find(b, device, suite, subject, tier, name, 0, &a);
    return a.median;
}
