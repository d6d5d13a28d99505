/* pattern.h: how the elements of a row-major index space read a smaller dense buffer.
 *
 * A pattern cuts the n elements of a space into dimensions, outermost first.  Along a dimension
 * whose bit in repeat is set every index reads the same element; the others, in their order, are
 * the buffer's dimensions.  Reshapes do not change a pattern: it speaks of linear indices only.
 * Patterns are kept in one form (no extent 1, neighbours differ in kind), so equal ones have equal
 * bytes in use. */
#ifndef RK_PLAN_PATTERN_H
#define RK_PLAN_PATTERN_H
#include "rethink/graph.h"

typedef struct rk_pattern {
    uint32_t rank, repeat;
    int64_t dim[RK_MAX_RANK];
} rk_pattern;

/* Element i reads element i. */
rk_pattern rk_pattern_whole(int64_t n);
bool rk_pattern_is_whole(const rk_pattern *p);
bool rk_pattern_same(const rk_pattern *a, const rk_pattern *b);
/* What EXPAND from one shape to another of the same rank does. */
rk_pattern rk_pattern_expand(const rk_shape *from, const rk_shape *to);
/* outer, then inner on what outer reads.  False if the result cannot be cut into dimensions. */
bool rk_pattern_then(const rk_pattern *outer, const rk_pattern *inner, rk_pattern *out);
/* The strides of a read with the space cut into dim[0..rank); false if the pattern does not allow
 * that cut. */
bool rk_pattern_strides(const rk_pattern *p, uint32_t rank, const int64_t *dim, int64_t *stride);

/* The coarsest cut that several patterns allow.  Start with the space's n, add, then read. */
typedef struct rk_cut {
    int64_t n;
    uint32_t count;
    int64_t at[RK_MAX_RANK]; /* products of trailing extents, ascending, without 1 and n */
} rk_cut;
bool rk_cut_add(rk_cut *c, const rk_pattern *p); /* false: they do not go together */
uint32_t rk_cut_dims(const rk_cut *c, int64_t *dim);
#endif
