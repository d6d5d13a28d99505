/* oracle_ops.h: the operations of the oracle, by class.  out has the elements of node n, in[i]
 * those of its operand i, and from[i] is the operand's node. */
#ifndef RK_TESTS_ORACLE_OPS_H
#define RK_TESTS_ORACLE_OPS_H
#include "oracle.h"

typedef struct operands {
    const cell *const *in;
    const rk_node *from;
} operands;

typedef void oracle_op(const rk_node *n, operands x, cell *out);

oracle_op oracle_leaf, oracle_rng, oracle_map, oracle_view, oracle_move, oracle_reduce,
    oracle_matmul, oracle_conv, oracle_window, oracle_take, oracle_put;
#endif
