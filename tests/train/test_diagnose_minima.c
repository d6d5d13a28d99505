/* Diagnostics of minima on a device, against what is known in closed form: sharpness, paths and
 * surfaces, critical samples, flatness.  (Sensitivity is test_unroll.c's.) */
#include "linear.h"
#include "rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sharpness ------------------------------------------------------------------------------- */

/* phi of softmax regression on one example: its loss grows with each logit of another class and
 * falls with that of its own, so that the worst weights are at a corner that is known. */
static double worst(const rig *r, double eps)
{
    const rk_examples *x = &rk_lab_data(r->lab)->train.x;
    linear m = linear_of(rk_lab_weights(r->lab));
    double p[CLASSES], before, after;
    float pixel[PIXELS];
    bool right;
    rk_error e = rk_error_new();
    must(rk_lab_example(r->lab, false, 0, pixel, &e), &e);
    before = linear_judge(&m, x, 0, p, &right);
    for (int k = 0; k < CLASSES; k++) {
        double way = (uint32_t)k == x->label[0] ? -eps : eps;
        m.b[k] += way * (fabs(m.b[k]) + 1);
        for (int j = 0; j < PIXELS; j++)
            m.w[k][j] += way * copysign(fabs(m.w[k][j]) + 1, (double)pixel[j]);
    }
    after = linear_judge(&m, x, 0, p, &right);
    return 100 * (after - before) / (1 + before);
}

static void test_sharpness(void **state)
{
    rig r;
    open_rig(&r, *state, "linear", "synth16:n=60,test=5", 3);
    run(&r, "sharpness:limit=1,space=full");
    near(value(&r, "phi_full"), worst(&r, 0.001), 1e-4);
    near(value(&r, "phi_full_half"), worst(&r, 0.0005), 1e-4);
    run(&r, "sharpness:limit=1,space=full,engine=lbfgsb,eps=0.01,steps=200");
    near(value(&r, "phi_full"), worst(&r, 0.01), 1e-4);
    close_rig(&r);
}

/* Ten steps of ascent find what L-BFGS-B finds in many, in both spaces, near a minimum. */
static void test_engines(void **state)
{
    static const char *const names[] = {"phi_full", "phi_full_half", "phi_subspace",
                                        "phi_subspace_half"};
    double found[4];
    rig r;
    open_rig(&r, *state, "mlp:hidden=20,layers=2", "synth16:n=100,test=5", 30);
    run(&r, "sharpness:dimension=30");
    assert_true(value(&r, "accuracy") == 1);
    for (int i = 0; i < 4; i++) found[i] = value(&r, names[i]);
    assert_true(found[0] > found[1] && found[2] > found[3] && found[3] > 0);
    assert_true(value(&r, "phi_full_spread") >= 0);
    assert_true(value(&r, "phi_full_mean") <= found[0]);
    run(&r, "sharpness:steps=200,dimension=30,engine=lbfgsb");
    for (int i = 0; i < 4; i++) near(value(&r, names[i]), found[i], 0.06);
    run(&r, "sharpness:dimension=30,columns=unit,space=subspace");
    assert_true(value(&r, "phi_subspace") < found[2] / 10);
    close_rig(&r);
}

/* ---- landscapes ------------------------------------------------------------------------------ */

/* In the middle the loss is that of the weights; the plane does not depend on how fine it is. */
static void test_surface(void **state)
{
    rig r;
    open_rig(&r, *state, "mlp:hidden=9", "synth16:n=60,test=30", 5);
    run(&r, "surface:points=5,range=2");
    double middle = value(&r, "loss"), corner = point(&r, "loss", -2, 2).z;
    assert_true(point(&r, "loss", 0, 0).z == middle && corner > middle);
    assert_true(value(&r, "highest") >= corner && value(&r, "lowest") <= middle);
    assert_int_equal(r.report.n_points, 50);
    run(&r, "surface:points=2,range=2");
    assert_true(point(&r, "loss", -2, 2).z == corner);
    run(&r, "surface:points=3,set=test");
    assert_true(point(&r, "loss", 0, 0).z != middle);
    close_rig(&r);
}

/* ---- critical samples ------------------------------------------------------------------------ */

