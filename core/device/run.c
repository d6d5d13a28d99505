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

/* A buffer of the session's device to or from the reference. */
static rk_status carry(rk_program *p, const rk_detour *d, uint32_t slot, uint32_t buffer, bool back,
                       rk_error *e)
{
    rk_session *s = p->session;
    const rk_buffer *b = &p->plan->buffer[buffer];
    rk_arg there = rk_area_at(&d->area, d->offset[slot]), here = rk_program_place_of(p, buffer);
    rk_open *from = back ? &s->reference : &s->device, *to = back ? &s->device : &s->reference;
    rk_arg source = back ? there : here, target = back ? here : there;
    RK_TRY(rk_open_read(from, source.mem, source.offset, s->staging, b->bytes, e));
    return rk_open_write(to, target.mem, target.offset, s->staging, b->bytes, e);
}

rk_status rk_program_detour(rk_program *p, uint32_t step, rk_error *e)
{
    const rk_step *x = &p->plan->step[step];
    const rk_placed *placed = &p->placed[step];
    const rk_detour *d = placed->detour;
    uint32_t n = x->op.n_in;
    for (uint32_t j = 0; j < n; j++) RK_TRY(carry(p, d, j, x->in[j], false, e));
    for (uint32_t j = 0; j < x->op.n_out && d->keeps; j++)
        RK_TRY(carry(p, d, n + j, x->out[j], false, e));
    RK_TRY(rk_open_launch(&p->session->reference, placed->kernel, placed->args, placed->n_args, e));
    for (uint32_t j = 0; j < x->op.n_out; j++) RK_TRY(carry(p, d, n + j, x->out[j], true, e));
    return RK_OK;
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

static rk_status run_steps(rk_program *p, uint32_t from, uint32_t to, rk_error *e)
{
    rk_session *s = p->session;
    for (uint32_t i = from; i < to; i++) {
        const rk_placed *placed = &p->placed[i];
        rk_status status = placed->detour ? rk_program_detour(p, i, e)
                                          : rk_open_launch(&s->device, placed->kernel, placed->args,
                                                           placed->n_args, e);
        if (status == RK_OK && s->options.poison) status = poison(p, i, e);
        if (status != RK_OK) return blame(p, i, status, e);
    }
    return RK_OK;
}

rk_status rk_program_run_once(rk_program *p, rk_error *e)
{
    return run_steps(p, 0, p->plan->n_once, e);
}

rk_status rk_program_run(rk_program *p, rk_error *e)
{
    if (!p->session->committed)
        return RK_FAIL(e, RK_E_INVALID, "program %s: commit the session first", p->info.name);
    RK_TRY(run_steps(p, p->plan->n_once, p->plan->n_step, e));
    return stay_close(p->session, e);
}

rk_status rk_session_sync(rk_session *s, rk_error *e) { return rk_open_sync(&s->device, e); }
