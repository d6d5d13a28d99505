/* memorize.h: inside the suite 'memorize', for its files and their tests. */
#ifndef RK_BENCH_MEMORIZE_H
#define RK_BENCH_MEMORIZE_H
#include "bench/give.h"
#include "bench/steps_work.h"

enum { RK_MEMORIZE_SEEDS = 16 };

/* One seed. */
typedef struct rk_memorized {
    uint64_t seed;
    bool fit;       /* each training example is predicted as its random label */
    int64_t epochs; /* that it took; all of them if it does not fit */
    double seconds; /* of steps and of the evaluation after each epoch */
} rk_memorized;

/* Trains from the trainer's start until it fits, for at most so many epochs. */
rk_status rk_memorize(const rk_bench_case *c, rk_trainer *t, int64_t epochs, rk_memorized *out,
                      rk_error *e);
/* Gives the spreads over the seeds that fit, and says which do not. */
rk_status rk_memorize_give(const rk_bench_of *of, const rk_memorized *m, uint32_t n, int64_t epochs,
                           rk_error *e);
/* How many seeds: `least`, until the time `hard` of rk_bench_now, and one in any case; further ones
 * until `soft`. */
typedef struct rk_memorize_limits {
    uint32_t least, most;
    double soft, hard;
} rk_memorize_limits;
/* A workload on the tiers that are asked for, in turn. */
rk_status rk_memorize_workload(const rk_bench_case *c, const rk_workload *w,
                               const rk_memorize_limits *limits, rk_error *e);
#endif
