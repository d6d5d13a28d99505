/* What the host says of itself: clocks, load, and how fast one thread multiplies and adds. */
#include "bench/give.h"
#include "bench/machine.h"
#include "bench/machine_read.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- clocks ---------------------------------------------------------------------------------- */

static uint32_t clocks_of_sys(const char *root, double *out, uint32_t cap)
{
    char path[96];
    uint32_t n = 0;
    double khz;
    for (uint32_t cpu = 0; n < cap; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_cur_freq", cpu);
        if (!rk_machine_number(root, path, &khz)) break;
        out[n++] = 1e3 * khz;
    }
    return n;
}

static uint32_t clocks_of_proc(const char *root, double *out, uint32_t cap)
{
    char text[64];
    uint32_t n = 0;
    while (n < cap && rk_machine_field(root, "/proc/cpuinfo", "cpu MHz", (int)n, text, sizeof text))
        out[n++] = 1e6 * strtod(text, NULL);
    return n;
}

uint32_t rk_machine_clocks(const char *root, double *out, uint32_t cap, const char **source)
{
    uint32_t n = clocks_of_sys(root, out, cap);
    *source = n ? "cpufreq" : "/proc/cpuinfo";
    return n ? n : clocks_of_proc(root, out, cap);
}

/* ---- load ------------------------------------------------------------------------------------ */

/* "cpu  user nice system idle iowait irq softirq steal ...": guests are in user already. */
static bool read_times(const char *root, rk_machine_load *out)
{
    char line[512];
    double t[8] = {0}, tick = (double)sysconf(_SC_CLK_TCK);
    if (!rk_machine_line(root, "/proc/stat", line, sizeof line)) return false;
    if (sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4],
               &t[5], &t[6], &t[7]) < 4)
        return false;
    out->all = 0;
    for (int i = 0; i < 8; i++) out->all += t[i] / tick;
    out->busy = out->all - (t[3] + t[4]) / tick;
    return true;
}

static bool read_runnable(const char *root, rk_machine_load *out)
{
    char line[128];
    double average[3];
    if (!rk_machine_line(root, "/proc/loadavg", line, sizeof line)) return false;
    return sscanf(line, "%lf %lf %lf %lf", &average[0], &average[1], &average[2], &out->runnable) ==
           4;
}

bool rk_machine_load_now(const char *root, rk_machine_load *out)
{
    struct timespec t;
    *out = (rk_machine_load){.busy = 0};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0)
        out->own = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    return read_times(root, out) && read_runnable(root, out);
}

double rk_machine_others(const rk_machine_load *from, const rk_machine_load *to)
{
    double all = to->all - from->all;
    double others = to->busy - from->busy - (to->own - from->own);
    return all > 0 ? fmin(1, fmax(0, others / all)) : NAN;
}

/* ---- fma ------------------------------------------------------------------------------------- */

enum { CHAINS = 32, ROUNDS = 4096 };
#define CHAIN_SECONDS 0.02

/* The sum of the chains is used, so that no compiler leaves them out. */
static float chains(float x, float a, float b)
{
    float acc[CHAINS], sum = 0;
    for (int i = 0; i < CHAINS; i++) acc[i] = x + (float)i;
    for (int k = 0; k < ROUNDS; k++)
        for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * a + b;
    for (int i = 0; i < CHAINS; i++) sum += acc[i];
    return sum;
}

double rk_machine_chain(void)
{
    double begun = rk_bench_now(), now, flop = 0;
    volatile float x = 1;
    do {
        x = chains(x, 0.5f, 0.25f);
        flop += 2.0 * CHAINS * ROUNDS;
        now = rk_bench_now();
    } while (now - begun < CHAIN_SECONDS);
    return flop / (now - begun);
}
