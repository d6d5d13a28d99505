/* conv_dw.h: the plan and the tiles of dw; see conv_dw.c. */
#ifndef RETHINK_CPU_CONV_DW_H
#define RETHINK_CPU_CONV_DW_H
#include "conv_ask.h"
#include "gemm.h"

#ifdef CPU_VEC
/* Positions that are multiplied at once: longer pieces begin and end less often, shorter ones stay
 * in L1, which vectors of 8 want more often. */
enum { CPU_DW_PIECE = CPU_VEC == 16 ? 512 : 256 };

enum {
    CPU_DW_NV = CPU_NV + 1,                   /* most vectors of a tile, */
    CPU_DW_LOW = CPU_MR * CPU_NV / CPU_DW_NV, /* of which it has this many rows, CPU_MR of fewer */
    CPU_DW_RUN = 32 /* positions that take as long as two dozen lines do */
};

/* Positions that follow one another in the planes: [from, end), CPU_DW_RUN of them at most. */
typedef struct cpu_dw_run {
    int64_t from, end;
} cpu_dw_run;

/* Rows x[i], a panel of columns g[position][column]; sums as in cpu_tile, from row to row as far
 * apart as the panel is wide.  Each run asks for a share. */
typedef struct cpu_dw_tile {
    const float *x[CPU_MR];
    const cpu_dw_run *run;
    int64_t runs;
    const float *g, *from;
    float *to;
    int plus;
    cpu_ask *ask;
} cpu_dw_tile;

/* Most rows of a tile of so many vectors. */
static inline int64_t cpu_dw_height(int64_t vectors)
{
    return vectors == CPU_DW_NV ? CPU_DW_LOW : CPU_MR;
}
#endif

typedef struct cpu_dw {
    cpu_planes planes;
    int64_t taps, *offset;     /* R * S of them; of a tap in the planes */
    int64_t positions, blocks; /* N * OH * OW; blocks of the chains */
    int64_t by_c, by_k, by_b;  /* units: parts of the channels, the columns and the blocks */
    int64_t channels, columns; /* most of a unit */
    int64_t ahead;             /* from a piece's operand to the next one's, about */
    int64_t sums;              /* floats of a unit's sums: panels of columns, [rows][column] */
    size_t run_at, panel_at, chain_at, total_at;
} cpu_dw;

#ifdef CPU_ISA
void CPU_NAME(cpu_conv_dw_run)(const cpu_conv_job *);
#ifdef CPU_VEC
void CPU_NAME(cpu_dw_tile_run)(const cpu_dw_tile *, int64_t rows, int64_t vectors);
#endif
#endif
#endif
