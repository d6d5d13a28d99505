/* oracle.h: what a graph means, in double precision.
 *
 * An interpreter that shares no code with plans, backends and kernels: it reads nodes and evaluates
 * them one by one with plain loops.  Floats are doubles and nothing is rounded to single precision;
 * words and bytes are exact, and so are random words.
 *
 * Use: fill the buffers of inputs and states by name ("rng/key" among them, if there is one), run
 * as often as needed, read values and states.  States start as zeros and are kept between runs.
 * The graph may grow between runs.  Without memory, the oracle exits: it is only for tests. */
#ifndef RK_TESTS_ORACLE_H
#define RK_TESTS_ORACLE_H
#include "graph/node.h"

/* One element: f of F32, u of U32 and U8. */
typedef union cell {
    double f;
    uint32_t u;
} cell;

typedef struct oracle oracle;

/* The graph must live as long as the oracle. */
oracle *oracle_new(const rk_graph *g);
void oracle_free(oracle *o);

/* The elements of an input or a state; NULL if the graph has none of this name. */
cell *oracle_buffer(oracle *o, const char *name);
/* Evaluates the roots and all that is assigned, then assigns. */
void oracle_run(oracle *o, const rk_value *roots, uint32_t n);
/* The elements of a value after the run that evaluated it. */
const cell *oracle_value(const oracle *o, rk_value v);
/* Its first element. */
double oracle_scalar(const oracle *o, rk_value v);
#endif
