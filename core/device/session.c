#include "base/os.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/program.h"

/* ---- which device ---- */

static rk_status test_device(rk_hub *h, uint32_t device, rk_selftest *out, rk_error *e)
{
    rk_open d;
    RK_TRY(rk_open_device(h, device, &d, e));
    rk_status s = rk_hub_test(h, device, &d, out, e);
    rk_open_close(&d);
    return s;
}

/* The fastest device that is exact.  One that cannot be opened is passed over. */
static rk_status find_auto(rk_hub *h, uint32_t *device, rk_error *e)
{
    double best = -1;
    char why[300] = "no backend has a device";
    for (uint32_t i = 0; i < h->n_devices; i++) {
        rk_error own = rk_error_new();
        rk_selftest t;
        bool tested = test_device(h, i, &t, &own) == RK_OK;
        if (tested && t.exact && t.gflops > best) {
            best = t.gflops;
            *device = i;
        }
        if (!tested || !t.exact)
            snprintf(why, sizeof why, "%.60s: %.230s", h->devices[i].spec,
                     tested ? t.reason : own.text);
    }
    if (best >= 0) return RK_OK;
    return RK_FAIL(e, RK_E_UNSUPPORTED, "no device is exact (%s); see rethink devices -v", why);
}

static rk_status find_device(rk_hub *h, const char *spec, rk_numerics numerics, uint32_t *device,
                             rk_error *e)
{
    if (strcmp(spec, "auto") != 0) return rk_hub_find(h, spec, device, e);
    if (numerics == RK_NUMERICS_EXACT) return find_auto(h, device, e);
    return RK_FAIL(e, RK_E_INVALID,
                   "--device auto would make fast numerics depend on the machine: name a device");
}

rk_status rk_hub_selftest(rk_hub *h, const char *spec, rk_selftest *out, rk_error *e)
{
    uint32_t device;
    *out = (rk_selftest){.exact = false};
    RK_TRY(find_device(h, spec, RK_NUMERICS_EXACT, &device, e));
    return test_device(h, device, out, e);
}

/* ---- opening ---- */

static rk_status check_exact(rk_session *s, uint32_t device, rk_error *e)
{
    if (s->options.numerics != RK_NUMERICS_EXACT) {
        snprintf(s->test.reason, sizeof s->test.reason, "not tested: the numerics are fast");
        return RK_OK;
    }
    RK_TRY(rk_hub_test(s->hub, device, &s->device, &s->test, e));
    if (s->test.exact) return RK_OK;
    return RK_FAIL(e, RK_E_UNSUPPORTED, "%s (%s) is not exact: %s; --numerics fast accepts it",
                   s->device.spec, s->device.info.name, s->test.reason);
}

rk_status rk_session_open(rk_hub *h, const char *spec, const rk_session_options *o,
                          rk_session **out, rk_error *e)
{
    uint32_t device;
    *out = NULL;
    RK_TRY(find_device(h, spec, o->numerics, &device, e));
    rk_session *s = calloc(1, sizeof *s);
    if (!s) return RK_FAIL(e, RK_E_NOMEM, "no memory for a session");
    s->hub = h;
    s->entry = &h->devices[device];
    s->loaded = h->loaded[h->device_backend[device]];
    s->begun = rk_os_now_ns();
    s->ready.compiled = s->loaded->compiled;
    s->ready.cached = s->loaded->cached;
    s->options = *o;
    rk_status status = rk_open_device(h, device, &s->device, e);
    if (status == RK_OK) status = check_exact(s, device, e);
    if (status != RK_OK) {
        rk_session_close(s);
        return status;
    }
    *out = s;
    return RK_OK;
}

void rk_session_close(rk_session *s)
{
    if (!s) return;
    /* Kernels are released when no launch is unfinished; a lost device only closes. */
    if (s->device.device && !s->device.lost) rk_open_sync(&s->device, NULL);
    if (s->reference.device && !s->reference.lost) rk_open_sync(&s->reference, NULL);
    for (uint32_t i = 0; i < s->n_program; i++) rk_program_free(s->program[i]);
    rk_area_free(&s->device, &s->arena);
    rk_area_free(&s->device, &s->states);
    rk_open_close(&s->reference);
    rk_open_close(&s->device);
    free(s->program);
    free(s->staging);
    free(s->buffer);
    free(s->offset);
    free(s->written);
    rk_pool_free(&s->pool);
    free(s);
}

void rk_session_note_ready(rk_session *s)
{
    s->ready.seconds = 1e-9 * (double)(rk_os_now_ns() - s->begun);
    s->ready.compiled = s->loaded->compiled - s->ready.compiled;
    s->ready.cached = s->loaded->cached - s->ready.cached;
}

const rk_ready *rk_session_ready(const rk_session *s) { return &s->ready; }
const rk_device_entry *rk_session_device(const rk_session *s) { return s->entry; }
const rk_selftest *rk_session_selftest(const rk_session *s) { return &s->test; }
void rk_session_reseed(rk_session *s, uint64_t seed) { s->options.seed = seed; }
uint64_t rk_session_bytes(const rk_session *s) { return s->states.bytes + s->arena.bytes; }
