/* memorize.h: what runs memorize that each hold out a part of the training examples (hold-out).
 *
 * Feldman and Zhang 2020: mem_i = P(example i is predicted as its label | it was trained on) -
 * P(the same | it was held out), over the runs; the influence of training example i on test example
 * j is the same difference for j.  Jiang et al. 2021: the C-score of i, at the one ratio that the
 * runs have, is P(right | held out).  Labels are those that were trained on. */
#ifndef RK_TRAIN_MEMORIZE_H
#define RK_TRAIN_MEMORIZE_H
#include "train/scores.h"

typedef struct rk_memory {
    int64_t example, label, true_label;
    uint32_t in, out;    /* runs that trained on it, and that held it out */
    double mem, c_score; /* NaN if there are not both, or no run that held it out */
} rk_memory;

typedef struct rk_influence {
    uint32_t train, test; /* places in the sets: train that of rk_memory */
    int64_t train_example, test_example;
    double value;
} rk_influence;

typedef struct rk_memorization {
    uint32_t runs, examples, tests, changed; /* changed: examples whose label was */
    double auc, c_auc;                 /* how well mem, and a low C-score, find changed labels */
    double mean, of_changed, of_clean; /* of mem */
    double c_mean, c_of_changed, c_of_clean; /* of the C-score */
    rk_memory *memory;                       /* [examples] */
    rk_influence *pair;                      /* [n_pairs]: the largest influences, falling */
    uint32_t n_pairs;
} rk_memorization;

/* Of stored runs with the same data; top: how many pairs are wanted.  Memory grows with examples
 * and runs, and not with pairs. */
rk_status rk_results_memorization(rk_results *r, const int64_t *ids, uint32_t n, uint32_t top,
                                  rk_memorization *out, rk_error *e);
void rk_memorization_free(rk_memorization *m);
#endif
