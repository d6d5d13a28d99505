/* random_graph.h: graphs nobody would write, to find what plans get wrong.
 *
 * In whole mode every value is a whole number small enough that single and double precision and any
 * order of additions agree exactly: the result can be compared with the double-precision oracle bit
 * for bit.  In real mode there are roots, exponentials and quotients too: only plans of the same
 * graph can be compared.  The same seed gives the same graph. */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H
#include "rethink/graph.h"

typedef struct random_source {
    uint64_t state;
} random_source;
/* In [0, n). */
uint32_t random_below(random_source *r, uint32_t n);

/* Inputs in0 ... and states s0 ... of several shapes and types; most states are assigned, some from
 * one another, some after a training step's pattern; the rest of the graph joins them. */
rk_graph *random_graph_make(uint64_t seed, bool whole);

typedef struct random_part {
    rk_value value;
    double bound; /* of the magnitude */
} random_part;
enum { RANDOM_PARTS = 8 };
/* Values of convolutions of v that are joined, perhaps with v, and of others that take a part of
 * what is joined for a gradient; their number.  bound: of v; weights: 24 numbers of at most 4. */
uint32_t random_parts(rk_graph *g, random_source *r, rk_value v, double bound, rk_value weights,
                      random_part *out);
#endif
