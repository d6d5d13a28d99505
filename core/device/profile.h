/* profile.h: where the time of a program goes, kernel by kernel, and what its device can do. */
#ifndef RK_DEVICE_PROFILE_H
#define RK_DEVICE_PROFILE_H
#include "device/session.h"

/* One launch of a run.  Texts are the program's. */
typedef struct rk_launch {
    const char *kind, *impl; /* "matmul"; the kernel, or "copy between devices" */
    const char *text;        /* the step of the plan that it is a part of */
    double flop;             /* of a matrix product or convolution, else 0 */
    double bytes;            /* of its operands and results, each counted once */
    double seconds;
    bool kernels; /* what its kernels took; else what telling the device and waiting took, too */
} rk_launch;
uint32_t rk_program_launches(const rk_program *p);
/* Runs once, timing every launch; out[rk_program_launches].  Where the backend times kernels
 * (rk_backend.time_kernels), and runs all of them, one launch follows the other; else each is
 * waited for, and timed between marks of the backend, or by the host's clock. */
rk_status rk_program_profile(rk_program *p, rk_launch *out, rk_error *e);

/* The least bytes that a run of these launches can move: each buffer that it reads once read, each
 * that it writes once written, whatever caches do.  The launches' own bytes over this is how often
 * the same data pass. */
rk_status rk_program_bytes_floor(const rk_program *p, double *out, rk_error *e);

/* What a device reaches now: chains of fma, by the backend's probes, or without them the best of
 * several matrix products of its own kernels; and the sum a = b + 3 c of arrays of 32 MiB (three
 * streams). */
typedef struct rk_peaks {
    double flops, bytes; /* a second */
    char text[96];       /* of what flops is, e.g. "chains of fma (width 8, 12 chains)" */
} rk_peaks;
/* Of the session's device, in a session of its own with the same options. */
rk_status rk_session_peaks(const rk_session *s, rk_peaks *out, rk_error *e);
#endif
