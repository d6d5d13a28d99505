/* Hubs and sessions on the CPU: names, buffers, states shared by programs, how parameters start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xxhash.h>
#include "base/error.h"
#include "device/profile.h"
#include "device/program.h"
#include "rethink/numerics.h"

static rk_hub *hub;
static const rk_session_options usual = {.seed = 0x1234567890ABCDEFu};

static rk_session *open_cpu(void)
{
    rk_error e = rk_error_new();
    rk_session *s;
    if (rk_session_open(hub, "cpu", &usual, &s, &e) != RK_OK) fail_msg("%s", e.text);
    return s;
}

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        if ((call) != RK_OK) fail_msg("%s", e.text);                                               \
    } while (0)

/* The call is refused with this status and a text that has these words. */
#define REFUSED(call, status, words)                                                               \
    do {                                                                                           \
        e = rk_error_new();                                                                        \
        assert_int_equal((call), status);                                                          \
        assert_int_equal(e.code, status);                                                          \
        if (!strstr(e.text, words)) fail_msg("no '%s' in: %s", words, e.text);                     \
    } while (0)

/* ---- profiles ---- */

/* One instruction a launch: the product is written once and read by two launches. */
static void bytes_and_their_floor(void **state)
{
    enum { ROWS = 4, COLUMNS = 8, PRODUCT = 4 * ROWS * COLUMNS, MOST = 8 };
    rk_session_options unfused = usual;
    rk_error e = rk_error_new();
    rk_launch launch[MOST];
    rk_session *s;
    rk_program *p;
    rk_graph *g = rk_graph_new();
    double floor, moved = 0;
    (void)state;
    unfused.unfused = true;
    GOOD(rk_session_open(hub, "cpu", &unfused, &s, &e));
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(ROWS, COLUMNS), "x");
    rk_value w = rk_input(g, RK_F32, RK_SHAPE(COLUMNS, COLUMNS), "w");
    rk_value y = rk_matmul(g, x, w, false, false);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(ROWS, COLUMNS), "twice"), rk_add(g, y, y));
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(ROWS, COLUMNS), "root"), rk_sqrt(g, y));
    GOOD(rk_session_add(s, g, "step", &p, &e));
    GOOD(rk_session_commit(s, &e));
    assert_int_equal(rk_program_launches(p), 3);
    GOOD(rk_program_profile(p, launch, &e));
    for (int i = 0; i < 3; i++) moved += launch[i].bytes;
    GOOD(rk_program_bytes_floor(p, &floor, &e));
    assert_true(floor == 5 * PRODUCT + 4 * COLUMNS * COLUMNS); /* x, y twice, the results; w */
    assert_true(moved == floor + PRODUCT);
    rk_session_close(s);
    rk_graph_free(g);
}

/* The CPU with a clock of its own: launch number n of all takes n ns, only the last 16 marks are
 * kept, and between them the host takes its time. */
static struct {
    rk_backend table;
    const rk_backend *own;
    uint64_t launches, now, ticket, at[16];
    uint32_t on, off;
} clock_of;

static rk_status clocked_launch(rk_device *d, rk_kernel *k, const rk_arg *args, uint32_t n,
                                rk_error *e)
{
    clock_of.now += ++clock_of.launches;
    return clock_of.own->launch(d, k, args, n, e);
}

static rk_status clocked_mark(rk_device *d, uint64_t *ticket, rk_error *e)
{
    (void)d, (void)e;
    *ticket = ++clock_of.ticket;
    clock_of.at[*ticket % 16] = clock_of.now;
    return RK_OK;
}

static rk_status clocked_elapsed(rk_device *d, uint64_t from, uint64_t to, uint64_t *ns,
                                 rk_error *e)
{
    (void)d, (void)e;
    assert_true(from < to && to <= clock_of.ticket && from + 16 > clock_of.ticket);
    *ns = clock_of.at[to % 16] - clock_of.at[from % 16];
    return RK_OK;
}

static rk_status clocked(rk_device *d, uint32_t on, rk_error *e)
{
    (void)d, (void)e;
    clock_of.on += on, clock_of.off += !on;
    return RK_OK;
}

