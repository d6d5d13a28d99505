/* bisect.h: two runs again, side by side, to the first bits that differ.
 *
 * Both are trained from their recorded configurations on their recorded devices, step by step, and
 * all states are compared after each training step.  The first step after which they differ is
 * done again from what was equal before, one kernel at a time, and every result is compared.  Where
 * fused plans differ (one run was made with --unfused) both are run unfused, and if that gives no
 * difference both fused. */
#ifndef RK_TRAIN_BISECT_H
#define RK_TRAIN_BISECT_H
#include "train/bits.h"
#include "train/run.h"

/* A run as it is recorded. */
typedef struct rk_bisect_run {
    const rk_run_record *record;
    const rk_epoch_record *history;
    uint32_t epochs; /* in history */
    char *folder;    /* RESULTS.runs/ID, where a checkpoint may be; it need not be there */
} rk_bisect_run;

typedef enum rk_verdict {
    RK_VERDICT_SAME,  /* no difference in all epochs that were done again */
    RK_VERDICT_START, /* other states or inputs (as the learning rate) before any kernel ran */
    RK_VERDICT_STEP,  /* this step of the plan gives other bits */
    RK_VERDICT_GONE   /* the training step differed, but not when its kernels ran one by one */
} rk_verdict;

typedef enum rk_fusion {
    RK_FUSION_RECORDED, /* plans as they were recorded */
    RK_FUSION_NONE,     /* both unfused, as the recorded plans differ */
    RK_FUSION_BOTH      /* both fused, as there was no difference with both unfused */
} rk_fusion;

typedef struct rk_bisected {
    rk_verdict verdict;
    rk_fusion fusion;
    int64_t from, epoch,
        step;         /* epochs and steps from 1; from: the first epoch that was done again */
    int64_t other[2]; /* first epoch of which the run's recorded digest was not reached, or 0 */
    char device[2][128];
    char program[64];       /* STEP: "training step", "evaluation of test data" ... */
    char name[128];         /* START, GONE: the first state or input; STEP: the state, or "" */
    uint32_t dtype, number; /* of the result; its step's number in the plan, of so many: */
    uint32_t steps, buffer;
    rk_shape shape;
    rk_bits_difference bits;
    char text[400], code[400], impl[2][200]; /* of the step */
} rk_bisected;

/* Called before every training step; may be NULL. */
typedef void (*rk_bisect_progress)(void *ctx, int64_t epoch, int64_t step, int64_t steps);

/* Looks in the epochs up to `last` (from 1); if measured, also in the evaluation after it.  Errors:
 * the data of a run are not what they were; the runs do not compute the same. */
rk_status rk_bisect(rk_hub *hub, const rk_registry *plugins, const rk_bisect_run run[2],
                    int64_t last, bool measured, rk_bisect_progress progress, void *ctx,
                    rk_bisected *out, rk_error *e);
#endif
