/* settings.h: what a user says about runs, by the names of options.
 *
 * The same names are options of the command line, keys of presets and of grids.  Settings are made
 * in levels: a preset, one of its variants, one point of its grid, the command line; a later level
 * replaces what an earlier one said. */
#ifndef RK_CLI_SETTINGS_H
#define RK_CLI_SETTINGS_H
#include "base/pool.h"
#include "train/run.h"

enum { RK_DEVICES_MAX = 16 };

typedef struct rk_setting {
    const char *key, *arg; /* arg NULL: a switch, "yes" or "no" in presets */
    const char *doc;
} rk_setting;
/* In the order of --help. */
const rk_setting *rk_settings_table(size_t *n);

/* One "key = value"; texts are the caller's. */
typedef struct rk_assignment {
    const char *key, *value;
} rk_assignment;

typedef struct rk_settings {
    rk_config config;                   /* device is not used */
    const char *device[RK_DEVICES_MAX]; /* as given; a '?' at the end: left out if there is none */
    uint32_t n_devices;
    const char *threads, *isa; /* NULL: the backend's choice */
    bool el2n_given;           /* config.el2n_epoch was said, and is not the usual one */
} rk_settings;

rk_settings rk_settings_default(void);
/* Applies one level.  A key that may be repeated (randomize, augment, regularize, diagnose, device)
 * collects
 * its values within the level; another key that is there twice takes the last.  Joined texts are
 * made in the pool, others stay the caller's.  Unknown keys and values out of range are errors that
 * name the key, the value and what would do. */
rk_status rk_settings_apply(rk_settings *s, const rk_assignment *list, uint32_t n, rk_pool *pool,
                            rk_error *e);
/* Refuses a key that no option has. */
rk_status rk_settings_known(const char *key, rk_error *e);
#endif
