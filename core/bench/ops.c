/* One operation after the other: how fast, how right, or why not. */
#include "bench/ops.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { EXACT, FAST, VENDOR, CONTENDERS };
static const char *const tiers[] = {"exact", "fast"};

/* Shapes of a list; seconds of a repetition. */
static const struct {
    int64_t batch;
    uint32_t ops;
    double pace;
} sizes[] = {[RK_BENCH_QUICK] = {4, 18, 0.002},
             [RK_BENCH_NORMAL] = {128, 60, 0.01},
             [RK_BENCH_FULL] = {128, 100000, 0.02}};

/* One op under way. */
typedef struct race {
    rk_ops *all;
    rk_listed *listed;
    rk_bench_of of;
    rk_trial trial[3]; /* VENDOR: a library that the device has, but does not use of itself */
    rk_runner runner[CONTENDERS]; /* the exact kernel's is the first */
    uint32_t lane[CONTENDERS];    /* of each runner: EXACT, FAST or VENDOR */
    uint32_t n;
    double once;        /* seconds of the slowest */
    bool given;         /* its times were, or why there are none */
    const char *judged; /* the tier; NULL: not yet, what goes wrong is about both */
    rk_result result[2];
} race;

/* What is not about an op: a device that is lost, values that are not taken. */
static bool ends(rk_status s) { return s == RK_E_DEVICE || s == RK_E_STOPPED || s == RK_E_IO; }

/* ---- how right ---- */

static rk_status give_errors(race *r, int tier, rk_error *e)
{
    rk_result *x = &r->result[tier];
    r->of.suite = "numerics";
    r->of.tier = tiers[tier];
    if (x->errors.counted > 0) {
        RK_TRY(rk_bench_give_one(&r->of, "ulp max", "ULP", x->errors.most, x->text, e));
        RK_TRY(rk_bench_give_one(&r->of, "ulp mean", "ULP", x->errors.mean, x->text, e));
    }
    if (!x->known) return rk_bench_give_none(&r->of, "equal", "", x->where, e);
    return rk_bench_give_one(&r->of, "equal", "", x->equal, x->equal ? x->digest : x->where, e);
}

static rk_status give_support(race *r, const char *tier, int support, const char *text, rk_error *e)
{
    r->of.suite = "support";
    r->of.tier = tier;
    return rk_bench_give_one(&r->of, "support", "", support, text, e);
}

static rk_status give_unjudged(race *r, const char *why, rk_error *e)
{
    r->of.suite = "support";
    r->of.tier = r->judged;
    return rk_bench_give_none(&r->of, "support", "", why, e);
}

/* Exact kernels must give the reference's bits, fast ones come as near as they claim. */
static rk_status judge(race *r, rk_error *e)
{
    for (int tier = EXACT; tier <= FAST; tier++) {
        if (!r->trial[tier].kernel) continue;
        rk_result *x = &r->result[tier];
        r->judged = tiers[tier];
        RK_TRY(rk_result_find(r->all, r->listed, &r->trial[tier], tier == EXACT, x, e));
        RK_TRY(give_errors(r, tier, e));
        const char *text = x->wrong[0] ? x->wrong : r->trial[tier].info.impl;
        RK_TRY(give_support(r, r->judged, x->wrong[0] ? 3 : 0, text, e));
    }
    return RK_OK;
}

/* ---- how fast ---- */

static void add_trial(race *r, uint32_t lane, rk_trial *t)
{
    rk_runner *x = &r->runner[r->n];
    *x = (rk_runner){.ctx = t, .run = rk_trial_run};
    snprintf(x->text, sizeof x->text, "%s", t->info.impl);
    r->lane[r->n++] = lane;
}

static bool is_vendors(const rk_trial *t) { return strncmp(t->info.impl, "clblast", 7) == 0; }

/* Whether there is time for something that may try itself out when it is first asked for. */
static bool has_time(const race *r, bool *asked)
{
    double trial = *asked ? 0 : rk_trial_of_fast(r->listed->flop, r->once);
    if (rk_bench_now() + trial > r->all->until) return false;
    *asked = true;
    return true;
}

/* A kernel of the fast tier, if the device has one of its own; it may be a vendor's library. */
static rk_status enter_fast(race *r, rk_error *e)
{
    rk_trial *fast = &r->trial[FAST];
    rk_error own = rk_error_new();
    if (!r->all->c->options->fast || r->listed->fast_failed) return RK_OK;
    if (!has_time(r, &r->all->fast)) return RK_OK;
    rk_status s = rk_trial_op(&r->all->d, &r->listed->op, false, &r->trial[EXACT], fast, &own);
    if (ends(s)) return RK_FAIL(e, s, "%s", own.text);
    if (s != RK_OK) return RK_OK;
    if (fast->info.tier == RK_TIER_EXACT) {
        rk_trial_free(fast);
        return RK_OK;
    }
    add_trial(r, FAST, fast);
    return RK_OK;
}

/* CLBlast on a device that takes its own kernels in the fast tier, too, unless a tuner found
 * otherwise. */
