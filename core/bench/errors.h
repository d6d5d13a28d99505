/* errors.h: how far results are from the true ones. */
#ifndef RK_BENCH_ERRORS_H
#define RK_BENCH_ERRORS_H
#include "bench/fill.h"

typedef struct rk_errors {
    double most, mean; /* ULP as in rk_kinfo.ulp, over the elements that are floats */
    int64_t counted;
    bool right;      /* the bits of the contract, of the fast tier: as near as the kernel claims */
    char where[900]; /* the first element that is not so */
} rk_errors;

/* Runs the op on random numbers of the seed; an op that is not done is an error. */
rk_status rk_errors_of(rk_open *d, const rk_sample *t, bool exact, uint64_t seed, rk_errors *out,
                       rk_error *e);
/* Whether two results are the same, every NaN being one value; else where says which element is
 * the first that differs, and by how much. */
bool rk_same_words(const rk_tensor *t, const void *got, const void *want, char *where, size_t cap);
/* The device as the conformance suite takes one, until it is returned: it may be lost by then, and
 * why says how. */
void rk_bed_of(rk_open *d, rk_bed *bed);
void rk_bed_return(const rk_bed *bed, rk_open *d, const char *why);
/* The references of the kind of an op. */
void rk_refer(rk_bed *b, const rk_sample *t, rk_operands *d);
#endif
