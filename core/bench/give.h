/* give.h: how a suite hands on what it measured. */
#ifndef RK_BENCH_GIVE_H
#define RK_BENCH_GIVE_H
#include "bench/bench.h"

/* What the values of a series have in common. */
typedef struct rk_bench_of {
    const rk_bench_case *c;
    const char *suite, *subject, *tier; /* the last two may be NULL: none is said */
} rk_bench_of;

rk_status rk_bench_give(const rk_bench_of *of, const char *name, const char *unit, rk_spread s,
                        const char *text, rk_error *e);
/* Sorts x. */
rk_status rk_bench_give_all(const rk_bench_of *of, const char *name, const char *unit, double *x,
                            int64_t n, const char *text, rk_error *e);
/* Counted, not measured. */
rk_status rk_bench_give_one(const rk_bench_of *of, const char *name, const char *unit, double x,
                            const char *text, rk_error *e);
/* It could not be measured. */
rk_status rk_bench_give_none(const rk_bench_of *of, const char *name, const char *unit,
                             const char *reason, rk_error *e);

/* Tells how far a suite is; RK_E_STOPPED if it is asked to end. */
rk_status rk_bench_progress(const rk_bench_case *c, const char *what, double fraction, rk_error *e);
/* Seconds since some time. */
double rk_bench_now(void);
#endif
