/* The weights of a run, kept at some of its steps; and weights moved by one unit in the last
 * place. */
#include "base/error.h"
#include "bench/distance.h"
#include "bench/give.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* 1, 2, 5, 10, 20, 50, ... up to steps, and steps. */
static uint32_t choose_points(int64_t steps, int64_t *out)
{
    static const int64_t factor[] = {1, 2, 5};
    int64_t ten = 1;
    uint32_t n = 0;
    for (; n + 1 < RK_DISTANCE_POINTS; ten *= n % 3 ? 1 : 10) {
        int64_t at = factor[n % 3] * ten;
        if (at >= steps) break;
        out[n++] = at;
    }
    out[n++] = steps;
    return n;
}

static uint64_t count_values(const rk_trainer *t) { return (uint64_t)rk_trainer_parameters(t); }

/* Trained buffers one after the other, in the order of their names. */
static rk_status read_weights(rk_trainer *t, float *to, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    for (uint32_t i = 0; i < n; i++) {
        if (!b[i].trained) continue;
        RK_TRY(rk_session_read(t->session, b[i].name, to, b[i].bytes, e));
        to += b[i].bytes / sizeof *to;
    }
    return RK_OK;
}

/* One step; the order of an epoch is drawn at its begin. */
static rk_status step_once(const rk_bench_case *c, rk_trainer *t, int64_t step, rk_error *e)
{
    int64_t epoch = step / t->steps;
    if (c->sink->stopping && c->sink->stopping(c->sink->ctx))
        return RK_FAIL(e, RK_E_STOPPED, "stopped at step %lld of a run", (long long)step);
    if (step % t->steps == 0) RK_TRY(rk_trainer_begin(t, epoch, e));
    return rk_trainer_step(t, step % t->steps, e);
}

static rk_status follow(const rk_bench_case *c, rk_trainer *t, uint32_t n, double deadline,
                        rk_weight_log *out, rk_error *e)
{
    for (int64_t step = 0; out->n < n; step++) {
        RK_TRY(step_once(c, t, step, e));
        if (step + 1 != out->step[out->n]) continue;
        RK_TRY(read_weights(t, out->weights + out->n * out->values, e));
        out->n++;
        if (rk_bench_now() > deadline) break;
    }
    return RK_OK;
}

rk_status rk_weight_log_make(const rk_bench_case *c, rk_trainer *t, int64_t steps, double deadline,
                             rk_weight_log *out, rk_error *e)
{
    *out = (rk_weight_log){.values = count_values(t)};
    uint32_t n = choose_points(steps, out->step);
    out->weights = calloc(n * (out->values + 1), sizeof *out->weights);
    if (!out->weights)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for the weights of a run at %u steps", n);
    rk_status status = follow(c, t, n, deadline, out, e);
    if (status != RK_OK) rk_weight_log_free(out);
    return status;
}

void rk_weight_log_free(rk_weight_log *log)
{
    free(log->weights);
    *log = (rk_weight_log){.n = 0};
}

double rk_weight_log_distance(const rk_weight_log *a, const rk_weight_log *b, uint32_t point)
{
    const float *x = a->weights + point * a->values, *y = b->weights + point * b->values;
    double difference = 0, norm = 0;
    for (uint64_t i = 0; i < a->values; i++) {
        double d = (double)x[i] - (double)y[i];
        difference += d * d;
        norm += (double)y[i] * (double)y[i];
    }
    return sqrt(difference / norm);
}

/* ---- one unit in the last place -------------------------------------------------------------- */

static void nudge(const char *name, uint64_t seed, float *x, uint64_t n)
{
    char stream[160];
    snprintf(stream, sizeof stream, "nudge/%s", name);
    rk_random r = rk_random_named(seed, stream);
    for (uint64_t i = 0; i < n; i++)
        x[i] = nextafterf(x[i], rk_random_word(r, i) >> 31 ? INFINITY : -INFINITY);
}

rk_status rk_trainer_nudge(rk_trainer *t, uint64_t seed, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++) {
        if (!b[i].trained) continue;
        float *x = malloc(b[i].bytes + 1);
        if (!x) return RK_FAIL(e, RK_E_NOMEM, "no memory for '%s'", b[i].name);
        status = rk_session_read(t->session, b[i].name, x, b[i].bytes, e);
        if (status == RK_OK) nudge(b[i].name, seed, x, b[i].bytes / sizeof *x);
        if (status == RK_OK) status = rk_session_write(t->session, b[i].name, x, b[i].bytes, e);
        free(x);
    }
    return status;
}
