/* Memory: whole buffers, which the core divides by byte offsets. */
#include "opencl.h"
#include <inttypes.h>
#include <stdint.h>
#include <sys/mman.h>

/* Large pages spare CPUs the translation of addresses in strided reads.  A hint about the host's
 * memory, which a CPU's buffers are; without them all works as well. */
static void advise_large_pages(rk_device *d, cl_mem mem, size_t bytes)
{
    const uintptr_t page = (uintptr_t)2 << 20;
    cl_int code;
    if (d->info.type != RK_DEV_CPU || bytes < page) return;
    void *at = clEnqueueMapBuffer(d->queue, mem, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, bytes,
                                  0, NULL, NULL, &code);
    if (code != CL_SUCCESS) return;
    uintptr_t from = ((uintptr_t)at + page - 1) & ~(page - 1),
              end = ((uintptr_t)at + bytes) & ~(page - 1);
    if (end > from) (void)madvise((void *)from, end - from, MADV_HUGEPAGE);
    (void)clEnqueueUnmapMemObject(d->queue, mem, at, 0, NULL, NULL);
}

/* Drivers allocate lazily: the first use is where memory runs out, so it happens here. */
static cl_int touch(rk_device *d, cl_mem mem, uint64_t bytes)
{
    const cl_uint zero = 0;
    cl_int code =
        clEnqueueFillBuffer(d->queue, mem, &zero, sizeof zero, 0, (size_t)bytes, 0, NULL, NULL);
    cl_int done = clFinish(d->queue);
    return code ? code : done;
}

rk_status ocl_mem_alloc(rk_device *d, uint64_t bytes, rk_mem **out, rk_error *e)
{
    OCL_TRY(ocl_alive(d, e));
    *out = NULL;
    if (bytes > UINT64_MAX - 64) return OCL_FAIL(e, RK_E_NOMEM, 0, "2^64 bytes wanted");
    rk_mem *m = ocl_alloc(d->host, sizeof *m);
    if (!m) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a buffer's record");
    cl_int code = CL_SUCCESS;
    uint64_t room = (bytes + 63) / 64 * 64 + (bytes ? 0 : 64);
    m->device = d;
    m->bytes = bytes;
    m->mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE, (size_t)room, NULL, &code);
    if (code == CL_SUCCESS) advise_large_pages(d, m->mem, (size_t)room);
    if (code == CL_SUCCESS) code = touch(d, m->mem, room);
    if (code != CL_SUCCESS) {
        if (m->mem) clReleaseMemObject(m->mem);
        ocl_free(d->host, m);
        return OCL_FAIL(e, RK_E_NOMEM, code,
                        "%.100s: %" PRIu64 " bytes wanted, %" PRIu64 " at most in one buffer, "
                        "%" PRIu64 " in all: %s (%d); use a smaller batch or model",
                        d->info.name, bytes, d->info.mem_max_alloc, d->info.mem_total,
                        ocl_error_name(code), code);
    }
    m->next = d->mems;
    d->mems = m;
    *out = m;
    return RK_OK;
}

void ocl_mem_free(rk_device *d, rk_mem *m)
{
    if (!m) return;
    for (rk_mem **at = &d->mems; *at; at = &(*at)->next) {
        if (*at != m) continue;
        *at = m->next;
        break;
    }
    /* A kernel of another address could be given this handle again: forget who used it last. */
    for (rk_kernel *k = d->kernels; k; k = k->next)
        for (uint32_t s = 0; s < k->n_steps; s++)
            for (cl_uint b = 0; b < k->step[s].n_bind; b++)
                if (k->step[s].last_mem[b] == m->mem) k->step[s].last_mem[b] = NULL;
    clReleaseMemObject(m->mem);
    ocl_free(d->host, m);
}

static rk_status inside(rk_device *d, const rk_mem *m, uint64_t offset, uint64_t bytes, rk_error *e)
{
    if (!m || m->device != d) return OCL_FAIL(e, RK_E_INVALID, 0, "not memory of this device");
    if (offset > m->bytes || bytes > m->bytes - offset)
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "bytes %" PRIu64 " to %" PRIu64 " + %" PRIu64
                        " are outside of a buffer of %" PRIu64,
                        offset, offset, bytes, m->bytes);
    return ocl_alive(d, e);
}

rk_status ocl_write(rk_device *d, rk_mem *m, uint64_t offset, const void *src, uint64_t bytes,
                    rk_error *e)
{
    OCL_TRY(inside(d, m, offset, bytes, e));
    if (!bytes) return RK_OK;
    cl_int code = clEnqueueWriteBuffer(d->queue, m->mem, CL_TRUE, (size_t)offset, (size_t)bytes,
                                       src, 0, NULL, NULL);
    return ocl_async(d, code, "writing to the device", e);
}

rk_status ocl_read(rk_device *d, rk_mem *m, uint64_t offset, void *dst, uint64_t bytes, rk_error *e)
{
    OCL_TRY(inside(d, m, offset, bytes, e));
    if (!bytes) return ocl_sync(d, e);
    cl_int code = clEnqueueReadBuffer(d->queue, m->mem, CL_TRUE, (size_t)offset, (size_t)bytes, dst,
                                      0, NULL, NULL);
    d->unflushed = 0;
    return ocl_async(d, code, "reading from the device", e);
}
