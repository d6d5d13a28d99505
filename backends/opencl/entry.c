/* The two exported symbols, and prepare. */
#include "choice.h"
#include <string.h>

RK_BACKEND_MAGIC;

static rk_status make(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    switch (op->kind) {
    case RK_EWISE: return ocl_ewise(k, op, info, e);
    case RK_COPY: return ocl_copy(k, op, info, e);
    case RK_REDUCE: return ocl_reduce(k, op, info, e);
    case RK_MATMUL: return ocl_matmul(k, op, info, e);
    case RK_CONV: return ocl_convolve(k, op, info, e);
    case RK_WINDOW: return ocl_window(k, op, info, e);
    case RK_TAKE: return ocl_take(k, op, info, e);
    case RK_PUT: return ocl_put(k, op, info, e);
    case RK_RNG: return ocl_rng(k, op, info, e);
    default: return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown kind %u", op->kind);
    }
}

static rk_status prepare_choice(rk_device *d, const rk_op *given, const char *choice,
                                rk_kernel **out, rk_kinfo *info, rk_error *e)
{
    rk_op op = {0};
    rk_kinfo said = {.size = info->size, .tier = RK_TIER_EXACT};
    *out = NULL;
    OCL_TRY(ocl_alive(d, e));
    OCL_TRY(ocl_check(given, e));
    memcpy(&op, given, given->size < sizeof op ? given->size : sizeof op);
    rk_kernel *k = ocl_alloc(d->host, sizeof *k);
    if (!k) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a kernel's record");
    k->device = d;
    for (uint32_t i = 0; i < op.n_in; i++)
        k->bytes[k->n_args++] = ocl_extent(&op.in[i]) * ocl_size(op.in[i].dtype);
    for (uint32_t i = 0; i < op.n_out; i++)
        k->bytes[k->n_args++] = ocl_extent(&op.out[i]) * ocl_size(op.out[i].dtype);
    rk_status status = choice ? ocl_choice_find(d, &op, choice, &k->choice, e) : RK_OK;
    if (status == RK_OK) status = make(k, &op, &said, e);
    if (status != RK_OK) {
        ocl_release(d, k);
        return status;
    }
    if (said.workspace) k->bytes[k->n_args++] = said.workspace;
    k->next = d->kernels;
    d->kernels = k;
    memcpy(info, &said, info->size < sizeof said ? info->size : sizeof said);
    *out = k;
    return RK_OK;
}

static rk_status probe(rk_device *d, rk_probe *p, rk_kernel **out, rk_error *e)
{
    *out = NULL;
    OCL_TRY(ocl_alive(d, e));
    rk_kernel *k = ocl_alloc(d->host, sizeof *k);
    if (!k) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a kernel's record");
    k->device = d;
    rk_status status = ocl_peak(k, p, e);
    if (status != RK_OK) {
        ocl_release(d, k);
        return status;
    }
    k->next = d->kernels;
    d->kernels = k;
    *out = k;
    return RK_OK;
}

static rk_status prepare(rk_device *d, const rk_op *op, rk_kernel **out, rk_kinfo *info,
                         rk_error *e)
{
    return prepare_choice(d, op, NULL, out, info, e);
}

static const rk_backend table = {
    .size = sizeof table,
    .abi_major = RK_ABI_MAJOR,
    .abi_minor = RK_ABI_MINOR,
    .name = "opencl",
    .version = RETHINK_VERSION,
    .build = "OpenCL C 1.2, " __VERSION__,
    .enumerate = ocl_enumerate,
    .open = ocl_open,
    .close = ocl_close,
    .mem_alloc = ocl_mem_alloc,
    .mem_free = ocl_mem_free,
    .write = ocl_write,
    .read = ocl_read,
    .prepare = prepare,
    .launch = ocl_launch,
    .release = ocl_release,
    .sync = ocl_sync,
    .mark = ocl_mark_now,
    .wait = ocl_wait,
    .elapsed_ns = ocl_elapsed,
    .probe = probe,
    .choices = ocl_choice_name,
    .prepare_choice = prepare_choice,
    .time_kernels = ocl_time_kernels,
};

RK_EXPORT const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor);
const rk_backend *rk_backend_entry(uint32_t host_major, uint32_t host_minor)
{
    (void)host_minor;
    return host_major == RK_ABI_MAJOR ? &table : NULL;
}
