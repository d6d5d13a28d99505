/* The n-th allocation of host memory fails, for all n: an error with a text, nothing leaks (the
 * sanitizers look), and the next try succeeds. Backends take their memory from the same place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "small_step.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t k);
void *__real_realloc(void *old, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t k);
void *__wrap_realloc(void *old, size_t n);
char *__wrap_strdup(const char *s);

static long countdown = -1; /* allocations that still succeed; negative: all */
static bool forever;        /* all that follow fail, too */
static bool reached;        /* one failed */

static bool exhausted(void)
{
    if (countdown < 0) return false;
    if (countdown > 0) {
        countdown--;
        return false;
    }
    if (!forever) countdown = -1;
    reached = true;
    return true;
}

void *__wrap_malloc(size_t n) { return exhausted() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t k) { return exhausted() ? NULL : __real_calloc(n, k); }
void *__wrap_realloc(void *p, size_t n) { return exhausted() ? NULL : __real_realloc(p, n); }
char *__wrap_strdup(const char *s) { return exhausted() ? NULL : __real_strdup(s); }

/* The number of the first n at which nothing was missing; body returns what a use returned. */
static long each_allocation(rk_status (*body)(void *, rk_error *), void *ctx, const char *what)
{
    for (long n = 0;; n++) {
        rk_error e = rk_error_new();
        countdown = n;
        reached = false;
        rk_status s = body(ctx, &e);
        countdown = -1;
        if (s == RK_OK && !reached) return n;
        /* Some do without what they asked for: a cache, a device that cannot be listed. */
        if (s == RK_OK) continue;
        if (s != RK_E_NOMEM) fail_msg("%s, allocation %ld: status %d: %s", what, n, s, e.text);
        assert_true(e.text[0]);
    }
}

static rk_status make_hub(void *ctx, rk_error *e)
{
    rk_hub *h;
    (void)ctx;
    rk_status s = rk_hub_new(NULL, 0, &h, e);
    if (s != RK_OK) return s;
    s = rk_hub_option(h, "threads", "1", e);
    if (s == RK_OK) s = rk_hub_option(h, "threads", "2", e);
    rk_hub_free(h);
    return s;
}

static void hubs(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        forever = i;
        assert_true(each_allocation(make_hub, NULL, "hub") > 10);
    }
}

typedef struct context {
    rk_hub *hub;
    const char *spec;
    rk_graph *graph;
    rk_session_options options;
    uint32_t weight;
} context;

static rk_status run_session(void *ctx, rk_error *e)
{
    context *c = ctx;
    return small_session(c->hub, c->spec, &c->options, c->graph, &c->weight, e);
}

static rk_status test_device(void *ctx, rk_error *e)
{
    context *c = ctx;
    rk_selftest t;
    rk_status s = rk_hub_option(c->hub, "threads", "1", e); /* forgets earlier tests */
    return s == RK_OK ? rk_hub_selftest(c->hub, c->spec, &t, e) : s;
}

static void use_all(const char *const *path, const char *spec, const char *refuse, bool unfused)
{
    rk_error e = rk_error_new();
    context c = {.spec = spec, .graph = small_step()};
    uint32_t want;
    c.options.fallback = RK_FALLBACK_REFERENCE;
    c.options.unfused = unfused;
    assert_int_equal(rk_hub_new(path, path ? 1 : 0, &c.hub, &e), RK_OK);
    if (refuse) assert_int_equal(rk_hub_option(c.hub, "proxy.refuse", refuse, &e), RK_OK);
    if (run_session(&c, &e) != RK_OK) fail_msg("%s", e.text);
    want = c.weight;
    for (int i = 0; i < 2; i++) {
        forever = i;
        assert_true(each_allocation(run_session, &c, spec) > 30);
        assert_int_equal(c.weight, want);
    }
    rk_hub_free(c.hub);
    rk_graph_free(c.graph);
}

static void sessions(void **state)
{
    (void)state;
    use_all(NULL, "cpu", NULL, false);
}

static void splitting_and_falling_back(void **state)
{
    const char *path = getenv("RETHINK_TEST_PROXY");
    (void)state;
    assert_non_null(path);
    use_all(&path, "proxy", "epilogue,prologue,multi,take", true);
    use_all(&path, "proxy", "epilogue,prologue,multi,take", false);
}

static void self_tests(void **state)
{
    rk_error e = rk_error_new();
    context c = {.spec = "cpu"};
    (void)state;
    forever = false;
    assert_int_equal(rk_hub_new(NULL, 0, &c.hub, &e), RK_OK);
    each_allocation(test_device, &c, "self-test");
    rk_hub_free(c.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hubs), cmocka_unit_test(sessions),
                                       cmocka_unit_test(splitting_and_falling_back),
                                       cmocka_unit_test(self_tests)};
    return cmocka_run_group_tests_name("test_memory_faults", tests, NULL, NULL);
}
