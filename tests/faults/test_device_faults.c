/* The n-th call of each function of a backend fails, for all n; devices that lie or refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "small_step.h"

static rk_hub *make_hub(void)
{
    rk_error e = rk_error_new();
    const char *path = getenv("RETHINK_TEST_PROXY");
    rk_hub *h;
    assert_non_null(path);
    if (rk_hub_new(&path, 1, &h, &e) != RK_OK) fail_msg("%s", e.text);
    return h;
}

static rk_status use(rk_hub *h, const char *key, const char *value, rk_fallback fallback,
                     rk_numerics numerics, uint32_t *weight, rk_error *e)
{
    rk_session_options o = {.fallback = fallback, .numerics = numerics, .seed = 3};
    rk_graph *g = small_step();
    uint32_t own;
    if (key) assert_int_equal(rk_hub_option(h, key, value, e), RK_OK);
    rk_status s = small_session(h, "proxy", &o, g, weight ? weight : &own, e);
    rk_graph_free(g);
    return s;
}

/* least: how many calls of the function there are at least. */
static void fail_each(rk_hub *h, const char *function, int least, const char *how, rk_status want)
{
    for (int n = 1;; n += 1 + n / 8) {
        char value[64];
        rk_error e = rk_error_new();
        snprintf(value, sizeof value, "%s:%d%s", function, n, how);
        rk_status s = use(h, "proxy.fail", value, RK_FALLBACK_FORBID, RK_NUMERICS_EXACT, NULL, &e);
        if (s == RK_OK) {
            if (n <= least) fail_msg("%s%s: not %d calls", function, how, least);
            return;
        }
        assert_int_equal(s, want);
        assert_int_equal(e.code, want);
        if (strcmp(how, ":silent") != 0 && !strstr(e.text, "proxy")) fail_msg("%s", e.text);
        if (!strstr(e.text, "proxy") && !strstr(e.text, "no reason")) fail_msg("%s", e.text);
    }
}

static void each_call(void **state)
{
    static const struct {
        const char *function;
        int least; /* calls */
    } list[] = {{"open", 1},    {"mem_alloc", 3}, {"write", 5}, {"read", 1}, {"prepare", 10},
                {"launch", 30}, {"sync", 1},      {"mark", 4},  {"wait", 2}};
    rk_hub *h = make_hub();
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        fail_each(h, list[i].function, list[i].least, "", RK_E_INTERNAL);
        fail_each(h, list[i].function, list[i].least, ":silent", RK_E_INTERNAL);
        fail_each(h, list[i].function, list[i].least, ":lost", RK_E_DEVICE);
    }
    rk_hub_free(h);
}

/* A device that is lost says the same to every later call, and the backend is not asked again. */
static void lost(void **state)
{
    rk_session_options o = {.fallback = RK_FALLBACK_FORBID};
    rk_error e = rk_error_new(), again = rk_error_new();
    rk_hub *h = make_hub();
    rk_graph *g = small_step();
    rk_session *s;
    rk_program *p;
    float x[SMALL_ROWS * SMALL_IN] = {0};
    (void)state;
    assert_int_equal(rk_session_open(h, "proxy", &o, &s, &e), RK_OK); /* the self-test is over */
    rk_session_close(s);
    assert_int_equal(rk_hub_option(h, "proxy.fail", "launch:7:lost", &e), RK_OK);
    assert_int_equal(rk_hub_option(h, "proxy.fail", "launch:100:lost", &e), RK_OK);
    assert_int_equal(rk_session_open(h, "proxy", &o, &s, &e), RK_OK);
    assert_int_equal(rk_session_add(s, g, "step", &p, &e), RK_OK);
    assert_int_equal(rk_session_commit(s, &e), RK_OK);
    while (rk_program_run(p, &e) == RK_OK) continue;
    assert_int_equal(e.code, RK_E_DEVICE);
    assert_non_null(strstr(e.text, "step"));
    assert_int_equal(rk_program_run(p, &again), RK_E_DEVICE);
    assert_int_equal(rk_session_write(s, "x", x, sizeof x, &again), RK_E_DEVICE);
    assert_int_equal(rk_session_read(s, "x", x, sizeof x, &again), RK_E_DEVICE);
    assert_int_equal(rk_session_sync(s, &again), RK_E_DEVICE);
    rk_session_close(s);
    rk_graph_free(g);
    rk_hub_free(h);
}

/* A refusal is an error that names step, kind, reason and remedy, or a detour with a note. */
static void refusals(void **state)
{
    rk_hub *h = make_hub();
    rk_error e = rk_error_new();
    uint32_t plain, other;
    (void)state;
    assert_int_equal(use(h, NULL, NULL, 0, 0, &plain, &e), RK_OK);
    assert_int_equal(use(h, "proxy.refuse", "matmul", RK_FALLBACK_FORBID, 0, NULL, &e),
                     RK_E_UNSUPPORTED);
    static const char *const parts[] = {"step ", "matmul", "refused, as it was told to",
                                        "--fallback reference", "proxy:0"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(e.text, parts[i])) fail_msg("no '%s' in: %s", parts[i], e.text);
    assert_int_equal(use(h, "proxy.refuse", "matmul,reduce", RK_FALLBACK_REFERENCE, 0, &other, &e),
                     RK_OK);
    assert_int_equal(plain, other);
    assert_int_equal(use(h, "proxy.refuse", "", 0, 0, &other, &e), RK_OK);
    assert_int_equal(use(h, "proxy.tier", "fast", 0, RK_NUMERICS_FAST, &other, &e), RK_OK);
    assert_int_equal(use(h, "proxy.tier", "fast", RK_FALLBACK_FORBID, 0, NULL, &e),
                     RK_E_UNSUPPORTED);
    if (!strstr(e.text, "not exact")) fail_msg("%s", e.text);
    rk_hub_free(h);
}

/* Little memory at once: the same bits from several pieces, or an error that says what is too
 * large. */
static void pieces(void **state)
{
    rk_error e = rk_error_new();
    uint32_t plain, other;
    rk_hub *h = make_hub();
    (void)state;
    assert_int_equal(use(h, NULL, NULL, 0, 0, &plain, &e), RK_OK);
    rk_hub_free(h);
    setenv("PROXY_PIECE", "192", 1);
    h = make_hub();
    if (use(h, NULL, NULL, 0, RK_NUMERICS_FAST, &other, &e) != RK_OK) fail_msg("%s", e.text);
    assert_int_equal(plain, other);
    rk_hub_free(h);
    setenv("PROXY_PIECE", "64", 1);
    h = make_hub();
    assert_int_equal(use(h, NULL, NULL, 0, RK_NUMERICS_FAST, &other, &e), RK_E_NOMEM);
    if (!strstr(e.text, "at most 64 at once")) fail_msg("%s", e.text);
    rk_hub_free(h);
    unsetenv("PROXY_PIECE");
}

static void no_devices(void **state)
{
    rk_error e = rk_error_new();
    const rk_candidate *c;
    setenv("PROXY_DEVICES", "0", 1);
    rk_hub *h = make_hub();
    (void)state;
    assert_int_equal(use(h, NULL, NULL, 0, 0, NULL, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "known:"));
    assert_true(rk_hub_candidates(h, &c) >= 1);
    assert_string_equal(c[0].note, "proxy: has no device");
    rk_hub_free(h);
    unsetenv("PROXY_DEVICES");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_call), cmocka_unit_test(lost),
                                       cmocka_unit_test(refusals), cmocka_unit_test(pieces),
                                       cmocka_unit_test(no_devices)};
    return cmocka_run_group_tests_name("test_device_faults", tests, NULL, NULL);
}
