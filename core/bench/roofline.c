/* What a device reaches: arithmetic and near memory by the backend's own probes, everything else by
 * the ordinary calls of backend.h. */
#include "bench/fill.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32 };

typedef struct roofline {
    const rk_bench_case *c;
    rk_open d;
    double begun, pace; /* pace: seconds of a repetition */
    double share;       /* of the suite's time, up to the group that is measured */
    bool fast;          /* the fast tier was asked for once */
    char *host; /* of transfers, from the beginning of a page on; and what is on the device */
    rk_mem *mem;
    uint64_t room; /* bytes of both */
} roofline;

/* The candidates for one number. */
typedef struct group {
    roofline *roof;
    const char *name, *unit;
    double until, planned; /* the end of its time; the seconds of its repetitions */
    double once;           /* of one run of the last candidate */
    rk_runner runner[MOST];
    uint32_t n;
    char why[200]; /* there is none */
} group;

static group *begin(roofline *r, const char *name, const char *unit, double share)
{
    group *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    r->share += share;
    *g = (group){.roof = r, .name = name, .unit = unit};
    g->until = r->begun + r->share * r->c->options->seconds;
    snprintf(g->why, sizeof g->why, "not measured");
    return g;
}

/* Keeps a candidate that was paced; drops it where the time does not suffice for it, unless it is
 * the first.  *more: there is time for others. */
static void keep(group *g, rk_runner *x, double once, bool *more)
{
    double repeats = g->roof->c->options->repeats;
    double planned = g->planned + repeats * (once > g->roof->pace ? once : g->roof->pace);
    g->once = once;
    bool fits = g->n == 0 || rk_bench_now() + planned < g->until;
    *more = fits && g->n + 1 < MOST && rk_bench_now() + planned < g->until;
    if (!fits) {
        rk_runner_free(x);
        return;
    }
    g->planned = planned;
    g->runner[g->n++] = *x;
}

static rk_status take(group *g, rk_runner *x, bool *more, rk_error *e)
{
    double once = 0;
    rk_status s = rk_runner_pace(x, g->roof->pace, &once, e);
    if (s == RK_OK)
        keep(g, x, once, more);
    else
        rk_runner_free(x);
    return s;
}

/* Rates of a runner, or its seconds. */
static void rates(const rk_runner *r, double *x)
{
    for (uint32_t k = 0; k < r->n; k++)
        x[k] = r->work > 0 ? r->work / r->seconds[k] : r->seconds[k];
}

static rk_status give_group(group *g, double *x, rk_error *e)
{
    rk_spread best = rk_spread_of(NULL, 0);
    rk_bench_of of = {.c = g->roof->c, .suite = "roofline"};
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const rk_runner *r = &g->runner[i];
        rates(r, x);
        rk_spread s = rk_spread_of(x, r->n);
        if (i == 0 || s.median > best.median) best = s, at = i;
        if (r->work <= 0) continue; /* one way only */
        of.subject = r->text;
        RK_TRY(rk_bench_give(&of, g->name, g->unit, s, "", e));
    }
    of.subject = NULL;
    return rk_bench_give(&of, g->name, g->unit, best, g->n ? g->runner[at].text : g->why, e);
}

/* Times the candidates and gives them; frees the group.  failed: why there are no more. */
static rk_status finish(group *g, rk_status failed, rk_error *e)
{
    uint32_t repeats = g->roof->c->options->repeats;
    double *x = calloc((size_t)repeats + 1, sizeof *x);
    rk_status s = x ? failed : RK_FAIL(e, RK_E_NOMEM, "no memory for times");
    if (s == RK_OK) s = rk_runners_time(g->runner, g->n, repeats, NULL, e);
    if (s == RK_OK) s = give_group(g, x, e);
    for (uint32_t i = 0; i < g->n; i++) rk_runner_free(&g->runner[i]);
    free(x);
    free(g);
    return s;
}

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory to measure"); }

/* A lost device ends the suite; any other failure is a number that is not measured. */
static rk_status excuse(group *g, rk_status s, const rk_error *own, rk_error *e)
{
    if (s == RK_OK) return RK_OK;
    if (s == RK_E_DEVICE || s == RK_E_STOPPED) {
        if (e) *e = *own;
        return s;
    }
    snprintf(g->why, sizeof g->why, "not measured: %.180s", own->text);
    return RK_OK;
}

