/* tune.h: finds the fastest choice of each op on a device, among those that are right.
 *
 * A choice is checked before it is timed: bit by bit against the CPU backend, a fast kernel within
 * the bound that it claims.  Timing is interleaved; a choice replaces the backend's own only if the
 * middle halves of their times do not overlap and it takes less than 97 % of the time.  The
 * database is written after every op, so that whatever ends the tuner, what is known stays.
 * Threads: one at a time. */
#ifndef RK_TUNE_TUNE_H
#define RK_TUNE_TUNE_H
#include "device/session.h"
#include "tune/ops.h"

typedef struct rk_tune_options {
    bool full;      /* all choices of all ops; else a few of the ops that 95 % of the work is in */
    bool again;     /* also what is known from the same mode or a fuller one */
    double seconds; /* begin no op after so long; 0: no limit */
    uint32_t choices; /* at most, of an op; 0: a few, or with full all */
    uint32_t samples; /* at least, of the two that are compared at the end */
    uint64_t seed;    /* of operands */
} rk_tune_options;

typedef struct rk_tune_result {
    const char *class, *choice; /* "": the backend's own */
    double seconds, usual;
    uint32_t tried, wrong, skipped; /* choices: timed, wrong or failed, known to be bad */
    bool own_is_wrong;              /* the backend's own kernel: nothing was tried */
} rk_tune_result;

/* Any may be NULL.  line: something that a user should read, as of a choice that is wrong. */
typedef struct rk_tune_watch {
    void *ctx;
    void (*progress)(void *ctx, const char *class, uint32_t done, uint32_t total);
    void (*result)(void *ctx, const rk_tune_result *r);
    void (*line)(void *ctx, const char *text);
    bool (*stopping)(void *ctx);
} rk_tune_watch;

typedef struct rk_tune_summary {
    uint32_t ops, better, known, left; /* left: not tuned, as it was stopped or time was over */
    uint32_t wrong;                    /* ops whose own kernel is wrong, as watch->line says */
    char nothing[160];                 /* why there was nothing to choose, "" if there was */
} rk_tune_summary;

/* Tunes the ops, which are sorted, for a device; path is of the database.  RK_E_STOPPED if stopping
 * said so. */
rk_status rk_tune(rk_hub *hub, const char *spec, const rk_tune_ops *ops, const rk_tune_options *o,
                  const char *path, const rk_tune_watch *watch, rk_tune_summary *out, rk_error *e);
#endif
