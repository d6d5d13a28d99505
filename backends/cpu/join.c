/* What becomes of the results of blocks. */
#include "fold.h"

/* The rule of numerics.h, in place: sums of blocks overwrite the elements. */
static float sum(float *x, int64_t n, int64_t stride)
{
    float lane[RK_SUM_LANES] = {0};
    if (n > RK_SUM_BLOCK) {
        int64_t blocks = (n + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK;
        for (int64_t b = 0; b < blocks; b++) {
            int64_t left = n - b * RK_SUM_BLOCK;
            x[b * stride] = sum(x + b * RK_SUM_BLOCK * stride,
                                left < RK_SUM_BLOCK ? left : RK_SUM_BLOCK, stride);
        }
        return sum(x, blocks, stride);
    }
    for (int64_t i = 0; i < n; i++) lane[i % RK_SUM_LANES] += x[i * stride];
    for (int w = RK_SUM_LANES / 2; w; w /= 2)
        for (int l = 0; l < w; l++) lane[l] += lane[l + w];
    return lane[0];
}

void cpu_fold_join(int64_t which, cpu_fold x, int64_t n, int64_t stride)
{
    if (which == RK_REDUCE_SUM) {
        *x.value = sum(x.value, n, stride);
        return;
    }
    for (int64_t i = 1; i < n; i++) {
        float v = x.value[i * stride];
        if (which == RK_REDUCE_MAX) {
            if (v > *x.value) *x.value = v;
            continue;
        }
        uint32_t at = x.index[i * stride];
        if (v > *x.value || (*x.index == CPU_NO_INDEX && at != CPU_NO_INDEX)) {
            *x.value = v;
            *x.index = at;
        }
    }
}

void cpu_fold_finish(int64_t which, uint32_t *to, cpu_fold from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (which == RK_REDUCE_ARGMAX)
            to[i] = from.index[i] == CPU_NO_INDEX ? 0 : from.index[i];
        else
            to[i] = rk_bits(which == RK_REDUCE_MAX ? from.value[i] + 0.0f : from.value[i]);
}
