/* Opening a device: what it can do, and which variant of the kernels it gets. */
#include "tf32.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void CL_CALLBACK notify(const char *text, const void *info, size_t n, void *user)
{
    ocl_notice *notice = user;
    (void)info, (void)n;
    if (notice->used) return;
    snprintf(notice->text, sizeof notice->text, "%s", text);
    notice->used = 1;
}

/* Everything that a binary depends on besides source and options. */
static rk_status identify(rk_device *d, cl_platform_id platform, rk_error *e)
{
    char text[512];
    const cl_device_info facts[] = {CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION,
                                    CL_DRIVER_VERSION, CL_DEVICE_OPENCL_C_VERSION};
    d->identity.host = d->host;
    text[0] = 0;
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof text - 1, text, NULL);
    ocl_text_add(&d->identity, "%s\n%s\n", d->info.platform, text);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        memset(text, 0, sizeof text);
        clGetDeviceInfo(d->id, facts[i], sizeof text - 1, text, NULL);
        ocl_text_add(&d->identity, "%s\n", text);
    }
    if (d->identity.failed) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left");
    return RK_OK;
}

static rk_status choose_gpu(rk_device *d, rk_error *e)
{
    d->cpu = 0;
    d->width = 1;
    d->quad = 4;
    if (d->max_group >= OCL_GROUP) return RK_OK;
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0,
                    "%.100s runs %zu work-items per group, the gpu variant needs %d; option "
                    "variant=cpu does without",
                    d->info.name, d->max_group, OCL_GROUP);
}

static rk_status choose_variant(rk_device *d, rk_error *e)
{
    const char *variant = ocl_option(d->host, "variant");
    /* llvmpipe runs the work-items of a group as lanes of a vector, and ends the loops of a
     * work-item after 2^16 rounds in all: it needs many work-items that do little each. */
    d->cpu = d->info.type == RK_DEV_CPU && !strstr(d->info.name, "llvmpipe");
    if (variant && strcmp(variant, "cpu") != 0 && strcmp(variant, "gpu") != 0)
        return OCL_FAIL(e, RK_E_INVALID, 0, "option variant is \"%.40s\"; it may be cpu or gpu",
                        variant);
    if (variant) d->cpu = !strcmp(variant, "cpu");
    return d->cpu ? RK_OK : choose_gpu(d, e);
}

static rk_status choose_width(rk_device *d, rk_error *e)
{
    const char *width = ocl_option(d->host, "opencl.width");
    cl_uint native = 1;
    d->width = 1;
    if (!d->cpu) return RK_OK;
    clGetDeviceInfo(d->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof native, &native, NULL);
    d->width = native >= 16 ? 16 : 8;
    if (!width) return RK_OK;
    long v = strtol(width, NULL, 10);
    if (v != 1 && v != 4 && v != 8 && v != 16)
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "option opencl.width is \"%.40s\"; it may be 1, 4, 8 or 16", width);
    d->width = (uint32_t)v;
    return RK_OK;
}

static rk_status check_winograd(const rk_device *d, rk_error *e)
{
    static const char *const names[] = {"always", "never", "2x2", "4x4"};
    const char *use = ocl_option(d->host, "opencl.winograd"),
               *error = ocl_option(d->host, "opencl.winograd-error");
    char *end;
    int known = !use;
    for (int i = 0; use && i < 4; i++) known |= !strcmp(use, names[i]);
    if (!known)
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "option opencl.winograd is \"%.40s\"; it may be always, never, 2x2 or 4x4",
                        use);
    if (error && (!(strtod(error, &end) > 0) || *end))
        return OCL_FAIL(e, RK_E_INVALID, 0,
                        "option opencl.winograd-error is \"%.40s\"; it may be a number above 0",
                        error);
    return RK_OK;
}

rk_status ocl_loops(const rk_device *d, uint64_t iterations, rk_error *e)
{
    if (!d->loop_limit || iterations <= d->loop_limit) return RK_OK;
    return OCL_FAIL(e, RK_E_UNSUPPORTED, 0,
                    "%llu iterations of a loop, which %.100s leaves after %llu or a few more",
                    (unsigned long long)iterations, d->info.name,
                    (unsigned long long)d->loop_limit);
}

/* Short loops are those of the gpu variant, whose work-items do little each. */
static rk_status choose_loops(rk_device *d, int right, rk_error *e)
{
    enum { SAFE = 60000 }; /* of 65535, leaving some to loops that are not counted */
    if (right) return RK_OK;
    d->loop_limit = SAFE;
    ocl_log(d->host, 2, "opencl: %s leaves long loops early; operations that need them are refused",
            d->info.name);
    return d->cpu && !ocl_option(d->host, "variant") ? choose_gpu(d, e) : RK_OK;
}

