/* trial.h: one op on a device: its operands, what is right, and kernels to try. */
#ifndef RK_TUNE_TRIAL_H
#define RK_TUNE_TRIAL_H
#include "check/cases.h"
#include "device/tuned.h"

enum { RK_TUNE_ARGS = 32 };

typedef struct rk_tune_trial {
    rk_open *device, *reference;
    const rk_op *op;
    bool exact;
    uint32_t n_arg;               /* inputs, then outputs */
    uint64_t bytes[RK_TUNE_ARGS]; /* of each */
    rk_mem *mem[RK_TUNE_ARGS], *workspace;
    uint64_t workspace_bytes;
    unsigned char *want[RK_TUNE_ARGS]; /* of outputs: what the reference gives */
    unsigned char *got, *dirt;         /* room for the largest output */
    rk_near *near[RK_TUNE_ARGS];       /* of outputs, for kernels of the fast tier; NULL in exact
                                          numerics and for kinds that have none */
    float reference_ulp;
} rk_tune_trial;

typedef struct rk_tune_trial_kernel {
    rk_kernel *kernel;
    rk_kinfo info;
} rk_tune_trial_kernel;

/* Gives the op random operands on the device and finds the right results on the reference, which is
 * exact.  RK_E_UNSUPPORTED: not to be tried, e gives the reason.  In any case
 * rk_tune_trial_close. */
rk_status rk_tune_trial_open(rk_tune_trial *t, rk_open *device, rk_open *reference, const rk_op *op,
                             bool exact, uint64_t seed, rk_error *e);
void rk_tune_trial_close(rk_tune_trial *t);
/* choice: NULL for the backend's own. */
rk_status rk_tune_trial_prepare(rk_tune_trial *t, const char *choice, rk_tune_trial_kernel *out,
                                rk_error *e);
/* Runs it twice.  *wrong says what is wrong with the results, "" if nothing; a status is of calls
 * that failed. */
rk_status rk_tune_trial_check(rk_tune_trial *t, const rk_tune_trial_kernel *k, char wrong[160],
                              rk_error *e);
/* Seconds of one of n launches. */
rk_status rk_tune_trial_time(rk_tune_trial *t, const rk_tune_trial_kernel *k, uint32_t n,
                             double *seconds, rk_error *e);
#endif
