/* The loop over epochs: what is done when, and what is recorded. */
#include "base/error.h"
#include "train/checkpoint.h"
#include "train/diagnose.h"
#include "train/estimate.h"
#include "train/measures.h"
#include "train/profile.h"
#include "train/record.h"
#include "train/scores_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A run of more is worth an estimate beforehand: minutes on a processor. */
#define LONG_FLOP 1e13

/* One run on its way. */
typedef struct training {
    rk_hub *hub;
    rk_results *results;
    const rk_watch *watch;
    const rk_config *config;
    rk_trainer *trainer;
    rk_run_folder folder;
    rk_run_record *run;
    rk_epoch_record row; /* the last one; run->digest is its digest */
    double best;         /* test accuracy so far, of best_epoch */
    int64_t best_epoch;
    rk_progress at;
    double begun;         /* when the steps of the epoch began */
    double clock;         /* since when at.seconds does not count */
    double last_saved;    /* clock of the last checkpoint */
    rk_epoch_record *old; /* rows that a resumed run had already */
    uint32_t n_old;
    bool badly_diagnosed; /* the run is done, but a diagnostic failed: */
    rk_error why;
} training;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void count_time(training *s)
{
    double t = now();
    s->at.seconds += t - s->clock;
    s->clock = t;
}

static rk_status save(training *s, rk_error *e)
{
    count_time(s);
    RK_TRY(rk_checkpoint_save(&s->folder, s->trainer, s->run->id, s->run->config, &s->at, e));
    s->last_saved = now();
    return RK_OK;
}

static bool save_due(const training *s)
{
    double most = s->config->checkpoint_seconds;
    return most > 0 && now() - s->last_saved >= most;
}

/* The rest of the epoch's steps.  Nothing here waits for the device but a checkpoint. */
static rk_status train_epoch(training *s, rk_error *e)
{
    const rk_watch *w = s->watch;
    RK_TRY(rk_trainer_begin(s->trainer, s->at.epoch, e));
    s->begun = now();
    while (s->at.step < s->trainer->steps) {
        RK_TRY(rk_trainer_step(s->trainer, s->at.step, e));
        s->at.step++;
        if (w && w->progress)
            w->progress(w->ctx, s->run, s->at.epoch + 1, s->at.step, s->trainer->steps);
        if (w && w->stopping && w->stopping(w->ctx)) {
            RK_TRY(save(s, e));
            return RK_FAIL(e, RK_E_STOPPED, "stopped in epoch %lld after step %lld",
                           (long long)s->at.epoch + 1, (long long)s->at.step);
        }
        if (save_due(s)) RK_TRY(save(s, e));
    }
    return RK_OK;
}

/* In exact numerics an epoch that is computed again gives the same bits, or something is wrong with
 * the device, the data or the program: that must not pass in silence. */
static rk_status compare_old(const training *s, const rk_epoch_record *row, rk_error *e)
{
    for (uint32_t i = 0; i < s->n_old; i++)
        if (s->old[i].epoch == row->epoch && strcmp(s->old[i].digest, row->digest) != 0 &&
            s->config->session.numerics == RK_NUMERICS_EXACT)
            return RK_FAIL(e, RK_E_INTERNAL,
                           "epoch %lld, computed again, gives the digest %s, it was %s: the "
                           "program or the device is not what it was",
                           (long long)row->epoch, row->digest, s->old[i].digest);
    return RK_OK;
}

/* Once the epoch's steps are done. */
static void report_feed(training *s)
{
    const rk_watch *w = s->watch;
    if (!s->trainer->feed) return;
    double waited = 1e-9 * (double)rk_feed_waited(s->trainer->feed);
    if (w && w->fed) w->fed(w->ctx, s->at.epoch + 1, waited, now() - s->begun);
}

