/* reader.h: examples read by threads ahead of their use.
 *
 * A reader has threads that read examples of one set at a time, batch by batch in a given order, a
 * few batches ahead of whoever takes them: its memory does not depend on the set.  What is taken is
 * the same whatever the threads do. */
#ifndef RK_DATA_READER_H
#define RK_DATA_READER_H
#include "data/dataset.h"

typedef struct rk_reader rk_reader;

/* A batch: arrays of its rows.  Where status[i] is not RK_OK the row is zero, error[i] says why. */
typedef struct rk_reading {
    int64_t rows;               /* that were read; those up to the batch's are zero */
    const void *pixels;         /* [rows][channels][height][width] of the set's dtype */
    const float *shift, *scale; /* [rows]: the standardization of each, as in rk_examples */
    const rk_status *status;
    const rk_error *error;
} rk_reading;

/* For batches of up to `rows` rows, of a set whose source reads; it must outlive the reader. */
rk_status rk_reader_open(const rk_dataset *d, int64_t rows, rk_reader **out, rk_error *e);
void rk_reader_close(rk_reader *r);
/* Begins to read batches of `rows` of the set's rows order[0 ... n) (NULL: 0, 1, ...), from batch
 * number `first` on.  order is not copied: it must stay until the next start or the close. */
void rk_reader_start(rk_reader *r, bool test, const uint32_t *order, int64_t n, int64_t rows,
                     int64_t first);
/* The next batch, valid until the next call, which waits for it; *waited_ns gets more by that. */
void rk_reader_next(rk_reader *r, rk_reading *out, uint64_t *waited_ns);
#endif
