#include "program.h"
#include <string.h>
#include "check.h"

cpu_access cpu_access_raw(void) { return (cpu_access){.dtype = RK_F32, .arg = CPU_NO_ARG}; }

cpu_access cpu_access_of(const rk_tensor *t, uint32_t arg, int at_zero)
{
    cpu_access a = {.how = CPU_READ_RUNS, .dtype = t->dtype, .arg = arg};
    for (uint32_t d = 0; d < t->rank; d++) {
        uint32_t last = a.rank - 1;
        if (t->dim[d] == 1 || (int)d == at_zero) continue;
        if (a.rank && a.stride[last] == t->stride[d] * t->dim[d]) {
            a.dim[last] *= t->dim[d];
            a.stride[last] = t->stride[d];
        } else {
            a.dim[a.rank] = t->dim[d];
            a.stride[a.rank++] = t->stride[d];
        }
    }
    if (a.rank == 1 && a.stride[0] == 0) a.how = CPU_READ_ONE;
    if (a.rank == 0 || (a.rank == 1 && a.stride[0] == 1)) a.how = CPU_READ_DENSE;
    return a;
}

/* A program being compiled.  value[k]: slot of instruction k's result. */
typedef struct compiler {
    const cpu_source *s;
    cpu_program *p;
    uint16_t *value;
    uint32_t *last_use; /* of instruction k's result; 0: it is dead */
    uint16_t *free;     /* registers to use again */
    uint32_t n_free;
} compiler;

static int operands(const rk_ins *i, uint16_t operand[3])
{
    int target = i->op == RK_I_STORE || i->op == RK_I_FOLD;
    operand[0] = i->a;
    operand[1] = target ? 0 : i->b;
    operand[2] = i->c;
    return target ? 1 : 3;
}

/* Backward: what a live instruction reads is live. Operand words of 0 that an op does not use look
 * like input 0, which does no harm here: only results of instructions are counted. */
static void find_uses(compiler *c)
{
    uint16_t operand[3];
    for (uint32_t k = c->s->end; k-- > c->s->from;) {
        const rk_ins *i = &c->s->code[k];
        int n = operands(i, operand);
        int root = i->op == RK_I_STORE || i->op == RK_I_FOLD;
        if (!root && !c->last_use[k]) continue;
        for (int j = 0; j < n; j++) {
            uint32_t from = operand[j] & RK_R_NUM;
            if ((operand[j] & RK_R_KIND) != RK_R_INS) continue;
            uint32_t until = i->op == RK_I_FOLD ? c->s->end : k;
            if (c->last_use[from] < until) c->last_use[from] = until;
        }
    }
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

/* The word output that takes instruction k's result directly, or -1. */
static int direct_output(const compiler *c, uint32_t k)
{
    for (uint32_t i = k + 1; i < c->s->end; i++) {
        const rk_ins *ins = &c->s->code[i];
        if (ins->op == RK_I_STORE && ins->a == (RK_R_INS | k) && c->p->out_bytes[ins->b] == 4)
            return ins->b;
    }
    return -1;
}

static void release_operands(compiler *c, uint32_t k)
{
    uint16_t operand[3];
    int n = operands(&c->s->code[k], operand);
    for (int j = 0; j < n; j++) {
        uint32_t from = operand[j] & RK_R_NUM;
        if ((operand[j] & RK_R_KIND) != RK_R_INS || c->last_use[from] != k) continue;
        c->last_use[from] = 0; /* once, if it is read twice */
        if (c->p->reg[c->value[from]]) c->free[c->n_free++] = c->value[from];
    }
}

static void compile_store(compiler *c, const rk_ins *i)
{
    cpu_program *p = c->p;
    uint16_t to = (uint16_t)(p->out_slot + i->b), from = slot_of(c, i->a);
    uint16_t op = p->out_bytes[i->b] == 4 ? RK_I_STORE : CPU_STORE_BYTE;
    if (from != to) p->step[p->n_step++] = (cpu_step){op, to, from, from, from};
}

static void compile_one(compiler *c, uint32_t k)
{
    const rk_ins *i = &c->s->code[k];
    cpu_program *p = c->p;
    uint16_t operand[3], slot[3];
    if (i->op == RK_I_STORE) {
        compile_store(c, i);
        release_operands(c, k);
        return;
    }
    if (i->op == RK_I_FOLD) {
        p->folded[i->b] = slot_of(c, i->a);
        return;
    }
    if (!c->last_use[k]) return;
    operands(i, operand);
    for (int j = 0; j < 3; j++) slot[j] = j < cpu_arity(i->op) ? slot_of(c, operand[j]) : slot[0];
    release_operands(c, k);
    int out = direct_output(c, k);
    if (out >= 0) {
        c->value[k] = (uint16_t)(p->out_slot + (uint32_t)out);
    } else if (c->n_free) {
        c->value[k] = c->free[--c->n_free];
    } else {
        c->value[k] = (uint16_t)p->n_slot++;
        p->reg[c->value[k]] = ++p->n_reg;
    }
    p->step[p->n_step++] = (cpu_step){i->op, c->value[k], slot[0], slot[1], slot[2]};
}

static uint32_t last_read(const cpu_program *p, uint32_t slot)
{
    uint32_t last = 0;
    for (uint32_t k = 0; k < p->n_step; k++)
        if (p->step[k].a == slot || p->step[k].b == slot || p->step[k].c == slot) last = k;
    return last;
}

static uint32_t first_write(const cpu_program *p, uint32_t slot)
{
    for (uint32_t k = 0; k < p->n_step; k++)
        if (p->step[k].to == slot) return k;
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

/* Inputs that cannot be read where they lie, the index and the immediates have registers too, and
 * outputs on their way past the caches. */
static void give_registers(const cpu_source *s, cpu_program *p)
{
    for (uint32_t j = 0; j < p->n_out && s->stream; j++)
        if (p->out_bytes[j] == 4) p->reg[p->out_slot + j] = ++p->n_reg;
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j] && (p->in[j].how != CPU_READ_DENSE || p->in[j].dtype == RK_U8))
            p->reg[j] = ++p->n_reg;
    if (p->used[p->index_slot]) p->reg[p->index_slot] = ++p->n_reg;
    for (uint32_t j = 0; j < p->n_imm; j++)
        if (p->used[p->imm_slot + j]) p->reg[p->imm_slot + j] = ++p->n_reg;
    p->scratch_bytes =
        CPU_ALIGN + (p->n_slot * sizeof(void *) + CPU_ALIGN) + (size_t)p->n_reg * CPU_BLOCK * 4;
}

