#include "program.h"
#include <string.h>
#include "check.h"

/* Words of a table: rows that a block begins or ends in among them, and a vector of those after. */
enum { TABLE = CPU_BLOCK / CPU_LEAST_ROW + 2 + CPU_ALIGN / 4 };
#define NONE UINT32_MAX
enum { DONE = 2 };

/* A program being compiled.  value[k]: slot where instruction k's result was saved, or 0; acc: the
 * instruction whose result the accumulator has. */
typedef struct compiler {
    const cpu_source *s;
    cpu_program *p;
    uint32_t acc, n_free;
    uint16_t *value, *free; /* slots to use again */
    uint32_t *uses;         /* to come, of instruction k's result by others */
    unsigned char *live;    /* or DONE */
    size_t bytes;           /* of scratch memory */
} compiler;

static int is_root(const rk_ins *i) { return i->op == RK_I_STORE || i->op == RK_I_FOLD; }

static int operands(const rk_ins *i, uint16_t operand[3])
{
    operand[0] = i->a;
    operand[1] = i->b;
    operand[2] = i->c;
    return cpu_arity(i->op);
}

/* Backward: what a live instruction reads is live. */
static void find_uses(compiler *c)
{
    uint16_t operand[3];
    for (uint32_t k = c->s->end; k-- > c->s->from;) {
        const rk_ins *i = &c->s->code[k];
        int n = operands(i, operand);
        if (!is_root(i) && !c->live[k]) continue;
        for (int j = 0; j < n; j++) {
            uint32_t from = operand[j] & RK_R_NUM;
            if ((operand[j] & RK_R_KIND) != RK_R_INS) continue;
            c->live[from] = 1;
            if (!is_root(i)) c->uses[from]++;
        }
    }
}