/* ---- kernels as candidates ---- */

static void free_trial(void *ctx)
{
    rk_trial_free(ctx);
    free(ctx);
}

static rk_status launch_and_wait(void *ctx, uint32_t times, rk_error *e)
{
    for (uint32_t i = 0; i < times; i++) RK_TRY(rk_trial_run(ctx, 1, e));
    return RK_OK;
}

static rk_status take_op(group *g, const rk_sample *t, bool exact, rk_runner x, double *once,
                         bool *more, rk_error *e)
{
    rk_trial *trial = calloc(1, sizeof *trial);
    if (!trial) return no_memory(e);
    rk_status s = rk_trial_op(&g->roof->d, t, exact, NULL, trial, e);
    if (s == RK_OK) s = rk_fill(trial, t, g->roof->c->options->seed, e);
    if (s != RK_OK) {
        free_trial(trial);
        return s;
    }
    size_t n = strlen(x.text);
    if (x.work > 0) snprintf(x.text + n, sizeof x.text - n, ", %s", trial->info.impl);
    x.ctx = trial;
    x.free = free_trial;
    if (!x.run) x.run = rk_trial_run;
    double before = rk_bench_now();
    s = take(g, &x, more, e);
    *once = rk_bench_now() - before;
    return s;
}

static rk_status probe_of(group *g, rk_probe *p, rk_runner *x, rk_error *e)
{
    rk_trial *trial = calloc(1, sizeof *trial);
    if (!trial) return no_memory(e);
    rk_status s = rk_trial_probe(&g->roof->d, p, g->n ? g->runner[0].ctx : NULL, trial, e);
    if (s != RK_OK) {
        free(trial);
        return s;
    }
    *x = (rk_runner){.ctx = trial, .run = rk_trial_run, .free = free_trial, .work = p->work};
    snprintf(x->text, sizeof x->text, "%s", p->text);
    return RK_OK;
}

/* One round tells how many make a launch that is worth timing. */
static rk_status take_probe(group *g, rk_probe *p, bool *more, rk_error *e)
{
    enum { ROUNDS = 1 << 20 };
    rk_runner x;
    double once = 0;
    p->rounds = 1;
    RK_TRY(probe_of(g, p, &x, e));
    rk_status s = rk_runner_pace(&x, g->roof->pace / 4, &once, e);
    if (s == RK_OK && 2 * once > g->roof->pace) {
        x.times = 1;
        keep(g, &x, once, more);
        return RK_OK;
    }
    rk_runner_free(&x);
    if (s != RK_OK) return s;
    double rounds = once > 0 ? g->roof->pace / once : ROUNDS;
    p->rounds = rounds < 1 ? 1 : rounds > ROUNDS ? ROUNDS : (uint32_t)rounds;
    RK_TRY(probe_of(g, p, &x, e));
    return take(g, &x, more, e);
}

static rk_status probes(roofline *r, uint32_t what, const char *name, const char *unit,
                        double share, rk_error *e)
{
    group *g = begin(r, name, unit, share);
    rk_status s = RK_OK;
    rk_probe p = {.what = what, .variants = 1};
    bool more = true;
    if (!g) return no_memory(e);
    for (; s == RK_OK && more && p.variant < p.variants; p.variant++) {
        rk_error own = rk_error_new();
        s = rk_bench_progress(r->c, name, r->share, e);
        if (s == RK_OK) s = excuse(g, take_probe(g, &p, &more, &own), &own, e);
    }
    return finish(g, s, e);
}

/* ---- the ordinary calls ---- */

/* Arrays that caches of hundreds of megabytes do not hold, if a device has room for them: it is the
 * memory that is meant. */
