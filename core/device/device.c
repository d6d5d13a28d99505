#include "device/tuned.h"
#include <stdlib.h>
#include <string.h>

/* What a call returned, with a text in any case.  what names the call. */
static rk_status settle(rk_open *d, rk_status s, const char *what, rk_error *own, rk_error *e)
{
    if (s == RK_OK) return RK_OK;
    own->text[sizeof own->text - 1] = own->where[sizeof own->where - 1] = '\0';
    own->code = s;
    if (!own->text[0])
        RK_FAIL(own, s, "%s %s: %s, and the backend gave no reason", d->spec, what,
                rk_status_name(s));
    if (s == RK_E_DEVICE) {
        d->lost = true;
        d->reason = *own;
    }
    if (e) {
        uint32_t size = e->size;
        *e = *own;
        e->size = size;
    }
    return s;
}

static bool is_lost(const rk_open *d, rk_error *e)
{
    if (d->lost && e) *e = d->reason;
    return d->lost;
}

void rk_open_lose(rk_open *d, const char *why)
{
    d->lost = true;
    d->reason = rk_error_new();
    RK_FAIL(&d->reason, RK_E_DEVICE, "%s", why);
}

rk_status rk_open_device(const rk_hub *h, uint32_t device, rk_open *out, rk_error *e)
{
    const rk_loaded *l = h->loaded[h->device_backend[device]];
    rk_error own = rk_error_new();
    *out = (rk_open){
        .table = &l->table, .info = h->devices[device].info, .spec = h->devices[device].spec};
    rk_status s = l->table.open(&l->host, out->info.index, &out->device, &own);
    if (s == RK_OK && !out->device) s = RK_E_INTERNAL;
    if (s == RK_OK) return RK_OK;
    out->device = NULL;
    settle(out, s, "open", &own, e);
    rk_error_prefix(e, "cannot open %s", out->spec);
    return s;
}

void rk_open_close(rk_open *d)
{
    if (d->device) d->table->close(d->device);
    d->device = NULL;
}

rk_status rk_open_alloc(rk_open *d, uint64_t bytes, rk_mem **out, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    *out = NULL;
    rk_status s = d->table->mem_alloc(d->device, bytes, out, &own);
    return settle(d, s == RK_OK && !*out ? RK_E_INTERNAL : s, "mem_alloc", &own, e);
}

void rk_open_free(rk_open *d, rk_mem *m)
{
    if (m && !d->lost) d->table->mem_free(d->device, m); /* of a lost one, close frees all */
}

rk_status rk_open_write(rk_open *d, rk_mem *m, uint64_t offset, const void *src, uint64_t bytes,
                        rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->write(d->device, m, offset, src, bytes, &own), "write", &own, e);
}

rk_status rk_open_read(rk_open *d, rk_mem *m, uint64_t offset, void *dst, uint64_t bytes,
                       rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->read(d->device, m, offset, dst, bytes, &own), "read", &own, e);
}

rk_status rk_open_choices(rk_open *d, const rk_op *op, uint32_t i, char *name, uint32_t *n,
                          rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    *n = 1;
    memset(name, 0, 64);
    if (!d->table->choices || !d->table->prepare_choice) return RK_OK;
    rk_status s = d->table->choices(d->device, op, i, name, n, &own);
    name[63] = '\0';
    return settle(d, s, "choices", &own, e);
}

/* choice: NULL is the backend's own. */
static rk_status prepare(rk_open *d, const rk_op *op, bool exact, const char *choice, rk_kernel **k,
                         rk_kinfo *info, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    *k = NULL;
    *info = (rk_kinfo){.size = sizeof *info};
    rk_status s = choice ? d->table->prepare_choice(d->device, op, choice, k, info, &own)
                         : d->table->prepare(d->device, op, k, info, &own);
    if (s == RK_OK && !*k) s = RK_E_INTERNAL;
    if (s != RK_OK) *k = NULL;
    info->impl[sizeof info->impl - 1] = '\0';
    for (char *c = info->impl; *c; c++)
        if (*c == ';') *c = ',';
    if (s == RK_OK && exact && info->tier != RK_TIER_EXACT) {
        rk_open_release(d, *k);
        *k = NULL;
        s = RK_FAIL(&own, RK_E_UNSUPPORTED, "its kernel %s is not exact", info->impl);
    }
    return settle(d, s, "prepare", &own, e);
}

