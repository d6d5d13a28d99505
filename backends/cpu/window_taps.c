/* WINDOW: sums and maxima of a plane, all windows at once.
 *
 * The plane is copied with its padding and split by stride, see conv.h, so that a tap of all
 * windows is one run of memory, rows and all; what the run has between rows is computed and left
 * out.  Outside the plane is +0 for a sum, which begins with +0 and so stays as it is, and NaN for
 * a maximum, which is skipped. */
#include <math.h>
#include <string.h>
#include <rethink/numerics.h>
#include "vec.h"
#include "window.h"

#ifdef CPU_VEC
enum { MOST_TAPS = 256, MOST_ROOM = 1 << 15 /* floats that are copied */ };

typedef int32_t words __attribute__((vector_size(4 * CPU_VEC)));

typedef struct fast {
    cpu_planes planes;
    int64_t taps, run, room; /* run: windows and what is between rows */
    int64_t *offset;         /* of a tap in the copy */
    int32_t *number, *first; /* r * W + s of a tap; element of a window's tap (0, 0) */
    size_t result_at;        /* in the scratch memory: a run of results */
} fast;

static int64_t up(int64_t n) { return (n + CPU_VEC - 1) / CPU_VEC * CPU_VEC; }

static rk_status make_tables(rk_kernel *k, const cpu_window *v, fast *f)
{
    const cpu_planes *p = &f->planes;
    f->offset = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *f->offset);
    f->number = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *f->number);
    f->first = cpu_kernel_alloc(k, (size_t)f->run * sizeof *f->first);
    if (!f->offset || !f->number || !f->first) return RK_E_NOMEM;
    for (int64_t t = 0; t < f->taps; t++) {
        f->offset[t] = cpu_planes_tap(p, t / v->kw, t % v->kw);
        f->number[t] = (int32_t)(t / v->kw * v->W + t % v->kw);
    }
    for (int64_t i = 0; i < f->run; i++)
        f->first[i] =
            (int32_t)((i / p->width * v->sh - v->ph) * v->W + i % p->width * v->sw - v->pw);
    return RK_OK;
}

rk_status CPU_NAME(cpu_window_plan)(rk_kernel *k, cpu_window *v, size_t *scratch)
{
    cpu_conv shape = {.C = 1,
                      .H = v->H,
                      .W = v->W,
                      .R = v->kh,
                      .S = v->kw,
                      .sh = v->sh,
                      .sw = v->sw,
                      .ph = v->ph,
                      .pw = v->pw,
                      .OH = v->OH,
                      .OW = v->OW};
    cpu_planes planes = CPU_NAME(cpu_planes_of_x)(&shape);
    double phases = (double)planes.phases_h * (double)planes.phases_w;
    double room = phases * (double)(v->OH + planes.halo_h) * (double)planes.columns;
    if ((v->which != RK_WINDOW_SUM && v->which != RK_WINDOW_ARGMAX) || room > MOST_ROOM ||
        v->out <= 1 || v->in == 0 || v->kh > MOST_TAPS || v->kw > MOST_TAPS || v->kh * v->kw == 0 ||
        v->kh * v->kw > MOST_TAPS)
        return RK_OK;
    fast *f = cpu_kernel_alloc(k, sizeof *f);
    if (!f) return RK_E_NOMEM;
    f->planes = planes;
    f->planes.width = planes.columns;
    f->planes.outside = v->which == RK_WINDOW_SUM ? 0.0f : NAN;
    CPU_NAME(cpu_planes_room)(&f->planes, v->OH + planes.halo_h, 1);
    f->taps = v->kh * v->kw;
    f->run = up(v->OH * planes.columns);
    f->room = f->planes.channel + planes.halo_w + CPU_VEC;
    f->result_at = cpu_aligned((size_t)f->room * sizeof(float));
    *scratch = f->result_at + cpu_aligned((size_t)f->run * sizeof(float));
    v->fast = f;
    return make_tables(k, v, f);
}

void CPU_NAME(cpu_window_begin)(const cpu_window *v, void *scratch)
{
    const fast *f = v->fast;
    float *planes = scratch;
    for (int64_t i = 0; i < f->room; i++) planes[i] = f->planes.outside;
}

static void sum(const fast *f, const float *planes, float *to)
{
    for (int64_t i = 0; i < f->run; i += CPU_VEC) {
        vec acc = v_zero();
        for (int64_t t = 0; t < f->taps; t++) acc = v_add(acc, v_load(planes + f->offset[t] + i));
        v_store(to + i, acc);
    }
}

static words choose(words mask, words a, words b) { return (a & mask) | (b & ~mask); }

/* best is no index, and -infinity, until there is a number. */
static void argmax(const fast *f, const float *planes, int32_t *to)
{
    const float lowest = -INFINITY;
    for (int64_t i = 0; i < f->run; i += CPU_VEC) {
        vec most = v_all(&lowest);
        words first, best = (words)v_zero() - 1;
        memcpy(&first, f->first + i, sizeof first);
        for (int64_t t = 0; t < f->taps; t++) {
            vec x = v_load(planes + f->offset[t] + i);
            words more = (words)(x > most) | ((best == -1) & (words)(x == x));
            most = (vec)choose(more, (words)x, (words)most);
            best = choose(more, first + f->number[t], best);
        }
        memcpy(to + i, &best, sizeof best);
    }
}

void CPU_NAME(cpu_window_taps)(const cpu_window *v, const float *x, void *y, void *scratch)
{
    const fast *f = v->fast;
    float *planes = scratch;
    unsigned char *result = (unsigned char *)scratch + f->result_at;
    CPU_NAME(cpu_planes_fill)(&f->planes, x, planes, 0, v->OH + f->planes.halo_h, v->in);
    if (v->which == RK_WINDOW_SUM)
        sum(f, planes, (float *)(void *)result);
    else
        argmax(f, planes, (int32_t *)(void *)result);
    for (int64_t oh = 0; oh < v->OH; oh++)
        memcpy((unsigned char *)y + oh * v->OW * 4, result + oh * f->planes.width * 4,
               (size_t)v->OW * 4);
}
#endif
