/* devices_used.h: the devices that a command's runs use, opened once before anything is trained, so
 * that a wrong name is found now and "auto" chooses once. */
#ifndef RK_CLI_DEVICES_USED_H
#define RK_CLI_DEVICES_USED_H
#include <stdio.h>
#include "cli/jobs.h"

typedef struct rk_device_used {
    const char *asked;     /* "auto", "opencl?" */
    rk_device_entry entry; /* what that is; spec "" if it was left out */
} rk_device_used;

typedef struct rk_devices_used {
    rk_device_used *device;
    uint32_t n;
} rk_devices_used;

/* Resolves the devices of all jobs.  One that is optional and absent is announced on stderr. */
rk_status rk_devices_used_find(rk_hub *hub, const rk_jobs *jobs, rk_devices_used *out, rk_error *e);
void rk_devices_used_free(rk_devices_used *d);
/* NULL if it was left out. */
const rk_device_entry *rk_devices_used_get(const rk_devices_used *d, const char *asked);
/* "Devices: cpu:0 (NAME), opencl:0.0 (NAME, DRIVER)" */
void rk_devices_used_print(const rk_devices_used *d, FILE *f);
#endif
