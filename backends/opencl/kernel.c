/* A prepared op: a few kernels with their arguments, and how to launch them. */
#include "opencl.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FLUSH_EVERY = 16 };

rk_status ocl_step_add(rk_kernel *k, ocl_text *source, const char *name, ocl_step **out,
                       rk_error *e)
{
    cl_program program = NULL;
    cl_int code = CL_SUCCESS;
    rk_status status = ocl_build(k->device, source, &program, e);
    ocl_text_free(source);
    OCL_TRY(status);
    if (k->n_steps == OCL_MAX_STEPS)
        return OCL_FAIL(e, RK_E_INTERNAL, 0, "more than %d steps", OCL_MAX_STEPS);
    ocl_step *s = &k->step[k->n_steps];
    memset(s, 0, sizeof *s);
    s->kernel = clCreateKernel(program, name, &code);
    OCL_TRY(ocl_status(k->device, code, name, e));
    k->n_steps++;
    *out = s;
    return RK_OK;
}

void ocl_step_buffer(ocl_step *s, uint32_t arg, uint64_t delta_bytes)
{
    s->bind[s->n_bind] = (uint8_t)arg;
    s->delta[s->n_bind] = delta_bytes;
    s->last_offset[s->n_bind] = UINT64_MAX;
    s->n_bind++;
    s->n_arg += 2;
}

static rk_status set(ocl_step *s, const void *value, size_t bytes, rk_error *e)
{
    cl_int code = clSetKernelArg(s->kernel, s->n_arg, bytes, value);
    if (code != CL_SUCCESS)
        return OCL_FAIL(e, RK_E_INTERNAL, code, "argument %u: %s", s->n_arg, ocl_error_name(code));
    s->n_arg++;
    return RK_OK;
}

rk_status ocl_step_u32(ocl_step *s, uint32_t v, rk_error *e) { return set(s, &v, sizeof v, e); }
rk_status ocl_step_u64(ocl_step *s, uint64_t v, rk_error *e) { return set(s, &v, sizeof v, e); }

rk_status ocl_step_count(ocl_step *s, int small, uint64_t v, rk_error *e)
{
    return small ? ocl_step_u32(s, (uint32_t)v, e) : ocl_step_u64(s, v, e);
}

rk_status ocl_step_pass(ocl_step *s, rk_error *e)
{
    s->pass_arg = s->n_arg;
    return ocl_step_u32(s, 0, e);
}

void ocl_step_range(ocl_step *s, uint64_t x, uint64_t y, uint64_t local)
{
    s->local[0] = (size_t)local;
    s->global[0] = (size_t)((x + local - 1) / local * local);
    s->local[1] = s->local[2] = s->global[2] = 1;
    s->global[1] = (size_t)y;
}

rk_status ocl_divide(ocl_step *s, const rk_device *d, uint64_t rows, uint64_t length,
                     uint64_t grain, rk_error *e)
{
    uint64_t piece = length < grain ? length : grain;
    uint64_t pieces = (length + piece - 1) / piece, tasks = rows * pieces;
    uint64_t per = 2 * grain / piece, share = tasks / ((uint64_t)d->units * 8);
    if (per > share) per = share ? share : 1;
    const uint64_t words[] = {piece, pieces, tasks, per};
    for (int i = 0; i < 4; i++) OCL_TRY(ocl_step_u64(s, words[i], e));
    ocl_step_range(s, (tasks + per - 1) / per, 1, 1);
    return RK_OK;
}

uint64_t ocl_grain(const rk_kernel *k, uint64_t usual)
{
    return k->choice.part ? k->choice.part : usual;
}

