/* Growing text: generated source, build options, cache keys. */
#include "opencl.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int reserve(ocl_text *t, size_t more)
{
    if (t->failed) return 0;
    if (t->n + more + 1 <= t->cap) return 1;
    size_t cap = (t->n + more + 1) * 2;
    char *s = t->host->alloc(t->host->ctx, t->s, cap);
    if (!s) {
        t->failed = 1;
        return 0;
    }
    t->s = s;
    t->cap = cap;
    return 1;
}

void ocl_text_bytes(ocl_text *t, const void *s, size_t n)
{
    if (!reserve(t, n)) return;
    if (n) memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void ocl_text_add(ocl_text *t, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line)
        t->failed = 1;
    else
        ocl_text_bytes(t, line, (size_t)n);
}

void ocl_text_free(ocl_text *t)
{
    if (t->s) t->host->alloc(t->host->ctx, t->s, 0);
    t->s = NULL;
    t->n = t->cap = 0;
}

void *ocl_alloc(const rk_host *host, size_t bytes)
{
    void *p = host->alloc(host->ctx, NULL, bytes ? bytes : 1);
    if (p) memset(p, 0, bytes);
    return p;
}

void ocl_free(const rk_host *host, void *p)
{
    if (p) host->alloc(host->ctx, p, 0);
}

void ocl_log(const rk_host *host, int level, const char *format, ...)
{
    char line[1024];
    if (!host->log) return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    host->log(host->ctx, level, line);
}

const char *ocl_option(const rk_host *host, const char *key)
{
    return host->option ? host->option(host->ctx, key) : NULL;
}
