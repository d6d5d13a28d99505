/* load.h: one backend by itself, for those who test it. */
#ifndef RK_DEVICE_LOAD_H
#define RK_DEVICE_LOAD_H
#include "base/error.h"
#include "device/session.h"

enum { RK_BACKEND_DEVICES = 64 }; /* of one backend, at most */

/* Loads the shared object at an absolute path if it can be trusted and fits this version.  It stays
 * loaded; a second call gives the same table. */
rk_status rk_backend_load(const char *path, rk_backend *out, rk_error *e);
/* The file and the number there of the device that a spec (not "auto") means.  *path is the
 * hub's. */
rk_status rk_hub_locate(const rk_hub *h, const char *spec, const char **path, uint32_t *index,
                        rk_error *e);
#endif
