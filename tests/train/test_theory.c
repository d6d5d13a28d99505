/* The diagnostics of the plugin theory in a lab: against definitions in double precision without a
 * library, what they refuse, and the bits of what a device computes.
 *
 * Arguments: "all", or "bits" for the last alone. */
#include "theory_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 40 };

/* ---- theorem1 -------------------------------------------------------------------------------- */

static void test_theorem1(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=90,test=7", "labels:p=1");
    const char *items[] = {"theorem1", "theorem1:outputs=one-hot", "theorem1:depth=4",
                           "theorem1:n=9"};
    const double weights[] = {2 * 90 + 256, 11 * 90 + 256, 2 * 92 + 256, 2 * 9 + 256};
    for (int i = 0; i < 4; i++) {
        rk_lab_report report = measure(r, items[i]);
        assert_true(value(&report, "weights") == weights[i]);
        assert_true(value(&report, "accuracy") == 1);
        assert_true(value(&report, "error") < 1e-9);
        assert_true(value(&report, "conflicts") == 0);
        assert_true(value(&report, "float32_error") > value(&report, "error"));
        assert_true(value(&report, "float32_error") < 0.1);
        assert_true(value(&report, "float32_accuracy") == 1);
        rk_lab_report_free(&report);
    }
    refuses(r, "theorem1:n=5,depth=7", "depth=7 has more hidden layers than the 5 points");
    close_rig(r);
}

/* With more points the gaps are too small for float32. */
static void test_float32_does_not_do(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=2000,test=7", "labels:p=1");
    rk_lab_report report = measure(r, "theorem1");
    assert_true(value(&report, "accuracy") == 1 && value(&report, "error") < 1e-7);
    assert_true(value(&report, "float32_accuracy") < 0.95);
    assert_true(value(&report, "float32_error") > 0.5);
    rk_lab_report_free(&report);
    close_rig(r);
}

/* Without noise there are 20 different images: copies are one point, or impossible. */
static void test_equal_inputs(void **state)
{
    const char *data = "synth16:n=300,test=7,noise=0,contrast=0,shift=0";
    rig *r = open_rig(*state, "linear", data, "");
    rk_lab_report report = measure(r, "theorem1");
    assert_true(value(&report, "accuracy") == 1);
    assert_true(value(&report, "conflicts") == 0);
    assert_true(value(&report, "weights") == 2 * 20 + 256);
    assert_true(has_note(&report, "280 of 300 inputs are copies of others with the same label"));
    rk_lab_report_free(&report);
    close_rig(r);
    r = open_rig(*state, "linear", data, "labels:p=1");
    report = measure(r, "theorem1");
    assert_true(value(&report, "conflicts") > 200);
    assert_int_equal(report.n_values, 3); /* n, d, conflicts, and no network */
    assert_true(has_note(&report, "impossible: "));
    rk_lab_report_free(&report);
    refuses(r, "kernel:jitter=0", "not positive definite");
    close_rig(r);
}

/* ---- linear models --------------------------------------------------------------------------- */

/* |W_min|^2 = tr Y^T (X X^T)^-1 Y. */
static void test_min_norm(void **state)
{
    static double x[MOST][PIXELS], k[MOST][MOST], b[MOST][CLASSES];
    rig *r = open_rig(*state, "linear", "synth16:n=300,test=7", "labels:p=1");
    const uint32_t *label = rk_lab_data(r->lab)->train.x.label;
    for (int i = 0; i < N; i++) {
        example(r, false, i, x[i]);
        for (uint32_t c = 0; c < CLASSES; c++) b[i][c] = (label[i] == c ? 1 : 0) - 0.1;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) k[i][j] = dot(x[i], x[j]);
    eliminate(k, b, N);
    double square = 0;
    for (int i = 0; i < N; i++)
        for (uint32_t c = 0; c < CLASSES; c++) square += b[i][c] * ((label[i] == c ? 1 : 0) - 0.1);
    rk_lab_report report = measure(r, "min-norm:n=40,device-steps=300");
    near(value(&report, "norm"), sqrt(square), 1e-9);
    assert_true(value(&report, "distance") < 1e-9);
    assert_true(value(&report, "distance_from_start") < 1e-9);
    assert_true(value(&report, "distance_float32") < 1e-4);
    assert_true(value(&report, "norm_other") > 2 * value(&report, "norm"));
    near(value(&report, "norm_from_start"), value(&report, "norm_other"), 1e-9);
    rk_lab_report_free(&report);
    refuses(r, "min-norm:n=256", "give n= of less than 256");
    close_rig(r);
}

