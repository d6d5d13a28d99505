/* Suite 'distance': how far a run in fast numerics goes from the exact one, beside the exact run
 * that began one unit in the last place away.  Each is the same in every process, so that the first
 * one alone runs them. */
#include "bench/distance.h"
#include "base/error.h"
#include "bench/give.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LABELS .randomize = "labels:p=1", .batch = 50, .rate = 0.02
static const rk_workload quick = {
    .model = "mlp:hidden=32", .data = "synth16:n=100,test=10", .image = "100 of 16x16x1", LABELS};
static const rk_workload larger[] = {
    {.model = "mlp:layers=3", .data = "synth16:test=10", .image = "1000 of 16x16x1", LABELS},
    {.model = "cnn", .data = "synth16:test=10", .image = "1000 of 16x16x1", LABELS}};

static uint32_t workloads(rk_bench_size size, const rk_workload **out, int64_t *steps)
{
    *out = size == RK_BENCH_QUICK ? &quick : larger;
    *steps = size == RK_BENCH_QUICK ? 50 : size == RK_BENCH_NORMAL ? 500 : 2000;
    return size == RK_BENCH_QUICK ? 1 : sizeof larger / sizeof *larger;
}

/* The runs of a workload. */
enum { EXACT, PERTURBED, FAST, RUNS };
typedef struct runs {
    const rk_bench_case *c;
    const rk_workload *work;
    rk_trainer *exact, *fast;
    rk_weight_log log[RUNS];
    rk_error why[RUNS]; /* why there is no log */
    int64_t steps;
    double seconds, end; /* for one run; when there is no further one */
} runs;

static rk_status follow(runs *r, int which, rk_trainer *t, rk_error *e)
{
    double deadline = rk_bench_now() + r->seconds;
    rk_status status =
        rk_weight_log_make(r->c, t, r->steps, deadline, &r->log[which], &r->why[which]);
    if (status == RK_E_STOPPED && e) *e = r->why[which];
    return status == RK_E_STOPPED ? status : RK_OK;
}

static rk_status run_exact(runs *r, rk_error *e)
{
    uint64_t seed = r->c->options->seed;
    rk_error *why = &r->why[EXACT];
    if (rk_workload_open(r->c, r->work, RK_NUMERICS_EXACT, seed, &r->exact, why) != RK_OK)
        return RK_OK;
    RK_TRY(follow(r, EXACT, r->exact, e));
    rk_status status = rk_trainer_restart(r->exact, &r->why[PERTURBED]);
    if (status == RK_OK) status = rk_trainer_nudge(r->exact, seed, &r->why[PERTURBED]);
    return status == RK_OK ? follow(r, PERTURBED, r->exact, e) : RK_OK;
}

static rk_status run_fast(runs *r, rk_error *e)
{
    rk_error *why = &r->why[FAST];
    uint64_t seed = r->c->options->seed;
    if (rk_bench_now() > r->end) {
        rk_workload_late(r->c, why);
        return RK_OK;
    }
    if (rk_workload_open(r->c, r->work, RK_NUMERICS_FAST, seed, &r->fast, why) != RK_OK)
        return RK_OK;
    if (!r->exact || !rk_workload_same(r->fast, r->exact)) return follow(r, FAST, r->fast, e);
    rk_fail(why, RK_E_UNSUPPORTED, __func__, __LINE__, "%s", rk_workload_same_why);
    return RK_OK;
}

/* ---- giving ---------------------------------------------------------------------------------- */

static rk_status give_point(const runs *r, int which, double x, double distance, const char *text,
                            rk_error *e)
{
    char subject[RK_SUBJECT_MAX];
    const rk_bench_sink *sink = r->c->sink;
    bool measured = isfinite(distance);
    rk_workload_subject(r->work, subject);
    const rk_bench_value v = {.suite = "distance",
                              .subject = subject,
                              .tier = which == FAST ? "fast" : "perturbed",
                              .name = "distance",
                              .unit = "",
                              .text = text,
                              .x = x,
                              .spread = measured ? rk_spread_one(distance) : rk_spread_of(NULL, 0)};
    return sink->value(sink->ctx, &v, e);
}

static rk_status give_run(const runs *r, int which, rk_error *e)
{
    const rk_weight_log *exact = &r->log[EXACT], *other = &r->log[which];
    if (exact->n == 0) return give_point(r, which, 0, NAN, r->why[EXACT].text, e);
    if (other->n == 0) return give_point(r, which, 0, NAN, r->why[which].text, e);
    uint32_t n = other->n < exact->n ? other->n : exact->n;
    for (uint32_t i = 0; i < n; i++) {
        double d = rk_weight_log_distance(other, exact, i);
        const char *text = which == FAST ? "" : "from initial weights moved by one ULP each";
        if (!isfinite(d)) text = "not measured: a weight is not finite";
        RK_TRY(give_point(r, which, (double)other->step[i], d, text, e));
    }
    return RK_OK;
}

/* One point beyond the last, if time was short. */
static rk_status give_rest(const runs *r, int which, rk_error *e)
{
    const rk_weight_log *exact = &r->log[EXACT], *other = &r->log[which];
    uint32_t n = other->n < exact->n ? other->n : exact->n;
    rk_error why = rk_error_new();
    if (n == 0 || exact->step[n - 1] >= r->steps) return RK_OK;
    rk_workload_late(r->c, &why);
    return give_point(r, which, (double)r->steps, NAN, why.text, e);
}

static rk_status measure(runs *r, rk_error *e)
{
    bool fast = r->c->options->fast;
    RK_TRY(rk_bench_progress(r->c, r->work->model, 0, e));
    RK_TRY(run_exact(r, e));
    RK_TRY(rk_bench_progress(r->c, r->work->model, 0.6, e));
    if (fast) RK_TRY(run_fast(r, e));
    for (int which = PERTURBED; which < (fast ? RUNS : FAST); which++) {
        RK_TRY(give_run(r, which, e));
        RK_TRY(give_rest(r, which, e));
    }
    return RK_OK;
}

rk_status rk_bench_distance(const rk_bench_case *c, rk_error *e)
{
    const rk_workload *work;
    int64_t steps;
    uint32_t n = workloads(c->options->size, &work, &steps);
    rk_status status = RK_OK;
    if (c->options->process > 1) return RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        runs r = {.c = c, .work = &work[i], .steps = steps};
        r.seconds = c->options->seconds / (n * RUNS);
        r.end = rk_bench_now() + r.seconds * RUNS;
        for (int k = 0; k < RUNS; k++) r.why[k] = rk_error_new();
        status = measure(&r, e);
        for (int k = 0; k < RUNS; k++) rk_weight_log_free(&r.log[k]);
        rk_trainer_close(r.exact);
        rk_trainer_close(r.fast);
    }
    return status;
}
