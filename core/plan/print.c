/* Plans as text. */
#include <stdio.h>
#include <xxhash.h>
#include "plan/plan.h"

const char *rk_op_kind(const rk_op *op)
{
    static const char *const names[] = {"?",    "ewise",  "copy", "reduce", "matmul",
                                        "conv", "window", "take", "put",    "rng"};
    return op->kind < sizeof names / sizeof *names ? names[op->kind] : "?";
}

static void print_parameters(const rk_op *op, rk_str *out)
{
    static const char *const folds[] = {"sum", "max", "argmax"};
    static const char *const convs[] = {"y", "dx", "dw"};
    static const char *const windows[] = {"sum", "sum_t", "argmax", "take", "put"};
    const int64_t *p = op->p;
    switch (op->kind) {
    case RK_EWISE: return;
    case RK_COPY:
        for (int64_t d = 0; d < p[0]; d++)
            rk_str_add(out, "%s%lld:%lld:%lld", d ? "," : " ", (long long)p[1 + 3 * d],
                       (long long)p[2 + 3 * d], (long long)p[3 + 3 * d]);
        rk_str_add(out, " from %lld to %lld", (long long)p[19], (long long)p[20]);
        return;
    case RK_REDUCE:
        rk_str_add(out, " %s %lldx(%lld)x%lld", folds[p[0]], (long long)p[1], (long long)p[2],
                   (long long)p[3]);
        return;
    case RK_MATMUL:
        rk_str_add(out, " %lldx%lldx%lldx%lld %c%c %lld %lld", (long long)p[0], (long long)p[1],
                   (long long)p[2], (long long)p[3], p[4] ? 't' : 'n', p[5] ? 't' : 'n',
                   (long long)p[6], (long long)p[7]);
        return;
    case RK_CONV: rk_str_add(out, " %s", convs[p[0]]); break;
    case RK_WINDOW: rk_str_add(out, " %s", windows[p[0]]); break;
    default: rk_str_add(out, " %lld", (long long)p[0]); break;
    }
    for (int i = 1; i < 14; i++) rk_str_add(out, "%s%lld", i == 1 ? " " : ",", (long long)p[i]);
    if (rk_part_of(op) != UINT32_MAX)
        rk_str_add(out, " part %lld of %lld", (long long)p[15], (long long)p[14]);
}

static void print_tensor(const rk_plan *plan, const rk_tensor *t, uint32_t buffer, bool placed,
                         rk_str *out)
{
    const rk_buffer *b = &plan->buffer[buffer];
    rk_str_add(out, " %s[", t->dtype == RK_F32 ? "f32" : t->dtype == RK_U32 ? "u32" : "u8");
    for (uint32_t d = 0; d < t->rank; d++)
        rk_str_add(out, "%s%lld%s", d ? "," : "", (long long)t->dim[d],
                   t->stride[d] == 0 && t->dim[d] > 1 ? "*" : "");
    if (b->kind == RK_BUFFER_TEMP || b->kind == RK_BUFFER_ONCE)
        rk_str_add(out, "]%%%u", buffer);
    else
        rk_str_add(out, "]%s", b->name);
    if (placed && b->kind == RK_BUFFER_TEMP)
        rk_str_add(out, "@%llu", (unsigned long long)plan->buffer[b->home].offset);
}

static void print_step(const rk_plan *plan, uint32_t number, bool placed, rk_str *out)
{
    const rk_step *s = &plan->step[number];
    rk_str_add(out, "%3u %s%s", number, number < plan->n_once ? "once " : "", rk_op_kind(&s->op));
    print_parameters(&s->op, out);
    if (s->op.n_code) {
        uint64_t code = XXH3_64bits(s->op.code, s->op.n_code * sizeof *s->op.code);
        uint64_t all = XXH3_64bits_withSeed(s->op.imm, s->op.n_imm * sizeof *s->op.imm, code);
        rk_str_add(out, " program %u #%08x", s->op.n_code, (uint32_t)all);
    }
    for (uint32_t j = 0; j < s->op.n_in; j++)
        print_tensor(plan, &s->op.in[j], s->in[j], placed, out);
    rk_str_add(out, " ->");
    for (uint32_t j = 0; j < s->op.n_out; j++)
        print_tensor(plan, &s->op.out[j], s->out[j], placed, out);
    if (!placed) return;
    if (s->workspace)
        rk_str_add(out, " workspace %llu@%llu", (unsigned long long)s->workspace_bytes,
                   (unsigned long long)plan->buffer[plan->buffer[s->workspace].home].offset);
    rk_str_add(out, " by %s", s->impl);
}

void rk_plan_print(const rk_plan *plan, bool placed, rk_str *out)
{
    for (uint32_t i = 0; i < plan->n_step; i++) {
        print_step(plan, i, placed, out);
        rk_str_add(out, "\n");
    }
}

void rk_step_print(const rk_plan *plan, uint32_t step, char *out, size_t cap)
{
    rk_str text = {0};
    print_step(plan, step, false, &text);
    if (text.s && !text.failed)
        snprintf(out, cap, "%s", text.s);
    else
        snprintf(out, cap, "%u %s", step, rk_op_kind(&plan->step[step].op));
    rk_str_free(&text);
}
