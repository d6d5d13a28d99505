/* Files that the user named must load; those that were only found may not. */
#include "cli/named.h"
#include "base/os.h"
#include "base/text.h"
#include "device/tuning.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Candidates are known by their real paths, if they have one. */
static bool is_path(const char *candidate, const char *named)
{
    char real[PATH_MAX];
    return strcmp(candidate, realpath(named, real) ? real : named) == 0;
}

static rk_status check(const char *what, const char *path, const char *reason, rk_error *e)
{
    if (strcmp(reason, "loaded") == 0) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "%s %s was refused: %s", what, path, reason);
}

rk_status rk_named_backends(const rk_hub *hub, const char *const *paths, uint32_t n, rk_error *e)
{
    const rk_candidate *c;
    uint32_t m = rk_hub_candidates(hub, &c);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < m; k++)
            if (is_path(c[k].path, paths[i])) RK_TRY(check("--backend", c[k].path, c[k].reason, e));
    return RK_OK;
}

rk_status rk_named_plugins(const rk_registry *r, const char *const *paths, uint32_t n, rk_error *e)
{
    const rk_plugin_candidate *c;
    uint32_t m = rk_registry_candidates(r, &c);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < m; k++)
            if (is_path(c[k].path, paths[i])) RK_TRY(check("--plugin", c[k].path, c[k].reason, e));
    return RK_OK;
}

rk_status rk_named_tuning(rk_error *e)
{
    char path[RK_PATH_MAX];
    uint64_t seed;
    rk_tuning *known;
    const char *own = getenv("RETHINK_TUNING");
    if (!own || !*own) return RK_OK;
    if (strncmp(own, "random:", 7) == 0) {
        if (rk_parse_u64(own + 7, &seed)) return RK_OK;
        return RK_FAIL(e, RK_E_INVALID,
                       "the tuning '%.40s' has no seed: a whole number must follow 'random:' "
                       "(--tuning or RETHINK_TUNING)",
                       own);
    }
    if (!rk_tuning_path(path)) return RK_OK;
    if (access(path, F_OK) != 0)
        return RK_FAIL(e, RK_E_INVALID,
                       "the tuning database %.160s does not exist: 'rethink tune --tuning FILE' "
                       "makes it, 'off' is none (--tuning or RETHINK_TUNING)",
                       path);
    RK_TRY(rk_tuning_read(path, &known, e));
    rk_tuning_free(known);
    return RK_OK;
}
