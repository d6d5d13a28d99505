/* conv.h: what the files of CONV share.
 *
 *   conv.c         the plain loops, which define the kind; checks and preparation
 *   conv_taps.c    y and dx: products of weights and taps
 *   conv_few.c     likewise, of few rows
 *   conv_feed.h    their taps, packed on the way
 *   conv_dw.c      dw: products of taps and gradients
 *   winograd.h     the fast tier, where that pays
 *   conv_planes.c  planes with their padding around them, from which taps are read
 *   window_taps.c  WINDOW's sums and maxima, from such planes
 *
 * A tap is a constant offset in such planes: the operand as it lies in memory if it has no padding,
 * else copied piece by piece, padded, and split by stride, so that neighbours in the result are
 * neighbours in a plane.  That copy is small and stays in the cache; there is no im2col buffer.  y
 * and dx do without it where the result's rows are as long as the operand's, by masks. */
#ifndef RETHINK_CPU_CONV_H
#define RETHINK_CPU_CONV_H
#include "program.h"

typedef struct cpu_conv_job cpu_conv_job;

/* The first fourteen are p[].  dim[]: the result's.  at, apart: where the first image of y or g
 * begins, and how far images of it are apart, as it may be a part of a tensor. */
typedef struct cpu_conv {
    int64_t which, N, C, H, W, K, R, S, sh, sw, ph, pw, OH, OW;
    int64_t dim[4], count, at, apart;
    cpu_program *epilogue;
    uint32_t holder;        /* argument that has the result until the epilogue has run */
    size_t program_at;      /* in the scratch memory */
    uint64_t work_at, work; /* where in the workspace, and how many bytes, the fast path uses */
    void *fast;             /* the fast path's plan; NULL: the plain loops */
    void (*run)(const cpu_conv_job *); /* likewise its function */
} cpu_conv;

struct cpu_conv_job {
    const rk_kernel *kernel;
    const cpu_conv *v;
    unsigned char *const *arg;
    const float *a, *b;
    float *c, *work;
};

#ifdef CPU_ISA
/* Make v->fast, v->run, v->work and *scratch, the bytes of a thread; leave v->fast NULL where
 * others must do.  which: Y or DX; DW; any, for an op that allows the fast tier. */
rk_status CPU_NAME(cpu_conv_few_plan)(rk_kernel *, cpu_conv *v, size_t *scratch);
rk_status CPU_NAME(cpu_conv_taps_plan)(rk_kernel *, cpu_conv *v, size_t *scratch);
rk_status CPU_NAME(cpu_conv_dw_plan)(rk_kernel *, cpu_conv *v, size_t *scratch);
rk_status CPU_NAME(cpu_winograd_plan)(rk_kernel *, cpu_conv *v, rk_kinfo *, size_t *scratch);
const char *CPU_NAME(cpu_winograd_name)(const cpu_conv *); /* of y or dx, of the fast tier */
#endif

/* Planes of an operand [n][channels][H][W].  Row u of phase (i, j) is row u * step_h + low_h + i,
 * column v is column v * step_w + low_w + j. */
typedef struct cpu_planes {
    int64_t channels, H, W;
    int64_t step_h, step_w, low_h, low_w, phases_h, phases_w;
    int64_t halo_h, halo_w;        /* rows and columns beyond the grid's that taps reach */
    int64_t columns, width;        /* columns that taps reach; from row to row */
    int64_t phase, image, channel; /* from one to the next, in the copy or in memory */
    int64_t apart;                 /* from image to image in memory */
    int direct;                    /* taps are read where they lie in memory */
    float outside;                 /* what is where no row or column is */
} cpu_planes;

#ifdef CPU_ISA
/* Of x, which y and dw read at oh * stride + r - pad; of g, which dx reads, on a grid of dx's rows
 * and columns that are strides apart. */
cpu_planes CPU_NAME(cpu_planes_of_x)(const cpu_conv *);
cpu_planes CPU_NAME(cpu_planes_of_g)(const cpu_conv *);
/* Sets phase, image and channel of a copy with so many rows and images; returns the elements of a
 * channel. */
int64_t CPU_NAME(cpu_planes_room)(cpu_planes *, int64_t rows, int64_t images);
/* Copies rows [first, first + rows) of all phases of one channel, whose plane in memory is x.
 * Columns outside the plane are left as they are: they are set before the first copy.  What lies
 * `ahead` elements further in memory is likely to be asked for next. */
void CPU_NAME(cpu_planes_fill)(const cpu_planes *, const float *x, float *to, int64_t first,
                               int64_t rows, int64_t ahead);
#endif

/* Where x's tap (r, s) is in its planes. */
static inline int64_t cpu_planes_tap(const cpu_planes *p, int64_t r, int64_t s)
{
    return (r % p->step_h * p->phases_w + s % p->step_w) * p->phase + r / p->step_h * p->width +
           s / p->step_w;
}

static inline int64_t cpu_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cpu_most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline size_t cpu_aligned(size_t bytes)
{
    return (bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
}
/* a / b toward minus infinity, b > 0. */
static inline int64_t cpu_floor(int64_t a, int64_t b) { return a / b - (a % b < 0); }
#endif
