/* Processes that make kernels beside a session, and what the session says of the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../unit/scratch.h"
#include "device/helpers.h"
#include "rethink/numerics.h"

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        if ((call) != RK_OK) fail_msg("%s", e.text);                                               \
    } while (0)

/* What start is to do, and what it saw. */
typedef struct starter {
    bool refuse, stop, die;
    uint32_t started, ended, ops;
    uint32_t shown, steps, compiled; /* what was said of the progress, last */
    json_t *last;                    /* its order */
} starter;

static bool never(void) { return false; }
static bool at_once(void) { return true; }

static uint32_t kept(void)
{
    uint32_t n = 0;
    DIR *d = opendir(scratch("cache/blobs"));
    for (struct dirent *x; d && (x = readdir(d));) n += x->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

/* The helper has ended when this returns, and is still to be waited for. */
static bool start(void *ctx, const char *order, int64_t *pid, int *notes)
{
    starter *s = ctx;
    int end[2];
    siginfo_t how;
    json_decref(s->last);
    s->last = json_loads(order, 0, NULL);
    s->started++;
    s->ops += (uint32_t)json_array_size(json_object_get(s->last, "ops"));
    if (s->refuse) return false;
    uint32_t had = kept();
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    if (child == 0) {
        if (s->die) abort();
        _exit(rk_help_work(s->last, end[1], s->stop ? at_once : never, NULL) == RK_OK ? 0 : 1);
    }
    close(end[1]);
    fcntl(end[0], F_SETFL, O_NONBLOCK);
    assert_int_equal(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT), 0);
    assert_true(s->die || (how.si_code == CLD_EXITED && how.si_status == 0));
    assert_true(kept() == had || (!s->stop && !s->die));
    *pid = child;
    *notes = end[0];
    return true;
}

static void ended(void *ctx, int64_t pid)
{
    starter *s = ctx;
    assert_true(pid > 0);
    s->ended++;
}

/* Every step is told, and no program is lost. */
static void progress(void *ctx, uint32_t step, uint32_t steps, uint32_t compiled)
{
    starter *s = ctx;
    assert_true(step < steps && compiled >= s->compiled);
    assert_int_equal(step, s->shown++);
    s->steps = steps;
    s->compiled = compiled;
}

/* Five ops that differ: one with words and broadcasts, one without a program. */
static rk_graph *build(void)
{
    rk_graph *g = rk_graph_new();
    rk_value x = rk_state(g, RK_F32, RK_SHAPE(6, 4), "x");
    rk_value w = rk_state(g, RK_F32, RK_SHAPE(4, 4), "w");
    rk_value b = rk_state(g, RK_F32, RK_SHAPE(4), "b");
    rk_value y = rk_matmul(g, x, w, false, true);
    y = rk_mul(g, rk_exp(g, y), rk_const_f(g, 0.25f));
    rk_assign(g, b, rk_add(g, b, rk_const_f(g, 3)));
    rk_assign(g, x, rk_add(g, y, rk_expand(g, b, RK_SHAPE(6, 4))));
    rk_assign(g, w, rk_matmul(g, w, w, false, false));
    return g;
}

/* A session with the plan: what it took to be ready. */
static rk_ready run(starter *s)
{
    rk_error e = rk_error_new();
    rk_hub *hub;
    rk_session *session;
    rk_program *p;
    rk_graph *g = build();
    const char *files[] = {getenv("RETHINK_TEST_KEEPING")};
    const rk_help how = {s, start, ended, progress};
    const rk_session_options usual = {.seed = 1};
    GOOD(rk_hub_new_of(files, 1, &hub, &e));
    if (s) GOOD(rk_hub_help(hub, &how, &e));
    GOOD(rk_session_open(hub, "keeping", &usual, &session, &e));
    GOOD(rk_session_add(session, g, "step", &p, &e));
    GOOD(rk_session_commit(session, &e));
    GOOD(rk_program_run(p, &e));
    rk_ready ready = *rk_session_ready(session);
    rk_session_close(session);
    rk_hub_free(hub);
    rk_graph_free(g);
    if (s) assert_int_equal(s->ended, s->refuse ? 0 : s->started);
    if (s) json_decref(s->last);
    if (s) s->last = NULL;
    return ready;
}

static void empty_cache(void)
{
    DIR *d = opendir(scratch("cache/blobs"));
    char path[300];
    for (struct dirent *x; d && (x = readdir(d));) {
        snprintf(path, sizeof path, "cache/blobs/%.255s", x->d_name);
        if (x->d_name[0] != '.') unlink(scratch(path));
    }
    if (d) closedir(d);
}

static int prepare(void **state)
{
    (void)state;
    setenv("RETHINK_CACHE_DIR", scratch("cache"), 1);
    unsetenv("RETHINK_HELPERS");
    empty_cache();
    return 0;
}

