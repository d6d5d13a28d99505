#include "cli/watch.h"
#include "base/text.h"
#include "cli/estimate.h"
#include "cli/found.h"
#include <math.h>
#include <string.h>

#define LONG_SECONDS 300 /* a run of more is announced with an estimate */

void rk_view_clear(rk_view *v) { rk_live_clear(&v->live); }

/* "packed 1.2 MiB, 1.00 x the lower bound" */
static void print_plan(const rk_view *v, const rk_program_info *step)
{
    double ratio = step->bound_bytes ? (double)step->arena_bytes / (double)step->bound_bytes : 1;
    fprintf(v->out, "plan %s of one training step: %u steps\n%s", step->digest, step->steps,
            step->text);
    fprintf(v->out,
            "temporaries packed into %.2f MiB, %.3f x the lower bound (the most that is alive at "
            "once)\n",
            (double)step->arena_bytes / (1 << 20), ratio);
}

static void on_start(void *ctx, const rk_run_record *run, const rk_program_info *step)
{
    rk_view *v = ctx;
    rk_view_clear(v); /* of kernels that were made */
    v->pace = (rk_pace){0};
    memset(&v->last, 0, sizeof v->last);
    if (v->verbose) print_plan(v, step);
    /* Never silent, however quiet; a run that goes on may fall back otherwise than it began. */
    const char *fallback = step->fallback_steps ? step->fallback_note : run->fallback_note;
    if (fallback[0]) fprintf(stderr, "rethink: FALLBACK on %s: %s\n", run->device, fallback);
    if (v->quiet) return;
    fprintf(v->out, "run %lld", (long long)run->id);
    if (v->total > 1) fprintf(v->out, " (%u of %u)", v->number, v->total);
    if (run->variant[0]) fprintf(v->out, ": %s", run->variant);
    fprintf(v->out, " on %s, %lld parameters\n", run->device, (long long)run->parameters);
    fflush(v->out);
}

/* Of interest to who waited for it. */
static void on_ready(void *ctx, const rk_ready *cost)
{
    rk_view *v = ctx;
    if (v->quiet || (!v->verbose && cost->seconds < 1)) return;
    fprintf(v->out, "ready after %.2f s: %u programs compiled, %u from the cache\n", cost->seconds,
            cost->compiled, cost->cached);
    fflush(v->out);
}

static void draw(rk_view *v, const rk_run_record *run, int64_t epoch, int64_t step, int64_t steps)
{
    char left[RK_DURATION_CHARS];
    rk_str line = {0};
    rk_pace_now now = rk_pace_get(&v->pace, run->epochs, step, steps, run->batch);
    if (isnan(now.images)) return; /* nothing is known after the first step */
    rk_duration(now.left, left);
    rk_str_add(&line, "epoch %lld of %lld", (long long)epoch, (long long)run->epochs);
    if (v->last.epoch)
        rk_str_add(&line, "  loss %.4f  train %.2f %%  test %.2f %%", v->last.train_loss,
                   100 * v->last.train_accuracy, 100 * v->last.test_accuracy);
    rk_str_add(&line, "  %.0f images/s  at most %s left  step %lld of %lld", now.images, left,
               (long long)step, (long long)steps);
    if (!line.failed) rk_live_draw(&v->live, line.s);
    rk_str_free(&line);
}

static void on_progress(void *ctx, const rk_run_record *run, int64_t epoch, int64_t step,
                        int64_t steps)
{
    rk_view *v = ctx;
    if (v->quiet) return;
    rk_pace_note(&v->pace, epoch, step, steps);
    if (rk_live_due(&v->live)) draw(v, run, epoch, step, steps);
}

static void on_epoch(void *ctx, const rk_run_record *run, const rk_epoch_record *row)
{
    rk_view *v = ctx;
    v->last = *row;
    if (v->quiet || v->live.on) return;
    fprintf(v->out,
            "epoch %3lld of %lld  loss %.4f  train %6.2f %%  test %6.2f %%  %.1f s  digest %.8s\n",
            (long long)row->epoch, (long long)run->epochs, row->train_loss,
            100 * row->train_accuracy, 100 * row->test_accuracy, row->seconds, row->digest);
    fflush(v->out);
}

static bool on_stopping(void *ctx)
{
    const rk_view *v = ctx;
    return v->stopping && v->stopping();
}

/* Never silent, however quiet: the data are not what the folder has. */
static void on_skipped(void *ctx, int64_t examples, const char *why)
{
    rk_view_clear(ctx);
    fprintf(stderr, "rethink: %lld examples were left out, the first: %s\n", (long long)examples,
            why);
}

static void on_fed(void *ctx, int64_t epoch, double waited, double seconds)
{
    rk_view *v = ctx;
    if (!v->verbose) return;
    rk_view_clear(v);
    fprintf(v->out, "epoch %3lld: waited %.3f s of %.3f s for data, %.2f %%\n", (long long)epoch,
            waited, seconds, seconds > 0 ? 100 * waited / seconds : 0);
}

static void on_estimate(void *ctx, const rk_estimate *cost)
{
    const rk_view *v = ctx;
    if (v->estimate || (!v->quiet && cost->seconds > LONG_SECONDS)) rk_estimate_print(stderr, cost);
}

static void on_diagnosing(void *ctx, const rk_run_record *run, const char *spec, double fraction)
{
    rk_view *v = ctx;
    rk_str line = {0};
    if (v->quiet || !rk_live_due(&v->live)) return;
    rk_str_add(&line, "run %lld: diagnostic %s: %.0f %%", (long long)run->id, spec, 100 * fraction);
    if (!line.failed) rk_live_draw(&v->live, line.s);
    rk_str_free(&line);
}

/* Why one failed is said at the end of the run. */
static void on_found(void *ctx, const rk_run_record *run, const rk_found *found, bool replaced)
{
    rk_view *v = ctx;
    char brief[200], bytes[32];
    (void)run;
    if (v->quiet || found->error[0]) return;
    rk_view_clear(v);
    rk_found_brief(found, brief, sizeof brief);
    rk_found_bytes(found->bytes, bytes, sizeof bytes);
    fprintf(v->out, "%.60s%s: %s  %.3f s, %s%s\n", found->spec,
            strlen(found->spec) > 60 ? "..." : "", brief, found->seconds, bytes,
            replaced ? ", in place of an older result" : "");
    fflush(v->out);
}

static rk_status on_profile(void *ctx, const rk_run_record *run, const rk_profile *p, rk_error *e)
{
    rk_view *v = ctx;
    rk_view_clear(v);
    if (v->trace) rk_trace_add(v->trace, run, p);
    return rk_profile_print(v->out, run, p, e);
}

rk_watch rk_view_watch(rk_view *v)
{
    return (rk_watch){.ctx = v,
                      .start = on_start,
                      .ready = on_ready,
                      .progress = on_progress,
                      .epoch = on_epoch,
                      .stopping = on_stopping,
                      .skipped = on_skipped,
                      .fed = on_fed,
                      .estimate = on_estimate,
                      .diagnosing = on_diagnosing,
                      .found = on_found,
                      .only_estimate = v->estimate,
                      .profile = v->profile ? on_profile : NULL};
}
