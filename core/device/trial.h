/* trial.h: one kernel of the self-test, run on a device and compared with what the host expects. */
#ifndef RK_DEVICE_TRIAL_H
#define RK_DEVICE_TRIAL_H
#include "device/hub.h"

enum {
    RK_TRIAL_SLOT = 256 * 256 * 4, /* bytes for one operand; a multiple of every mem_align */
    RK_TRIAL_SLOTS = 12
};

typedef struct rk_tester {
    const rk_backend *table;
    rk_device *device;
    rk_mem *memory; /* RK_TRIAL_SLOTS slots */
    rk_selftest *out;
    rk_error *e;
} rk_tester;

/* One kernel and its operands: words in, words expected. */
typedef struct rk_trial {
    const char *name;
    rk_op op;
    rk_tensor tensor[RK_TRIAL_SLOTS]; /* in, then out */
    uint32_t *host[RK_TRIAL_SLOTS];   /* values of inputs, expected values of outputs */
} rk_trial;

/* Calls body with a trial whose operands have room for a slot each. */
rk_status rk_trial_with_memory(rk_tester *t, rk_trial *c,
                               rk_status (*body)(rk_tester *, rk_trial *));
/* Runs the kernel of a complete trial; a difference makes t->out not exact, with the reason.  A
 * kind that the backend does not have is not wrong: placement will name it. */
rk_status rk_trial_run(rk_tester *t, rk_trial *c);
/* Reproducible operands: of modest size only, or floats of every kind. */
void rk_trial_fill(uint32_t *out, size_t n, uint32_t stream, bool modest);

/* Trials of files of their own. */
rk_status rk_trial_conv(rk_tester *t, rk_trial *c);
/* How fast: sets t->out->gflops. */
rk_status rk_trial_speed(rk_tester *t);
#endif
