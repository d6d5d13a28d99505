/* hub.h: inside a hub, for the files of this folder. */
#ifndef RK_DEVICE_HUB_H
#define RK_DEVICE_HUB_H
#include "base/error.h"
#include "device/session.h"
#include "device/tuning.h"

/* A backend in use.  The table is a copy in which everything that the plugin's does not have is
 * zero.  Its address, and with it host, stays the same while the hub lives. */
typedef struct rk_loaded {
    rk_backend table;
    rk_host host;
    const rk_hub *hub;
    char *path;
    uint32_t compiled, cached; /* blobs that it gave to the cache, and got from there */
} rk_loaded;

typedef struct rk_helpers rk_helpers;
enum { RK_NOTE_BYTES = 32 }; /* of a digest in hex: what a helper says of a program */

struct rk_hub {
    rk_candidate *candidates; /* texts are the hub's own */
    rk_loaded **loaded;
    rk_device_entry *devices;
    uint32_t *device_backend; /* [n_devices]: number of the backend in loaded */
    rk_selftest *tests;       /* [n_devices], or NULL; milliseconds is 0 until one has run */
    char **options;           /* [2 * n_options]: key, value */
    uint32_t n_candidates, n_loaded, n_devices, n_options;
    rk_tuning *tuning;                 /* NULL: nothing is tuned */
    bool tuning_loaded, tuning_random; /* random: choices are drawn, by tuning_seed */
    uint64_t tuning_seed;
    int verbosity;
    rk_helpers *helpers; /* NULL: there are none */
    int notes;           /* of a helper: where it says what it compiled; 0: this is none */
};

/* The device that a spec names (not "auto"): its number, or an error that lists the known ones. */
rk_status rk_hub_find(const rk_hub *h, const char *spec, uint32_t *device, rk_error *e);

/* ---- loading (magic.c, table.c) ---- */

/* rk_backend_magic as it stands in the file: no code of the plugin has run when this returns. */
rk_status rk_magic_read(const char *path, rk_magic *out, rk_error *e);
/* Whether a plugin with this magic may be loaded into this process. */
rk_status rk_magic_check(const rk_magic *m, rk_error *e);
/* Copies a plugin's table by the rules of backend.h: sizes, unknown fields, required functions. */
rk_status rk_table_check(const rk_backend *theirs, rk_backend *out, rk_error *e);

/* ---- services (host.c, cache.c) ---- */

/* Fills l->host; l->hub and l->table must be set, host.ctx is l. */
void rk_host_init(rk_loaded *l);
/* A blob in the cache folder, as rk_host.cache_get and cache_put say. */
int rk_cache_get(const void *key, size_t key_bytes, void *buf, size_t *n);
void rk_cache_put(const void *key, size_t key_bytes, const void *buf, size_t n);
#endif
