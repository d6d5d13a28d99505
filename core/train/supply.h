/* supply.h: examples of a set, and what the model says of them, in a graph.
 *
 * Shared by the graphs of a run (step.h, which lists the names of its buffers) and those of
 * diagnostics. */
#ifndef RK_TRAIN_SUPPLY_H
#define RK_TRAIN_SUPPLY_H
#include "train/config.h"

/* Whose batches are written before each run, where a set is not in memory. */
typedef enum rk_feed_set { RK_FEED_TRAIN, RK_FEED_EVAL_TRAIN, RK_FEED_EVAL_TEST } rk_feed_set;
const char *rk_feed_name(rk_feed_set set); /* "feed/train" */

/* A set on the device. */
typedef struct rk_supply {
    const rk_dataset *d;
    const rk_examples *x;
    bool test;
    const char *prefix; /* "data/train" */
    rk_feed_set feed;   /* of a set that is not in memory, and the rows that it writes at once */
    int64_t fed;
    int64_t channels, height, width;
} rk_supply;
rk_supply rk_supply_of(const rk_dataset *d, bool test, rk_feed_set feed, int64_t fed);

/* Of the buffer prefix/name, which has shape[0] examples, those at index. */
rk_value rk_supply_field(rk_graph *g, const rk_supply *s, uint32_t dtype, rk_shape shape,
                         const char *name, rk_value index);
/* The examples at index[rows], standardized: (pixel - shift) * scale. */
rk_value rk_supply_batch(rk_graph *g, const rk_supply *s, rk_value index, rk_value *label);
/* The images of a batch as the model sees them, from such ones. */
rk_value rk_supply_augment(rk_graph *g, const rk_recipe *r, const rk_supply *s, rk_value index,
                           rk_value x);
/* Logits [rows][classes] of what the model sees, x[rows][C][H][W]. */
rk_value rk_model_logits(rk_graph *g, const rk_recipe *r, const rk_dataset *d, rk_value x);
/* After everything else: the random words of the graph's next run are others. */
void rk_random_advance(rk_graph *g);
#endif