/* Fewer examples than pixels are separable; of twice as many as dimensions half are. */
static void test_random_signs(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=90,test=7", "");
    rk_lab_report report = measure(r, "rademacher:draws=2,epochs=200");
    assert_true(value(&report, "complexity") == 1);
    rk_lab_report_free(&report);
    report = measure(r, "cover:n=12,d=12,draws=20");
    assert_true(value(&report, "separable") == 1 && value(&report, "exact") == 1);
    rk_lab_report_free(&report);
    report = measure(r, "cover:n=20,d=10,draws=200");
    assert_true(value(&report, "exact") == 0.5 && value(&report, "undecided") == 0);
    assert_true(fabs(value(&report, "separable") - 0.5) < 4 * sqrt(0.25 / 200));
    rk_lab_report_free(&report);
    refuses(r, "cover:n=91", "there are 90 examples of 256 pixels");
    close_rig(r);
}

/* What a run's training left in running averages is no part of a draw. */
static void test_draws_begin_anew(void **state)
{
    static const char item[] = "rademacher:draws=3,epochs=1,lr=0.1";
    rig *r = open_rig(*state, "mlp:hidden=6,layers=1,bn=on", "synth16:n=200,test=7", "");
    rk_error e = rk_error_new();
    rk_lab_report trained = measure(r, item);
    must(rk_trainer_restart(r->trainer, &e), &e);
    rk_lab_free(r->lab);
    must(rk_lab_new(r->world->hub, r->trainer, &r->config, NULL, &r->lab, &e), &e);
    rk_lab_report fresh = measure(r, item);
    assert_int_equal(trained.n_points, 3);
    for (int i = 0; i < 3; i++) assert_true(trained.point[i].y == fresh.point[i].y);
    rk_lab_report_free(&trained);
    rk_lab_report_free(&fresh);
    close_rig(r);
}

/* Of a linear model R_A is |(W - W_0)^T|_{2,1}: the spectral norm cancels. */
static void test_margins(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=81,test=7", "");
    const float *now = rk_lab_weights(r->lab), *then = rk_lab_initial(r->lab);
    double moved = 0, square = 0, margin[81];
    for (int c = 0; c < CLASSES; c++) {
        double row = 0;
        for (int k = 0; k < PIXELS; k++)
            row += pow((double)now[c * PIXELS + k] - (double)then[c * PIXELS + k], 2);
        moved += sqrt(row);
    }
    for (int i = 0; i < 81; i++) {
        uint32_t label = rk_lab_data(r->lab)->train.x.label[i];
        double x[PIXELS], logit[CLASSES], other = -INFINITY;
        example(r, false, i, x);
        square += dot(x, x);
        for (uint32_t c = 0; c < CLASSES; c++) {
            logit[c] = (double)now[CLASSES * PIXELS + c];
            for (int k = 0; k < PIXELS; k++)
                logit[c] += (double)now[c * PIXELS + (uint32_t)k] * x[k];
            if (c != label) other = fmax(other, logit[c]);
        }
        margin[i] = logit[label] - other;
    }
    qsort(margin, 81, sizeof *margin, ascending);
    rk_lab_report report = measure(r, "margins");
    near(value(&report, "complexity"), moved, 1e-9);
    near(value(&report, "data_norm"), sqrt(square), 1e-9);
    near(value(&report, "raw_margin10"), margin[8], 1e-4);
    near(value(&report, "margin10"), margin[8] / (moved * sqrt(square) / 81), 1e-4);
    assert_int_equal(report.n_points, 1 + 101); /* a spectral norm, and the distribution */
    near(report.point[101].x, margin[80] / (moved * sqrt(square) / 81), 1e-4);
    rk_lab_report_free(&report);
    close_rig(r);
    r = open_rig(*state, "mlp:hidden=8,layers=1,bn=on", "synth16:n=81,test=7", "");
    refuses(r, "margins", "the model has batch norm");
    close_rig(r);
}

enum { FEW = 60, MANY = 20 * FEW };

static void features(const rig *r, double v[MANY][PIXELS], bool test, int64_t i, double out[MANY])
{
    double x[PIXELS];
    example(r, test, i, x);
    for (int f = 0; f < MANY; f++) out[f] = fmax(dot(v[f], x) / sqrt(PIXELS), 0);
}

