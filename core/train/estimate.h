/* estimate.h: what a run will cost. */
#ifndef RK_TRAIN_ESTIMATE_H
#define RK_TRAIN_ESTIMATE_H
#include "train/trainer.h"

/* Of one epoch, with its evaluations: counted from the plans. */
double rk_trainer_flop(const rk_trainer *t);
/* Times a few steps, then brings every state back to its start: for a trainer that has done nothing
 * yet.  Evaluation counts as if it ran at the rate of a step. */
rk_status rk_trainer_estimate(rk_trainer *t, int64_t epochs, rk_estimate *out, rk_error *e);
#endif
