/* cases.h: named cases, and what they are made of.
 *
 * A case runs ops of one kind on a bed and compares every element of every output with two
 * references, both made from the text of backend.h and neither from a backend:
 *   the contract   the bits of the exact tier, in the order of summation that the header fixes;
 *   the oracle     the true value in double precision, and how much it may be missed by.
 * A kernel of the exact tier must give the contract's bits; one of the fast tier must come as near
 * to the true value as it claims. */
#ifndef RK_CHECK_CASES_H
#define RK_CHECK_CASES_H
#include "base/pool.h"
#include "check/sample.h"

enum {
    RK_CASE_NEEDED = 1, /* what every backend of level "all kinds" computes */
    RK_CASE_SERVICE = 2 /* not about a kind: must pass on every level */
};

typedef struct rk_case {
    const char *name, *doc; /* name is without its kind */
    void (*run)(rk_bed *);
    uint32_t flags;
} rk_case;

typedef struct rk_case_group {
    const char *kind; /* "matmul": a full name is "matmul/sizes" */
    const rk_case *cases;
    uint32_t n;
} rk_case_group;

extern const rk_case_group rk_cases_device, rk_cases_ewise, rk_cases_copy, rk_cases_reduce,
    rk_cases_matmul, rk_cases_conv, rk_cases_window, rk_cases_take, rk_cases_put, rk_cases_rng,
    rk_cases_illegal;

/* ---- data ------------------------------------------------------------------------------------ */

/* Reproducible numbers. */
typedef struct rk_dice {
    uint64_t s;
} rk_dice;
uint32_t rk_dice_word(rk_dice *r);
uint32_t rk_dice_below(rk_dice *r, uint32_t n);
float rk_dice_float(rk_dice *r);      /* in (-1, 1), never 0 */
uint32_t rk_dice_special(rk_dice *r); /* any float, often NaN, infinite, subnormal, zero */

/* What the oracle knows of an element: the true value v, and e, the sum of the magnitudes of the
 * terms that it is made of, so that a good result is within ulp * eps * e of v.  RK_NEAR_WORD in e:
 * v is a word, and the only right one.  Infinite e: nothing is known, e.g. because a comparison of
 * two nearly equal values decides. */
typedef struct rk_near {
    double v, e;
} rk_near;
#define RK_NEAR_WORD (-1.0)
#define RK_EPS 1.1920928955078125e-7 /* 2^-23 */
/* Two true values further apart than this times their e are in the order they seem to be in. */
#define RK_NEAR_MARGIN 1e-3

/* The host arrays of a sample. */
typedef struct rk_operands {
    rk_pool pool;
    void *in[RK_SAMPLE_TENSORS], *out[RK_SAMPLE_TENSORS]; /* out: what is there before the run */
    void *want[RK_SAMPLE_TENSORS];                        /* the contract */
    rk_near *near[RK_SAMPLE_TENSORS];                     /* the oracle */
    rk_near *wide[RK_SAMPLE_TENSORS]; /* CONV: the same by the magnitude of RK_BOUND_PLANES */
    int64_t terms;                    /* of the longest sum */
} rk_operands;
enum { RK_PLAIN = 0, RK_SPECIAL = 1 };

/* Fills them with data that fit the dtypes; want begins as out.  Lack of memory fails the bed, and
 * gives false. */
bool rk_operands_make(rk_bed *b, const rk_sample *t, rk_operands *d, rk_dice *r, int special);
void rk_operands_free(rk_operands *d);
/* n elements of size bytes that live as long as the operands, or NULL, and the bed has failed. */
void *rk_operands_array(rk_bed *b, rk_operands *d, int64_t n, size_t size);
/* Element i as a word; bytes are zero-extended. */
uint32_t rk_word_at(const void *base, uint32_t dtype, int64_t i);
void rk_word_put(void *base, uint32_t dtype, int64_t i, uint32_t w);
/* The element of t where the index space dim[] has its element e; at_zero: index 1 is 0. */
int64_t rk_broadcast_at(const rk_tensor *t, int64_t e, const int64_t *dim, bool at_zero);
/* The number of the first instruction after the last FOLD. */
uint32_t rk_after_folds(const rk_sample *t);

