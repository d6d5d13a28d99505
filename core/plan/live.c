/* When temporaries live, and which take over the memory of one that ends. */
#include "plan/plan.h"

static void touch(rk_plan *plan, uint32_t buffer, uint32_t step)
{
    rk_buffer *b = &plan->buffer[buffer];
    if (b->kind != RK_BUFFER_TEMP) return;
    if (b->first == UINT32_MAX) b->first = step;
    b->last = step;
}

/* The home of an input whose memory this output may take over, or 0. */
static uint32_t take_over(rk_plan *plan, uint32_t number, uint32_t o)
{
    const rk_step *s = &plan->step[number];
    uint32_t output = s->out[o];
    for (uint32_t j = 0; j < s->op.n_in; j++) {
        const rk_buffer *in = &plan->buffer[s->in[j]];
        uint32_t home = in->home;
        if (in->kind != RK_BUFFER_TEMP || !rk_step_alias(s, j)) continue;
        if (plan->buffer[home].last != number || in->bytes != plan->buffer[output].bytes) continue;
        bool elsewhere = false; /* the same memory in another operand, or another output in it */
        for (uint32_t i = 0; i < s->op.n_in; i++)
            elsewhere |= i != j && plan->buffer[s->in[i]].home == home &&
                         plan->buffer[s->in[i]].kind == RK_BUFFER_TEMP && !rk_step_alias(s, i);
        for (uint32_t i = 0; i < s->op.n_out; i++)
            elsewhere |= i != o && plan->buffer[s->out[i]].kind == RK_BUFFER_TEMP &&
                         plan->buffer[s->out[i]].home == home;
        if (!elsewhere) return home;
    }
    return 0;
}

rk_status rk_plan_lives(rk_plan *plan, bool in_place, rk_error *e)
{
    for (uint32_t i = 0; i < plan->n_step; i++) {
        rk_shape scratch = {1, {(int64_t)plan->step[i].workspace_bytes}};
        if (!plan->step[i].workspace_bytes || plan->step[i].workspace) continue;
        plan->step[i].workspace = rk_plan_temp(plan, RK_U8, &scratch);
        if (!plan->step[i].workspace) return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    }
    for (uint32_t b = 1; b < plan->n_buffer; b++) {
        plan->buffer[b].home = b;
        plan->buffer[b].first = UINT32_MAX;
        plan->buffer[b].last = 0;
    }
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        for (uint32_t j = 0; j < s->op.n_in; j++) touch(plan, s->in[j], i);
        for (uint32_t j = 0; j < s->op.n_out; j++) touch(plan, s->out[j], i);
        if (s->workspace) touch(plan, s->workspace, i);
    }
    for (uint32_t i = 0; i < plan->n_step && in_place; i++)
        for (uint32_t j = 0; j < plan->step[i].op.n_out; j++) {
            rk_buffer *out = &plan->buffer[plan->step[i].out[j]];
            if (out->kind != RK_BUFFER_TEMP || out->first != i) continue;
            uint32_t home = take_over(plan, i, j);
            if (!home) continue;
            out->home = home;
            if (out->last > plan->buffer[home].last) plan->buffer[home].last = out->last;
        }
    return RK_OK;
}
