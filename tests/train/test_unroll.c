/* Loss sensitivity: derivatives through steps of training against differences of the same steps by
 * hand in double precision. */
#include "../../plugins/diagnose/sensitivity/unroll.h"
#include "linear.h"
#include "rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = CLASSES * PIXELS + CLASSES };
enum { EXAMPLES = 11, BATCH = 4, STEPS = 7 };

/* Softmax regression by hand from the same weights, with the same batches; its mean loss after t
 * steps. */
static double by_hand(const rig *r, const rk_examples *x, const unroll_options *o, int64_t t,
                      rk_random shuffle)
{
    static linear m, v, grad;
    uint32_t order[EXAMPLES], all[EXAMPLES];
    double loss, correct;
    m = linear_of(rk_lab_initial(r->lab));
    memset(&v, 0, sizeof v);
    for (int64_t i = 0; i < t; i++) {
        shuffle.step = (uint32_t)(i / (EXAMPLES / BATCH));
        rk_random_order(shuffle, EXAMPLES, order);
        linear_gradient(&m, x, order + i % (EXAMPLES / BATCH) * BATCH, BATCH, 0, &grad, &loss,
                        &correct);
        linear_add(&v, o->momentum - 1, &v);
        linear_add(&v, 1, &grad);
        linear_add(&m, -o->rate, &v);
    }
    for (uint32_t i = 0; i < EXAMPLES; i++) all[i] = i;
    /* What the last evaluation is of does not change: only the steps depend on x. */
    linear_gradient(&m, &rk_lab_data(r->lab)->train.x, all, EXAMPLES, 0, &grad, &loss, &correct);
    return loss / EXAMPLES;
}

typedef struct way {
    const rig *r;
    unroll_adjoint *list;
    int64_t visits;
} way;

static rk_status visit(void *ctx, int64_t t, const float *weights, rk_error *e)
{
    way *s = ctx;
    rk_objective_options all = {0};
    rk_objective *f;
    static float gradient[SIZE];
    assert_int_equal(t, ++s->visits);
    for (int k = 0; k < 2; k++) {
        if (s->list[k].t != t) continue;
        must(rk_objective_new(s->r->lab, &all, &f, e), e);
        must(rk_objective_move(f, weights, e), e);
        must(rk_objective_gradient(f, gradient, NULL, e), e);
        for (int i = 0; i < SIZE; i++) s->list[k].lambda[i] = (double)gradient[i];
        rk_objective_free(f);
    }
    return RK_OK;
}

/* Derivatives by pixels against differences of the steps by hand. */
static void compare(const rig *r, const unroll_options *o, const unroll_adjoint *a,
                    rk_random shuffle)
{
    rk_examples x = rk_lab_data(r->lab)->train.x;
    float *pixels = malloc(EXAMPLES * PIXELS * sizeof *pixels);
    assert_non_null(pixels);
    memcpy(pixels, x.pixels, EXAMPLES * PIXELS * sizeof *pixels);
    x.pixels = pixels;
    for (int i = 3; i < EXAMPLES * PIXELS; i += 101) {
        float was = pixels[i];
        double scale = (double)x.scale[i / PIXELS];
        pixels[i] = was + 0.0078125f;
        double up = (double)pixels[i], ahead = by_hand(r, &x, o, a->t, shuffle);
        pixels[i] = was - 0.0078125f;
        double behind = by_hand(r, &x, o, a->t, shuffle);
        double want = (ahead - behind) / ((up - (double)pixels[i]) * scale);
        pixels[i] = was;
        if (!(fabs(a->slope[i] - want) < 1e-5 * (1e-2 + fabs(want))))
            fail_msg("after %lld steps, pixel %d: %.9g is not %.9g", (long long)a->t, i,
                     a->slope[i], want);
    }
    free(pixels);
}

static void check_unrolled(const rig *r, const unroll_options *o, rk_random shuffle)
{
    static double memory[2][2][SIZE], slope[2][EXAMPLES * PIXELS];
    unroll_adjoint list[2] = {{3, memory[0][0], memory[0][1], slope[0]},
                              {STEPS, memory[1][0], memory[1][1], slope[1]}};
    way s = {r, list, 0};
    unroll *u;
    rk_error e = rk_error_new();
    memset(memory, 0, sizeof memory);
    memset(slope, 0, sizeof slope);
    must(unroll_new(r->lab, o, &u, &e), &e);
    must(unroll_forward(u, visit, &s, &e), &e);
    assert_int_equal(s.visits, STEPS);
    must(unroll_back(u, list, 2, &e), &e);
    unroll_free(u);
    for (int k = 0; k < 2; k++) compare(r, o, &list[k], shuffle);
}

/* With and without momentum, however few weights are kept. */
static void test_unrolled(void **state)
{
    rig r;
    open_rig(&r, *state, "linear", "synth16:n=11,test=5", 0);
    rk_random outside = rk_lab_random(r.lab, "order");
    for (int64_t keep = 1; keep <= STEPS + 1; keep += keep == 1 ? 2 : 5)
        for (int heavy = 0; heavy < 2; heavy++) {
            unroll_options o = {STEPS, BATCH, keep, 0.5, heavy ? 0.75 : 0};
            check_unrolled(&r, &o, outside);
        }
    close_rig(&r);
}

/* What is reported does not depend on what is kept, and unequal is more than equal. */
static void test_sensitivity(void **state)
{
    rig r;
    open_rig(&r, *state, "mlp:hidden=8,layers=2", "synth16:n=60,test=5", 0);
    run(&r, "sensitivity:steps=30,samples=3,batch=20,keep=7");
    double gini = value(&r, "gini"), last = value(&r, "gini_last");
    assert_true(gini > 0.02 && gini < 1 && last > 0 && value(&r, "loss_last") < 2.3);
    assert_true(point(&r, "gini_at", 30, 0).y == last);
    run(&r, "sensitivity:steps=30,samples=3,batch=20,keep=100");
    assert_true(value(&r, "gini") == gini);
    run(&r, "sensitivity:steps=30,samples=3,batch=20,keep=7,momentum=0.5");
    assert_true(value(&r, "gini") != gini);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unrolled),
                                       cmocka_unit_test(test_sensitivity)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
