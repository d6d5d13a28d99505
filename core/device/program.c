/* Programs: a graph made ready for the session's device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/program.h"

void rk_program_free(rk_program *p)
{
    if (!p) return;
    rk_session *s = p->session;
    for (uint32_t i = 0; i < p->n_placed; i++) {
        bool away = p->placed[i].where == RK_ON_REFERENCE;
        rk_open_release(away ? &s->reference : &s->device, p->placed[i].kernel);
    }
    rk_area_free(&s->reference, &p->mirrors);
    free(p->placed);
    rk_plan_free(p->plan);
    rk_str_free(&p->text);
    rk_str_free(&p->kernels);
    rk_pool_free(&p->pool);
    free(p);
}

static bool listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 2 : NULL)
        if (strncmp(at, name, n) == 0 && (at[n] == ';' || !at[n])) return true;
    return false;
}

/* "n of m steps fell back to cpu:0 (why)", and what that costs. */
static void describe_fallback(rk_program *p)
{
    char reason[256];
    uint32_t copies = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->plan->n_step; i++) {
        if (p->placed[i].where != RK_SEND && p->placed[i].where != RK_FETCH) continue;
        copies++;
        bytes += p->plan->buffer[p->plan->step[i].in[0]].bytes;
    }
    snprintf(reason, sizeof reason, "%.255s", p->note);
    snprintf(p->note, sizeof p->note,
             "%u of %u steps fell back to %s (%s); %u copies, at most %llu bytes a run",
             p->info.fallback_steps, p->plan->n_step - copies, p->session->reference.spec, reason,
             copies, (unsigned long long)bytes);
}

static rk_status describe(rk_program *p, const char *name, rk_error *e)
{
    rk_program_info *info = &p->info;
    const rk_plan *plan = p->plan;
    rk_plan_print(plan, true, &p->text);
    rk_str_add(&p->kernels, "%s", "");
    rk_str_add(&p->text, "%s", "");
    for (uint32_t i = 0; i < plan->n_step; i++)
        if (p->placed[i].kernel && !listed(p->kernels.s, plan->step[i].impl))
            rk_str_add(&p->kernels, "%s%s", p->kernels.n ? "; " : "", plan->step[i].impl);
    if (p->tuned) {
        char digest[33];
        rk_hub_tuning(p->session->hub, digest);
        rk_str_add(&p->kernels, "; tuned by %.12s", digest);
    }
    info->name = rk_pool_string(&p->pool, name);
    if (p->text.failed || p->kernels.failed || !info->name)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for the text of a plan");
    if (info->fallback_steps) describe_fallback(p);
    info->steps = plan->n_step - plan->n_once;
    info->flop = rk_plan_flop(plan);
    info->arena_bytes = plan->arena_bytes;
    info->bound_bytes = plan->bound_bytes;
    memcpy(info->digest, plan->digest, sizeof info->digest);
    info->text = p->text.s;
    info->kernels = p->kernels.s;
    info->fallback_note = p->note;
    return RK_OK;
}

static rk_status make(rk_program *p, const rk_graph *g, const char *name, rk_error *e)
{
    rk_session *s = p->session;
    rk_plan_options how = {.unfused = s->options.unfused};
    rk_pack_options pack = {rk_area_align(&s->device), rk_area_piece(&s->device),
                            s->options.separate};
    RK_TRY(rk_plan_make(g, &how, &p->plan, e));
    RK_TRY(rk_program_trace_keep(p, e));
    RK_TRY(rk_program_place(p, e));
    RK_TRY(rk_program_trace_name(p, e));
    RK_TRY(rk_program_route(p, e));
    RK_TRY(rk_plan_lives(p->plan, !s->options.separate, e));
    RK_TRY(rk_plan_pack(p->plan, &pack, e));
    RK_TRY(rk_session_join(s, p->plan, e));
    return describe(p, name, e);
}

rk_status rk_session_add(rk_session *s, const rk_graph *g, const char *name, rk_program **out,
                         rk_error *e)
{
    *out = NULL;
    if (s->committed)
        return RK_FAIL(e, RK_E_INVALID, "program %s: add all programs before the commit", name);
    rk_program **wider = realloc(s->program, (s->n_program + (size_t)1) * sizeof *wider);
    rk_program *p = wider ? calloc(1, sizeof *p) : NULL;
    if (wider) s->program = wider;
    if (!p) return RK_FAIL(e, RK_E_NOMEM, "no memory for program %s", name);
    p->session = s;
    rk_status status = make(p, g, name, e);
    if (status != RK_OK) {
        rk_program_free(p);
        rk_error_prefix(e, "program %s", name);
        return status;
    }
    s->program[s->n_program++] = p;
    *out = p;
    return RK_OK;
}

const rk_program_info *rk_program_describe(const rk_program *p) { return &p->info; }

/* ---- memory ---- */

rk_arg rk_program_place_of(const rk_program *p, uint32_t buffer)
{
    const rk_session *s = p->session;
    const rk_buffer *b = &p->plan->buffer[buffer];
    uint32_t at = 0;
    if (b->kind == RK_BUFFER_TEMP) return rk_area_at(&s->arena, p->plan->buffer[b->home].offset);
    if (b->kind == RK_BUFFER_MIRROR) return rk_area_at(&p->mirrors, b->offset);
    if (b->kind == RK_BUFFER_ONCE) return rk_area_at(&s->states, b->offset);
    rk_session_find(s, b->name, &at); /* joined: it is there */
    return rk_area_at(&s->states, s->offset[at]);
}

rk_status rk_program_bind(rk_program *p, rk_error *e)
{
    if (p->mirror_bytes)
        RK_TRY(rk_area_new(&p->session->reference, p->mirror_bytes, &p->mirrors, e));
    for (uint32_t i = 0; i < p->plan->n_step; i++) {
        const rk_step *x = &p->plan->step[i];
        uint32_t n = x->op.n_in + x->op.n_out + (x->workspace_bytes != 0);
        rk_arg *args = rk_pool_array(&p->pool, n, sizeof *args);
        if (!args) return RK_FAIL(e, RK_E_NOMEM, "no memory for the steps of a program");
        p->placed[i].args = args;
        p->placed[i].n_args = n;
        for (uint32_t j = 0; j < x->op.n_in; j++) args[j] = rk_program_place_of(p, x->in[j]);
        for (uint32_t j = 0; j < x->op.n_out; j++)
            args[x->op.n_in + j] = rk_program_place_of(p, x->out[j]);
        if (x->workspace_bytes) args[n - 1] = rk_program_place_of(p, x->workspace);
    }
    return RK_OK;
}

uint64_t rk_program_staging(const rk_program *p)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < p->plan->n_step; i++) {
        const rk_step *x = &p->plan->step[i];
        bool carried = p->placed[i].where == RK_SEND || p->placed[i].where == RK_FETCH;
        if (!carried && !p->session->options.poison) continue;
        for (uint32_t j = 0; j < x->op.n_in + x->op.n_out; j++) {
            uint32_t buffer = j < x->op.n_in ? x->in[j] : x->out[j - x->op.n_in];
            if (p->plan->buffer[buffer].bytes > most) most = p->plan->buffer[buffer].bytes;
        }
    }
    return most;
}
