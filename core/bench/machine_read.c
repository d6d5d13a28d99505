#include "bench/machine_read.h"
#include "base/os.h"
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_file(const char *root, const char *path)
{
    char full[RK_PATH_MAX];
    int n = snprintf(full, sizeof full, "%s%s", root, path);
    if (n >= 0 && n < RK_PATH_MAX) return fopen(full, "r");
    errno = ENAMETOOLONG;
    return NULL;
}

static void trim_end(char *s)
{
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1])) s[--n] = '\0';
}

bool rk_machine_line(const char *root, const char *path, char *out, size_t bytes)
{
    FILE *f = open_file(root, path);
    if (!f) return false;
    errno = 0;
    bool read = fgets(out, (int)bytes, f);
    int why = errno ? errno : ENODATA;
    fclose(f);
    if (!read) {
        errno = why;
        return false;
    }
    trim_end(out);
    return true;
}

bool rk_machine_number(const char *root, const char *path, double *out)
{
    char line[64];
    if (!rk_machine_line(root, path, line, sizeof line)) return false;
    if (rk_parse_f64(line, out)) return true;
    errno = EINVAL;
    return false;
}

bool rk_machine_field(const char *root, const char *path, const char *key, int nth, char *out,
                      size_t bytes)
{
    char line[4096];
    FILE *f = open_file(root, path);
    size_t n = strlen(key);
    if (!f) return false;
    while (fgets(line, sizeof line, f)) {
        const char *at = line + n;
        if (strncmp(line, key, n) != 0) continue;
        while (*at == ' ' || *at == '\t') at++;
        if (*at++ != ':' || nth-- > 0) continue;
        while (*at == ' ' || *at == '\t') at++;
        snprintf(out, bytes, "%.*s", (int)bytes - 1, at);
        trim_end(out);
        fclose(f);
        return true;
    }
    fclose(f);
    errno = ENODATA;
    return false;
}

static double status_bytes(const char *key)
{
    char text[64];
    if (!rk_machine_field("", "/proc/self/status", key, 0, text, sizeof text)) return 0;
    return 1024 * strtod(text, NULL);
}

double rk_machine_held(void) { return status_bytes("VmRSS"); }

double rk_machine_peak(void) { return status_bytes("VmHWM"); }

bool rk_machine_reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w"); /* 5: see proc(5) */
    if (!f) return false;
    bool done = fputs("5", f) >= 0;
    return fclose(f) == 0 && done;
}
