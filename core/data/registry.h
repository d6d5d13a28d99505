/* registry.h: the items of all experiment plugins, and what users ask of them. */
#ifndef RK_DATA_REGISTRY_H
#define RK_DATA_REGISTRY_H
#include "rethink/plugin.h"

#define RK_PARAMS_MAX 64 /* of one item */

typedef struct rk_registry rk_registry;

/* One place where a plugin could be: reason is "loaded", or why not. */
typedef struct rk_plugin_candidate {
    const char *path, *name, *version, *reason;
} rk_plugin_candidate;

/* Loads plugins: extra files, then RETHINK_PLUGIN_PATH (colon-separated files or folders), then the
 * install folder.  A damaged plugin is a candidate with its reason; a duplicate (kind, name) is an
 * error that names both files. */
rk_status rk_registry_new(const char *const *extra, uint32_t n, rk_registry **out, rk_error *e);
void rk_registry_free(rk_registry *r);
uint32_t rk_registry_candidates(const rk_registry *r, const rk_plugin_candidate **out);
/* All items, sorted by kind, then name. */
uint32_t rk_registry_items(const rk_registry *r, const rk_item *const **out);
const char *rk_kind_name(uint32_t kind);                                 /* "model", "data", ... */
const char *rk_registry_file(const rk_registry *r, const rk_item *item); /* the plugin's path */

/* Parameters that the core adds to every data set: how many training and test examples to keep, the
 * first ones; 0: all. */
enum { RK_LIMIT_TRAIN = 0, RK_LIMIT_TEST = 1, RK_LIMITS = 2 };
extern const rk_param_spec rk_limit_params[RK_LIMITS];

/* An item with checked parameters: "mlp:layers=3,hidden=512".  In a value '\,' is a comma and '\\'
 * a backslash, so that a path may have them. */
typedef struct rk_spec {
    const rk_item *item;
    rk_args *args;
    int64_t limit[RK_LIMITS]; /* DATA only */
    char *text; /* canonical: the name, every parameter in the table's order, limits that are set */
} rk_spec;
/* Unknown names and keys are errors that name the nearest known one and list the rest; a value out
 * of range or of the wrong type names the parameter, the value and the range. */
rk_status rk_spec_parse(const rk_registry *r, uint32_t kind, const char *text, rk_spec **out,
                        rk_error *e);
void rk_spec_free(rk_spec *s);
/* The first parameter that the item asked for although its table has none of that name and type, or
 * NULL: a defect of the plugin. */
const char *rk_args_misused(const rk_args *args);
#endif
