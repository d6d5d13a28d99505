/* tune.h: the tune command: its arguments, and the parts that only look at the database. */
#ifndef RK_CLI_TUNE_H
#define RK_CLI_TUNE_H
#include "cli/run.h"
#include "tune/tune.h"

typedef struct rk_tune_arguments {
    rk_run_arguments run;
    rk_tune_options options;
    const char *from, *to; /* --import, --export */
    bool list, forget, rapid;
} rk_tune_arguments;

/* Whether the arguments ask for such a part alone. */
bool rk_tune_is_database(const rk_tune_arguments *a);
/* device: specs; n may be 0: all. */
rk_status rk_tune_database(rk_hub *hub, const rk_tune_arguments *a, const char *path,
                           const char *const *device, uint32_t n, rk_error *e);
#endif
