/* Probes: how fast the device is at chains of fma, at local memory, and at transfers from memory
 * that the driver chose.  The driver's own fma is meant, right or wrong. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

enum {
    LOOPS = 16, /* of a kernel, in a round */
    STEPS = 4,  /* of each chain, in a loop */
    GROUPS = 8, /* of work-items, for each compute unit */
    TILE_FLOATS = 4096,
    TRANSFER = 16 << 20
};

typedef struct shape {
    uint32_t width, chains;
} shape;

typedef struct shapes {
    uint32_t n;
    shape list[8];
} shapes;

/* The most promising first: vectors where a work-item is a thread of a CPU, single floats where it
 * is a lane; little where the driver is slow at everything. */
static const shapes
    cpu_fma = {8, {{8, 12}, {16, 8}, {16, 4}, {8, 8}, {16, 12}, {8, 4}, {4, 8}, {1, 8}}},
    gpu_fma = {8, {{1, 8}, {1, 4}, {2, 8}, {4, 4}, {1, 12}, {4, 8}, {8, 4}, {16, 4}}},
    cpu_local = {4, {{16, 8}, {8, 8}, {16, 4}, {4, 8}}},
    gpu_local = {4, {{1, 8}, {2, 8}, {4, 8}, {4, 4}}}, slow = {1, {{1, 4}}};

static const shapes *choose(const rk_device *d, int local)
{
    if (d->loop_limit) return &slow;
    if (local) return d->cpu ? &cpu_local : &gpu_local;
    return d->cpu ? &cpu_fma : &gpu_fma;
}

static void make_source(const rk_device *d, ocl_text *source, int local, shape s)
{
    static const char *const types[] = {"float", "float2", "float4", "",       "float8",
                                        "",      "",       "",       "float16"};
    *source = (ocl_text){.host = d->host};
    ocl_text_add(source, "#define F %s\n#define CHAINS %u\n#define GROUP %d\n#define SLOW %d\n",
                 types[s.width / 2], s.chains, d->cpu ? 1 : OCL_GROUP, d->loop_limit != 0);
    if (local) ocl_text_add(source, "#define TILE %u\n", TILE_FLOATS / s.width);
    OCL_APPEND(source, ocl_cl_peak);
}

static rk_status arithmetic(rk_kernel *k, rk_probe *p, rk_error *e)
{
    rk_device *d = k->device;
    int local = p->what == RK_PROBE_LOCAL, slow = d->loop_limit != 0;
    const shapes *all = choose(d, local);
    p->variants = all->n;
    if (p->variant >= all->n)
        return OCL_FAIL(e, RK_E_INVALID, 0, "variant %u of %u", p->variant, all->n);
    shape s = all->list[p->variant];
    ocl_text source;
    ocl_step *step;
    uint64_t group = d->cpu ? 1 : OCL_GROUP, items = d->units * (slow ? 1 : GROUPS) * group;
    uint64_t loops = (uint64_t)p->rounds * LOOPS, most = slow ? d->loop_limit : UINT32_MAX;
    loops = loops < most ? loops : most;
    make_source(d, &source, local, s);
    OCL_TRY(ocl_step_add(k, &source, "peak", &step, e));
    ocl_step_buffer(step, 0, 0);
    OCL_TRY(ocl_step_u32(step, (uint32_t)loops, e));
    ocl_step_range(step, items, 1, group);
    p->workspace = k->bytes[0] = items * s.width * sizeof(float);
    k->n_args = 1;
    double each = local ? (double)sizeof(float) : slow ? 2.0 : 2.0 * STEPS;
    p->work = each * (double)items * (double)loops * s.width * s.chains;
    snprintf(p->text, sizeof p->text, "width %u, %u chains, %llu work-items", s.width, s.chains,
             (unsigned long long)items);
    return RK_OK;
}

/* ---- transfers ---- */

static rk_status enqueue_transfer(rk_kernel *k, const rk_arg *args, rk_error *e)
{
    rk_device *d = k->device;
    (void)args;
    for (int64_t i = 0; i < k->p[1]; i++) {
        cl_int code = k->p[0] == RK_PROBE_UPLOAD
                          ? clEnqueueWriteBuffer(d->queue, k->own[0], CL_FALSE, 0, TRANSFER,
                                                 k->mapped, 0, NULL, NULL)
                          : clEnqueueReadBuffer(d->queue, k->own[0], CL_FALSE, 0, TRANSFER,
                                                k->mapped, 0, NULL, NULL);
        OCL_TRY(ocl_async(d, code, "a transfer", e));
    }
    return ocl_flush(d, e);
}

static rk_status transfer(rk_kernel *k, rk_probe *p, rk_error *e)
{
    rk_device *d = k->device;
    cl_int code = CL_SUCCESS;
    p->variants = 1;
    if (p->variant > 0) return OCL_FAIL(e, RK_E_INVALID, 0, "variant %u of 1", p->variant);
    for (int i = 0; i < 2 && code == CL_SUCCESS; i++)
        k->own[i] = clCreateBuffer(d->context, i ? CL_MEM_ALLOC_HOST_PTR : CL_MEM_READ_WRITE,
                                   TRANSFER, NULL, &code);
    if (code == CL_SUCCESS)
        k->mapped = clEnqueueMapBuffer(d->queue, k->own[1], CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                       TRANSFER, 0, NULL, NULL, &code);
    OCL_TRY(ocl_status(d, code, "memory of the host for transfers", e));
    k->p[0] = p->what;
    k->p[1] = p->rounds < 64 ? p->rounds : 64;
    k->enqueue = enqueue_transfer;
    p->work = (double)TRANSFER * (double)k->p[1];
    snprintf(p->text, sizeof p->text, "%d MiB of CL_MEM_ALLOC_HOST_PTR", TRANSFER >> 20);
    return RK_OK;
}

void ocl_peak_release(rk_kernel *k)
{
    if (k->mapped) {
        clEnqueueUnmapMemObject(k->device->queue, k->own[1], k->mapped, 0, NULL, NULL);
        clFinish(k->device->queue);
    }
    for (int i = 0; i < 2; i++)
        if (k->own[i]) clReleaseMemObject(k->own[i]);
}

rk_status ocl_peak(rk_kernel *k, rk_probe *p, rk_error *e)
{
    if (p->rounds == 0) return OCL_FAIL(e, RK_E_INVALID, 0, "a probe of no rounds");
    switch (p->what) {
    case RK_PROBE_FMA:
    case RK_PROBE_LOCAL: return arithmetic(k, p, e);
    case RK_PROBE_UPLOAD:
    case RK_PROBE_DOWNLOAD: return transfer(k, p, e);
    default: return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown probe %u", p->what);
    }
}
