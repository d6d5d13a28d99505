/* examples.h: the steps that rk_dataset_load is made of. */
#ifndef RK_DATA_EXAMPLES_H
#define RK_DATA_EXAMPLES_H
#include "data/dataset.h"
#include <xxhash.h>

/* Frees the arrays of both sets; *d may be made again. */
void rk_dataset_clear(rk_dataset *d);

/* Fills shift and scale of both sets as d->standardize says.
 *
 * IMAGE: with N values of one image on the [0, 1] scale, mean m and population standard deviation
 * s, (x - m) / max(s, 1 / sqrt(N)): TensorFlow's per_image_whitening, as in Zhang et al. 2016,
 * appendix A.  The sums of U8 pixels are exact integers; those of F32 pixels are doubles added in
 * the order of the pixels; only + - * / and sqrt are used, so every machine gets the same bits.
 * The division by 255 of U8 pixels is part of scale. */
void rk_dataset_standardize(rk_dataset *d);
/* Of one example's pixels. */
void rk_example_standardize(const rk_dataset *d, uint32_t dtype, const void *pixels, float *shift,
                            float *scale);

/* 32 digits and a zero. */
void rk_hash_hex(XXH128_hash_t hash, char out[33]);

/* Adds to audit->transforms what a transform made of d: digests before it are those of the last
 * call, or of the data as loaded if name is NULL, which only remembers them. */
typedef struct rk_traces {
    char labels[33], pixels[33];
} rk_traces;
void rk_dataset_trace(const rk_dataset *d, const char *name, rk_traces *last, rk_audit *audit);

/* Everything that a record says of the data.  After the sets are standardized;
 * of *audit what the intake found, or zero, and transforms are there already. */
rk_status rk_dataset_audit(const rk_dataset *d, rk_audit *audit, rk_error *e);
#endif
