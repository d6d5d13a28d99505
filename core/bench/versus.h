/* versus.h: two benches, number by number.
 *
 * The numbers of a bench are the best of each row of its roofline; the seconds of operations, of
 * vendors' libraries and of training steps, whole and in parts; and of memorizing.  Each is
 * compared by the interval of interval.h, over the processes that measured it; seconds to memorize,
 * which one process measures, over seeds. */
#ifndef RK_BENCH_VERSUS_H
#define RK_BENCH_VERSUS_H
#include "base/pool.h"
#include "bench/interval.h"
#include "train/results_bench.h"

/* A number that at least one of the two has. */
typedef struct rk_versus_number {
    const rk_bench_value *key; /* suite, subject, tier, name and unit */
    const char *by_a, *by_b; /* how it was reached, as by which kernel; "" where nothing is said */
    rk_logs a, b;
    rk_ratio speed;  /* of b over a, above 1: b is faster, whether a time or a rate was measured */
    const char *why; /* it cannot be compared; else NULL */
} rk_versus_number;

/* What was decided, and is something else now; or what b says alone, and is not as it should be:
 * then a is not measured. */
typedef struct rk_versus_change {
    const rk_bench_value *a, *b;
} rk_versus_change;

/* A device that both have, matched by how a user names it. */
typedef struct rk_versus_device {
    const rk_bench_device *a, *b;
    rk_versus_number *number; /* [n] */
    uint32_t n, compared, agree;
    rk_versus_change *bits;    /* [n_bits]: 'equal', or digests of two that are */
    rk_versus_change *support; /* [n_support] */
    uint32_t n_bits, n_support;
} rk_versus_device;

typedef struct rk_versus {
    const rk_bench *a, *b;
    rk_versus_device *device; /* [n] */
    uint32_t n, compared, agree;
    rk_pool pool;
} rk_versus;
/* The benches outlive it.  RK_E_INVALID if no device is in both. */
rk_status rk_versus_make(const rk_bench *a, const rk_bench *b, rk_versus *out, rk_error *e);
void rk_versus_free(rk_versus *v);

/* Whether a value is one of the numbers. */
bool rk_versus_counts(const rk_bench_value *v);
/* rk_logs_reach of a device's numbers, over those of several processes; sorts into scratch, of room
 * for all values of the bench. */
rk_spread rk_versus_reach(const rk_bench *b, int64_t device, double *scratch);
#endif
