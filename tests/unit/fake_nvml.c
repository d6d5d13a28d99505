/* NVIDIA's management library, as far as energy.c asks it: three GPUs, two of one name.  "Old GPU"
 * has no counter of energy.  Each reading of energy is 2.5 J more, each of power 1 W more. */
#include <string.h>
#define EXPORT __attribute__((visibility("default")))

typedef void *device;
EXPORT int nvmlInit_v2(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlDeviceGetCount_v2(unsigned *n);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned i, device *out);
EXPORT int nvmlDeviceGetName(device d, char *out, unsigned bytes);
EXPORT int nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long *millijoules);
EXPORT int nvmlDeviceGetPowerUsage(device d, unsigned *milliwatts);

static const char names[4][16] = {"Twin GPU", "Old GPU", "Twin GPU", "New GPU"};

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }

int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = sizeof names / sizeof *names;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, device *out)
{
    *out = (void *)names[i];
    return 0;
}

int nvmlDeviceGetName(device d, char *out, unsigned bytes)
{
    strncpy(out, d, bytes);
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long *millijoules)
{
    static unsigned long long counter = 7000;
    if (strcmp(d, "New GPU") != 0) return 3; /* not supported */
    *millijoules = counter += 2500;
    return 0;
}

int nvmlDeviceGetPowerUsage(device d, unsigned *milliwatts)
{
    static unsigned watts = 9;
    (void)d;
    *milliwatts = 1000 * ++watts;
    return 0;
}
