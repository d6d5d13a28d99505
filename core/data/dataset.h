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
    bool as_read;          /* pixels came from a source, and are as they came: then ... */
    char pixels[2][33];    /* ... digests of them, of the training and of the test set */
    /* "labels: labels DIGEST; pixels: pixels DIGEST": what each transform made of the training
     * labels and pixels, where it changed them; so two runs show the first step where they part. */
    char transforms[1600];
} rk_audit;

/* Loads (checking that labels are below classes and counts agree), keeps the first examples within
 * the limits, applies the transforms in order with streams of `seed`, standardizes. */
rk_status rk_dataset_load(const rk_spec *data, const rk_spec *const *transforms, uint32_t n,
                          uint64_t seed, rk_dataset **out, rk_audit *audit, rk_error *e);
/* Are pixels read while they are needed?  Then they are in no array and in no graph. */
bool rk_dataset_streams(const rk_dataset *d);
/* Does to test labels what the transforms did to those of training, with streams of their own; the
 * audit, which rk_dataset_load has filled, is brought up to it.  RK_E_INVALID if no transform
 * can. */
rk_status rk_dataset_corrupt_test(rk_dataset *d, const rk_spec *const *transforms, uint32_t n,
                                  uint64_t seed, rk_audit *audit, rk_error *e);
void rk_dataset_free(rk_dataset *d);
#endif
