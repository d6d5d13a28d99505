#include "tune/search.h"
#include "base/spread.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINALISTS = 3, RAPID = 8, PATIENCE = 24, MOST_SAMPLES = 32, LAUNCHES = 64 };
static const double SHORTEST = 2e-3, /* seconds that are timed at once, in less launches are */
    HOPELESS = 1.15,                 /* times the best one's first times */
    BETTER = 0.97;                   /* times the usual one's median */

/* A choice that is right, and its times. */
typedef struct contender {
    char choice[64]; /* "": the backend's own */
    rk_tune_trial_kernel kernel;
    double first; /* the shorter of its first two times */
    double time[MOST_SAMPLES];
    uint32_t n;
} contender;

typedef struct contest {
    const rk_search *s;
    const char *class;
    rk_tune_trial trial;
    contender usual, best[FINALISTS]; /* best: shortest first */
    uint32_t n_best, launches;        /* launches: of one sample */
    rk_tune_result *result;
} contest;

bool rk_search_stopping(const rk_search *s)
{
    return s->watch->stopping && s->watch->stopping(s->watch->ctx);
}

void rk_search_line(const rk_search *s, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (s->watch->line) s->watch->line(s->watch->ctx, text);
}

static rk_status stopped(rk_error *e) { return RK_FAIL(e, RK_E_STOPPED, "stopped"); }

static rk_status sample(contest *c, contender *x, double *seconds, rk_error *e)
{
    const rk_search *s = c->s;
    if (rk_search_stopping(s)) return stopped(e);
    const char *name = x->choice[0] ? x->choice : "the backend's own";
    if (x->choice[0]) RK_TRY(rk_journal_begin(s->journal, &s->key, c->class, name, e));
    RK_TRY(rk_tune_trial_time(&c->trial, &x->kernel, c->launches, seconds, e));
    return x->choice[0] ? rk_journal_end(s->journal, e) : RK_OK;
}

static rk_status first_times(contest *c, contender *x, rk_error *e)
{
    double second;
    RK_TRY(sample(c, x, &x->first, e));
    RK_TRY(sample(c, x, &second, e));
    if (second < x->first) x->first = second;
    return RK_OK;
}

static void drop(contest *c, contender *x)
{
    if (x->kernel.kernel) {
        rk_open_sync(c->s->device, NULL);
        rk_open_release(c->s->device, x->kernel.kernel);
    }
    x->kernel.kernel = NULL;
}

/* A choice that is wrong, or fails, is remembered, and never used. */
static rk_status condemn(contest *c, const char *choice, const char *why, rk_error *e)
{
    const rk_search *s = c->s;
    rk_search_line(s, "%s: %s: %s; it will not be used", c->class, choice, why);
    c->result->wrong++;
    if (rk_tuning_set_bad(s->known, &s->key, c->class, choice, why)) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM, "no memory for tuning");
}

/* Prepares and checks.  A kernel is there after only if the choice is right. */
static rk_status admit(contest *c, contender *x, rk_error *e)
{
    const rk_search *s = c->s;
    char wrong[160] = "";
    rk_error why = rk_error_new();
    RK_TRY(rk_journal_begin(s->journal, &s->key, c->class, x->choice, e));
    rk_status status = rk_tune_trial_prepare(&c->trial, x->choice, &x->kernel, &why);
    if (status == RK_OK) status = rk_tune_trial_check(&c->trial, &x->kernel, wrong, &why);
    RK_TRY(rk_journal_end(s->journal, e));
    if (status == RK_OK && !wrong[0]) return RK_OK;
    drop(c, x);
    if (status == RK_E_UNSUPPORTED || status == RK_E_NOMEM) return RK_OK;
    if (status != RK_OK) snprintf(wrong, sizeof wrong, "failed: %.140s", why.text);
    RK_TRY(condemn(c, x->choice, wrong, e));
    if (status != RK_E_DEVICE) return RK_OK;
    return RK_FAIL(e, RK_E_DEVICE, "%s: %s lost the device; call it again to go on", c->class,
                   x->choice);
}

/* Keeps the FINALISTS shortest. */
static bool place(contest *c, contender *x)
{
    uint32_t at = c->n_best;
    while (at > 0 && c->best[at - 1].first > x->first) at--;
    if (at == FINALISTS || x->first > HOPELESS * c->usual.first) {
        drop(c, x);
        return false;
    }
    if (c->n_best == FINALISTS) drop(c, &c->best[--c->n_best]);
    memmove(&c->best[at + 1], &c->best[at], (c->n_best - at) * sizeof *c->best);
    c->best[at] = *x;
    c->n_best++;
    return at == 0;
}

