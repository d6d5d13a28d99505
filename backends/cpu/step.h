/* step.h: steps of programs, bound to slots, and their vectors; compiled per instruction set. */
#ifndef RETHINK_CPU_STEP_H
#define RETHINK_CPU_STEP_H
#include <string.h>
#include <rethink/numerics.h>
#include "program.h"
#include "vec.h"

#ifndef CPU_VEC
#define STEP_VEC 4
typedef float vec __attribute__((vector_size(16)));
typedef int vec_mask; /* how many */

static inline __attribute__((unused)) vec v_load(const float *from)
{
    vec v;
    memcpy(&v, from, sizeof v);
    return v;
}
static inline __attribute__((unused)) void v_store(float *to, vec v) { memcpy(to, &v, sizeof v); }
static inline __attribute__((unused)) vec v_load_part(const float *from, int64_t n)
{
    vec v = {0};
    memcpy(&v, from, (size_t)n * sizeof *from);
    return v;
}
static inline __attribute__((unused)) void v_store_part(float *to, vec v, int64_t n)
{
    memcpy(to, &v, (size_t)n * sizeof *to);
}
static inline __attribute__((unused)) vec v_all(const float *x) { return (vec){*x, *x, *x, *x}; }
#define v_part(n) (n)
#define v_stream(p, v) v_store(p, v)
#else
#define STEP_VEC CPU_VEC
#endif
typedef uint32_t words __attribute__((vector_size(STEP_VEC * 4)));

/* A table of values, and the vector of those that indices choose. */
#ifdef CPU_VEC
typedef vec step_table;
#define step_table_at(p) v_load(p)
#if CPU_VEC == 16
#define step_choose(table, index) _mm512_permutexvar_ps(_mm512_loadu_si512(index), table)
#else
#define step_choose(table, index)                                                                  \
    _mm256_permutevar8x32_ps(table, _mm256_loadu_si256((const __m256i *)(const void *)(index)))
#endif
#else
typedef const float *step_table;
#define step_table_at(p) (p)
#define step_choose(t, index)                                                                      \
    ((vec){(t)[(index)[0]], (t)[(index)[1]], (t)[(index)[2]], (t)[(index)[3]]})
#endif

/* The widths of tiles: eight vectors, four, and what is left for four; and, of sums,
 * STEP_ROWS_ABREAST rows: STEP_OF_ROW vectors of each, and what is left for these. */
enum { STEP_PARTS = RK_SUM_LANES / STEP_VEC, STEP_MOST = 8, STEP_HALF = 4 };
#ifdef CPU_VEC
enum {
    STEP_ABREAST = 3,
    STEP_WIDTHS = 5,
    STEP_ROWS_ABREAST = 2,
    STEP_OF_ROW = STEP_MOST / STEP_ROWS_ABREAST
};
#else
enum { STEP_WIDTHS = 3 };
#endif

/* What the steps of a tile share: of what is left, the elements and the lanes of each vector; where
 * in a sum's lanes the tile begins; bytes to the next block; with tables, the row that the tile
 * begins in, its element of that row, and of each of its elements how many rows on; and memory of a
 * tile's size.  Of rows abreast: whether their lanes begin, and how far a row is from the first
 * one, in memory of a tile's size [0] and in other memory [1]. */
typedef struct step_tile {
    int64_t left, part, ask, row, first, begin;
    const int64_t *offset[2];
    const uint32_t *row_of;
    float *lanes;
    vec_mask mask[STEP_HALF];
    uint32_t *spare[2];
} step_tile;

/* Asks for what a tile reads, `at` bytes further on: memory has the time of some blocks to bring
 * it, into the cache that can wait for more of it at once than the first one. */
static inline __attribute__((unused)) void step_ask(const cpu_run *r, int64_t at)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_ask; j++) {
        const unsigned char *x = (const unsigned char *)r->slot[p->ask[j]] + at;
        CPU_UNROLL for (int i = 0; i < STEP_MOST * STEP_VEC * 4; i += CPU_ALIGN)
            __builtin_prefetch(x + i, 0, 2);
    }
}

/* to[i] = op(a[i], b[i]) for i < n; to may be a or b. */
typedef void step_rare(uint32_t *to, const uint32_t *a, const uint32_t *b, int64_t n);

struct step_code;
typedef void step_run(const struct step_code *, int64_t at, const step_tile *, vec, vec, vec, vec,
                      vec, vec, vec, vec);
/* x, y: of the operands' slots; keep_x: what of a tile's offset in a block, in bytes, is to be
 * added. */
typedef struct step_code {
    step_run *run[STEP_WIDTHS];
    uint32_t *const *x, *const *y;
    int64_t keep_x, keep_y;
    step_rare *rare;
    uint16_t fold;
    uint8_t side, how_x, how_y, self;
} step_code;
_Static_assert(sizeof(step_code) <= CPU_CODE_BYTES, "room that a program has for a step");

/* How a step's operand is read; the accumulator is the second operand from SECOND on, where the
 * first three follow again.  SELECT: the number of the operand that the accumulator is. */
enum { STEP_MEMORY, STEP_ONE, STEP_ROWS, STEP_SELF, STEP_SECOND, STEP_MODES = STEP_SECOND + 3 };
/* The function of a step; that of rare instructions has one for all. */
step_run *CPU_NAME(cpu_step_of)(uint16_t op, int mode, int width);
extern step_rare *const CPU_NAME(cpu_rare_ops)[CPU_STEP_OPS];
#endif
