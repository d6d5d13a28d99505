/* named.h: files of --backend, --plugin and --tuning. */
#ifndef RK_CLI_NAMED_H
#define RK_CLI_NAMED_H
#include "cli/cli.h"
#include "data/registry.h"
#include "device/session.h"

/* RK_OK if every file that the user named was loaded; else the first that was not, and why. */
rk_status rk_named_backends(const rk_hub *hub, const char *const *paths, uint32_t n, rk_error *e);
rk_status rk_named_plugins(const rk_registry *r, const char *const *paths, uint32_t n, rk_error *e);
/* RK_OK if the tuner's database is there and can be read, or the user named none. */
rk_status rk_named_tuning(rk_error *e);
#endif
