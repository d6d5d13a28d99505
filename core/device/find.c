/* From what a user writes to a device. */
#include "base/text.h"
#include "device/hub.h"
#include "device/load.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "cpu:0 (AMD EPYC), opencl:0.0 (...)" */
static void list_known(const rk_hub *h, char *out, size_t cap)
{
    size_t n = 0;
    snprintf(out, cap, "none: no backend has a device; rethink devices -v says why");
    for (uint32_t i = 0; i < h->n_devices && n < cap; i++) {
        const rk_device_entry *d = &h->devices[i];
        int more = snprintf(out + n, cap - n, "%s%s (%.60s)", i ? ", " : "", d->spec, d->info.name);
        n += more > 0 ? (size_t)more : 0;
    }
}

/* Why a backend that spec names has no device, if the backend said. */
static const char *why_none(const rk_hub *h, const char *spec)
{
    for (uint32_t i = 0; i < h->n_candidates; i++) {
        const rk_candidate *c = &h->candidates[i];
        size_t n = strlen(c->backend);
        bool named = n && strncmp(spec, c->backend, n) == 0 && (!spec[n] || spec[n] == ':');
        if (named && c->note[0]) return c->note;
    }
    return NULL;
}

static rk_status unknown(const rk_hub *h, const char *spec, rk_error *e)
{
    char known[320];
    const char *why = why_none(h, spec);
    list_known(h, known, sizeof known);
    if (why)
        return RK_FAIL(e, RK_E_INVALID, "no device '%.60s': %.200s; known: %s", spec, why, known);
    return RK_FAIL(e, RK_E_INVALID, "no device '%.60s'; known: %s", spec, known);
}

/* Is spec "backend:part", with part in the device's name or platform? */
static bool names_part(const rk_device_entry *d, const char *spec)
{
    size_t n = strlen(d->backend);
    return strncmp(spec, d->backend, n) == 0 && spec[n] == ':' && spec[n + 1] &&
           (strcasestr(d->info.name, spec + n + 1) || strcasestr(d->info.platform, spec + n + 1));
}

static rk_status find_part(const rk_hub *h, const char *spec, uint32_t *device, rk_error *e)
{
    uint32_t found = 0;
    for (uint32_t i = h->n_devices; i-- > 0;) {
        if (!names_part(&h->devices[i], spec)) continue;
        *device = i;
        found++;
    }
    if (found == 0) return unknown(h, spec, e);
    if (found == 1) return RK_OK;
    char known[320];
    list_known(h, known, sizeof known);
    return RK_FAIL(e, RK_E_INVALID, "%u devices are meant by '%.60s'; known: %s", found, spec,
                   known);
}

rk_status rk_hub_find(const rk_hub *h, const char *spec, uint32_t *device, rk_error *e)
{
    for (uint32_t i = 0; i < h->n_devices; i++) {
        *device = i;
        if (strcmp(spec, h->devices[i].spec) == 0 || strcmp(spec, h->devices[i].backend) == 0)
            return RK_OK;
    }
    return find_part(h, spec, device, e);
}

rk_status rk_hub_locate(const rk_hub *h, const char *spec, const char **path, uint32_t *index,
                        rk_error *e)
{
    uint32_t device;
    RK_TRY(rk_hub_find(h, spec, &device, e));
    *path = h->loaded[h->device_backend[device]]->path;
    *index = h->devices[device].info.index;
    return RK_OK;
}