static rk_status measure(training *s, rk_error *e)
{
    rk_epoch_record *row = &s->row;
    rk_score online, train, test;
    rk_fits fits;
    RK_TRY(rk_trainer_online(s->trainer, &online, e));
    report_feed(s);
    RK_TRY(rk_trainer_evaluate(s->trainer, false, &train, e));
    RK_TRY(rk_trainer_fits(s->trainer, train.accuracy, &fits, e));
    RK_TRY(rk_trainer_evaluate(s->trainer, true, &test, e));
    RK_TRY(rk_trainer_digest(s->trainer, row->digest, e));
    count_time(s);
    row->epoch = s->at.epoch + 1;
    row->steps = row->epoch * s->trainer->steps;
    row->seconds = s->at.seconds;
    row->rate = rk_trainer_rate(s->trainer, s->at.epoch);
    row->online_loss = online.loss;
    row->online_accuracy = online.accuracy;
    row->train_loss = train.loss;
    row->train_accuracy = train.accuracy;
    row->test_loss = test.loss;
    row->test_accuracy = test.accuracy;
    row->clean_fit = fits.clean;
    row->noisy_fit = fits.noisy;
    row->noisy_true = fits.noisy_true;
    return RK_OK;
}

static bool is_fit(const rk_config *c, const rk_epoch_record *row)
{
    return rk_goal_accuracy(row, c->eval_limit > 0) >= 1;
}

static void note_best(training *s, const rk_epoch_record *row)
{
    if (row->test_accuracy <= s->best) return;
    s->best = row->test_accuracy;
    s->best_epoch = row->epoch;
}

static rk_status finish_epoch(training *s, rk_error *e)
{
    rk_run_record *run = s->run;
    const rk_epoch_record *row = &s->row;
    RK_TRY(measure(s, e));
    RK_TRY(compare_old(s, row, e));
    note_best(s, row);
    rk_record_epoch(run, row, is_fit(s->config, row));
    RK_TRY(rk_results_epoch(s->results, run, row, e));
    s->at.epoch++;
    s->at.step = 0;
    if (s->watch && s->watch->epoch) s->watch->epoch(s->watch->ctx, run, row);
    if (!isfinite(row->train_loss) || !isfinite(row->online_loss))
        return RK_FAIL(e, RK_E_INVALID,
                       "the training loss of epoch %lld is not finite: a smaller --lr may help",
                       (long long)row->epoch);
    return RK_OK;
}

/* Of the epoch that was measured last. */
static bool reached_goal(const training *s, const rk_epoch_record *row)
{
    const rk_config *c = s->config;
    double accuracy = rk_goal_accuracy(row, c->eval_limit > 0);
    double loss = rk_goal_loss(row, c->eval_limit > 0);
    return (c->stop_accuracy > 0 && accuracy >= c->stop_accuracy) ||
           (c->stop_loss > 0 && loss <= c->stop_loss) ||
           (c->stop_patience > 0 && row->epoch - s->best_epoch >= c->stop_patience);
}

/* True for a run that was killed between its last checkpoint and its end. */
static bool finished_before(const training *s)
{
    for (uint32_t i = 0; i < s->n_old; i++)
        if (s->old[i].epoch == s->at.epoch && reached_goal(s, &s->old[i])) return true;
    return s->at.epoch >= s->config->epochs;
}

/* A run without epochs has the weights that it began with. */
static rk_status record_start(training *s, rk_error *e)
{
    rk_run_record *run = s->run;
    if (s->config->epochs > 0) return RK_OK;
    RK_TRY(rk_trainer_digest(s->trainer, s->row.digest, e));
    run->digest = s->row.digest;
    run->train_accuracy = run->test_accuracy = run->train_loss = run->test_loss = NAN;
    return rk_results_summary(s->results, run, e);
}

