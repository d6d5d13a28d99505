/* Running programs: launches that were prepared before, one after the other. */
#include <string.h>
#include "device/program.h"

static rk_status blame(const rk_program *p, uint32_t step, rk_status s, rk_error *e)
{
    char line[160];
    rk_step_print(p->plan, step, line, sizeof line);
    rk_error_prefix(e, "program %s, step%s", p->info.name, line);
    return s;
}

/* A buffer to its mirror, or back. */
static rk_status carry(rk_program *p, uint32_t step, rk_error *e)
{
    rk_session *s = p->session;
    rk_placed *x = &p->placed[step];
    const rk_buffer *source = &p->plan->buffer[p->plan->step[step].in[0]];
    uint64_t bytes = source->bytes;
    bool send = x->where == RK_SEND;
    uint32_t at;
    if (source->kind == RK_BUFFER_INPUT && rk_session_find(s, source->name, &at)) {
        /* Only the host writes inputs: a data set crosses once. */
        if (x->sent == s->written[at] + 1) return RK_OK;
        x->sent = s->written[at] + 1;
    }
    rk_open *from = send ? &s->device : &s->reference, *to = send ? &s->reference : &s->device;
    RK_TRY(rk_open_read(from, x->args[0].mem, x->args[0].offset, s->staging, bytes, e));
    return rk_open_write(to, x->args[1].mem, x->args[1].offset, s->staging, bytes, e);
}

static rk_status launch(rk_program *p, uint32_t step, rk_error *e)
{
    const rk_placed *x = &p->placed[step];
    rk_session *s = p->session;
    if (x->where == RK_SEND || x->where == RK_FETCH) return carry(p, step, e);
    rk_open *d = x->where == RK_ON_REFERENCE ? &s->reference : &s->device;
    return rk_open_launch(d, x->kernel, x->args, x->n_args, e);
}

/* For tests: what ended with this step is overwritten with NaN, so that a late reader shows. */
static rk_status poison(rk_program *p, uint32_t step, rk_error *e)
{
    rk_session *s = p->session;
    memset(s->staging, 0xFF, s->staging_bytes);
    for (uint32_t b = 1; b < p->plan->n_buffer; b++) {
        const rk_buffer *x = &p->plan->buffer[b];
        if (x->kind != RK_BUFFER_TEMP || x->home != b || x->first == UINT32_MAX) continue;
        if (x->last != step || x->bytes > s->staging_bytes) continue;
        rk_arg at = rk_area_at(&s->arena, x->offset);
        RK_TRY(rk_open_write(&s->device, at.mem, at.offset, s->staging, x->bytes, e));
    }
    return RK_OK;
}

/* Waits until few enough executions are unfinished, then marks the end of this one. */
static rk_status stay_close(rk_session *s, rk_error *e)
{
    if (!rk_open_marks(&s->device)) return RK_OK;
    uint64_t *slot = &s->ticket[s->next_ticket];
    if (s->n_ticket == RK_RUN_AHEAD)
        RK_TRY(rk_open_wait(&s->device, *slot, e));
    else
        s->n_ticket++;
    RK_TRY(rk_open_mark(&s->device, slot, e));
    s->next_ticket = (s->next_ticket + 1) % RK_RUN_AHEAD;
    return RK_OK;
}

rk_status rk_program_run_steps(rk_program *p, uint32_t from, uint32_t to, rk_error *e)
{
    for (uint32_t i = from; i < to; i++) {
        rk_status status = launch(p, i, e);
        if (status == RK_OK && p->session->options.poison) status = poison(p, i, e);
        if (status != RK_OK) return blame(p, i, status, e);
    }
    return RK_OK;
}

rk_status rk_program_run_once(rk_program *p, rk_error *e)
{
    return rk_program_run_steps(p, 0, p->plan->n_once, e);
}

rk_status rk_program_run(rk_program *p, rk_error *e)
{
    if (!p->session->committed)
        return RK_FAIL(e, RK_E_INVALID, "program %s: commit the session first", p->info.name);
    RK_TRY(rk_program_run_steps(p, p->plan->n_once, p->plan->n_step, e));
    return stay_close(p->session, e);
}

rk_status rk_session_sync(rk_session *s, rk_error *e) { return rk_open_sync(&s->device, e); }
