/* Sums keep one order on every instruction set: lane l of RK_SUM_LANES takes elements l, l + 32,
 * and so on. Lanes that got nothing are +0, and adding +0 changes no lane (none is ever -0), so
 * that the tree may leave them out. */
#include "fold.h"
#include <math.h>
#include <string.h>
#include "vec.h"

/* lane[0] becomes the sum of the first used lanes, each of width elements. */
static void tree(float *lane, int64_t width, int64_t used)
{
    for (int64_t w = RK_SUM_LANES / 2; w; w /= 2)
        for (int64_t l = 0; l < w && l + w < used; l++) {
            float *to = lane + l * width;
            const float *from = lane + (l + w) * width;
#pragma omp simd
            for (int64_t i = 0; i < width; i++) to[i] += from[i];
        }
}

#ifdef CPU_VEC
/* The upper half of the lanes onto the lower one, five times. */
static inline float sum_lanes(vec acc[RK_SUM_LANES / CPU_VEC])
{
    for (int w = RK_SUM_LANES / CPU_VEC / 2; w; w /= 2)
        for (int j = 0; j < w; j++) acc[j] = v_add(acc[j], acc[j + w]);
#if CPU_VEC == 16
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(acc[0]), _mm512_extractf32x8_ps(acc[0], 1));
#else
    __m256 eight = acc[0];
#endif
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static float sum_of_lanes(const float *lane)
{
    vec acc[RK_SUM_LANES / CPU_VEC];
    for (int j = 0; j < RK_SUM_LANES / CPU_VEC; j++) acc[j] = v_load(lane + j * CPU_VEC);
    return sum_lanes(acc);
}

static float sum_line(const float *x, int64_t n)
{
    enum { PARTS = RK_SUM_LANES / CPU_VEC };
    vec acc[PARTS];
    int64_t i = 0;
    for (int j = 0; j < PARTS; j++) acc[j] = v_zero();
    for (; i + RK_SUM_LANES <= n; i += RK_SUM_LANES)
        for (int j = 0; j < PARTS; j++) acc[j] = v_add(acc[j], v_load(x + i + j * CPU_VEC));
    for (int j = 0; i < n; j++, i += CPU_VEC)
        acc[j] =
            v_add(acc[j], v_load_part(x + i, v_part((int)(n - i < CPU_VEC ? n - i : CPU_VEC))));
    return sum_lanes(acc);
}
#else
static float sum_of_lanes(const float *lane)
{
    float x[RK_SUM_LANES];
    memcpy(x, lane, sizeof x);
    tree(x, 1, RK_SUM_LANES);
    return x[0];
}

static float sum_line(const float *x, int64_t n)
{
    float lane[RK_SUM_LANES] = {0};
    int64_t i = 0;
    for (; i + RK_SUM_LANES <= n; i += RK_SUM_LANES)
        for (int l = 0; l < RK_SUM_LANES; l++) lane[l] += x[i + l];
    for (int64_t l = 0; i + l < n; l++) lane[l] += x[i + l];
    tree(lane, 1, n < RK_SUM_LANES ? n : RK_SUM_LANES);
    return lane[0];
}
#endif

static float max_of_lanes(const float *lane)
{
    float most = -INFINITY;
    for (int l = 0; l < RK_SUM_LANES; l++) most = lane[l] > most ? lane[l] : most;
    return most;
}

/* The order of comparisons is free: NaN never wins, and which zero wins does not matter. */
static float max_line(const float *x, int64_t n)
{
    float lane[RK_SUM_LANES], most;
    int64_t i = 0;
    for (int l = 0; l < RK_SUM_LANES; l++) lane[l] = -INFINITY;
    for (; i + RK_SUM_LANES <= n; i += RK_SUM_LANES)
        for (int l = 0; l < RK_SUM_LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    most = max_of_lanes(lane);
    for (; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

float CPU_NAME(cpu_fold_lanes)(int64_t which, const float *lanes)
{
    return which == RK_REDUCE_SUM ? sum_of_lanes(lanes) : max_of_lanes(lanes);
}

void CPU_NAME(cpu_fold_line)(int64_t which, cpu_fold to, const float *x, int64_t n, int64_t first)
{
    *to.value = which == RK_REDUCE_SUM ? sum_line(x, n) : max_line(x, n);
    if (which != RK_REDUCE_ARGMAX) return;
    *to.index = CPU_NO_INDEX;
    for (int64_t i = 0; i < n && *to.index == CPU_NO_INDEX; i++)
        if (x[i] == *to.value) *to.index = (uint32_t)(first + i);
}

/* Columns of SUM use one line per lane; of MAX the first; of ARGMAX a second one for indices. */
void CPU_NAME(cpu_fold_columns_begin)(int64_t which, float *lanes, int64_t width)
{
    uint32_t *index = (uint32_t *)(void *)(lanes + width);
    for (int64_t i = 0; i < width; i++) lanes[i] = which == RK_REDUCE_SUM ? 0.0f : -INFINITY;
    for (int64_t i = 0; i < width && which == RK_REDUCE_ARGMAX; i++) index[i] = CPU_NO_INDEX;
}

static void add_row(float *lane, const float *x, int64_t width, int fresh)
{
    if (fresh) {
#pragma omp simd
        for (int64_t i = 0; i < width; i++) lane[i] = 0.0f + x[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < width; i++) lane[i] += x[i];
    }
}

static void max_row(float *most, const float *x, int64_t width)
{
#pragma omp simd
    for (int64_t i = 0; i < width; i++) most[i] = x[i] > most[i] ? x[i] : most[i];
}

static void argmax_row(float *most, uint32_t *index, const float *x, int64_t width, uint32_t at)
{
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
        int wins = (x[i] > most[i]) | ((x[i] == most[i]) & (index[i] == CPU_NO_INDEX));
        most[i] = wins ? x[i] : most[i];
        index[i] = wins ? at : index[i];
    }
}

void CPU_NAME(cpu_fold_columns)(int64_t which, float *lanes, const float *x, int64_t width,
                                int64_t row, int64_t first)
{
    if (which == RK_REDUCE_SUM)
        add_row(lanes + row % RK_SUM_LANES * width, x, width, row < RK_SUM_LANES);
    else if (which == RK_REDUCE_MAX)
        max_row(lanes, x, width);
    else
        argmax_row(lanes, (uint32_t *)(void *)(lanes + width), x, width, (uint32_t)(first + row));
}

cpu_fold CPU_NAME(cpu_fold_columns_end)(int64_t which, float *lanes, int64_t width, int64_t rows)
{
    if (which == RK_REDUCE_SUM) tree(lanes, width, rows);
    return (cpu_fold){lanes, (uint32_t *)(void *)(lanes + width)};
}