static void find_dense(cpu_program *p)
{
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j] && p->in[j].arg != CPU_NO_ARG && p->in[j].dtype != RK_U8 &&
            (p->in[j].how == CPU_READ_DENSE || p->in[j].how == CPU_READ_COPY))
            p->dense[p->n_dense++] = j;
}

static int allocate(rk_kernel *k, const cpu_source *s, compiler *c)
{
    uint32_t n = s->end, slots = s->n_in + s->op->n_out + s->n_fold + 1 + s->op->n_imm + n;
    cpu_program *p = c->p = cpu_kernel_alloc(k, sizeof *p);
    if (!p) return 0;
    p->step = cpu_kernel_alloc(k, (n + 1) * sizeof *p->step);
    p->in = cpu_kernel_alloc(k, (s->n_in + 1) * sizeof *p->in);
    p->dense = cpu_kernel_alloc(k, (s->n_in + 1) * sizeof *p->dense);
    p->out_arg = cpu_kernel_alloc(k, (s->op->n_out + 1) * sizeof *p->out_arg);
    p->out_bytes = cpu_kernel_alloc(k, (s->op->n_out + 1) * sizeof *p->out_bytes);
    p->folded = cpu_kernel_alloc(k, (n + 1) * sizeof *p->folded);
    p->imm = cpu_kernel_alloc(k, (s->op->n_imm + 1) * sizeof *p->imm);
    p->reg = cpu_kernel_alloc(k, slots * sizeof *p->reg);
    p->used = cpu_kernel_alloc(k, slots);
    c->value = cpu_kernel_alloc(k, (n + 1) * sizeof *c->value);
    c->free = cpu_kernel_alloc(k, (n + 1) * sizeof *c->free);
    c->last_use = cpu_kernel_alloc(k, (n + 1) * sizeof *c->last_use);
    return p->step && p->in && p->dense && p->out_arg && p->out_bytes && p->folded && p->imm &&
           p->reg && p->used && c->value && c->free && c->last_use;
}

cpu_program *cpu_program_new(rk_kernel *k, const cpu_source *s)
{
    compiler c = {.s = s};
    if (!allocate(k, s, &c)) return NULL;
    cpu_program *p = c.p;
    p->n_in = s->n_in;
    p->n_out = s->op->n_out;
    p->n_fold = s->n_fold;
    p->n_imm = s->op->n_imm;
    p->out_slot = p->n_in;
    p->fold_slot = p->out_slot + p->n_out;
    p->index_slot = p->fold_slot + p->n_fold;
    p->imm_slot = p->index_slot + 1;
    p->n_slot = p->imm_slot + p->n_imm;
    memcpy(p->in, s->in, s->n_in * sizeof *s->in);
    if (p->n_imm) memcpy(p->imm, s->op->imm, p->n_imm * sizeof *p->imm);
    for (uint32_t j = 0; j < p->n_out; j++) {
        p->out_arg[j] = s->op->n_in + j;
        p->out_bytes[j] = (uint32_t)cpu_dtype_bytes(s->op->out[j].dtype);
    }
    find_uses(&c);
    for (uint32_t i = s->from; i < s->end; i++) {
        compile_one(&c, i);
        p->n_folded += s->code[i].op == RK_I_FOLD;
    }
    find_aliases(s, p);
    give_registers(s, p);
    find_dense(p);
    return p;
}

int cpu_program_holder(const rk_op *op)
{
    int any = -1;
    for (uint32_t j = 0; j < op->n_out; j++)
        if (cpu_dtype_bytes(op->out[j].dtype) == 4 && any < 0) any = (int)j;
    return any;
}

cpu_program *cpu_epilogue_new(rk_kernel *k, const rk_op *op, uint32_t raw_arg)
{
    cpu_access in[CPU_MAX_ARGS];
    cpu_source s = {.op = op, .code = op->code, .end = op->n_code, .in = in, .raw_arg = raw_arg};
    in[s.n_in++] = cpu_access_raw();
    for (uint32_t j = cpu_operands(op); j < op->n_in; j++)
        in[s.n_in++] = cpu_access_of(&op->in[j], j, -1);
    cpu_program *p = cpu_program_new(k, &s);
    if (p && raw_arg < op->n_in + op->n_out) p->alias_ok = 0; /* the result is in an output */
    return p;
}
