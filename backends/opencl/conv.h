/* conv.h: the geometry of a CONV, as the kernels walk it; shared by conv*.c.
 *
 * All three members walk over result positions whose taps lie at constant distances in an input.
 *
 *   Y   result y, input x.  Rows and columns of x are dealt out to in_h x in_w phases, so that
 *       neighbouring positions read neighbouring elements of a phase whatever the stride is.
 *   DX  result dx, input g.  The result is dealt out to out_h x out_w phases; each has the taps
 *       that take part in it, and neighbouring positions of it read neighbouring elements of g.
 *   DW  like Y, with the result in the place of the weights.
 *
 * In coordinates of phases, position i and tap r meet at row i + q(r), q in [low, low + more]: in
 * the input that is row (i + q) * step + phase - pad. */
#ifndef RETHINK_OPENCL_CONV_H
#define RETHINK_OPENCL_CONV_H
#include "choice.h"

static inline uint64_t ocl_least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t ocl_most(uint64_t a, uint64_t b) { return a > b ? a : b; }
static inline uint64_t ocl_parts(uint64_t n, uint64_t size) { return (n + size - 1) / size; }

/* A register tile of the cpu variant, mr rows by nv vectors, and its relative speed in percent. */
typedef struct ocl_conv_tile {
    uint32_t mr, nv, speed;
} ocl_conv_tile;

/* One of the two spatial dimensions. */
typedef struct ocl_conv_axis {
    uint64_t in, out, window; /* extents of the planes of input and result, and of the window */
    uint64_t stride, pad;     /* as in p[] */
    uint64_t in_phases, out_phases;
    uint64_t positions;  /* of the largest phase of the result */
    uint64_t step, more; /* step: of the input */
    int64_t low, shift;  /* shift: the input's element at position 0, q = low, phase 0 */
} ocl_conv_axis;

typedef struct ocl_conv {
    int which;
    uint64_t batch, ci, co; /* ci, co: channels of input and result (DW: of x and g) */
    uint64_t taps;          /* ci * R * S */
    /* Of y or g: channels of the tensor that it is, or is a part of, and bytes before the part. */
    uint64_t joined, before;
    ocl_conv_axis h, w;
    uint64_t blocks;                /* of a chain */
    uint64_t out_weight, in_weight; /* distance of weights along co and ci */
    uint32_t tile;                  /* of Winograd's algorithm, 2 or 4; 0 without */
    uint32_t tf32;                  /* 1: by tensor cores */
    int flat;                       /* cpu variant: see conv_cpu.c */
} ocl_conv;

/* Planes from one image to the next, of what is walked over and of the result; bytes before the
 * first one of what is walked over. */
static inline uint64_t ocl_conv_from(const ocl_conv *c)
{
    return c->which == RK_CONV_DX ? c->joined : c->ci;
}
static inline uint64_t ocl_conv_to(const ocl_conv *c)
{
    return c->which == RK_CONV_Y ? c->joined : c->co;
}
static inline uint64_t ocl_conv_before(const ocl_conv *c)
{
    return c->which == RK_CONV_DX ? c->before : 0;
}

/* Where in the workspace the kernel of kernels/conv_pack.cl writes its tables, and how much, in
 * words. */
typedef struct ocl_conv_table {
    uint64_t first, ends, tap, weights, words;
} ocl_conv_table;

/* conv.c.  rows: of weights that lie beside each other. */
ocl_conv_table ocl_conv_table_of(const ocl_conv *, uint64_t words_per_tap, uint64_t rows);
/* Adds the step that writes the tables.  plane and period: elements of a plane and a row of what is
 * walked over, in the cpu variant of its copy. */
rk_status ocl_conv_pack(rk_kernel *, const ocl_conv *, const ocl_conv_table *, uint64_t rows,
                        uint64_t plane, uint64_t period, rk_error *);

/* conv_same.c: whether it does an op's Y or DX, and whether a choice differs from its rules'. */
int ocl_conv_same_can(const rk_device *, const ocl_conv *);
int ocl_conv_same_fits(const rk_device *, const ocl_conv *, const ocl_choice *);
rk_status ocl_conv_same(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);

/* conv_cpu.c: a task's copy: planes of rows of `period` elements, neighbours of which share `tail`
 * zeros.  Rows are those of `abreast` images, one beside the other. */
typedef struct ocl_conv_copy {
    uint64_t planes, rows, period, tail, plane, abreast;
} ocl_conv_copy;
ocl_conv_copy ocl_conv_copy_of(const ocl_conv *, uint64_t channels, uint64_t rows,
                               uint64_t abreast);

/* Whether the only tap of any position is the same position. */
static inline int ocl_conv_is_point(const ocl_conv *c)
{
    const ocl_conv_axis *h = &c->h, *w = &c->w;
    return h->window == 1 && h->stride == 1 && !h->pad && h->in == h->out && w->window == 1 &&
           w->stride == 1 && !w->pad && w->in == w->out;
}

/* conv_dw.c: the cpu variant's DW. */
rk_status ocl_conv_dw(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);
void ocl_conv_dw_choices(const rk_device *, const ocl_conv *, ocl_choices *);

/* conv_cpu.c, conv_gpu.c */
rk_status ocl_conv_cpu(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);
rk_status ocl_conv_gpu(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);
void ocl_conv_cpu_choices(const rk_device *, const ocl_conv *, ocl_choices *);
void ocl_conv_gpu_choices(const rk_device *, const ocl_conv *, ocl_choices *);

#endif
