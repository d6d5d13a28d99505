/* The interpreter of programs: binds steps to slots, sets the slots of a block, and runs it tile by
 * tile. */
#include <rethink/numerics.h>
#include "check.h"
#include "step.h"

enum { ASK = 16 << 10 }; /* bytes that memory brings early */

/* May write the vector that the last element begins. */
static void fill(uint32_t *to, uint32_t word, int64_t n)
{
    float value;
    memcpy(&value, &word, sizeof value);
    vec v = v_all(&value);
    for (int64_t i = 0; i < n; i += STEP_VEC) v_store((float *)(void *)(to + i), v);
}

static void widen(uint32_t *to, const unsigned char *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

static uint32_t load_one(const cpu_access *a, const unsigned char *base, int64_t at)
{
    uint32_t word;
    if (a->dtype == RK_U8) return base[at];
    memcpy(&word, base + 4 * at, sizeof word);
    return word;
}

/* Does a step overwrite input j, in this call's memory, before the last one that reads it? */
static int overwritten(const cpu_run *r, uint32_t j)
{
    const cpu_program *p = r->program;
    const cpu_access *a = &p->in[j];
    if (a->arg == CPU_NO_ARG) return 1;
    for (uint32_t i = 0; i < p->n_out; i++)
        if (a->late >> (i < 63 ? i : 63) & 1 && r->arg[p->out_arg[i]] == r->arg[a->arg]) return 1;
    return 0;
}

static int how(const cpu_program *p, uint32_t slot)
{
    return p->one[slot] ? STEP_ONE : p->table[slot] ? STEP_ROWS : STEP_MEMORY;
}

static int mode_of(const cpu_program *p, const cpu_step *s)
{
    if (s->op == RK_I_SELECT) return s->side;
    if (s->x == CPU_ACC) return STEP_SELF;
    if (s->op >= CPU_STEP_FIRST) return how(p, s->y);
    if (s->op > CPU_STEP_LOAD || (s->op < CPU_STEP_LOAD && cpu_arity(s->op) == 1)) return 0;
    return how(p, s->x) + (s->side ? STEP_SECOND : 0);
}

static void bind(const cpu_run *r)
{
    const cpu_program *p = r->program;
    step_code *code = (step_code *)(void *)(r->scratch + p->code_at);
    for (uint32_t k = 0; k < p->n_step; k++) {
        const cpu_step *s = &p->step[k];
        step_code *c = &code[k];
        uint16_t x = s->x == CPU_ACC ? 0 : s->x;
        *c = (step_code){.x = &r->slot[x], .y = &r->slot[s->y], .fold = s->x};
        c->how_x = (uint8_t)how(p, x);
        c->how_y = (uint8_t)how(p, s->y);
        c->keep_x = p->block[x] && c->how_x == STEP_MEMORY ? -1 : 0;
        c->keep_y = p->block[s->y] && c->how_y == STEP_MEMORY ? -1 : 0;
        c->side = s->side == 1;
        c->self = s->x == CPU_ACC || cpu_arity(s->op) == 1;
        c->rare = CPU_NAME(cpu_rare_ops)[s->op];
        for (int w = 0; w < STEP_WIDTHS; w++)
            c->run[w] = CPU_NAME(cpu_step_of)(s->op, mode_of(p, s), w);
    }
}

static uint32_t *own(const cpu_run *r, uint32_t slot)
{
    return (uint32_t *)(void *)(r->scratch + r->program->room[slot]);
}

cpu_run CPU_NAME(cpu_run_begin)(const cpu_program *p, void *scratch, unsigned char *const *arg,
                                const void *raw, uint32_t *const *fold, int64_t most)
{
    cpu_run r = {p, arg, raw, 0, fold, scratch, scratch};
    for (uint32_t s = 0; s < p->n_slot; s++) r.slot[s] = p->room[s] ? own(&r, s) : NULL;
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j] && p->in[j].how == CPU_READ_ONE && most > 0)
            *r.slot[j] = load_one(&p->in[j], arg[p->in[j].arg], 0);
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->in[j].how == CPU_READ_COPY && !overwritten(&r, j)) r.slot[j] = NULL;
    for (uint32_t j = 0; j < p->n_imm; j++) r.slot[p->imm_slot + j] = &p->imm[j];
    bind(&r);
    return r;
}

static void copy_run(const cpu_access *a, const unsigned char *base, int64_t at, int64_t stride,
                     uint32_t *to, int64_t n)
{
    if (stride == 0)
        fill(to, load_one(a, base, at), n);
    else if (stride == 1 && a->dtype == RK_U8)
        widen(to, base + at, n);
    else if (stride == 1)
        memcpy(to, base + 4 * at, (size_t)n * 4);
    else
        for (int64_t i = 0; i < n; i++) to[i] = load_one(a, base, at + i * stride);
}

/* Elements [start, start + n) of an input that lies in runs of its first rank dimensions; returns
 * where they are: to, or unless to have a copy matters, in the input. */