/* Of two classes, softmax regression predicts another class somewhere within r iff the margin is
 * less than r times the sum of |w_0 - w_1|, and then at a corner, where the loss leads.  The logit
 * of the class k leads to the corner of the signs of -w_k. */
static double critical(const rig *r, double radius, bool bytes, bool logit)
{
    const rk_dataset *d = rk_lab_data(r->lab);
    const float *w = rk_lab_weights(r->lab);
    double found = 0;
    for (int64_t i = 0; i < d->test.x.n; i++) {
        float x[PIXELS];
        double margin = (double)w[2 * PIXELS] - (double)w[2 * PIXELS + 1], reach[2] = {0};
        double unit = bytes ? (double)d->test.x.scale[i] / 255 : 1;
        rk_error e = rk_error_new();
        must(rk_lab_example(r->lab, true, i, x, &e), &e);
        for (int j = 0; j < PIXELS; j++) {
            double difference = (double)w[j] - (double)w[PIXELS + j];
            margin += difference * (double)x[j];
            for (int k = 0; k < 2; k++) {
                double along = logit ? (double)w[k * PIXELS + j] : k ? -difference : difference;
                reach[k] += unit * radius * copysign(1, along) * (k ? -difference : difference);
            }
        }
        found += fabs(margin) < reach[margin < 0];
    }
    return found / (double)d->test.x.n;
}

static void test_csr(void **state)
{
    static const double radii[] = {0.01, 0.05, 0.2};
    rig r;
    open_rig(&r, *state, "linear", "synth16:n=60,test=150,classes=2", 3);
    for (int i = 0; i < 3; i++) {
        char text[128];
        double want = critical(&r, radii[i], false, false);
        assert_true(want > 0 && want < 1);
        snprintf(text, sizeof text, "csr:unit=input,radius=%g,alpha=%g,beta=0,rows=64", radii[i],
                 radii[i] / 3);
        run(&r, text);
        assert_true(value(&r, "csr") == want);
        assert_true(point(&r, "after_steps", 1, 0).y < point(&r, "after_steps", 3, 0).y);
        assert_true(point(&r, "after_steps", 3, 0).y == want);
        strcat(text, ",gradient=logit");
        run(&r, text);
        assert_true(value(&r, "csr") == critical(&r, radii[i], false, true));
        /* Bytes of images that are standardized one by one: other lengths for each. */
        snprintf(text, sizeof text, "csr:radius=%g,alpha=%g,beta=0", 200 * radii[i], 70 * radii[i]);
        run(&r, text);
        want = critical(&r, 200 * radii[i], true, false);
        assert_true(value(&r, "csr") == want && want > 0 && want < 1);
    }
    close_rig(&r);
}

/* The noise of an example does not depend on the batch that it is in. */
static void test_csr_noise(void **state)
{
    rig r;
    open_rig(&r, *state, "mlp:hidden=20", "synth16:n=60,test=150", 3);
    run(&r, "csr:unit=input,radius=0.3,alpha=0,beta=0.1,rows=64");
    double noise = value(&r, "csr"), after[10];
    for (int i = 0; i < 10; i++) after[i] = point(&r, "after_steps", i + 1, 0).y;
    run(&r, "csr:unit=input,radius=0.3,alpha=0,beta=0.1,rows=7");
    for (int i = 0; i < 10; i++) assert_true(after[i] == point(&r, "after_steps", i + 1, 0).y);
    run(&r, "csr:unit=input,radius=0.3,alpha=0.05,beta=0.1");
    assert_true(value(&r, "csr") > noise);
    run(&r, "csr:unit=input,radius=0,alpha=0.05,beta=0.02");
    assert_true(value(&r, "csr") == 0);
    close_rig(&r);
}

/* ---- flatness -------------------------------------------------------------------------------- */

