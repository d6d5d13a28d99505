/* energy_own.h: inside energy.c and energy_nvml.c. */
#ifndef RK_BENCH_ENERGY_OWN_H
#define RK_BENCH_ENERGY_OWN_H
#include "bench/energy.h"
#include <stdbool.h>

typedef struct rk_nvml rk_nvml;

/* The one GPU of this name; NULL with the reason in text.  counts: it has a counter of energy,
 * else only powers. */
rk_nvml *rk_nvml_open(const char *file, const char *name, bool *counts, char *text, size_t bytes);
void rk_nvml_close(rk_nvml *n);
/* Millijoules since the driver was loaded, or milliwatts. */
bool rk_nvml_read(rk_nvml *n, bool counts, double *out);
#endif
