#include "cli/devices_used.h"
#include "cli/cli.h"
#include <stdlib.h>
#include <string.h>

/* The spec without the '?' at its end; true if there was one. */
static bool optional(const char *asked, char *spec, size_t cap)
{
    size_t n = strlen(asked);
    bool mark = n && asked[n - 1] == '?';
    snprintf(spec, cap, "%.*s", (int)(mark ? n - 1 : n), asked);
    return mark;
}

/* Whether any device of the backend that the spec names is there. */
static bool backend_has_device(const rk_hub *hub, const char *spec)
{
    const rk_device_entry *entry;
    uint32_t n = rk_hub_devices(hub, &entry);
    size_t length = strcspn(spec, ":");
    for (uint32_t i = 0; i < n; i++)
        if (strncmp(entry[i].spec, spec, length) == 0 && entry[i].spec[length] == ':') return true;
    return false;
}

static rk_status resolve(rk_hub *hub, const char *asked, const rk_session_options *options,
                         rk_device_used *out, rk_error *e)
{
    char spec[256];
    rk_session *session = NULL;
    bool may_lack = optional(asked, spec, sizeof spec);
    *out = (rk_device_used){.asked = asked};
    rk_status status = rk_session_open(hub, spec, options, &session, e);
    if (status != RK_OK && may_lack && !backend_has_device(hub, spec)) {
        fprintf(stderr, "rethink: SKIPPED device %s: %s\n", spec, e->text);
        return RK_OK;
    }
    RK_TRY(status);
    out->entry = *rk_session_device(session);
    rk_session_close(session);
    return RK_OK;
}

static rk_status find_one(rk_hub *hub, const rk_settings *s, const char *asked,
                          rk_devices_used *out, rk_error *e)
{
    for (uint32_t i = 0; i < out->n; i++)
        if (strcmp(out->device[i].asked, asked) == 0) return RK_OK;
    rk_device_used *longer = realloc(out->device, (out->n + 1) * sizeof *longer);
    if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of devices");
    out->device = longer;
    RK_TRY(resolve(hub, asked, &s->config.session, &longer[out->n], e));
    out->n++;
    return RK_OK;
}

rk_status rk_devices_used_find(rk_hub *hub, const rk_jobs *jobs, rk_devices_used *out, rk_error *e)
{
    rk_status status = RK_OK;
    *out = (rk_devices_used){0};
    for (uint32_t i = 0; i < jobs->n && status == RK_OK; i++)
        for (uint32_t j = 0; j < jobs->job[i].s.n_devices && status == RK_OK; j++)
            status = find_one(hub, &jobs->job[i].s, jobs->job[i].s.device[j], out, e);
    bool any = false;
    for (uint32_t i = 0; i < out->n; i++) any |= out->device[i].entry.spec[0] != '\0';
    if (status == RK_OK && !any)
        status = RK_FAIL(e, RK_E_INVALID, "there is no device to run on: see 'rethink devices -v'");
    if (status != RK_OK) rk_devices_used_free(out);
    return status;
}

void rk_devices_used_free(rk_devices_used *d)
{
    free(d->device);
    *d = (rk_devices_used){0};
}

const rk_device_entry *rk_devices_used_get(const rk_devices_used *d, const char *asked)
{
    for (uint32_t i = 0; i < d->n; i++)
        if (strcmp(d->device[i].asked, asked) == 0)
            return d->device[i].entry.spec[0] ? &d->device[i].entry : NULL;
    return NULL;
}

void rk_devices_used_print(const rk_devices_used *d, FILE *f)
{
    const char *separator = "Devices:";
    for (uint32_t i = 0; i < d->n; i++) {
        const rk_device_entry *entry = &d->device[i].entry;
        if (!entry->spec[0]) continue;
        fprintf(f, "%s %s (%s%s%s)", separator, entry->spec, entry->info.name,
                entry->info.driver[0] ? ", " : "", entry->info.driver);
        separator = ",";
    }
    fputc('\n', f);
}
