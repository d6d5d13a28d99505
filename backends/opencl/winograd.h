/* winograd.h: CONV of the fast tier with windows of 3 x 3 and stride 1, by Winograd's
 * F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3), and for dw F(3 x 3, 2 x 2) and, in the cpu variant,
 * F(3 x 3, 4 x 4) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015,
 * arXiv:1509.09308).
 *
 *   winograd.c      where it is used, and what error it claims
 *   winograd_cpu.c  cpu variant: units of tiles, transformed, multiplied and transformed back
 *   winograd_gpu.c  gpu variant: a kernel for each of these steps, some images at a time
 *
 * A tile is 2 x 2 results (dw: gradients) and the 4 x 4 taps that they meet, or 4 x 4 results and
 * 6 x 6 taps.  What is transformed is multiplied as matrices, one product for each of 16 points, so
 * that 16 multiplications do what 36 did, or of 36 for 144.  The operations of an element of y or
 * dx, and their order, depend on nothing but the shape and the tile; those of dw on nothing but the
 * shape and the variant.  In the cpu variant they are the cpu backend's. */
#ifndef RETHINK_OPENCL_WINOGRAD_H
#define RETHINK_OPENCL_WINOGRAD_H
#include "conv.h"

enum {
    OCL_WINO_CHAIN =
        64 /* channels that tiles of 4 x 4 add at once: RK_W4_CHAIN of ../winograd_4x4.h */
};

/* Points of a tile. */
static inline uint64_t ocl_winograd_points(const ocl_conv *c)
{
    return (uint64_t)(c->tile + 2) * (c->tile + 2);
}

/* Tiles of an image; along both sides, of the result, or for dw of g. */
typedef struct ocl_tiles {
    uint64_t down, across;
} ocl_tiles;
ocl_tiles ocl_winograd_tiles(const ocl_conv *);

/* Whether an op with RK_OP_FAST can be computed so, whether with tiles of 4 x 4, for which a gate
 * asks that they be near enough, and with which tiles the static rule does; 0: not. */
int ocl_winograd_can(const ocl_conv *);
int ocl_winograd_is_near(const rk_device *, const ocl_conv *);
uint32_t ocl_winograd_tile(const rk_device *, const ocl_conv *);
/* RK_E_UNSUPPORTED, with the kernel as it was, where scratch memory would be too large, or the
 * bound would say nothing. */
rk_status ocl_winograd(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);

/* Bounds by the magnitude of RK_BOUND_PLANES: of y and dx, and of dw, where `chain` products of
 * tiles make a block, and blocks of a segment and segments are added. */
float ocl_winograd_bound(const ocl_conv *);
float ocl_winograd_bound_dw(const ocl_conv *, uint64_t chain, uint64_t blocks, uint64_t segments);
/* What is said of a kernel; RK_E_UNSUPPORTED if the claim or the workspace is too large. */
rk_status ocl_winograd_claim(const ocl_conv *, float ulp, double bytes, rk_kinfo *, rk_error *);
/* Starts a source with the transforms. */
void ocl_winograd_source(rk_device *, const ocl_conv *, ocl_text *);

/* winograd_cpu.c, winograd_gpu.c.  The bound of dw with the blocks that the cpu variant makes. */
float ocl_winograd_cpu_bound_dw(const rk_device *, const ocl_conv *);
rk_status ocl_winograd_cpu(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);
rk_status ocl_winograd_gpu(rk_kernel *, const ocl_conv *, const ocl_code *, rk_kinfo *, rk_error *);
#endif
