/* conv_dw.h: the plan of dw; see conv_dw.c. */
#ifndef RETHINK_CPU_CONV_DW_H
#define RETHINK_CPU_CONV_DW_H
#include "conv.h"
#include "gemm.h"

#ifdef CPU_VEC
/* Positions that are multiplied at once: longer pieces begin and end less often, shorter ones stay
 * in L1, which vectors of 8 want more often. */
enum { CPU_DW_PIECE = CPU_VEC == 16 ? 512 : 256 };
#endif

typedef struct cpu_dw {
    cpu_planes planes;
    int64_t taps, *offset;     /* R * S of them; of a tap in the planes */
    int64_t positions, blocks; /* N * OH * OW; blocks of the chains */
    int64_t by_c, by_k, by_b;  /* units: parts of the channels, the columns and the blocks */
    int64_t channels, columns; /* most of a unit */
    int64_t ahead;             /* from a piece's operand to the next one's, about */
    int64_t sums;              /* floats of a unit's sums: panels of columns, [rows][CPU_NR] */
    size_t run_at, panel_at, chain_at, total_at;
} cpu_dw;

#ifdef CPU_ISA
void CPU_NAME(cpu_conv_dw_run)(const cpu_conv_job *);
#endif
#endif
