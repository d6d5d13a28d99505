/* conv_few.h: the plan of y and dx of few rows; see conv_few.c. */
#ifndef RETHINK_CPU_CONV_FEW_H
#define RETHINK_CPU_CONV_FEW_H
#include "conv.h"
#include "vec.h"

#ifdef CPU_VEC
/* Of a tile: together they fill the registers. */
enum { CPU_FEW_ROWS = 3, CPU_FEW_VECTORS = CPU_VEC == 16 ? 8 : 4 };

typedef struct cpu_few {
    int64_t m, depth, taps, *offset; /* rows; channels that are summed; R * S, where they are */
    int64_t low, high;               /* the least and the largest offset */
    int64_t plane;                   /* elements, of the operand and of the result */
    int64_t image, apart;            /* from image to image of the operand, and of the result */
    int64_t vectors, tiles;          /* of a plane */
    int in_order;                    /* the next image is asked for as it lies in memory */
    const vec_mask *mask;            /* [tap][vector] of each tile */
} cpu_few;

/* The first vector of a tile. */
static inline int64_t cpu_few_first(const cpu_few *f, int64_t tile)
{
    return f->vectors * tile / f->tiles;
}
#endif

#ifdef CPU_ISA
void CPU_NAME(cpu_conv_few_run)(const cpu_conv_job *);
#endif
#endif