static size_t take_room(compiler *c, size_t bytes)
{
    size_t at = c->bytes;
    c->bytes += (bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    return at;
}

/* Room for one value, the elements of a tile or those of a block (and of a vector more). */
static void give_room(compiler *c, uint32_t slot)
{
    cpu_program *p = c->p;
    size_t bytes = p->one[slot]     ? 4
                   : p->table[slot] ? TABLE * 4
                   : p->block[slot] ? CPU_BLOCK * 4 + CPU_ALIGN
                                    : CPU_TILE_ELEMENTS * 4;
    if (!p->room[slot]) p->room[slot] = (uint32_t)take_room(c, bytes);
}

static uint16_t new_slot(compiler *c, int block)
{
    uint32_t slot = c->p->n_slot++;
    c->p->block[slot] = block != 0;
    give_room(c, slot);
    return (uint16_t)slot;
}

static uint16_t slot_of(compiler *c, uint16_t operand)
{
    uint32_t j = operand & RK_R_NUM, slot;
    switch (operand & RK_R_KIND) {
    case RK_R_INS: return c->value[j];
    case RK_R_IMM: slot = c->p->imm_slot + j; break;
    case RK_R_INDEX: slot = c->p->index_slot; break;
    case RK_R_FOLD: slot = c->p->fold_slot + j; break;
    default: slot = j; break;
    }
    c->p->used[slot] = 1;
    return (uint16_t)slot;
}

/* x + y, x - y, x * y: 0, 1, 2; others: -1. */
static int simple(uint16_t op)
{
    return op == RK_I_FADD ? 0 : op == RK_I_FSUB ? 1 : op == RK_I_FMUL ? 2 : -1;
}

/* Values of slots in memory: 0; that all elements or those of rows share: 1, 2. */
static int is_shared(const cpu_program *p, uint32_t slot)
{
    return p->one[slot] ? 1 : p->table[slot] ? 2 : 0;
}

/* A step; or the one before does its work, too, since what passes from step to step takes time. */
static void emit(compiler *c, uint16_t op, int side, uint16_t x, uint16_t y)
{
    cpu_program *p = c->p;
    cpu_step *last = p->n_step ? &p->step[p->n_step - 1] : NULL;
    int this = side == 0 && x != CPU_ACC ? simple(op) : -1;
    if (last && this >= 0 && last->op == CPU_STEP_LOAD && !is_shared(p, last->x)) {
        last->op = (uint16_t)(CPU_STEP_FIRST + this);
        last->y = x;
    } else if (last && this >= 0 && last->side == 0 && simple(last->op) >= 0 &&
               last->x != CPU_ACC && is_shared(p, x) && is_shared(p, x) == is_shared(p, last->x)) {
        last->op = (uint16_t)(CPU_STEP_PAIR + 3 * simple(last->op) + this);
        last->y = x;
    } else {
        p->step[p->n_step++] = (cpu_step){op, (uint16_t)side, x, y};
    }
}

/* What the accumulator has is needed later, or twice by the instruction to come. */
static void keep_acc(compiler *c, int twice)
{
    uint32_t acc = c->acc;
    if (acc == NONE || c->value[acc] || (c->uses[acc] == 0 && !twice)) return;
    c->value[acc] = c->n_free ? c->free[--c->n_free] : new_slot(c, 0);
    emit(c, CPU_STEP_SAVE, 0, c->value[acc], 0);
}

/* The accumulator goes where STORE or FOLD says. */
static void put_acc(compiler *c, const rk_ins *i)
{
    cpu_program *p = c->p;
    uint16_t op = p->stream == CPU_STREAM_TILES ? CPU_STEP_STREAM : CPU_STEP_SAVE;
    if (i->op == RK_I_STORE) {
        if (p->out_bytes[i->b] == 1) op = CPU_STEP_BYTES;
        emit(c, op, 0, (uint16_t)(p->out_slot + i->b), 0);
    } else if (c->s->lanes) {
        emit(c, CPU_STEP_SUM, 0, i->b, 0);
    } else {
        p->folded[i->b] = new_slot(c, 1);
        emit(c, CPU_STEP_SAVE, 0, (uint16_t)p->folded[i->b], 0);
    }
}

/* STOREs and FOLDs of what the accumulator has. */
static void put_roots(compiler *c, uint16_t operand, uint32_t from)
{
    for (uint32_t k = from; k < c->s->end; k++) {
        const rk_ins *i = &c->s->code[k];
        if (!is_root(i) || i->a != operand || c->live[k]) continue;
        c->live[k] = DONE;
        put_acc(c, i);
    }
}

/* STORE or FOLD of what was not in the accumulator before. */
static void compile_root(compiler *c, uint32_t k)
{
    const rk_ins *i = &c->s->code[k];
    if (c->live[k]) return;
    uint16_t from = slot_of(c, i->a);
    if (i->op == RK_I_FOLD && !c->s->lanes && !is_shared(c->p, from)) {
        c->p->folded[i->b] = from;
        return;
    }
    keep_acc(c, 0);
    c->acc = NONE;
    emit(c, CPU_STEP_LOAD, 0, from, 0);
    put_roots(c, i->a, k);
}

static void release_operands(compiler *c, const uint16_t *operand, int n)
{
    for (int j = 0; j < n; j++) {
        uint32_t from = operand[j] & RK_R_NUM;
        if ((operand[j] & RK_R_KIND) != RK_R_INS || c->uses[from] || !c->value[from]) continue;
        c->free[c->n_free++] = c->value[from];
        c->value[from] = 0; /* once, if it is read twice */
    }
}

static void compile_one(compiler *c, uint32_t k)
{
    const rk_ins *i = &c->s->code[k];
    uint16_t operand[3], slot[2] = {0, 0};
    int n = operands(i, operand), side = n, uses = 0;
    for (int j = n; j-- > 0;)
        if (c->acc != NONE && operand[j] == (RK_R_INS | c->acc)) {
            side = j;
            uses++;
        }
    for (int j = 0; j < n; j++)
        if ((operand[j] & RK_R_KIND) == RK_R_INS) c->uses[operand[j] & RK_R_NUM]--;
    keep_acc(c, n == 3 && uses > 1);
    if (side == n) {
        emit(c, CPU_STEP_LOAD, side = 0, slot_of(c, operand[0]), 0);
        if (c->s->lanes) put_roots(c, operand[0], k);
    }
    for (int j = 0, rest = 0; j < n; j++)
        if (j != side)
            slot[rest++] = n == 2 && operand[j] == operand[side] ? CPU_ACC : slot_of(c, operand[j]);
    emit(c, i->op, side, slot[0], slot[1]);
    release_operands(c, operand, n);
    c->acc = k;
    c->live[k] = DONE;
    put_roots(c, (uint16_t)(RK_R_INS | k), k);
}

/* An instruction, after those that it needs and that were not done yet: what one root needs comes
 * before what only the next one does, so that less is to be saved. */
static void compile_tree(compiler *c, uint32_t k)
{
    uint16_t operand[3];
    int n = operands(&c->s->code[k], operand);
    for (int j = 0; j < n; j++)
        if ((operand[j] & RK_R_KIND) == RK_R_INS && c->live[operand[j] & RK_R_NUM] != DONE)
            compile_tree(c, operand[j] & RK_R_NUM);
    if (is_root(&c->s->code[k]))
        compile_root(c, k);
    else
        compile_one(c, k);
}

static int reads(const cpu_step *s, uint32_t slot)
{
    int x = (s->op <= CPU_STEP_LOAD && cpu_arity(s->op) != 1) || s->op > CPU_STEP_END;
    return (x && s->x == slot) || ((s->op == RK_I_SELECT || s->op > CPU_STEP_END) && s->y == slot);
}

static uint32_t last_read(const cpu_program *p, uint32_t slot)
{
    uint32_t last = 0;
    for (uint32_t k = 0; k < p->n_step; k++)
        if (reads(&p->step[k], slot)) last = k;
    return last;
}

static uint32_t first_write(const cpu_program *p, uint32_t slot)
{
    for (uint32_t k = 0; k < p->n_step; k++) {
        uint16_t op = p->step[k].op;
        if ((op == CPU_STEP_SAVE || op == CPU_STEP_STREAM) && p->step[k].x == slot) return k;
    }
    return p->n_step;
}

/* Does a step read input j after the elements of an output were written? */
static int read_late(const cpu_program *p, uint32_t j, uint32_t output)
{
    return p->out_bytes[output] == 4 && last_read(p, j) > first_write(p, p->out_slot + output);
}

/* In place: any output may lie in the memory of any input that is read element by element.  Where a
 * step would read an input's block after it was overwritten, the block is copied first. */
static void find_aliases(const cpu_source *s, cpu_program *p)
{
    for (uint32_t j = 0; j < p->n_in; j++) {
        if (p->in[j].how != CPU_READ_DENSE) continue;
        int raw = p->in[j].arg == CPU_NO_ARG;
        for (uint32_t i = 0; i < p->n_out && p->in[j].dtype != RK_U8; i++)
            if ((!raw || p->out_arg[i] == s->raw_arg) && read_late(p, j, i)) {
                p->in[j].how = CPU_READ_COPY;
                p->in[j].late |= UINT64_C(1) << (i < 63 ? i : 63);
            }
        if (!raw && p->in[j].arg < 32 && p->n_out &&
            cpu_dtype_bytes(p->in[j].dtype) == p->out_bytes[0])
            p->alias_ok |= 1u << p->in[j].arg;
    }
}

/* How inputs and immediates are read. */
static void find_reads(compiler *c)
{
    const cpu_source *s = c->s;
    cpu_program *p = c->p;
    int in_tables, by_row = 0;
    p->row = cpu_common_row(s, &in_tables);
    if (s->lanes) in_tables = s->lanes == CPU_LANES_ABREAST;
    for (uint32_t j = 0; j < p->n_in; j++) {
        cpu_access *a = &p->in[j];
        if (a->how == CPU_READ_RUNS && p->row) a->how = in_tables ? CPU_READ_TABLE : CPU_READ_ROW;
        by_row |= a->how == CPU_READ_ROW;
        p->table[j] = a->how == CPU_READ_TABLE;
        p->one[j] =
            a->how == CPU_READ_ONE || (a->how == CPU_READ_ROW && a->stride[a->rank - 1] == 0);
    }
    memset(p->one + p->imm_slot, 1, p->n_imm);
    memset(p->block, 1, p->temp_slot);
    if (s->lanes) p->row = s->row;
    by_row = by_row && p->row % (CPU_ALIGN / 4);
    p->stream = s->stream && by_row ? CPU_STREAM_BLOCKS : s->stream;
}

/* Element e of a tile that begins at element f of a row is row_of[f + e] rows after it. */
static int count_rows(rk_kernel *k, cpu_program *p)
{
    int64_t n = p->row + CPU_TILE_ELEMENTS + CPU_ALIGN / 4;
    if (p->lanes || !memchr(p->table, 1, p->n_in)) return 1;
    p->row_of = cpu_kernel_alloc(k, (size_t)n * sizeof *p->row_of);
    for (int64_t i = 0; i < n && p->row_of; i++) p->row_of[i] = (uint32_t)(i / p->row);
    return p->row_of != NULL;
}

/* Room for what cannot be read or written where it lies. */
static void give_rooms(compiler *c)
{
    cpu_program *p = c->p;
    for (uint32_t j = 0; j < p->n_in; j++) {
        const cpu_access *a = &p->in[j];
        int dense = a->how == CPU_READ_DENSE || a->how == CPU_READ_COPY;
        if (p->used[j] && dense && a->arg != CPU_NO_ARG && a->dtype != RK_U8)
            p->ask[p->n_ask++] = j;
        if (p->used[j] && (a->how == CPU_READ_ROW || a->how == CPU_READ_TABLE))
            p->by_row[p->n_by_row++] = j;
    }
    for (uint32_t j = 0; j < p->n_in; j++) {
        uint32_t how = p->in[j].how, bytes = p->in[j].dtype == RK_U8;
        if (p->used[j] && (bytes || (how != CPU_READ_DENSE && how != CPU_READ_ROW)))
            give_room(c, j);
    }
    if (p->used[p->index_slot]) give_room(c, p->index_slot);
    p->code_at = take_room(c, p->n_step * (size_t)CPU_CODE_BYTES);
    for (uint32_t j = p->out_slot; j < p->fold_slot && p->stream == CPU_STREAM_BLOCKS; j++)
        if (p->out_bytes[j - p->out_slot] == 4) give_room(c, j);
    size_t rows = p->row && p->row < CPU_BLOCK ? (size_t)(CPU_BLOCK / p->row) : 1;
    if (p->lanes == CPU_LANES_ABREAST) rows = CPU_MOST_ABREAST;
    p->lanes_at = take_room(c, p->lanes ? rows * p->n_folded * CPU_FOLD_BYTES : 0);
    p->spare_at = take_room(c, 2 * CPU_TILE_ELEMENTS * 4);
    p->scratch_bytes = c->bytes;
}

static int allocate(rk_kernel *k, const cpu_source *s, compiler *c)
{
    uint32_t n = s->end, slots = s->n_in + s->op->n_out + s->n_fold + 1 + s->op->n_imm + n;
    cpu_program *p = c->p = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return 0;
    p->step = cpu_kernel_alloc(k, (4 * n + 1) * sizeof *p->step);
    p->in = cpu_kernel_alloc(k, (s->n_in + 1) * sizeof *p->in);
    p->ask = cpu_kernel_alloc(k, (s->n_in + 1) * sizeof *p->ask);
    p->by_row = cpu_kernel_alloc(k, (s->n_in + 1) * sizeof *p->by_row);
    p->out_arg = cpu_kernel_alloc(k, (s->op->n_out + 1) * sizeof *p->out_arg);
    p->out_bytes = cpu_kernel_alloc(k, (s->op->n_out + 1) * sizeof *p->out_bytes);
    p->folded = cpu_kernel_alloc(k, (n + 1) * sizeof *p->folded);
    p->imm = cpu_kernel_alloc(k, (s->op->n_imm + 1) * sizeof *p->imm);
    p->room = cpu_kernel_alloc(k, slots * sizeof *p->room);
    p->used = cpu_kernel_alloc(k, slots);
    p->one = cpu_kernel_alloc(k, slots);
    p->table = cpu_kernel_alloc(k, slots);
    p->block = cpu_kernel_alloc(k, slots);
    c->value = cpu_kernel_alloc(k, (n + 1) * sizeof *c->value);
    c->free = cpu_kernel_alloc(k, (n + 1) * sizeof *c->free);
    c->uses = cpu_kernel_alloc(k, (n + 1) * sizeof *c->uses);
    c->live = cpu_kernel_alloc(k, n + 1);
    c->bytes = slots * sizeof(void *);
    return p->step && p->in && p->ask && p->by_row && p->out_arg && p->out_bytes && p->folded &&
           p->imm && p->room && p->used && p->one && p->table && p->block && c->value && c->free &&
           c->uses && c->live;
}

static void number_slots(const cpu_source *s, cpu_program *p)
{
    p->n_in = s->n_in;
    p->n_out = s->op->n_out;
    p->n_fold = s->n_fold;
    p->n_imm = s->op->n_imm;
    p->lanes = s->lanes;
    p->out_slot = p->n_in;
    p->fold_slot = p->out_slot + p->n_out;
    p->index_slot = p->fold_slot + p->n_fold;
    p->imm_slot = p->index_slot + 1;
    p->n_slot = p->temp_slot = p->imm_slot + p->n_imm;
    memcpy(p->in, s->in, s->n_in * sizeof *s->in);
    if (p->n_imm) memcpy(p->imm, s->op->imm, p->n_imm * sizeof *p->imm);
    for (uint32_t j = 0; j < p->n_out; j++) {
        p->out_arg[j] = s->op->n_in + j;
        p->out_bytes[j] = (uint32_t)cpu_dtype_bytes(s->op->out[j].dtype);
    }
}

cpu_program *cpu_program_new(rk_kernel *k, const cpu_source *s)
{
    compiler c = {.s = s, .acc = NONE};
    if (!allocate(k, s, &c)) return NULL;
    cpu_program *p = c.p;
    c.bytes = (c.bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    number_slots(s, p);
    find_reads(&c);
    if (!count_rows(k, p)) return NULL;
    find_uses(&c);
    for (uint32_t i = s->from; i < s->end; i++) {
        p->n_folded += s->code[i].op == RK_I_FOLD;
        if (is_root(&s->code[i])) compile_tree(&c, i);
    }
    emit(&c, CPU_STEP_END, 0, 0, 0);
    find_aliases(s, p);
    give_rooms(&c);
    return p;
}