/* A run that was stopped or killed in here has its weights, and goes on with what is not known. */
static rk_status diagnose(training *s, rk_error *e)
{
    const rk_diagnosis d = {.hub = s->hub,
                            .results = s->results,
                            .trainer = s->trainer,
                            .config = s->config,
                            .run = s->run,
                            .watch = s->watch,
                            .list = &s->trainer->recipe.diagnostics,
                            .digest = s->run->digest,
                            .epoch = s->at.epoch};
    rk_status status = rk_diagnose(&d, &s->badly_diagnosed, e);
    if (s->badly_diagnosed && status == RK_OK) s->why = *e;
    return status;
}

static rk_status train(training *s, rk_error *e)
{
    const rk_watch *w = s->watch;
    bool done = finished_before(s);
    RK_TRY(record_start(s, e));
    while (!done) {
        RK_TRY(train_epoch(s, e));
        RK_TRY(finish_epoch(s, e));
        done = s->at.epoch >= s->config->epochs || reached_goal(s, &s->row);
        bool stop = !done && w && w->stopping && w->stopping(w->ctx);
        if (done || stop || s->config->checkpoint_seconds <= 0 || save_due(s)) RK_TRY(save(s, e));
        if (stop)
            return RK_FAIL(e, RK_E_STOPPED, "stopped after epoch %lld", (long long)s->at.epoch);
    }
    RK_TRY(rk_scores_store(s->results, s->run->id, s->trainer, s->at.epoch, e));
    RK_TRY(rk_weights_save(&s->folder, s->trainer, s->run->id, s->run->config, s->run->digest, e));
    return diagnose(s, e);
}

static rk_status train_all(training *s, rk_error *e)
{
    rk_program_info info = *rk_program_describe(s->trainer->step);
    const rk_audit *audit = &s->trainer->audit;
    if (s->watch && s->watch->start) s->watch->start(s->watch->ctx, s->run, &info);
    if (s->watch && s->watch->ready)
        s->watch->ready(s->watch->ctx, rk_session_ready(s->trainer->session));
    if (s->watch && s->watch->skipped && audit->skipped)
        s->watch->skipped(s->watch->ctx, audit->skipped, audit->skipped_why);
    s->clock = s->last_saved = now();
    return train(s, e);
}

/* Records how a run ended.  Its own error counts more than one of recording it. */
static rk_status record_end(const training *s, rk_status status, rk_error *e)
{
    rk_error ignored = rk_error_new();
    if (status == RK_OK) {
        const char *why = s->badly_diagnosed ? s->why.text : "";
        RK_TRY(rk_results_finish(s->results, s->run->id, "done", why, e));
        return s->badly_diagnosed ? RK_FAIL(e, RK_E_INVALID, "%s", why) : RK_OK;
    }
    rk_results_finish(s->results, s->run->id, status == RK_E_STOPPED ? "stopped" : "failed",
                      e->text, &ignored);
    return status;
}

static void clear(training *s)
{
    rk_run_folder_close(&s->folder);
    rk_trainer_close(s->trainer);
    free(s->old);
}

/* What a run will cost, where that is much or was asked for.  Leaves everything as it was at the
 * start. */
static rk_status estimate(training *s, rk_error *e)
{
    const rk_watch *w = s->watch;
    rk_estimate cost;
    if (!w || !w->estimate) return RK_OK;
    if (!w->only_estimate && rk_trainer_flop(s->trainer) * (double)s->config->epochs < LONG_FLOP)
        return RK_OK;
    RK_TRY(rk_trainer_estimate(s->trainer, s->config->epochs, &cost, e));
    w->estimate(w->ctx, &cost);
    return RK_OK;
}

static rk_status take_weights(const training *s, rk_error *e)
{
    return s->config->weights[0] ? rk_weights_load(s->config->weights, s->trainer, e) : RK_OK;
}

static rk_status profile(const training *s, rk_error *e)
{
    rk_profile p;
    if (!s->watch || !s->watch->profile) return RK_OK;
    RK_TRY(rk_trainer_profile(s->trainer, &p, e));
    rk_status status = s->watch->profile(s->watch->ctx, s->run, &p, e);
    rk_profile_free(&p);
    return status;
}

