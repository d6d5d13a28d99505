/* bed.h: a device under test, and a host that counts what its backend takes.
 *
 * The outcome of a case is collected here, errors are sticky: after the first failure nothing more
 * is run, so that cases need no error handling.  Threads: one at a time. */
#ifndef RK_CHECK_BED_H
#define RK_CHECK_BED_H
#include <stdbool.h>
#include "base/error.h"

enum { RK_BED_OPTIONS = 16 };

/* Host memory is counted; allocation number fail_at (from 1, counted by calls) fails. */
typedef struct rk_bed_alloc {
    long live, calls, fail_at;
} rk_bed_alloc;

/* What a case found out about a device. */
typedef struct rk_outcome {
    bool failed;
    bool scarce;       /* for lack of memory */
    bool differs;      /* a kernel of the fast tier gave other bits when it ran again */
    uint32_t exact;    /* ops that an exact kernel computed, as they should be */
    uint32_t fast;     /* ops that only a fast kernel computed, within its bound */
    uint32_t refused;  /* ops that were UNSUPPORTED */
    uint32_t in_place; /* runs with an output in the memory of an input */
    float ulp;         /* the largest claim of a fast kernel */
    char impl[64];     /* of the first kernel */
    char reason[224];  /* why the first refused op was */
    char text[896];    /* why the case failed */
} rk_outcome;

typedef struct rk_bed {
    rk_backend table;
    const rk_backend *backend; /* the table, once it is loaded */
    rk_device *device;         /* NULL: not open */
    rk_host host;
    rk_devinfo info;
    rk_bed_alloc alloc;
    const char *path;
    const char *option[RK_BED_OPTIONS]; /* "key=value", borrowed */
    uint32_t n_option;
    const char *other_option; /* counts before these; NULL: none */
    bool quick;               /* cases keep to small shapes */
    bool exact_only;          /* kernels of the fast tier are not asked for */
    bool lost;                /* running an op, the device was: only close may follow */
    rk_outcome outcome;
} rk_bed;

/* Loads the shared object; rk_bed_open also opens device index.  options is a NULL-terminated list
 * of "key=value" (or NULL), which must live as long as the bed, as must path. */
rk_status rk_bed_load(rk_bed *b, const char *path, const char *const *options, rk_error *e);
rk_status rk_bed_open(rk_bed *b, const char *path, uint32_t index, const char *const *options,
                      rk_error *e);
/* Closes the device if open; the shared object stays.  Returns how many host allocations are
 * left. */
long rk_bed_close(rk_bed *b);

/* Begins a case. */
void rk_bed_begin(rk_bed *b);
/* False once something failed. */
bool rk_bed_going(const rk_bed *b);
/* Records a failure; the first is kept. */
void rk_bed_fail(rk_bed *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Records a failure unless the condition holds; returns it. */
#define RK_BED_CHECK(b, condition, ...) ((condition) || (rk_bed_fail((b), __VA_ARGS__), false))
#endif
