#include "base/error.h"
#include <stdio.h>
#include <string.h>

rk_status rk_fail(rk_error *e, rk_status code, const char *where, uint32_t line, const char *format,
                  ...)
{
    if (!e) return code;
    va_list args;
    va_start(args, format);
    e->code = code;
    e->native = 0;
    e->line = line;
    snprintf(e->where, sizeof e->where, "%s", where);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return code;
}

rk_status rk_error_prefix(rk_error *e, const char *format, ...)
{
    char text[sizeof e->text], all[2 * sizeof e->text + 4];
    va_list args;
    if (!e) return RK_E_INTERNAL;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(all, sizeof all, "%s: %s", text, e->text);
    memcpy(e->text, all, sizeof e->text - 1);
    e->text[sizeof e->text - 1] = '\0';
    return e->code;
}

rk_error rk_error_new(void)
{
    rk_error e = {.size = sizeof e};
    return e;
}

const char *rk_status_name(rk_status s)
{
    static const char *const names[] = {
        "ok",        "unsupported",    "out of memory",      "invalid", "device lost",
        "wrong ABI", "internal error", "input/output error", "stopped"};
    return s >= 0 && s < (rk_status)(sizeof names / sizeof *names) ? names[s] : "unknown status";
}