/* The result of an op before its program: one element each of the index space. */
typedef struct rk_raw {
    uint32_t *word;
    rk_near *near;
} rk_raw;
/* False, and the bed has failed, without memory. */
bool rk_raw_make(rk_bed *b, rk_operands *d, int64_t n, rk_raw *out);

/* ---- the contract ---------------------------------------------------------------------------- */

/* The program after its folds (or all of it) over out[0]'s index space, into d->want.  raw: the
 * result of the kind, or NULL (EWISE, REDUCE); first: the number of in[] that are operands;
 * fold[j][element]: results of reductions. */
void rk_contract_program(const rk_sample *t, rk_operands *d, const uint32_t *raw, uint32_t first,
                         uint32_t *const *fold);
/* Instructions up to the last FOLD, over [outer, reduced, inner] in dim: folded[j][element] gets
 * what goes into reduction j. */
void rk_contract_folds(const rk_sample *t, const rk_operands *d, const int64_t *dim,
                       float *const *folded);
/* The sum in the order of numerics.h; NaN without memory. */
float rk_contract_sum(const float *x, int64_t n, int64_t stride);

/* ---- the oracle ------------------------------------------------------------------------------ */

/* The same two in double precision. */
void rk_oracle_program(const rk_sample *t, rk_operands *d, const rk_near *raw, uint32_t first,
                       rk_near *const *fold);
void rk_oracle_folds(const rk_sample *t, const rk_operands *d, const int64_t *dim,
                     rk_near *const *folded);
/* An element of a tensor, which is what it is. */
rk_near rk_near_word(uint32_t w);
/* Its value as a float's. */
double rk_near_value(rk_near x);
/* Whether a word is within ulp * eps * e, or the only right one. */
bool rk_near_is(uint32_t dtype, uint32_t got, rk_near x, double ulp);
/* Of n sums of products or floats: v is the sum of the terms, e that of their magnitudes; what
 * that says about a float is left. */
void rk_near_sums(rk_near *x, int64_t n);

/* ---- both, of an op of a kind --------------------------------------------------------------- */

/* Fill want and near of operands whose inputs are there; lack of memory fails the bed. */
void rk_refer_ewise(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_copy(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_reduce(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_matmul(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_conv(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_window(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_take(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_put(rk_bed *b, const rk_sample *t, rk_operands *d);
void rk_refer_rng(rk_bed *b, const rk_sample *t, rk_operands *d);

/* ---- what is expected ------------------------------------------------------------------------ */

/* Fills want and near from the result of the kind: through the program, if there is one. */
void rk_expect_raw(const rk_sample *t, rk_operands *d, const rk_raw *raw, uint32_t first);
/* Fills wide, likewise, from raw->near alone; without memory the bed has failed. */
void rk_expect_wide(rk_bed *b, const rk_sample *t, rk_operands *d, const rk_raw *raw,
                    uint32_t first);
/* Every word of want is the only right one, in any tier. */
void rk_expect_words(const rk_sample *t, rk_operands *d);
/* Runs the op and judges its outputs; also in the place of every input where that is allowed, and
 * by the kernel of the fast tier, if it is another. */
void rk_expect(rk_bed *b, const rk_sample *t, rk_operands *d);
/* Judges the outputs of one run by the claims of the kernel that it was; what is wrong fails the
 * bed. */
void rk_expect_ran(rk_bed *b, const rk_sample *t, const rk_operands *d, const rk_ran *ran);

/* Shapes are cut for slow devices. */
bool rk_too_large(const rk_bed *b, int64_t work);
#endif
