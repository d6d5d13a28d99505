/* energy.h: joules from the sensors that a machine has.
 *
 * Of a processor the powercap counters of its packages (RAPL), else the hwmon driver amd_energy; of
 * a GPU NVML, or the hwmon driver of its vendor.  Everything that shares the sensor is measured:
 * idle power and other programs too.  Counters wrap around and powers are integrated between
 * samples, so take one every second at least.  Threads: one at a time. */
#ifndef RK_BENCH_ENERGY_H
#define RK_BENCH_ENERGY_H
#include "base/error.h"

typedef struct rk_energy rk_energy;

/* The sensor of a device, into *out; NULL with the reason in text if there is none, or without
 * memory.  text[bytes]: else its name.  root: of /sys, "" but for tests; nvml: the library's file,
 * NULL for its usual name. */
void rk_energy_open(const char *root, const char *nvml, const rk_devinfo *d, rk_energy **out,
                    char *text, size_t bytes);
void rk_energy_close(rk_energy *s);
/* RK_E_IO if the sensor cannot be read any more. */
rk_status rk_energy_begin(rk_energy *s, rk_error *e);
rk_status rk_energy_sample(rk_energy *s, rk_error *e);
/* Since begin, until the last sample. */
double rk_energy_joules(const rk_energy *s);
#endif
