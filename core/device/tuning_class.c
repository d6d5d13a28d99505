/* Classes of ops: what a choice depends on. */
#include "device/tuning.h"
#include <stdio.h>

/* The smallest power of two that is no less. */
static long long up(int64_t n)
{
    long long p = 1;
    while (p < n && p < (1LL << 62)) p *= 2;
    return n > 0 ? p : 0;
}

static int write_kind(const rk_op *op, char *out, size_t cap)
{
    static const char *const convs[] = {"y", "dx", "dw"};
    const int64_t *p = op->p;
    int64_t elements = 1;
    switch (op->kind) {
    case RK_MATMUL:
        return snprintf(out, cap, "matmul %lldx%lldx%lldx%lld%s%s", up(p[0]), up(p[1]), up(p[2]),
                        up(p[3]), p[4] ? " ta" : "", p[5] ? " tb" : "");
    case RK_CONV:
        if (p[0] < RK_CONV_Y || p[0] > RK_CONV_DW) return 0;
        return snprintf(
            out, cap, "conv %s %lldx%lldx%lldx%lld %lldx%lldx%lld stride %lld,%lld pad %lld,%lld",
            convs[p[0]], up(p[1]), up(p[2]), up(p[3]), up(p[4]), up(p[5]), (long long)p[6],
            (long long)p[7], (long long)p[8], (long long)p[9], (long long)p[10], (long long)p[11]);
    case RK_REDUCE:
        return snprintf(out, cap, "reduce %lld %lldx%lldx%lld", (long long)p[0], up(p[1]), up(p[2]),
                        up(p[3]));
    case RK_WINDOW:
        return snprintf(out, cap, "window %lld %lldx%lldx%lld %lldx%lld stride %lld,%lld",
                        (long long)p[0], up(p[1]), up(p[2]), up(p[3]), (long long)p[4],
                        (long long)p[5], (long long)p[6], (long long)p[7]);
    case RK_EWISE:
        for (uint32_t d = 0; d < op->out[0].rank; d++) elements *= op->out[0].dim[d];
        return snprintf(out, cap, "ewise %lld, %u to %u", up(elements), op->n_in, op->n_out);
    default: return 0;
    }
}

bool rk_tuning_class(const rk_op *op, char out[RK_TUNING_CLASS])
{
    int n = write_kind(op, out, RK_TUNING_CLASS);
    if (n <= 0 || n + 32 >= RK_TUNING_CLASS) return false;
    if (op->n_code)
        n += snprintf(out + n, RK_TUNING_CLASS - (size_t)n, ", program of %lld", up(op->n_code));
    if (op->flags & RK_OP_FAST) snprintf(out + n, RK_TUNING_CLASS - (size_t)n, ", fast");
    return true;
}