static rk_status triads(roofline *r, double share, rk_error *e)
{
    static const int64_t megabytes[] = {256, 128, 32};
    group *g = begin(r, "triad", "B/s", share);
    rk_status s = RK_OK;
    bool more = true;
    if (!g) return no_memory(e);
    const uint32_t first = r->c->options->size != RK_BENCH_FULL;
    for (uint32_t i = first; s == RK_OK && more && g->n == 0 && i < 3; i++) {
        rk_error own = rk_error_new();
        int64_t elements = megabytes[i] << 18;
        double once;
        rk_sample t;
        rk_runner x = {.work = 3.0 * sizeof(float) * (double)elements};
        rk_sample_begin(&t, RK_EWISE);
        uint16_t b = rk_sample_in(&t, RK_F32, 1, &elements, 0);
        uint16_t c = rk_sample_in(&t, RK_F32, 1, &elements, 0);
        rk_sample_out(&t, RK_F32, 1, &elements);
        uint16_t scaled = rk_sample_ins(&t, RK_I_FMUL, rk_sample_immf(&t, 3.0f), c, 0);
        rk_sample_store(&t, 0, rk_sample_ins(&t, RK_I_FADD, b, scaled, 0));
        snprintf(x.text, sizeof x.text, "arrays of %lld MiB", (long long)megabytes[i]);
        s = excuse(g, take_op(g, &t, true, x, &once, &more, &own), &own, e);
    }
    return finish(g, s, e);
}

static void product_of(rk_sample *t, int64_t n)
{
    const int64_t dim[3] = {1, n, n}, all = n * n, p[8] = {1, n, n, n, 0, 0, all, all};
    rk_sample_begin(t, RK_MATMUL);
    rk_sample_in(t, RK_F32, 3, dim, 0);
    rk_sample_in(t, RK_F32, 3, dim, 0);
    rk_sample_out(t, RK_F32, 3, dim);
    memcpy(t->op.p, p, sizeof p);
}

/* Whether a trial of so many seconds fits into the group's time. */
static bool fits(const group *g, double seconds)
{
    return rk_bench_now() + g->planned + seconds < g->until;
}

/* Sizes double until the time would not suffice for the next; those of a fast device begin with a
 * leap, as compiling takes most of the time. */
static rk_status products(roofline *r, double share, rk_error *e)
{
    enum { FIRST = 64, LAST = 4096 };
    group *g = begin(r, "product", "FLOP/s", share);
    rk_status s = RK_OK;
    bool more = true;
    if (!g) return no_memory(e);
    int64_t leap = 2;
    for (int64_t n = FIRST; s == RK_OK && more && n <= LAST; n *= leap) {
        double once = 0;
        for (int exact = 1; s == RK_OK && exact >= !r->c->options->fast; exact--) {
            double work = 2.0 * (double)(n * n * n);
            double trial = exact || r->fast ? 0 : rk_trial_of_fast(work, g->once);
            if (trial > 0 && rk_bench_now() + trial > g->until) continue;
            r->fast = r->fast || !exact;
            rk_error own = rk_error_new();
            rk_sample t;
            rk_runner x = {.work = work};
            product_of(&t, n);
            snprintf(x.text, sizeof x.text, "%lld x %lld, %s", (long long)n, (long long)n,
                     exact ? "exact" : "fast");
            s = excuse(g, take_op(g, &t, exact, x, &once, &more, &own), &own, e);
        }
        /* Seconds grow with the cube, and the next is paced before it is timed. */
        leap = n == FIRST && fits(g, 512 * once) ? 8 : 2;
        more = more && fits(g, (double)(leap * leap * leap) * once);
        if (s == RK_OK) s = rk_bench_progress(r->c, g->name, r->share, e);
    }
    return finish(g, s, e);
}

static rk_status latency(roofline *r, const char *name, bool wait, double share, rk_error *e)
{
    const int64_t one = 1;
    group *g = begin(r, name, "s", share);
    rk_sample t;
    rk_error own = rk_error_new();
    rk_runner x = {.run = wait ? launch_and_wait : rk_trial_run, .text = "a sum of two numbers"};
    double once;
    bool more;
    if (!g) return no_memory(e);
    rk_sample_begin(&t, RK_EWISE);
    uint16_t a = rk_sample_in(&t, RK_F32, 1, &one, 0);
    rk_sample_out(&t, RK_F32, 1, &one);
    rk_sample_store(&t, 0, rk_sample_ins(&t, RK_I_FADD, a, a, 0));
    return finish(g, excuse(g, take_op(g, &t, true, x, &once, &more, &own), &own, e), e);
}

/* More than caches hold; and what clpeak takes, which C libraries may copy in another way. */
enum { TRANSFER = 64 << 20, LARGE = 512 << 20, PAGE = 4096 };

typedef struct transfer {
    roofline *r;
    char *host;
    uint64_t bytes;
    bool upload;
} transfer;

