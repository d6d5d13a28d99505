/* Sums of rows that are not long: some rows abreast in a tile, each with lanes of its own, so that
 * no vector waits for another, whatever a row's length is. */
#include "check.h"
#include "fold.h"
#include "step.h"
#include "sums.h"

#ifdef CPU_VEC
enum {
    WIDE = STEP_OF_ROW * STEP_VEC, /* elements of a row in a tile */
    AHEAD = 8 << 10,               /* bytes that memory brings early */
    UNIT = 2048,                   /* elements, about */
    SOON = 4                       /* units on, for what rows have one of */
};

_Static_assert(CPU_MOST_ABREAST <= CPU_BLOCK / CPU_LEAST_ROW, "tables have the rows of a block");

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int CPU_NAME(cpu_abreast_fits)(const cpu_source *s, int64_t rows, int64_t n)
{
    int elements = 0;
    if (n < CPU_LEAST_ROW || n > RK_SUM_BLOCK || rows < STEP_ROWS_ABREAST) return 0;
    for (uint32_t j = 0; j < s->n_in; j++) {
        const cpu_access *a = &s->in[j];
        int row = a->how == CPU_READ_RUNS && !a->stride[a->rank - 1];
        if (!row && a->how != CPU_READ_ONE && (a->how != CPU_READ_DENSE || a->dtype == RK_U8))
            return 0;
    }
    for (uint32_t k = s->from; k < s->end; k++) {
        const rk_ins *i = &s->code[k];
        const uint16_t operand[3] = {i->a, i->b, i->c};
        for (int j = 0; j < cpu_arity(i->op); j++)
            if (operand[j] == RK_R_INDEX) return 0;
        if (i->op == RK_I_STORE) return 0;
        elements += i->op != RK_I_FOLD;
    }
    return elements > 0;
}

/* Whole lines of memory and groups of rows. */
int64_t CPU_NAME(cpu_abreast_unit)(int64_t n)
{
    int64_t rows = CPU_VEC;
    while (rows * n % (CPU_ALIGN / 4)) rows *= 2;
    int64_t units = least(UNIT / n, CPU_MOST_ABREAST) / rows;
    return units > 1 ? units * rows : rows;
}

/* What rows of later units have one value of: those that tables take, and their sums. */
static inline void ask_of_rows(const cpu_run *r, int64_t row, int64_t rows, uint32_t *const *to)
{
    const cpu_program *p = r->program;
    const int64_t soon = row + SOON * rows, line = CPU_ALIGN / 4;
    for (uint32_t j = 0; j < p->n_by_row; j++) {
        const cpu_access *a = &p->in[p->by_row[j]];
        const float *x = (const float *)(const void *)r->arg[a->arg] + soon;
        if (a->rank != 2 || a->stride[0] != 1 || a->dtype == RK_U8) continue;
        for (int64_t k = 0; k < rows; k += line) __builtin_prefetch(x + k, 0, 2);
    }
    for (uint32_t f = 0; f < p->n_folded; f++)
        for (int64_t k = 0; k < rows; k += line) __builtin_prefetch(to[f] + soon + k, 1, 2);
}

/* Element i of each row, and those that follow: in memory that is there, or by masks. */
static inline void run_tile(const cpu_run *r, step_tile *t, int64_t at, int64_t i, int there)
{
    const step_code *code = (const step_code *)(const void *)(r->scratch + r->program->code_at);
    const vec v = {0};
    t->begin = i == 0;
    /* rows follow one another in memory: each tile has its share of them */
    step_ask(r, 4 * (t->ask + at + i * STEP_ROWS_ABREAST));
    code->run[there ? STEP_ABREAST : STEP_ABREAST + 1](code, 4 * (at + i), t, v, v, v, v, v, v, v,
                                                       v);
}

/* Of vectors of which so many elements are left. */
static void find_masks(step_tile *t, int64_t left)
{
    for (int64_t k = 0; k < STEP_OF_ROW; k++) {
        int64_t lanes = left - k * STEP_VEC;
        t->mask[k] = v_part((int)(lanes < 0 ? 0 : lanes < STEP_VEC ? lanes : STEP_VEC));
    }
}

/* The sums of rows whose lanes begin here: those of two rows follow one another, the next two have
 * theirs `apart` further on.  There is room for those of CPU_VEC rows, whatever it has. */
static inline void put(float *to, const float *lanes, int64_t apart, int64_t rows)
{
    for (int64_t k = 0; k < rows; k += CPU_VEC) {
        vec line[CPU_VEC];
        CPU_UNROLL for (int r = 0; r < CPU_VEC; r++)
        {
            const float *row =
                lanes + (k + r) / STEP_ROWS_ABREAST * apart + r % STEP_ROWS_ABREAST * RK_SUM_LANES;
            vec acc[STEP_PARTS];
            CPU_UNROLL for (int j = 0; j < STEP_PARTS; j++) acc[j] = v_load(row + j * STEP_VEC);
            CPU_UNROLL for (int w = STEP_PARTS / 2; w; w /= 2)
                CPU_UNROLL for (int j = 0; j < w; j++) acc[j] = v_add(acc[j], acc[j + w]);
            line[r] = acc[0];
        }
        v_put_sums(to + k, line, rows - k < CPU_VEC ? rows - k : CPU_VEC);
    }
}

void CPU_NAME(cpu_abreast_run)(const cpu_run *r, int64_t row, int64_t rows, int64_t there,
                               uint32_t *const *to)
{
    static const int64_t in_tile[STEP_ROWS_ABREAST] = {0, WIDE};
    const cpu_program *p = r->program;
    const int64_t n = p->row, all = rows * n,
                  apart = p->n_folded * STEP_ROWS_ABREAST * RK_SUM_LANES;
    int64_t in_row[STEP_ROWS_ABREAST] = {0};
    step_tile whole = {.offset = {in_tile, in_row}}, part;
    whole.ask = all * (4 * all < AHEAD ? AHEAD / (4 * all) : 1);
    whole.lanes = (float *)(void *)(r->scratch + p->lanes_at);
    const float *lanes = whole.lanes;
    whole.spare[0] = (uint32_t *)(void *)(r->scratch + p->spare_at);
    whole.spare[1] = whole.spare[0] + CPU_TILE_ELEMENTS;
    part = whole;
    find_masks(&whole, WIDE);
    find_masks(&part, n % WIDE);
    CPU_NAME(cpu_run_inputs)(r, row * n, all);
    ask_of_rows(r, row, rows, to);
    for (int64_t k = 0; k < rows; k += STEP_ROWS_ABREAST) {
        int64_t at = k * n, left = rows - k, i = 0;
        in_row[1] = left > 1 ? n : 0;
        whole.row = part.row = k;
        for (; i + WIDE <= n; i += WIDE) run_tile(r, &whole, at, i, 1);
        if (i < n) run_tile(r, &part, at, i, at + in_row[1] + i + WIDE <= there * n);
        whole.lanes = part.lanes += apart;
    }
    for (uint32_t f = 0; f < p->n_folded; f++)
        put((float *)(void *)(to[f] + row), lanes + f * STEP_ROWS_ABREAST * RK_SUM_LANES, apart,
            rows);
}
#endif
