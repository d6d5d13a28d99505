/* measures.h: what is read off the epochs of a run, in one place, so that tables, exports and
 * verdicts mean the same.
 *
 * "Steps to" a criterion are the steps since the run's start at the end of the first epoch that
 * meets it: epochs are what is measured, so they are right to within one epoch.  A criterion that
 * no epoch meets has 0 steps; a number that is not there is NaN.  The epoch that fits is the
 * record's fit_epoch. */
#ifndef RK_TRAIN_MEASURES_H
#define RK_TRAIN_MEASURES_H
#include "train/results.h"

typedef struct rk_run_measures {
    int64_t fit_steps;            /* until it fits */
    double fit_seconds, fit_test; /* at that epoch: seconds, and the test accuracy */
    int64_t steps_acc99;          /* training accuracy at least 0.99 */
    int64_t steps_loss05;         /* online loss, the epoch's mean, at most 0.5 */
    int64_t steps_loss01;         /* at most 0.1 */
    double best_test;             /* the highest test accuracy, of its first epoch: */
    int64_t best_test_epoch;
    double best_noisy_true; /* there: noisy_true, see rk_epoch_record */
} rk_run_measures;

/* rows[n] in order of epochs. */
rk_run_measures rk_run_measure(const rk_run_record *run, const rk_epoch_record *rows, uint32_t n);

/* What goals and "fit" look at: where only some of the examples are evaluated (part), the others
 * count as they were trained on. */
double rk_goal_accuracy(const rk_epoch_record *row, bool part);
double rk_goal_loss(const rk_epoch_record *row, bool part);

/* The first epoch whose training accuracy is at least `accuracy`, or whose mean online loss is at
 * most `loss`; NULL if there is none. */
const rk_epoch_record *rk_first_accurate(const rk_epoch_record *rows, uint32_t n, double accuracy);
const rk_epoch_record *rk_first_below(const rk_epoch_record *rows, uint32_t n, double loss);
#endif
