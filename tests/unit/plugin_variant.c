/* One small plugin, right or wrong in one way: -DVARIANT_name selects it.  Links nothing. */
#include "rethink/plugin.h"

#define UNUSED __attribute__((unused)) /* not every variant needs everything */

UNUSED static double half(double rate0, int64_t epoch, const rk_args *a)
{
    (void)epoch;
    (void)a;
    return rate0 / 2;
}

UNUSED static rk_status nothing(rk_dataset *d, const rk_args *a, rk_error *e)
{
    (void)d;
    (void)a;
    (void)e;
    return RK_OK;
}

UNUSED static const rk_param_spec params[] = {
    {"count", "3", "how many", RK_PARAM_INT, 1, 64, NULL},
    {"share", "0.5", "how much", RK_PARAM_REAL, 0, 1, NULL},
    {"way", "left", "which way", RK_PARAM_CHOICE, 0, 0, "left|right|lefter"},
    {"path", NULL, "where", RK_PARAM_PATH, 0, 0, NULL},
    {0}};

#define SCHEDULE(name_)                                                                            \
    RK_ITEM(RK_KIND_SCHEDULE, .name = name_, .doc = "half the rate", .rate = half)
#define DATA(name_)                                                                                \
    RK_ITEM(RK_KIND_DATA, .name = name_, .doc = "nothing", .params = params, .data = nothing)

#if defined VARIANT_good
RK_PLUGIN("good", "1.5", SCHEDULE("half"), DATA("empty"), SCHEDULE("early"));
#elif defined VARIANT_duplicate
RK_PLUGIN("duplicate", "1.0", SCHEDULE("half"));
#elif defined VARIANT_same_name_other_kind
RK_PLUGIN("other", "1.0", DATA("half"));
#elif defined VARIANT_no_function
RK_PLUGIN("no-function", "1.0", RK_ITEM(RK_KIND_MODEL, .name = "m", .doc = "no function"),
          SCHEDULE("s"));
#elif defined VARIANT_no_table
RK_EXPORT extern const int something_else;
const int something_else = 1;
#else /* tables that RK_PLUGIN does not make */
UNUSED static const rk_item items[] = {SCHEDULE("raw"), DATA("raw")};
#define TABLE_ITEMS items, sizeof(rk_item), 2
#if defined VARIANT_wrong_abi
RK_EXPORT extern const rk_plugin rk_plugin_table;
const rk_plugin rk_plugin_table = {sizeof(rk_plugin), RK_PLUGIN_ABI + 1, "raw", "1", TABLE_ITEMS};
#elif defined VARIANT_lying_size
RK_EXPORT extern const rk_plugin rk_plugin_table;
const rk_plugin rk_plugin_table = {sizeof(rk_plugin) + 4096, RK_PLUGIN_ABI, "raw", "1",
                                   TABLE_ITEMS};
#elif defined VARIANT_tiny_symbol
RK_EXPORT extern const uint32_t rk_plugin_table[2];
const uint32_t rk_plugin_table[2] = {sizeof(rk_plugin), RK_PLUGIN_ABI};
#else
typedef struct longer {
    rk_plugin known;
    uint64_t unknown;
} longer;
RK_EXPORT extern const longer rk_plugin_table;
#if defined VARIANT_longer_zero
const longer rk_plugin_table = {{sizeof(longer), RK_PLUGIN_ABI, "raw", "1", TABLE_ITEMS}, 0};
#elif defined VARIANT_longer_used
const longer rk_plugin_table = {{sizeof(longer), RK_PLUGIN_ABI, "raw", "1", TABLE_ITEMS}, 7};
#endif
#endif
#endif
