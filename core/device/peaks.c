/* What a device reaches: the two numbers that every kernel is measured by. */
#include <math.h>
#include <stdio.h>
#include "base/os.h"
#include "device/profile.h"
#include "device/program.h"

enum { VARIANTS = 3, SIZES = 3, RUNS = 5, SMALLEST = 256, ELEMENTS = 16 << 20, TIMES_MOST = 1000 };
#define PACE 4e-3 /* seconds of a repetition: what one wait costs does not count */

/* ---- timing ---- */

typedef struct timed {
    rk_session *session;
    rk_program *program; /* or a probe's kernel */
    rk_kernel *kernel;
    rk_arg arg;
    uint32_t n_arg;
} timed;

static rk_status launch(const timed *t, rk_error *e)
{
    const rk_program *p = t->program;
    if (p) return rk_program_run_steps(t->program, p->plan->n_once, p->plan->n_step, e);
    return rk_open_launch(&t->session->device, t->kernel, &t->arg, t->n_arg, e);
}

/* Seconds of one of so many that follow each other. */
static rk_status take(const timed *t, uint32_t times, double *out, rk_error *e)
{
    uint64_t begun = rk_os_now_ns();
    for (uint32_t i = 0; i < times; i++) RK_TRY(launch(t, e));
    RK_TRY(rk_session_sync(t->session, e));
    *out = 1e-9 * (double)(rk_os_now_ns() - begun + 1) / times;
    return RK_OK;
}

/* Of the fastest repetition; the first run, which makes ready, does not count. */
static rk_status fastest(const timed *t, double *out, rk_error *e)
{
    double once, took;
    RK_TRY(take(t, 1, &once, e));
    RK_TRY(take(t, 1, &once, e));
    double times = fmin(fmax(PACE / once, 1), TIMES_MOST);
    for (int i = 0; i < RUNS; i++) {
        RK_TRY(take(t, (uint32_t)times, &took, e));
        if (i == 0 || took < *out) *out = took;
    }
    return RK_OK;
}

/* ---- arithmetic, by the backend's probes ---- */

static rk_status begin_probe(rk_session *s, rk_probe *p, timed *t, rk_error *e)
{
    *t = (timed){.session = s};
    RK_TRY(rk_open_probe(&s->device, p, &t->kernel, e));
    t->n_arg = p->workspace != 0;
    return t->n_arg ? rk_open_alloc(&s->device, p->workspace, &t->arg.mem, e) : RK_OK;
}

static void end_probe(timed *t)
{
    rk_open *d = &t->session->device;
    if (t->kernel && !d->lost) rk_open_sync(d, NULL);
    rk_open_release(d, t->kernel);
    if (t->arg.mem) rk_open_free(d, t->arg.mem);
}

static rk_status run_probe(rk_session *s, rk_probe *p, double *seconds, rk_error *e)
{
    timed t;
    rk_status status = begin_probe(s, p, &t, e);
    if (status == RK_OK) status = fastest(&t, seconds, e);
    end_probe(&t);
    return status;
}

/* Sets how many rounds make a launch that is worth timing.  What a launch costs by itself is much
 * of the first guess, and little of the last. */
static rk_status pace_probe(rk_session *s, rk_probe *p, rk_error *e)
{
    enum { GUESSES = 3, ROUNDS_MOST = 1 << 20 };
    p->rounds = 1;
    for (int i = 0; i < GUESSES; i++) {
        timed t;
        double once = PACE;
        rk_status status = begin_probe(s, p, &t, e);
        for (int k = 0; status == RK_OK && k < 2; k++) status = take(&t, 1, &once, e);
        end_probe(&t);
        if (status != RK_OK) return status;
        p->rounds = (uint32_t)fmin(fmax(p->rounds * PACE / once, 1), ROUNDS_MOST);
    }
    return RK_OK;
}

/* Of the first variants, which promise most. */
static rk_status probe(rk_session *s, rk_peaks *out, rk_error *e)
{
    rk_probe p = {.size = sizeof p, .what = RK_PROBE_FMA, .variants = 1};
    for (; p.variant < p.variants && p.variant < VARIANTS; p.variant++) {
        double seconds = 1;
        rk_status status = pace_probe(s, &p, e);
        if (status == RK_OK) status = run_probe(s, &p, &seconds, e);
        if (status != RK_OK) return out->flops > 0 && !s->device.lost ? RK_OK : status;
        if (p.work / seconds <= out->flops) continue;
        out->flops = p.work / seconds;
        snprintf(out->text, sizeof out->text, "chains of fma (%s)", p.text);
    }
    return RK_OK;
}

/* ---- programs ---- */

static rk_status add(rk_session *s, rk_graph *g, const char *name, rk_program **out, rk_error *e)
{
    rk_status status = rk_graph_check(g, e);
    if (status == RK_OK) status = rk_session_add(s, g, name, out, e);
    rk_graph_free(g);
    return status;
}

static rk_status add_product(rk_session *s, int64_t size, rk_program **out, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory to measure a device");
    char from[32], to[32];
    snprintf(from, sizeof from, "peak/a/%lld", (long long)size);
    snprintf(to, sizeof to, "peak/aa/%lld", (long long)size);
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(size, size), from);
    rk_value product = rk_state(g, RK_F32, RK_SHAPE(size, size), to);
    rk_assign(g, product, rk_matmul(g, a, a, false, false));
    return add(s, g, "matrix product", out, e);
}

static rk_status add_triad(rk_session *s, rk_program **out, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory to measure a device");
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/sum");
    rk_value b = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/b");
    rk_value c = rk_state(g, RK_F32, RK_SHAPE(ELEMENTS), "peak/c");
    rk_assign(g, a, rk_add(g, b, rk_mul(g, rk_const_f(g, 3), c)));
    return add(s, g, "sum of arrays", out, e);
}

static rk_status multiply(rk_session *s, rk_program *const *product, rk_peaks *out, rk_error *e)
{
    for (int i = 0; i < SIZES; i++) {
        double seconds = 1;
        RK_TRY(fastest(&(timed){.session = s, .program = product[i]}, &seconds, e));
        out->flops = fmax(out->flops, rk_program_describe(product[i])->flop / seconds);
    }
    snprintf(out->text, sizeof out->text, "the best matrix product");
    return RK_OK;
}

static rk_status measure(rk_session *s, rk_peaks *out, rk_error *e)
{
    rk_program *product[SIZES], *triad;
    double seconds = 1;
    rk_error own = rk_error_new();
    rk_status probed = probe(s, out, &own);
    if (probed == RK_E_DEVICE && e) *e = own;
    if (probed == RK_E_DEVICE) return probed;
    for (int i = 0; probed != RK_OK && i < SIZES; i++)
        RK_TRY(add_product(s, (int64_t)SMALLEST << i, &product[i], e));
    RK_TRY(add_triad(s, &triad, e));
    RK_TRY(rk_session_commit(s, e));
    if (probed != RK_OK) RK_TRY(multiply(s, product, out, e));
    RK_TRY(fastest(&(timed){.session = s, .program = triad}, &seconds, e));
    out->bytes = 3.0 * sizeof(float) * ELEMENTS / seconds;
    return RK_OK;
}

rk_status rk_session_peaks(const rk_session *s, rk_peaks *out, rk_error *e)
{
    rk_session *own;
    *out = (rk_peaks){0};
    RK_TRY(rk_session_open(s->hub, s->entry->spec, &s->options, &own, e));
    rk_status status = measure(own, out, e);
    rk_session_close(own);
    return status;
}
