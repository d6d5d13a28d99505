/* dataset.h: from a data item and transforms to arrays ready for a device. */
#ifndef RK_DATA_DATASET_H
#define RK_DATA_DATASET_H
#include "data/registry.h"

/* What a result record says of the data. */
typedef struct rk_audit {
    double changed_labels; /* fraction of training labels that differ from the true ones */
    int64_t changed;       /* their number */
    char digest[33];       /* of pixels, labels, shift and scale of both sets: hex of XXH3-128 */
    char label_digest[33]; /* of the training labels alone */
    int64_t skipped;       /* examples that could not be read and were left out */
    char skipped_why[448]; /* the first of them, and why */
} rk_audit;

/* Loads (checking that labels are below classes and counts agree), keeps the first examples within
 * the limits, applies the transforms in order with streams of `seed`, standardizes. */
rk_status rk_dataset_load(const rk_spec *data, const rk_spec *const *transforms, uint32_t n,
                          uint64_t seed, rk_dataset **out, rk_audit *audit, rk_error *e);
/* Are pixels read while they are needed?  Then they are in no array and in no graph. */
bool rk_dataset_streams(const rk_dataset *d);
void rk_dataset_free(rk_dataset *d);
#endif
