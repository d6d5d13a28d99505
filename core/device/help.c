/* The helper's side: a device of its own, and kernels that nobody launches. */
#include "device/helpers.h"
#include "device/tuned.h"
#include <string.h>

int64_t rk_help_parent(const json_t *order)
{
    return json_integer_value(json_object_get(order, "parent"));
}

static const char *text(const json_t *order, const char *key)
{
    const char *s = json_string_value(json_object_get(order, key));
    return s ? s : "";
}

static rk_status set_options(rk_hub *h, const json_t *list, rk_error *e)
{
    for (size_t i = 0; i + 1 < json_array_size(list); i += 2) {
        const char *key = json_string_value(json_array_get(list, i));
        const char *value = json_string_value(json_array_get(list, i + 1));
        if (key && value) RK_TRY(rk_hub_option(h, key, value, e));
    }
    return RK_OK;
}

/* One that this device refuses is split by who asked; its parts come another time. */
static bool prepare_one(rk_hub *h, rk_open *d, const json_t *from, bool exact)
{
    rk_pool pool = {0};
    rk_op op;
    rk_kernel *k = NULL;
    rk_kinfo info;
    bool tuned;
    rk_error why = rk_error_new();
    bool good = rk_op_read(from, &pool, &op);
    if (good && rk_hub_prepare(h, d, &op, exact, &k, &info, &tuned, &why) == RK_OK)
        rk_open_release(d, k);
    rk_pool_free(&pool);
    return good && !d->lost;
}

rk_status rk_help_work(const json_t *order, int notes, bool (*stopping)(void), rk_error *e)
{
    rk_hub *h;
    rk_open d = {0};
    uint32_t device;
    const char *path = text(order, "backend");
    const json_t *ops = json_object_get(order, "ops");
    bool exact = json_is_true(json_object_get(order, "exact"));
    RK_TRY(rk_hub_new_of(&path, 1, &h, e));
    h->notes = notes;
    rk_status status = set_options(h, json_object_get(order, "options"), e);
    if (status == RK_OK) status = rk_hub_find(h, text(order, "device"), &device, e);
    if (status == RK_OK) status = rk_open_device(h, device, &d, e);
    for (size_t i = 0; status == RK_OK && i < json_array_size(ops) && !stopping(); i++)
        if (!prepare_one(h, &d, json_array_get(ops, i), exact)) break;
    rk_open_close(&d);
    rk_hub_free(h);
    return status;
}
