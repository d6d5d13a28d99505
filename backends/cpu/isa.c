/* The table of kinds of one instruction set. */
#include "cpu.h"

extern const cpu_kind CPU_NAME(cpu_ewise), CPU_NAME(cpu_copy), CPU_NAME(cpu_reduce),
    CPU_NAME(cpu_matmul), CPU_NAME(cpu_conv), CPU_NAME(cpu_window), CPU_NAME(cpu_take),
    CPU_NAME(cpu_put), CPU_NAME(cpu_rng);

extern const cpu_peak CPU_NAME(cpu_peaks)[];

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const cpu_isa CPU_NAME(cpu_isa) = {.name = TEXT(CPU_ISA),
                                   .peaks = CPU_NAME(cpu_peaks),
                                   .kind = {[RK_EWISE] = &CPU_NAME(cpu_ewise),
                                            [RK_COPY] = &CPU_NAME(cpu_copy),
                                            [RK_REDUCE] = &CPU_NAME(cpu_reduce),
                                            [RK_MATMUL] = &CPU_NAME(cpu_matmul),
                                            [RK_CONV] = &CPU_NAME(cpu_conv),
                                            [RK_WINDOW] = &CPU_NAME(cpu_window),
                                            [RK_TAKE] = &CPU_NAME(cpu_take),
                                            [RK_PUT] = &CPU_NAME(cpu_put),
                                            [RK_RNG] = &CPU_NAME(cpu_rng)}};
