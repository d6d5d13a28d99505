/* machine.h: inside the suite 'machine', for its files and their tests. */
#ifndef RK_BENCH_MACHINE_H
#define RK_BENCH_MACHINE_H
#include <stdint.h>
#include "bench/bench.h"

/* Hz of every processor, into out[cap]; returns their number.  By cpufreq, else /proc/cpuinfo; 0 if
 * neither says. */
uint32_t rk_machine_clocks(const char *root, double *out, uint32_t cap, const char **source);

/* Seconds of processors since the start: busy in all processes, and all of them; from /proc/stat.
 * runnable: processes that run or could. */
typedef struct rk_machine_load {
    double busy, all, own; /* own: of this process */
    double runnable;
    uint64_t ns; /* when */
} rk_machine_load;
bool rk_machine_load_now(const char *root, rk_machine_load *out);
/* The fraction of the processors' time between two that other programs used. */
double rk_machine_others(const rk_machine_load *from, const rk_machine_load *to);

/* FLOP/s of independent fma chains in one thread of the host, for about 20 ms. */
double rk_machine_chain(void);
#endif
