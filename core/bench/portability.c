#include "bench/portability.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/text.h"

static const char *const tiers[RK_APPS] = {"exact", "fast", ""};
static const char *const suites[] = {"op", "step", "memorize"};

const char *rk_application_name(rk_application a)
{
    static const char *const names[RK_APPS] = {"rethink exact", "rethink fast", "vendor library"};
    return names[a];
}

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a bench"); }

/* ---- platforms ------------------------------------------------------------------------------- */

enum { WITH_HOST = 1, WITH_DRIVER = 2, WITH_THREADS = 4 };

static const char *compose(rk_portability *p, const rk_platform *x, int with)
{
    const rk_bench_device *d = x->device;
    rk_str s = {0};
    rk_str_add(&s, "%s (%s)", d->name, d->spec);
    if (with & WITH_HOST) rk_str_add(&s, " at %s", x->bench->record.host);
    if (with & WITH_DRIVER) rk_str_add(&s, ", %s", d->driver);
    if (with & WITH_THREADS && d->threads) rk_str_add(&s, ", %lld threads", (long long)d->threads);
    const char *text = s.failed ? NULL : rk_pool_string(&p->pool, s.s);
    rk_str_free(&s);
    return text;
}

static bool same_platform(const rk_platform *a, const rk_platform *b)
{
    const rk_bench_device *x = a->device, *y = b->device;
    return strcmp(a->bench->record.host, b->bench->record.host) == 0 &&
           strcmp(x->spec, y->spec) == 0 && strcmp(x->name, y->name) == 0 &&
           strcmp(x->driver, y->driver) == 0 && x->threads == y->threads;
}

static bool is_done(const rk_platform *x) { return strcmp(x->bench->record.status, "done") == 0; }

/* Of what the bench measured there. */
static uint32_t suites_of(const rk_platform *x)
{
    static const char *const all[] = {"distance", "memorize", "numerics", "op",
                                      "roofline", "step",     "support"};
    uint32_t found = 0, n;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        found += rk_aggregate_suite(x->bench, x->device->device, all[i], &n) != NULL;
    return found;
}

static bool is_better(const rk_platform *x, const rk_platform *than)
{
    if (is_done(x) != is_done(than)) return is_done(x);
    return suites_of(x) >= suites_of(than);
}

static void take_platform(rk_portability *p, rk_platform x)
{
    uint32_t i = 0;
    while (i < p->n_platforms && !same_platform(&p->platform[i], &x)) i++;
    bool known = i < p->n_platforms;
    if (known && !is_better(&x, &p->platform[i])) return;
    p->platform[i] = x;
    if (!known) p->n_platforms++;
}

static bool distinct(const rk_portability *p, bool labels)
{
    for (uint32_t i = 0; i < p->n_platforms; i++)
        for (uint32_t k = 0; k < i; k++) {
            const rk_platform *a = &p->platform[i], *b = &p->platform[k];
            if (strcmp(labels ? a->label : a->name, labels ? b->label : b->name) == 0) return false;
        }
    return true;
}

/* As short as they can be and still differ. */
static rk_status name_platforms(rk_portability *p, rk_error *e)
{
    static const int tries[] = {0, WITH_DRIVER, WITH_DRIVER | WITH_THREADS};
    bool hosts = false, good = false;
    for (uint32_t i = 1; i < p->n_platforms; i++)
        hosts = hosts ||
                strcmp(p->platform[0].bench->record.host, p->platform[i].bench->record.host) != 0;
    for (size_t t = 0; !good && t < sizeof tries / sizeof *tries; t++) {
        for (uint32_t i = 0; i < p->n_platforms; i++) {
            rk_platform *x = &p->platform[i];
            x->name = compose(p, x, tries[t] | WITH_HOST);
            x->label = compose(p, x, tries[t] | (hosts ? WITH_HOST : 0));
            if (!x->name || !x->label) return no_memory(e);
        }
        good = distinct(p, false) && distinct(p, true);
    }
    return RK_OK;
}

static rk_status find_platforms(rk_portability *p, const rk_bench *const *bench, uint32_t n,
                                rk_error *e)
{
    size_t most = 0;
    for (uint32_t i = 0; i < n; i++) most += bench[i]->n_device;
    p->platform = rk_pool_array(&p->pool, most + 1, sizeof *p->platform);
    if (!p->platform) return no_memory(e);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < bench[i]->n_device; k++)
            take_platform(p, (rk_platform){bench[i], &bench[i]->device[k], "", ""});
    return name_platforms(p, e);
}