static uint32_t *fetch_runs(const cpu_access *a, uint32_t rank, unsigned char *base, int64_t start,
                            int64_t n, uint32_t *to)
{
    int64_t index[6], at = 0, left = start, last = (int64_t)rank - 1, length = a->dim[last];
    for (int64_t d = last; d >= 0; d--) {
        index[d] = left % a->dim[d];
        left /= a->dim[d];
        at += index[d] * a->stride[d];
    }
    if (rank == a->rank && a->stride[last] == 1 && a->dtype != RK_U8 && index[last] + n <= length)
        return (uint32_t *)(void *)(base + 4 * at);
    for (int64_t done = 0; done < n;) {
        int64_t run = length - index[last] < n - done ? length - index[last] : n - done;
        copy_run(a, base, at, a->stride[last], to + done, run);
        done += run;
        index[last] += run;
        at += run * a->stride[last];
        for (int64_t d = last; d > 0 && index[d] == a->dim[d]; d--) {
            at += a->stride[d - 1] - a->dim[d] * a->stride[d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
    return to;
}

static int64_t divide(int64_t a, int64_t b)
{
    return a <= (int64_t)UINT32_MAX ? (uint32_t)a / (uint32_t)b : a / b;
}

/* Elements [at, at + n) of a block are those of an input's row from element i on.  Answers for how
 * many rows, this one among them, one step leads from one's value to the next one's. */
static int64_t fetch_row(const cpu_run *r, uint32_t j, int64_t row, int64_t i, int64_t at,
                         int64_t n)
{
    const cpu_access *a = &r->program->in[j];
    int64_t last = (int64_t)a->rank - 1, one = a->stride[last] == 0, from = one ? 0 : i, even = 1;
    for (int64_t d = last - 1; d >= 0; d--) {
        int64_t outer = d ? divide(row, a->dim[d]) : 0, index = row - outer * a->dim[d];
        if (d == last - 1) even = a->dim[d] - index;
        from += index * a->stride[d];
        row = outer;
    }
    if (a->dtype != RK_U8)
        r->slot[j] = (uint32_t *)(void *)(r->arg[a->arg] + 4 * (one ? from : from - at));
    else
        widen(own(r, j) + (one ? 0 : at), r->arg[a->arg] + from, one ? 1 : n);
    return one && a->dtype != RK_U8 ? even : 1;
}

static int64_t set_row(const cpu_run *r, int64_t row, int64_t i, int64_t at, int64_t n)
{
    const cpu_program *p = r->program;
    int64_t least = INT64_MAX;
    for (uint32_t k = 0; k < p->n_by_row; k++) {
        int64_t even = fetch_row(r, p->by_row[k], row, i, at, n);
        if (even < least) least = even;
    }
    return least;
}

static void next_row(const cpu_run *r)
{
    const cpu_program *p = r->program;
    for (uint32_t k = 0; k < p->n_by_row; k++) {
        const cpu_access *a = &p->in[p->by_row[k]];
        r->slot[p->by_row[k]] += a->rank > 1 ? a->stride[a->rank - 2] : 0;
    }
}

static void set_input(const cpu_run *r, uint32_t j, int64_t start, int64_t n)
{
    const cpu_access *a = &r->program->in[j];
    unsigned char *base = a->arg == CPU_NO_ARG ? NULL : r->arg[a->arg];
    if (a->how == CPU_READ_COPY && r->slot[j] == own(r, j)) {
        memcpy(own(r, j), base ? (const void *)(base + 4 * start) : r->raw + (start - r->raw_at),
               (size_t)n * 4);
    } else if (a->how == CPU_READ_RUNS) {
        r->slot[j] = fetch_runs(a, a->rank, base, start, n, own(r, j));
    } else if (a->how == CPU_READ_DENSE && a->dtype == RK_U8) {
        widen(own(r, j), base + start, n);
    } else if (a->how == CPU_READ_DENSE || a->how == CPU_READ_COPY) {
        r->slot[j] = base ? (uint32_t *)(void *)(base + 4 * start)
                          : (uint32_t *)r->raw + (start - r->raw_at);
    }
}

static void set_outputs(const cpu_run *r, int64_t start)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_out; j++)
        if (!p->room[p->out_slot + j])
            r->slot[p->out_slot + j] =
                (uint32_t *)(void *)(r->arg[p->out_arg[j]] + start * (int64_t)p->out_bytes[j]);
}

/* Outputs of a block, from where they were put. */
static void stream(const cpu_run *r, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_out; j++) {
        const float *from = (const float *)(const void *)r->slot[p->out_slot + j];
        float *to = (float *)(void *)(r->arg[p->out_arg[j]] + 4 * start);
        int64_t i = 0;
        if (!p->room[p->out_slot + j]) continue;
        for (; i + STEP_VEC <= n; i += STEP_VEC) v_stream(to + i, v_load(from + i));
        memcpy(to + i, from + i, (size_t)(n - i) * sizeof *to);
    }
}

static void set_left(step_tile *t, int64_t n)
{
    t->left = n;
    for (int64_t k = 0; k < STEP_HALF; k++, n -= STEP_VEC)
        t->mask[k] = v_part((int)(n < 0 ? 0 : n < STEP_VEC ? n : STEP_VEC));
}

