/* augmented.h: one augmentation on a device, by itself. */
#ifndef RK_TEST_AUGMENTED_H
#define RK_TEST_AUGMENTED_H
#include "world.h"

enum { ROWS = 9, SET = 20 }; /* of a batch, of the data set */

/* What the batch takes: rows of the set. */
extern const uint32_t batch_rows[ROWS];
/* The word of a row of the set, by its definition: of the Philox stream `name` at the epoch. */
uint32_t word_of(uint64_t seed, const char *name, uint32_t epoch, uint32_t row);

typedef struct batch_test {
    const char *spec, *scope;
    bool training, unfused;
    uint64_t seed;
    uint32_t epoch;
    rk_shape in, out; /* out is found */
    float *x, *y;
} batch_test;

/* At a seed and an epoch, which is the step of rk_rng too. */
batch_test batch_of(const char *spec, const char *scope, bool training, bool unfused, rk_shape in);
/* Leaves the device's images in b->y, those that it had in b->x; both are freed by free(). */
void run_batch(const world *w, batch_test *b);
#endif
