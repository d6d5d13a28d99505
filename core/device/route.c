/* The way of values between the device and the reference that stands in for it: copies are steps of
 * the plan, so that they can be seen, and one is made only where a step needs what the other device
 * has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/program.h"

/* What is known of each buffer of the plan. */
typedef struct whereabouts {
    bool here, there; /* the device, the reference has its value */
    uint32_t mirror;  /* 0: it has none */
} whereabouts;

typedef struct router {
    rk_program *p;
    whereabouts *at; /* [n], by buffers as they were before mirrors */
    uint32_t n, workspace;
} router;

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

/* A buffer on the reference, "cpu:0/name" in texts. */
static rk_status add_mirror(router *r, uint32_t dtype, const rk_shape *shape, const char *name,
                            uint32_t *out, rk_error *e)
{
    rk_plan *plan = r->p->plan;
    rk_str text = {0};
    rk_shape own = *shape; /* buffers may move */
    rk_str_add(&text, "%s/%s", r->p->session->reference.spec, name);
    const char *copy = text.failed ? NULL : rk_pool_string(&plan->pool, text.s);
    rk_str_free(&text);
    *out = copy ? rk_plan_temp(plan, dtype, &own) : 0;
    if (!*out) return no_memory(e);
    plan->buffer[*out].kind = RK_BUFFER_MIRROR;
    plan->buffer[*out].name = copy;
    return RK_OK;
}

static rk_status mirror_of(router *r, uint32_t buffer, uint32_t *out, rk_error *e)
{
    const rk_buffer *b = &r->p->plan->buffer[buffer];
    char number[32];
    snprintf(number, sizeof number, "%%%u", buffer);
    if (!r->at[buffer].mirror)
        RK_TRY(add_mirror(r, b->dtype, &b->shape, b->name[0] ? b->name : number,
                          &r->at[buffer].mirror, e));
    *out = r->at[buffer].mirror;
    return RK_OK;
}

/* Room for one more step in the list of placed ones, before number at. */
static rk_status insert_placed(rk_program *p, uint32_t at, rk_side where, uint32_t origin,
                               rk_error *e)
{
    rk_placed *wider = realloc(p->placed, (p->n_placed + (size_t)1) * sizeof *wider);
    if (!wider) return no_memory(e);
    p->placed = wider;
    memmove(wider + at + 1, wider + at, (p->n_placed - at) * sizeof *wider);
    wider[at] = (rk_placed){.where = where, .origin = origin};
    p->n_placed++;
    return RK_OK;
}

/* A copy between a buffer and its mirror before step *at, which is then the next number. */
static rk_status add_copy(router *r, uint32_t *at, uint32_t origin, bool once, uint32_t buffer,
                          bool send, rk_error *e)
{
    rk_program *p = r->p;
    uint32_t mirror;
    char text[160];
    RK_TRY(mirror_of(r, buffer, &mirror, e));
    RK_TRY(insert_placed(p, *at, send ? RK_SEND : RK_FETCH, origin, e));
    RK_TRY(rk_plan_copy(p->plan, *at, send ? buffer : mirror, send ? mirror : buffer, e));
    snprintf(text, sizeof text, "transfer of %llu bytes to %.60s",
             (unsigned long long)p->plan->buffer[buffer].bytes,
             send ? p->session->reference.spec : p->session->device.spec);
    p->plan->step[*at].impl = rk_pool_string(&p->plan->pool, text);
    if (!p->plan->step[*at].impl) return no_memory(e);
    p->plan->n_once += once;
    r->at[buffer].here = r->at[buffer].there = true;
    ++*at;
    return RK_OK;
}

/* Brings what a step reads to where it runs. */
static rk_status gather(router *r, uint32_t *at, bool away, bool once, rk_error *e)
{
    rk_plan *plan = r->p->plan;
    uint32_t origin = r->p->placed[*at].origin;
    const rk_step x = plan->step[*at]; /* its lists stay where they are */
    int64_t box[24];
    /* What is not written of an output stays as it was. */
    uint32_t n = x.op.n_in + (rk_step_box(&x, box) ? x.op.n_out : 0);
    for (uint32_t j = 0; j < n; j++) {
        uint32_t buffer = j < x.op.n_in ? x.in[j] : x.out[j - x.op.n_in];
        const whereabouts *w = &r->at[buffer];
        if (away ? !w->there && w->here : !w->here && w->there)
            RK_TRY(add_copy(r, at, origin, once, buffer, away, e));
    }
    return RK_OK;
}

