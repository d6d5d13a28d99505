/* error.h: one error idiom.
 *
 * A function that can fail returns an rk_status and takes an rk_error * (may be NULL) that it fills
 * with a text naming the thing, the value and the remedy. */
#ifndef RK_BASE_ERROR_H
#define RK_BASE_ERROR_H
#include <stdarg.h>
#include "rethink/backend.h"

/* Returns from the enclosing function with the status unless it is RK_OK. */
#define RK_TRY(call)                                                                               \
    do {                                                                                           \
        rk_status try_status = (call);                                                             \
        if (try_status != RK_OK) return try_status;                                                \
    } while (0)

/* Fills *e (unless NULL) and returns code: return RK_FAIL(e, RK_E_IO, "no such file: %s", p). */
#define RK_FAIL(e, code, ...) rk_fail((e), (code), __func__, (uint32_t)__LINE__, __VA_ARGS__)
rk_status rk_fail(rk_error *e, rk_status code, const char *where, uint32_t line, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

/* Puts "text: " before what *e already says; returns e's code. */
rk_status rk_error_prefix(rk_error *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An empty error, ready to be filled. */
rk_error rk_error_new(void);

/* "unsupported", "out of memory", ... */
const char *rk_status_name(rk_status s);
#endif
