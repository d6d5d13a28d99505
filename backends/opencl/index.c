/* TAKE and PUT: rows by number. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

static rk_status check(const rk_op *op, const rk_tensor *table, const rk_tensor *list, rk_error *e)
{
    uint64_t rows = (uint64_t)op->p[0], length = (uint64_t)op->p[1], n = (uint64_t)op->p[2];
    const uint64_t most = (uint64_t)1 << 40;
    if (rows > most || length > most || n > most || ocl_count(table) != rows * length ||
        ocl_count(list) != n * length || ocl_count(&op->in[1]) != n)
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "%lld rows of %lld, %lld of them named: the tensors differ from that",
                        (long long)op->p[0], (long long)op->p[1], (long long)op->p[2]);
    if (op->in[1].dtype != RK_U32 || op->in[0].dtype != op->out[0].dtype)
        return OCL_FAIL(e, RK_E_INVALID, 0, "the index is not U32, or input and output differ");
    return RK_OK;
}

static rk_status start(rk_kernel *k, const rk_op *op, const char *name, const char *type,
                       ocl_step **s, rk_error *e)
{
    ocl_text source;
    ocl_source(k->device, &source, 0);
    ocl_text_add(&source, "#define T %s\n#define RK_POS %s\n", type,
                 ocl_small(k->device, op) ? "uint" : "ulong");
    OCL_APPEND(&source, ocl_cl_index);
    OCL_TRY(ocl_step_add(k, &source, name, s, e));
    for (uint32_t i = 0; i < 3; i++) ocl_step_buffer(*s, i, 0);
    return RK_OK;
}

rk_status ocl_take(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    uint64_t rows = (uint64_t)op->p[0], length = (uint64_t)op->p[1], n = (uint64_t)op->p[2];
    const rk_device *d = k->device;
    int small = ocl_small(d, op);
    ocl_step *s;
    OCL_TRY(check(op, &op->in[0], &op->out[0], e));
    snprintf(info->impl, sizeof info->impl, "take %s", d->cpu ? "cpu" : "gpu");
    if (!n || !length) return RK_OK;
    /* Several elements at a time: four bytes, or a vector of the gpu variant. */
    static const char *const types[] = {"uchar", "uint", "uint4"};
    int each = op->in[0].dtype != RK_U8;
    for (; length % 4 == 0 && each < (d->cpu ? 1 : 2); each++) length /= 4;
    OCL_TRY(start(k, op, "take", types[each], &s, e));
    OCL_TRY(ocl_step_u64(s, rows, e));
    OCL_TRY(ocl_step_count(s, small, length, e));
    if (d->cpu) return ocl_divide(s, d, n, length, 4096, e);
    OCL_TRY(ocl_step_count(s, small, n * length, e));
    ocl_step_range(s, n * length, 1, OCL_GROUP);
    return RK_OK;
}

rk_status ocl_put(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    uint64_t rows = (uint64_t)op->p[0], length = (uint64_t)op->p[1], n = (uint64_t)op->p[2];
    const rk_device *d = k->device;
    int small = ocl_small(d, op);
    ocl_step *s;
    OCL_TRY(check(op, &op->out[0], &op->in[0], e));
    if (op->in[0].dtype != RK_F32) return OCL_FAIL(e, RK_E_INVALID, 0, "PUT adds F32");
    snprintf(info->impl, sizeof info->impl, "put %s", d->cpu ? "cpu" : "gpu");
    if (!rows || !length) return RK_OK;
    OCL_TRY(start(k, op, "put", "uint", &s, e));
    if (d->cpu) OCL_TRY(ocl_step_u64(s, rows, e));
    OCL_TRY(ocl_step_count(s, small, length, e));
    OCL_TRY(ocl_step_count(s, small, n, e));
    if (!d->cpu) {
        OCL_TRY(ocl_loops(d, n, e));
        OCL_TRY(ocl_step_count(s, small, rows * length, e));
        ocl_step_range(s, rows * length, 1, OCL_GROUP);
        return RK_OK;
    }
    uint64_t columns = 256, want = (uint64_t)d->units * 4;
    uint64_t across = (length + columns - 1) / columns, down = across < want ? want / across : 1;
    uint64_t height = (rows + down - 1) / down;
    OCL_TRY(ocl_step_u64(s, columns, e));
    OCL_TRY(ocl_step_u64(s, height, e));
    ocl_step_range(s, across, (rows + height - 1) / height, 1);
    return RK_OK;
}
