/* bits.h: where and by how much two results differ. */
#ifndef RK_TRAIN_BITS_H
#define RK_TRAIN_BITS_H
#include <stdbool.h>
#include <stdint.h>

typedef struct rk_bits_difference {
    uint64_t count, differing, first; /* elements; first: the first that differs */
    uint32_t a, b;                    /* its words */
    /* The largest distance of two differing elements: of floats in ULP, counted from -inf to inf
     * with -0 before +0; of whole numbers the difference. */
    uint64_t most;
    bool nan; /* somewhere one is NaN and the other is not: most does not count these */
} rk_bits_difference;

/* Compares arrays of a dtype; true if they differ.  Every NaN counts as one value. */
bool rk_bits_compare(uint32_t dtype, const void *a, const void *b, uint64_t bytes,
                     rk_bits_difference *out);
#endif