rk_status rk_open_probe(rk_open *d, rk_probe *probe, rk_kernel **k, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    *k = NULL;
    if (!d->table->probe)
        return RK_FAIL(e, RK_E_UNSUPPORTED, "backend %s has no probes", d->table->name);
    rk_status s = d->table->probe(d->device, probe, k, &own);
    if (s == RK_OK && (!*k || !(probe->work > 0))) {
        s = RK_FAIL(&own, RK_E_INTERNAL, "probe gave %s",
                    *k ? "a kernel without work" : "no kernel");
        rk_open_release(d, *k);
    }
    if (s != RK_OK) *k = NULL;
    probe->text[sizeof probe->text - 1] = '\0';
    return settle(d, s, "probe", &own, e);
}

rk_status rk_open_prepare(rk_open *d, const rk_op *op, bool exact, rk_kernel **k, rk_kinfo *info,
                          rk_error *e)
{
    return prepare(d, op, exact, NULL, k, info, e);
}

rk_status rk_open_prepare_choice(rk_open *d, const rk_op *op, bool exact, const char *choice,
                                 rk_kernel **k, rk_kinfo *info, rk_error *e)
{
    return prepare(d, op, exact, choice, k, info, e);
}

rk_status rk_open_launch(rk_open *d, rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e)
{
    rk_error own; /* a launch is short: the record is filled only by a failure */
    if (is_lost(d, e)) return RK_E_DEVICE;
    own.size = sizeof own;
    own.text[0] = own.where[0] = '\0';
    own.native = 0;
    own.line = 0;
    rk_status s = d->table->launch(d->device, k, args, n, &own);
    return s == RK_OK ? RK_OK : settle(d, s, "launch", &own, e);
}

void rk_open_release(rk_open *d, rk_kernel *k)
{
    if (k && !d->lost) d->table->release(d->device, k);
}

rk_status rk_open_sync(rk_open *d, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->sync(d->device, &own), "sync", &own, e);
}

bool rk_open_marks(const rk_open *d) { return d->table->mark && d->table->wait; }

rk_status rk_open_mark(rk_open *d, uint64_t *ticket, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->mark(d->device, ticket, &own), "mark", &own, e);
}

rk_status rk_open_wait(rk_open *d, uint64_t ticket, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->wait(d->device, ticket, &own), "wait", &own, e);
}

rk_status rk_open_elapsed(rk_open *d, uint64_t from, uint64_t to, uint64_t *ns, rk_error *e)
{
    rk_error own = rk_error_new();
    if (!d->table->elapsed_ns) return RK_OK;
    if (is_lost(d, e)) return RK_E_DEVICE;
    return settle(d, d->table->elapsed_ns(d->device, from, to, ns, &own), "elapsed_ns", &own, e);
}

rk_status rk_open_time_kernels(rk_open *d, bool on, rk_error *e)
{
    rk_error own = rk_error_new();
    if (is_lost(d, e)) return RK_E_DEVICE;
    if (!d->table->time_kernels || !d->table->elapsed_ns || !rk_open_marks(d))
        return RK_FAIL(e, RK_E_UNSUPPORTED, "backend %s does not time kernels", d->table->name);
    return settle(d, d->table->time_kernels(d->device, on, &own), "time_kernels", &own, e);
}

/* ---- memory in pieces ---- */

uint64_t rk_area_align(const rk_open *d) { return d->info.mem_align > 64 ? d->info.mem_align : 64; }

uint64_t rk_area_piece(const rk_open *d)
{
    uint64_t most = d->info.mem_max_alloc ? d->info.mem_max_alloc : UINT64_MAX;
    return most / rk_area_align(d) * rk_area_align(d);
}

uint64_t rk_area_fit(const rk_open *d, uint64_t at, uint64_t bytes)
{
    uint64_t align = rk_area_align(d), piece = rk_area_piece(d);
    at = (at + align - 1) / align * align;
    return at / piece == (at + bytes - 1) / piece ? at : (at / piece + 1) * piece;
}

rk_status rk_area_new(rk_open *d, uint64_t bytes, rk_area *out, rk_error *e)
{
    uint64_t piece = rk_area_piece(d), n = bytes ? (bytes - 1) / piece + 1 : 0;
    *out = (rk_area){.piece_bytes = piece, .bytes = bytes};
    out->piece = calloc((size_t)n + 1, sizeof *out->piece);
    if (!out->piece) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of memory");
    for (; out->n < n; out->n++) {
        uint64_t left = bytes - out->n * piece;
        rk_status s = rk_open_alloc(d, left < piece ? left : piece, &out->piece[out->n], e);
        if (s != RK_OK) return s;
    }
    return RK_OK;
}

void rk_area_free(rk_open *d, rk_area *a)
{
    for (uint32_t i = 0; i < a->n; i++) rk_open_free(d, a->piece[i]);
    free(a->piece);
    *a = (rk_area){0};
}

rk_arg rk_area_at(const rk_area *a, uint64_t offset)
{
    return (rk_arg){a->piece[offset / a->piece_bytes], offset % a->piece_bytes};
}
