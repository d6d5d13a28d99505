/* Handing on what was measured of a workload. */
#include "bench/steps.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static double median(const double *x, uint32_t n)
{
    double own[RK_STEP_SAMPLES];
    memcpy(own, x, n * sizeof *x);
    return rk_spread_of(own, n).median;
}

/* What is left of a step when the kernels are done; launches that are waited for one by one may
 * take longer than the step. */
static rk_status give_gaps(const rk_bench_of *of, const rk_step_tier *x, rk_error *e)
{
    double gap[RK_STEP_SAMPLES], kernel = median(x->kernel, x->n_kernel);
    for (uint32_t i = 0; i < x->n; i++) gap[i] = fmax(0, x->step[i] - kernel);
    return rk_bench_give_all(of, "gap seconds", "s", gap, x->n,
                             "a step without the kernels' time; 0 where they overlap", e);
}

static rk_status give_times(const rk_bench_of *of, rk_step_tier *x, rk_error *e)
{
    char text[96];
    snprintf(text, sizeof text, "repetitions of %lld step%s", (long long)x->chunk,
             x->chunk == 1 ? "" : "s");
    RK_TRY(give_gaps(of, x, e));
    RK_TRY(rk_bench_give_all(of, "kernel seconds", "s", x->kernel, x->n_kernel,
                             x->in_a_row ? "launches in a row, by the device's clock"
                                         : "launches waited for one by one",
                             e));
    RK_TRY(rk_bench_give_all(of, "host seconds", "s", x->host, x->n_kernel,
                             "until all launches are enqueued", e));
    return rk_bench_give_all(of, "seconds", "s", x->step, x->n, text, e);
}

static rk_status give_counts(const rk_step_run *r, const rk_bench_of *of, const rk_step_tier *x,
                             rk_error *e)
{
    const rk_program_info *info = rk_program_describe(x->trainer->step);
    char text[128];
    if (isnan(x->held))
        snprintf(text, sizeof text, "peak of the process since it began");
    else
        snprintf(text, sizeof text, "peak of the process, which held %.0f MB before",
                 1e-6 * x->held);
    RK_TRY(rk_bench_give_one(of, "images", "", (double)r->work->batch, "", e));
    RK_TRY(rk_bench_give_one(of, "flop", "FLOP", x->flop, "matrix products and convolutions", e));
    RK_TRY(rk_bench_give_one(of, "bytes", "B", x->bytes, "operands and results of launches", e));
    RK_TRY(rk_bench_give_one(of, "launches", "", x->launches, info->kernels, e));
    RK_TRY(rk_bench_give_one(of, "device memory", "B", x->device_memory, "", e));
    if (x->host_memory > 0)
        return rk_bench_give_one(of, "host memory", "B", x->host_memory, text, e);
    return rk_bench_give_none(of, "host memory", "B", "not measured: no /proc/self/status", e);
}

static rk_status give_plans(const rk_bench_of *of, const rk_step_tier *x, rk_error *e)
{
    static const char *const name[] = {"plan cold", "plan warm"};
    static const char *const text[] = {
        "caches of kernels empty: device opened, programs compiled, the first step's excess",
        "kernels as caches have them: device opened, programs made, the first step's excess"};
    double step = median(x->step, x->n);
    for (int i = 0; i < 2; i++) {
        double seconds = x->plan[i] + fmax(0, x->first[i] - step);
        if (isnan(x->plan[i]))
            RK_TRY(rk_bench_give_none(of, name[i], "s",
                                      "not measured: caches of kernels were not empty", e));
        else
            RK_TRY(rk_bench_give_one(of, name[i], "s", seconds, text[i], e));
    }
    return rk_bench_give_none(of, "tune", "s", "not measured: no tuner ran", e);
}

static rk_status give_energy(const rk_step_run *r, const rk_bench_of *of, rk_step_tier *x,
                             rk_error *e)
{
    if (x->n_energy)
        return rk_bench_give_all(of, "energy", "J", x->energy, x->n_energy, r->sensor_text, e);
    return rk_bench_give_none(of, "energy", "J", r->sensor ? x->why.text : r->sensor_text, e);
}

rk_status rk_step_run_give(rk_step_run *r, rk_error *e)
{
    char subject[RK_SUBJECT_MAX];
    rk_workload_subject(r->work, subject);
    for (uint32_t i = 0; i < r->n_tier; i++) {
        rk_step_tier *x = &r->tier[i];
        const rk_bench_of of = {r->c, "step", subject, rk_workload_tier(x->numerics)};
        if (!x->trainer) {
            RK_TRY(rk_bench_give_none(&of, "seconds", "s", x->why.text, e));
            continue;
        }
        RK_TRY(give_counts(r, &of, x, e));
        RK_TRY(give_plans(&of, x, e));
        RK_TRY(give_energy(r, &of, x, e));
        RK_TRY(give_times(&of, x, e));
    }
    return RK_OK;
}