/* Lets a step of the reference work on mirrors. */
static rk_status redirect(router *r, uint32_t step, rk_error *e)
{
    uint32_t mirror;
    rk_plan *plan = r->p->plan;
    const rk_step x = plan->step[step];
    uint32_t *operand = rk_pool_array(&plan->pool, (size_t)x.op.n_in + x.op.n_out, sizeof *operand);
    if (!operand) return no_memory(e);
    for (uint32_t j = 0; j < x.op.n_in + x.op.n_out; j++) {
        RK_TRY(mirror_of(r, j < x.op.n_in ? x.in[j] : x.out[j - x.op.n_in], &mirror, e));
        operand[j] = mirror;
    }
    plan->step[step].in = operand;
    plan->step[step].out = operand + x.op.n_in;
    if (!x.workspace_bytes) return RK_OK;
    rk_shape bytes = {1, {(int64_t)x.workspace_bytes}};
    if (!r->workspace) RK_TRY(add_mirror(r, RK_U8, &bytes, "workspace", &r->workspace, e));
    rk_buffer *b = &plan->buffer[r->workspace]; /* one for all: steps come one after the other */
    if (b->bytes < x.workspace_bytes) b->bytes = x.workspace_bytes;
    plan->step[step].workspace = r->workspace;
    return RK_OK;
}

/* Notes what a step wrote where.  What lives on after the run, or is made once, goes back to the
 * device at once, the rest when a step of the device asks for it. */
static rk_status scatter(router *r, uint32_t *at, const rk_step *x, bool away, bool once,
                         rk_error *e)
{
    uint32_t origin = r->p->placed[*at].origin;
    ++*at;
    for (uint32_t j = 0; j < x->op.n_out; j++) {
        uint32_t buffer = x->out[j];
        r->at[buffer].here = !away;
        r->at[buffer].there = away;
        if (away && r->p->plan->buffer[buffer].kind != RK_BUFFER_TEMP)
            RK_TRY(add_copy(r, at, origin, once, buffer, false, e));
    }
    return RK_OK;
}

static rk_status route(router *r, rk_error *e)
{
    rk_plan *plan = r->p->plan;
    for (uint32_t step = 0; step < plan->n_step;) {
        bool away = r->p->placed[step].where == RK_ON_REFERENCE, once = step < plan->n_once;
        RK_TRY(gather(r, &step, away, once, e));
        const rk_step x = plan->step[step];
        if (away) RK_TRY(redirect(r, step, e));
        RK_TRY(scatter(r, &step, &x, away, once, e));
    }
    return RK_OK;
}

static void lay_out(rk_program *p)
{
    for (uint32_t i = 1; i < p->plan->n_buffer; i++) {
        rk_buffer *b = &p->plan->buffer[i];
        if (b->kind != RK_BUFFER_MIRROR) continue;
        b->offset = rk_area_fit(&p->session->reference, p->mirror_bytes, b->bytes);
        p->mirror_bytes = b->offset + b->bytes;
    }
}

rk_status rk_program_route(rk_program *p, rk_error *e)
{
    router r = {.p = p, .n = p->plan->n_buffer};
    if (!p->info.fallback_steps) return RK_OK;
    r.at = calloc(r.n, sizeof *r.at);
    if (!r.at) return no_memory(e);
    for (uint32_t i = 1; i < r.n; i++) {
        rk_buffer_kind kind = p->plan->buffer[i].kind;
        r.at[i].here = kind == RK_BUFFER_STATE || kind == RK_BUFFER_INPUT;
    }
    rk_status status = route(&r, e);
    p->mirror = rk_pool_array(&p->pool, r.n, sizeof *p->mirror);
    if (!p->mirror && status == RK_OK) status = no_memory(e);
    for (uint32_t i = 0; p->mirror && i < r.n; i++) p->mirror[i] = r.at[i].mirror;
    free(r.at);
    if (status == RK_OK) lay_out(p);
    return status;
}