static rk_status enter_library(race *r, rk_error *e)
{
    rk_trial *t = &r->trial[VENDOR];
    rk_error own = rk_error_new();
    if (!r->all->c->options->fast || r->trial[FAST].kernel) return RK_OK;
    if (!has_time(r, &r->all->library)) return RK_OK;
    rk_status s = rk_trial_choice(&r->all->d, &r->listed->op, "clblast", &r->trial[EXACT], t, &own);
    if (ends(s)) return RK_FAIL(e, s, "%s", own.text);
    if (s == RK_OK) add_trial(r, VENDOR, t);
    return RK_OK;
}

static rk_status enter_vendor(race *r, rk_error *e)
{
    rk_error own = rk_error_new();
    if (r->listed->op.op.kind != RK_MATMUL) return RK_OK;
    if (!r->all->vendor) return enter_library(r, e);
    if (rk_vendor_matmul(r->all->vendor, &r->listed->op, &r->runner[r->n], &own) != RK_OK)
        return own.code == RK_E_NOMEM ? RK_FAIL(e, RK_E_NOMEM, "%s", own.text) : RK_OK;
    r->lane[r->n++] = VENDOR;
    return RK_OK;
}

/* A contender that fails leaves the race, and the exact kernel is not to blame: only what it does
 * itself, or what is not about the op, is an error. */
static rk_status drop(race *r, uint32_t at, rk_status s, const rk_error *why, rk_error *e)
{
    uint32_t lane = r->lane[at];
    char text[256];
    if (at == 0 || ends(s)) return RK_FAIL(e, s, "%s", why->text);
    rk_runner_free(&r->runner[at]);
    r->n--;
    for (uint32_t i = at; i < r->n; i++) {
        r->runner[i] = r->runner[i + 1];
        r->lane[i] = r->lane[i + 1];
    }
    if (lane != FAST) return RK_OK;
    r->listed->fast_failed = true;
    if (s != RK_E_NOMEM) return give_support(r, tiers[FAST], 3, why->text, e);
    snprintf(text, sizeof text, "not measured: %.230s", why->text);
    r->of.suite = "op";
    r->of.tier = tiers[FAST];
    return rk_bench_give_none(&r->of, "seconds", "s", text, e);
}

/* Paces the runners from number `from` on; adds the seconds of all of their repetitions. */
static rk_status pace(race *r, uint32_t from, double *all, rk_error *e)
{
    double seconds = sizes[r->all->c->options->size].pace;
    for (uint32_t i = from; i < r->n; i++) {
        double one;
        rk_error own = rk_error_new();
        rk_status s = rk_runner_pace(&r->runner[i], seconds, &one, &own);
        if (s != RK_OK) {
            RK_TRY(drop(r, i--, s, &own, e));
            continue;
        }
        if (one > r->once) r->once = one;
        *all += r->all->c->options->repeats * (one > seconds ? one : seconds);
    }
    return RK_OK;
}

static rk_status run_lanes(race *r, rk_error *e)
{
    for (;;) {
        uint32_t at;
        rk_error own = rk_error_new();
        rk_status s = rk_runners_time(r->runner, r->n, r->all->c->options->repeats, &at, &own);
        if (s == RK_OK) return RK_OK;
        for (uint32_t i = 0; i < r->n; i++) {
            free(r->runner[i].seconds);
            r->runner[i].seconds = NULL;
        }
        RK_TRY(drop(r, at, s, &own, e));
    }
}

static rk_status give_counts(race *r, rk_error *e)
{
    RK_TRY(rk_bench_give_one(&r->of, "flop", "FLOP", r->listed->flop, "", e));
    return rk_bench_give_one(&r->of, "bytes", "B", r->listed->bytes, "", e);
}

static rk_status give_times(race *r, rk_error *e)
{
    r->of.suite = "op";
    for (uint32_t i = 0; i < r->n; i++) {
        rk_runner *x = &r->runner[i];
        bool fast = r->lane[i] == FAST;
        bool vendor = r->lane[i] == VENDOR || (fast && is_vendors(&r->trial[FAST]));
        rk_spread s = rk_spread_of(x->seconds, x->n);
        if (vendor) {
            r->of.tier = tiers[EXACT];
            RK_TRY(rk_bench_give(&r->of, "vendor seconds", "s", s, x->text, e));
        }
        if (r->lane[i] == VENDOR) continue;
        r->of.tier = tiers[r->lane[i]];
        RK_TRY(rk_bench_give(&r->of, "seconds", "s", s, x->text, e));
        RK_TRY(give_counts(r, e));
    }
    return RK_OK;
}

static rk_status give_none(race *r, const char *why, rk_error *e)
{
    r->of.suite = "op";
    r->of.tier = tiers[EXACT];
    RK_TRY(rk_bench_give_none(&r->of, "seconds", "s", why, e));
    return give_counts(r, e);
}

/* ---- one op ---- */

