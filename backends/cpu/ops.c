/* One loop per instruction, made into vectors by the compiler.  In place is fine: element i is read
 * before it is written, which is what "omp simd" promises the compiler. */
#include "ops.h"
#include <string.h>
#include <rethink/numerics.h>

#define ARGS_1 a[i]
#define ARGS_2 a[i], b[i]
#define ARGS_3 a[i], b[i], c[i]
#define X(name, n)                                                                                 \
    static void op_##name(uint32_t *to, const uint32_t *a, const uint32_t *b, const uint32_t *c,   \
                          int64_t count)                                                           \
    {                                                                                              \
        (void)b, (void)c;                                                                          \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) to[i] = rk_op_##name(ARGS_##n);    \
    }
RK_INSTRUCTIONS(X)
#undef X

static void op_store(uint32_t *to, const uint32_t *a, const uint32_t *b, const uint32_t *c,
                     int64_t n)
{
    (void)b, (void)c;
    memmove(to, a, (size_t)n * sizeof *to);
}

static void op_store_byte(uint32_t *to, const uint32_t *a, const uint32_t *b, const uint32_t *c,
                          int64_t n)
{
    unsigned char *byte = (unsigned char *)to;
    (void)b, (void)c;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) byte[i] = (unsigned char)(a[i] & 0xFFu);
}

#define X(name, n) [RK_I_##name] = op_##name,
cpu_op *const CPU_NAME(cpu_ops)[CPU_STEP_OPS] = {
    RK_INSTRUCTIONS(X)[RK_I_STORE] = op_store, [CPU_STORE_BYTE] = op_store_byte};
#undef X
