/* features.h: what a kernel compares instead of pixels: responses to filters, pooled.
 *
 * max(<filter, patch>, 0) at each place of an image where the filter fits, averaged over the cells
 * of a grid (after Coates and Ng 2012). */
#ifndef THEORY_FEATURES_H
#define THEORY_FEATURES_H
#include "lab.h"

typedef struct bank {
    int64_t filters, side, grid, channels;
    float *w; /* [filters][channels][side][side], each of mean 0 and length 1 */
} bank;

/* Patches of training examples at random places. */
rk_status bank_patches(const rk_lab *l, int64_t n, bank *b, rk_error *e);
/* Gabor functions, the same in every channel: filter f has the orientation pi (f mod 8) / 8, the
 * wavelength 3 2^(j/2) with j = f / 8 mod 4, and the phase pi / 2 (f / 32 mod 2); sigma is half of
 * the wavelength.  Later filters repeat the earlier ones at once, their centre moved by a pixel. */
rk_status bank_gabor(bank *b, rk_error *e);
/* Subtracts the mean, scales to length 1; a filter without contrast stays 0. */
void bank_normalize(bank *b);

/* Values of one example. */
int64_t features_size(const bank *b);
/* out[n][features_size] of the first n examples of a set, by the device. */
rk_status features_make(rk_lab *l, const bank *b, bool test, int64_t n, float *out, rk_error *e);
#endif
