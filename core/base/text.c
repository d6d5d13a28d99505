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

/* Bytes of the character that begins here, by RFC 3629; 0 if none does. */
static size_t utf8_bytes(const unsigned char *s)
{
    size_t n = s[0] < 0x80                  ? 1
               : s[0] < 0xC2 || s[0] > 0xF4 ? 0
               : s[0] < 0xE0                ? 2
               : s[0] < 0xF0                ? 3
                                            : 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool longer = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xED && s[1] >= 0xA0, beyond = s[0] == 0xF4 && s[1] >= 0x90;
    return longer || surrogate || beyond ? 0 : n;
}

bool rk_utf8_show(const char *text, char *out, size_t cap)
{
    bool good = true;
    size_t used = 0;
    while (*text) {
        char piece[5];
        size_t n = utf8_bytes((const unsigned char *)text);
        if (n)
            snprintf(piece, sizeof piece, "%.*s", (int)n, text);
        else
            snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)*text);
        good &= n > 0;
        text += n ? n : 1;
        size_t more = strlen(piece);
        if (more < cap - used) {
            memcpy(out + used, piece, more);
            used += more;
        } else {
            cap = used + 1; /* nothing later is added either */
        }
    }
    out[used] = '\0';
    return good;
}

void rk_digest_hex(const void *data, size_t bytes, char out[33])
{
    XXH128_canonical_t digest; /* big-endian: the digits are the same on every machine */
    XXH128_canonicalFromHash(&digest, XXH3_128bits(data, bytes));
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", digest.digest[i]);
}
