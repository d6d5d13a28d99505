/* kinds.h: the tests of the nine kernel kinds, for any backend.  Every test takes a harness with an
 * open device as its state; the references follow the text of backend.h, element by element.
 *
 * test_backend PATH INDEX [--small] [--without=KIND,KIND] [KEY=VALUE ...] runs them all. */
#ifndef KINDS_H
#define KINDS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include "backend_harness.h"

/* A group of tests, one a kind. */
typedef struct kinds_group {
    const char *name;
    const struct CMUnitTest *tests;
    size_t n;
} kinds_group;

extern const kinds_group kinds_ewise, kinds_copy, kinds_reduce, kinds_matmul, kinds_conv,
    kinds_window, kinds_index, kinds_rng, kinds_illegal, kinds_faults;

/* Reproducible test data. */
typedef struct random_state {
    uint64_t s;
} random_state;
uint32_t random_word(random_state *r);
uint32_t random_below(random_state *r, uint32_t n);
float random_float(random_state *r);      /* in (-1, 1), never 0 */
uint32_t random_special(random_state *r); /* any float, often NaN, infinite, subnormal, zero */

/* Host arrays of a case, filled with data that fit the dtype; freed by data_free. */
typedef struct case_data {
    void *in[HARNESS_TENSORS], *out[HARNESS_TENSORS], *want[HARNESS_TENSORS];
} case_data;
enum { DATA_PLAIN = 0, DATA_SPECIAL = 1 };
void data_make(const harness_case *c, case_data *d, random_state *r, int special);
void data_free(const harness_case *c, case_data *d);

/* The op's program after its folds (or all of it) over out[0]'s index space, into d->want.
 * raw: the result of the kind, one word an element, or NULL if the kind has no operands (EWISE,
 * REDUCE); first: number of in[] that are operands; fold[j][element]: results of reductions. */
void reference_program(const harness_case *c, case_data *d, const uint32_t *raw, uint32_t first,
                       const uint32_t *const *fold);
/* Instructions before (and at) the last FOLD, at element e of [outer, reduced, inner]:
 * folded[j] gets what goes into reduction j. */
void reference_fold_inputs(const harness_case *c, const case_data *d, int64_t e, const int64_t *dim,
                           uint32_t *folded);
float reference_sum(const float *x, int64_t n, int64_t stride);

/* Runs the case and compares with d->want: bits, or NaN for NaN where the output is F32.  Also with
 * out[0] in place of every input for which that is allowed. Skips the test if the kind may be
 * missing and is. */
void expect_want(harness *h, const harness_case *c, case_data *d, const char *kind);
/* The program's result is raw itself, if the case has no program. */
void want_raw(const harness_case *c, case_data *d, const uint32_t *raw, uint32_t first);

/* The shapes are cut for slow devices. */
bool too_large(const harness *h, int64_t work);
#endif
