/* ir.h: a graph on its way to a plan.
 *
 * Views are gone: an operand is a node and the pattern by which its elements are read.  Constants
 * are folded.  A MAP node is one instruction (or none: op 0 passes its operand on); a KERNEL node
 * is one operation of another kind.  Ids ascend from operands to users.
 *
 * Units are what fusion decides: nodes of one unit become one step.  A MAP node of unit 0 is
 * computed again by every program that needs it, and never stored. */
#ifndef RK_PLAN_IR_H
#define RK_PLAN_IR_H
#include "graph/node.h"
#include "plan/pattern.h"
#include "plan/plan.h"

typedef enum rk_xkind {
    RK_X_NONE,
    RK_X_BUFFER, /* an input or state */
    RK_X_IMM,    /* one word everywhere */
    RK_X_INDEX,  /* element i is i */
    RK_X_MAP,
    RK_X_KERNEL
} rk_xkind;

typedef struct rk_xuse {
    uint32_t node;
    rk_pattern at;
} rk_xuse;

typedef struct rk_xnode {
    rk_xkind kind;
    uint32_t dtype, n_in;
    rk_shape shape;
    int64_t n; /* elements */
    rk_xuse *in;
    uint16_t op;  /* MAP: RK_I_* or 0 */
    uint32_t imm; /* IMM */
    /* KERNEL: as in rk_op; a COPY has one box per operand, and may need zeros first. */
    uint32_t kernel;
    int64_t p[24];
    int64_t (*box)[24];
    bool fill;
    /* It lies in the memory of another node, 0: in its own.  A CONV's result that a COPY would join
     * is written there; of a COPY that would take out a part, that part is read instead.  In
     * elements: the first one's place, and how far images are apart. */
    uint32_t joined;
    int64_t at, apart;
    /* Fusion. */
    uint32_t unit, next; /* next member of the unit, ascending; 0 ends */
    uint32_t buffer;     /* of a BUFFER, or of a stored node once buffers are given */
    bool assigned;       /* its value is that of a state after the run */
} rk_xnode;

typedef struct rk_xassign {
    uint32_t state, value; /* BUFFER node, MAP or KERNEL node */
} rk_xassign;

typedef struct rk_unit {
    uint32_t head, max; /* first (smallest) and largest member; head 0: merged into another */
    uint32_t anchor;    /* its first KERNEL node, or 0 */
} rk_unit;

typedef struct rk_ir {
    rk_pool *pool;
    rk_xnode *node; /* [n], node[0] is unused */
    uint32_t n, cap;
    rk_xassign *assign;
    uint32_t n_assign;
    rk_unit *unit; /* [n]; unit v is at first node v alone */
    /* The users of node v are user[first_user[v] .. first_user[v + 1]). */
    uint32_t *first_user, *user;
    uint32_t *stamp, *stack, now; /* for walks: [2 n], [2 n] */
} rk_ir;

rk_status rk_ir_build(const rk_graph *g, rk_plan *plan, rk_ir *ir, rk_error *e);

/* p[] of a node that is a kernel; the boxes of one that moves, a box for each operand. */
void rk_kernel_params(const rk_graph *g, const rk_node *node, int64_t *p);
void rk_move_boxes(const rk_graph *g, const rk_node *node, int64_t (*box)[24]);

/* Whether the value of a member must be in memory: something outside of its unit reads it. */
bool rk_ir_stored(rk_ir *ir, uint32_t node);
/* Does a path lead from unit a to unit b through nodes outside of both? */
bool rk_ir_path(rk_ir *ir, uint32_t a, uint32_t b);

/* ---- the program of a unit ---- */

enum { RK_PROGRAM_CODE = 96, RK_PROGRAM_IMM = 40, RK_PROGRAM_TENSORS = 20 };

typedef struct rk_emit_in {
    uint32_t node;
    rk_pattern at;
    bool post; /* of a REDUCE: read after the folds */
    int64_t stride[RK_MAX_RANK];
} rk_emit_in;

typedef struct rk_emit {
    rk_ir *ir;
    uint32_t unit;
    bool over; /* it cannot be one program */
    uint32_t rank;
    int64_t dim[RK_MAX_RANK]; /* the index space */
    rk_ins code[RK_PROGRAM_CODE];
    uint32_t imm[RK_PROGRAM_IMM];
    rk_emit_in in[RK_PROGRAM_TENSORS]; /* program inputs with memory, from number 0 */
    uint32_t out[RK_PROGRAM_TENSORS];  /* nodes */
    uint32_t fold[RK_PROGRAM_TENSORS]; /* REDUCE nodes */
    uint32_t n_code, n_imm, n_in, n_out, n_fold, depth;
    bool post;  /* emitting what follows the folds */
    bool plain; /* no program is needed: the kernel's result is the only output */
    struct {
        uint32_t node;
        rk_pattern at;
        bool post;
        uint16_t reg;
    } memo[RK_PROGRAM_CODE];
    uint32_t n_memo;
} rk_emit;

/* Fills *x with the unit's program; false if it cannot be one. */
bool rk_emit_unit(rk_emit *x, rk_ir *ir, uint32_t unit);
/* Whether program input j is read only at the element's own index (of a REDUCE: of its results),
 * and not stored as it is, so that an output may lie in its memory. */
bool rk_emit_same(const rk_emit *x, uint32_t j);
/* A figure to compare plans by: bytes moved, work and launches of the unit's step, in bytes. */
enum { RK_LAUNCH_COST = 65536 };
int64_t rk_emit_cost(const rk_emit *x);
bool rk_unit_programmable(const rk_ir *ir, uint32_t unit);

/* ---- passes ---- */

/* Every node in a unit of its own. */
rk_status rk_ir_units(rk_ir *ir, rk_error *e);
bool rk_fuse(rk_ir *ir, rk_emit *scratch);
/* Finds the COPYs that need not be: parts of a tensor that only convolutions read, as g. */
void rk_ir_read_parts(rk_ir *ir);
/* Lets a convolution that is one of the operands of a joining COPY write its result there; false if
 * it cannot. */
bool rk_ir_write_part(rk_ir *ir, uint32_t joined, uint32_t operand);
/* Orders the units, gives buffers, and writes the plan's steps. */
rk_status rk_order(rk_ir *ir, rk_plan *plan, rk_emit *scratch, rk_error *e);
/* Appends the steps of one unit. */
rk_status rk_lower_unit(rk_ir *ir, rk_plan *plan, uint32_t unit, rk_emit *scratch, rk_error *e);
#endif
