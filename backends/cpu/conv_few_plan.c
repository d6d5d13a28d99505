/* Plans of y and dx of few rows; see conv_few.c. */
#include <rethink/numerics.h>
#include "conv_feed.h"
#include "conv_few.h"

#ifdef CPU_VEC
enum {
    LEAST_VECTORS = 4,         /* of a plane: fewer sums would wait for each other */
    MOST_IN_ORDER = 384 << 10, /* bytes of an image, so that the second cache has two */
    MOST_MASKS = 1 << 20       /* bytes */
};

/* How far it is from a position. */
typedef struct tap {
    int64_t row, column;
} tap;

static rk_status lay_masks(rk_kernel *k, cpu_few *f, const cpu_planes *p, const tap *taps)
{
    size_t bytes = (size_t)(f->vectors * f->taps) * sizeof *f->mask;
    unsigned char *room = cpu_kernel_alloc(k, bytes + CPU_ALIGN);
    if (!room) return RK_E_NOMEM;
    vec_mask *to = (vec_mask *)(void *)(room + (-(uintptr_t)room & (CPU_ALIGN - 1)));
    f->mask = to;
    for (int64_t i = 0; i < f->tiles; i++)
        for (int64_t t = 0; t < f->taps; t++)
            for (int64_t j = cpu_few_first(f, i); j < cpu_few_first(f, i + 1); j++) {
                int64_t from = j * CPU_VEC;
                cpu_lanes lanes = {.n = (int)cpu_least(f->plane - from, CPU_VEC), .from = from};
                CPU_NAME(cpu_lanes_mask)(p, &lanes, 0, taps[t].row, taps[t].column, to++);
            }
    return RK_OK;
}

static rk_status lay_taps(rk_kernel *k, const cpu_conv *v, cpu_few *f, const cpu_planes *p)
{
    tap *taps = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *taps);
    f->offset = cpu_kernel_alloc(k, (size_t)f->taps * sizeof *f->offset);
    if (!taps || !f->offset) return RK_E_NOMEM;
    for (int64_t t = 0; t < f->taps; t++) {
        int64_t number = v->which == RK_CONV_Y ? t : f->taps - 1 - t;
        taps[t].row = p->low_h + number / v->S;
        taps[t].column = p->low_w + number % v->S;
        f->offset[t] = taps[t].row * p->W + taps[t].column;
    }
    f->low = cpu_least(f->offset[0], f->offset[f->taps - 1]);
    f->high = cpu_most(f->offset[0], f->offset[f->taps - 1]);
    return lay_masks(k, f, p, taps);
}

rk_status CPU_NAME(cpu_conv_few_plan)(rk_kernel *k, cpu_conv *v, size_t *scratch)
{
    int y = v->which == RK_CONV_Y;
    int64_t m = v->dim[1], depth = y ? v->C : v->K, taps = v->R * v->S;
    cpu_planes p = y ? CPU_NAME(cpu_planes_of_x)(v) : CPU_NAME(cpu_planes_of_g)(v);
    if (k->choice.columns || v->count == 0 || m > CPU_FEW_ROWS || v->sh != 1 || v->sw != 1 ||
        v->R > RK_CONV_BLOCK || v->S > RK_CONV_BLOCK || taps < 2 || depth > RK_CONV_BLOCK ||
        depth * taps > RK_CONV_BLOCK || p.H != v->dim[2] || p.W != v->dim[3] ||
        p.H * p.W < LEAST_VECTORS * CPU_VEC ||
        (double)taps * (double)(p.H * p.W) / CPU_VEC * sizeof(vec_mask) > MOST_MASKS)
        return RK_OK;
    cpu_few *f = cpu_kernel_alloc(k, sizeof *f);
    if (!f) return RK_E_NOMEM;
    p.width = p.W;
    p.image = p.H * p.W;
    *f = (cpu_few){.m = m,
                   .depth = depth,
                   .taps = taps,
                   .plane = p.H * p.W,
                   .image = p.apart,
                   .apart = y ? v->apart : m * p.H * p.W,
                   .vectors = (p.H * p.W + CPU_VEC - 1) / CPU_VEC,
                   .in_order = 4 * depth * p.H * p.W <= MOST_IN_ORDER};
    f->tiles = (f->vectors + CPU_FEW_VECTORS - 1) / CPU_FEW_VECTORS;
    rk_status s = lay_taps(k, v, f, &p);
    if (s != RK_OK) return s;
    *scratch = (size_t)(m * depth * taps) * sizeof(float);
    v->fast = f;
    v->run = CPU_NAME(cpu_conv_few_run);
    return RK_OK;
}
#endif
