/* Random graphs: every way of planning and placing gives the same bits, and the oracle's values.
 *
 * RETHINK_TEST_DEVICE names the device (cpu), RETHINK_TEST_GRAPHS how many graphs. The proxy of
 * tests/faults refuses what plans prefer, so that they are split, detached, detoured. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "base/text.h"
#include "device/session.h"
#include "oracle.h"
#include "random_graph.h"

enum { RUNS = 3 };

static rk_hub *hub, *proxy;

static const char *device(void)
{
    const char *name = getenv("RETHINK_TEST_DEVICE");
    return name ? name : "cpu";
}

static uint64_t graphs(uint64_t usual)
{
    const char *n = getenv("RETHINK_TEST_GRAPHS");
    if (n) assert_true(rk_parse_u64(n, &usual));
    return usual;
}

/* What a buffer holds at first: whole numbers from -3 to 4, small ones in types without sign. */
static void start(const rk_buffer_info *b, void *data)
{
    random_source r = {7};
    for (const char *p = b->name; *p; p++) r.state = r.state * 31 + (unsigned char)*p;
    uint64_t n = b->bytes / (b->dtype == RK_U8 ? 1 : 4);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t word = random_below(&r, 8);
        float f = (float)word - 3;
        if (b->dtype == RK_U8)
            ((uint8_t *)data)[i] = word & 1;
        else if (b->dtype == RK_U32)
            ((uint32_t *)data)[i] = word;
        else
            ((float *)data)[i] = f;
    }
}

typedef struct result {
    uint32_t n;
    void *data[24];
    rk_buffer_info info[24];
    char name[24][32];
    char plan[33];
    uint32_t steps, detours;
} result;

static void result_free(result *r)
{
    for (uint32_t i = 0; i < r->n; i++) free(r->data[i]);
}

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        rk_status good_status = (call);                                                            \
        if (good_status != RK_OK) fail_msg("graph %d: %s", (int)seed, e.text);                     \
    } while (0)

/* Gives the buffers of a session their first contents. */
static void begin(rk_session *s, uint64_t seed, result *out)
{
    rk_error e = rk_error_new();
    const rk_buffer_info *b;
    out->n = rk_session_buffers(s, &b);
    assert_true(out->n <= 24);
    for (uint32_t i = 0; i < out->n; i++) {
        out->info[i] = b[i];
        snprintf(out->name[i], sizeof out->name[i], "%s", b[i].name);
        out->info[i].name = out->name[i];
        out->data[i] = calloc(1, b[i].bytes + 1);
        start(&b[i], out->data[i]);
        GOOD(rk_session_write(s, b[i].name, out->data[i], b[i].bytes, &e));
    }
}

static void run(rk_hub *h, const char *spec, const rk_graph *g, uint64_t seed,
                const rk_session_options *o, result *out)
{
    rk_error e = rk_error_new();
    rk_session *s;
    rk_program *p;
    GOOD(rk_session_open(h, spec, o, &s, &e));
    GOOD(rk_session_add(s, g, "random", &p, &e));
    GOOD(rk_session_commit(s, &e));
    begin(s, seed, out);
    for (int i = 0; i < RUNS; i++) GOOD(rk_program_run(p, &e));
    for (uint32_t i = 0; i < out->n; i++)
        GOOD(rk_session_read(s, out->name[i], out->data[i], out->info[i].bytes, &e));
    const rk_program_info *info = rk_program_describe(p);
    snprintf(out->plan, sizeof out->plan, "%s", info->digest);
    out->steps = info->steps;
    out->detours = info->fallback_steps;
    assert_true((info->fallback_note[0] != 0) == (info->fallback_steps != 0));
    rk_session_close(s);
}

static bool same_word(uint32_t dtype, uint32_t x, uint32_t y)
{
    bool nan_x = (x & 0x7FFFFFFF) > 0x7F800000, nan_y = (y & 0x7FFFFFFF) > 0x7F800000;
    return x == y || (dtype == RK_F32 && nan_x && nan_y);
}

static void expect_same(uint64_t seed, const char *how, const result *a, const result *b)
{
    assert_int_equal(a->n, b->n);
    for (uint32_t i = 0; i < a->n; i++) {
        const uint32_t *x = a->data[i], *y = b->data[i];
        bool same = a->info[i].dtype != RK_U8 || memcmp(x, y, a->info[i].bytes) == 0;
        for (uint64_t j = 0; same && a->info[i].dtype != RK_U8 && j < a->info[i].bytes / 4; j++)
            same = same_word(a->info[i].dtype, x[j], y[j]);
        if (!same) fail_msg("graph %d, %s: other bits in %s", (int)seed, how, a->name[i]);
    }
}

