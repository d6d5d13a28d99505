/* winograd.h: the fast tier of CONV with kernels of 3 x 3 and stride 1, by Winograd's
 * F(2 x 2, 3 x 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
 * arXiv:1509.09308).
 *
 *   winograd.c       y and dx: transforms of planes and results, products of matrices between them
 *   winograd_dw.c    dw, by F(3 x 3, 2 x 2)
 *   winograd_plan.c  where it is used, how work is cut, what error it claims
 *
 * A tile is 2 x 2 results, which come from 4 x 4 taps: both are transformed, and in between there
 * is one product of matrices for each of 16 points, so that 16 multiplications do what 36 did.  dx
 * is a convolution of g with the weights turned around.
 *
 * An element is made by the same operations in the same order whatever the unit of work, the number
 * of threads or the width of vectors. */
#ifndef RETHINK_CPU_WINOGRAD_H
#define RETHINK_CPU_WINOGRAD_H
#include "conv.h"
#include "gemm.h"

enum {
    CPU_WINO_TILE = 2, /* results of a tile, along each side */
    CPU_WINO_TAPS = 4, /* taps of a tile, likewise: a pixel's phase is modulo the tile */
    CPU_WINO_POINTS = 16,
    CPU_WINO_DEPTH = 384 /* channels that a product sums at once: a panel stays in L1 */
};

/* The result has m channels of h rows of w elements; it sums over depth channels of H x W.  Row r
 * of the tiles' taps is row r + low_h of those. */
typedef struct cpu_winograd {
    int64_t m, depth, h, w, H, W, low_h, low_w;
    int64_t from, to;     /* from image to image, of what is summed and of the result */
    int64_t low, higher;  /* height of a panel of the result's channels; how many have one more */
    int64_t down, across; /* tiles of an image */
    int64_t groups, bands, parts; /* units: groups of images, bands of rows of tiles, parts of m */
    int64_t rows, tiles;          /* most of a unit: rows of tiles, tiles */
    int64_t ld, plane; /* floats from channel to channel, and from point to point, of the taps */
    int64_t line;      /* of a phase of a row of pixels */
    int64_t column;    /* of a phase of rows of one point along w */
    size_t product_at, phase_at, column_at, strip_at;
} cpu_winograd;

/* dw: see winograd_dw.c. */
typedef struct cpu_winograd_dw {
    int64_t down, across;        /* tiles of an image */
    int64_t segments, parts;     /* units: of the images, of the channels of x */
    int64_t images, rows, tiles; /* most of a block */
    int64_t ld, plane; /* floats from tile to tile, and from point to point, of the taps */
    int64_t point;     /* likewise of panels of gradients */
    int64_t turned;    /* of a pixel of gradients */
    int64_t sums;      /* of a row of sums */
    size_t panel_at, pixels_at;
} cpu_winograd_dw;

#ifdef CPU_ISA
void CPU_NAME(cpu_winograd_dw_run)(const cpu_conv_job *);
void CPU_NAME(cpu_winograd_run)(const cpu_conv_job *);
#endif
#endif
