/* gemm.h: products of matrices, out of packed panels or straight from memory.
 *
 * c[i][j] = chain over l of fma(a[i][l], b[l][j], acc), cut into blocks as the contract says.
 * Where a and b come from is the caller's: it packs pieces of them into panels, so that MATMUL and
 * the members of CONV share everything else.  One call computes one rectangle of c with one thread.
 *
 * Accumulators are kept in registers for a piece of l and stored between pieces: fp32 stored and
 * loaded again is the same fp32, so pieces and tiles never change bits. */
#ifndef RETHINK_CPU_GEMM_H
#define RETHINK_CPU_GEMM_H
#include <stddef.h>
#include <stdint.h>
#include "cpu.h"
#include "vec.h"

#ifdef CPU_VEC
/* A tile of constant height keeps its accumulators in registers; CPU_MR rows fill them.  Checks in
 * 28 variants of a tile of 14 rows take the compiler minutes, so sanitized builds have lower
 * ones. */
#if CPU_VEC == 16 && !RK_SANITIZER
#define CPU_TILE "14x32"
#define CPU_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
enum { CPU_MR = 14 };
#else
#if CPU_VEC == 16
#define CPU_TILE "6x32"
#else
#define CPU_TILE "6x16"
#endif
#define CPU_HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6)
enum { CPU_MR = 6 };
#endif
enum {
    CPU_KC = 256,
    CPU_NV = 2,
    CPU_NR = CPU_NV * CPU_VEC,
    CPU_MC = CPU_MR * 24,
    CPU_NC = 1024, /* columns of b that are packed at once */
    CPU_STRIP_ROWS = CPU_MR * 12,
    CPU_STRIP = 512 /* columns: with b's a strip fills half of a cache of 512 KiB */
};

/* to[(l - first) * rows + r] = a[i + r][l] for r < rows <= CPU_MR; may write CPU_VEC floats
 * beyond. */
typedef void cpu_pack_a(const void *source, float *to, int64_t i, int64_t rows, int64_t first,
                        int64_t n);
/* to[(l - first) * width + c] = b[l][j + c] for c < columns, 0 for the others up to width. */
typedef void cpu_pack_b(const void *source, float *to, int64_t j, int64_t columns, int64_t width,
                        int64_t first, int64_t n);

typedef struct cpu_gemm {
    const void *source;
    cpu_pack_a *pack_a;
    cpu_pack_b *pack_b;
    /* b[l][j] = b[l * ldb + j] is read where it lies, or, along it, b[j * ldb + l], which pays for
     * one panel of rows; NULL: it is packed. */
    const float *b;
    int64_t ldb;
    int along;
    float *c;
    int64_t ldc, k, block;
    int near; /* c is likely to be in the cache, so that none of it is asked for */
    /* c has room for CPU_STRIP_ROWS rows of ldc <= CPU_STRIP columns, and is done with when done()
     * returns: results that nobody else wants stay in the cache. */
    int strip;
    /* Called for each part of c that is ready; and for smaller parts, before the last piece of
     * their chains, so that what done() reads is on its way.  Or NULL. */
    void (*done)(void *context, int64_t i, int64_t rows, int64_t j, int64_t columns);
    void (*soon)(void *context, int64_t i, int64_t rows, int64_t j, int64_t columns);
    void *context;
} cpu_gemm;

typedef struct cpu_rect {
    int64_t i, rows, j, columns;
} cpu_rect;

/* A tile of c: rows <= CPU_MR, vectors <= CPU_NV of columns.  Its panels of a and b, k long; where
 * accumulators come from (NULL: +0), where they go, and whether they are added to what is there.
 * The first `last` lanes of the last vector are touched. */
typedef struct cpu_tile {
    const float *a, *b;
    const float *from;
    float *to;
    const float *next; /* c of the tile that follows, or NULL */
    const float *soon; /* NULL, or memory that each step asks for, ld_soon after the one before */
    int64_t k, ldb, ld_from, ld_to, last, ld_soon;
    int plus;
} cpu_tile;

void CPU_NAME(cpu_tile_run)(const cpu_tile *, int64_t rows, int64_t vectors);

static inline int64_t cpu_panels(int64_t rows) { return (rows + CPU_MR - 1) / CPU_MR; }

/* The first row of a panel.  Panels have one height, or one less: none is so low that it would wait
 * for its own sums. */
static inline int64_t cpu_panel_start(int64_t rows, int64_t panel)
{
    int64_t panels = cpu_panels(rows), more = rows % panels;
    return rows / panels * panel + (panel < more ? panel : more);
}

/* Bytes of scratch memory of one thread. */
size_t CPU_NAME(cpu_gemm_scratch)(int64_t m, int64_t n, int64_t k, int64_t block);
void CPU_NAME(cpu_gemm_run)(const cpu_gemm *, cpu_rect, void *scratch);

/* to[l * step + lane] = from[l * ld + lane] for lane < lanes, 0 up to CPU_VEC. */
static inline __attribute__((unused)) void pack_across(float *to, int64_t step, const float *from,
                                                       int64_t ld, int64_t lanes, int64_t n)
{
    vec_mask part = v_part((int)(lanes < CPU_VEC ? lanes : CPU_VEC));
    for (int64_t l = 0; l < n; l++) {
        __builtin_prefetch(from + (l + 16) * ld);
        v_store(to + l * step, v_load_part(from + l * ld, part));
    }
}

/* to[(l + i) * step + r] = from[r * ld + l + i] for i < n <= CPU_HALF, all r < rows. */
static inline __attribute__((always_inline)) void pack_half(float *to, int64_t step,
                                                            const float *from, int64_t ld,
                                                            int64_t rows, int64_t n)
{
    vec v[CPU_HALF];
    vec_mask part = v_part((int)rows);
    CPU_UNROLL for (int64_t r = 0; r < CPU_HALF; r++)
    {
        const float *low = from + (r < rows ? r : 0) * ld;
        const float *high = from + (r + CPU_HALF < rows ? r + CPU_HALF : 0) * ld;
        v[r] = n < CPU_HALF ? v_pair_part(low, high, n) : v_pair(low, high);
    }
    v_across(v);
    CPU_UNROLL for (int64_t i = 0; i < CPU_HALF; i++)
    {
        if (i == n) return;
        v_store(to + i * step, rows < CPU_VEC ? v_keep(v[i], part) : v[i]);
    }
}

/* to[l * step + r] = from[r * ld + l] for r < rows, of which it takes CPU_VEC at most, 0 up to
 * CPU_VEC.  The rows that follow are likely to be asked for next. */
static inline __attribute__((unused)) void pack_along(float *to, int64_t step, const float *from,
                                                      int64_t ld, int64_t rows, int64_t n)
{
    int64_t l = 0;
    if (rows > CPU_VEC) rows = CPU_VEC;
    for (; l + CPU_HALF <= n && rows == CPU_VEC; l += CPU_HALF) {
        const float *next = from + (l & CPU_HALF ? CPU_VEC + CPU_HALF : CPU_VEC) * ld + l;
        CPU_UNROLL for (int64_t r = 0; r < CPU_HALF; r++) __builtin_prefetch(next + r * ld);
        pack_half(to + l * step, step, from + l, ld, CPU_VEC, CPU_HALF);
    }
    for (; l + CPU_HALF <= n; l += CPU_HALF) {
        for (int64_t r = 0; r < rows; r++) __builtin_prefetch(from + (r + rows) * ld + l);
        pack_half(to + l * step, step, from + l, ld, rows, CPU_HALF);
    }
    if (l < n) pack_half(to + l * step, step, from + l, ld, rows, n - l);
}
#endif
#endif
