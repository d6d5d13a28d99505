#include "gemm.h"
#include "tile.h"

#ifdef CPU_VEC

typedef void tile_fn(const cpu_tile *);

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline __attribute__((always_inline)) void tile_body(const cpu_tile *t, int mr, int nv)
{
    tile_acc acc;
    vec_mask part = v_part((int)t->last);
    const float *a = t->a, *b = t->b, *soon = tile_soon(t), *next = t->next;
    int64_t l = 0, rows = next ? least(t->k, mr) : 0;
    tile_begin(t, acc, mr, nv, part);
    for (; l < rows; l++, a += mr, b += t->ldb, soon += t->ld_soon, next += t->ld_to) {
        tile_next(next);
        __builtin_prefetch(a + 32 * mr);
        __builtin_prefetch(soon);
        tile_packed(acc, a, b, mr, nv);
    }
    for (; l < t->k; l++, a += mr, b += t->ldb, soon += t->ld_soon) {
        __builtin_prefetch(a + 32 * mr);
        __builtin_prefetch(soon);
        tile_packed(acc, a, b, mr, nv);
    }
    tile_end(t, acc, mr, nv, part);
}

/* A tile whose vector lies across lines of b, so many that are ldb apart: some steps of all of them
 * are turned in registers, where shuffles and multiplications overlap. */
static inline __attribute__((always_inline)) void tile_along(const cpu_tile *t, int mr)
{
    tile_acc acc;
    vec v[CPU_HALF];
    vec_mask part = v_part((int)t->last);
    const float *a = t->a, *b = t->b;
    int64_t l = 0, whole = t->last == CPU_VEC ? t->k - t->k % CPU_HALF : 0;
    tile_begin(t, acc, mr, 1, part);
    for (; l < whole; l += CPU_HALF, a += CPU_HALF * mr) {
        CPU_UNROLL for (int r = 0; r < CPU_HALF; r++) v[r] =
            v_pair(b + l + r * t->ldb, b + l + (r + CPU_HALF) * t->ldb);
        v_across(v);
        __asm__ volatile("" ::: "memory"); /* else the compiler turns more than registers hold */
        CPU_UNROLL for (int i = 0; i < CPU_HALF; i++) tile_step(acc, a + i * mr, v + i, mr, 1);
    }
    for (int64_t n; l < t->k; l += n) {
        float turned[CPU_HALF * CPU_VEC];
        n = least(t->k - l, CPU_HALF);
        pack_half(turned, CPU_VEC, b + l, t->ldb, t->last, n);
        for (int64_t i = 0; i < n; i++, a += mr) tile_packed(acc, a, turned + i * CPU_VEC, mr, 1);
    }
    tile_end(t, acc, mr, 1, part);
}

#define X(mr)                                                                                      \
    static void tile_##mr##_1(const cpu_tile *t) { tile_body(t, mr, 1); }                          \
    static void tile_##mr##_2(const cpu_tile *t) { tile_body(t, mr, 2); }                          \
    static void along_##mr(const cpu_tile *t) { tile_along(t, mr); }
CPU_HEIGHTS(X)
#undef X
#define X(mr) {tile_##mr##_1, tile_##mr##_2},
static tile_fn *const tiles[CPU_MR][CPU_NV] = {CPU_HEIGHTS(X)};
#undef X
#define X(mr) along_##mr,
static tile_fn *const alongs[CPU_MR] = {CPU_HEIGHTS(X)};
#undef X

void CPU_NAME(cpu_tile_run)(const cpu_tile *t, int64_t rows, int64_t vectors)
{
    tiles[rows - 1][vectors - 1](t);
}

static void pack_rows(const cpu_gemm *g, float *to, int64_t i, int64_t rows, int64_t l, int64_t n)
{
    for (int64_t p = 0, at = 0; at < rows; p++) {
        int64_t end = cpu_panel_start(rows, p + 1);
        g->pack_a(g->source, to + at * n, i + at, end - at, l, n);
        at = end;
    }
}

/* Pieces are even parts of a block, at most CPU_KC long. */
static int64_t piece_length(int64_t length)
{
    int64_t pieces = (length + CPU_KC - 1) / CPU_KC;
    return pieces ? (length + pieces - 1) / pieces : 0;
}

static int64_t piece_end(const cpu_gemm *g, int64_t l)
{
    int64_t start = l / g->block * g->block, end = least(start + g->block, g->k);
    return least(l + piece_length(end - start), end);
}

/* One piece of l, one block of rows and columns of c. */
typedef struct step {
    const cpu_gemm *g;
    cpu_rect r;
    int64_t l, n;
    const float *a, *b; /* panels */
    float *chain;       /* accumulators of a second or later block, between its pieces */
    int direct;         /* full panels of b are read where they lie */
} step;

/* Where accumulators come from and go to: the first block is built up in c, later ones in chain,
 * and added to c when they end. */
