/* results_scores.h: the tables of scores: one list of columns, as for runs and epochs. */
#ifndef RK_TRAIN_RESULTS_SCORES_H
#define RK_TRAIN_RESULTS_SCORES_H
#include "train/results_db.h"
#include "train/scores.h"

/* Replaces what there is of the run, as one transaction. */
rk_status rk_results_put_scores(rk_results *r, int64_t id, const rk_example_score *train,
                                uint32_t n_train, const rk_example_score *test, uint32_t n_test,
                                rk_error *e);
/* Refuses runs whose data differ, as their digests say. */
rk_status rk_results_check_same(rk_results *r, int64_t first, int64_t other, rk_error *e);
#endif
