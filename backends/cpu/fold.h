/* fold.h: the reductions themselves, of up to RK_SUM_BLOCK elements: along a line, or of
 * columns. */
#ifndef RETHINK_CPU_FOLD_H
#define RETHINK_CPU_FOLD_H
#include <rethink/numerics.h>
#include "cpu.h"

#define CPU_NO_INDEX 0xFFFFFFFFu /* ARGMAX has seen nothing but NaN */
enum {
    CPU_MAX_FOLDS = 32,
    CPU_FOLD_LANES = RK_SUM_LANES /* room that columns need, in lines of their width */
};

/* Results of blocks: sums or maxima, and indices where ARGMAX asks for them. */
typedef struct cpu_fold {
    float *value;
    uint32_t *index;
} cpu_fold;

#ifdef CPU_ISA
/* Folds lines of n elements, next apart; the first element of each has this index.  ask: how many
 * elements on memory is asked for some, meanwhile; 0: it is not. */
void CPU_NAME(cpu_fold_rows)(int64_t which, cpu_fold to, const float *x, int64_t n, int64_t next,
                             int64_t rows, int64_t first, int64_t ask);

/* Folds columns: begin, then row after row of width elements, then end. */
void CPU_NAME(cpu_fold_columns_begin)(int64_t which, float *lanes, int64_t width);
void CPU_NAME(cpu_fold_columns)(int64_t which, float *lanes, const float *x, int64_t width,
                                int64_t row, int64_t first, int64_t ask);
cpu_fold CPU_NAME(cpu_fold_columns_end)(int64_t which, float *lanes, int64_t width, int64_t rows);
#endif

/* Joins n results of blocks, stride apart, into the first. */
void cpu_fold_join(int64_t which, cpu_fold x, int64_t n, int64_t stride);
/* The words that REDUCE answers. */
void cpu_fold_finish(int64_t which, uint32_t *to, cpu_fold from, int64_t n);
#endif
