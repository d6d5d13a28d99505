/* steps_work.h: what is trained, and trainers made ready for it. */
#ifndef RK_BENCH_STEPS_WORK_H
#define RK_BENCH_STEPS_WORK_H
#include "bench/bench.h"
#include "train/trainer.h"

enum { RK_SUBJECT_MAX = 160 };

typedef struct rk_workload {
    const char *model, *data, *image; /* image: of the data, "28x28x3" */
    const char *randomize;
    int64_t batch;
    double rate;
    int64_t epochs; /* of memorizing, at most */
} rk_workload;

/* "mlp:layers=3, 28x28x3, batch 128" */
void rk_workload_subject(const rk_workload *w, char out[RK_SUBJECT_MAX]);
/* "exact" or "fast" */
const char *rk_workload_tier(rk_numerics n);
rk_status rk_workload_open(const rk_bench_case *c, const rk_workload *w, rk_numerics n,
                           uint64_t seed, rk_trainer **out, rk_error *e);
/* Do the training steps of two trainers run the same kernels?  Then the fast tier is the exact. */
bool rk_workload_same(const rk_trainer *a, const rk_trainer *b);
/* The reason to give for it. */
extern const char rk_workload_same_why[];
/* RK_E_UNSUPPORTED: there was no time for it. */
rk_status rk_workload_late(const rk_bench_case *c, rk_error *e);
/* Says that there was no time for it. */
rk_status rk_workload_skip(const rk_bench_case *c, const rk_workload *w, const char *suite,
                           rk_error *e);
#endif
