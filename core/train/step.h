/* step.h: the graphs of a run.
 *
 * Everything that a step needs is on the device: it takes its batch from the resident data set by
 * the epoch's order, advances its own position, and logs what it finds, so that the host only
 * enqueues.  Names, all shared by the graphs of one session:
 *
 *   data/train/pixels U8 or F32 [n][C][H][W], data/train/label U32 [n], data/train/shift and
 *   .../scale F32 [n], the same under data/test: inputs, written once
 *                   (of a set that generates its images only the labels)
 *   data/train/true_label  U32 [n], input where labels were changed: those before
 *                   (of one that is read while it is needed feed/..., see feed.h)
 *   train/order     U32, input: the epoch's order of the examples that are trained on
 *   eval/trained    U32 [n], input of runs that hold some out: 1 for each of those
 *   random/...      U32 [n], inputs: a word for each example and epoch, see rk_batch_word
 *   train/rate      F32, input: the epoch's learning rate
 *   train/position  U32, state: examples of the epoch that were taken; 0 again after the last
 *   train/loss      F32 [steps], state: sum of the cross-entropies of each batch
 *   train/correct   F32 [steps], state: right predictions of each batch, before its update
 *   scores/...      of runs with scores: score_graph.h
 *   rng/key         U32 [3], state of graphs with random words: the seed, and the step, which
 *                   every training step advances
 *   eval/train/..., eval/test/...  position, loss and correct of an evaluation, a chunk an entry
 *   eval/train/clean, noisy, true  F32, of a training set some of whose labels were changed: right
 *                   predictions among the examples with unchanged and with changed labels, and
 *                   predictions of the true label among the latter */
#ifndef RK_TRAIN_STEP_H
#define RK_TRAIN_STEP_H
#include "train/supply.h"

/* Rows that a graph takes at once, and how many times it must run to see each example once. */
typedef struct rk_chunks {
    int64_t rows, count;
} rk_chunks;

/* count batches of `batch` examples, the last one perhaps smaller. */
rk_chunks rk_train_chunks(int64_t n, int64_t batch);
/* Equal chunks of about 256 rows; the last may reach beyond the set, where rows count nothing. */
rk_chunks rk_eval_chunks(int64_t n);

/* Training examples that are trained on: all but the part that is held out. */
int64_t rk_trained_examples(const rk_recipe *r, const rk_dataset *d);

/* True if a training label is not the true one. */
bool rk_labels_changed(const rk_dataset *d);

/* One training step on `rows` examples: rk_train_chunks' rows, or the rest for the last batch. */
rk_status rk_step_build(const rk_recipe *r, const rk_dataset *d, rk_chunks chunks, int64_t rows,
                        rk_graph **out, rk_error *e);

/* Examples that are evaluated: of the training set perhaps the first eval_limit ones only. */
int64_t rk_eval_examples(const rk_recipe *r, const rk_dataset *d, bool test);
/* Loss and right predictions of one chunk of the test set (or the training set, with how they are
 * spread over unchanged and changed labels if there are changed ones). */
rk_status rk_eval_build(const rk_recipe *r, const rk_dataset *d, bool test, rk_graph **out,
                        rk_error *e);
#endif
