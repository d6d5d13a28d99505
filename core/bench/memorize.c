/* Suite 'memorize': how long a network takes to fit random labels. */
#include "bench/memorize.h"
#include "base/error.h"
#include "base/text.h"
#include <math.h>

enum { SEEDS = 5, PATIENCE = 3 }; /* times the budget before there are fewer seeds */

/* Labels are random and everything else is as in the first experiment of the README, smaller in
 * the quick size. */
#define LABELS .randomize = "labels:p=1", .batch = 50, .rate = 0.02, .epochs = 200
static const rk_workload quick[] = {
    {.model = "mlp:hidden=32", .data = "synth16:n=100,test=10", .image = "100 of 16x16x1", LABELS}};
static const rk_workload larger[] = {
    {.model = "mlp:hidden=512", .data = "synth16:test=10", .image = "1000 of 16x16x1", LABELS},
    {.model = "cnn", .data = "synth16:test=10", .image = "1000 of 16x16x1", LABELS},
    {.model = "mlp:hidden=512",
     .data = "synth16:n=10000,test=10",
     .image = "10000 of 16x16x1",
     LABELS}};

static uint32_t workloads(rk_bench_size size, const rk_workload **out)
{
    *out = size == RK_BENCH_QUICK ? quick : larger;
    if (size == RK_BENCH_QUICK) return sizeof quick / sizeof *quick;
    return sizeof larger / sizeof *larger - (size == RK_BENCH_NORMAL ? 1 : 0);
}

/* ---- one seed -------------------------------------------------------------------------------- */

static rk_status train_epoch(const rk_bench_case *c, rk_trainer *t, int64_t epoch, rk_score *out,
                             rk_error *e)
{
    RK_TRY(rk_trainer_begin(t, epoch, e));
    for (int64_t step = 0; step < t->steps; step++) {
        RK_TRY(rk_trainer_step(t, step, e));
        if (c->sink->stopping && c->sink->stopping(c->sink->ctx))
            return RK_FAIL(e, RK_E_STOPPED, "stopped while memorizing, in epoch %lld",
                           (long long)epoch + 1);
    }
    return rk_trainer_evaluate(t, false, out, e);
}

rk_status rk_memorize(const rk_bench_case *c, rk_trainer *t, int64_t epochs, rk_memorized *out,
                      rk_error *e)
{
    rk_score score = {.loss = 0};
    *out = (rk_memorized){.seed = t->seed};
    RK_TRY(rk_session_sync(t->session, e));
    double begun = rk_bench_now();
    while (!out->fit && out->epochs < epochs && isfinite(score.loss)) {
        RK_TRY(train_epoch(c, t, out->epochs, &score, e));
        out->epochs++;
        out->fit = score.accuracy >= 1;
    }
    out->seconds = rk_bench_now() - begun;
    return RK_OK;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

static void describe(const rk_memorized *m, uint32_t n, int64_t epochs, rk_str *text)
{
    uint32_t fit = 0;
    for (uint32_t i = 0; i < n; i++) fit += m[i].fit;
    rk_str_add(text, "%u of %u seeds fit within %lld epochs: seeds", fit, n, (long long)epochs);
    for (uint32_t i = 0; i < n; i++)
        rk_str_add(text, "%s %llu%s", i ? "," : "", (unsigned long long)m[i].seed,
                   m[i].fit ? "" : " not");
}

rk_status rk_memorize_give(const rk_bench_of *of, const rk_memorized *m, uint32_t n, int64_t epochs,
                           rk_error *e)
{
    double seconds[RK_MEMORIZE_SEEDS], took[RK_MEMORIZE_SEEDS], fit[RK_MEMORIZE_SEEDS];
    uint32_t fits = 0;
    rk_str text = {0};
    describe(m, n, epochs, &text);
    for (uint32_t i = 0; i < n; i++) {
        fit[i] = m[i].fit;
        if (!m[i].fit) continue;
        seconds[fits] = m[i].seconds;
        took[fits++] = (double)m[i].epochs;
    }
    rk_status status = RK_OK;
    if (text.failed) status = RK_FAIL(e, RK_E_NOMEM, "no memory to say which seeds fit");
    if (status == RK_OK) status = rk_bench_give_all(of, "seconds", "s", seconds, fits, text.s, e);
    if (status == RK_OK) status = rk_bench_give_all(of, "epochs", "", took, fits, text.s, e);
    if (status == RK_OK) status = rk_bench_give_all(of, "fit", "", fit, n, text.s, e);
    rk_str_free(&text);
    return status;
}

/* ---- a workload on both tiers ---------------------------------------------------------------- */

typedef struct contender {
    rk_trainer *trainer; /* NULL: why */
    rk_error why;
    rk_memorized done[RK_MEMORIZE_SEEDS];
    uint32_t n;
} contender;

static void forget(contender *x)
{
    rk_trainer_close(x->trainer);
    x->trainer = NULL;
}

/* Kernels may be compiled in their first run, which is not what is measured here. */
static rk_status make_ready(const rk_bench_case *c, const rk_workload *w, rk_numerics n,
                            contender *x)
{
    rk_score score;
    RK_TRY(rk_workload_open(c, w, n, c->options->seed, &x->trainer, &x->why));
    RK_TRY(rk_trainer_begin(x->trainer, 0, &x->why));
    for (int64_t step = 0; step < x->trainer->steps; step++)
        RK_TRY(rk_trainer_step(x->trainer, step, &x->why));
    return rk_trainer_evaluate(x->trainer, false, &score, &x->why);
}

static void open_both(const rk_bench_case *c, const rk_workload *w, double deadline, contender *x,
                      uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        x[i].why = rk_error_new();
        bool late = i && rk_bench_now() > deadline;
        rk_numerics numerics = i ? RK_NUMERICS_FAST : RK_NUMERICS_EXACT;
        if ((late ? rk_workload_late(c, &x[i].why) : make_ready(c, w, numerics, &x[i])) != RK_OK)
            forget(&x[i]);
    }
    if (n < 2 || !x[0].trainer || !x[1].trainer || !rk_workload_same(x[0].trainer, x[1].trainer))
        return;
    rk_fail(&x[1].why, RK_E_UNSUPPORTED, __func__, __LINE__, "%s", rk_workload_same_why);
    forget(&x[1]);
}

