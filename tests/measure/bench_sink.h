/* bench_sink.h: what a suite of rethink bench gave, for tests.
 *
 * Backends are those of RETHINK_BACKEND_PATH and the given file; plugins those of
 * RETHINK_PLUGIN_PATH.  RETHINK_TEST_PRINT=1 prints every value. */
#ifndef RK_TEST_BENCH_SINK_H
#define RK_TEST_BENCH_SINK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "bench/bench.h"

enum { BENCH_VALUES = 4096 };

typedef struct bench_values {
    struct {
        char suite[16], subject[160], tier[16], name[32], unit[16], text[512];
        rk_spread spread;
    } v[BENCH_VALUES];
    uint32_t n;
    uint32_t stop_after; /* values; 0: never */
    rk_hub *hub;
    rk_bench_options options;
    rk_bench_sink sink;
    rk_bench_case c;
} bench_values;

/* backend: a file beside those of the environment, or NULL. */
void bench_open(bench_values *b, const char *backend, const char *spec);
void bench_close(bench_values *b);
typedef rk_status bench_suite(const rk_bench_case *c, rk_error *e);
/* Forgets what was there and runs the suite, which must succeed. */
void bench_run(bench_values *b, bench_suite *suite);
/* The number of a value, any of NULL fits all; -1 if there is none. */
int bench_find(const bench_values *b, const char *suite, const char *subject, const char *tier,
               const char *name);
/* Every value is of the vocabulary, finite or excused, and its quartiles are in order. */
void bench_check_vocabulary(const bench_values *b);
#endif
