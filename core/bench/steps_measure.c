/* Measuring one workload: made ready, run in turn with its other tier, taken apart. */
#include "base/error.h"
#include "bench/machine_read.h"
#include "bench/steps.h"
#include "device/profile.h"
#include <math.h>
#include <stdlib.h>

enum { STEPS_MAX = 256 };    /* of a repetition */
#define REPETITION 0.02      /* seconds of one, at least */
#define ENERGY_REPETITION 1. /* sensors tell so often or more */

static double run_steps(rk_trainer *t, int64_t n, rk_status *status, rk_error *e)
{
    double begun = rk_bench_now();
    for (int64_t i = 0; i < n && *status == RK_OK; i++)
        *status = rk_trainer_step(t, i % t->steps, e);
    if (*status == RK_OK) *status = rk_session_sync(t->session, e);
    return rk_bench_now() - begun;
}

/* Opens, and runs the first step: kernels may be compiled in either. */
static rk_status make_ready(const rk_step_run *r, rk_step_tier *x, int warm, rk_error *e)
{
    rk_status status = RK_OK;
    RK_TRY(rk_workload_open(r->c, r->work, x->numerics, r->c->options->seed, &x->trainer, e));
    x->plan[warm] = 1e-9 * (double)x->trainer->plan_ns;
    RK_TRY(rk_trainer_begin(x->trainer, 0, e));
    x->first[warm] = run_steps(x->trainer, 1, &status, e);
    return status;
}

static void forget(rk_step_tier *x)
{
    rk_trainer_close(x->trainer);
    x->trainer = NULL;
}

rk_status rk_step_run_cold(const rk_step_run *r, rk_step_tier *x, rk_error *e)
{
    rk_status status = make_ready(r, x, 0, e);
    forget(x);
    return status;
}

static rk_status open_tier(const rk_step_run *r, rk_step_tier *x, rk_error *e)
{
    const rk_bench_cold *cold = &r->c->cold;
    x->plan[0] = NAN;
    if (cold->model == r->work->model && x->numerics == RK_NUMERICS_EXACT) {
        x->plan[0] = cold->plan;
        x->first[0] = cold->first;
    }
    for (int again = 0; again < 2; again++) { /* a start that compiles is not the warm one */
        forget(x);
        x->held = rk_machine_reset_peak() ? rk_machine_held() : NAN;
        RK_TRY(make_ready(r, x, 1, e));
        if (!rk_session_ready(x->trainer->session)->compiled) break;
    }
    x->host_memory = rk_machine_peak();
    x->device_memory = (double)rk_session_bytes(x->trainer->session);
    return RK_OK;
}

