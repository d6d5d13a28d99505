/* conv_few.h: the plan of y and dx of few rows; see conv_few.c. */
#ifndef RETHINK_CPU_CONV_FEW_H
#define RETHINK_CPU_CONV_FEW_H
#include "conv.h"
#include "vec.h"

#ifdef CPU_VEC
/* Of a tile: together they fill the registers. */
enum { CPU_FEW_ROWS = 3, CPU_FEW_VECTORS = CPU_VEC == 16 ? 8 : 4 };

/* Where a vector of rows is in memory, the lower 32 bits, and in a plane: a tile loads both at
 * once, as it has no time for more loads. */
typedef uint64_t cpu_few_spot;

typedef struct cpu_few {
    cpu_planes planes;
    int64_t m, depth, taps, *offset; /* rows; channels that are summed; R * S, where they are */
    int64_t h, w, apart;             /* planes of the result, and from image to image */
    int64_t lead, width, last; /* zeros before the first row; from row to row; last tap of 0 */
    int64_t rows, bands;       /* of an image */
    int64_t channels, groups;  /* that are walked at once */
    int64_t plane, sums;       /* floats of a plane, and of a row of sums */
    cpu_few_spot *spot;        /* from any row on */
    int64_t spots;             /* of a row */
    size_t planes_at, sums_at; /* in the scratch memory, after the weights */
} cpu_few;

static inline int64_t cpu_few_vectors(const cpu_few *f, int64_t rows)
{
    return ((rows - 1) * f->width + f->w + CPU_VEC - 1) / CPU_VEC;
}
#endif

#ifdef CPU_ISA
void CPU_NAME(cpu_conv_few_run)(const cpu_conv_job *);
#endif
#endif