static void place(const step *s, cpu_tile *t, int64_t i, int64_t j)
{
    const cpu_gemm *g = s->g;
    int64_t end = s->l + s->n;
    int first = s->l % g->block == 0, last = end % g->block == 0 || end == g->k;
    int later = s->l >= g->block;
    float *c = g->c + (g->strip ? i * g->ldc + j : (s->r.i + i) * g->ldc + s->r.j + j);
    float *chain = later ? s->chain + i * s->r.columns + j : c;
    t->plus = later && last;
    t->from = first ? NULL : chain;
    t->ld_from = later ? s->r.columns : g->ldc;
    t->to = t->plus ? c : chain;
    t->ld_to = t->plus ? g->ldc : t->ld_from;
}

static void run_step(const step *s)
{
    const cpu_gemm *g = s->g;
    const int64_t most = g->along ? CPU_VEC : CPU_NR;
    for (int64_t j = 0; j < s->r.columns; j += most) {
        int64_t columns = least(s->r.columns - j, most), nv = (columns + CPU_VEC - 1) / CPU_VEC;
        cpu_tile t = {.k = s->n, .last = columns - (nv - 1) * CPU_VEC};
        t.b = s->b + j * s->n;
        t.ldb = nv * CPU_VEC;
        if (g->along) {
            t.b = g->b + (s->r.j + j) * g->ldb + s->l;
            t.ldb = g->ldb;
        } else if (s->direct && columns == CPU_NR) {
            t.b = g->b + s->l * g->ldb + s->r.j + j;
            t.ldb = g->ldb;
        }
        for (int64_t p = 0, i = 0, end; i < s->r.rows; p++, i = end) {
            end = cpu_panel_start(s->r.rows, p + 1);
            t.a = s->a + i * s->n;
            place(s, &t, i, j);
            if (g->soon && s->l + s->n == g->k)
                g->soon(g->context, s->r.i + i, end - i, s->r.j + j, columns);
            if (!g->near)
                t.next = t.to + (end < s->r.rows ? (end - i) * t.ld_to : most - i * t.ld_to);
            (g->along ? alongs[end - i - 1] : tiles[end - i - 1][nv - 1])(&t);
        }
    }
}

static void pack_columns(const step *s, float *to)
{
    for (int64_t j = 0; j < s->r.columns; j += CPU_NR) {
        int64_t columns = least(s->r.columns - j, CPU_NR);
        int64_t width = (columns + CPU_VEC - 1) / CPU_VEC * CPU_VEC;
        if (!s->direct || columns < CPU_NR)
            s->g->pack_b(s->g->source, to + j * s->n, s->r.j + j, columns, width, s->l, s->n);
    }
}

typedef struct space {
    float *a, *b, *chain;
} space;

static size_t panel_a(int64_t k) { return (size_t)CPU_MC * (size_t)least(k, CPU_KC) + CPU_VEC; }
static size_t panel_b(int64_t n, int64_t k)
{
    return (size_t)(least(n, CPU_NC) + CPU_NR) * (size_t)least(k, CPU_KC) + CPU_VEC;
}

size_t CPU_NAME(cpu_gemm_scratch)(int64_t m, int64_t n, int64_t k, int64_t block)
{
    size_t chain = k > block ? (size_t)least(m, CPU_MC) * (size_t)least(n, CPU_NC) : 0;
    return (panel_a(k) + panel_b(n, k) + chain + 4 * CPU_VEC) * sizeof(float);
}

static float *align(float *p)
{
    return (float *)(((uintptr_t)p + CPU_ALIGN - 1) & ~(uintptr_t)(CPU_ALIGN - 1));
}

/* All pieces of l for some rows and up to CPU_NC columns. */
static void run_columns(const cpu_gemm *g, cpu_rect r, const space *w)
{
    step s = {.g = g, .r = r, .a = w->a, .b = w->b, .chain = w->chain};
    const int64_t most = g->strip ? CPU_STRIP_ROWS : CPU_MC;
    s.direct = g->b != NULL;
    do {
        s.n = piece_end(g, s.l) - s.l;
        s.r = r;
        if (!g->along) pack_columns(&s, w->b);
        for (int64_t i = 0; i < r.rows; i += most) {
            s.r.i = r.i + i;
            s.r.rows = least(r.rows - i, most);
            pack_rows(g, w->a, s.r.i, s.r.rows, s.l, s.n);
            run_step(&s);
            if (g->done && s.l + s.n == g->k)
                g->done(g->context, s.r.i, s.r.rows, s.r.j, s.r.columns);
        }
        s.l += s.n;
    } while (s.l < g->k);
}

/* Chains longer than a block need room for a block's accumulators, so that rows are cut as well; so
 * they are in a strip, which has to be done before the next one. */
void CPU_NAME(cpu_gemm_run)(const cpu_gemm *g, cpu_rect r, void *scratch)
{
    space w = {.a = align(scratch)};
    int64_t rows = r.rows, columns = g->strip ? g->ldc : CPU_NC;
    if (g->k > g->block) rows = CPU_MC;
    if (g->strip && g->k > piece_length(least(g->k, g->block))) rows = CPU_STRIP_ROWS;
    w.b = align(w.a + panel_a(g->k));
    w.chain = align(w.b + panel_b(r.columns, g->k));
    for (int64_t j = 0; j < r.columns; j += columns)
        for (int64_t i = 0; i < r.rows; i += rows) {
            cpu_rect part = {r.i + i, least(r.rows - i, rows), r.j + j,
                             least(r.columns - j, columns)};
            run_columns(g, part, &w);
        }
}
#endif
