/* text.h: growable text, strict numbers, UTF-8, digests in hex. */
#ifndef RK_BASE_TEXT_H
#define RK_BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text that grows.  {0} is the empty one; s is NULL until something was added.  After a failed
 * allocation it keeps what it had and failed is set: check once, at the end. */
typedef struct rk_str {
    char *s;
    size_t n, cap;
    bool failed;
} rk_str;
void rk_str_add(rk_str *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rk_str_free(rk_str *t);

/* The whole text is one number and fits, else false.  Decimal; no blanks, no sign for u64. */
bool rk_parse_u64(const char *text, uint64_t *out);
bool rk_parse_i64(const char *text, int64_t *out);
/* Decimal or exponent form, finite. */
bool rk_parse_f64(const char *text, double *out);

/* Copies a text, as much as out[cap] holds; bytes that are no part of UTF-8 become \xff.  True if
 * there are none. */
bool rk_utf8_show(const char *text, char *out, size_t cap);

/* XXH3-128 of the bytes as 32 hex digits, the same on every machine. */
void rk_digest_hex(const void *data, size_t bytes, char out[33]);
#endif
