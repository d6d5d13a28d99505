/* One line on stderr. */
#include "cli/cli.h"
#include <stdarg.h>

int rk_cli_fail(const rk_error *e)
{
    fflush(stdout);
    fprintf(stderr, "rethink: %s\n", e->text[0] ? e->text : rk_status_name(e->code));
    return RK_CLI_FAILURE;
}

int rk_cli_failf(const char *format, ...)
{
    rk_error e = rk_error_new();
    va_list args;
    va_start(args, format);
    vsnprintf(e.text, sizeof e.text, format, args);
    va_end(args);
    return rk_cli_fail(&e);
}
