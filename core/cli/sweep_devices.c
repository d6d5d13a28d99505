/* The devices of a sweep's tasks. */
#include "cli/sweep.h"
#include <stdlib.h>
#include <string.h>

static bool has(const rk_task *t, const char *spec)
{
    for (uint32_t i = 0; i < t->n_devices; i++)
        if (strcmp(t->device[i], spec) == 0) return true;
    return false;
}

/* Specs instead of what was asked for, without those that were left out, each once. */
static void choose(const rk_devices_used *found, rk_task *t)
{
    uint32_t asked = t->n_devices;
    t->n_devices = 0;
    for (uint32_t i = 0; i < asked; i++) {
        const rk_device_entry *entry = rk_devices_used_get(found, t->device[i]);
        if (entry && !has(t, entry->spec)) t->device[t->n_devices++] = entry->spec;
    }
    if (t->n_devices == 0) t->state = RK_TASK_LEFT_OUT;
}

/* Two names of one device would be the same run twice. */
static void leave_out_twins(rk_sweep *s)
{
    for (uint32_t i = 0; i < s->n && !s->spread; i++)
        for (uint32_t j = i; j > 0 && s->task[j - 1].job == s->task[i].job; j--)
            if (s->task[j - 1].n_devices && s->task[i].n_devices &&
                strcmp(s->task[j - 1].device[0], s->task[i].device[0]) == 0)
                s->task[i].state = RK_TASK_LEFT_OUT;
}

rk_status rk_sweep_find_devices(rk_hub *hub, rk_sweep *s, rk_error *e)
{
    rk_jobs wanted = {.job = calloc(s->n + 1, sizeof *wanted.job), .n = s->n};
    if (!wanted.job) return RK_FAIL(e, RK_E_NOMEM, "no memory for a sweep");
    for (uint32_t i = 0; i < s->n; i++) {
        rk_settings *set = &wanted.job[i].s;
        set->config = s->task[i].config;
        set->n_devices = s->task[i].n_devices;
        memcpy(set->device, s->task[i].device, s->task[i].n_devices * sizeof *set->device);
    }
    rk_status status = rk_devices_used_find(hub, &wanted, &s->devices, e);
    free(wanted.job);
    RK_TRY(status);
    for (uint32_t i = 0; i < s->n; i++) choose(&s->devices, &s->task[i]);
    leave_out_twins(s);
    return RK_OK;
}
