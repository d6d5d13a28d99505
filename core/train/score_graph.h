/* score_graph.h: per-example scores, gathered on the device while a run trains.
 *
 * A presentation is an example in its batch, judged before the batch's update: by logits that the
 * step computes anyway, so with dropout and batch statistics if the model has them.  There is one
 * in each epoch.  States of the session, [n], in the order of the training set; one addition for
 * each epoch, so that nothing depends on batches, threads or devices:
 *
 *   scores/turns     U32: how often the prediction turned from wrong to right or back; an example
 *                    counts as wrong before its first presentation
 *   scores/learned   U32: the epoch (from 1) of the first right prediction, 0: none
 *   scores/margin    F32, sum of: logit of the label less the largest other logit
 *   scores/loss      F32, sum of: cross-entropy
 *   scores/p_mean, scores/p_spread  F32, of the label's probability p = exp(-cross-entropy): mean
 *                    and sum of squared deviations by Welford 1962
 *   scores/el2n      F32: ||softmax - onehot||_2 at the epoch that was asked for
 *   eval/train/prediction, eval/test/prediction  U32: of the last evaluation
 *
 * Inputs: scores/place U32 [n], the position of each example in the epoch's order; scores/epoch
 * U32, from 1. */
#ifndef RK_TRAIN_SCORE_GRAPH_H
#define RK_TRAIN_SCORE_GRAPH_H
#include "rethink/graph.h"

/* A batch: its rows are the examples at positions position, position + 1, ... of the order. */
typedef struct rk_presented {
    rk_value logits, label, correct; /* [rows][K], U32 [rows], F32 [rows] 0 or 1 */
    rk_value position;               /* U32 */
    int64_t n, el2n_epoch;
} rk_presented;
void rk_score_batch(rk_graph *g, const rk_presented *b);

/* best[rows] are the predictions of examples position, position + 1, ... of n. */
void rk_score_predictions(rk_graph *g, const char *name, rk_value best, rk_value position,
                          int64_t n);
#endif
