#include "bench/runner.h"
#include <stdlib.h>
#include <string.h>
#include "device/tuned.h"

static rk_status timed(rk_runner *r, uint32_t times, double *seconds, rk_error *e)
{
    double begun = rk_bench_now();
    RK_TRY(r->run(r->ctx, times, e));
    *seconds = rk_bench_now() - begun;
    return RK_OK;
}

rk_status rk_runner_pace(rk_runner *r, double seconds, double *once, rk_error *e)
{
    enum { MOST = 100000 };
    double took = 0;
    RK_TRY(r->run(r->ctx, 1, e)); /* what only a first run does */
    for (r->times = 1;; r->times *= 4) {
        RK_TRY(timed(r, r->times, &took, e));
        if (took >= seconds / 8 || r->times > MOST / 4) break;
    }
    *once = took / r->times;
    double times = *once > 0 ? seconds / *once : MOST;
    r->times = times < 1 ? 1 : times > MOST ? MOST : (uint32_t)times;
    return RK_OK;
}

rk_status rk_runners_time(rk_runner *r, uint32_t n, uint32_t repeats, uint32_t *failed, rk_error *e)
{
    if (failed) *failed = 0;
    for (uint32_t i = 0; i < n; i++) {
        r[i].seconds = calloc((size_t)repeats + 1, sizeof *r[i].seconds);
        if (!r[i].seconds) return RK_FAIL(e, RK_E_NOMEM, "no memory for times");
        r[i].n = 0;
    }
    for (uint32_t k = 0; k < repeats; k++)
        for (uint32_t i = 0; i < n; i++) {
            rk_runner *x = &r[(i + k) % n]; /* none always comes after the same one */
            rk_status s = timed(x, x->times, &x->seconds[x->n], e);
            if (s != RK_OK && failed) *failed = (i + k) % n;
            RK_TRY(s);
            x->seconds[x->n++] /= x->times;
        }
    return RK_OK;
}

void rk_runner_free(rk_runner *r)
{
    if (r->free) r->free(r->ctx);
    free(r->seconds);
    *r = (rk_runner){0};
}

/* ---- kernels ---- */

static uint64_t bytes_of(const rk_tensor *t)
{
    return (uint64_t)rk_tensor_extent(t) * rk_dtype_bytes(t->dtype);
}

static rk_status workspace(rk_trial *t, uint64_t bytes, rk_error *e)
{
    if (!bytes) return RK_OK;
    return rk_open_alloc(t->d, bytes, &t->arg[t->n++].mem, e);
}

static rk_status allocate(rk_trial *t, const rk_sample *s, const rk_trial *like, rk_error *e)
{
    uint32_t n = s->op.n_in + s->op.n_out;
    for (; t->n < n; t->n++) {
        const rk_tensor *x = t->n < s->op.n_in ? &s->in[t->n] : &s->out[t->n - s->op.n_in];
        if (like)
            t->arg[t->n] = like->arg[t->n];
        else
            RK_TRY(rk_open_alloc(t->d, bytes_of(x) + 1, &t->arg[t->n].mem, e));
    }
    return workspace(t, t->info.workspace, e);
}

static rk_status make(rk_open *d, const rk_sample *s, bool exact, const char *choice,
                      const rk_trial *like, rk_trial *out, rk_error *e)
{
    rk_op op = rk_sample_op(s);
    *out = (rk_trial){.d = d, .borrowed = like != NULL};
    if (!exact) op.flags |= RK_OP_FAST;
    RK_TRY(choice ? rk_open_prepare_choice(d, &op, exact, choice, &out->kernel, &out->info, e)
                  : rk_open_prepare(d, &op, exact, &out->kernel, &out->info, e));
    rk_status status = allocate(out, s, like, e);
    if (status != RK_OK) rk_trial_free(out);
    return status;
}

rk_status rk_trial_op(rk_open *d, const rk_sample *s, bool exact, const rk_trial *like,
                      rk_trial *out, rk_error *e)
{
    return make(d, s, exact, NULL, like, out, e);
}

rk_status rk_trial_choice(rk_open *d, const rk_sample *s, const char *choice, const rk_trial *like,
                          rk_trial *out, rk_error *e)
{
    if (!d->table->prepare_choice) return RK_FAIL(e, RK_E_UNSUPPORTED, "it offers no choices");
    return make(d, s, false, choice, like, out, e);
}

/* A library is compiled, and tried out on products of some 5 GFLOP in all, before it is trusted; it
 * may well be ten times slower than the exact kernel. */
double rk_trial_of_fast(double flop, double seconds)
{
    const double compile = 4, trial = 5e9, slower = 10;
    return flop > 0 ? compile + slower * trial * seconds / flop : 0;
}

rk_status rk_trial_probe(rk_open *d, rk_probe *p, const rk_trial *like, rk_trial *out, rk_error *e)
{
    rk_status status = RK_OK;
    *out = (rk_trial){.d = d};
    p->size = sizeof *p;
    RK_TRY(rk_open_probe(d, p, &out->kernel, e));
    out->room = p->workspace;
    out->borrowed = p->workspace && like && like->room >= p->workspace;
    if (out->borrowed)
        out->arg[out->n++] = like->arg[0];
    else
        status = workspace(out, p->workspace, e);
    if (status != RK_OK) rk_trial_free(out);
    return status;
}

void rk_trial_free(rk_trial *t)
{
    if (!t->d) return;
    if (t->kernel) rk_open_sync(t->d, NULL);
    rk_open_release(t->d, t->kernel);
    for (uint32_t i = 0; i < t->n; i++) {
        bool own = !t->borrowed || (t->info.workspace && i + 1 == t->n);
        if (own) rk_open_free(t->d, t->arg[i].mem);
    }
    *t = (rk_trial){0};
}

rk_status rk_trial_run(void *trial, uint32_t times, rk_error *e)
{
    const rk_trial *t = trial;
    for (uint32_t i = 0; i < times; i++) RK_TRY(rk_open_launch(t->d, t->kernel, t->arg, t->n, e));
    return rk_open_sync(t->d, e);
}