static rk_status open_tiers(rk_step_run *r, rk_error *e)
{
    r->n_tier = r->c->options->fast ? 2 : 1;
    for (uint32_t i = 0; i < r->n_tier; i++) {
        rk_step_tier *x = &r->tier[i];
        *x = (rk_step_tier){.numerics = i ? RK_NUMERICS_FAST : RK_NUMERICS_EXACT,
                            .why = rk_error_new()};
        RK_TRY(rk_bench_progress(r->c, r->work->model, 0.1 * i, e));
        rk_status status = i && rk_bench_now() > r->deadline ? rk_workload_late(r->c, &x->why)
                                                             : open_tier(r, x, &x->why);
        if (status != RK_OK) forget(x);
    }
    rk_step_tier *exact = &r->tier[0], *fast = &r->tier[1];
    if (!fast->trainer || !exact->trainer || !rk_workload_same(fast->trainer, exact->trainer))
        return RK_OK;
    rk_fail(&fast->why, RK_E_UNSUPPORTED, __func__, __LINE__, "%s", rk_workload_same_why);
    forget(fast);
    return RK_OK;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* So many steps that one repetition is not short; both tiers have their own number. */
static rk_status choose_steps(rk_step_tier *x)
{
    rk_status status = RK_OK;
    double one = run_steps(x->trainer, 1, &status, &x->why);
    double steps = one > 0 ? ceil(REPETITION / one) : STEPS_MAX;
    x->chunk = steps < STEPS_MAX ? (int64_t)steps : STEPS_MAX;
    return status;
}

static bool enough(const rk_step_run *r, uint32_t round)
{
    if (round == RK_STEP_SAMPLES) return true;
    bool late = rk_bench_now() > r->deadline;
    return round >= r->c->options->repeats || (late && round >= 2);
}

/* The tiers take turns, and so does who is first. */
static rk_status time_steps(rk_step_run *r, rk_error *e)
{
    for (uint32_t i = 0; i < r->n_tier; i++)
        if (r->tier[i].trainer && choose_steps(&r->tier[i]) != RK_OK) forget(&r->tier[i]);
    for (uint32_t round = 0; !enough(r, round); round++) {
        RK_TRY(
            rk_bench_progress(r->c, r->work->model, 0.2 + 0.4 * round / r->c->options->repeats, e));
        for (uint32_t k = 0; k < r->n_tier; k++) {
            uint32_t i = (k + round) % r->n_tier;
            rk_step_tier *x = &r->tier[i];
            rk_status status = RK_OK;
            if (!x->trainer) continue;
            double seconds = run_steps(x->trainer, x->chunk, &status, &x->why);
            x->step[x->n] = seconds / (double)x->chunk;
            if (status != RK_OK) forget(x);
            x->n++;
        }
    }
    return RK_OK;
}

/* ---- kernels and the host -------------------------------------------------------------------- */

/* Seconds until the device has been told of a step. */
static rk_status time_host(rk_step_tier *x, double *out)
{
    RK_TRY(rk_session_sync(x->trainer->session, &x->why));
    double begun = rk_bench_now();
    RK_TRY(rk_trainer_step(x->trainer, 0, &x->why));
    *out = rk_bench_now() - begun;
    return rk_session_sync(x->trainer->session, &x->why);
}

static rk_status profile_once(rk_step_tier *x, rk_launch *launch, uint32_t n)
{
    double sum = 0;
    RK_TRY(time_host(x, &x->host[x->n_kernel]));
    RK_TRY(rk_program_profile(x->trainer->step, launch, &x->why));
    x->flop = x->bytes = 0;
    x->in_a_row = true;
    for (uint32_t i = 0; i < n; i++) {
        sum += launch[i].seconds;
        x->flop += launch[i].flop;
        x->bytes += launch[i].bytes;
        x->in_a_row = x->in_a_row && launch[i].kernels;
    }
    x->launches = n;
    x->kernel[x->n_kernel++] = sum;
    return RK_OK;
}

static rk_status profile(const rk_step_run *r, rk_step_tier *x, rk_error *e)
{
    uint32_t n = rk_program_launches(x->trainer->step);
    rk_status status = RK_OK;
    rk_launch *launch = calloc((size_t)n + 1, sizeof *launch);
    if (!launch) return RK_FAIL(e, RK_E_NOMEM, "no memory for a profile");
    for (uint32_t round = 0; status == RK_OK && !enough(r, round); round++)
        status = profile_once(x, launch, n);
    free(launch);
    if (status != RK_OK) forget(x);
    return RK_OK;
}

/* ---- energy ---------------------------------------------------------------------------------- */

static rk_status energy_once(const rk_step_run *r, rk_step_tier *x, double *out)
{
    rk_status status = RK_OK;
    double begun = rk_bench_now(), steps = 0;
    RK_TRY(rk_energy_begin(r->sensor, &x->why));
    do {
        run_steps(x->trainer, x->chunk, &status, &x->why);
        RK_TRY(status);
        RK_TRY(rk_energy_sample(r->sensor, &x->why));
        steps += (double)x->chunk;
    } while (rk_bench_now() - begun < ENERGY_REPETITION);
    *out = rk_energy_joules(r->sensor) / steps;
    return RK_OK;
}

/* A sensor that ends leaves the times as they are: the reason is in x->why. */
static rk_status measure_energy(const rk_step_run *r, rk_step_tier *x, rk_error *e)
{
    for (uint32_t round = 0; r->sensor && !enough(r, round); round++) {
        RK_TRY(rk_bench_progress(r->c, r->work->model, 0.8, e));
        if (energy_once(r, x, &x->energy[x->n_energy]) != RK_OK) break;
        x->n_energy++;
    }
    return RK_OK;
}

rk_status rk_step_run_measure(rk_step_run *r, rk_error *e)
{
    RK_TRY(open_tiers(r, e));
    RK_TRY(time_steps(r, e));
    for (uint32_t i = 0; i < r->n_tier; i++) {
        rk_step_tier *x = &r->tier[i];
        RK_TRY(rk_bench_progress(r->c, r->work->model, 0.6 + 0.1 * i, e));
        if (x->trainer) RK_TRY(profile(r, x, e));
        if (x->trainer) RK_TRY(measure_energy(r, x, e));
    }
    return RK_OK;
}

void rk_step_run_close(rk_step_run *r)
{
    for (uint32_t i = 0; i < r->n_tier; i++) forget(&r->tier[i]);
}
