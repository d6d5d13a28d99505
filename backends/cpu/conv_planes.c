/* Planes with their padding around them: see conv.h. */
#include "conv.h"
#include "vec.h"

#ifdef CPU_VEC
static int fits(const cpu_planes *p, int64_t rows, int64_t columns)
{
    return p->step_h == 1 && p->step_w == 1 && p->low_h == 0 && p->low_w == 0 && p->phases_h == 1 &&
           p->phases_w == 1 && rows + p->halo_h <= p->H && columns + p->halo_w <= p->W;
}

static void finish(cpu_planes *p, int64_t rows, int64_t columns)
{
    p->direct = fits(p, rows, columns);
    p->columns = columns + p->halo_w;
    p->width = p->direct ? p->W : p->columns;
    p->channel = p->phase = p->H * p->W;
    p->image = p->apart;
}

cpu_planes CPU_NAME(cpu_planes_of_x)(const cpu_conv *v)
{
    cpu_planes p = {.channels = v->C,
                    .apart = v->C * v->H * v->W,
                    .H = v->H,
                    .W = v->W,
                    .step_h = v->sh,
                    .step_w = v->sw,
                    .low_h = -v->ph,
                    .low_w = -v->pw,
                    .phases_h = cpu_least(v->sh, v->R),
                    .phases_w = cpu_least(v->sw, v->S),
                    .halo_h = v->R ? (v->R - 1) / v->sh : 0,
                    .halo_w = v->S ? (v->S - 1) / v->sw : 0};
    finish(&p, v->OH, v->OW);
    return p;
}

cpu_planes CPU_NAME(cpu_planes_of_g)(const cpu_conv *v)
{
    cpu_planes p = {.channels = v->K,
                    .apart = v->apart,
                    .H = v->OH,
                    .W = v->OW,
                    .step_h = 1,
                    .step_w = 1,
                    .low_h = cpu_floor(v->ph - v->R + 1, v->sh),
                    .low_w = cpu_floor(v->pw - v->S + 1, v->sw),
                    .phases_h = 1,
                    .phases_w = 1};
    p.halo_h = cpu_floor(v->ph + v->sh - 1, v->sh) - p.low_h;
    p.halo_w = cpu_floor(v->pw + v->sw - 1, v->sw) - p.low_w;
    finish(&p, (v->H + v->sh - 1) / v->sh, (v->W + v->sw - 1) / v->sw);
    return p;
}

int64_t CPU_NAME(cpu_planes_room)(cpu_planes *p, int64_t rows, int64_t images)
{
    p->phase = rows * p->width;
    p->image = p->phase * p->phases_h * p->phases_w;
    p->channel = p->image * images;
    return p->channel;
}

/* Every second element.  The last vector, or half of one, overlaps the one before. */
static void copy_seconds(float *to, const float *from, int64_t n)
{
    int64_t i = 0, k;
    for (; i < n && n >= CPU_VEC; i += CPU_VEC) {
        k = cpu_least(i, n - CPU_VEC);
        v_store(to + k, v_seconds(v_load(from + 2 * k), v_load(from + 2 * k + CPU_VEC - 1)));
    }
    for (; i < n && n >= 4; i += 4) {
        k = cpu_least(i, n - 4);
        __m128 a = _mm_loadu_ps(from + 2 * k), b = _mm_loadu_ps(from + 2 * k + 3);
        _mm_storeu_ps(to + k, __builtin_shufflevector(a, b, 0, 2, 5, 7));
    }
    for (; i < n; i++) to[i] = from[2 * i];
}

/* Every step-th element. */
static void copy_apart(float *to, const float *from, int64_t n, int64_t step)
{
    if (step == 2)
        copy_seconds(to, from, n);
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
}

static void set(float *to, float x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = x;
}

/* The first o >= 0 for which o * step + low >= bound. */
static int64_t first_from(int64_t bound, int64_t low, int64_t step)
{
    int64_t o = -cpu_floor(low - bound, step);
    return o > 0 ? o : 0;
}

