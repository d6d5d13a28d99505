/* exam.h: one kernel of the self-test, run on a device and compared with what the host expects. */
#ifndef RK_DEVICE_EXAM_H
#define RK_DEVICE_EXAM_H
#include "device/device.h"

enum {
    RK_EXAM_SLOT = 256 * 256 * 4, /* bytes for one operand; a multiple of every mem_align */
    RK_EXAM_SLOTS = 12
};

typedef struct rk_examiner {
    rk_open *device;
    rk_mem *memory; /* RK_EXAM_SLOTS slots */
    rk_selftest *out;
    rk_error *e;
} rk_examiner;

/* One kernel and its operands: words in, words expected. */
typedef struct rk_exam {
    const char *name;
    rk_op op;
    rk_tensor tensor[RK_EXAM_SLOTS]; /* in, then out */
    uint32_t *host[RK_EXAM_SLOTS];   /* values of inputs, expected values of outputs */
} rk_exam;

/* Calls body with an exam whose operands have room for a slot each. */
rk_status rk_exam_with_memory(rk_examiner *t, rk_exam *c,
                              rk_status (*body)(rk_examiner *, rk_exam *));
/* Runs the kernel of a complete exam; a difference makes t->out not exact, with the reason.  A
 * kind that the backend does not have is not wrong: placement will name it. */
rk_status rk_exam_run(rk_examiner *t, rk_exam *c);
/* Reproducible operands: of modest size only, or floats of every kind. */
void rk_exam_fill(uint32_t *out, size_t n, uint32_t stream, bool modest);

/* Exams in files of their own. */
rk_status rk_exam_conv(rk_examiner *t, rk_exam *c);
/* How fast: sets t->out->gflops. */
rk_status rk_exam_speed(rk_examiner *t);

/* Runs small kernels on an open device and compares bits with the host; failing is no error. */
rk_status rk_selftest_run(rk_open *d, rk_selftest *out, rk_error *e);
#endif
