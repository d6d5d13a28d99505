/* tile.h: how a tile's accumulators come into registers, and leave them; see cpu_tile. */
#ifndef RETHINK_CPU_TILE_H
#define RETHINK_CPU_TILE_H
#include "gemm.h"

#ifdef CPU_VEC
typedef vec tile_acc[CPU_MR][CPU_NV];

/* Something that is in the cache, if nothing is asked for. */
static inline const float *tile_soon(const cpu_tile *t) { return t->soon ? t->soon : t->b; }

static inline __attribute__((always_inline)) void tile_begin(const cpu_tile *t, tile_acc acc,
                                                             int mr, int nv, vec_mask part)
{
    CPU_UNROLL for (int i = 0; i < mr; i++) CPU_UNROLL for (int j = 0; j < nv; j++)
    {
        acc[i][j] = v_zero();
        if (!t->from) continue;
        const float *from = t->from + i * t->ld_from + j * CPU_VEC;
        acc[i][j] = j == nv - 1 ? v_load_part(from, part) : v_load(from);
    }
}

/* Asks for a row of the tile that follows, three lines if it begins within one: one row in a step,
 * as a thread can wait for two dozen lines of memory at once, and would stand still if it asked for
 * all. */
static inline __attribute__((always_inline)) void tile_next(const float *row)
{
    __builtin_prefetch(row, 1);
    __builtin_prefetch(row + CPU_VEC, 1);
    __builtin_prefetch(row + 2 * CPU_VEC - 1, 1);
}

static inline __attribute__((always_inline)) void tile_step(tile_acc acc, const float *a,
                                                            const vec bv[CPU_NV], int mr, int nv)
{
    CPU_UNROLL for (int i = 0; i < mr; i++)
    {
        vec av = v_all(a + i);
        CPU_UNROLL for (int j = 0; j < nv; j++) acc[i][j] = v_fma(av, bv[j], acc[i][j]);
    }
}

static inline __attribute__((always_inline)) void tile_packed(tile_acc acc, const float *a,
                                                              const float *b, int mr, int nv)
{
    vec bv[CPU_NV];
    CPU_UNROLL for (int j = 0; j < nv; j++) bv[j] = v_load(b + j * CPU_VEC);
    tile_step(acc, a, bv, mr, nv);
}

static inline __attribute__((always_inline)) void tile_end(const cpu_tile *t, tile_acc acc, int mr,
                                                           int nv, vec_mask part)
{
    if (t->plus) CPU_UNROLL for (int i = 0; i < mr; i++) CPU_UNROLL for (int j = 0; j < nv; j++)
        {
            const float *to = t->to + i * t->ld_to;
            vec old = j == nv - 1 ? v_load_part(to + j * CPU_VEC, part) : v_load(to + j * CPU_VEC);
            acc[i][j] = v_add(old, acc[i][j]);
        }
    CPU_UNROLL for (int i = 0; i < mr; i++) CPU_UNROLL for (int j = 0; j < nv; j++)
    {
        float *to = t->to + i * t->ld_to + j * CPU_VEC;
        if (j < nv - 1 || t->last == CPU_VEC) /* masked stores are slow on some processors */
            v_store(to, acc[i][j]);
        else
            v_store_part(to, acc[i][j], part);
    }
}
#endif
#endif
