/* scores_read.h: the end of a run with --scores. */
#ifndef RK_TRAIN_SCORES_READ_H
#define RK_TRAIN_SCORES_READ_H
#include "train/results.h"
#include "train/trainer.h"

/* Reads the scores of a trainer that has gone through `epochs` whole epochs, and stores them as one
 * transaction.  A run without --scores has none: nothing is stored. */
rk_status rk_scores_store(rk_results *r, int64_t id, rk_trainer *t, int64_t epochs, rk_error *e);
#endif
