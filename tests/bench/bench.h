/* bench.h: contenders that are timed in turn, in one process, and the table of their medians.
 *
 * A round times every contender once: a call to wake its threads, then calls for some milliseconds.
 * Between contenders there is a pause, so that one's waiting threads do not cost the other time.
 * With BENCH_CPU_TIME set in the environment it is the processor's time that counts: for contenders
 * with one thread, on a busy machine. */
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>
#include "check/sample.h"

enum { BENCH_MOST = 8, BENCH_ROUNDS = 9 };

typedef struct bench_contender {
    const char *name;
    int (*call)(void *context); /* 0: it failed */
    int (*wait)(void *context); /* until calls are done that were only queued; or NULL */
    void *context;
    double seconds[BENCH_ROUNDS]; /* of one call */
} bench_contender;

/* Times all contenders; pause_ms between them. Returns 0 if a call failed. */
int bench_run(bench_contender *c, int n, double least_seconds);
double bench_median(const bench_contender *c);
/* Lowest and highest of the rounds, over the median. */
void bench_spread(const bench_contender *c, double *low, double *high);

/* Devices named on the command line: --backend PATH [--device N] [--option KEY=VALUE ...] [--fast],
 * repeated; fast: kernels of the fast tier will do.  Opens all; prints what is wrong and returns 0
 * on failure. */
typedef struct bench_devices {
    rk_bed h[BENCH_MOST];
    const char *path[BENCH_MOST];
    uint32_t index[BENCH_MOST];
    const char *option[BENCH_MOST][RK_BED_OPTIONS + 1];
    char name[BENCH_MOST][48];
    int fast[BENCH_MOST];
    int n;
} bench_devices;
int bench_open(bench_devices *d, int argc, char **argv);
void bench_close(bench_devices *d);

/* A kernel with its memory: random numbers in, queued by bench_call as a step does, without waiting
 * for one before the next; bench_wait waits for all. */
typedef struct bench_kernel {
    rk_bed *h;
    rk_kernel *kernel;
    rk_mem *mem;
    rk_arg arg[2 * RK_SAMPLE_TENSORS + 1];
    uint32_t n;
    rk_kinfo info;
} bench_kernel;
int bench_prepare(bench_kernel *k, rk_bed *h, rk_sample *c);
int bench_call(void *kernel);
int bench_wait(void *kernel);
void bench_release(bench_kernel *k);
#endif
