/* The loop of a bench: one process at a time is started, heard, and seen to end. */
#include "base/os.h"
#include "cli/bench.h"
#include "cli/signals.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 100, GRACE_SECONDS = 10, LINE_MAX_BYTES = 1 << 16 };

/* One process that measures. */
typedef struct child {
    rk_spawned s;
    rk_bench_heard *heard;
    rk_bench_view *view;
    rk_str note, print; /* lines that are not whole yet */
    char said[256];     /* the last line that it printed */
    double heard_ns, told_ns;
    bool garbled, hung, told;
} child;

typedef struct bench {
    const rk_bench_plan *p;
    rk_results *results;
    int64_t id;
    rk_bench_view *view;
    bool failed;
} bench;

static double now_ns(void) { return (double)rk_os_now_ns(); }

/* ---- hearing --------------------------------------------------------------------------------- */

static void on_note(child *c, const char *line)
{
    c->heard_ns = now_ns();
    if (!rk_bench_hear(c->heard, line)) c->garbled = true;
}

static void on_print(child *c, const char *line)
{
    bool message = strncmp(line, "rethink: ", 9) == 0;
    if (line[0]) snprintf(c->said, sizeof c->said, "%.*s", (int)sizeof c->said - 1, line);
    if (!line[0] || (!message && !c->view->verbose)) return;
    rk_live_clear(&c->view->live);
    fprintf(stderr, "%s\n", line);
}

/* Adds bytes to what is there, and hands on whole lines. */
static void split(child *c, rk_str *rest, const char *bytes, size_t n,
                  void (*line)(child *, const char *))
{
    while (n) {
        const char *end = memchr(bytes, '\n', n);
        size_t k = end ? (size_t)(end - bytes) : n;
        rk_str_add(rest, "%.*s", (int)k, bytes);
        if (rest->failed) c->garbled = true;
        if (!end && (rest == &c->note || rest->n < LINE_MAX_BYTES)) return;
        line(c, rest->s ? rest->s : "");
        if (rest->s) rest->s[0] = '\0';
        rest->n = 0;
        bytes += k + (end != NULL);
        n -= k + (end != NULL);
    }
}

/* All that is there to read; at its end the descriptor is closed. */
static void drain(child *c, int *fd, rk_str *rest, void (*line)(child *, const char *))
{
    char bytes[4096];
    ssize_t n = 1;
    while (*fd >= 0 && n > 0) {
        n = read(*fd, bytes, sizeof bytes);
        if (n > 0) split(c, rest, bytes, (size_t)n, line);
    }
    if (*fd >= 0 && n == 0) {
        close(*fd);
        *fd = -1;
    }
}

static void drain_both(child *c)
{
    drain(c, &c->s.notes, &c->note, on_note);
    drain(c, &c->s.text, &c->print, on_print);
}

/* ---- one process ----------------------------------------------------------------------------- */

/* Asks it to stop, or stops it, when it is time to. */
static void watch(child *c, double timeout)
{
    double now = now_ns();
    if (rk_signals_stopping() && !c->told) {
        kill(c->s.pid, SIGTERM);
        c->told = true;
        c->told_ns = now;
    }
    if (c->told && now - c->told_ns > GRACE_SECONDS * 1e9) kill(c->s.pid, SIGKILL);
    if (!c->told && now - c->heard_ns > timeout * 1e9) {
        c->hung = true;
        kill(c->s.pid, SIGKILL);
    }
}

/* Until it has ended; children of its own may hold the pipes open. */
static int wait_for(child *c, double timeout, void (*draw)(void *), void *ctx)
{
    for (;;) {
        int status = 0;
        struct pollfd p[] = {{.fd = c->s.notes, .events = POLLIN},
                             {.fd = c->s.text, .events = POLLIN}};
        poll(p, 2, POLL_MS);
        drain_both(c);
        pid_t pid = waitpid(c->s.pid, &status, WNOHANG);
        if (pid > 0 || (pid < 0 && errno != EINTR)) {
            drain_both(c);
            return status;
        }
        watch(c, timeout);
        draw(ctx);
    }
}

