#include "bench_sink.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"

static rk_status value(void *ctx, const rk_bench_value *v, rk_error *e)
{
    bench_values *b = ctx;
    assert_true(b->n < BENCH_VALUES);
    assert_non_null(v->subject);
    assert_non_null(v->tier);
    assert_non_null(v->text);
    snprintf(b->v[b->n].suite, sizeof b->v->suite, "%s", v->suite);
    snprintf(b->v[b->n].subject, sizeof b->v->subject, "%s", v->subject);
    snprintf(b->v[b->n].tier, sizeof b->v->tier, "%s", v->tier);
    snprintf(b->v[b->n].name, sizeof b->v->name, "%s", v->name);
    snprintf(b->v[b->n].unit, sizeof b->v->unit, "%s", v->unit);
    snprintf(b->v[b->n].text, sizeof b->v->text, "%s", v->text);
    b->v[b->n++].spread = v->spread;
    if (getenv("RETHINK_TEST_PRINT"))
        printf("%s | %s | %s | %s = %.5g (%.5g .. %.5g, n %lld) %s | %s\n", v->suite, v->subject,
               v->tier, v->name, v->spread.median, v->spread.q1, v->spread.q3,
               (long long)v->spread.n, v->unit, v->text);
    (void)e;
    return RK_OK;
}

static bool stopping(void *ctx)
{
    const bench_values *b = ctx;
    return b->stop_after && b->n >= b->stop_after;
}

void bench_open(bench_values *b, const char *backend, const char *spec)
{
    rk_error e = rk_error_new();
    memset(b, 0, sizeof *b);
    if (rk_hub_new(&backend, backend ? 1 : 0, &b->hub, &e) != RK_OK) fail_msg("%s", e.text);
    b->options = (rk_bench_options){
        .size = RK_BENCH_QUICK, .repeats = 3, .seconds = 1, .seed = 1, .process = 1, .fast = true};
    b->sink = (rk_bench_sink){.ctx = b, .value = value, .stopping = stopping};
    b->c = (rk_bench_case){
        .hub = b->hub, .spec = spec, .reference = "cpu", .options = &b->options, .sink = &b->sink};
}

void bench_close(bench_values *b) { rk_hub_free(b->hub); }

void bench_run(bench_values *b, bench_suite *suite)
{
    rk_error e = rk_error_new();
    b->n = 0;
    if (suite(&b->c, &e) != RK_OK) fail_msg("%s", e.text);
}

static bool fits(const char *wanted, const char *got) { return !wanted || !strcmp(wanted, got); }

int bench_find(const bench_values *b, const char *suite, const char *subject, const char *tier,
               const char *name)
{
    for (uint32_t i = 0; i < b->n; i++)
        if (fits(suite, b->v[i].suite) && fits(subject, b->v[i].subject) &&
            fits(tier, b->v[i].tier) && fits(name, b->v[i].name))
            return (int)i;
    return -1;
}

/* Names of results_bench.h and their units. */
static const struct {
    const char *suite, *name, *unit;
} vocabulary[] = {{"roofline", "fma", "FLOP/s"},
                  {"roofline", "triad", "B/s"},
                  {"roofline", "read", "B/s"},
                  {"roofline", "local", "B/s"},
                  {"roofline", "product", "FLOP/s"},
                  {"roofline", "launch", "s"},
                  {"roofline", "launch and wait", "s"},
                  {"roofline", "upload", "B/s"},
                  {"roofline", "download", "B/s"},
                  {"roofline", "upload pinned", "B/s"},
                  {"roofline", "download pinned", "B/s"},
                  {"op", "seconds", "s"},
                  {"op", "vendor seconds", "s"},
                  {"op", "flop", "FLOP"},
                  {"op", "bytes", "B"},
                  {"numerics", "ulp max", "ULP"},
                  {"numerics", "ulp mean", "ULP"},
                  {"numerics", "equal", ""},
                  {"support", "support", ""}};

static void check_known(const char *suite, const char *name, const char *unit)
{
    for (size_t k = 0; k < sizeof vocabulary / sizeof *vocabulary; k++) {
        if (strcmp(suite, vocabulary[k].suite) || strcmp(name, vocabulary[k].name)) continue;
        assert_string_equal(unit, vocabulary[k].unit);
        return;
    }
    fail_msg("%s: '%s' is not in the vocabulary", suite, name);
}

void bench_check_vocabulary(const bench_values *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const rk_spread *s = &b->v[i].spread;
        check_known(b->v[i].suite, b->v[i].name, b->v[i].unit);
        for (uint32_t j = 0; j < i; j++)
            if (!strcmp(b->v[i].suite, b->v[j].suite) && !strcmp(b->v[i].tier, b->v[j].tier) &&
                !strcmp(b->v[i].subject, b->v[j].subject) && !strcmp(b->v[i].name, b->v[j].name))
                fail_msg("%s of '%s' was given twice", b->v[i].name, b->v[i].subject);
        if (s->n == 0) {
            assert_true(isnan(s->median));
            assert_true(b->v[i].text[0] != '\0'); /* why */
            continue;
        }
        assert_true(isfinite(s->median) && s->least >= 0);
        assert_true(s->least <= s->q1 && s->q1 <= s->median && s->median <= s->q3);
        assert_true(s->q3 <= s->most);
    }
}
