/* aggregate.h: one number of a bench, over the processes that measured it.
 *
 * Repetitions within a process share its memory layout, its compiled kernels and its minute; starts
 * of processes do not.  Hence the number is the median of the processes' medians (as of Georges,
 * Buytaert and Eeckhout, "Statistically rigorous Java performance evaluation", 2007, whose levels
 * these are), and variance is said at both levels. */
#ifndef RK_BENCH_AGGREGATE_H
#define RK_BENCH_AGGREGATE_H
#include <stdbool.h>
#include "train/results_bench.h"

/* A clock that drifts by more over a process makes its numbers doubtful. */
#define RK_DRIFT_MOST 0.02

typedef struct rk_aggregate {
    uint32_t processes;      /* that measured it */
    int64_t n;               /* repetitions of all; 0: it could not be measured, text says why */
    double median, q1, q3;   /* of the medians and of the quartiles of processes, the median */
    double least, most;      /* of all repetitions */
    double mean, sd;         /* of all repetitions, from the moments of each; sd NaN below 2 */
    double within, between;  /* coefficients of variation: the median of those of processes; that
                               of their medians.  NaN where fewer than two numbers say it */
    const char *unit, *text; /* of the first process that measured it, else of the first */
} rk_aggregate;

/* False if no process has a value of these keys; then *out is of n = 0 and empty texts.  The values
 * of the bench are in the order that rk_results_bench gives. */
bool rk_aggregate_find(const rk_bench *b, int64_t device, const char *suite, const char *subject,
                       const char *tier, const char *name, double x, rk_aggregate *out);
/* Its median, or NaN. */
double rk_aggregate_median(const rk_bench *b, int64_t device, const char *suite,
                           const char *subject, const char *tier, const char *name);
/* Of values that have the same keys but for the process. */
rk_aggregate rk_aggregate_of(const rk_bench_value *v, uint32_t n);
/* The values of a device's suite, which lie together. */
const rk_bench_value *rk_aggregate_suite(const rk_bench *b, int64_t device, const char *suite,
                                         uint32_t *n);
/* How many values from v[0] on, of n, have its keys but for the process. */
uint32_t rk_aggregate_run(const rk_bench_value *v, uint32_t n);
#endif