static rk_status check_args(const rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e)
{
    if (n != k->n_args)
        return OCL_FAIL(e, RK_E_INVALID, 0, "%u arguments for a kernel of %u", n, k->n_args);
    for (uint32_t i = 0; i < n; i++) {
        if (!k->bytes[i]) continue;
        const rk_mem *m = args[i].mem;
        if (!m || m->device != k->device)
            return OCL_FAIL(e, RK_E_INVALID, 0, "argument %u is not memory of this device", i);
        if (args[i].offset & (k->device->info.mem_align - 1)) /* a power of two */
            return OCL_FAIL(e, RK_E_INVALID, 0,
                            "argument %u starts at byte %" PRIu64 ", not a multiple of %u", i,
                            args[i].offset, k->device->info.mem_align);
        if (args[i].offset > m->bytes || k->bytes[i] > m->bytes - args[i].offset)
            return OCL_FAIL(e, RK_E_INVALID, 0,
                            "argument %u needs %" PRIu64 " bytes from byte %" PRIu64
                            " on, the buffer has %" PRIu64,
                            i, k->bytes[i], args[i].offset, m->bytes);
    }
    return RK_OK;
}

/* Sets the buffers and offsets that differ from the last launch. */
static cl_int set_buffers(const rk_kernel *k, ocl_step *s, const rk_arg *args)
{
    for (cl_uint b = 0; b < s->n_bind; b++) {
        int own = s->bind[b] == OCL_COUNTER;
        const rk_arg *a = own ? NULL : &args[s->bind[b]];
        int empty = own || !k->bytes[s->bind[b]];
        cl_mem mem = empty ? k->device->dummy : a->mem->mem;
        uint64_t offset = empty ? 0 : a->offset + s->delta[b];
        if (mem != s->last_mem[b]) {
            cl_int code = clSetKernelArg(s->kernel, 2 * b, sizeof mem, &mem);
            if (code != CL_SUCCESS) return code;
            s->last_mem[b] = mem;
        }
        if (offset != s->last_offset[b]) {
            cl_int code = clSetKernelArg(s->kernel, 2 * b + 1, sizeof offset, &offset);
            if (code != CL_SUCCESS) return code;
            s->last_offset[b] = offset;
        }
    }
    return CL_SUCCESS;
}

rk_status ocl_flush(rk_device *d, rk_error *e)
{
    if (++d->unflushed < FLUSH_EVERY) return RK_OK;
    d->unflushed = 0;
    return ocl_async(d, clFlush(d->queue), "flushing", e);
}

static rk_status enqueue(rk_kernel *k, ocl_step *s, const rk_arg *args, uint32_t pass, rk_error *e)
{
    rk_device *d = k->device;
    cl_int code = set_buffers(k, s, args);
    if (code == CL_SUCCESS && s->pass_arg)
        code = clSetKernelArg(s->kernel, s->pass_arg, sizeof pass, &pass);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(d->queue, s->kernel, 2, NULL, s->global, s->local, 0, NULL,
                                      ocl_note(d));
    OCL_TRY(ocl_async(d, code, "launching a kernel", e));
    return ocl_flush(d, e);
}

rk_status ocl_launch(rk_device *d, rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e)
{
    OCL_TRY(ocl_alive(d, e));
    if (k->device != d) return OCL_FAIL(e, RK_E_INVALID, 0, "a kernel of another device");
    OCL_TRY(check_args(k, args, n, e));
    if (k->enqueue) return k->enqueue(k, args, e);
    for (uint32_t i = 0, pass = 0; i < k->n_steps; i++) {
        OCL_TRY(enqueue(k, &k->step[i], args, pass, e));
        if (i + 1 == k->loop_end && ++pass < k->passes) i = k->loop_from - 1;
    }
    return RK_OK;
}

void ocl_release(rk_device *d, rk_kernel *k)
{
    if (!k) return;
    for (rk_kernel **at = &d->kernels; *at; at = &(*at)->next) {
        if (*at != k) continue;
        *at = k->next;
        break;
    }
    for (uint32_t i = 0; i < k->n_steps; i++) clReleaseKernel(k->step[i].kernel);
    ocl_peak_release(k);
    ocl_free(d->host, k);
}