/* Softmax regression with the diagnostic's noise: the mean accuracy at sigma, by hand. */
static double with_noise(const rig *r, double sigma, int draws)
{
    static linear m;
    static float w[CLASSES * PIXELS + CLASSES];
    const rk_examples *x = &rk_lab_data(r->lab)->train.x;
    rk_random noise = rk_random_named(r->c.seed, "diagnose/flatness/noise");
    double correct = 0, p[CLASSES];
    for (int k = 0; k < draws; k++) {
        noise.step = (uint32_t)k;
        for (uint32_t i = 0; i < CLASSES * PIXELS + CLASSES; i++)
            w[i] = rk_lab_weights(r->lab)[i] + (float)sigma * rk_random_normal(noise, i);
        m = linear_of(w);
        for (uint32_t i = 0; i < x->n; i++) {
            bool right;
            linear_judge(&m, x, i, p, &right);
            correct += right;
        }
    }
    return correct / (double)x->n / draws;
}

static void test_noise_by_hand(void **state)
{
    rig r;
    open_rig(&r, *state, "linear", "synth16:n=100,test=5", 30);
    run(&r, "flatness:samples=3");
    double sigma = value(&r, "sigma"), whole = value(&r, "accuracy");
    assert_true(with_noise(&r, sigma * 0.98, 3) >= whole - 0.11);
    assert_true(with_noise(&r, sigma, 3) < whole - 0.09);
    close_rig(&r);
}

static void test_flatness(void **state)
{
    rig r;
    open_rig(&r, *state, "mlp:hidden=20", "synth16:n=100,test=5", 30);
    run(&r, "flatness");
    double sigma = value(&r, "sigma"), with_magnitude = value(&r, "sigma_magnitude");
    assert_true(value(&r, "accuracy") == 1 && sigma > 0.01 && sigma < 1);
    assert_true(with_magnitude > sigma);
    near(value(&r, "inverse_square"), 1 / (sigma * sigma), 1e-12);
    run(&r, "flatness:drop=0.2");
    assert_true(value(&r, "sigma") > sigma);
    /* Bisections bracket: half the range that holds is found with one bisection less. */
    run(&r, "flatness:halvings=3,high=2");
    assert_true(value(&r, "sigma") <= sigma && sigma < value(&r, "sigma") + 0.25);
    run(&r, "flatness:drop=1,high=3");
    assert_true(value(&r, "sigma") == 3);
    close_rig(&r);
}

/* ---- devices --------------------------------------------------------------------------------- */

static void expect_equal(const rig *a, const rig *b)
{
    assert_int_equal(a->report.n_values, b->report.n_values);
    assert_int_equal(a->report.n_points, b->report.n_points);
    for (uint32_t i = 0; i < a->report.n_values; i++) {
        const rk_lab_number *x = &a->report.value[i], *y = &b->report.value[i];
        assert_string_equal(x->name, y->name);
        if (memcmp(&x->value, &y->value, sizeof x->value) != 0)
            fail_msg("%s.%s: %.17g and %.17g", a->item->text, x->name, x->value, y->value);
    }
    for (uint32_t i = 0; i < a->report.n_points; i++) {
        const rk_lab_dot *x = &a->report.point[i], *y = &b->report.point[i];
        assert_string_equal(x->series, y->series);
        assert_true(x->x == y->x && x->y == y->y && x->z == y->z);
    }
}

/* Every number that is reported has the same bits with OpenCL. */
static void test_devices(void **state)
{
    static const char *const items[] = {
        "sharpness:starts=1,steps=2,dimension=3", "surface:points=2",
        "csr:unit=input,radius=0.1,alpha=0.05,beta=0.02,rows=8,steps=3",
        "sensitivity:steps=3,samples=2,batch=6", "flatness:samples=1,halvings=4"};
    world other = *(const world *)*state;
    rig a, b;
    other.device = "opencl";
    open_rig(&a, *state, "mlp:hidden=5", "synth16:n=20,test=11", 2);
    open_rig(&b, &other, "mlp:hidden=5", "synth16:n=20,test=11", 2);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        run(&a, items[i]);
        run(&b, items[i]);
        expect_equal(&a, &b);
    }
    close_rig(&a);
    close_rig(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharpness),     cmocka_unit_test(test_engines),
        cmocka_unit_test(test_surface),       cmocka_unit_test(test_csr),
        cmocka_unit_test(test_csr_noise),     cmocka_unit_test(test_flatness),
        cmocka_unit_test(test_noise_by_hand), cmocka_unit_test(test_devices)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
