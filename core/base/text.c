#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static bool reserve(rk_str *t, size_t more)
{
    if (t->cap - t->n > more) return true;
    size_t cap = 2 * (t->n + more) + 64;
    char *s = realloc(t->s, cap);
    if (!s) return false;
    t->s = s;
    t->cap = cap;
    return true;
}

void rk_str_add(rk_str *t, const char *format, ...)
{
    va_list args, again;
    if (t->failed) return;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    t->failed = n < 0 || !reserve(t, (size_t)n);
    if (!t->failed) {
        vsnprintf(t->s + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void rk_str_free(rk_str *t)
{
    free(t->s);
    *t = (rk_str){0};
}

bool rk_parse_u64(const char *text, uint64_t *out)
{
    uint64_t n = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text)) return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (n > (UINT64_MAX - digit) / 10) return false;
        n = 10 * n + digit;
    }
    *out = n;
    return true;
}

bool rk_parse_i64(const char *text, int64_t *out)
{
    bool minus = *text == '-';
    uint64_t n;
    if (!rk_parse_u64(text + minus, &n) || n > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool rk_parse_f64(const char *text, double *out)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")]) return false; /* no hex, inf, blanks */
    errno = 0;
    double x = strtod(text, &end);
    if (*end || end == text || !isfinite(x)) return false;
    *out = x;
    return true;
}

void rk_digest_hex(const void *data, size_t bytes, char out[33])
{
    XXH128_canonical_t digest; /* big-endian: the digits are the same on every machine */
    XXH128_canonicalFromHash(&digest, XXH3_128bits(data, bytes));
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", digest.digest[i]);
}
