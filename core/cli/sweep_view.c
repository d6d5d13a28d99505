/* What a user sees while a sweep goes on. */
#include "base/os.h"
#include "base/text.h"
#include "cli/runs.h"
#include "cli/sweep.h"
#include <math.h>
#include <string.h>

enum { TITLE_MAX = 128 };

const char *rk_task_state_name(rk_task_state s)
{
    static const char *const names[] = {"new",     "resumes", "done",    "left out",
                                        "running", "done",    "stopped", "failed"};
    return names[s];
}

void rk_task_title(const rk_task *t, char *out, size_t cap)
{
    if (t->label[0])
        snprintf(out, cap, "%s", t->label);
    else
        rk_randomize_title(t->config.randomize, out, cap);
}

/* Characters of a text, counting UTF-8 sequences once. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static int larger(int a, int b) { return a > b ? a : b; }

rk_sweep_view rk_sweep_view_new(const rk_sweep *s, const rk_sweep_arguments *a)
{
    rk_sweep_view v = {.out = a->run.json ? stderr : stdout,
                       .quiet = a->run.quiet,
                       .verbose = a->run.verbose,
                       .live = rk_live_new(),
                       .start_ns = (double)rk_os_now_ns()};
    v.number_width = snprintf(NULL, 0, "%u", s->total);
    for (uint32_t i = 0; i < s->n; i++) {
        char title[TITLE_MAX];
        rk_task_title(&s->task[i], title, sizeof title);
        v.title_width = larger(v.title_width, width_of(title));
        for (uint32_t k = 0; k < s->task[i].n_devices; k++)
            v.device_width = larger(v.device_width, width_of(s->task[i].device[k]));
    }
    if (v.quiet) v.live.on = false;
    return v;
}

/* "random labels  seed 2  cpu:0", in columns. */
static void print_name(FILE *f, const rk_sweep_view *v, const rk_sweep *s, const rk_task *t)
{
    char title[TITLE_MAX];
    rk_task_title(t, title, sizeof title);
    fprintf(f, "%*u of %u  %s%*s  seed %llu  %-*s", v->number_width, t->number, s->total, title,
            v->title_width - width_of(title), "", (unsigned long long)t->config.seed,
            v->device_width, t->device[0]);
}

static void print_done(FILE *f, const rk_run_record *run)
{
    if (run->epochs_done)
        fprintf(f, "  train %6.2f %%  test %6.2f %%", 100 * run->train_accuracy,
                100 * run->test_accuracy);
    if (run->fit_epoch) fprintf(f, "  fit at %lld", (long long)run->fit_epoch);
    fprintf(f, "  %lld epochs  %.2f s  %.12s", (long long)run->epochs_done, run->seconds,
            run->digest);
}

static void print_failure(const rk_task *t)
{
    char title[TITLE_MAX];
    rk_task_title(t, title, sizeof title);
    fprintf(stderr, "rethink: task %u (%s, seed %llu, %s) failed: %s\n", t->number, title,
            (unsigned long long)t->config.seed, t->device[0],
            t->reason ? t->reason : "no memory for the reason");
}

rk_status rk_sweep_view_end(rk_sweep_view *v, const rk_sweep *s, const rk_task *t, rk_results *r,
                            rk_error *e)
{
    rk_run_record *run = NULL;
    rk_live_clear(&v->live);
    if (t->state == RK_TASK_FAILED) print_failure(t);
    if (v->quiet || t->state == RK_TASK_FAILED) return RK_OK;
    if (t->state == RK_TASK_DONE) RK_TRY(rk_results_run(r, t->run, &run, e));
    print_name(v->out, v, s, t);
    if (run) print_done(v->out, run);
    fprintf(v->out, "%s\n", run ? t->resumed ? "  resumed" : "" : "  stopped");
    fflush(v->out);
    rk_run_record_free(run);
    return RK_OK;
}

void rk_sweep_view_line(rk_sweep_view *v, const rk_task *t, const char *line)
{
    bool message = strncmp(line, "rethink: ", 9) == 0;
    if (!message && !v->verbose) return;
    rk_live_clear(&v->live);
    fprintf(stderr, "%s (task %u)\n", line, t->number);
}

/* ---- time left ------------------------------------------------------------------------------- */

/* Of a task that runs: what runs of its kind took, or else at most what its epochs will. */
static double left_of_child(const rk_sweep *s, const rk_sweep_child *c)
{
    const rk_task *t = c->task;
    double here = 1e-9 * ((double)rk_os_now_ns() - c->start_ns);
    double guess = rk_sweep_estimate(s, t) - t->spent - here;
    double most = c->last.epochs ? c->last.left : NAN;
    if (isnan(guess)) return most;
    if (guess < 0) guess = 0;
    return most < guess ? most : guess;
}

/* What takes part in the sum, so that a part that is not known makes the sum unknown. */
typedef struct sum {
    double seconds, longest;
} sum;

static void add(sum *out, double seconds)
{
    out->seconds += seconds;
    if (seconds > out->longest) out->longest = seconds;
}

double rk_sweep_left(const rk_sweep *s, const rk_sweep_child *child, uint32_t n_children,
                     uint32_t at_once)
{
    sum all = {0, 0};
    for (uint32_t i = 0; i < n_children; i++)
        if (child[i].pid) add(&all, left_of_child(s, &child[i]));
    for (uint32_t i = 0; i < s->n; i++) {
        const rk_task *t = &s->task[i];
        if (t->state != RK_TASK_NEW && t->state != RK_TASK_RESUME) continue;
        double seconds = rk_sweep_estimate(s, t) - t->spent;
        add(&all, seconds < 0 ? 0 : seconds);
    }
    double left = all.seconds / at_once;
    return left < all.longest ? all.longest : left;
}

/* ---- the live line --------------------------------------------------------------------------- */

static void add_child(rk_str *line, const rk_sweep_child *c)
{
    char title[TITLE_MAX];
    const rk_sweep_note *at = &c->last;
    rk_task_title(c->task, title, sizeof title);
    rk_str_add(line, "  %u %s", c->task->number, title);
    if (at->epoch)
        rk_str_add(line, ": epoch %lld of %lld", (long long)at->epoch, (long long)at->epochs);
    if (at->train > 0 || at->loss > 0)
        rk_str_add(line, ", loss %.4f, train %.2f %%", at->loss, 100 * at->train);
}

void rk_sweep_view_draw(rk_sweep_view *v, const rk_sweep *s, const rk_sweep_child *child,
                        uint32_t n)
{
    rk_str line = {0};
    char left[RK_DURATION_CHARS];
    double images = 0;
    uint32_t done = rk_sweep_count(s, RK_TASK_DONE) + rk_sweep_count(s, RK_TASK_BEFORE);
    uint32_t failed = rk_sweep_count(s, RK_TASK_FAILED);
    if (!rk_live_due(&v->live)) return;
    for (uint32_t i = 0; i < n; i++)
        if (child[i].pid && child[i].last.images > 0) images += child[i].last.images;
    double seconds = rk_sweep_left(s, child, n, n);
    rk_duration(seconds, left);
    rk_str_add(&line, "%u of %u done, %u running", done, s->n, rk_sweep_count(s, RK_TASK_RUNNING));
    if (failed) rk_str_add(&line, ", %u failed", failed);
    if (images > 0) rk_str_add(&line, "  %.0f images/s", images);
    if (!isnan(seconds)) rk_str_add(&line, "  about %s left", left);
    for (uint32_t i = 0; i < n; i++)
        if (child[i].pid) add_child(&line, &child[i]);
    if (!line.failed) rk_live_draw(&v->live, line.s);
    rk_str_free(&line);
}
