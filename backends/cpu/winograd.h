/* winograd.h: the fast tier of CONV with kernels of 3 x 3 and stride 1, by Winograd's
 * F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2015, arXiv:1509.09308).
 *
 *   winograd.c       y and dx: transforms of planes and results for tiles of 2 x 2
 *   winograd_4x4.c   likewise for tiles of 4 x 4
 *   winograd_mid.c   what is between them, and transformed weights: products of matrices
 *   winograd_dw.c    dw, by F(3 x 3, 2 x 2) and F(3 x 3, 4 x 4)
 *   winograd_plan.c  where it is used, how work is cut, what error it claims
 *
 * A tile is 2 x 2 results, which come from 4 x 4 taps: both are transformed, and in between there
 * is one product of matrices for each of 16 points, so that 16 multiplications do what 36 did; or
 * 4 x 4 results from 6 x 6 taps, with 36 multiplications for 144.  dx is a convolution of g with
 * the weights turned around.
 *
 * An element is made by the same operations in the same order whatever the unit of work, the number
 * of threads or the width of vectors. */
#ifndef RETHINK_CPU_WINOGRAD_H
#define RETHINK_CPU_WINOGRAD_H
#include "conv.h"
#include "gemm.h"

enum {
    CPU_WINO_TILE = 2, /* results of a tile, along each side */
    CPU_WINO_POINTS = 16,
    CPU_WINO_DEPTH = 384, /* channels that a product sums at once: a panel stays in L1 */
    CPU_WINO_4X4_POINTS = 36
};

/* The result has m channels of h rows of w elements; it sums over depth channels of H x W.  Row r
 * of the tiles' taps is row r + low_h of those. */
typedef struct cpu_winograd {
    int64_t m, depth, h, w, H, W, low_h, low_w;
    int64_t tile, points; /* results of a tile along each side; points of all */
    int64_t from, to;     /* from image to image, of what is summed and of the result */
    int64_t low, higher;  /* height of a panel of the result's channels; how many have one more */
    int64_t down, across; /* tiles of an image */
    int64_t parts;        /* of m; a unit is some tiles with one part */
    int64_t tiles;        /* most of a unit */
    int64_t ld, plane;    /* floats from channel to channel, and from point to point, of the taps */
    size_t product_at, phase_at, column_at, strip_at, zeros_at;

    /* Tiles of 2 x 2: a unit is a band of rows of tiles in a group of images. */
    int64_t groups, bands, rows; /* rows: most of a unit */
    int64_t line;                /* floats of a phase of a row of pixels */
    int64_t column;              /* of a phase of rows of one point along w */

    /* Tiles of 4 x 4: a unit is some rows of tiles, counted through all images. */
    int64_t lines, units; /* rows of tiles: most of a unit; units of each part */
    int64_t pixels;       /* floats of a unit's rows of one point along h */
} cpu_winograd;

/* What a thread has to do: panels [from, end) of the result's channels, m of them from i, of so
 * many tiles. */
typedef struct cpu_winograd_part {
    int64_t from, end, i, m, tiles;
    float *taps, *product; /* [point][channel][tile], transformed */
} cpu_winograd_part;

/* dw: see winograd_dw.c. */
typedef struct cpu_winograd_dw {
    int64_t tile, points;        /* gradients of a tile along each side; points of all */
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
/* winograd_mid.c: transforms the weights, with all threads; multiplies; runs the epilogue on rows
 * [row, end) of a part's channels of an image. */
void CPU_NAME(cpu_winograd_weights)(const cpu_conv_job *);
cpu_winograd_part CPU_NAME(cpu_winograd_part_of)(const cpu_winograd *, int64_t part, void *scratch);
void CPU_NAME(cpu_winograd_multiply)(const cpu_conv_job *, const cpu_winograd_part *);
void CPU_NAME(cpu_winograd_finish)(const cpu_conv_job *, const cpu_winograd_part *, const cpu_run *,
                                   int64_t image, int64_t row, int64_t end);

void CPU_NAME(cpu_winograd_4x4_run)(const cpu_conv_job *);
void CPU_NAME(cpu_winograd_dw_run)(const cpu_conv_job *);
void CPU_NAME(cpu_winograd_run)(const cpu_conv_job *);
#endif
#endif