/* Reports what the solution of least norm is with 20 n features, by way of the Gram matrix. */
static rk_status many_features(rk_lab *lab, const rk_args *a, rk_error *e)
{
    static double v[MANY][PIXELS], phi[FEW][MANY], at[MANY], k[MOST][MOST], b[MOST][CLASSES],
        w[MANY][CLASSES];
    const rig r = {.lab = lab};
    const rk_dataset *d = rk_lab_data(lab);
    rk_random stream = rk_lab_random(lab, "features");
    double square = 0;
    int wrong = 0;
    (void)a;
    (void)e;
    memset(w, 0, sizeof w);
    for (int f = 0; f < MANY * PIXELS; f++)
        v[f / PIXELS][f % PIXELS] = (double)rk_random_normal(stream, (uint64_t)f);
    for (int i = 0; i < FEW; i++) features(&r, v, false, i, phi[i]);
    for (int i = 0; i < FEW; i++) {
        for (uint32_t c = 0; c < CLASSES; c++) b[i][c] = (d->train.x.label[i] == c ? 1 : 0) - 0.1;
        for (int j = 0; j < FEW; j++) {
            k[i][j] = 0;
            for (int f = 0; f < MANY; f++) k[i][j] += phi[i][f] * phi[j][f];
        }
    }
    eliminate(k, b, FEW);
    for (int f = 0; f < MANY; f++)
        for (int c = 0; c < CLASSES; c++) {
            for (int i = 0; i < FEW; i++) w[f][c] += phi[i][f] * b[i][c];
            square += w[f][c] * w[f][c];
        }
    for (int t = 0; t < d->test.x.n; t++) {
        double score[CLASSES] = {0};
        uint32_t best = 0;
        features(&r, v, true, t, at);
        for (int f = 0; f < MANY; f++)
            for (int c = 0; c < CLASSES; c++) score[c] += w[f][c] * at[f];
        for (uint32_t c = 1; c < CLASSES; c++)
            if (score[c] > score[best]) best = c;
        wrong += best != d->test.x.label[t];
    }
    rk_lab_value(lab, "norm", sqrt(square));
    rk_lab_value(lab, "error", (double)wrong / (double)d->test.x.n);
    return RK_OK;
}

static void test_double_descent(void **state)
{
    const rk_item item = {.size = sizeof item,
                          .kind = RK_KIND_DIAGNOSTIC,
                          .name = "double-descent",
                          .diagnose = many_features};
    const rk_spec spec = {.item = &item};
    rk_error e = rk_error_new();
    rk_lab_report wanted;
    rig *r = open_rig(*state, "linear", "synth16:n=60,test=50", "labels:p=0.2");
    rk_lab_report report = measure(r, "double-descent");
    must(rk_lab_run(r->lab, &spec, &wanted, &e), &e);
    near(value(&report, "norm_end"), value(&wanted, "norm"), 1e-5);
    assert_true(value(&report, "error_end") == value(&wanted, "error"));
    assert_true(value(&report, "norm_peak") == 1);
    assert_true(value(&report, "norm_at_n") > 10 * value(&report, "norm_end"));
    assert_true(value(&report, "error_at_n") > value(&report, "error_end"));
    assert_int_equal(report.n_points, 2 * 16);
    assert_true(report.point[31].x == 20 && report.point[31].y == value(&report, "norm_end"));
    rk_lab_report_free(&report);
    rk_lab_report_free(&wanted);
    close_rig(r);
}

/* ---- bits ------------------------------------------------------------------------------------ */

static void exactly(const rig *r, const char *item, const char *name, double want)
{
    rk_lab_report report = measure(r, item);
    double got = value(&report, name);
    if (got != want) fail_msg("%s: %s is %.17g, not %.17g", item, name, got, want);
    rk_lab_report_free(&report);
}

/* What the device computes, to the last bit the same on each: these numbers are a CPU's. */
static void test_bits(void **state)
{
    rig *r = open_rig(*state, "mlp:hidden=6,layers=1", "synth16:n=90,test=7", "labels:p=1");
    exactly(r, "theorem1", "float32_error", 0.030210971832275391);
    exactly(r, "margins", "raw_margin10", -1.780719518661499);
    exactly(r, "rademacher:draws=1,epochs=3,batch=7", "complexity", 0.73333333333333339);
    exactly(r, "kernel:solver=cg", "norm", 14.137683166801812);
    close_rig(r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_theorem1),     cmocka_unit_test(test_float32_does_not_do),
        cmocka_unit_test(test_equal_inputs), cmocka_unit_test(test_min_norm),
        cmocka_unit_test(test_random_signs), cmocka_unit_test(test_draws_begin_anew),
        cmocka_unit_test(test_margins),      cmocka_unit_test(test_double_descent),
        cmocka_unit_test(test_bits)};
    if (argc > 1 && !strcmp(argv[1], "bits")) cmocka_set_test_filter("test_bits");
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
