/* From what a user writes to devices, without loading a backend into this process. */
#include "check/check.h"
#include "check/child.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct search {
    const char *target;
    const char *const *extra, *const *option;
    uint32_t n_extra;
} search;

/* One device, or how it ended. */
typedef struct found {
    bool last;
    rk_status status;
    rk_error e;
    rk_check_device device;
} found;

static bool is_file(const char *target)
{
    size_t n = strlen(target);
    return strchr(target, '/') || (n > 3 && strcmp(target + n - 3, ".so") == 0);
}

static void describe(found *f, const rk_backend *t, const rk_devinfo *info)
{
    rk_check_device *d = &f->device;
    d->info = *info;
    d->index = info->index;
    d->info.id[sizeof d->info.id - 1] = d->info.name[sizeof d->info.name - 1] = '\0';
    d->info.driver[sizeof d->info.driver - 1] = '\0';
    if (!d->info.id[0]) snprintf(d->info.id, sizeof d->info.id, "%u", d->index);
    snprintf(d->backend, sizeof d->backend, "%s", t->name);
    snprintf(d->version, sizeof d->version, "%s", t->version ? t->version : "");
    snprintf(d->spec, sizeof d->spec, "%s:%s", d->backend, d->info.id);
}

static rk_status try_open(rk_bed *bed, found *f)
{
    rk_status s = bed->backend->open(&bed->host, f->device.index, &bed->device, &f->e);
    if (s != RK_OK) {
        bed->device = NULL;
        if (!f->e.text[0]) RK_FAIL(&f->e, s, "the backend gave no reason");
        rk_error_prefix(&f->e, "%s cannot be opened", f->device.spec);
    }
    rk_bed_close(bed);
    return s;
}

/* The devices of the file in f->device.path that can be opened; only the one of that number, unless
 * it is UINT32_MAX. */
static rk_status send_devices(const search *search, found *f, uint32_t only, int fd)
{
    rk_bed bed;
    uint32_t n = 0, sent = 0;
    rk_devinfo list[RK_BACKEND_DEVICES];
    memset(list, 0, sizeof list);
    list[0].size = sizeof list[0];
    RK_TRY(rk_bed_load(&bed, f->device.path, search->option, &f->e));
    rk_status s = bed.backend->enumerate(&bed.host, list, RK_BACKEND_DEVICES, &n, &f->e);
    if (s != RK_OK) {
        rk_error_prefix(&f->e, "its devices cannot be enumerated");
        return s;
    }
    if (n == 0)
        return RK_FAIL(&f->e, RK_E_UNSUPPORTED, "it has no device here: %s",
                       f->e.text[0] ? f->e.text : "and does not say why");
    if (n > RK_BACKEND_DEVICES && only == UINT32_MAX)
        return RK_FAIL(&f->e, RK_E_UNSUPPORTED,
                       "it has %u devices, %d at most are checked: name one, as with --backend %s "
                       "%s:0",
                       n, RK_BACKEND_DEVICES, search->target, bed.backend->name);
    for (uint32_t i = 0; i < n && i < RK_BACKEND_DEVICES; i++) {
        if (only != UINT32_MAX && list[i].index != only) continue;
        describe(f, bed.backend, &list[i]);
        RK_TRY(try_open(&bed, f));
        sent += rk_child_send(fd, f, sizeof *f);
    }
    if (sent > 0) return RK_OK;
    return RK_FAIL(&f->e, RK_E_UNSUPPORTED, "its device number %u is not there any more: it has %u",
                   only, n);
}

static rk_status look(const search *s, found *f, int fd)
{
    rk_hub *hub = NULL;
    const char *path = NULL;
    uint32_t only = UINT32_MAX;
    if (is_file(s->target)) {
        char real[PATH_MAX];
        if (!realpath(s->target, real)) return RK_FAIL(&f->e, RK_E_IO, "%s", strerror(errno));
        snprintf(f->device.path, sizeof f->device.path, "%s", real);
    } else {
        rk_status status = rk_hub_new(s->extra, s->n_extra, &hub, &f->e);
        if (status == RK_OK) status = rk_hub_locate(hub, s->target, &path, &only, &f->e);
        if (status == RK_OK) snprintf(f->device.path, sizeof f->device.path, "%s", path);
        rk_hub_free(hub);
        if (status != RK_OK) return status;
    }
    return send_devices(s, f, only, fd);
}

static void work(void *ctx, int fd)
{
    found *f = calloc(1, sizeof *f);
    if (!f) return;
    f->e = rk_error_new();
    f->status = look(ctx, f, fd);
    f->last = true;
    rk_child_send(fd, f, sizeof *f);
    free(f);
}

rk_status rk_check_find(const char *target, const char *const *extra, uint32_t n_extra,
                        const char *const *option, double seconds, rk_check_device *out,
                        uint32_t *n, rk_error *e)
{
    search s = {target, extra, option, n_extra};
    rk_child c;
    char how[128];
    found *f = calloc(1, sizeof *f);
    if (!f) return RK_FAIL(e, RK_E_NOMEM, "no memory for a search");
    rk_status status = rk_child_start(&c, work, &s, e);
    *n = 0;
    if (status == RK_OK) {
        while (rk_child_read(&c, f, sizeof *f, seconds) && !f->last)
            if (*n < RK_BACKEND_DEVICES) out[(*n)++] = f->device;
        rk_child_end(&c, seconds, how, sizeof how);
        if (!f->last || how[0])
            status = RK_FAIL(e, RK_E_DEVICE, "%s: loading it and looking for devices %s", target,
                             how[0] ? how : "ended without an answer");
        else if (f->status != RK_OK)
            status = RK_FAIL(e, f->status, "%s%s%s", is_file(target) ? target : "",
                             is_file(target) ? ": " : "", f->e.text);
        else if (*n == 0)
            status = RK_FAIL(e, RK_E_INTERNAL, "%s: no device of it was found", target);
    }
    free(f);
    return status;
}