static rk_status run_transfer(void *ctx, uint32_t times, rk_error *e)
{
    const transfer *t = ctx;
    for (uint32_t i = 0; i < times; i++)
        RK_TRY(t->upload ? rk_open_write(&t->r->d, t->r->mem, 0, t->host, t->bytes, e)
                         : rk_open_read(&t->r->d, t->r->mem, 0, t->host, t->bytes, e));
    return rk_open_sync(&t->r->d, e);
}

static rk_status transfer_memory(roofline *r, rk_error *e)
{
    rk_error own = rk_error_new();
    if (r->mem) return RK_OK;
    r->room = r->c->options->size == RK_BENCH_QUICK ? TRANSFER : LARGE;
    if (rk_open_alloc(&r->d, r->room, &r->mem, &own) != RK_OK) {
        r->room = TRANSFER;
        RK_TRY(rk_open_alloc(&r->d, r->room, &r->mem, e));
    }
    r->host = aligned_alloc(PAGE, r->room + PAGE);
    if (!r->host) return no_memory(e);
    memset(r->host, 1, r->room + PAGE);
    return RK_OK;
}

/* A copy between places that are at about the same distance from the beginning of a page is several
 * times slower than others on some processors (rep movsb on AMD's Zen).  Drivers, as malloc, put
 * large arrays near the beginning: so half a page farther comes first, then where malloc would put
 * it, which is what a program gets that does not care. */
static rk_status pageable(roofline *r, const char *name, bool upload, double share, rk_error *e)
{
    static const struct {
        uint32_t bytes, at;
    } places[] = {{TRANSFER, 16 + PAGE / 2}, {TRANSFER, 16}, {LARGE, 16}};
    group *g = begin(r, name, "B/s", share);
    rk_status s = RK_OK;
    bool more = true;
    if (!g) return no_memory(e);
    for (int i = 0; s == RK_OK && more && i < 3 && (i == 0 || places[i].bytes <= r->room); i++) {
        rk_error own = rk_error_new();
        transfer *t = calloc(1, sizeof *t);
        rk_runner x = {.ctx = t, .run = run_transfer, .free = free, .work = places[i].bytes};
        snprintf(x.text, sizeof x.text, "%u MiB of ordinary memory, %u bytes into a page",
                 places[i].bytes >> 20, places[i].at);
        s = t ? transfer_memory(r, &own) : no_memory(&own);
        if (s == RK_OK) {
            *t = (transfer){r, r->host + places[i].at, places[i].bytes, upload};
            s = take(g, &x, &more, &own);
        } else {
            free(t);
        }
        s = excuse(g, s, &own, e);
    }
    return finish(g, s, e);
}

static rk_status measure(roofline *r, rk_error *e)
{
    RK_TRY(probes(r, RK_PROBE_FMA, "fma", "FLOP/s", 0.22, e));
    RK_TRY(probes(r, RK_PROBE_LOCAL, "local", "B/s", 0.1, e));
    RK_TRY(latency(r, "launch", false, 0.03, e));
    RK_TRY(latency(r, "launch and wait", true, 0.03, e));
    RK_TRY(pageable(r, "upload", true, 0.06, e));
    RK_TRY(pageable(r, "download", false, 0.06, e));
    RK_TRY(probes(r, RK_PROBE_UPLOAD, "upload pinned", "B/s", 0.06, e));
    RK_TRY(probes(r, RK_PROBE_DOWNLOAD, "download pinned", "B/s", 0.06, e));
    RK_TRY(probes(r, RK_PROBE_READ, "read", "B/s", 0.1, e));
    RK_TRY(triads(r, 0.11, e));
    return products(r, 0.17, e);
}

rk_status rk_bench_roofline(const rk_bench_case *c, rk_error *e)
{
    uint32_t device;
    roofline r = {.c = c, .begun = rk_bench_now()};
    r.pace = c->options->size == RK_BENCH_QUICK ? 0.004 : 0.02;
    RK_TRY(rk_hub_find(c->hub, c->spec, &device, e));
    RK_TRY(rk_open_device(c->hub, device, &r.d, e));
    rk_status s = measure(&r, e);
    rk_open_free(&r.d, r.mem);
    free(r.host);
    rk_open_close(&r.d);
    return s;
}
