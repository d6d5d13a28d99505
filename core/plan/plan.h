/* plan.h: a graph as a list of kernel steps on numbered buffers.
 *
 * rk_plan_make turns a graph into a plan: operations become steps of the nine kinds of backend.h,
 * elementwise ones in fused programs, in an order that keeps every promise of rk_assign.  Nothing
 * here knows a device.  A device prepares the steps; one that it refuses is split by
 * rk_plan_split.  Then rk_plan_lives and rk_plan_pack give every temporary a place.
 *
 * Buffers are numbered from 1.  Ownership: everything a plan points to is the plan's.  Threads: one
 * at a time. */
#ifndef RK_PLAN_PLAN_H
#define RK_PLAN_PLAN_H
#include "base/error.h"
#include "base/pool.h"
#include "base/text.h"
#include "rethink/graph.h"

typedef enum rk_buffer_kind {
    RK_BUFFER_INPUT,
    RK_BUFFER_STATE,
    RK_BUFFER_TEMP,
    RK_BUFFER_ONCE,  /* computed from constants alone: it lives as long as the program */
    RK_BUFFER_MIRROR /* of another buffer, or a workspace, on the device that stands in for one */
} rk_buffer_kind;

typedef struct rk_buffer {
    rk_buffer_kind kind;
    uint32_t dtype;
    rk_shape shape;
    uint64_t bytes;   /* at least 1 */
    const char *name; /* of an input, state or mirror */
    bool trained;     /* of a state, and how it starts */
    rk_init init;
    bool statistic; /* of a state: the model's, but not trained */
    /* Of a temporary: the steps that write it first and use it last; the buffer in whose memory it
     * lies (itself, or one that it takes over in place); its place in the arena.  Of a ONCE: its
     * place among the states. */
    uint32_t first, last, home;
    uint64_t offset;
} rk_buffer;

typedef struct rk_step {
    rk_op op;
    uint32_t *in, *out; /* buffers: op.n_in, op.n_out */
    uint32_t same; /* bit j < 32: in[j] is read by the program, only at the element's own index,
                           and never stored as it is: an output may lie in its memory */
    uint32_t workspace; /* a temporary, or 0 */
    uint64_t workspace_bytes;
    uint32_t alias_ok; /* what the kernel allows, see rk_kinfo */
    const char *impl;  /* what runs it, "" until it is placed */
} rk_step;

static inline bool rk_step_same(const rk_step *s, uint32_t j)
{
    return j < 32 && (s->same >> j & 1u);
}

/* Whether an output may lie in the memory of in[j]: by the program, and as the kernel allows. */
static inline bool rk_step_alias(const rk_step *s, uint32_t j)
{
    return rk_step_same(s, j) && (s->alias_ok >> j & 1u);
}

typedef struct rk_plan {
    rk_pool pool;
    rk_buffer *buffer; /* [n_buffer], buffer[0] is unused */
    uint32_t n_buffer, cap_buffer;
    rk_step *step;
    uint32_t n_step, cap_step;
    uint32_t n_once; /* the first steps make the ONCE buffers: they run before the first run only */
    uint64_t arena_bytes, bound_bytes; /* after rk_plan_pack */
    char digest[33];                   /* of the steps as they were made, before any split */
} rk_plan;

typedef struct rk_plan_options {
    bool unfused; /* one instruction per EWISE, no programs elsewhere */
} rk_plan_options;

/* The graph is not needed afterwards.  On failure *plan is NULL. */
rk_status rk_plan_make(const rk_graph *g, const rk_plan_options *o, rk_plan **plan, rk_error *e);
void rk_plan_free(rk_plan *plan);

/* Replaces a step with a program by two or more that do the same with shorter ones: what follows
 * the kernel becomes an EWISE, then what comes before it, then EWISEs are halved.
 * RK_E_UNSUPPORTED if the step has no program, or one of a single instruction. */
rk_status rk_plan_split(rk_plan *plan, uint32_t step, rk_error *e);
/* Replaces a CONV of revision RK_CONV_PART by one of revision 0 and a COPY, after it or before. */
rk_status rk_plan_part(rk_plan *plan, uint32_t step, rk_error *e);
/* For an output that lies in a state's memory which the kernel may not write while it reads: the
 * output goes to a temporary, and a COPY follows. */
rk_status rk_plan_detach(rk_plan *plan, uint32_t step, uint32_t output, rk_error *e);

typedef struct rk_pack_options {
    uint64_t align, max_alloc; /* of offsets, a power of two; no buffer crosses a multiple of it */
    bool separate;             /* every temporary has memory of its own: for tests */
} rk_pack_options;
/* Finds when temporaries live, from the order of steps; adds the workspaces; joins outputs with
 * inputs that end there where the kernel allows it. */
rk_status rk_plan_lives(rk_plan *plan, bool in_place, rk_error *e);
rk_status rk_plan_pack(rk_plan *plan, const rk_pack_options *o, rk_error *e);

/* A line per step.  Without placed, only what does not depend on a device: the digest's text. */
void rk_plan_print(const rk_plan *plan, bool placed, rk_str *out);
/* Floating-point operations of the matrix products and convolutions of one run: two a term of a
 * sum. */
double rk_plan_flop(const rk_plan *plan);
/* Those of one step; 0 of other kinds. */
double rk_step_flop(const rk_step *s);
/* Which operand of an op, counting inputs, then outputs, is a part of its tensor, as RK_CONV_PART
 * says; UINT32_MAX: none. */
uint32_t rk_part_of(const rk_op *op);
/* Of such an op: the part by itself, its bytes, and p[] of the COPY that brings it from the tensor,
 * or to it. */
rk_tensor rk_part_tensor(const rk_op *op);
double rk_part_bytes(const rk_op *op);
void rk_part_box(const rk_op *op, int64_t *p);
/* Makes it the op of revision 0 that does the same work on the part by itself; in and out are what
 * op->in and op->out point to.  Does nothing to other ops. */
void rk_part_whole(rk_op *op, rk_tensor *in, rk_tensor *out);
/* True if a step writes a box of its output only, and p[] of the COPY that it writes it as. */
bool rk_step_box(const rk_step *s, int64_t *p);
/* One step's line without the end of line, for messages. */
void rk_step_print(const rk_plan *plan, uint32_t step, char *out, size_t cap);
/* "matmul" */
const char *rk_op_kind(const rk_op *op);

/* For the files of this folder: growing; 0 or NULL without memory. */
uint32_t rk_plan_temp(rk_plan *plan, uint32_t dtype, const rk_shape *shape);
/* A step, before number at, that copies one whole buffer to another of its size. */
rk_status rk_plan_copy(rk_plan *plan, uint32_t at, uint32_t from, uint32_t to, rk_error *e);
/* Room for n steps before number at, to be filled by the caller. */
rk_step *rk_plan_insert(rk_plan *plan, uint32_t at, uint32_t n);
uint32_t rk_dtype_bytes(uint32_t dtype);
/* A dense tensor. */
rk_tensor rk_tensor_dense(uint32_t dtype, uint32_t rank, const int64_t *dim);
#endif
