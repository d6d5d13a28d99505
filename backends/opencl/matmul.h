/* matmul.h: the gpu variant's product of matrices, for kinds that have one inside; see
 * kernels/matmul.cl. */
#ifndef RETHINK_OPENCL_MATMUL_H
#define RETHINK_OPENCL_MATMUL_H
#include "tile.h"

/* As MATMUL's p[].  block: products that a chain adds, a multiple of 64; 0: RK_MATMUL_BLOCK. */
typedef struct ocl_product {
    uint64_t batch, m, n, k, ta, tb, a_batch, b_batch, block;
} ocl_product;

ocl_choice ocl_product_group(const rk_device *, const ocl_product *, const ocl_choice *chosen);
/* Appends kernel "matmul", before which RK_PARAMS and RK_BODY are defined; its buffers are a, b and
 * those of RK_PARAMS, its arguments those of RK_PARAMS and then these, with its range. */
void ocl_product_source(const rk_device *, const ocl_product *, const ocl_choice *group,
                        ocl_text *);
rk_status ocl_product_args(ocl_step *, const ocl_product *, const ocl_choice *group, rk_error *);
#endif
