/* Standard output, JSON, CSV and colours. */
#include "cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

rk_status rk_cli_flush(FILE *f, const char *name, rk_error *e)
{
    errno = 0;
    if (fflush(f) == 0 && !ferror(f)) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "%s could not be written: %s", name,
                   errno ? strerror(errno) : "an earlier write failed");
}

void rk_cli_csv_cell(FILE *f, const char *text, const char *end)
{
    bool quoted = text[strcspn(text, ",\"\r\n")] != '\0';
    if (quoted) fputc('"', f);
    for (const char *c = text; *c; c++) {
        if (*c == '"') fputc('"', f);
        fputc(*c, f);
    }
    if (quoted) fputc('"', f);
    fputs(end, f);
}

bool rk_cli_colour(FILE *f)
{
    const char *terminal = getenv("TERM"), *no = getenv("NO_COLOR");
    if (no && no[0]) return false;
    return isatty(fileno(f)) && terminal && strcmp(terminal, "dumb") != 0;
}

rk_status rk_cli_json(FILE *f, json_t *root, rk_error *e)
{
    if (!root) return RK_FAIL(e, RK_E_NOMEM, "no memory for the JSON text");
    /* 15 digits: 0.98 prints as 0.98; what must be equal to the bit is compared by digests. */
    int failed = json_dumpf(root, f, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(root);
    if (!failed && fputc('\n', f) != EOF) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "the JSON text could not be written: %s", strerror(errno));
}
