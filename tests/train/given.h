/* given.h: what a suite of a bench gave, for tests. */
#ifndef RK_TEST_GIVEN_H
#define RK_TEST_GIVEN_H
#include "world.h"
#include "bench/bench.h"

enum { GIVEN_MAX = 256 };

typedef struct given {
    struct {
        char suite[16], subject[160], tier[16], name[32], unit[16], text[512];
        double x;
        rk_spread spread;
    } v[GIVEN_MAX];
    uint32_t n, asked; /* asked: how often whether to stop */
    uint32_t stop_at;  /* the question that is answered with yes; 0: none */
    rk_bench_options options;
    rk_bench_sink sink;
    rk_bench_case c;
} given;

/* A quick bench of the world's device with a long budget, of process 2, exact alone. */
void given_open(given *g, const world *w);
/* The only value of the name (and tier, unless NULL) whose subject begins so; fails if there are
 * none or several. */
uint32_t given_find(const given *g, const char *subject, const char *tier, const char *name);
typedef rk_status given_suite(const rk_bench_case *c, rk_error *e);
/* Forgets what was given and runs a suite, which must succeed. */
void given_run(given *g, given_suite *suite);
/* The median of an exact tier's value; its n repetitions of seconds; that it was not measured, and
 * what of the reason. */
void given_is(const given *g, const char *subject, const char *name, const char *unit,
              double value);
void given_times(const given *g, const char *subject, const char *name, int64_t n);
void given_none(const given *g, const char *subject, const char *tier, const char *name,
                const char *said);
/* How many values there are of a name. */
uint32_t given_count(const given *g, const char *name);
#endif
