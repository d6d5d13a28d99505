/* conv_taps.h: the plan of y and dx; see conv_taps.c. */
#ifndef RETHINK_CPU_CONV_TAPS_H
#define RETHINK_CPU_CONV_TAPS_H
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
    int64_t grids, blocks;
    int64_t images, rows, columns; /* most of a unit */
    int64_t groups, bands, parts;  /* units: groups of images, bands of rows, parts of the panels */
    int64_t slots;                 /* channels that a piece reads */
    size_t strip_at, chain_at, panel_at;
} cpu_taps;

#ifdef CPU_ISA
void CPU_NAME(cpu_conv_taps_run)(const cpu_conv_job *);
#endif
#endif
