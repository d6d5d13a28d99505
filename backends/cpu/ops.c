/* Instructions that are rare in programs: one loop each, made into vectors by the compiler.  In
 * place is fine: element i is read before it is written, which is what "omp simd" promises the
 * compiler. */
#include <rethink/numerics.h>
#include "step.h"

#define ARGS_1 a[i]
#define ARGS_2 a[i], b[i]
#define RARE(X) X(FSIN, 1) X(FCOS, 1) X(IMULHI, 2)
#define X(name, n)                                                                                 \
    static void op_##name(uint32_t *to, const uint32_t *a, const uint32_t *b, int64_t count)       \
    {                                                                                              \
        (void)b;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) to[i] = rk_op_##name(ARGS_##n);    \
    }
RARE(X)
#undef X

#define X(name, n) [RK_I_##name] = op_##name,
step_rare *const CPU_NAME(cpu_rare_ops)[CPU_STEP_OPS] = {RARE(X)};
#undef X
