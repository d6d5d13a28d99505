/* The loss as a function of the weights, on a device, against softmax regression in double
 * precision, and against evaluation. */
#include "lab_rig.h"
#include "linear.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 83, TEST = 7, SIZE = CLASSES * PIXELS + CLASSES };

static linear weights_of(const float *w)
{
    linear m;
    for (int k = 0; k < CLASSES; k++) {
        for (int j = 0; j < PIXELS; j++) m.w[k][j] = w[k * PIXELS + j];
        m.b[k] = w[CLASSES * PIXELS + k];
    }
    return m;
}

static void near(double got, double want, double scale)
{
    if (!(fabs(got - want) <= 1e-6 * scale)) fail_msg("%.9g is not %.9g", got, want);
}

/* Against linear_gradient on the first n examples. */
static void check_loss(rk_objective *o, const float *w, const rk_examples *x, int64_t n)
{
    static float got[SIZE];
    static linear m, want;
    uint32_t all[N];
    double loss, accuracy, wanted, correct, again;
    rk_error e = rk_error_new();
    for (uint32_t i = 0; i < N; i++) all[i] = i;
    m = weights_of(w);
    linear_gradient(&m, x, all, n, 0, &want, &wanted, &correct);
    must(rk_objective_loss(o, &loss, &accuracy, &e), &e);
    near(loss, wanted / (double)n, 1);
    near(accuracy, correct / (double)n, 1);
    must(rk_objective_gradient(o, got, &again, &e), &e);
    assert_true(again == loss);
    for (int k = 0; k < CLASSES; k++) {
        for (int j = 0; j < PIXELS; j++) near(got[k * PIXELS + j], want.w[k][j], 1);
        near(got[CLASSES * PIXELS + k], want.b[k], 1);
    }
}

static void check_product(rk_objective *o, const float *w, const rk_examples *x, int64_t n)
{
    static float v[SIZE], got[SIZE];
    static linear at, ahead, behind;
    const double step = 1e-5;
    uint32_t all[N];
    double loss, correct;
    rk_error e = rk_error_new();
    rk_random r = rk_random_named(5, "v");
    for (uint32_t i = 0; i < N; i++) all[i] = i;
    for (uint32_t i = 0; i < SIZE; i++) v[i] = rk_random_normal(r, i);
    linear direction = weights_of(v);
    at = weights_of(w);
    linear_add(&at, step, &direction);
    linear_gradient(&at, x, all, n, 0, &ahead, &loss, &correct);
    linear_add(&at, -2 * step, &direction);
    linear_gradient(&at, x, all, n, 0, &behind, &loss, &correct);
    must(rk_objective_product(o, v, got, &e), &e);
    for (int k = 0; k < CLASSES; k++)
        for (int j = 0; j < PIXELS; j++)
            near(got[k * PIXELS + j], (ahead.w[k][j] - behind.w[k][j]) / (2 * step), 5);
}

/* Chunks that do not divide the set, one chunk, a limit, the test set; then other weights. */
static void test_objective(void **state)
{
    static float other[SIZE];
    const rk_objective_options cases[] = {{.rows = 20, .products = true},
                                          {.products = true, .norm = RK_NORM_BATCH},
                                          {.limit = 31, .rows = 30, .norm = RK_NORM_BATCH},
                                          {.test = true, .rows = 2, .products = true}};
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    rig *r = new_rig(*state, &c, NULL);
    const rk_dataset *d = rk_lab_data(r->lab);
    for (int i = 0; i < SIZE; i++) other[i] = 0.01f * (float)(i % 13 - 6);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rk_examples *x = cases[i].test ? &d->test.x : &d->train.x;
        int64_t n = cases[i].limit ? cases[i].limit : x->n;
        rk_objective *o;
        must(rk_objective_new(r->lab, &cases[i], &o, &e), &e);
        check_loss(o, rk_lab_weights(r->lab), x, n);
        if (cases[i].products) check_product(o, rk_lab_weights(r->lab), x, n);
        must(rk_objective_move(o, other, &e), &e);
        check_loss(o, other, x, n);
        if (cases[i].products) check_product(o, other, x, n);
        rk_objective_free(o);
    }
    free_rig(r);
}

/* What evaluation does to images, and not what training does: crops in the middle, no dropout. */
static void test_as_evaluated(void **state)
{
    const world *w = *state;
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    c.model = "mlp:hidden=8,dropout=0.5,bn=on";
    c.augment = "crop:size=12+noise:sigma=1";
    rig *r = new_rig(w, &c, NULL);
    for (int test = 0; test < 2; test++) {
        const rk_objective_options options = {.test = test, .rows = 50};
        rk_objective *o;
        rk_score want;
        double loss, accuracy;
        must(rk_trainer_evaluate(r->trainer, test, &want, &e), &e);
        must(rk_objective_new(r->lab, &options, &o, &e), &e);
        must(rk_objective_loss(o, &loss, &accuracy, &e), &e);
        near(loss, want.loss, 1);
        assert_true(accuracy == want.accuracy);
        rk_objective_free(o);
    }
    free_rig(r);
}

/* Four chunks take as much device memory as seventeen. */
static void test_memory(void **state)
{
    const rk_objective_options options[] = {{.rows = 5, .limit = 20, .products = true},
                                            {.rows = 5, .products = true}};
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    uint64_t bytes[2];
    rig *r = new_rig(*state, &c, NULL);
    for (int i = 0; i < 2; i++) {
        rk_objective *o;
        must(rk_objective_new(r->lab, &options[i], &o, &e), &e);
        bytes[i] = rk_objective_bytes(o);
        rk_objective_free(o);
    }
    assert_true(bytes[0] > 0 && bytes[0] == bytes[1]);
    free_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_objective),
                                       cmocka_unit_test(test_as_evaluated),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
