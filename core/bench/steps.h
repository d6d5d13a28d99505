/* steps.h: inside the suite 'step', for its files and their tests. */
#ifndef RK_BENCH_STEPS_H
#define RK_BENCH_STEPS_H
#include "bench/energy.h"
#include "bench/give.h"
#include "bench/steps_work.h"

enum { RK_STEP_SAMPLES = 64 };

/* A workload on one tier, and what was measured of it. */
typedef struct rk_step_tier {
    rk_numerics numerics;
    rk_trainer *trainer; /* NULL: could not be measured, as why says */
    rk_error why;
    int64_t chunk;                  /* steps of a repetition */
    uint32_t n, n_kernel, n_energy; /* samples of step; of kernel, host; of energy */
    double step[RK_STEP_SAMPLES], kernel[RK_STEP_SAMPLES], host[RK_STEP_SAMPLES];
    double energy[RK_STEP_SAMPLES]; /* joules a step */
    bool in_a_row; /* kernel: by the device's clock; else each launch was waited for */
    double flop, bytes, launches, device_memory;
    double host_memory, held; /* bytes: the peak, and what the process held before */
    double plan[2];           /* seconds, cold and warm; NaN: not measured */
    double first[2];          /* of the first step after each */
} rk_step_tier;

typedef struct rk_step_run {
    const rk_bench_case *c;
    const rk_workload *work;
    rk_energy *sensor; /* NULL: there is none, as sensor_text says; else its name */
    const char *sensor_text;
    double deadline; /* of rk_bench_now; repetitions end there */
    rk_step_tier tier[2];
    uint32_t n_tier;
} rk_step_run;

/* Measures one workload on the tiers that are asked for, in turn; gives nothing.  What goes wrong
 * with a tier is its why.  rk_step_run_close frees what it opened. */
rk_status rk_step_run_measure(rk_step_run *r, rk_error *e);
/* Opens the workload on one tier and runs the first step, for plan[0] and first[0] alone. */
rk_status rk_step_run_cold(const rk_step_run *r, rk_step_tier *x, rk_error *e);
void rk_step_run_close(rk_step_run *r);
/* Gives all of it. */
rk_status rk_step_run_give(rk_step_run *r, rk_error *e);

/* Is this the first process, and were the folders of caches made by rk_bench_cold_begin? */
bool rk_bench_begins_cold(const rk_bench_case *c);
#endif
