/* Tasks that wait for others, whose weights they look at. */
#include "base/error.h"
#include "base/text.h"
#include "cli/sweep.h"
#include <stdlib.h>
#include <string.h>

static bool is_after(const rk_task *t, const rk_task *other)
{
    if (t->config.seed != other->config.seed || strcmp(t->config.preset, other->config.preset) != 0)
        return false;
    for (uint32_t i = 0; i < t->n_after; i++)
        if (strcmp(t->after[i], other->label) == 0) return true;
    return false;
}

static void refuse(rk_task *t, const rk_task *other)
{
    rk_str text = {0};
    rk_str_add(&text, "not started: it comes after '%s', which %s", other->label,
               other->state == RK_TASK_FAILED ? "failed" : "was stopped");
    t->state = RK_TASK_FAILED;
    free(t->reason);
    t->reason = text.s;
}

bool rk_sweep_ready(const rk_sweep *s, rk_task *t)
{
    for (uint32_t i = 0; t->n_after && i < s->n; i++) {
        const rk_task *other = &s->task[i];
        if (other == t || !is_after(t, other)) continue;
        switch (other->state) {
        case RK_TASK_NEW:
        case RK_TASK_RESUME:
        case RK_TASK_RUNNING: return false;
        case RK_TASK_STOPPED:
        case RK_TASK_FAILED: refuse(t, other); return false;
        case RK_TASK_BEFORE:
        case RK_TASK_LEFT_OUT:
        case RK_TASK_DONE: break;
        }
    }
    return true;
}

rk_status rk_sweep_check_alone(const rk_sweep *s, rk_error *e)
{
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; s->task[i].n_after && k < s->n; k++)
            if (k != i && is_after(&s->task[i], &s->task[k]))
                return RK_FAIL(e, RK_E_INVALID,
                               "--emit: '%s' comes after '%s' and looks at its weights, which "
                               "elements of an array job do not share: leave --emit out, or one of "
                               "them with --variant",
                               s->task[i].label, s->task[k].label);
    return RK_OK;
}