/* Every launch gets its own time, though others are under way. */
static void times_of_launches(void **state)
{
    enum { LAUNCHES = 30 };
    rk_session_options unfused = usual;
    rk_error e = rk_error_new();
    rk_launch launch[LAUNCHES];
    rk_session *s;
    rk_program *p;
    rk_graph *g = rk_graph_new();
    (void)state;
    unfused.unfused = true;
    GOOD(rk_session_open(hub, "cpu", &unfused, &s, &e));
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(4), "x");
    for (int i = 0; i < LAUNCHES; i++) x = rk_sqrt(g, x);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(4), "y"), x);
    GOOD(rk_session_add(s, g, "step", &p, &e));
    GOOD(rk_session_commit(s, &e));
    assert_int_equal(rk_program_launches(p), LAUNCHES);
    clock_of.own = s->device.table;
    clock_of.table = *clock_of.own;
    clock_of.table.launch = clocked_launch;
    clock_of.table.mark = clocked_mark;
    clock_of.table.elapsed_ns = clocked_elapsed;
    clock_of.table.time_kernels = clocked;
    s->device.table = &clock_of.table;
    GOOD(rk_program_profile(p, launch, &e));
    assert_true(clock_of.on == 1 && clock_of.off == 1 && clock_of.launches == LAUNCHES);
    for (int i = 0; i < LAUNCHES; i++)
        assert_true(launch[i].kernels && launch[i].seconds == 1e-9 * (i + 1));
    s->device.table = clock_of.own;
    rk_session_close(s);
    rk_graph_free(g);
}

/* ---- names of devices ---- */

static void specs(void **state)
{
    rk_error e = rk_error_new();
    rk_session *s;
    const rk_device_entry *d;
    char part[200];
    (void)state;
    assert_true(rk_hub_devices(hub, &d) >= 1);
    assert_string_equal(d[0].spec, "cpu:0");
    /* A part of the name, in the other case. */
    snprintf(part, sizeof part, "cpu:%.6s", d[0].info.name);
    for (char *c = part + 4; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 32);
    const char *const good[] = {"cpu", "cpu:0", "auto", part};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        GOOD(rk_session_open(hub, good[i], &usual, &s, &e));
        assert_string_equal(rk_session_device(s)->spec, "cpu:0");
        assert_true(rk_session_selftest(s)->exact);
        rk_session_close(s);
    }
    const char *const bad[] = {"", "gpu", "cpu:1", "cpu:", "cpu:no such name", "opencl", "CPU"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(rk_session_open(hub, bad[i], &usual, &s, &e), RK_E_INVALID, "cpu:0");
    rk_session_options fast = {.numerics = RK_NUMERICS_FAST};
    REFUSED(rk_session_open(hub, "auto", &fast, &s, &e), RK_E_INVALID, "name a device");
}

/* ---- buffers ---- */

static void buffers(void **state)
{
    rk_error e = rk_error_new();
    rk_session *s = open_cpu();
    rk_program *first, *second, *third;
    rk_graph *g = rk_graph_new(), *h = rk_graph_new(), *bad = rk_graph_new();
    float three[3] = {1, 2, 3};
    (void)state;
    rk_value z = rk_state(g, RK_F32, RK_SHAPE(3), "z"), in = rk_input(g, RK_F32, RK_SHAPE(3), "a");
    rk_assign(g, z, rk_add(g, z, in));
    rk_value y = rk_state(h, RK_F32, RK_SHAPE(3), "y");
    rk_assign(h, y, rk_mul(h, rk_state(h, RK_F32, RK_SHAPE(3), "z"), rk_const_f(h, 10)));
    rk_value wrong = rk_state(bad, RK_F32, RK_SHAPE(4), "z");
    rk_assign(bad, wrong, rk_neg(bad, wrong));
    GOOD(rk_session_add(s, g, "first", &first, &e));
    GOOD(rk_session_add(s, h, "second", &second, &e));
    REFUSED(rk_session_add(s, bad, "third", &third, &e), RK_E_INVALID, "'z'");
    assert_null(third);
    REFUSED(rk_program_run(first, &e), RK_E_INVALID, "commit");
    REFUSED(rk_session_write(s, "a", three, sizeof three, &e), RK_E_INVALID, "commit");
    GOOD(rk_session_commit(s, &e));
    REFUSED(rk_session_commit(s, &e), RK_E_INVALID, "once");
    REFUSED(rk_session_add(s, h, "late", &third, &e), RK_E_INVALID, "before");
    const rk_buffer_info *b;
    assert_int_equal(rk_session_buffers(s, &b), 3);
    assert_string_equal(b[0].name, "a");
    assert_string_equal(b[1].name, "y");
    assert_string_equal(b[2].name, "z");
    assert_true(b[0].input && !b[2].input && b[2].bytes == 12);
    assert_ptr_equal(rk_session_buffer(s, "z"), &b[2]);
    assert_null(rk_session_buffer(s, "zz"));
    GOOD(rk_session_write(s, "a", three, sizeof three, &e));
    REFUSED(rk_session_write(s, "a", three, 8, &e), RK_E_INVALID, "12 bytes");
    REFUSED(rk_session_read(s, "b", three, 8, &e), RK_E_INVALID, "'b'");
    for (int i = 0; i < 2; i++) GOOD(rk_program_run(first, &e));
    GOOD(rk_program_run(second, &e)); /* sees what the first one left in z, which was zero */
    GOOD(rk_session_read(s, "y", three, sizeof three, &e));
    for (int i = 0; i < 3; i++) assert_true(three[i] == (float)(i + 1) * 20);
    rk_session_close(s);
    rk_graph_free(g);
    rk_graph_free(h);
    rk_graph_free(bad);
}

