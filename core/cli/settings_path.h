/* settings_path.h: --data-path [NAME=]FOLDER: presets know what is in a data set, not where. */
#ifndef RK_CLI_SETTINGS_PATH_H
#define RK_CLI_SETTINGS_PATH_H
#include "cli/settings.h"

/* The length of NAME, 0 if there is none: a folder with = in its name is written ./A=B. */
size_t rk_data_path_name(const char *value);
/* Refuses a value that names no folder. */
rk_status rk_data_path_check(const char *key, const char *value, rk_error *e);
/* Whether a data set, as "cifar10:path=old,crop=28", is one that value moves. */
bool rk_data_path_is_of(const char *value, const char *data);
/* Moves the settings' data set, if it is one that value moves.  Texts are made in the pool. */
rk_status rk_data_path_use(rk_settings *s, const char *value, rk_pool *pool, rk_error *e);
#endif