/* False if the numbers grew so large that they cannot be compared. */
static bool expect_oracle(const rk_graph *g, uint64_t seed, const result *r)
{
    oracle *o = oracle_new(g);
    bool exact = true;
    for (uint32_t i = 0; i < r->n; i++) {
        void *data = calloc(1, r->info[i].bytes + 1);
        cell *c = oracle_buffer(o, r->name[i]);
        start(&r->info[i], data);
        for (int64_t j = 0; j < rk_shape_size(r->info[i].shape); j++) {
            if (r->info[i].dtype == RK_F32) c[j].f = ((float *)data)[j];
            if (r->info[i].dtype == RK_U32) c[j].u = ((uint32_t *)data)[j];
            if (r->info[i].dtype == RK_U8) c[j].u = ((uint8_t *)data)[j];
        }
        free(data);
    }
    for (int i = 0; i < RUNS && exact; i++) {
        oracle_run(o, NULL, 0);
        for (rk_value v = 1; v < rk_graph_count(g) && exact; v++) {
            const cell *c = rk_dtype_of(g, v) == RK_F32 ? oracle_value(o, v) : NULL;
            for (int64_t j = 0; c && exact && j < rk_shape_size(rk_shape_of(g, v)); j++)
                exact = fabs(c[j].f) < 4e6 || !isfinite(c[j].f);
        }
    }
    for (uint32_t i = 0; i < r->n && exact; i++) {
        const cell *c = oracle_buffer(o, r->name[i]);
        for (int64_t j = 0; j < rk_shape_size(r->info[i].shape); j++) {
            bool same = r->info[i].dtype == RK_F32   ? (float)c[j].f == ((float *)r->data[i])[j]
                        : r->info[i].dtype == RK_U32 ? c[j].u == ((uint32_t *)r->data[i])[j]
                                                     : c[j].u == ((uint8_t *)r->data[i])[j];
            if (same || (r->info[i].dtype == RK_F32 && isnan(c[j].f))) continue;
            fail_msg("graph %d: %s[%d] is %g, the oracle says %g", (int)seed, r->name[i], (int)j,
                     (double)((float *)r->data[i])[j], c[j].f);
        }
    }
    oracle_free(o);
    return exact;
}

static void check(uint64_t seed, bool whole, uint64_t *compared, int64_t *saved)
{
    static const struct {
        const char *name;
        rk_session_options options;
    } ways[] = {{"unfused", {.unfused = true}},
                {"memory of its own", {.separate = true}},
                {"poisoned memory", {.poison = true}},
                {"unfused, poisoned", {.unfused = true, .poison = true}}};
    rk_session_options usual = {.fallback = RK_FALLBACK_FORBID};
    rk_error e = rk_error_new();
    rk_graph *g = random_graph_make(seed, whole);
    result first = {0}, other = {0};
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("graph %d: %s", (int)seed, e.text);
    run(hub, device(), g, seed, &usual, &first);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        run(hub, device(), g, seed, &ways[i].options, &other);
        expect_same(seed, ways[i].name, &first, &other);
        if (!ways[i].options.unfused) assert_string_equal(first.plan, other.plan);
        if (i == 0) *saved += (int64_t)other.steps - first.steps;
        result_free(&other);
    }
    if (whole) *compared += expect_oracle(g, seed, &first);
    result_free(&first);
    rk_graph_free(g);
}

static void whole_numbers(void **state)
{
    uint64_t n = graphs(250), compared = 0;
    int64_t saved = 0;
    (void)state;
    for (uint64_t seed = 0; seed < n; seed++) check(seed, true, &compared, &saved);
    print_message("%d of %d graphs small enough for the oracle, %d launches saved\n", (int)compared,
                  (int)n, (int)saved);
    assert_true(compared * 2 > n && saved > 2 * (int64_t)n);
}

static void real_numbers(void **state)
{
    uint64_t n = graphs(250), compared = 0;
    int64_t saved = 0;
    (void)state;
    for (uint64_t seed = 0; seed < n; seed++) check(seed, false, &compared, &saved);
}

/* Devices that refuse: the same bits, by other steps. */
static void refusals(void **state)
{
    static const char *const ways[][2] = {{"proxy.refuse", "epilogue"},
                                          {"proxy.refuse", "prologue"},
                                          {"proxy.refuse", "multi"},
                                          {"proxy.refuse", "epilogue,prologue,multi"},
                                          {"proxy.alias", "none"},
                                          {"proxy.refuse", "multi,alias"},
                                          {"proxy.refuse", "matmul,take,copy"},
                                          {"proxy.refuse", "half"},
                                          {"proxy.refuse", "revision"},
                                          {"proxy.refuse", "revision,copy,epilogue"},
                                          {"proxy.refuse", "reduce,put,window"}};
    rk_session_options usual = {.fallback = RK_FALLBACK_REFERENCE};
    uint64_t n = graphs(250), detours = 0;
    (void)state;
    for (uint64_t seed = 0; seed < n; seed++) {
        const char *const *way = ways[seed % (sizeof ways / sizeof *ways)];
        rk_graph *g = random_graph_make(seed, seed % 2);
        rk_error e = rk_error_new();
        result first = {0}, other = {0};
        run(hub, device(), g, seed, &usual, &first);
        GOOD(rk_hub_option(proxy, "proxy.refuse", "", &e));
        GOOD(rk_hub_option(proxy, "proxy.alias", way[1] == ways[5][1] ? "none" : "", &e));
        GOOD(rk_hub_option(proxy, way[0], way[1], &e));
        run(proxy, "proxy", g, seed, &usual, &other);
        expect_same(seed, way[1], &first, &other);
        assert_string_equal(first.plan, other.plan);
        detours += other.detours;
        result_free(&first);
        result_free(&other);
        rk_graph_free(g);
    }
    assert_true(detours > n / 4 || n < 20);
}