/* ---- problems -------------------------------------------------------------------------------- */

static const rk_bench_value *suite_of(const rk_platform *x, const char *suite, uint32_t *n)
{
    return rk_aggregate_suite(x->bench, x->device->device, suite, n);
}

static int by_subject(const void *a, const void *b)
{
    const rk_problem *x = a, *y = b;
    return strcmp(x->subject, y->subject);
}

/* Subjects of a suite, of all platforms: sorted, each once. */
static void add_problems(rk_portability *p, const char *suite)
{
    rk_problem *first = p->problem + p->n_problems;
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i < p->n_platforms; i++) {
        uint32_t values;
        const rk_bench_value *v = suite_of(&p->platform[i], suite, &values);
        for (uint32_t k = 0; k < values; k++)
            if (k == 0 || strcmp(v[k].subject, v[k - 1].subject) != 0)
                first[n++] = (rk_problem){suite, v[k].subject, 0};
    }
    qsort(first, n, sizeof *first, by_subject);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(first[i].subject, first[kept - 1].subject) != 0)
            first[kept++] = first[i];
    p->n_problems += kept;
}

static rk_status find_problems(rk_portability *p, rk_error *e)
{
    size_t most = 0;
    for (uint32_t i = 0; i < p->n_platforms; i++) most += p->platform[i].bench->n_value;
    p->problem = rk_pool_array(&p->pool, most + 1, sizeof *p->problem);
    if (!p->problem) return no_memory(e);
    for (size_t s = 0; s < sizeof suites / sizeof *suites; s++) add_problems(p, suites[s]);
    p->merit = rk_pool_array(&p->pool, (size_t)p->n_problems * RK_APPS * p->n_platforms + 1,
                             sizeof *p->merit);
    return p->merit ? RK_OK : no_memory(e);
}

/* ---- figures of merit ------------------------------------------------------------------------ */

/* "matmul" is the kind of "matmul 128x512x784"; "matmul 8x8x8" is no kind of "matmul 8x8x8 nt". */
static bool concerns(const char *supported, const char *subject)
{
    size_t n = strlen(supported);
    bool kind = !strpbrk(supported, "0123456789");
    return n > 0 && strncmp(supported, subject, n) == 0 &&
           (!subject[n] || (kind && subject[n] == ' '));
}

/* The worst that the suite 'support' says of a problem; *text: why. */
static double support_of(const rk_platform *x, const rk_problem *q, const char *tier,
                         const char **text)
{
    uint32_t n;
    const rk_bench_value *v = suite_of(x, "support", &n);
    double worst = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool here = !v[i].tier[0] || strcmp(v[i].tier, tier) == 0;
        if (!here || v[i].spread.n < 1 || !concerns(v[i].subject, q->subject)) continue;
        if (v[i].spread.most <= worst) continue;
        worst = v[i].spread.most;
        *text = v[i].text;
    }
    return worst;
}

/* Exact numerics that have other bits than the reference's in any process. */
static bool other_bits(const rk_platform *x, const rk_problem *q, const char *tier)
{
    rk_aggregate a;
    if (strcmp(tier, "exact") != 0) return false;
    rk_aggregate_find(x->bench, x->device->device, "numerics", q->subject, tier, "equal", 0, &a);
    return a.n > 0 && a.least < 1;
}

static void find_time(const rk_platform *x, const rk_problem *q, rk_application app, rk_merit *m)
{
    const bool vendor = app == RK_APP_VENDOR;
    for (int t = 0; t < RK_APPS; t++) {
        rk_aggregate a;
        if (!vendor && t != (int)app) continue;
        rk_aggregate_find(x->bench, x->device->device, q->suite, q->subject, tiers[t],
                          vendor ? "vendor seconds" : "seconds", 0, &a);
        bool better = a.n > 0 && !(m->seconds <= a.median);
        if (better) m->seconds = a.median;
        if (better || !m->text[0]) m->text = a.text;
    }
}