/* ---- how parameters start ---- */

static uint32_t word(uint32_t stream, uint32_t step, uint64_t i)
{
    uint32_t c[4] = {(uint32_t)(i / 4), 0, step, stream};
    rk_philox(c, (uint32_t)usual.seed, (uint32_t)(usual.seed >> 32));
    return c[i % 4];
}

enum { N = 1003 };
static const char *const names[] = {"constant", "uniform", "normal", "zero"};
static const rk_init init[] = {
    {RK_INIT_CONST, 0.3f}, {RK_INIT_UNIFORM, 0.7f}, {RK_INIT_NORMAL, 1.9f}, {RK_INIT_ZERO, 5.0f}};

static float start_of(int k, uint64_t i)
{
    uint32_t stream = (uint32_t)XXH3_64bits(names[k], strlen(names[k]));
    float a = init[k].a;
    if (k == 0) return a;
    if (k == 1) return (2 * rk_uniform(word(stream, 0, i)) - 1) * a;
    return k == 2 ? a * rk_normal(word(stream, 0, 2 * i), word(stream, 0, 2 * i + 1)) : 0;
}

static rk_graph *random_start(void)
{
    rk_graph *g = rk_graph_new();
    rk_value sum = 0;
    for (int i = 0; i < 4; i++) {
        rk_value v = rk_param(g, RK_SHAPE(N), init[i], names[i]);
        sum = i ? rk_add(g, sum, v) : v;
    }
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(N), "sum"), sum);
    rk_assign(g, rk_state(g, RK_U32, RK_SHAPE(N), "words"), rk_rng(g, RK_SHAPE(N), "noise"));
    return g;
}

/* One inlined value read as a row and as a column; two parts of one buffer; memory that is not zero
 * at first, copies that the device refuses. */
static void two_ways_and_two_parts(void **state)
{
    const char *path = getenv("RETHINK_TEST_PROXY");
    rk_session_options back = {.fallback = RK_FALLBACK_REFERENCE};
    rk_error e = rk_error_new();
    rk_hub *proxy;
    rk_session *s;
    rk_program *p;
    rk_graph *g = rk_graph_new();
    const float start[3] = {1, 2, 5};
    float x[3], square[9], twice[6];
    (void)state;
    rk_value in = rk_input(g, RK_F32, RK_SHAPE(3), "in"), v = rk_neg(g, in);
    rk_value row = rk_reshape(g, v, RK_SHAPE(1, 3)), column = rk_reshape(g, v, RK_SHAPE(3, 1));
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(3, 3), "square"), rk_sub(g, row, column));
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(6), "twice"),
              rk_concat(g, (rk_value[]){in, v}, 2, 0));
    rk_value sum = rk_state(g, RK_F32, RK_SHAPE(3), "sum");
    rk_assign(g, sum, rk_add(g, sum, in));
    GOOD(rk_hub_new(&path, 1, &proxy, &e));
    GOOD(rk_hub_option(proxy, "proxy.refuse", "copy", &e));
    GOOD(rk_session_open(proxy, "proxy", &back, &s, &e));
    GOOD(rk_session_add(s, g, "parts", &p, &e));
    GOOD(rk_session_commit(s, &e));
    GOOD(rk_session_write(s, "in", start, sizeof start, &e));
    GOOD(rk_program_run(p, &e));
    GOOD(rk_session_read(s, "square", square, sizeof square, &e));
    GOOD(rk_session_read(s, "twice", twice, sizeof twice, &e));
    GOOD(rk_session_read(s, "sum", x, sizeof x, &e));
    assert_true(rk_program_describe(p)->fallback_steps >= 2);
    for (int i = 0; i < 9; i++) assert_true(square[i] == start[i / 3] - start[i % 3]);
    for (int i = 0; i < 6; i++) assert_true(twice[i] == (i < 3 ? start[i] : -start[i - 3]));
    for (int i = 0; i < 3; i++) assert_true(x[i] == start[i]);
    rk_session_close(s);
    rk_hub_free(proxy);
    rk_graph_free(g);
}