static void close_child(child *c)
{
    if (c->s.notes >= 0) close(c->s.notes);
    if (c->s.text >= 0) close(c->s.text);
    rk_str_free(&c->note);
    rk_str_free(&c->print);
}

/* Why a process that did not say that it is at its end is gone. */
static bool judge(const child *c, int status, double timeout)
{
    char how[64], why[512];
    rk_bench_heard *h = c->heard;
    if (c->garbled) return rk_bench_heard_fail(h, "no memory for what a process said");
    if (h->ended || rk_signals_stopping()) return true;
    rk_spawn_how(status, how, sizeof how);
    if (c->hung)
        snprintf(why, sizeof why, "hung: nothing for %g seconds", timeout);
    else
        snprintf(why, sizeof why, "the process %s%s%s", how, c->said[0] ? ": " : "", c->said);
    return rk_bench_heard_fail(h, why);
}

/* ---- one task -------------------------------------------------------------------------------- */

typedef struct task {
    bench *b;
    uint32_t number, device, process;
    rk_bench_heard heard;
    uint32_t parts; /* that are to be done */
    double before;  /* of the view's seconds, when it began */
} task;

/* Seconds of the parts of a task that are over, and of the one going on. */
static double progress(const task *t)
{
    uint32_t n;
    double sum = 0;
    rk_bench_parts(&n);
    for (int i = 0; i < (int)n && i <= t->heard.part; i++) {
        double seconds = rk_bench_plan_seconds(t->b->p, (uint32_t)i);
        if (!rk_bench_plan_has(t->b->p, (uint32_t)i, t->process)) continue;
        sum += i < t->heard.part ? seconds : seconds * fmin(fmax(t->heard.fraction, 0), 1);
    }
    return sum;
}

static void draw(void *ctx)
{
    task *t = ctx;
    rk_bench_view *v = t->b->view;
    const rk_bench_plan *p = t->b->p;
    rk_str line = {0};
    char left[RK_DURATION_CHARS];
    uint32_t n;
    v->done = t->before + progress(t);
    if (!rk_live_due(&v->live)) return;
    double spent = 1e-9 * (now_ns() - v->start_ns), pace = v->done > 1 ? spent / v->done : 1;
    rk_duration(pace * (v->total - v->done), left);
    rk_str_add(&line, "%u of %u  process %u of %u  %s", t->number + 1, p->n * p->a->processes,
               t->process, p->a->processes, p->target[t->device].spec);
    if (t->heard.part >= 0)
        rk_str_add(&line, "  %s: %s", rk_bench_parts(&n)[t->heard.part].suite[0], t->heard.what);
    rk_str_add(&line, "  about %s left", left);
    if (!line.failed) rk_live_draw(&v->live, line.s);
    rk_str_free(&line);
}

/* A process for the parts that are left.  What it did not come to is left after it. */
static rk_status run_child(task *t, rk_error *e)
{
    const rk_bench_plan *p = t->b->p;
    const rk_bench_target *target = &p->target[t->device];
    const char *const files[] = {target->path, p->reference_path};
    bool both = p->reference_path && strcmp(p->reference_path, target->path) != 0;
    child c = {.heard = &t->heard, .view = t->b->view, .heard_ns = now_ns()};
    rk_bench_order o = {
        .spec = target->spec,
        .reference = p->reference,
        .suites = p->a->suites,
        .threads = p->a->threads,
        .backends = files,
        .n_backends = both ? 2 : 1,
        .parts = t->parts,
        .options = {.size = p->a->size, .repeats = p->a->repeats, .seed = 1, .process = t->process},
        .times = p->times,
        .identify = t->process == 1 && !t->heard.identified,
        .verbose = p->a->verbose};
    t->heard.part = -1;
    t->heard.ended = false;
    RK_TRY(rk_bench_start(&o, &c.s, e));
    int status = wait_for(&c, p->a->timeout, draw, t);
    bool good = judge(&c, status, p->a->timeout);
    close_child(&c);
    if (t->heard.ended || t->heard.part < 0)
        t->parts = 0;
    else
        t->parts &= ~((2u << t->heard.part) - 1);
    return good ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for what a process measured");
}