/* How many launches make a sample long enough. */
static rk_status open_contest(contest *c, const rk_tune_op *op, rk_error *e)
{
    const rk_search *s = c->s;
    char wrong[160];
    double once;
    RK_TRY(rk_tune_trial_open(&c->trial, s->device, s->reference, &op->op, s->exact,
                              s->options->seed, e));
    RK_TRY(rk_tune_trial_prepare(&c->trial, NULL, &c->usual.kernel, e));
    RK_TRY(rk_tune_trial_check(&c->trial, &c->usual.kernel, wrong, e));
    if (wrong[0]) {
        c->result->own_is_wrong = true;
        rk_search_line(s, "%s: the backend's own kernel: %s", op->class, wrong);
        return RK_FAIL(e, RK_E_UNSUPPORTED, "the backend's own kernel is wrong");
    }
    c->launches = 1;
    RK_TRY(sample(c, &c->usual, &once, e));
    double n = SHORTEST / once;
    c->launches = n < 1 ? 1 : n > LAUNCHES ? LAUNCHES : (uint32_t)n;
    return first_times(c, &c->usual, e);
}

static rk_status try_choices(contest *c, const rk_tune_op *op, uint32_t n, rk_error *e)
{
    const rk_search *s = c->s;
    uint32_t idle = 0, most = s->options->full ? n : RAPID;
    if (s->options->choices) most = s->options->choices;
    for (uint32_t i = 1; i < n && c->result->tried < most && idle < PATIENCE; i++) {
        contender x = {.n = 0};
        uint32_t same;
        if (rk_search_stopping(s)) return stopped(e);
        RK_TRY(rk_open_choices(s->device, &op->op, i, x.choice, &same, e));
        const char *bad = rk_tuning_bad(s->known, &s->key, c->class, x.choice);
        if (bad) {
            c->result->skipped++;
            rk_search_line(s, "%s: %s: skipped: %s", c->class, x.choice, bad);
            continue;
        }
        RK_TRY(admit(c, &x, e));
        if (!x.kernel.kernel) continue;
        rk_status status = first_times(c, &x, e);
        if (status != RK_OK) {
            drop(c, &x);
            return status;
        }
        c->result->tried++;
        idle = place(c, &x) ? 0 : idle + 1;
    }
    return RK_OK;
}

/* n times of each, in turn. */
static rk_status race(contest *c, contender *const *x, uint32_t m, uint32_t n, rk_error *e)
{
    for (uint32_t k = 0; k < m; k++) x[k]->n = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < m; k++) RK_TRY(sample(c, x[k], &x[k]->time[x[k]->n++], e));
    return RK_OK;
}

/* The best of the finalists, and then it and the usual one alone: who was chosen among several has
 * had luck, which does not come twice. */
static rk_status final(contest *c, rk_error *e)
{
    contender *all[FINALISTS], *two[2] = {&c->usual, NULL};
    double least = 0;
    uint32_t n = c->s->options->samples;
    if (n > MOST_SAMPLES) n = MOST_SAMPLES;
    for (uint32_t k = 0; k < c->n_best; k++) all[k] = &c->best[k];
    if (c->n_best > 1) RK_TRY(race(c, all, c->n_best, (n + 1) / 2, e));
    for (uint32_t k = 0; k < c->n_best; k++) {
        double median = c->n_best > 1 ? rk_spread_of(all[k]->time, all[k]->n).median : 0;
        if (!two[1] || median < least) two[1] = all[k], least = median;
    }
    RK_TRY(race(c, two, two[1] ? 2 : 1, n, e));
    rk_spread usual = rk_spread_of(c->usual.time, c->usual.n), other = usual;
    if (two[1]) other = rk_spread_of(two[1]->time, two[1]->n);
    bool wins = two[1] && other.q3 < usual.q1 && other.median < BETTER * usual.median;
    rk_tuned tuned = {.choice = wins ? two[1]->choice : "",
                      .mode = c->s->options->full ? "full" : "rapid",
                      .seconds = wins ? other.median : usual.median,
                      .usual = usual.median,
                      .samples = n};
    c->result->seconds = tuned.seconds;
    c->result->usual = tuned.usual;
    if (!rk_tuning_set(c->s->known, &c->s->key, c->class, &tuned) ||
        !rk_tuning_find(c->s->known, &c->s->key, c->class, &tuned))
        return RK_FAIL(e, RK_E_NOMEM, "no memory for tuning");
    c->result->choice = tuned.choice;
    return RK_OK;
}

rk_status rk_search_op(const rk_search *s, const rk_tune_op *op, rk_tune_result *out, rk_error *e)
{
    char name[64];
    uint32_t n;
    *out = (rk_tune_result){.class = op->class, .choice = ""};
    contest c = {.s = s, .class = op->class, .result = out};
    RK_TRY(rk_open_choices(s->device, &op->op, 0, name, &n, e));
    if (n < 2) return RK_FAIL(e, RK_E_UNSUPPORTED, "nothing to choose");
    rk_status status = open_contest(&c, op, e);
    if (status == RK_OK) status = try_choices(&c, op, n, e);
    if (status == RK_OK) status = final(&c, e);
    drop(&c, &c.usual);
    for (uint32_t k = 0; k < c.n_best; k++) drop(&c, &c.best[k]);
    rk_tune_trial_close(&c.trial);
    return status;
}
