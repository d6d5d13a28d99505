/* load.h: one plugin file, from path to checked table. */
#ifndef RK_DATA_LOAD_H
#define RK_DATA_LOAD_H
#include "rethink/plugin.h"

/* Loads the shared object at an absolute path, for the life of the process, and checks its table.
 * On failure e->text is the reason. */
rk_status rk_plugin_open(const char *path, const rk_plugin **out, rk_error *e);

/* Checks a table that claims to be written for this version: sizes, names, documentation,
 * parameters with their defaults, and the function of each item's kind. */
rk_status rk_plugin_check(const rk_plugin *table, rk_error *e);

/* The item with fields that its writer did not know as zero. */
rk_item rk_plugin_item(const rk_plugin *table, uint32_t i);

/* Refuses a file or folder that any user may change. */
rk_status rk_plugin_trust(const char *path, rk_error *e);
#endif