static rk_status store(task *t, rk_error *e)
{
    rk_bench_heard *h = &t->heard;
    const bench *b = t->b;
    for (uint32_t i = 0; i < h->n; i++) {
        h->value[i].bench = b->id;
        h->value[i].device = t->device + 1;
        h->value[i].process = t->process;
    }
    h->device.bench = b->id;
    h->device.device = t->device + 1;
    h->device.spec = b->p->target[t->device].spec;
    if (h->identified) RK_TRY(rk_results_bench_device(b->results, &h->device, e));
    return rk_results_bench_values(b->results, h->value, h->n, e);
}

static void tell(task *t, double seconds)
{
    rk_bench_view *v = t->b->view;
    const rk_bench_plan *p = t->b->p;
    const char *spec = p->target[t->device].spec;
    rk_live_clear(&v->live);
    for (uint32_t i = 0; i < t->heard.n; i++) {
        const rk_bench_value *x = &t->heard.value[i];
        if (strcmp(x->suite, "machine") != 0 || strcmp(x->name, "failed") != 0) continue;
        fprintf(stderr, "rethink: process %u of %s%s%s: %s\n", t->process, spec,
                x->subject[0] ? ", suite " : "", x->subject, x->text);
    }
    if (v->quiet) return;
    fprintf(v->out, "%u of %u  process %u of %u  %s  %.1f s  %u values%s\n", t->number + 1,
            p->n * p->a->processes, t->process, p->a->processes, spec, seconds, t->heard.n,
            rk_signals_stopping() ? "  stopped" : "");
    fflush(v->out);
}

static rk_status run_task(bench *b, uint32_t number, rk_error *e)
{
    uint32_t n;
    double start = now_ns(), whole = 0;
    task t = {.b = b,
              .number = number,
              .device = rk_bench_plan_device(b->p, number),
              .process = number / b->p->n + 1,
              .heard.part = -1,
              .before = b->view->done};
    rk_bench_parts(&n);
    for (uint32_t i = 0; i < n; i++)
        if (rk_bench_plan_has(b->p, i, t.process)) {
            t.parts |= 1u << i;
            whole += rk_bench_plan_seconds(b->p, i);
        }
    rk_status status = t.parts ? run_child(&t, e) : RK_OK;
    while (status == RK_OK && t.parts && !rk_signals_stopping()) status = run_child(&t, e);
    rk_status stored = store(&t, status == RK_OK ? e : NULL);
    b->view->done = t.before + whole;
    b->failed |= t.heard.failed;
    if (whole > 0) tell(&t, 1e-9 * (now_ns() - start));
    rk_pool_free(&t.heard.pool);
    return status == RK_OK ? stored : status;
}

rk_status rk_bench_run(const rk_bench_plan *p, rk_results *r, int64_t id, rk_bench_view *v,
                       bool *failed, rk_error *e)
{
    uint32_t parts, tasks = p->n * p->a->processes;
    bench b = {.p = p, .results = r, .id = id, .view = v};
    rk_status status = RK_OK;
    rk_bench_parts(&parts);
    v->start_ns = now_ns();
    for (uint32_t i = 0; i < parts; i++)
        for (uint32_t k = 1; k <= p->a->processes; k++)
            if (rk_bench_plan_has(p, i, k)) v->total += p->n * rk_bench_plan_seconds(p, i);
    for (uint32_t i = 0; i < tasks && status == RK_OK && !rk_signals_stopping(); i++)
        status = run_task(&b, i, e);
    rk_live_clear(&v->live);
    *failed = b.failed;
    return status;
}
