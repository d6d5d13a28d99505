/* ops.h: the table of steps, compiled per instruction set. */
#ifndef RETHINK_CPU_OPS_H
#define RETHINK_CPU_OPS_H
#include "program.h"

/* to[i] = op(a[i], b[i], c[i]) for i < n; to may be a, b or c. */
typedef void cpu_op(uint32_t *to, const uint32_t *a, const uint32_t *b, const uint32_t *c,
                    int64_t n);
extern cpu_op *const CPU_NAME(cpu_ops)[CPU_STEP_OPS];
#endif