/* ---- one step at a time ---- */

typedef struct traced {
    rk_session *session;
    rk_program *program;
    const rk_trace_step *step;
    uint32_t n, once;
    result buffers;
} traced;

static void trace_open(rk_hub *h, const char *spec, const rk_graph *g, uint64_t seed, traced *t)
{
    rk_session_options usual = {.fallback = RK_FALLBACK_REFERENCE};
    rk_error e = rk_error_new();
    GOOD(rk_session_open(h, spec, &usual, &t->session, &e));
    GOOD(rk_session_add(t->session, g, "random", &t->program, &e));
    GOOD(rk_session_commit(t->session, &e));
    t->n = rk_program_trace(t->program, &t->step, &t->once);
    begin(t->session, seed, &t->buffers);
}

static void expect_same_output(uint64_t seed, const traced *a, const traced *b, uint32_t step,
                               uint32_t output)
{
    const rk_trace_out *o = &a->step[step].out[output];
    rk_error e = rk_error_new();
    unsigned char *x = calloc(1, o->bytes + 4), *y = calloc(1, o->bytes + 4);
    GOOD(rk_program_trace_read(a->program, step, output, x, &e));
    GOOD(rk_program_trace_read(b->program, step, output, y, &e));
    for (uint64_t i = 0; i < o->bytes; i += o->dtype == RK_U8 ? 1 : 4) {
        uint32_t v = x[i], w = y[i];
        if (o->dtype != RK_U8) memcpy(&v, x + i, sizeof v);
        if (o->dtype != RK_U8) memcpy(&w, y + i, sizeof w);
        if (!same_word(o->dtype, v, w))
            fail_msg("graph %d: %s: other bits", (int)seed, a->step[step].text);
    }
    free(x);
    free(y);
}

/* After each step of the plan as it was made every output is the same on a device that splits,
 * detaches and falls back; and all steps are a run. */
static void steps(void **state)
{
    static const char *const refuse[] = {"multi,epilogue", "matmul,copy", "prologue,take", "half",
                                         "revision"};
    uint64_t n = graphs(90);
    (void)state;
    for (uint64_t seed = 0; seed < n; seed++) {
        rk_graph *g = random_graph_make(seed, seed % 2);
        rk_error e = rk_error_new();
        traced a = {0}, b = {0}, whole = {0};
        GOOD(rk_hub_option(proxy, "proxy.refuse", refuse[seed % 5], &e));
        GOOD(rk_hub_option(proxy, "proxy.alias", seed % 4 ? "" : "none", &e));
        trace_open(hub, device(), g, seed, &a);
        trace_open(hub, device(), g, seed, &whole);
        trace_open(proxy, "proxy", g, seed, &b);
        assert_true(a.n == b.n && a.once == b.once);
        assert_int_equal(rk_program_trace_run(a.program, a.n, &e), RK_E_INVALID);
        for (uint32_t i = 0; i < a.n; i++) {
            assert_string_equal(a.step[i].text, b.step[i].text);
            if (i >= a.once) GOOD(rk_program_trace_run(a.program, i, &e));
            if (i >= a.once) GOOD(rk_program_trace_run(b.program, i, &e));
            for (uint32_t j = 0; j < a.step[i].n_out; j++)
                if (!a.step[i].out[j].passing) expect_same_output(seed, &a, &b, i, j);
        }
        GOOD(rk_program_run(whole.program, &e));
        for (uint32_t i = 0; i < a.buffers.n; i++) {
            GOOD(rk_session_read(a.session, a.buffers.name[i], a.buffers.data[i],
                                 a.buffers.info[i].bytes, &e));
            GOOD(rk_session_read(whole.session, a.buffers.name[i], whole.buffers.data[i],
                                 a.buffers.info[i].bytes, &e));
        }
        expect_same(seed, "one step at a time", &a.buffers, &whole.buffers);
        traced *const all[] = {&a, &b, &whole};
        for (int i = 0; i < 3; i++) {
            result_free(&all[i]->buffers);
            rk_session_close(all[i]->session);
        }
        rk_graph_free(g);
    }
}

static int open_hub(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    const char *path = getenv("RETHINK_TEST_PROXY");
    if (rk_hub_new(NULL, 0, &hub, &e) == RK_OK &&
        rk_hub_new(&path, path ? 1 : 0, &proxy, &e) == RK_OK)
        return 0;
    print_error("%s\n", e.text);
    return 1;
}

static int close_hub(void **state)
{
    (void)state;
    rk_hub_free(hub);
    rk_hub_free(proxy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_numbers),
                                       cmocka_unit_test(real_numbers), cmocka_unit_test(refusals),
                                       cmocka_unit_test(steps)};
    return cmocka_run_group_tests_name("test_plan_random", tests, open_hub, close_hub);
}
