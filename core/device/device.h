/* device.h: an open device behind checks.
 *
 * Every call to a backend goes through here.  A call that fails always gives a text.  Once a device
 * is lost every further call returns the same error without asking the backend. */
#ifndef RK_DEVICE_DEVICE_H
#define RK_DEVICE_DEVICE_H
#include "device/hub.h"

typedef struct rk_open {
    const rk_backend *table;
    rk_device *device; /* NULL: not open */
    rk_devinfo info;
    const char *spec;
    bool lost;
    rk_error reason; /* why it is lost */
} rk_open;

rk_status rk_open_device(const rk_hub *h, uint32_t device, rk_open *out, rk_error *e);
void rk_open_close(rk_open *d);
/* Tests an open device, or remembers how it did with the options that are set. */
rk_status rk_hub_test(rk_hub *h, uint32_t device, rk_open *d, rk_selftest *out, rk_error *e);
/* For those who ask the backend themselves: it said that the device is lost, and why. */
void rk_open_lose(rk_open *d, const char *why);
rk_status rk_open_alloc(rk_open *d, uint64_t bytes, rk_mem **out, rk_error *e);
void rk_open_free(rk_open *d, rk_mem *m);
rk_status rk_open_write(rk_open *d, rk_mem *m, uint64_t offset, const void *src, uint64_t bytes,
                        rk_error *e);
rk_status rk_open_read(rk_open *d, rk_mem *m, uint64_t offset, void *dst, uint64_t bytes,
                       rk_error *e);
/* exact: a kernel of another tier is RK_E_UNSUPPORTED. */
rk_status rk_open_prepare(rk_open *d, const rk_op *op, bool exact, rk_kernel **k, rk_kinfo *info,
                          rk_error *e);
/* The backend's own measure of what the device can reach; RK_E_UNSUPPORTED where it has none. */
rk_status rk_open_probe(rk_open *d, rk_probe *probe, rk_kernel **k, rk_error *e);
rk_status rk_open_launch(rk_open *d, rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e);
void rk_open_release(rk_open *d, rk_kernel *k);
rk_status rk_open_sync(rk_open *d, rk_error *e);
/* Whether the device can mark points of its timeline and wait for them. */
bool rk_open_marks(const rk_open *d);
rk_status rk_open_mark(rk_open *d, uint64_t *ticket, rk_error *e);
rk_status rk_open_wait(rk_open *d, uint64_t ticket, rk_error *e);
/* Nanoseconds between two marks; *ns stays as it is where the backend cannot tell. */
rk_status rk_open_elapsed(rk_open *d, uint64_t from, uint64_t to, uint64_t *ns, rk_error *e);

/* Whether elapsed times are those of the launches alone, by the device's clock, from now on;
 * RK_E_UNSUPPORTED where the backend cannot tell. */
rk_status rk_open_time_kernels(rk_open *d, bool on, rk_error *e);

/* Device memory in pieces of at most what the device allocates at once.  Offset x lies in piece
 * x / piece_bytes. */
typedef struct rk_area {
    rk_mem **piece;
    uint32_t n;
    uint64_t piece_bytes, bytes;
} rk_area;
rk_status rk_area_new(rk_open *d, uint64_t bytes, rk_area *out, rk_error *e);
void rk_area_free(rk_open *d, rk_area *a);
rk_arg rk_area_at(const rk_area *a, uint64_t offset);
/* The largest piece of a device: a multiple of its alignment. */
uint64_t rk_area_piece(const rk_open *d);
uint64_t rk_area_align(const rk_open *d);
/* The lowest offset >= at where bytes lie in one piece, aligned. */
uint64_t rk_area_fit(const rk_open *d, uint64_t at, uint64_t bytes);
#endif
