/* oplist.h: the operations that are measured: those of a training step of every model that is
 * installed, as plans have them, and a sweep of matrix products. */
#ifndef RK_BENCH_OPLIST_H
#define RK_BENCH_OPLIST_H
#include "bench/bench.h"
#include "check/sample.h"

typedef struct rk_listed {
    rk_sample op;
    char subject[128];
    double flop, bytes; /* of one run; flop: of products and convolutions */
    double share; /* of the models' work, by a roofline of 16 FLOP a byte; 0: no model has it */
    uint32_t group, rank; /* ops of the same kind; how many of them have a larger share */
    bool timed;           /* by a suite that goes through the list */
    bool fast_failed;     /* likewise: its kernel of the fast tier did not run */
} rk_listed;

typedef struct rk_oplist {
    rk_listed **op;
    uint32_t n, cap;
} rk_oplist;

/* What follows a product, a convolution or a sum of windows in its kernel is left out, so that a
 * shape is one op whatever follows it, as in a vendor's library.  Equal ones are there once.  What
 * matters most comes first: the largest of each kind, the sweep, then by share. */
rk_status rk_oplist_make(int64_t batch, rk_bench_size size, rk_oplist *out, rk_error *e);
void rk_oplist_free(rk_oplist *l);
/* Adds an op, or its share to the one that is there.  No two have the same subject: the first has
 * the usual one, another that differs in what that leaves out has a mark after it. */
rk_status rk_oplist_add(rk_oplist *l, const rk_sample *t, double share, rk_error *e);

/* "matmul", "conv dx", "window argmax", "ewise". */
const char *rk_op_sort(const rk_sample *t);
/* "conv y 128x3x28x28, 96x3x3x3, pad 1" */
void rk_op_subject(const rk_sample *t, char *out, size_t cap);
/* Adds to such a text a digest of all that an op is. */
void rk_op_mark(const rk_sample *t, char *text, size_t cap);
double rk_op_bytes(const rk_sample *t);
/* The op on fewer elements, with sums as long as they were, whose terms are about `most` or fewer;
 * false if there is none that is simpler. */
bool rk_op_shrink(const rk_sample *t, double most, rk_sample *out);
#endif
