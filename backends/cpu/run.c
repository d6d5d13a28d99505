/* The interpreter of programs: sets the slots of a block, then one call per step. */
#include "ops.h"
#include <string.h>
#include "vec.h"

static void fill(uint32_t *to, uint32_t word, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = word;
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

cpu_run CPU_NAME(cpu_run_begin)(const cpu_program *p, void *scratch, unsigned char *const *arg,
                                const void *raw, uint32_t *const *fold, int64_t most)
{
    cpu_run r = {.program = p, .arg = arg, .raw = raw, .fold = fold, .slot = scratch};
    size_t pointers = (p->n_slot * sizeof(void *) + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
    int64_t n = most < CPU_BLOCK ? most : CPU_BLOCK;
    r.registers = (uint32_t *)(void *)((unsigned char *)scratch + pointers);
    for (uint32_t s = 0; s < p->n_slot; s++)
        r.slot[s] = p->reg[s] ? r.registers + (size_t)(p->reg[s] - 1) * CPU_BLOCK : NULL;
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j] && p->in[j].how == CPU_READ_ONE && n > 0)
            fill(r.slot[j], load_one(&p->in[j], arg[p->in[j].arg], 0), n);
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->in[j].how == CPU_READ_COPY && !overwritten(&r, j)) r.slot[j] = NULL;
    for (uint32_t j = 0; j < p->n_imm; j++)
        if (p->used[p->imm_slot + j]) fill(r.slot[p->imm_slot + j], p->imm[j], n);
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

/* Elements [start, start + n) of an input that lies in runs; returns where they are. */
static uint32_t *fetch_runs(const cpu_access *a, unsigned char *base, int64_t start, int64_t n,
                            uint32_t *to)
{
    int64_t index[6], at = 0, left = start, last = (int64_t)a->rank - 1, length = a->dim[last];
    for (int64_t d = last; d >= 0; d--) {
        index[d] = left % a->dim[d];
        left /= a->dim[d];
        at += index[d] * a->stride[d];
    }
    if (a->stride[last] == 1 && a->dtype != RK_U8 && index[last] + n <= length)
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

static void set_input(const cpu_run *r, uint32_t j, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    const cpu_access *a = &p->in[j];
    uint32_t *own = r->registers + (size_t)(p->reg[j] ? p->reg[j] - 1 : 0) * CPU_BLOCK;
    unsigned char *base = a->arg == CPU_NO_ARG ? NULL : r->arg[a->arg];
    if (a->how == CPU_READ_COPY && r->slot[j] == own) {
        memcpy(own, base ? (const void *)(base + 4 * start) : r->raw + (start - r->raw_at),
               (size_t)n * 4);
    } else if (a->how == CPU_READ_RUNS) {
        r->slot[j] = fetch_runs(a, base, start, n, own);
    } else if (a->how == CPU_READ_DENSE && a->dtype == RK_U8) {
        widen(own, base + start, n);
    } else if (a->how != CPU_READ_ONE) {
        r->slot[j] = base ? (uint32_t *)(void *)(base + 4 * start)
                          : (uint32_t *)r->raw + (start - r->raw_at);
    }
}

/* Lines of the next block's inputs, of which each step asks for a share: memory has the time of all
 * steps, though but the first ones read it. */
typedef struct asking {
    const cpu_run *run;
    int64_t next, lines, line, share;
    uint32_t input; /* of the dense ones */
} asking;

static asking ask_for(const cpu_run *r, int64_t next, int64_t n)
{
    const cpu_program *p = r->program;
    asking a = {r, next, next < 0 ? 0 : (n * 4 + CPU_ALIGN - 1) / CPU_ALIGN, 0, 0, 0};
    if (p->n_step) a.share = (a.lines * p->n_dense + p->n_step - 1) / p->n_step;
    return a;
}

static inline __attribute__((always_inline)) void ask_share(asking *a)
{
    const cpu_run *r = a->run;
    const cpu_program *p = r->program;
    for (int64_t left = a->share; left > 0 && a->input < p->n_dense;) {
        int64_t n = a->lines - a->line < left ? a->lines - a->line : left;
        const unsigned char *x = r->arg[p->in[p->dense[a->input]].arg] + 4 * a->next;
        for (int64_t i = 0; i < n; i++) __builtin_prefetch(x + (a->line + i) * CPU_ALIGN);
        left -= n;
        a->line += n;
        if (a->line < a->lines) continue;
        a->line = 0;
        a->input++;
    }
}

#ifdef CPU_VEC
static void stream(const cpu_run *r, int64_t start, int64_t n)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_out; j++) {
        const float *from = (const float *)(const void *)r->slot[p->out_slot + j];
        float *to = (float *)(void *)(r->arg[p->out_arg[j]] + 4 * start);
        int64_t i = 0;
        if (!p->reg[p->out_slot + j]) continue;
        for (; i + CPU_VEC <= n; i += CPU_VEC) v_stream(to + i, v_load(from + i));
        memcpy(to + i, from + i, (size_t)(n - i) * sizeof *to);
    }
}
#endif

static void set_outputs(const cpu_run *r, int64_t start)
{
    const cpu_program *p = r->program;
    for (uint32_t j = 0; j < p->n_out; j++)
        if (!p->reg[p->out_slot + j])
            r->slot[p->out_slot + j] =
                (uint32_t *)(void *)(r->arg[p->out_arg[j]] + start * (int64_t)p->out_bytes[j]);
}

void CPU_NAME(cpu_run_block)(const cpu_run *r, int64_t start, int64_t n, int64_t next)
{
    const cpu_program *p = r->program;
    asking a = ask_for(r, next, n);
    for (uint32_t j = 0; j < p->n_in; j++)
        if (p->used[j]) set_input(r, j, start, n);
    set_outputs(r, start);
    for (uint32_t j = 0; j < p->n_fold; j++) r->slot[p->fold_slot + j] = r->fold[j] + start;
    if (p->used[p->index_slot]) {
        uint32_t *index = r->slot[p->index_slot];
        for (int64_t i = 0; i < n; i++) index[i] = (uint32_t)start + (uint32_t)i;
    }
    for (uint32_t k = 0; k < p->n_step; k++) {
        const cpu_step *s = &p->step[k];
        ask_share(&a);
        CPU_NAME(cpu_ops)[s->op](r->slot[s->to], r->slot[s->a], r->slot[s->b], r->slot[s->c], n);
    }
#ifdef CPU_VEC
    stream(r, start, n);
#endif
}

void CPU_NAME(cpu_run_range)(const cpu_run *r, int64_t start, int64_t n)
{
    for (int64_t at = 0, next; at < n; at = next) {
        next = n - at < CPU_BLOCK ? n : at + CPU_BLOCK;
        CPU_NAME(cpu_run_block)(r, start + at, next - at, next < n ? start + next : -1);
    }
}
