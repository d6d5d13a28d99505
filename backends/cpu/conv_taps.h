/* conv_taps.h: the plan of y and dx; see conv_taps.c. */
#ifndef RETHINK_CPU_CONV_TAPS_H
#define RETHINK_CPU_CONV_TAPS_H
#include <string.h>
#include "conv.h"
#include "gemm.h"

enum { CPU_MOST_GRIDS = 64 /* of dx; else the plain loops */ };

/* A dense part of the result: rows h0 + a * stride, columns w0 + b * stride. */
typedef struct cpu_grid {
    int64_t h0, w0, rows, columns;
    int64_t taps;    /* of a channel: those that take part */
    int64_t *offset; /* of a tap in the planes */
    int64_t *number; /* r * S + s */
    int64_t panels;  /* where its weights are in the workspace, in floats */
} cpu_grid;

typedef struct cpu_taps {
    cpu_planes planes;
    int masked;             /* taps are read where they lie, though some are outside the plane */
    int64_t origin, lanes;  /* the first tap of a position; most lanes of CPU_NR columns */
    int64_t m, depth, taps; /* rows; channels that are summed; R * S */
    int64_t low, higher;    /* height of a panel of rows; how many have one more */
    int64_t h, w, sh, sw;   /* the planes of the result, and the strides of grids in them */
    int64_t apart;          /* from image to image of the result */
    cpu_grid *grid;
    int64_t grids, blocks, piece;  /* piece: most taps that are multiplied at once */
    int64_t images, rows, columns; /* most of a unit */
    int64_t groups, bands, parts;  /* units: groups of images, bands of rows, parts of the panels */
    int64_t slots;                 /* channels that there is room for planes of */
    size_t strip_at, chain_at, panel_at;
} cpu_taps;

/* cpu_panel_start, without its divisions. */
static inline int64_t cpu_taps_row(const cpu_taps *f, int64_t panel)
{
    return panel * f->low + cpu_least(panel, f->higher);
}

#ifdef CPU_VEC
/* A panel of packed weights in the workspace. */
static inline float *cpu_taps_panel(const cpu_taps *f, const cpu_grid *g, float *work, int64_t p)
{
    return work + g->panels + cpu_taps_row(f, p) * f->depth * g->taps + p * CPU_VEC;
}

/* One row of the result, of w elements, from rows of the grids that it is made of. */
static inline void cpu_taps_spread(float *to, const float *const *from, int64_t wide, int64_t w)
{
    if (wide == 1)
        memcpy(to, from[0], (size_t)w * sizeof *to);
    else if (wide == 2)
        v_zip(to, from[0], from[1], w);
    else
        for (int64_t i = 0; i < w; i++) to[i] = from[i % wide][i / wide];
}
#endif

#ifdef CPU_ISA
/* Packs all panels, with all threads. */
void CPU_NAME(cpu_taps_pack)(const cpu_conv_job *);
void CPU_NAME(cpu_conv_taps_run)(const cpu_conv_job *);
#endif
#endif
