/* Kernels for the steps of a plan.  prepare is the question and its answer is the kernel: nothing
 * is assumed about what a backend can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/helpers.h"
#include "device/tuned.h"

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

/* Room for one more step's kernel. */
static rk_status reserve(rk_program *p, uint32_t step, rk_error *e)
{
    if (step % 64 != 0) return RK_OK;
    rk_placed *wider = realloc(p->placed, (step + (size_t)64) * sizeof *wider);
    if (!wider) return no_memory(e);
    memset(wider + step, 0, 64 * sizeof *wider);
    p->placed = wider;
    return RK_OK;
}

/* The first output that lies in an input's memory although the kernel may not have it so. */
static bool bad_alias(const rk_plan *plan, const rk_step *s, uint32_t *output)
{
    for (uint32_t o = 0; o < s->op.n_out; o++)
        for (uint32_t j = 0; j < s->op.n_in; j++) {
            if (plan->buffer[s->out[o]].kind == RK_BUFFER_TEMP) continue;
            if (s->out[o] != s->in[j] || rk_step_alias(s, j)) continue;
            *output = o;
            return true;
        }
    return false;
}

/* The first reason is kept: a device that lacks a kind gives the same one each time. */
static void note_fallback(rk_program *p, const rk_op *op, const char *reason)
{
    p->info.fallback_steps++;
    if (!p->note[0]) snprintf(p->note, sizeof p->note, "%s: %s", rk_op_kind(op), reason);
}

static rk_status open_reference(rk_session *s, rk_error *e)
{
    uint32_t device;
    if (s->reference.device) return RK_OK;
    if (rk_hub_find(s->hub, "cpu", &device, e) != RK_OK)
        return rk_error_prefix(e, "no reference to fall back to");
    return rk_open_device(s->hub, device, &s->reference, e);
}

/* The device has no kernel: the policy decides. */
static rk_status fall_back(rk_program *p, uint32_t step, rk_kinfo *info, rk_error *e)
{
    rk_session *s = p->session;
    char line[200], reason[256];
    const rk_step *x = &p->plan->step[step];
    rk_step_print(p->plan, step, line, sizeof line);
    snprintf(reason, sizeof reason, "%.250s", e->text);
    if (s->options.fallback == RK_FALLBACK_FORBID)
        return RK_FAIL(e, RK_E_UNSUPPORTED,
                       "%s has no kernel for step%s: %s; --fallback reference runs it on the CPU",
                       s->device.spec, line, reason);
    RK_TRY(open_reference(s, e));
    rk_op op = x->op;
    op.flags = 0;
    RK_TRY(rk_open_prepare(&s->reference, &op, true, &p->placed[step].kernel, info, e));
    p->placed[step].where = RK_ON_REFERENCE;
    note_fallback(p, &op, reason);
    return RK_OK;
}

/* One step's kernel; *again if the plan was changed and this number is another step now. */
static rk_status place_step(rk_program *p, uint32_t step, bool *again, rk_error *e)
{
    rk_session *s = p->session;
    rk_plan *plan = p->plan;
    bool exact = s->options.numerics == RK_NUMERICS_EXACT;
    rk_error why = rk_error_new(), cannot = rk_error_new();
    rk_kinfo info;
    uint32_t output;
    bool tuned;
    plan->step[step].op.flags = exact ? 0 : RK_OP_FAST;
    p->placed[step].where = RK_ON_DEVICE;
    rk_status status = rk_hub_prepare(s->hub, &s->device, &plan->step[step].op, exact,
                                      &p->placed[step].kernel, &info, &tuned, &why);
    if (status == RK_E_UNSUPPORTED) {
        bool part = rk_part_of(&plan->step[step].op) != UINT32_MAX;
        rk_status split =
            part ? rk_plan_part(plan, step, &cannot) : rk_plan_split(plan, step, &cannot);
        *again = split == RK_OK;
        if (*again) return RK_OK;
        if (split != RK_E_UNSUPPORTED) return RK_FAIL(e, split, "%s", cannot.text);
        status = fall_back(p, step, &info, &why);
    }
    if (status != RK_OK) {
        char line[160];
        rk_step_print(plan, step, line, sizeof line);
        if (e) *e = why;
        if (status != RK_E_UNSUPPORTED) rk_error_prefix(e, "step%s", line);
        return status;
    }
    p->tuned = p->tuned || tuned;
    rk_step *x = &plan->step[step];
    x->workspace_bytes = info.workspace;
    x->alias_ok = info.alias_ok;
    x->impl = rk_pool_string(&plan->pool, info.impl);
    if (!x->impl) return no_memory(e);
    if (!bad_alias(plan, x, &output)) return RK_OK;
    if (x->op.kind != RK_EWISE && x->op.n_code && p->placed[step].where == RK_ON_DEVICE) {
        /* The result through memory, and an EWISE that may write in place: that is less than every
         * state through memory. */
        rk_open_release(&s->device, p->placed[step].kernel);
        p->placed[step].kernel = NULL;
        *again = true;
        return rk_plan_split(plan, step, e);
    }
    for (; bad_alias(plan, x, &output); x = &plan->step[step])
        RK_TRY(rk_plan_detach(plan, step, output, e));
    return RK_OK;
}

static rk_status place_all(rk_program *p, rk_error *e)
{
    uint32_t origin = 0, parts = 1; /* of the step as it was made: not yet placed */
    for (uint32_t step = 0; step < p->plan->n_step;) {
        uint32_t before = p->plan->n_step;
        bool again = false;
        RK_TRY(reserve(p, step, e));
        rk_helpers_step(p, step);
        rk_status s = place_step(p, step, &again, e);
        if (p->placed[step].kernel) p->n_placed = step + 1;
        if (s != RK_OK) return s;
        parts += p->plan->n_step - before;
        p->placed[step].origin = origin;
        if (again) continue;
        step++;
        if (--parts) continue;
        origin++;
        parts = 1;
    }
    return RK_OK;
}

rk_status rk_program_place(rk_program *p, rk_error *e)
{
    rk_status status = place_all(p, e);
    rk_helpers_end(p);
    return status;
}