/* Of an axis with two phases: where elements of one parity go, and how many are needed. */
typedef struct share {
    int64_t phase, at, n;
} share;

static share share_of(const cpu_planes *p, int64_t parity)
{
    int64_t phase = (parity - p->low_w) & 1, at = (parity - p->low_w - phase) / 2;
    int64_t end = cpu_least(at + (p->W - parity + 1) / 2, p->columns);
    return (share){phase, at, cpu_most(end - at, 0)};
}

static inline vec_mask some(int64_t n) { return v_part((int)cpu_most(cpu_least(n, CPU_VEC), 0)); }

/* Both phases of columns at once, a vector of each from column `at` of the phases on: rows in the
 * order of memory.  Masked stores are slow on some processors; behind a row of one vector is what
 * is outside, or a later row, so vectors are filled up with zeros. */
static void deal(const cpu_planes *p, const float *x, float *to, int64_t first, int64_t rows,
                 int64_t ahead, int64_t at)
{
    const share e = share_of(p, 0), o = share_of(p, 1);
    const vec_mask own = some(e.n - at), other = some(o.n - at), low = some(p->W - 2 * at),
                   high = some(p->W - 2 * at - CPU_VEC);
    int64_t end = INT64_MAX; /* whole vectors take so much from a row on */
    if (at + CPU_VEC <= cpu_least(e.n, o.n))
        end = 0;
    else if (at == 0 && p->outside == 0)
        end = cpu_most(e.at, o.at) + CPU_VEC;
    float *even = to + e.phase * p->phase + e.at + at, *odd = to + o.phase * p->phase + o.at + at;
    for (int64_t u = 0; u < rows; u++, even += p->width, odd += p->width)
        for (int64_t i = 0; i < p->phases_h; i++) {
            const int64_t h = (first + u) * p->step_h + p->low_h + i,
                          phase = i * p->phases_w * p->phase;
            const float *from = x + h * p->W + 2 * at;
            vec a, b;
            a = b = v_const(p->outside);
            if (h >= 0 && h < p->H) {
                __builtin_prefetch(from + ahead);
                __builtin_prefetch(from + ahead + cpu_least(CPU_VEC, p->W - 2 * at - 1));
                a = v_load_part(from, low);
                b = v_load_part(from + CPU_VEC, high);
            }
            if (end <= (rows - u) * p->width) {
                v_store(even + phase, v_keep(v_even(a, b), own));
                v_store(odd + phase, v_keep(v_odd(a, b), other));
            } else {
                v_store_part(even + phase, v_even(a, b), own);
                v_store_part(odd + phase, v_odd(a, b), other);
            }
        }
}

void CPU_NAME(cpu_planes_fill)(const cpu_planes *p, const float *x, float *to, int64_t first,
                               int64_t rows, int64_t ahead)
{
    if (p->step_w == 2 && p->phases_w == 2) {
        for (int64_t at = 0; 2 * at < p->W; at += CPU_VEC) deal(p, x, to, first, rows, ahead, at);
        return;
    }
    for (int64_t i = 0; i < p->phases_h; i++)
        for (int64_t j = 0; j < p->phases_w; j++, to += p->phase) {
            int64_t low = p->low_w + j, from = first_from(0, low, p->step_w);
            int64_t end = cpu_least(first_from(p->W, low, p->step_w), p->columns);
            for (int64_t u = 0; u < rows && from < end; u++) {
                int64_t h = (first + u) * p->step_h + p->low_h + i;
                float *row = to + u * p->width + from;
                if (h < 0 || h >= p->H) {
                    set(row, p->outside, end - from);
                    continue;
                }
                const float *line = x + h * p->W + from * p->step_w + low;
                for (int64_t w = 0; w < (end - from) * p->step_w; w += CPU_ALIGN / 4)
                    __builtin_prefetch(line + ahead + w);
                if (p->step_w == 1)
                    v_copy(row, line, end - from);
                else
                    copy_apart(row, line, end - from, p->step_w);
            }
        }
}
#endif