static void find_merit(const rk_platform *x, const rk_problem *q, rk_application app, rk_merit *m)
{
    const char *why = "";
    *m = (rk_merit){RK_NOT_TRIED, NAN, {0, 0}, NAN, NAN, NAN, ""};
    find_time(x, q, app, m);
    bool ran = m->seconds > 0;
    if (ran) m->state = RK_RAN;
    if (app == RK_APP_VENDOR) return;
    double support = support_of(x, q, tiers[app], &why);
    if (!ran && support > 1 && support < 3) m->state = RK_UNSUPPORTED;
    if (support >= 3) m->state = RK_WRONG;
    if (m->state == RK_UNSUPPORTED || m->state == RK_WRONG) m->text = why;
    if (ran && other_bits(x, q, tiers[app])) {
        m->state = RK_WRONG;
        if (support < 3) m->text = "other bits than the reference";
    }
}

/* What was counted is the same on every device: where it was not, another's. */
static double counted(const rk_portability *p, const rk_problem *q, uint32_t platform,
                      rk_application app, const char *name)
{
    const char *const order[] = {tiers[app], "exact", "fast"};
    for (uint32_t i = 0; i < p->n_platforms; i++) {
        const rk_platform *x = &p->platform[(platform + i) % p->n_platforms];
        for (int t = 0; t < 3; t++) {
            double y = rk_aggregate_median(x->bench, x->device->device, q->suite, q->subject,
                                           order[t], name);
            if (isfinite(y)) return y;
        }
    }
    return NAN;
}

static void judge_roof(const rk_portability *p, const rk_problem *q, uint32_t platform,
                       rk_application app, rk_merit *m)
{
    const rk_platform *x = &p->platform[platform];
    const int64_t d = x->device->device;
    double fma = rk_aggregate_median(x->bench, d, "roofline", "", "", "fma");
    double triad = rk_aggregate_median(x->bench, d, "roofline", "", "", "triad");
    m->flop = counted(p, q, platform, app, "flop");
    m->bytes = counted(p, q, platform, app, "bytes");
    double by_flop = m->flop / fma, by_bytes = m->bytes / triad;
    if (isfinite(by_flop) && isfinite(by_bytes))
        m->roof = (by_flop > by_bytes ? by_flop : by_bytes) / m->seconds;
}

static rk_merit *merit_at(const rk_portability *p, uint32_t problem, rk_application a,
                          uint32_t platform)
{
    return &p->merit[((size_t)problem * RK_APPS + a) * p->n_platforms + platform];
}

/* All applications of a problem on a platform, beside the best of those that are right. */
static void judge(rk_portability *p, uint32_t problem, uint32_t platform)
{
    rk_problem *q = &p->problem[problem];
    double best = INFINITY;
    bool tried = false;
    for (rk_application a = 0; a < RK_APPS; a++) {
        rk_merit *m = merit_at(p, problem, a, platform);
        find_merit(&p->platform[platform], q, a, m);
        tried = tried || m->state != RK_NOT_TRIED;
        if (m->state == RK_RAN && m->seconds < best) best = m->seconds;
    }
    for (rk_application a = 0; a < RK_APPS; a++) {
        rk_merit *m = merit_at(p, problem, a, platform);
        if (isfinite(m->seconds)) judge_roof(p, q, platform, a, m);
        if (m->state != RK_RAN) continue;
        m->efficiency[RK_EFF_APPLICATION] = best / m->seconds;
        m->efficiency[RK_EFF_ARCHITECTURAL] = m->roof > 1 ? 1 : m->roof;
    }
    q->tried += tried;
}

rk_status rk_portability_make(const rk_bench *const *bench, uint32_t n, rk_portability *out,
                              rk_error *e)
{
    *out = (rk_portability){0};
    rk_status status = find_platforms(out, bench, n, e);
    if (status == RK_OK) status = find_problems(out, e);
    for (uint32_t i = 0; status == RK_OK && i < out->n_problems; i++)
        for (uint32_t k = 0; k < out->n_platforms; k++) judge(out, i, k);
    if (status != RK_OK) rk_portability_free(out);
    return status;
}

void rk_portability_free(rk_portability *p)
{
    rk_pool_free(&p->pool);
    *p = (rk_portability){0};
}

const rk_merit *rk_portability_merit(const rk_portability *p, uint32_t problem, rk_application a,
                                     uint32_t platform)
{
    return merit_at(p, problem, a, platform);
}
