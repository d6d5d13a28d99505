#include "cli/settings_path.h"
#include "base/error.h"
#include "base/text.h"
#include <string.h>

size_t rk_data_path_name(const char *value)
{
    size_t n = strcspn(value, "=/.");
    return value[n] == '=' ? n : 0;
}

static const char *folder_of(const char *value)
{
    size_t n = rk_data_path_name(value);
    return n ? value + n + 1 : value;
}

rk_status rk_data_path_check(const char *key, const char *value, rk_error *e)
{
    if (folder_of(value)[0]) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' names no folder: --%s FOLDER or NAME=FOLDER",
                   key, value, key);
}

bool rk_data_path_is_of(const char *value, const char *data)
{
    size_t n = rk_data_path_name(value);
    return !n || (strcspn(data, ":") == n && strncmp(data, value, n) == 0);
}

/* The parameters of a spec but for its path; commas and quotes of values stay as they are. */
static void add_others(rk_str *text, const char *parameters)
{
    for (const char *p = parameters; *p;) {
        size_t n = 0;
        while (p[n] && p[n] != ',') n += p[n] == '\\' && p[n + 1] ? 2 : 1;
        if (strncmp(p, "path=", 5) != 0) rk_str_add(text, ",%.*s", (int)n, p);
        p += n + (p[n] == ',');
    }
}

rk_status rk_data_path_use(rk_settings *s, const char *value, rk_pool *pool, rk_error *e)
{
    const char *old = s->config.data;
    size_t name = strcspn(old, ":");
    rk_str text = {0};
    if (!rk_data_path_is_of(value, old)) return RK_OK;
    rk_str_add(&text, "%.*s:path=", (int)name, old);
    for (const char *p = folder_of(value); *p; p++)
        rk_str_add(&text, "%s%c", strchr(",+\\", *p) ? "\\" : "", *p);
    add_others(&text, old + name + (old[name] == ':'));
    const char *copy = text.failed ? NULL : rk_pool_string(pool, text.s);
    rk_str_free(&text);
    if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for options");
    s->config.data = copy;
    return RK_OK;
}