/* Runs a tile, and goes to the one n elements on. */
static inline void run_tile(const cpu_run *r, step_tile *t, int width, int64_t at, int64_t n)
{
    const cpu_program *p = r->program;
    const step_code *code = (const step_code *)(const void *)(r->scratch + p->code_at);
    const vec v = {0};
    if (p->row_of) t->row_of = p->row_of + t->first;
    code->run[width](code, 4 * at, t, v, v, v, v, v, v, v, v);
    if (!p->row_of) return;
    int64_t rows = t->row_of[n];
    t->row += rows;
    t->first += n - rows * p->row;
}

/* Elements [at, at + n) of a block. */
static void run_tiles(const cpu_run *r, step_tile *t, int64_t at, int64_t n)
{
    int64_t i = 0;
    t->part = 0;
    for (; i + STEP_MOST * STEP_VEC <= n; i += STEP_MOST * STEP_VEC) {
        if (t->ask) step_ask(r, 4 * (at + i) + t->ask);
        run_tile(r, t, 0, at + i, STEP_MOST * STEP_VEC);
    }
    if (i < n && t->ask) step_ask(r, 4 * (at + i) + t->ask);
    if (i + STEP_HALF * STEP_VEC <= n) {
        run_tile(r, t, 1, at + i, STEP_HALF * STEP_VEC);
        i += STEP_HALF * STEP_VEC;
        t->part = STEP_HALF * STEP_VEC;
    }
    if (i == n) return;
    if (t->left != n - i) set_left(t, n - i);
    run_tile(r, t, 2, at + i, n - i);
}

static void run_rows(const cpu_run *r, step_tile *t, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    int64_t row = divide(start, p->row), i = start - row * p->row, even = 0;
    for (int64_t at = 0, part; at < n; at += part) {
        part = p->row - i < n - at ? p->row - i : n - at;
        if (even > 1) {
            next_row(r);
            even--;
        } else {
            even = set_row(r, row, i, at, part);
        }
        run_tiles(r, t, at, part);
        t->lanes += p->n_folded * RK_SUM_LANES;
        row++;
        i = 0;
    }
}

/* The values of the rows of a block. */
static void set_tables(const cpu_run *r, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    int64_t row = start / p->row, rows = (start + n - 1) / p->row - row + 1;
    for (uint32_t k = 0; k < p->n_by_row; k++) {
        const cpu_access *a = &p->in[p->by_row[k]];
        fetch_runs(a, a->rank - 1, r->arg[a->arg], row, rows, own(r, p->by_row[k]));
    }
}

void CPU_NAME(cpu_run_inputs)(const cpu_run *r, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j]) set_input(r, j, start, n);
    if (p->row_of || p->lanes == CPU_LANES_ABREAST) set_tables(r, start, n);
}

/* +0 is where sums begin. */
static int64_t lanes_of_rows(const cpu_program *p, int64_t n)
{
    return (n <= p->row ? 1 : n / p->row) * p->n_folded * RK_SUM_LANES;
}

int64_t CPU_NAME(cpu_run_block)(const cpu_run *r, int64_t start, int64_t n, int64_t next)
{
    const cpu_program *p = r->program;
    step_tile t = {.ask = 0};
    if (next >= 0) t.ask = 4 * (next - start) * (n < ASK / 4 ? ASK / 4 / n : 1);
    t.lanes = (float *)(void *)(r->scratch + p->lanes_at);
    t.spare[0] = (uint32_t *)(void *)(r->scratch + p->spare_at);
    t.spare[1] = t.spare[0] + CPU_TILE_ELEMENTS;
    CPU_NAME(cpu_run_inputs)(r, start, n);
    set_outputs(r, start);
    for (uint32_t j = 0; j < p->n_fold; j++) r->slot[p->fold_slot + j] = r->fold[j] + start;
    if (p->used[p->index_slot]) {
        uint32_t *index = r->slot[p->index_slot];
        for (int64_t i = 0; i < n; i++) index[i] = (uint32_t)start + (uint32_t)i;
    }
    if (p->lanes) memset(t.lanes, 0, (size_t)lanes_of_rows(p, n) * sizeof(float));
    if (p->row_of) t.first = start % p->row;
    if (p->row && !p->row_of)
        run_rows(r, &t, start, n);
    else if (p->n_step > 1)
        run_tiles(r, &t, 0, n);
    if (p->stream == CPU_STREAM_BLOCKS) stream(r, start, n);
    return p->n_step > 1 || !p->n_ask ? 0 : t.ask / 4;
}

/* A block is as many rows as have room in it, from where they begin, or an even part of memory. */
void CPU_NAME(cpu_run_range)(const cpu_run *r, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    int64_t rows = p->row && !p->row_of && p->stream != CPU_STREAM_BLOCKS ? p->row : 0;
    for (int64_t at = 0, next; at < n; at = next) {
        int64_t most = CPU_BLOCK;
        if (rows && rows - (start + at) % rows <= most) {
            most -= (start + at + most) % rows;
        }
        next = n - at < most ? n : at + most;
        (void)CPU_NAME(cpu_run_block)(r, start + at, next - at, next < n ? start + next : -1);
    }
}
