/* Sums keep one order on every instruction set: lane l of RK_SUM_LANES takes elements l, l + 32,
 * and so on. Lanes that got nothing are +0, and adding +0 changes no lane (none is ever -0), so
 * that the tree may leave them out. */
#include "fold.h"
#include <math.h>
#include <string.h>
#include "sums.h"

/* Memory has time to bring elements that are asked for into the cache that can wait for more. */
static inline void ask_for(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += CPU_ALIGN / 4) __builtin_prefetch(x + i, 0, 2);
}

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
/* Masks of the elements that a line has after those of its last full set of lanes. */
enum { PARTS = RK_SUM_LANES / CPU_VEC };
typedef struct ends {
    int64_t n, full;
    vec_mask mask[PARTS];
} ends;

static ends ends_of(int64_t n)
{
    ends e = {.n = n, .full = n / RK_SUM_LANES * RK_SUM_LANES};
    for (int64_t j = 0, left = n - e.full; j < PARTS; j++, left -= CPU_VEC)
        e.mask[j] = v_part((int)(left < 0 ? 0 : left < CPU_VEC ? left : CPU_VEC));
    return e;
}

/* The lanes of a line, the upper half onto the lower one until there is one vector.  They begin
 * with the first elements and not with +0, which the sum of nothing but -0 misses.  Memory is asked
 * for what lies `ask` elements further on. */
static inline __attribute__((always_inline)) vec lanes_of(const float *x, const ends *e,
                                                          int64_t ask)
{
    vec acc[PARTS];
#define ALL CPU_UNROLL for (int j = 0; j < PARTS; j++)
    if (ask) ask_for(x + ask, RK_SUM_LANES);
    if (e->full) {
        ALL acc[j] = v_load(x + j * CPU_VEC);
        for (int64_t i = RK_SUM_LANES; i < e->full; i += RK_SUM_LANES) {
            if (ask) ask_for(x + i + ask, RK_SUM_LANES);
            ALL acc[j] = v_add(acc[j], v_load(x + i + j * CPU_VEC));
        }
        if (e->full < e->n) {
            if (ask) ask_for(x + e->full + ask, RK_SUM_LANES);
            ALL acc[j] = v_add(acc[j], v_load_part(x + e->full + j * CPU_VEC, e->mask[j]));
        }
    } else {
        ALL acc[j] = v_load_part(x + j * CPU_VEC, e->mask[j]);
    }
    CPU_UNROLL for (int w = PARTS / 2; w; w /= 2) CPU_UNROLL for (int j = 0; j < w; j++) acc[j] =
        v_add(acc[j], acc[j + w]);
#undef ALL
    return acc[0];
}

/* One line after the other, as they lie in memory, which brings four abreast at half the rate. */
static inline __attribute__((always_inline)) void sum_lines(float *to, const float *x, int64_t n,
                                                            int64_t next, int64_t rows, int64_t ask)
{
    const ends e = ends_of(n);
    for (int64_t i = 0; i < rows; i += CPU_VEC) {
        vec line[CPU_VEC];
        int64_t left = rows - i < CPU_VEC ? rows - i : CPU_VEC;
        for (int64_t r = 0; r < left; r++) line[r] = lanes_of(x + (i + r) * next, &e, ask);
        v_put_sums(to + i, line, left);
    }
}

/* Twice, so that no loop has a test. */
static void sum_rows(float *to, const float *x, int64_t n, int64_t next, int64_t rows, int64_t ask)
{
    if (ask)
        sum_lines(to, x, n, next, rows, ask);
    else
        sum_lines(to, x, n, next, rows, 0);
}
#else
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

static void sum_rows(float *to, const float *x, int64_t n, int64_t next, int64_t rows, int64_t ask)
{
    (void)ask;
    for (int64_t i = 0; i < rows; i++) to[i] = sum_line(x + i * next, n);
}
#endif

/* The order of comparisons is free: NaN never wins, and which zero wins does not matter. */
static float max_line(const float *x, int64_t n)
{
    float lane[RK_SUM_LANES], most = -INFINITY;
    int64_t i = 0;
    for (int l = 0; l < RK_SUM_LANES; l++) lane[l] = -INFINITY;
    for (; i + RK_SUM_LANES <= n; i += RK_SUM_LANES)
        for (int l = 0; l < RK_SUM_LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (int l = 0; l < RK_SUM_LANES; l++) most = lane[l] > most ? lane[l] : most;
    for (; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

static uint32_t find(float value, const float *x, int64_t n, int64_t first)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] == value) return (uint32_t)(first + i);
    return CPU_NO_INDEX;
}

void CPU_NAME(cpu_fold_rows)(int64_t which, cpu_fold to, const float *x, int64_t n, int64_t next,
                             int64_t rows, int64_t first, int64_t ask)
{
    if (which == RK_REDUCE_SUM) sum_rows(to.value, x, n, next, rows, ask);
    for (int64_t i = 0; i < rows && which != RK_REDUCE_SUM; i++, x += next) {
        if (ask) ask_for(x + ask, n);
        to.value[i] = max_line(x, n);
        if (which == RK_REDUCE_ARGMAX) to.index[i] = find(to.value[i], x, n, first);
    }
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
                                int64_t row, int64_t first, int64_t ask)
{
    if (ask) ask_for(x + ask, width);
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
