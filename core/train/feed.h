/* feed.h: the pixels of a set that is not in memory, on their way to the device.
 *
 * Inputs of graphs, written before each run: feed/train/pixels, .../shift and .../scale of the
 * training step's batch, feed/eval-train/... and feed/eval-test/... of an evaluation's chunk. */
#ifndef RK_TRAIN_FEED_H
#define RK_TRAIN_FEED_H
#include "data/reader.h"
#include "device/session.h"
#include "train/step.h"

typedef struct rk_feed rk_feed;

/* For batches of up to `rows`; the data set must outlive the feed. */
rk_status rk_feed_open(const rk_dataset *d, int64_t rows, rk_feed **out, rk_error *e);
void rk_feed_close(rk_feed *f);
/* A new epoch: the order of its examples, [n], is copied.  Reading begins with its first batch. */
void rk_feed_order(rk_feed *f, const uint32_t *order);
/* Writes batch number `batch` of the first n examples in batches of `rows`: reads ahead while they
 * are asked for one after the other, and starts anew where they are not. */
rk_status rk_feed_write(rk_feed *f, rk_session *s, rk_feed_set set, int64_t n, int64_t rows,
                        int64_t batch, rk_error *e);
/* Nanoseconds that rk_feed_write waited for pixels of training batches since the last call. */
uint64_t rk_feed_waited(rk_feed *f);
#endif
