/* node.h: reading a graph: what the lowering, the derivatives and the tests do. */
#ifndef RK_GRAPH_NODE_H
#define RK_GRAPH_NODE_H
#include "rethink/graph.h"

typedef enum rk_opcode {
    RK_OP_NONE = 0,
#define X(name, operands, class) RK_OP_##name,
#include "graph/ops.def"
#undef X
    RK_OP_COUNT
} rk_opcode;

typedef enum rk_opclass {
    RK_CLASS_NONE,
    RK_CLASS_LEAF,
    RK_CLASS_RNG,
    RK_CLASS_MAP,
    RK_CLASS_VIEW,
    RK_CLASS_MOVE,
    RK_CLASS_REDUCE,
    RK_CLASS_MATMUL,
    RK_CLASS_CONV,
    RK_CLASS_WINDOW,
    RK_CLASS_TAKE,
    RK_CLASS_PUT,
    RK_CLASS_EFFECT
} rk_opclass;

typedef struct rk_opinfo {
    const char *name; /* "matmul" */
    int operands;     /* -1: any number */
    rk_opclass class;
} rk_opinfo;
const rk_opinfo *rk_op_info(rk_opcode op);

typedef struct rk_node {
    rk_opcode op;
    uint32_t dtype;
    rk_shape shape;
    uint32_t n_in, n_attr;
    const rk_value *in;  /* n_in operands */
    const int64_t *attr; /* n_attr attributes, see ops.def */
    const char *name;    /* of INPUT, STATE; of RNG its full stream name; else "" */
    bool trained;        /* STATE made by rk_param */
    bool statistic;      /* STATE made by rk_statistic */
    rk_init init;        /* of such a state */
} rk_node;

/* Number of values + 1: values are 1 ... count - 1. */
uint32_t rk_graph_count(const rk_graph *g);
/* A view of a node; pointers are valid until the graph changes. */
rk_node rk_graph_node(const rk_graph *g, rk_value v);
/* Appends a node after checking nothing but memory; builders check.  Shares an identical pure
 * node. */
rk_value rk_graph_append(rk_graph *g, const rk_node *node);
/* From now on what a trained state is assigned goes through f first, which returns a value of the
 * same shape; NULL: it is assigned as it is. */
typedef rk_value rk_update(void *ctx, rk_graph *g, rk_value param, rk_value updated);
void rk_graph_on_update(rk_graph *g, rk_update *f, void *ctx);
/* Does batch norm take the batch's statistics?  While training, and where it was set; then running
 * averages stay as they are. */
bool rk_graph_by_batch(const rk_graph *g);
void rk_graph_set_by_batch(rk_graph *g, bool on);
/* Marks the nodes that the assigns (all of them) and the n given values need: live[v] for v <
 * count. */
void rk_graph_mark(const rk_graph *g, const rk_value *roots, uint32_t n, bool *live);
/* One line per node, for people and golden tests; writes at most cap bytes, returns the full
 * length. */
size_t rk_graph_dump(const rk_graph *g, char *out, size_t cap);
#endif
