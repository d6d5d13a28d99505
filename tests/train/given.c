#include "given.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static rk_status keep(void *ctx, const rk_bench_value *v, rk_error *e)
{
    given *g = ctx;
    (void)e;
    assert_true(g->n < GIVEN_MAX);
    snprintf(g->v[g->n].suite, sizeof g->v->suite, "%s", v->suite);
    snprintf(g->v[g->n].subject, sizeof g->v->subject, "%s", v->subject);
    snprintf(g->v[g->n].tier, sizeof g->v->tier, "%s", v->tier);
    snprintf(g->v[g->n].name, sizeof g->v->name, "%s", v->name);
    snprintf(g->v[g->n].unit, sizeof g->v->unit, "%s", v->unit);
    snprintf(g->v[g->n].text, sizeof g->v->text, "%s", v->text);
    g->v[g->n].x = v->x;
    g->v[g->n].spread = v->spread;
    assert_true(v->spread.n > 0 || v->text[0]); /* or why */
    g->n++;
    return RK_OK;
}

static bool stopping(void *ctx)
{
    given *g = ctx;
    return ++g->asked == g->stop_at;
}

void given_open(given *g, const world *w)
{
    memset(g, 0, sizeof *g);
    g->options = (rk_bench_options){
        .size = RK_BENCH_QUICK, .repeats = 3, .seconds = 3600, .seed = 1, .process = 2};
    g->sink = (rk_bench_sink){.ctx = g, .value = keep, .stopping = stopping};
    g->c = (rk_bench_case){.hub = w->hub,
                           .spec = w->device,
                           .reference = "cpu",
                           .options = &g->options,
                           .sink = &g->sink,
                           .plugins = w->plugins};
}

uint32_t given_find(const given *g, const char *subject, const char *tier, const char *name)
{
    uint32_t found = GIVEN_MAX;
    for (uint32_t i = 0; i < g->n; i++) {
        if (strncmp(g->v[i].subject, subject, strlen(subject)) != 0) continue;
        if (tier && strcmp(g->v[i].tier, tier) != 0) continue;
        if (strcmp(g->v[i].name, name) != 0) continue;
        if (found < GIVEN_MAX) fail_msg("'%s' of '%s' was given twice", name, subject);
        found = i;
    }
    if (found == GIVEN_MAX) fail_msg("no '%s' of '%s' was given", name, subject);
    return found;
}

uint32_t given_count(const given *g, const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) n += strcmp(g->v[i].name, name) == 0;
    return n;
}

void given_run(given *g, given_suite *suite)
{
    rk_error e = rk_error_new();
    g->n = 0;
    must(suite(&g->c, &e), &e);
}

void given_is(const given *g, const char *subject, const char *name, const char *unit, double value)
{
    uint32_t i = given_find(g, subject, "exact", name);
    assert_string_equal(g->v[i].unit, unit);
    if (g->v[i].spread.median != value)
        fail_msg("%s is %.17g, not %.17g", name, g->v[i].spread.median, value);
}

void given_times(const given *g, const char *subject, const char *name, int64_t n)
{
    uint32_t i = given_find(g, subject, "exact", name);
    assert_string_equal(g->v[i].unit, "s");
    assert_int_equal(g->v[i].spread.n, n);
    assert_true(g->v[i].spread.least >= 0 && isfinite(g->v[i].spread.most));
}

void given_none(const given *g, const char *subject, const char *tier, const char *name,
                const char *said)
{
    uint32_t i = given_find(g, subject, tier, name);
    assert_int_equal(g->v[i].spread.n, 0);
    assert_non_null(strstr(g->v[i].text, said));
}
