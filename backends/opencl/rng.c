/* RNG: Philox4x32-10 by element number. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

rk_status ocl_rng(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    const rk_device *d = k->device;
    uint64_t count = ocl_count(&op->out[0]);
    ocl_text source;
    ocl_step *s;
    if (op->in[0].dtype != RK_U32 || op->out[0].dtype != RK_U32 || ocl_count(&op->in[0]) != 3)
        return OCL_FAIL(e, RK_E_INVALID, 0, "RNG makes U32 of a U32[3]: seed low, high, step");
    if (op->p[0] < 0 || op->p[0] > UINT32_MAX)
        return OCL_FAIL(e, RK_E_INVALID, 0, "RNG: stream %lld is not a 32-bit word",
                        (long long)op->p[0]);
    snprintf(info->impl, sizeof info->impl, "philox %s", d->cpu ? "cpu" : "gpu");
    if (!count) return RK_OK;
    ocl_source(k->device, &source, 1);
    OCL_APPEND(&source, ocl_cl_rng);
    OCL_TRY(ocl_step_add(k, &source, "rng", &s, e));
    ocl_step_buffer(s, 0, 0);
    ocl_step_buffer(s, 1, 0);
    uint64_t blocks = (count + 3) / 4, per = d->cpu ? blocks / (d->units * 8) + 1 : 1;
    if (d->cpu && per < 256) per = 256;
    OCL_TRY(ocl_step_u32(s, (uint32_t)op->p[0], e));
    OCL_TRY(ocl_step_u64(s, count, e));
    OCL_TRY(ocl_step_u64(s, per, e));
    ocl_step_range(s, (blocks + per - 1) / per, 1, d->cpu ? 1 : OCL_GROUP);
    return RK_OK;
}
