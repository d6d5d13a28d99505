/* builder.h: what the builders share: checked operands, shapes, and the text of a mistake.
 *
 * A builder checks its operands, finds the shape of the result, returns an existing value where the
 * operation would not change a bit, and else appends a node.  Every step passes a 0 on: a builder
 * needs no branch for operands that failed before.
 *
 * C evaluates the arguments of a call in any order.  A graph must not depend on the compiler, so no
 * two arguments of one call may append: they go into statements of their own. */
#ifndef RK_GRAPH_BUILDER_H
#define RK_GRAPH_BUILDER_H
#include "graph/node.h"

/* ---- mistakes ---- */

/* Records a mistake in operation `what` unless there is one already, and returns 0. */
#define RK_REJECT(g, what, ...) rk_graph_reject((g), (what), (uint32_t)__LINE__, __VA_ARGS__)
rk_value rk_graph_reject(rk_graph *g, const char *what, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void rk_graph_no_memory(rk_graph *g, size_t bytes);

/* Text for messages, by value: rk_value_show(g, v).s is "f32[128, 10]". */
typedef struct rk_text {
    char s[160];
} rk_text;
rk_text rk_shape_show(rk_shape s); /* "[128, 10]" */
rk_text rk_value_show(const rk_graph *g, rk_value v);
const char *rk_dtype_name(uint32_t dtype);

/* ---- shapes ---- */

bool rk_shape_same(rk_shape a, rk_shape b);
/* Rank within bounds, no negative extent, and the bytes of all elements countable; else rejects. */
bool rk_shape_check(rk_graph *g, const char *what, rk_shape s);
/* The shape that both stretch to, as in NumPy; false if there is none. */
bool rk_shape_broadcast(rk_shape a, rk_shape b, rk_shape *out);
/* The shape with extents [first, first + count) set to 1. */
rk_shape rk_shape_reduced(rk_shape s, uint32_t first, uint32_t count);

/* ---- operands and nodes ---- */

enum { RK_TYPE_F32 = 1 << RK_F32, RK_TYPE_U32 = 1 << RK_U32, RK_TYPE_U8 = 1 << RK_U8 };
enum { RK_TYPE_ANY = RK_TYPE_F32 | RK_TYPE_U32 | RK_TYPE_U8 };
/* v is a value of one of the types (a mask of RK_TYPE_*); else rejects. */
bool rk_operand(rk_graph *g, const char *what, rk_value v, uint32_t types);

/* Appends; 0 if an operand is 0. */
rk_value rk_build(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, const rk_value *in,
                  uint32_t n_in, const int64_t *attr, uint32_t n_attr);
rk_value rk_build_1(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, rk_value a,
                    const int64_t *attr, uint32_t n_attr);
rk_value rk_build_2(rk_graph *g, rk_opcode op, uint32_t dtype, rk_shape shape, rk_value a,
                    rk_value b, const int64_t *attr, uint32_t n_attr);

/* True if every element of v is one constant: its bits. */
bool rk_is_constant(const rk_graph *g, rk_value v, uint32_t *bits);

/* What a state shall be assigned instead of value, see rk_graph_on_update. */
rk_value rk_graph_updated(rk_graph *g, rk_value state, rk_value value);

/* The full name in the present scope, in the graph's memory; NULL if it is empty or there is no
 * memory, which is recorded. */
const char *rk_scope_name(rk_graph *g, const char *what, const char *name);

/* rk_normal of numerics.h of each pair of words, as operations. */
rk_value rk_normal_of(rk_graph *g, rk_value w0, rk_value w1);

/* ---- derivatives ---- */

/* The part of d loss / d operand number i that comes through v, from d = d loss / d v.  Operations
 * without a rule have derivative 0; see rules.c. */
typedef rk_value rk_rule(rk_graph *g, rk_value v, rk_value d, uint32_t i);
rk_rule *rk_rule_of(rk_opcode op); /* NULL: none */
#endif
