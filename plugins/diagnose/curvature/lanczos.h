/* lanczos.h: the Hessian of the loss as an operator, and its spectrum.
 *
 * Lanczos 1950 with full reorthogonalization, twice, in double precision on the host; products are
 * the device's, of float vectors.  The eigenvalues of the small matrix are Ritz values: the extreme
 * ones approach the operator's from within, each with a bound of its error. */
#ifndef CURVATURE_LANCZOS_H
#define CURVATURE_LANCZOS_H
#include "rethink/diagnose.h"

/* A block of the Hessian: rows and columns of the parameters whose part is true. */
typedef struct hessian_block {
    rk_lab *lab;
    rk_objective *f;
    const bool *part;           /* [tensors of the lab] */
    int64_t size;               /* values in it */
    float *v, *hv;              /* [rk_lab_size] */
    int64_t products, expected; /* so far, and about how many there will be; 0: not known */
} hessian_block;

/* Marks parameters by a pattern in which '*' stands for any text, or "all"; an error if it finds
 * none.  Allocates; close frees. */
rk_status block_open(rk_lab *lab, rk_objective *f, const char *pattern, hessian_block *out,
                     rk_error *e);
void block_close(hessian_block *b);
/* Entries of other parameters become 0. */
void block_mask(const hessian_block *b, float *x);
/* hv = the block times v; entries of other parameters are taken as 0 and given as 0. */
rk_status block_product(hessian_block *b, rk_error *e);
/* v is +1 or -1 in the block, by the words of a stream. */
void block_signs(hessian_block *b, rk_random r);

/* Ritz values, ascending, each with the square of its vector's first entry (of sum 1) and the bound
 * |H y - theta y| of its error. */
typedef struct spectrum {
    int n;
    double *theta, *weight, *bound; /* [n] */
    double first;                   /* v' H v for the normalized first vector */
} spectrum;
typedef struct lanczos_options {
    int iterations;   /* at most */
    double tolerance; /* end when both extreme values are this sure, relative to the largest ... */
    bool largest;     /* ... or only the largest is */
} lanczos_options;
/* From b->v, which need not have length 1. */
rk_status lanczos(hessian_block *b, lanczos_options o, spectrum *out, rk_error *e);
void spectrum_free(spectrum *s);

/* Eigenvalues w[n], ascending, and vectors (vector i is column i of q[n][n]) of the symmetric
 * a[n][n], which is destroyed: cyclic Jacobi rotations. */
void jacobi(int n, double *a, double *w, double *q);
#endif