/* Stopping ends the suite; anything else only this contender. */
static rk_status run_seed(const rk_bench_case *c, const rk_workload *w, uint64_t seed, contender *x,
                          rk_error *e)
{
    rk_status status = rk_trainer_reseed(x->trainer, seed, &x->why);
    if (status == RK_OK) status = rk_memorize(c, x->trainer, w->epochs, &x->done[x->n], &x->why);
    if (status == RK_OK) {
        x->n++;
        return RK_OK;
    }
    forget(x);
    if (status == RK_E_STOPPED && e) *e = x->why;
    return status == RK_E_STOPPED ? status : RK_OK;
}

static rk_status run_seeds(const rk_bench_case *c, const rk_workload *w,
                           const rk_memorize_limits *limits, contender *x, uint32_t n, rk_error *e)
{
    for (uint32_t i = 0; i < limits->most; i++) {
        /* No two processes have a seed in common. */
        uint64_t seed = c->options->seed + (c->options->process - 1) * limits->most + i;
        if (i > 0 && rk_bench_now() > (i < limits->least ? limits->hard : limits->soft)) break;
        RK_TRY(rk_bench_progress(c, w->model, (double)i / limits->most, e));
        for (uint32_t k = 0; k < n; k++) {
            contender *next = &x[(i + k) % n];
            if (next->trainer) RK_TRY(run_seed(c, w, seed, next, e));
        }
    }
    return RK_OK;
}

static rk_status give(const rk_bench_case *c, const rk_workload *w, const contender *x, uint32_t n,
                      rk_error *e)
{
    char subject[RK_SUBJECT_MAX];
    rk_workload_subject(w, subject);
    for (uint32_t i = 0; i < n; i++) {
        const rk_bench_of of = {c, "memorize", subject, i ? "fast" : "exact"};
        if (x[i].trainer)
            RK_TRY(rk_memorize_give(&of, x[i].done, x[i].n, w->epochs, e));
        else
            RK_TRY(rk_bench_give_none(&of, "seconds", "s", x[i].why.text, e));
    }
    return RK_OK;
}

rk_status rk_memorize_workload(const rk_bench_case *c, const rk_workload *w,
                               const rk_memorize_limits *limits, rk_error *e)
{
    contender x[2] = {{.trainer = NULL}, {.trainer = NULL}};
    uint32_t n = c->options->fast ? 2 : 1;
    open_both(c, w, limits->soft, x, n);
    rk_status status = run_seeds(c, w, limits, x, n, e);
    if (status == RK_OK) status = give(c, w, x, n, e);
    for (uint32_t i = 0; i < n; i++) forget(&x[i]);
    return status;
}

rk_status rk_bench_memorize(const rk_bench_case *c, rk_error *e)
{
    const rk_workload *work;
    uint32_t n = workloads(c->options->size, &work);
    double end = rk_bench_now() + c->options->seconds;
    for (uint32_t i = 0; i < n; i++) {
        double now = rk_bench_now(), share = (end - now) / (n - i);
        if (i > 0 && share < 0)
            RK_TRY(rk_workload_skip(c, &work[i], "memorize", e));
        else {
            const rk_memorize_limits limits = {SEEDS, 2 * SEEDS, now + share,
                                               now + PATIENCE * share};
            RK_TRY(rk_memorize_workload(c, &work[i], &limits, e));
        }
    }
    return RK_OK;
}
