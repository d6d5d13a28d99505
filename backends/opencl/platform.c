/* Every device of every platform of every installed driver.  Platforms without devices are normal:
 * a driver may be installed but not enabled. */
#include "opencl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

/* PoCL compiles a kernel anew for each size of group and range that it is launched with, at the
 * first launch, and that code is in no binary that a program could be asked for before: every
 * kernel was compiled twice, the second time by each process that found PoCL's own cache empty.
 * Without that, which the kernels here do not need (their groups are of a fixed size), there is one
 * compilation, at the build, and the binary holds it.  PoCL asks the environment at each launch;
 * who has set the variable has the last word. */
static void settle_drivers(void) { setenv("POCL_WORK_GROUP_SPECIALIZATION", "0", 0); }

cl_uint ocl_platforms(cl_platform_id *list, cl_uint cap, cl_int *native)
{
    cl_uint n = 0;
    settle_drivers();
    *native = clGetPlatformIDs(cap, list, &n);
    if (*native != CL_SUCCESS) return 0;
    return n < cap ? n : cap;
}

static uint64_t number(cl_device_id id, cl_device_info what)
{
    cl_ulong v = 0; /* wide enough for the cl_uint answers, which fill its low half */
    clGetDeviceInfo(id, what, sizeof v, &v, NULL);
    return v;
}

static void string(cl_device_id id, cl_device_info what, char *out, size_t cap)
{
    char text[512] = "";
    clGetDeviceInfo(id, what, sizeof text - 1, text, NULL);
    const char *s = text;
    while (*s == ' ') s++;
    snprintf(out, cap, "%.*s", (int)cap - 1, s);
    for (size_t n = strlen(out); n && out[n - 1] == ' '; n--) out[n - 1] = 0;
}

static uint32_t alignment(cl_device_id id)
{
    uint64_t bytes = number(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* the answer is in bits */
    uint32_t align = 64;
    while (align < bytes && align < 4096) align *= 2;
    return align;
}

static void describe(cl_platform_id platform, cl_device_id id, unsigned p, unsigned d,
                     uint32_t index, rk_devinfo *out)
{
    uint64_t type = number(id, CL_DEVICE_TYPE);
    rk_devinfo info = {.size = out->size, .index = index};
    info.type = RK_DEV_OTHER;
    if (type & CL_DEVICE_TYPE_GPU) info.type = RK_DEV_GPU;
    if (type & CL_DEVICE_TYPE_CPU) info.type = RK_DEV_CPU;
    info.mem_align = alignment(id);
    info.mem_total = number(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info.mem_max_alloc = number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    string(id, CL_DEVICE_NAME, info.name, sizeof info.name);
    string(id, CL_DEVICE_VENDOR, info.vendor, sizeof info.vendor);
    string(id, CL_DRIVER_VERSION, info.driver, sizeof info.driver);
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info.platform - 1, info.platform, NULL);
    snprintf(info.id, sizeof info.id, "%u.%u", p, d);
    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
}

/* Calls itself nothing, fills nothing but what is asked: device `index`, or all below cap. */
static uint32_t walk(rk_devinfo *out, uint32_t cap, uint32_t want, cl_platform_id *platform,
                     cl_device_id *device, unsigned *platforms, cl_int *native)
{
    cl_platform_id ps[MAX_PLATFORMS];
    cl_device_id ds[MAX_DEVICES];
    uint32_t n = 0;
    *platforms = ocl_platforms(ps, MAX_PLATFORMS, native);
    for (unsigned p = 0; p < *platforms; p++) {
        cl_uint count = 0;
        if (clGetDeviceIDs(ps[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ds, &count) != CL_SUCCESS)
            continue;
        if (count > MAX_DEVICES) count = MAX_DEVICES;
        for (unsigned d = 0; d < count; d++, n++) {
            if (device && n == want) {
                *platform = ps[p];
                *device = ds[d];
                describe(ps[p], ds[d], p, d, n, out);
            } else if (!device && n < cap) {
                rk_devinfo *slot = (rk_devinfo *)(void *)((char *)out + (size_t)n * out->size);
                slot->size = out->size;
                describe(ps[p], ds[d], p, d, n, slot);
            }
        }
    }
    return n;
}

rk_status ocl_enumerate(const rk_host *host, rk_devinfo *out, uint32_t cap, uint32_t *n,
                        rk_error *e)
{
    unsigned platforms;
    cl_int native;
    (void)host;
    *n = walk(out, cap, 0, NULL, NULL, &platforms, &native);
    if (*n) return RK_OK;
    if (platforms)
        OCL_FAIL(e, RK_OK, 0,
                 "%u OpenCL platforms are installed, but none has a device; is the driver enabled, "
                 "and may this user open the device file?",
                 platforms);
    else
        OCL_FAIL(e, RK_OK, native,
                 "no OpenCL driver is installed (%d); install one, e.g. pocl-opencl-icd to use "
                 "the CPU, or the driver of the GPU's vendor",
                 native);
    return RK_OK;
}

rk_status ocl_find(const rk_host *host, uint32_t index, cl_platform_id *platform,
                   cl_device_id *device, rk_devinfo *info, rk_error *e)
{
    unsigned platforms;
    cl_int native;
    (void)host;
    *device = NULL;
    info->size = sizeof *info;
    uint32_t n = walk(info, 1, index, platform, device, &platforms, &native);
    if (*device) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, native, "there is no OpenCL device %u; there are %u", index,
                    n);
}
