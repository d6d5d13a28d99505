/* Random numbers that a graph draws by rows, and the images that noise makes of them, against the
 * same numbers on the host: on the device RETHINK_TEST_DEVICE. */
#include "train/estimate.h"
#include "world.h"
#include <stdlib.h>
#include <string.h>

static const rk_random stream = {0x9F00000000000003u, 5, 0xABCDEF01u};
/* Of steps: the first examples, the last of an ImageNet-sized set, and what wraps around. */
static const uint32_t steps[] = {0, 1, 640583, 1281166, 4294967295u, 7};
enum { ROWS = sizeof steps / sizeof *steps };

static rk_graph *drawing(bool normals, int64_t n)
{
    rk_graph *g = rk_graph_new();
    rk_value step = rk_input(g, RK_U32, RK_SHAPE(ROWS), "step");
    rk_value x =
        normals ? rk_random_normals(g, stream, step, n) : rk_random_words(g, stream, step, n);
    rk_assign(g, rk_state(g, normals ? RK_F32 : RK_U32, RK_SHAPE(ROWS, n), "x"), x);
    return g;
}

/* Runs a graph with the inputs step and the state x. */
static void run(const world *w, rk_graph *g, bool unfused, const uint32_t *in, uint64_t in_bytes,
                void *out, uint64_t out_bytes)
{
    rk_error e = rk_error_new();
    const rk_session_options o = {.unfused = unfused};
    rk_session *s;
    rk_program *p;
    must(rk_graph_check(g, &e), &e);
    must(rk_session_open(w->hub, w->device, &o, &s, &e), &e);
    must(rk_session_add(s, g, "drawing", &p, &e), &e);
    must(rk_session_commit(s, &e), &e);
    must(rk_session_write(s, "step", in, in_bytes, &e), &e);
    must(rk_program_run(p, &e), &e);
    must(rk_session_read(s, "x", out, out_bytes, &e), &e);
    rk_session_close(s);
    rk_graph_free(g);
}

static void check(const world *w, bool normals, int64_t n, bool unfused)
{
    size_t bytes = (size_t)n * ROWS * 4;
    uint32_t *got = malloc(bytes);
    run(w, drawing(normals, n), unfused, steps, sizeof steps, got, bytes);
    for (uint32_t i = 0; i < ROWS; i++) {
        rk_random r = stream;
        r.step += steps[i];
        for (int64_t j = 0; j < n; j++) {
            uint32_t want = rk_random_word(r, (uint64_t)j);
            float real = rk_random_normal(r, (uint64_t)j);
            if (normals) memcpy(&want, &real, sizeof want);
            assert_int_equal(got[i * n + j], want);
        }
    }
    free(got);
}

/* A device that compiles each program for seconds gets one shape of each. */
static bool compiles(const world *w) { return strcmp(w->device, "cpu") != 0; }

static void test_words(void **state)
{
    const int64_t n[] = {131, 1, 3, 4, 5};
    for (int i = 0; i < (compiles(*state) ? 1 : 5); i++) check(*state, false, n[i], false);
    if (!compiles(*state)) check(*state, false, 9, true);
}

static void test_normals(void **state)
{
    const int64_t n[] = {257, 1, 2, 3, 4};
    for (int i = 0; i < (compiles(*state) ? 1 : 5); i++) check(*state, true, n[i], false);
    if (!compiles(*state)) check(*state, true, 7, true);
}

/* The first, the last and a middle image of the ImageNet-sized set, training and test. */
static void test_images(void **state)
{
    enum { SIDE = 20, PIXELS = 3 * SIDE * SIDE, IMAGES = 3 };
    const world *w = *state;
    rk_error e = rk_error_new();
    rk_dataset *d = load_data(w->plugins, "noise:size=20", NULL, 1, NULL);
    float *got = malloc(IMAGES * PIXELS * sizeof *got), want[PIXELS];
    for (int test = 0; test < 2; test++) {
        uint32_t n = (uint32_t)(test ? d->test.x.n : d->train.x.n);
        const uint32_t index[IMAGES] = {0, n / 2, n - 1};
        rk_graph *g = rk_graph_new();
        rk_value at = rk_input(g, RK_U32, RK_SHAPE(IMAGES), "step");
        rk_value x = d->source.generate(d->source.state, g, test, at);
        rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(IMAGES, 3, SIDE, SIDE), "x"), x);
        run(w, g, false, index, sizeof index, got, IMAGES * PIXELS * sizeof *got);
        for (int i = 0; i < IMAGES; i++) {
            must(d->source.read(d->source.state, test, index[i], want, &e), &e);
            assert_memory_equal(got + i * PIXELS, want, sizeof want);
        }
    }
    free(got);
    rk_dataset_free(d);
}

static void test_misuse(void **state)
{
    (void)state;
    rk_error e = rk_error_new();
    for (int i = 0; i < 3; i++) {
        rk_graph *g = rk_graph_new();
        rk_value step = rk_input(g, i == 0 ? RK_F32 : RK_U32, RK_SHAPE(2), "step");
        if (i == 1) step = rk_reshape(g, step, RK_SHAPE(2, 1));
        assert_int_equal(rk_random_normals(g, stream, step, i == 2 ? 0 : 3), 0);
        assert_int_equal(rk_graph_check(g, &e), RK_E_INVALID);
        assert_non_null(strstr(e.text, "random_normals: expected steps"));
        rk_graph_free(g);
    }
}

/* A few steps measured beforehand leave no trace, and FLOP are those of the definition. */
static void test_estimate(void **state)
{
    if (compiles(*state)) return; /* nothing here depends on the device */
    rk_error e = rk_error_new();
    rk_estimate cost;
    char plain[33], after[33];
    rk_config c = rk_config_default();
    c.model = "wrn:depth=10,base=1,dropout=0.5";
    c.data = "noise:n=40,test=9,size=8,classes=5";
    c.batch = 16;
    rk_trainer *t = open_trainer(*state, &c);
    must(rk_trainer_begin(t, 0, &e), &e);
    for (int i = 0; i < 3; i++) must(rk_trainer_step(t, i, &e), &e);
    must(rk_trainer_digest(t, plain, &e), &e);
    rk_trainer_close(t);
    t = open_trainer(*state, &c);
    must(rk_trainer_estimate(t, 2, &cost, &e), &e);
    must(rk_trainer_begin(t, 0, &e), &e);
    for (int i = 0; i < 3; i++) must(rk_trainer_step(t, i, &e), &e);
    must(rk_trainer_digest(t, after, &e), &e);
    assert_string_equal(after, plain);
    rk_trainer_close(t);

    c.model = "mlp:layers=1,hidden=20";
    t = open_trainer(*state, &c);
    must(rk_trainer_estimate(t, 2, &cost, &e), &e);
    double in = 3 * 8 * 8 * 20, out = 20 * 5; /* weights; no gradient by the images is needed */
    assert_true(cost.step_flop == 2 * 16 * (2 * in + 3 * out));
    double train = 2 * 40 * (2 * in + 3 * out), evaluated = 2 * (40 + 9) * (in + out);
    assert_true(cost.flop == 2 * (train + evaluated));
    assert_int_equal(cost.steps, 3);
    assert_true(cost.seconds > 0 && cost.timed >= 1);
    rk_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_normals),
                                       cmocka_unit_test(test_images), cmocka_unit_test(test_misuse),
                                       cmocka_unit_test(test_estimate)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
