/* distance.h: inside the suite 'distance', for its files and their tests. */
#ifndef RK_BENCH_DISTANCE_H
#define RK_BENCH_DISTANCE_H
#include "bench/steps_work.h"

enum { RK_DISTANCE_POINTS = 16 };

/* The weights of a run after 1, 2, 5, 10, 20, 50, ... steps. */
typedef struct rk_weight_log {
    int64_t step[RK_DISTANCE_POINTS];
    uint32_t n;      /* points */
    uint64_t values; /* of all trained buffers */
    float *weights;  /* [n][values] */
} rk_weight_log;

/* Trains for that many steps, from where the trainer stands, or until the deadline of rk_bench_now;
 * then out->n is smaller.  Freed by rk_weight_log_free. */
rk_status rk_weight_log_make(const rk_bench_case *c, rk_trainer *t, int64_t steps, double deadline,
                             rk_weight_log *out, rk_error *e);
void rk_weight_log_free(rk_weight_log *log);
/* |a - b| / |b| at a point, euclidean, in double precision. */
double rk_weight_log_distance(const rk_weight_log *a, const rk_weight_log *b, uint32_t point);

/* Every trained weight becomes the next larger float or the next smaller one, as a stream of the
 * seed that is named after its buffer says by the highest bit of word i: larger if it is 1. */
rk_status rk_trainer_nudge(rk_trainer *t, uint64_t seed, rk_error *e);
#endif