static rk_status time_all(race *r, rk_error *e)
{
    double all = 0;
    char why[80];
    RK_TRY(pace(r, 0, &all, e));
    RK_TRY(enter_fast(r, e));
    RK_TRY(enter_vendor(r, e));
    RK_TRY(pace(r, 1, &all, e));
    if (r->all->measured > 0 && rk_bench_now() + all > r->all->until) {
        r->given = true;
        snprintf(why, sizeof why, "not measured: %.2g s a run, for which no time was left",
                 r->once);
        return give_none(r, why, e);
    }
    r->all->measured++;
    r->listed->timed = true;
    RK_TRY(run_lanes(r, e));
    r->given = true;
    const rk_runner *x = &r->runner[0];
    double rate = x->n > 0 && x->seconds[0] > 0 ? r->listed->flop / x->seconds[0] : 0;
    if (rate > r->all->rate) r->all->rate = rate;
    return give_times(r, e);
}

static rk_status compete(race *r, bool timing, rk_error *e)
{
    RK_TRY(rk_fill(&r->trial[EXACT], &r->listed->op, r->all->c->options->seed, e));
    add_trial(r, EXACT, &r->trial[EXACT]);
    if (timing) return time_all(r, e);
    if (r->all->fast) RK_TRY(enter_fast(r, e));
    return judge(r, e);
}

static rk_status measure_one(race *r, bool timing, rk_error *e)
{
    rk_error own = rk_error_new();
    char why[256];
    rk_status s = rk_trial_op(&r->all->d, &r->listed->op, true, NULL, &r->trial[EXACT], &own);
    if (s == RK_OK) s = compete(r, timing, &own);
    if (s == RK_OK) return RK_OK;
    if (ends(s)) return RK_FAIL(e, s, "%s: %s", r->listed->subject, own.text);
    bool scarce = s == RK_E_NOMEM; /* another time it may run */
    snprintf(why, sizeof why, "%s%.230s", scarce ? "not measured: " : "", own.text);
    r->listed->timed = false;
    if (timing && !r->given) RK_TRY(give_none(r, why, e));
    if (scarce) return timing ? RK_OK : give_unjudged(r, why, e);
    /* Refused, or a kernel that was promised and does not run. */
    return give_support(r, r->judged, r->n > 0 ? 3 : 2, why, e);
}

/* By the fastest so far, so that no run is begun that takes longer than all the time there is. */
static bool too_late(const rk_ops *all, const rk_listed *x)
{
    double runs = all->c->options->repeats + 2;
    double least = all->rate > 0 ? runs * x->flop / all->rate : 0;
    return rk_bench_now() + least > all->until;
}

static rk_status measure_op(rk_ops *all, rk_listed *listed, bool timing, rk_error *e)
{
    race *r = calloc(1, sizeof *r);
    if (!r) return RK_FAIL(e, RK_E_NOMEM, "no memory for an operation");
    r->all = all;
    r->listed = listed;
    r->of = (rk_bench_of){.c = all->c, .subject = listed->subject};
    bool late = timing && all->measured > 0 && too_late(all, listed);
    rk_status s =
        late ? give_none(r, "not measured: the time was over", e) : measure_one(r, timing, e);
    for (uint32_t i = 0; i < r->n; i++) rk_runner_free(&r->runner[i]);
    rk_trial_free(&r->trial[VENDOR]);
    rk_trial_free(&r->trial[FAST]);
    rk_trial_free(&r->trial[EXACT]);
    free(r);
    return s;
}

/* All times, then how right those are of which there are times: it is the same in every process, so
 * that only the first one looks. */
static rk_status measure_all(rk_ops *all, const rk_oplist *list, rk_error *e)
{
    const double timing = all->c->options->process > 1 ? 1 : 0.7;
    uint32_t most = sizes[all->c->options->size].ops, n = list->n < most ? list->n : most;
    all->until = all->begun + timing * all->c->options->seconds;
    for (uint32_t i = 0; i < n; i++) {
        RK_TRY(rk_bench_progress(all->c, list->op[i]->subject, timing * i / n, e));
        RK_TRY(measure_op(all, list->op[i], true, e));
    }
    all->until = all->begun + all->c->options->seconds;
    for (uint32_t i = 0, judged = 0; timing < 1 && i < n; i++) {
        if (!list->op[i]->timed || (judged > 0 && rk_bench_now() > all->until)) continue;
        RK_TRY(rk_bench_progress(all->c, list->op[i]->subject, timing + (1 - timing) * i / n, e));
        RK_TRY(measure_op(all, list->op[i], false, e));
        judged++;
    }
    return RK_OK;
}

rk_status rk_bench_ops(const rk_bench_case *c, rk_error *e)
{
    rk_oplist list;
    rk_ops all;
    double begun = rk_bench_now();
    RK_TRY(rk_oplist_make(sizes[c->options->size].batch, c->options->size, &list, e));
    rk_status s = rk_ops_open(c, &all, e);
    all.begun = begun;
    if (s == RK_OK) s = measure_all(&all, &list, e);
    rk_ops_close(&all);
    rk_oplist_free(&list);
    return s;
}
