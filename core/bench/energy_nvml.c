/* NVML, NVIDIA's management library, by the functions of its documented interface.  It is loaded
 * when it is needed and never unloaded. */
#include "bench/energy_own.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 96 };
typedef void *device;

struct rk_nvml {
    int (*init)(void), (*shutdown)(void);
    int (*count)(unsigned *);
    int (*handle)(unsigned, device *);
    int (*name)(device, char *, unsigned);
    int (*energy)(device, unsigned long long *); /* NULL in old drivers */
    int (*power)(device, unsigned *);
    device gpu;
};

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol;
}

static bool find_all(rk_nvml *n, void *library)
{
    find(library, "nvmlDeviceGetTotalEnergyConsumption", &n->energy);
    return find(library, "nvmlInit_v2", &n->init) && find(library, "nvmlShutdown", &n->shutdown) &&
           find(library, "nvmlDeviceGetCount_v2", &n->count) &&
           find(library, "nvmlDeviceGetHandleByIndex_v2", &n->handle) &&
           find(library, "nvmlDeviceGetName", &n->name) &&
           find(library, "nvmlDeviceGetPowerUsage", &n->power);
}

/* How many GPUs have the name; the last of them is n->gpu. */
static unsigned find_gpu(rk_nvml *n, const char *name)
{
    unsigned count = 0, same = 0;
    if (n->count(&count) != 0) return 0;
    for (unsigned i = 0; i < count; i++) {
        char its[NAME] = "";
        device d;
        if (n->handle(i, &d) != 0 || n->name(d, its, NAME) != 0) continue;
        its[NAME - 1] = '\0';
        if (strcmp(its, name) != 0) continue;
        n->gpu = d;
        same++;
    }
    return same;
}

static bool choose(rk_nvml *n, const char *name, bool *counts, char *text, size_t bytes)
{
    unsigned long long energy;
    unsigned power, same;
    if (n->init() != 0) {
        snprintf(text, bytes, "NVML does not start");
        return false;
    }
    same = find_gpu(n, name);
    *counts = same == 1 && n->energy && n->energy(n->gpu, &energy) == 0;
    if (same != 1)
        snprintf(text, bytes, "NVML knows %u GPUs named %.64s", same, name);
    else if (!*counts && n->power(n->gpu, &power) != 0)
        snprintf(text, bytes, "NVML reads neither energy nor power of %.64s", name);
    else {
        snprintf(text, bytes, "NVML, %s", *counts ? "energy counter" : "power, integrated");
        return true;
    }
    n->shutdown();
    return false;
}

rk_nvml *rk_nvml_open(const char *file, const char *name, bool *counts, char *text, size_t bytes)
{
    void *library =
        dlopen(file ? file : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        snprintf(text, bytes, "no NVML: install the driver's libnvidia-ml.so.1");
        return NULL;
    }
    rk_nvml *n = calloc(1, sizeof *n);
    if (!n || !find_all(n, library)) {
        snprintf(text, bytes, n ? "NVML lacks functions: its driver is too old" : "no memory");
        free(n);
        return NULL;
    }
    if (choose(n, name, counts, text, bytes)) return n;
    free(n);
    return NULL;
}

void rk_nvml_close(rk_nvml *n)
{
    if (n) n->shutdown();
    free(n);
}

bool rk_nvml_read(rk_nvml *n, bool counts, double *out)
{
    unsigned long long energy;
    unsigned power;
    if (counts) {
        if (n->energy(n->gpu, &energy) != 0) return false;
        *out = (double)energy;
        return true;
    }
    if (n->power(n->gpu, &power) != 0) return false;
    *out = power;
    return true;
}