static void starts(void **state)
{
    rk_error e = rk_error_new();
    rk_session *s = open_cpu();
    rk_program *p;
    rk_graph *g = random_start();
    float x[N];
    uint32_t key[3], random[N], stream = (uint32_t)XXH3_64bits("noise", 5);
    (void)state;
    GOOD(rk_session_add(s, g, "start", &p, &e));
    GOOD(rk_session_commit(s, &e));
    GOOD(rk_session_read(s, "uniform", x, sizeof x, &e));
    for (int i = 0; i < N; i++) assert_true(rk_bits(x[i]) == 0); /* states start as zeros */
    GOOD(rk_session_read(s, "rng/key", key, sizeof key, &e));
    assert_true(key[0] == (uint32_t)usual.seed); /* but the key */
    GOOD(rk_session_init(s, &e));
    for (int k = 0; k < 4; k++) {
        GOOD(rk_session_read(s, names[k], x, sizeof x, &e));
        for (uint64_t i = 0; i < N; i++) assert_int_equal(rk_bits(x[i]), rk_bits(start_of(k, i)));
    }
    GOOD(rk_session_read(s, "rng/key", key, sizeof key, &e));
    assert_true(key[0] == (uint32_t)usual.seed && key[1] == usual.seed >> 32 && key[2] == 0);
    key[2] = 9;
    GOOD(rk_session_write(s, "rng/key", key, sizeof key, &e));
    GOOD(rk_program_run(p, &e));
    GOOD(rk_session_read(s, "words", random, sizeof random, &e));
    for (uint64_t i = 0; i < N; i++) assert_int_equal(random[i], word(stream, 9, i));
    rk_session_close(s);
    rk_graph_free(g);
}

/* ---- what a record says of a program ---- */

static void description(void **state)
{
    rk_error e = rk_error_new();
    rk_session *s = open_cpu();
    rk_program *p, *again;
    rk_graph *g = rk_graph_new(), *other = rk_graph_new();
    (void)state;
    for (int i = 0; i < 2; i++) {
        rk_graph *h = i ? other : g;
        rk_value x = rk_state(h, RK_F32, RK_SHAPE(30, 20), "x");
        rk_value y = rk_matmul(h, x, x, true, false);
        y = rk_add(h, rk_permute(h, y, (uint32_t[]){1, 0}), rk_const_f(h, i ? 2 : 1));
        rk_assign(h, x, rk_matmul(h, x, y, false, false));
    }
    GOOD(rk_session_add(s, g, "one", &p, &e));
    GOOD(rk_session_add(s, other, "two", &again, &e));
    const rk_program_info *info = rk_program_describe(p);
    assert_string_equal(info->name, "one");
    assert_true(info->steps >= 3 && info->fallback_steps == 0 && info->fallback_note[0] == 0);
    assert_true(info->arena_bytes >= info->bound_bytes && info->bound_bytes > 0);
    assert_true(info->arena_bytes <= info->bound_bytes + info->bound_bytes / 10 + 256);
    assert_int_equal(strlen(info->digest), 32);
    assert_string_not_equal(info->digest, rk_program_describe(again)->digest);
    uint32_t lines = 0;
    for (const char *c = info->text; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, info->steps);
    assert_non_null(strstr(info->text, "matmul 1x20x20x30"));
    assert_true(info->kernels[0]);
    rk_session_close(s);
    rk_graph_free(g);
    rk_graph_free(other);
}

static int open_hub(void **state)
{
    rk_error e = rk_error_new();
    (void)state;
    if (rk_hub_new(NULL, 0, &hub, &e) == RK_OK) return 0;
    print_error("%s\n", e.text);
    return 1;
}

static int close_hub(void **state)
{
    (void)state;
    rk_hub_free(hub);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(specs),
                                       cmocka_unit_test(buffers),
                                       cmocka_unit_test(starts),
                                       cmocka_unit_test(two_ways_and_two_parts),
                                       cmocka_unit_test(description),
                                       cmocka_unit_test(bytes_and_their_floor),
                                       cmocka_unit_test(times_of_launches)};
    return cmocka_run_group_tests_name("test_device", tests, open_hub, close_hub);
}