/* Division, root and fma: the device's own, or in software where a trial finds them wrong. */
static rk_status choose_rounding(rk_device *d, rk_error *e)
{
    cl_device_fp_config fp = 0;
    ocl_probed right = {1, 1, 1, 1};
    clGetDeviceInfo(d->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof fp, &fp, NULL);
    snprintf(d->options, sizeof d->options, "-cl-std=CL1.2%s",
             fp & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT ? " -cl-fp32-correctly-rounded-divide-sqrt"
                                                      : "");
    if (!(fp & CL_FP_FMA))
        ocl_log(d->host, 2, "opencl: %s does not report fma in hardware; it may be slow",
                d->info.name);
    OCL_TRY(ocl_probe(d, &right, e));
    OCL_TRY(choose_loops(d, right.loops, e));
    if (!(fp & CL_FP_DENORM))
        ocl_log(d->host, 2, "opencl: %s does not promise to keep subnormal numbers", d->info.name);
    if (right.div && right.root && right.fma) return RK_OK;
    size_t used = strlen(d->options);
    snprintf(d->options + used, sizeof d->options - used, "%s%s%s",
             right.div ? "" : " -D RK_SOFT_DIV", right.root ? "" : " -D RK_SOFT_SQRT",
             right.fma ? "" : " -D RK_SOFT_FMA");
    d->width = d->quad = 1;
    ocl_log(d->host, 2, "opencl: %s does not round%s%s%s correctly; done in software", d->info.name,
            right.div ? "" : " division", right.root ? "" : " sqrt", right.fma ? "" : " fma");
    return RK_OK;
}

static rk_status make_queue(rk_device *d, rk_error *e)
{
    const cl_uint zero = 0;
    cl_int code = CL_SUCCESS;
    d->context = clCreateContext(NULL, 1, &d->id, notify, &d->notice, &code);
    OCL_TRY(ocl_status(d, code, "creating a context", e));
    d->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    OCL_TRY(ocl_status(d, code, "creating a queue", e));
    d->dummy = clCreateBuffer(d->context, CL_MEM_READ_WRITE, 4096, NULL, &code);
    OCL_TRY(ocl_status(d, code, "creating a buffer", e));
    code = clEnqueueFillBuffer(d->queue, d->dummy, &zero, sizeof zero, 0, 4096, 0, NULL, NULL);
    return ocl_status(d, code, "filling a buffer", e);
}

static rk_status set_up(rk_device *d, uint32_t index, rk_error *e)
{
    cl_platform_id platform = NULL;
    cl_ulong local = 0;
    cl_uint units = 1;
    OCL_TRY(ocl_find(d->host, index, &platform, &d->id, &d->info, e));
    clGetDeviceInfo(d->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof d->max_group, &d->max_group, NULL);
    clGetDeviceInfo(d->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    d->local_bytes = local;
    d->units = units ? units : 1;
    OCL_TRY(identify(d, platform, e));
    OCL_TRY(choose_variant(d, e));
    OCL_TRY(choose_width(d, e));
    OCL_TRY(check_winograd(d, e));
    OCL_TRY(make_queue(d, e));
    OCL_TRY(choose_rounding(d, e));
    return ocl_tf32_open(d, e);
}

/* The context and what is made in it, but for memory and kernels. */
static void drop_context(rk_device *d)
{
    while (d->built) {
        ocl_built *b = d->built;
        d->built = b->next;
        clReleaseProgram(b->program);
        ocl_free(d->host, b);
    }
    if (d->dummy) clReleaseMemObject(d->dummy);
    if (d->queue) clReleaseCommandQueue(d->queue);
    if (d->context) clReleaseContext(d->context);
    d->dummy = NULL;
    d->queue = NULL;
    d->context = NULL;
}

rk_status ocl_start_over(rk_device *d, rk_error *e)
{
    drop_context(d);
    d->sticky = (rk_error){.size = sizeof d->sticky};
    d->notice.used = 0;
    d->unflushed = 0;
    return make_queue(d, e);
}

rk_status ocl_open(const rk_host *host, uint32_t index, rk_device **out, rk_error *e)
{
    *out = NULL;
    rk_device *d = ocl_alloc(host, sizeof *d);
    if (!d) return OCL_FAIL(e, RK_E_NOMEM, 0, "no host memory left for a device's record");
    d->host = host;
    d->sticky.size = sizeof d->sticky;
    rk_status status = set_up(d, index, e);
    if (status != RK_OK) {
        ocl_close(d);
        return status;
    }
    ocl_log(host, 3, "opencl: %s, %s variant, vectors of %u, %u units, options %s", d->info.name,
            d->cpu ? "cpu" : "gpu", d->width, d->units, d->options);
    *out = d;
    return RK_OK;
}

void ocl_close(rk_device *d)
{
    if (!d) return;
    if (d->queue) clFinish(d->queue);
    ocl_marks_end(d);
    ocl_timing_end(d);
    while (d->kernels) ocl_release(d, d->kernels);
    ocl_blast_close(d);
    while (d->mems) ocl_mem_free(d, d->mems);
    drop_context(d);
    ocl_text_free(&d->identity);
    ocl_free(d->host, d);
}
