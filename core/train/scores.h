/* scores.h: per-example scores of a run with --scores, and what is made of them.
 *
 * Tables of the results database (since schema 3), rows in order of (run, example):
 *   scores       run, example (position in the original files), label (it was trained on),
 *                true_label, prediction (after the last epoch), learned (first epoch whose
 *                presentation was right, 0: none), forgotten (turns from right to wrong between
 *                consecutive presentations), aum, el2n, loss, p_mean, p_variance; since schema 4
 *                held (1: not trained on, see hold-out)
 *   test_scores  run, example, label, prediction
 *
 * forgotten: Toneva et al. 2019; who was never learned counts there as forgotten for ever.  aum,
 * area under the margin: Pleiss et al. 2020, mean over epochs of the label's logit less the largest
 * other.  el2n: Paul et al. 2021, ||softmax - onehot||_2, in one epoch; NULL of a run that ended
 * before it.  loss: the sum over epochs.  p_mean, p_variance (divided by the number of epochs) of
 * the label's probability: Swayamdipta et al. 2020, "data maps".  All are of presentations during
 * training, see score_graph.h. */
#ifndef RK_TRAIN_SCORES_H
#define RK_TRAIN_SCORES_H
#include "train/results.h"

typedef struct rk_example_score {
    int64_t example, label, true_label, prediction, learned, forgotten;
    double aum, el2n, loss, p_mean, p_variance;
    int64_t held; /* 1: the run did not train on it; then there are no scores of presentations */
} rk_example_score;

/* Of a run: *out[n] is freed by free(); a run that has none is an error that says how to get them.
 * Of test examples there are only example, label and prediction. */
rk_status rk_results_scores(rk_results *r, int64_t id, bool test, rk_example_score **out,
                            uint32_t *n, rk_error *e);

/* A column of numbers that should tell changed labels from unchanged ones. */
typedef struct rk_score_kind {
    const char *name;
    bool low; /* low values mean a changed label, as of aum */
    double (*value)(const rk_example_score *);
} rk_score_kind;
const rk_score_kind *rk_score_kinds(size_t *n);

/* Area under the ROC curve by Mann and Whitney: the probability that a random positive has a higher
 * score than a random negative, ties counting half; NaN unless there are both.  NaN scores are left
 * out. */
rk_status rk_auc(const double *score, const bool *positive, uint32_t n, double *out, rk_error *e);
/* That of one kind for finding changed labels; low values turned around. */
rk_status rk_scores_auc(const rk_example_score *scores, uint32_t n, const rk_score_kind *kind,
                        double *out, rk_error *e);

/* How right each example is over runs that differ in initial weights and order: Arpit et al. 2017,
 * figure 1.  If all examples were equally hard, the number of runs that are right about one would
 * be binomial; ratio is the variance of the examples' accuracies over that of the binomial law,
 * mean (1 - mean) / runs; NaN where that is 0. */
typedef struct rk_easiness {
    uint32_t runs, examples;
    double accuracy, variance, ratio, always_right, always_wrong;
} rk_easiness;
/* From right[n], in how many of the runs each example was predicted right. */
rk_easiness rk_easiness_of(const uint32_t *right, uint32_t n, uint32_t runs);
/* Of stored runs: predictions after the last epoch against the label that was trained on (test: the
 * test label).  They must have the same data, as their digest tells.  If examples is not NULL,
 * *examples[out->examples] are those of the first run, and *right[...] the counts; freed by free().
 */
rk_status rk_results_easiness(rk_results *r, const int64_t *ids, uint32_t n, bool test,
                              rk_easiness *out, rk_example_score **examples, uint32_t **right,
                              rk_error *e);
#endif
