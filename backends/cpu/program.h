/* program.h: programs of an op, compiled to steps over tiles of elements.
 *
 * The steps of a tile work on eight vectors that stay in registers, the accumulator: a step applies
 * one instruction to it and an operand in memory, or one value for all elements, and calls the next
 * step.  Blocks of tiles share what is set once: where a step reads and writes is a slot, a pointer
 * straight into an input or output if the elements lie there one after the other, else to a piece
 * of scratch memory that stays in the cache. */
#ifndef RETHINK_CPU_PROGRAM_H
#define RETHINK_CPU_PROGRAM_H
#include "cpu.h"

/* How the elements of an index space are read: linear (dense words), one value, bytes, or runs; or
 * linear, and copied where an output that a step writes before has the same memory; or of rows that
 * no tile leaves: there one value, or words one after the other if no block leaves them either; or
 * of rows of one value each, a table of those of a block, from which the elements of a tile choose
 * theirs. */
enum {
    CPU_READ_DENSE = 0,
    CPU_READ_ONE = 1,
    CPU_READ_RUNS = 2,
    CPU_READ_COPY = 3,
    CPU_READ_ROW = 4,
    CPU_READ_TABLE = 5
};

/* A program's input: dimensions and strides with neighbours merged where they are one. */
typedef struct cpu_access {
    uint32_t how, dtype, rank, arg; /* arg: CPU_NO_ARG for the kind's own result */
    int64_t dim[6], stride[6];
    uint64_t late; /* bit i: read after output i was written; the last bit is all from 63 on */
} cpu_access;

/* op: RK_I_*, or a step without an instruction.  The accumulator is operand number side of the
 * instruction, x and y are the slots of the others in their order; CPU_ACC: the accumulator. */
enum {
    CPU_STEP_LOAD = RK_I_SELECT + 1, /* of x */
    CPU_STEP_SAVE,                   /* in x; of a byte each; past the caches */
    CPU_STEP_BYTES,
    CPU_STEP_STREAM,
    CPU_STEP_SUM, /* onto the lanes of reduction x */
    CPU_STEP_END,
    CPU_STEP_FIRST,                     /* + 0, 1, 2: x + y, x - y, x * y, where x is in memory */
    CPU_STEP_PAIR = CPU_STEP_FIRST + 3, /* + 3 a + b: two of these, of the accumulator and values
                                           that either all elements or those of rows share */
    CPU_STEP_OPS = CPU_STEP_PAIR + 9
};
enum { CPU_ACC = 0xFFFF };
typedef struct cpu_step {
    uint16_t op, side, x, y;
} cpu_step;

enum {
    CPU_TILE_ELEMENTS = 128, /* most elements of a tile */
    CPU_LEAST_ROW = 9,       /* a tile's rows have room in a vector */
    CPU_CODE_BYTES = 88,     /* of a step that is bound to slots */
    CPU_FOLD_BYTES = 128,    /* of a reduction's lanes */
    CPU_MOST_ABREAST = 64    /* rows of a unit that are summed abreast */
};

/* Outputs go past the caches: from each tile, which begins where a vector may, or by blocks. */
enum { CPU_STREAM_TILES = 1, CPU_STREAM_BLOCKS = 2 };

/* Slots, in this order: inputs, outputs, results of folds, the index, immediates, and then those
 * of what steps save. */
typedef struct cpu_program {
    uint32_t n_step, n_in, n_out, n_fold, n_imm, n_slot, n_folded;
    uint32_t out_slot, fold_slot, index_slot, imm_slot, temp_slot;
    cpu_step *step;
    cpu_access *in;
    uint32_t *out_arg, *out_bytes; /* argument number; 4, or 1 for bytes */
    uint32_t *folded;              /* slot of what goes into reduction j, per block */
    uint32_t *imm;
    uint32_t *room;             /* of each slot: where its scratch memory is; 0 if it has none */
    uint32_t *by_row, n_by_row; /* inputs of rows that are read */
    uint32_t
        *row_of; /* with tables, of each element of a row and a tile after it: how many rows on */
    uint32_t *ask,
        n_ask; /* inputs that lie one element after the other, which memory has to bring */
    /* One value; a value of each row; all elements of a block, not of a tile. */
    unsigned char *used, *one, *table, *block;
    size_t scratch_bytes, code_at, lanes_at, spare_at;
    int64_t row;       /* length of the rows that inputs have, or 0 */
    int stream, lanes; /* lanes: of the source */
    uint32_t alias_ok; /* of inputs: output 0 may be in the same memory */
} cpu_program;

/* What to compile: instructions [from, end) of the op.  in[n_in] are the program's inputs; n_fold
 * results of reductions can be read.  raw_arg: the kind's result, input 0, is kept in the memory of
 * this argument (CPU_NO_ARG: nowhere else).  stream: words of outputs go to memory past the caches.
 * row: blocks are of whole rows of so many elements, or parts of one; 0: all blocks are those of
 * cpu_run_range; -1: others.  lanes: rows are summed in lanes, those of one row after those of
 * another, or of rows abreast; else reductions find their elements in folded slots. */
enum { CPU_LANES_NONE = 0, CPU_LANES_ALONG = 1, CPU_LANES_ABREAST = 2 };
typedef struct cpu_source {
    const rk_op *op;
    const rk_ins *code;
    uint32_t from, end;
    const cpu_access *in;
    uint32_t n_in, n_fold, raw_arg;
    int stream;
    int64_t row;
    int lanes;
} cpu_source;

/* The access of tensor t, argument arg; dimension at_zero (or -1) is left out, read at index 0. */
cpu_access cpu_access_of(const rk_tensor *t, uint32_t arg, int at_zero);
/* The access of the kind's own result. */
cpu_access cpu_access_raw(void);
/* The length of the rows that all inputs that lie in runs have, or 0; shorter ones only if they are
 * of one value each.  in_tables: those are to be in tables. */
int64_t cpu_common_row(const cpu_source *, int *in_tables);
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
    unsigned char *scratch;
    uint32_t **slot;
} cpu_run;

#ifdef CPU_ISA
cpu_run CPU_NAME(cpu_run_begin)(const cpu_program *, void *scratch, unsigned char *const *arg,
                                const void *raw, uint32_t *const *fold, int64_t most);
/* Elements [start, start + n) of the index space; a block has at most CPU_BLOCK of them, and the
 * slots keep their values until the next one.  The inputs of n elements from next on are asked for
 * meanwhile; -1: of none.  Where there is nothing to do, how far on the caller is to ask for them,
 * in elements, else 0. */
int64_t CPU_NAME(cpu_run_block)(const cpu_run *, int64_t start, int64_t n, int64_t next);
void CPU_NAME(cpu_run_range)(const cpu_run *, int64_t start, int64_t n);
/* Of a block: slots of inputs, and tables of its rows. */
void CPU_NAME(cpu_run_inputs)(const cpu_run *, int64_t start, int64_t n);

/* Sums of rows of n elements with lanes abreast: whether a source's inputs and instructions allow
 * it; how many rows a unit of work has; and those of rows [row, row + rows), a unit or less, which
 * begin at a unit, `there` rows before the last one's end: that of reduction f goes to
 * to[f][row]. */
int CPU_NAME(cpu_abreast_fits)(const cpu_source *, int64_t rows, int64_t n);
int64_t CPU_NAME(cpu_abreast_unit)(int64_t n);
void CPU_NAME(cpu_abreast_run)(const cpu_run *, int64_t row, int64_t rows, int64_t there,
                               uint32_t *const *to);
#endif
#endif
