/* runner.h: things that are run again and again, and timed in turn.
 *
 * A repetition runs one of them so often that the clock's steps and what a wait costs do not count,
 * then waits once; its time is shared out among the runs.  So a short kernel is timed as it is in a
 * training step, one launch behind the other, with its operands where the last run left them. */
#ifndef RK_BENCH_RUNNER_H
#define RK_BENCH_RUNNER_H
#include "bench/give.h"
#include "check/sample.h"
#include "device/device.h"

typedef struct rk_runner {
    void *ctx;
    rk_status (*run)(void *ctx, uint32_t times, rk_error *e); /* and waits */
    void (*free)(void *ctx);
    double work;     /* of one run, e.g. FLOP; 0: the seconds themselves are what counts */
    uint32_t times;  /* runs of a repetition */
    double *seconds; /* [n] of one run, in each repetition */
    uint32_t n;
    char text[160]; /* what it is */
} rk_runner;

/* Runs it once or more until that takes a measurable time, and sets times so that a repetition
 * takes about so many seconds; *once gets the seconds of one run. */
rk_status rk_runner_pace(rk_runner *r, double seconds, double *once, rk_error *e);
/* n of them, in turn, each so many times.  *failed, unless it is NULL: whose fault an error
 * is; 0 if it is nobody's. */
rk_status rk_runners_time(rk_runner *r, uint32_t n, uint32_t repeats, uint32_t *failed,
                          rk_error *e);
void rk_runner_free(rk_runner *r);

/* ---- kernels --------------------------------------------------------------------------------- */

enum { RK_TRIAL_ARGS = 2 * RK_SAMPLE_TENSORS + 1 };

/* A kernel with memory for its arguments. */
typedef struct rk_trial {
    rk_open *d;
    rk_kernel *kernel;
    rk_arg arg[RK_TRIAL_ARGS]; /* each has its own memory */
    uint32_t n;
    rk_kinfo info;
    bool borrowed; /* all memory but the workspace is another trial's */
    uint64_t room; /* of a probe: bytes of its one argument */
} rk_trial;

/* Prepares the op (exact: of the exact tier or not at all) and allocates; or, with `like`, uses
 * that trial's operands and results.  A failure leaves nothing. */
rk_status rk_trial_op(rk_open *d, const rk_sample *t, bool exact, const rk_trial *like,
                      rk_trial *out, rk_error *e);
/* The same of the fast tier, in the way that the backend offers a tuner by this name. */
rk_status rk_trial_choice(rk_open *d, const rk_sample *t, const char *choice, const rk_trial *like,
                          rk_trial *out, rk_error *e);
/* Seconds that the fast tier of a device may take to try itself out when it is first asked for,
 * where an exact kernel of so many FLOP takes so long. */
double rk_trial_of_fast(double flop, double seconds);
/* The kernel of a probe; in the memory of the trial of another one that outlives it, if there is
 * one and its memory is large enough. */
rk_status rk_trial_probe(rk_open *d, rk_probe *p, const rk_trial *like, rk_trial *out, rk_error *e);
void rk_trial_free(rk_trial *t);
/* Of a runner whose context is a trial. */
rk_status rk_trial_run(void *trial, uint32_t times, rk_error *e);
#endif
