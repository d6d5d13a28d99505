/* window.h: the fast paths of WINDOW for sums and maxima; see window_taps.c and window_column.c. */
#ifndef RETHINK_CPU_WINDOW_H
#define RETHINK_CPU_WINDOW_H
#include "conv.h"

typedef struct cpu_window {
    int64_t which, N, H, W, kh, kw, sh, sw, ph, pw, OH, OW; /* p[] */
    int64_t in, out; /* elements of a plane of in[0] and of the result */
    cpu_program *epilogue;
    uint32_t holder;
    size_t program_at; /* in the scratch memory */
    void *fast;        /* the plan of window_taps.c; NULL: loops over rows */
    int column;        /* the sums are those of window_column.c */
} cpu_window;

#ifdef CPU_ISA
/* Makes v->fast and *scratch, the bytes of a thread; leaves v->fast NULL where it is no gain. */
rk_status CPU_NAME(cpu_window_plan)(rk_kernel *, cpu_window *v, size_t *scratch);
/* begin once per launch and thread; then sum or argmax of one plane. */
void CPU_NAME(cpu_window_begin)(const cpu_window *, void *scratch);
void CPU_NAME(cpu_window_taps)(const cpu_window *, const float *x, void *y, void *scratch);
/* Whether windows are one column wide, and so on; then sums of one plane, or their adjoint. */
int CPU_NAME(cpu_window_is_column)(const cpu_window *);
void CPU_NAME(cpu_window_columns)(const cpu_window *, const float *x, float *y);
#endif
#endif
