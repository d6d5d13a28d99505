/* Plans step by step, by the numbers that the steps had when the plan was made: devices that split
 * steps differently, or fall back, still meet after each of these. */
#include <stdlib.h>
#include <string.h>
#include "device/program.h"
#include "rethink/numerics.h"

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

static const char *instruction_name(uint16_t op)
{
#define NAME(name, n)                                                                              \
    case RK_I_##name: return #name;
    switch (op) {
        RK_INSTRUCTIONS(NAME)
    case RK_I_STORE: return "STORE";
    case RK_I_FOLD: return "FOLD";
    default: return "?";
    }
#undef NAME
}

static const char *code_text(rk_program *p, const rk_op *op)
{
    rk_str text = {0};
    rk_str_add(&text, "%s", "");
    for (uint32_t i = 0; i < op->n_code; i++)
        rk_str_add(&text, "%s%s", i ? " " : "", instruction_name(op->code[i].op));
    const char *copy = text.failed ? NULL : rk_pool_string(&p->pool, text.s);
    rk_str_free(&text);
    return copy;
}

static rk_status keep_step(rk_program *p, uint32_t number, rk_error *e)
{
    const rk_plan *plan = p->plan;
    const rk_step *s = &plan->step[number];
    rk_trace_step *made = &p->made[number];
    rk_trace_out *out = rk_pool_array(&p->pool, s->op.n_out, sizeof *out);
    char line[400];
    rk_step_print(plan, number, line, sizeof line);
    *made = (rk_trace_step){.text = rk_pool_string(&p->pool, line + strspn(line, " ")),
                            .code = code_text(p, &s->op),
                            .impl = "",
                            .n_out = s->op.n_out,
                            .out = out};
    int64_t box[24];
    bool partly = rk_step_box(s, box);
    if (partly) p->made_box[number] = rk_pool_copy(&p->pool, box, sizeof box);
    if (!out || !made->text || !made->code || (partly && !p->made_box[number])) return no_memory(e);
    for (uint32_t j = 0; j < s->op.n_out; j++) {
        const rk_buffer *b = &plan->buffer[s->out[j]];
        rk_shape shape = {.rank = s->op.out[j].rank};
        memcpy(shape.dim, s->op.out[j].dim, sizeof shape.dim);
        const char *name = rk_pool_string(&p->pool, b->name);
        if (!name) return no_memory(e);
        out[j] =
            (rk_trace_out){.buffer = s->out[j],
                           .dtype = b->dtype,
                           .name = name,
                           .shape = shape,
                           .bytes = (uint64_t)rk_shape_size(b->shape) * rk_dtype_bytes(b->dtype),
                           .passing = number < plan->n_once && b->kind == RK_BUFFER_TEMP};
    }
    return RK_OK;
}

rk_status rk_program_trace_keep(rk_program *p, rk_error *e)
{
    p->n_made = p->plan->n_step;
    p->n_made_once = p->plan->n_once;
    p->made = rk_pool_array(&p->pool, p->n_made, sizeof *p->made);
    p->made_box = rk_pool_array(&p->pool, p->n_made, sizeof *p->made_box);
    if (!p->made || !p->made_box) return no_memory(e);
    for (uint32_t i = 0; i < p->n_made; i++) RK_TRY(keep_step(p, i, e));
    return RK_OK;
}

/* Steps [*from, result) are what became of a step as it was made. */
static uint32_t part_of(const rk_program *p, uint32_t made, uint32_t *from)
{
    uint32_t to;
    for (*from = 0; *from < p->n_placed && p->placed[*from].origin < made;) ++*from;
    for (to = *from; to < p->n_placed && p->placed[to].origin == made;) to++;
    return to;
}

rk_status rk_program_trace_name(rk_program *p, rk_error *e)
{
    for (uint32_t i = 0, at = 0; i < p->n_made; i++) {
        rk_str text = {0};
        for (; at < p->n_placed && p->placed[at].origin == i; at++)
            rk_str_add(&text, "%s%s%s", text.n ? ", " : "", p->plan->step[at].impl,
                       p->placed[at].where == RK_ON_REFERENCE ? " (fallback)" : "");
        p->made[i].impl = text.failed ? NULL : rk_pool_string(&p->pool, text.s ? text.s : "");
        rk_str_free(&text);
        if (!p->made[i].impl) return no_memory(e);
    }
    return RK_OK;
}

uint32_t rk_program_trace(const rk_program *p, const rk_trace_step **out, uint32_t *once)
{
    *out = p->made;
    *once = p->n_made_once;
    return p->n_made;
}

rk_status rk_program_trace_run(rk_program *p, uint32_t step, rk_error *e)
{
    uint32_t from, to = part_of(p, step, &from);
    if (!p->session->committed || step < p->n_made_once || step >= p->n_made)
        return RK_FAIL(e, RK_E_INVALID, "program %s: step %u cannot be run by itself", p->info.name,
                       step);
    return rk_program_run_steps(p, from, to, e);
}

/* Where the last of the steps that write the buffer left it; NULL if none does. */
static const rk_arg *written_at(const rk_program *p, uint32_t from, uint32_t to, uint32_t buffer,
                                bool *away)
{
    for (uint32_t i = to; i-- > from;) {
        const rk_step *s = &p->plan->step[i];
        *away = p->placed[i].where == RK_ON_REFERENCE;
        if (p->placed[i].where != RK_ON_DEVICE && !*away) continue;
        for (uint32_t j = 0; j < s->op.n_out; j++)
            if (s->out[j] == (*away ? p->mirror[buffer] : buffer))
                return &p->placed[i].args[s->op.n_in + j];
    }
    return NULL;
}

/* Zeros around the box that a step writes: other boxes may not be there yet. */
static rk_status keep_box(const int64_t *p, const rk_trace_out *o, unsigned char *data, rk_error *e)
{
    uint32_t bytes = rk_dtype_bytes(o->dtype);
    int64_t index[RK_MAX_RANK] = {0}, at = p[20], d = p[0];
    unsigned char *box = calloc(1, o->bytes);
    if (!box) return no_memory(e);
    for (int64_t k = 0; k < p[0]; k++)
        if (p[1 + 3 * k] == 0) d = -1; /* empty */
    while (d >= 0) {
        memcpy(box + at * bytes, data + at * bytes, bytes);
        for (d = p[0] - 1; d >= 0; d--) { /* the next element */
            at += p[3 + 3 * d];
            if (++index[d] < p[1 + 3 * d]) break;
            at -= p[3 + 3 * d] * p[1 + 3 * d];
            index[d] = 0;
        }
    }
    memcpy(data, box, o->bytes);
    free(box);
    return RK_OK;
}

rk_status rk_program_trace_read(rk_program *p, uint32_t step, uint32_t output, void *dst,
                                rk_error *e)
{
    const rk_trace_out *o = &p->made[step].out[output];
    uint32_t from, to = part_of(p, step, &from);
    bool away = false;
    const rk_arg *at = p->session->committed ? written_at(p, from, to, o->buffer, &away) : NULL;
    if (!at)
        return RK_FAIL(e, RK_E_INVALID, "program %s: step %u has no output to read", p->info.name,
                       step);
    if (o->bytes == 0) return RK_OK;
    RK_TRY(rk_open_read(away ? &p->session->reference : &p->session->device, at->mem, at->offset,
                        dst, o->bytes, e));
    return p->made_box[step] ? keep_box(p->made_box[step], o, dst, e) : RK_OK;
}
