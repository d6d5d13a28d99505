/* tf32.h: products of the fast tier by tensor cores, gpu variant: kernels/tf32.cl.
 *
 * NVIDIA's, from compute capability 8.0 on, multiply floats of 11 bits.  Three of their products
 * are nearly one of floats of 24 bits (Ootomo and Yokota, "Recovering single precision accuracy
 * from Tensor Cores while surpassing the FP32 theoretical peak performance", 2022,
 * arXiv:2203.03341, without the scaling of low parts). */
#ifndef RETHINK_OPENCL_TF32_H
#define RETHINK_OPENCL_TF32_H
#include "conv.h"

/* Finds out whether the device has them, by a convolution that is compared with the host's, and
 * copies past registers as exact kernels do then, too.  Option opencl.tf32 may be never, or always:
 * with emulation by local memory where there are none. */
rk_status ocl_tf32_open(rk_device *, rk_error *);

/* Whether a CONV with RK_OP_FAST can be computed so, and whether the static rule does. */
int ocl_tf32_can(const rk_device *);
int ocl_tf32_pays(const rk_device *, const ocl_conv *);
/* What is said of such a kernel. */
void ocl_tf32_claim(const ocl_conv *, rk_kinfo *);
/* In names of kernels. */
static inline const char *ocl_tf32_name(uint32_t is) { return is ? "3xtf32 " : ""; }
#endif
