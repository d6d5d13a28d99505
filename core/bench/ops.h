/* ops.h: inside the suites 'op' and 'numerics'. */
#ifndef RK_BENCH_OPS_H
#define RK_BENCH_OPS_H
#include "bench/errors.h"
#include "bench/oplist.h"
#include "bench/vendor.h"

typedef struct rk_ops {
    const rk_bench_case *c;
    rk_open d, reference;
    bool referred;        /* the reference is open: it is another device */
    char unreferred[160]; /* or why not */
    rk_vendor *vendor;    /* NULL: none, or not on the device's own memory */
    double begun, until;  /* until: of the pass under way */
    uint32_t measured;
    double rate;  /* FLOP/s of the fastest op so far */
    bool fast;    /* kernels of the fast tier were asked for once */
    bool library; /* likewise the library that the device has */
} rk_ops;

/* Closing one that was not opened whole is fine. */
rk_status rk_ops_open(const rk_bench_case *c, rk_ops *out, rk_error *e);
void rk_ops_close(rk_ops *o);

/* How right a kernel is. */
typedef struct rk_result {
    rk_errors errors; /* on fewer elements, of which text says how many */
    char text[160];
    bool known, equal; /* bits as the reference's, on all; not known: where says why */
    char digest[33];
    char where[320];
    char wrong[1100]; /* why a time of it counts for nothing; "": it is right */
} rk_result;
/* Runs the trial, whose inputs are filled, and the reference on the same. */
rk_status rk_result_find(rk_ops *o, const rk_listed *x, rk_trial *t, bool exact, rk_result *out,
                         rk_error *e);
#endif
