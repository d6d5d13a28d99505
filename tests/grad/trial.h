/* trial.h: a small random graph, its arguments, and its derivatives by finite differences. */
#ifndef RK_TESTS_TRIAL_H
#define RK_TESTS_TRIAL_H
#include "oracle.h"

/* Where the elements of an argument come from.  DISTINCT: of all such arguments of a trial, no two
 * elements are nearer than 1/16, so that a small step changes no comparison. */
typedef enum range { ANY, POSITIVE, NONZERO, DISTINCT } range;

enum { MAX_ARGUMENTS = 6 };

typedef struct trial {
    rk_graph *g;
    uint64_t random; /* state of the generator */
    uint32_t n;      /* F32 arguments, the inputs "x0", "x1", ... */
    rk_value x[MAX_ARGUMENTS];
    range range[MAX_ARGUMENTS];
    uint32_t n_words; /* U32 inputs "w0", ... */
    rk_value words[MAX_ARGUMENTS];
    uint32_t below[MAX_ARGUMENTS];
} trial;

trial trial_new(uint64_t seed);
void trial_free(trial *t);

uint32_t pick(trial *t, uint32_t below); /* uniform, 0 ... below - 1 */
double uniform(trial *t, double low, double high);

rk_value argument(trial *t, rk_shape s, range r);
/* A U32 input with elements below a bound. */
rk_value words(trial *t, rk_shape s, uint32_t below);
/* Rank at most most_rank, extents 1 to 4, now and then 0. */
rk_shape random_shape(trial *t, uint32_t most_rank);
/* n shapes that broadcast together. */
void random_shapes(trial *t, uint32_t n, rk_shape *out);

/* Fills all inputs of the trial at random. */
void trial_fill(trial *t, oracle *o);
/* sum over elements of c y, with random coefficients c that are constants. */
rk_value weighted_sum(trial *t, rk_value y);
/* weighted_sum of y + y^2, so that linear operations have second derivatives. */
rk_value curved_sum(trial *t, rk_value y);
/* Compares d[i] = d loss / d x[i] with central differences, element by element; fails the test,
 * naming what, where they differ. */
void check_derivatives(trial *t, const char *what, rk_value loss, const rk_value *d);
/* Fails the test with the graph's error, if there is one. */
void check_graph(const rk_graph *g, const char *what);
#endif
