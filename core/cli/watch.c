#include "cli/watch.h"
#include "cli/estimate.h"
#include "base/os.h"
#include <string.h>

#define DRAW_EVERY_NS 100e6
#define LONG_SECONDS 300 /* a run of more is announced with an estimate */

void rk_view_clear(rk_view *v)
{
    if (v->drawn) fprintf(stderr, "\r\033[K");
    fflush(stderr);
    v->drawn = false;
}

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
    v->epoch = -1;
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

static void draw(rk_view *v, const rk_run_record *run, int64_t epoch, int64_t step, int64_t steps,
                 double now)
{
    double seconds = 1e-9 * (now - v->epoch_start_ns);
    double rate = (double)(step - v->first_step) / (seconds > 0 ? seconds : 1);
    double left = (double)((run->epochs - epoch + 1) * steps - step) / (rate > 0 ? rate : 1);
    fprintf(stderr, "\r\033[Kepoch %lld of %lld  step %lld of %lld", (long long)epoch,
            (long long)run->epochs, (long long)step, (long long)steps);
    if (v->last.epoch)
        fprintf(stderr, "  loss %.4f  train %.2f %%  test %.2f %%", v->last.train_loss,
                100 * v->last.train_accuracy, 100 * v->last.test_accuracy);
    fprintf(stderr, "  %.0f images/s  at most %lld:%02lld left", rate * (double)run->batch,
            (long long)left / 60, (long long)left % 60);
    fflush(stderr);
    v->drawn = true;
    v->drawn_ns = now;
}

static void on_progress(void *ctx, const rk_run_record *run, int64_t epoch, int64_t step,
                        int64_t steps)
{
    rk_view *v = ctx;
    if (!v->live || v->quiet) return;
    double now = (double)rk_os_now_ns();
    if (epoch != v->epoch) {
        v->epoch = epoch;
        v->epoch_start_ns = now;
        v->first_step = step;
    } else if (now - v->drawn_ns >= DRAW_EVERY_NS)
        draw(v, run, epoch, step, steps, now);
}

static void on_epoch(void *ctx, const rk_run_record *run, const rk_epoch_record *row)
{
    rk_view *v = ctx;
    v->last = *row;
    if (v->quiet || v->live) return;
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

static void on_estimate(void *ctx, const rk_estimate *cost)
{
    const rk_view *v = ctx;
    if (v->estimate || (!v->quiet && cost->seconds > LONG_SECONDS)) rk_estimate_print(stderr, cost);
}

rk_watch rk_view_watch(rk_view *v)
{
    return (rk_watch){v, on_start, on_progress, on_epoch, on_stopping, on_estimate, v->estimate};
}
