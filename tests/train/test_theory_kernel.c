/* Kernels of the plugin theory against solving by elimination in double precision. */
#include "theory_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 40, TESTS = 30 };

static double apart(const double *a, const double *b, int width)
{
    double sum = 0;
    for (int k = 0; k < width; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

/* What a kernel sees of an example: its pixels, or the features of gabor:filters=9,side=5. */
typedef int view(const rig *r, bool test, int64_t i, double out[PIXELS]);

static int pixels(const rig *r, bool test, int64_t i, double out[PIXELS])
{
    example(r, test, i, out);
    return PIXELS;
}

static void gabor_filter(int f, double w[25])
{
    double angle = acos(-1) * (f % 8) / 8, length = f < 8 ? 3 : 3 * sqrt(2), mean = 0, square = 0;
    for (int at = 0; at < 25; at++) {
        double y = at / 5 - 2, x = at % 5 - 2, s = length / 2;
        double turn = 2 * acos(-1) * (x * cos(angle) + y * sin(angle)) / length;
        w[at] = exp(-(x * x + y * y) / (2 * s * s)) * cos(turn);
        mean += w[at] / 25;
    }
    for (int at = 0; at < 25; at++) square += (w[at] - mean) * (w[at] - mean);
    for (int at = 0; at < 25; at++) w[at] = (w[at] - mean) / sqrt(square);
}

static int gabor(const rig *r, bool test, int64_t i, double out[PIXELS])
{
    double x[PIXELS], w[25];
    example(r, test, i, x);
    memset(out, 0, 36 * sizeof *out);
    for (int f = 0; f < 9; f++) {
        gabor_filter(f, w);
        for (int at = 0; at < 144; at++) { /* places of 5 x 5 in 16 x 16, four cells of 6 x 6 */
            double response = 0;
            for (int k = 0; k < 25; k++)
                response += w[k] * x[(at / 12 + k / 5) * 16 + at % 12 + k % 5];
            out[4 * f + at / 12 / 6 * 2 + at % 12 / 6] += fmax(response, 0) / 36;
        }
    }
    return 36;
}

/* The norm, and the test error, by elimination. */
static void by_hand(const rig *r, view *look, double *norm, double *error)
{
    static double x[MOST][PIXELS], k[MOST][MOST], alpha[MOST][CLASSES], d[MOST * MOST];
    const rk_dataset *set = rk_lab_data(r->lab);
    int count = 0, wrong = 0, width = 0;
    for (int i = 0; i < N; i++) width = look(r, false, i, x[i]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) d[count++] = apart(x[i], x[j], width);
    qsort(d, (size_t)count, sizeof *d, ascending);
    double g = 1 / ((d[count / 2 - 1] + d[count / 2]) / 2);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) k[i][j] = exp(-g * apart(x[i], x[j], width));
        for (uint32_t c = 0; c < CLASSES; c++)
            alpha[i][c] = (set->train.x.label[i] == c ? 1 : 0) - 0.1;
    }
    eliminate(k, alpha, N);
    *norm = 0;
    for (int i = 0; i < N; i++)
        for (uint32_t c = 0; c < CLASSES; c++)
            *norm += alpha[i][c] * ((set->train.x.label[i] == c ? 1 : 0) - 0.1);
    *norm = sqrt(*norm);
    for (int t = 0; t < TESTS; t++) {
        double at[PIXELS], f[CLASSES] = {0};
        uint32_t best = 0;
        look(r, true, t, at);
        for (int i = 0; i < N; i++)
            for (int c = 0; c < CLASSES; c++)
                f[c] += alpha[i][c] * exp(-g * apart(at, x[i], width));
        for (uint32_t c = 1; c < CLASSES; c++)
            if (f[c] > f[best]) best = c;
        wrong += best != set->test.x.label[t];
    }
    *error = (double)wrong / TESTS;
}

static void test_kernel(void **state)
{
    const struct {
        const char *item;
        view *look;
        double residual;
    } cases[] = {{"kernel", pixels, 1e-12},
                 {"kernel:solver=cg,tolerance=1e-6", pixels, 1e-4},
                 {"kernel:features=gabor,filters=9,side=5", gabor, 1e-10}};
    rig *r = open_rig(*state, "linear", "synth16:n=40,test=30", "");
    for (int i = 0; i < 3; i++) {
        double norm, error;
        by_hand(r, cases[i].look, &norm, &error);
        rk_lab_report report = measure(r, cases[i].item);
        near(value(&report, "norm"), norm, 1e-5);
        assert_true(value(&report, "test_error") == error);
        assert_true(value(&report, "train_accuracy") == 1);
        assert_true(value(&report, "residual") < cases[i].residual);
        rk_lab_report_free(&report);
    }
    refuses(r, "kernel:solver=cholesky,memory=1e-6", "memory=1e-06 is the limit");
    refuses(r, "kernel:features=conv,side=17", "does not fit 2 times into images of 16 x 16");
    refuses(r, "kernel:features=gabor,filters=65", "there are 64 Gabor filters");
    refuses(r, "kernel:similarity=linear,solver=cg", "give features=pixels");
    close_rig(r);
}

/* What is left over says of the matrix' tiles that each got to its place: in the factor and, added
 * up again, in the fitted values. */
static void test_tiles(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=601,test=30", "labels:p=1");
    rk_lab_report report = measure(r, "kernel:jitter=0.5");
    assert_true(value(&report, "residual") < 1e-12);
    rk_lab_report_free(&report);
    close_rig(r);
}

/* More features than examples interpolate; with a ridge they do not. */
static void test_random_features(void **state)
{
    rig *r = open_rig(*state, "linear", "synth16:n=40,test=30", "labels:p=1");
    rk_lab_report report = measure(r, "kernel:features=conv,filters=100,similarity=linear");
    assert_true(value(&report, "train_accuracy") == 1);
    assert_true(value(&report, "residual") < 1e-6);
    double norm = value(&report, "norm");
    rk_lab_report_free(&report);
    report = measure(r, "kernel:features=conv,filters=100,similarity=linear,jitter=100");
    assert_true(value(&report, "train_accuracy") < 1);
    assert_true(value(&report, "norm") < norm / 10);
    rk_lab_report_free(&report);
    close_rig(r);
}

static void test_ntk(void **state)
{
    static double x[MOST][PIXELS], h[MOST][MOST], y[MOST][CLASSES], b[MOST][CLASSES];
    rig *r = open_rig(*state, "linear", "synth16:n=40,test=30", "labels:p=0.5");
    for (int i = 0; i < N; i++) {
        example(r, false, i, x[i]);
        for (uint32_t c = 0; c < CLASSES; c++)
            y[i][c] = b[i][c] = (rk_lab_data(r->lab)->train.x.label[i] == c ? 1 : 0) - 0.1;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double c = dot(x[i], x[j]) / sqrt(dot(x[i], x[i]) * dot(x[j], x[j]));
            h[i][j] = i == j ? 0.5 : c * (1 - acos(c) / acos(-1)) / 2;
        }
    eliminate(h, b, N);
    double sum = 0;
    for (int i = 0; i < N; i++)
        for (int c = 0; c < CLASSES; c++) sum += y[i][c] * b[i][c];
    rk_lab_report report = measure(r, "ntk");
    near(value(&report, "measure"), sqrt(2 * sum / N), 1e-5);
    rk_lab_report_free(&report);
    close_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernel), cmocka_unit_test(test_tiles),
                                       cmocka_unit_test(test_random_features),
                                       cmocka_unit_test(test_ntk)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
