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

void CPU_NAME(cpu_planes_fill)(const cpu_planes *p, const float *x, float *to, int64_t first,
                               int64_t rows, int64_t ahead)
{
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