/* A program is compiled once, whoever does it, and counted so; a second start finds all. */
static void counted_once(void **state)
{
    starter none = {0}, one = {0}, warm = {0};
    (void)state;
    setenv("RETHINK_HELPERS", "0", 1);
    rk_ready alone = run(&none);
    assert_int_equal(none.started, 0);
    assert_int_equal(alone.compiled, kept());
    empty_cache();
    setenv("RETHINK_HELPERS", "1", 1);
    rk_ready helped = run(&one);
    assert_int_equal(one.started, 1);
    assert_true(one.ops >= 5);
    assert_true(one.shown == one.steps && one.steps == one.ops);
    assert_int_equal(one.compiled, alone.compiled - 1); /* the last step's is yet to come */
    assert_int_equal(helped.compiled, alone.compiled);
    assert_int_equal(helped.cached, alone.cached); /* the self-test asks twice for some */
    assert_int_equal(kept(), alone.compiled);
    rk_ready again = run(&warm);
    assert_int_equal(warm.started, 0);
    assert_int_equal(again.compiled, 0);
    assert_int_equal(again.cached, alone.compiled + alone.cached);
}

/* What a helper was told of an op is all that there is to know: this process compiles nothing that
 * it was told of. */
static uint32_t before, after;
static bool start_and_look(void *ctx, const char *order, int64_t *pid, int *notes)
{
    before = kept();
    bool good = start(ctx, order, pid, notes);
    after = kept();
    return good;
}

static void all_of_an_op(void **state)
{
    rk_error e = rk_error_new();
    starter s = {0};
    rk_hub *hub;
    rk_session *session;
    rk_program *p;
    rk_graph *g = build();
    const char *files[] = {getenv("RETHINK_TEST_KEEPING")};
    const rk_help how = {&s, start_and_look, ended, NULL};
    const rk_session_options usual = {.seed = 1};
    (void)state;
    setenv("RETHINK_HELPERS", "1", 1);
    GOOD(rk_hub_new_of(files, 1, &hub, &e));
    GOOD(rk_hub_help(hub, &how, &e));
    GOOD(rk_session_open(hub, "keeping", &usual, &session, &e));
    GOOD(rk_session_add(session, g, "step", &p, &e));
    assert_true(s.ops >= 5 && s.ops == after - before);
    assert_int_equal(kept(), after);
    rk_session_close(session);
    rk_hub_free(hub);
    rk_graph_free(g);
    json_decref(s.last);
}

/* Several share the steps; those that do not start, do nothing or die change nothing. */
static void several_and_bad_ones(void **state)
{
    starter alone = {0}, two = {0}, refused = {.refuse = true}, idle = {.stop = true};
    starter dead = {.die = true}, small = {0};
    (void)state;
    setenv("RETHINK_HELPERS", "0", 1);
    rk_ready all = run(&alone);
    starter *const helped[] = {&two, &refused, &idle, &dead};
    for (size_t i = 0; i < sizeof helped / sizeof *helped; i++) {
        empty_cache();
        setenv("RETHINK_HELPERS", i ? "1" : "2", 1);
        rk_ready ready = run(helped[i]);
        assert_int_equal(helped[i]->started, i ? 1 : 2);
        assert_int_equal(helped[i]->ops, two.ops); /* shared out, or all */
        assert_int_equal(ready.compiled, all.compiled);
        assert_int_equal(ready.cached, all.cached);
    }
    empty_cache();
    unsetenv("RETHINK_HELPERS"); /* too little to do */
    assert_int_equal(run(&small).compiled, all.compiled);
    assert_int_equal(small.started, 0);
}

/* No order is an error; an op that is none is passed over with all that follow. */
static void bad_orders(void **state)
{
    static const char *const ops[] = {"[1]", "[{}]", "[{\"words\": [1,2]}]",
                                      "[{\"in\": [[1, 9]], \"words\": 0}]"};
    rk_error e = rk_error_new();
    char text[4096];
    (void)state;
    json_t *none = json_object();
    assert_int_not_equal(rk_help_work(none, 0, never, &e), RK_OK);
    assert_int_equal(rk_help_parent(none), 0);
    json_decref(none);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        snprintf(text, sizeof text, "{\"backend\": \"%s\", \"device\": \"keeping\", \"ops\": %s}",
                 getenv("RETHINK_TEST_KEEPING"), ops[i]);
        json_t *order = json_loads(text, 0, NULL);
        assert_non_null(order);
        assert_int_equal(rk_help_work(order, 0, never, &e), RK_OK);
        json_decref(order);
    }
    assert_int_equal(kept(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(counted_once, prepare),
                                       cmocka_unit_test_setup(all_of_an_op, prepare),
                                       cmocka_unit_test_setup(several_and_bad_ones, prepare),
                                       cmocka_unit_test_setup(bad_orders, prepare)};
    return cmocka_run_group_tests_name("test_helpers", tests, scratch_setup, scratch_teardown);
}
