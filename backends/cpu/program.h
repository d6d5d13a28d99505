/* program.h: programs of an op, compiled to steps over blocks of elements.
 *
 * A step applies one instruction to CPU_BLOCK elements at a time: a loop that the compiler made
 * into vectors.  Where a step reads and writes is a slot, a pointer that is set per block: straight
 * into an input or output if the elements lie there one after the other, else into a register, a
 * piece of scratch memory that stays in the cache. */
#ifndef RETHINK_CPU_PROGRAM_H
#define RETHINK_CPU_PROGRAM_H
#include "cpu.h"

/* How the elements of an index space are read: linear (dense words), one value, bytes, or runs; or
 * linear, and copied where an output that a step writes before has the same memory. */
enum { CPU_READ_DENSE = 0, CPU_READ_ONE = 1, CPU_READ_RUNS = 2, CPU_READ_COPY = 3 };

/* A program's input: dimensions and strides with neighbours merged where they are one. */
typedef struct cpu_access {
    uint32_t how, dtype, rank, arg; /* arg: CPU_NO_ARG for the kind's own result */
    int64_t dim[6], stride[6];
    uint64_t late; /* bit i: read after output i was written; the last bit is all from 63 on */
} cpu_access;

/* op: RK_I_*; RK_I_STORE copies words, CPU_STORE_BYTE bytes. Others are slots. */
enum { CPU_STORE_BYTE = 98, CPU_STEP_OPS = 99 };
typedef struct cpu_step {
    uint16_t op, to, a, b, c;
} cpu_step;

/* Slots, in this order: inputs, outputs, results of folds, the index, immediates, registers. */
typedef struct cpu_program {
    uint32_t n_step, n_in, n_out, n_fold, n_imm, n_slot, n_folded;
    uint32_t out_slot, fold_slot, index_slot, imm_slot;
    cpu_step *step;
    cpu_access *in;
    uint32_t *out_arg, *out_bytes; /* argument number; 4, or 1 for bytes */
    uint32_t *folded;              /* slot of what goes into reduction j, per block */
    uint32_t *imm;
    uint32_t *reg; /* of each slot: number of its register plus 1; 0 if it has none */
    unsigned char *used;
    uint32_t n_reg;
    size_t scratch_bytes;
    uint32_t alias_ok; /* of inputs: output 0 may be in the same memory */
    uint32_t n_dense;  /* inputs that blocks after this one read where they lie */
    uint32_t *dense;
} cpu_program;

/* What to compile: instructions [from, end) of the op.  in[n_in] are the program's inputs; n_fold
 * results of reductions can be read.  raw_arg: the kind's result, input 0, is kept in the memory of
 * this argument (CPU_NO_ARG: nowhere else).  stream: words of outputs go to memory past the caches,
 * block by block. */
typedef struct cpu_source {
    const rk_op *op;
    const rk_ins *code;
    uint32_t from, end;
    const cpu_access *in;
    uint32_t n_in, n_fold, raw_arg;
    int stream;
} cpu_source;

/* The access of tensor t, argument arg; dimension at_zero (or -1) is left out, read at index 0. */
cpu_access cpu_access_of(const rk_tensor *t, uint32_t arg, int at_zero);
/* The access of the kind's own result. */
cpu_access cpu_access_raw(void);
/* NULL if there is no memory. */
cpu_program *cpu_program_new(rk_kernel *, const cpu_source *);
/* An output that can hold the kind's result until the program has run: its number among the
 * outputs, or -1.  Prefers one that is not written before the result was last read. */
int cpu_program_holder(const rk_op *);
/* The program of a kind with an optional epilogue, whose inputs follow the operands. */
cpu_program *cpu_epilogue_new(rk_kernel *, const rk_op *, uint32_t raw_arg);

/* A program at work in one thread, in scratch memory of scratch_bytes; compiled per instruction
 * set. begin sets what does not change from block to block: raw is the kind's result from element
 * raw_at (0) of the index space on, fold[] the results of reductions. */
typedef struct cpu_run {
    const cpu_program *program;
    unsigned char *const *arg;
    const uint32_t *raw;
    int64_t raw_at;
    uint32_t *const *fold;
    uint32_t **slot;
    uint32_t *registers;
} cpu_run;

#ifdef CPU_ISA
cpu_run CPU_NAME(cpu_run_begin)(const cpu_program *, void *scratch, unsigned char *const *arg,
                                const void *raw, uint32_t *const *fold, int64_t most);
/* Elements [start, start + n) of the index space; a block has at most CPU_BLOCK of them, and the
 * slots keep their values until the next one.  The inputs of n elements from next on are asked for
 * meanwhile; -1: of none. */
void CPU_NAME(cpu_run_block)(const cpu_run *, int64_t start, int64_t n, int64_t next);
void CPU_NAME(cpu_run_range)(const cpu_run *, int64_t start, int64_t n);
#endif
#endif