rk_status rk_run_start(rk_hub *hub, const rk_registry *plugins, rk_results *results,
                       const rk_config *c, const rk_watch *watch, int64_t *id, rk_error *e)
{
    training s = {.hub = hub, .results = results, .watch = watch, .config = c, .folder.lock = -1};
    rk_error local = rk_error_new(); /* the text is recorded even if the caller passes NULL */
    rk_record_texts texts = {0};
    rk_run_record run = {0};
    if (!e) e = &local;
    s.run = &run;
    *id = 0;
    rk_status status = rk_trainer_open(hub, plugins, c, &s.trainer, e);
    if (status == RK_OK) status = estimate(&s, e);
    if (status != RK_OK || (watch && watch->only_estimate)) {
        clear(&s);
        return status;
    }
    if (status == RK_OK) status = rk_record_fill(&run, &texts, s.trainer, c, e);
    if (status == RK_OK) status = profile(&s, e);
    if (status == RK_OK) status = take_weights(&s, e);
    if (status == RK_OK) status = rk_results_add(results, &run, e);
    if (status == RK_OK) {
        *id = run.id;
        status = rk_run_folder_begin(results, run.id, &s.folder, e);
        if (status == RK_OK) status = train_all(&s, e);
        status = record_end(&s, status, e);
    }
    clear(&s);
    rk_record_texts_free(&texts);
    return status;
}

/* The first epoch of perfect training accuracy, among those before the checkpoint. */
static int64_t fit_before(const training *s)
{
    for (uint32_t i = 0; i < s->n_old && s->old[i].epoch <= s->at.epoch; i++)
        if (is_fit(s->config, &s->old[i])) return s->old[i].epoch;
    return 0;
}

/* Where the run stood. */
static rk_status restore(training *s, rk_error *e)
{
    bool found;
    int64_t id = s->run->id;
    RK_TRY(rk_record_check(s->run, s->trainer, e));
    RK_TRY(rk_checkpoint_load(&s->folder, s->trainer, s->run, &s->at, &found, e));
    s->run->fit_epoch = fit_before(s);
    for (uint32_t i = 0; i < s->n_old && s->old[i].epoch <= s->at.epoch; i++)
        note_best(s, &s->old[i]);
    return rk_results_finish(s->results, id, "running", "", e);
}

static rk_status resume(training *s, const rk_registry *plugins, rk_error *e)
{
    if (strcmp(s->run->status, "done") == 0)
        return RK_FAIL(e, RK_E_INVALID, "run %lld is done: there is nothing to go on with",
                       (long long)s->run->id);
    RK_TRY(rk_run_folder_open(s->results, s->run->id, &s->folder, e));
    RK_TRY(rk_results_history(s->results, s->run->id, &s->old, &s->n_old, e));
    rk_record_rows(s->run, s->old, s->n_old);
    RK_TRY(rk_trainer_open(s->hub, plugins, s->config, &s->trainer, e));
    RK_TRY(take_weights(s, e));
    RK_TRY(restore(s, e));
    return record_end(s, train_all(s, e), e);
}

rk_status rk_run_resume(rk_hub *hub, const rk_registry *plugins, rk_results *results, int64_t id,
                        const char *data, const rk_watch *watch, rk_error *e)
{
    rk_config c;
    json_t *owner = NULL;
    rk_run_record *stored = NULL, run;
    rk_error local = rk_error_new();
    training s = {.hub = hub, .results = results, .watch = watch, .config = &c, .folder.lock = -1};
    if (!e) e = &local;
    RK_TRY(rk_results_run(results, id, &stored, e));
    run = *stored; /* its summary moves on; the texts stay stored's */
    s.run = &run;
    rk_status status = rk_config_read(run.config, &c, &owner, e);
    if (data) c.data = data;
    if (status == RK_OK) status = resume(&s, plugins, e);
    clear(&s);
    rk_run_record_free(stored);
    json_decref(owner);
    return status;
}
