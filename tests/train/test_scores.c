/* Scores of a softmax regression on a device, against its weights read before every step and the
 * definitions in double precision. */
#include "device_bench.h"
#include "../unit/scratch.h"
#include "train/run.h"
#include "train/scores.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 83, PIXELS = 256, CLASSES = 10, BATCH = 8, EPOCHS = 5, EL2N_EPOCH = 3 };

static int setup(void **state) { return world_setup(state) || scratch_setup(NULL); }

static int teardown(void **state)
{
    scratch_teardown(NULL);
    return world_teardown(state);
}

/* What each example's presentations were, epoch by epoch. */
typedef struct presentation {
    bool right;
    double margin, loss, p, norm;
} presentation;

static presentation present(const float *w, const float *b, const rk_examples *x, uint32_t i)
{
    const float *pixel = (const float *)x->pixels + (size_t)i * PIXELS;
    double z[CLASSES], sum = 0, norm = 0, other = -INFINITY;
    uint32_t best = 0, label = x->label[i];
    for (uint32_t k = 0; k < CLASSES; k++) {
        z[k] = b[k];
        for (uint32_t j = 0; j < PIXELS; j++)
            z[k] += w[k * PIXELS + j] * ((double)pixel[j] - x->shift[i]) * x->scale[i];
        if (z[k] > z[best]) best = k;
        if (k != label && z[k] > other) other = z[k];
    }
    for (uint32_t k = 0; k < CLASSES; k++) sum += exp(z[k] - z[best]);
    for (uint32_t k = 0; k < CLASSES; k++) {
        double d = exp(z[k] - z[best]) / sum - (k == label);
        norm += d * d;
    }
    double p = exp(z[label] - z[best]) / sum;
    return (presentation){best == label, z[label] - other, -log(p), p, sqrt(norm)};
}

/* From the definitions, not by the recurrences of the graph. */
static rk_example_score score(const presentation *h, int epochs)
{
    rk_example_score s = {0};
    double sum = 0, squares = 0;
    for (int t = 0; t < epochs; t++) {
        if (h[t].right && !s.learned) s.learned = t + 1;
        if (t && h[t - 1].right && !h[t].right) s.forgotten++;
        s.aum += h[t].margin / epochs;
        s.loss += h[t].loss;
        sum += h[t].p;
    }
    s.p_mean = sum / epochs;
    for (int t = 0; t < epochs; t++) squares += (h[t].p - s.p_mean) * (h[t].p - s.p_mean);
    s.p_variance = squares / epochs;
    s.el2n = epochs < EL2N_EPOCH ? NAN : h[EL2N_EPOCH - 1].norm;
    return s;
}

static rk_config config(void)
{
    rk_config c = rk_config_default();
    c.model = "linear";
    c.data = "synth16:n=83,test=7";
    c.randomize = "labels:p=0.5";
    c.batch = BATCH;
    c.rate = 0.1; /* so much that examples are forgotten */
    c.epochs = EPOCHS;
    c.scores = true;
    c.el2n_epoch = EL2N_EPOCH;
    return c;
}

static void train_by_hand(rk_trainer *t, presentation history[N][EPOCHS])
{
    rk_error e = rk_error_new();
    int64_t n;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        must(rk_trainer_begin(t, epoch, &e), &e);
        for (int64_t step = 0; step < t->steps; step++) {
            float *w = read_floats(t->session, "output/weight", &n);
            float *b = read_floats(t->session, "output/bias", &n);
            for (int64_t k = step * BATCH; k < N && k < (step + 1) * BATCH; k++)
                history[t->order[k]][epoch] = present(w, b, &t->data->train.x, t->order[k]);
            free(w);
            free(b);
            must(rk_trainer_step(t, step, &e), &e);
        }
    }
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want)))) fail_msg("%.9g is not %.9g", got, want);
}

static void compare(const rk_trainer *t, const rk_example_score *got,
                    presentation history[N][EPOCHS])
{
    int64_t forgotten = 0, late = 0;
    for (uint32_t i = 0; i < N; i++) {
        rk_example_score want = score(history[i], EPOCHS);
        assert_int_equal(got[i].example, i);
        assert_int_equal(got[i].label, t->data->train.x.label[i]);
        assert_int_equal(got[i].true_label, t->data->train.true_label[i]);
        assert_int_equal(got[i].learned, want.learned);
        assert_int_equal(got[i].forgotten, want.forgotten);
        near(got[i].aum, want.aum);
        near(got[i].loss, want.loss);
        near(got[i].el2n, want.el2n);
        near(got[i].p_mean, want.p_mean);
        near(got[i].p_variance, want.p_variance);
        forgotten += want.forgotten;
        late += want.learned != 1;
    }
    assert_true(forgotten > 2 && late > 2); /* else nothing was tested */
}

/* The rows of a whole run: a smaller last batch, changed labels, and the predictions at the end. */
static void test_scores_by_hand(void **state)
{
    static presentation history[N][EPOCHS];
    const world *w = *state;
    rk_config c = config();
    rk_error e = rk_error_new();
    rk_results *results;
    rk_run_record *run;
    rk_example_score *got;
    int64_t id, right = 0;
    uint32_t n;
    rk_trainer *t = open_trainer(w, &c);
    train_by_hand(t, history);
    must(rk_results_open(scratch("scores.sqlite"), false, &results, &e), &e);
    must(rk_run_start(w->hub, w->plugins, results, &c, NULL, &id, &e), &e);
    must(rk_results_scores(results, id, false, &got, &n, &e), &e);
    assert_int_equal(n, N);
    compare(t, got, history);
    for (uint32_t i = 0; i < n; i++) right += got[i].prediction == got[i].label;
    free(got);
    must(rk_results_run(results, id, &run, &e), &e);
    assert_true(run->train_accuracy == (double)right / N);
    must(rk_results_scores(results, id, true, &got, &n, &e), &e);
    assert_int_equal(n, 7);
    right = 0;
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(got[i].label, t->data->test.x.label[i]);
        right += got[i].prediction == got[i].label;
    }
    assert_true(run->test_accuracy == (double)right / 7);
    free(got);
    rk_run_record_free(run);
    rk_results_close(results);
    rk_trainer_close(t);
}

static bool stop_at(void *ctx)
{
    int *calls = ctx;
    return --*calls == 0;
}

/* Rows of the run `id`, or of one that stops after `calls` questions and goes on. */
static rk_example_score *rows_of(const world *w, rk_results *results, int calls)
{
    rk_config c = config();
    rk_error e = rk_error_new();
    rk_watch watch = {.ctx = &calls, .stopping = stop_at};
    rk_example_score *rows;
    int64_t id;
    uint32_t n;
    c.device = w->device;
    rk_status status =
        rk_run_start(w->hub, w->plugins, results, &c, calls ? &watch : NULL, &id, &e);
    if (calls == 0 && status == RK_E_STOPPED) {
        assert_int_equal(rk_results_scores(results, id, false, &rows, &n, NULL), RK_E_INVALID);
        status = rk_run_resume(w->hub, w->plugins, results, id, NULL, NULL, &e);
    }
    must(status, &e);
    must(rk_results_scores(results, id, false, &rows, &n, &e), &e);
    return rows;
}

/* A run that was stopped within an epoch, or between two, has the same scores to the last bit. */
static void test_resume(void **state)
{
    const world *w = *state;
    rk_error e = rk_error_new();
    rk_results *results;
    must(rk_results_open(scratch("resume.sqlite"), false, &results, &e), &e);
    rk_example_score *whole = rows_of(w, results, 0);
    for (int calls = 3; calls < 60; calls += 19) {
        rk_example_score *again = rows_of(w, results, calls);
        assert_memory_equal(again, whole, N * sizeof *whole);
        free(again);
    }
    free(whole);
    rk_results_close(results);
}

/* Without scores, and with them, the bits of a run are the same; only with them is there anything
 * to keep. */
static void test_same_bits(void **state)
{
    const world *w = *state;
    rk_error e = rk_error_new();
    char digest[2][33];
    for (int with = 0; with < 2; with++) {
        rk_config c = config();
        c.scores = with;
        rk_trainer *t = open_trainer(w, &c);
        for (int epoch = 0; epoch < 2; epoch++) {
            must(rk_trainer_begin(t, epoch, &e), &e);
            for (int64_t step = 0; step < t->steps; step++) must(rk_trainer_step(t, step, &e), &e);
        }
        must(rk_trainer_digest(t, digest[with], &e), &e);
        assert_true((rk_session_buffer(t->session, "scores/loss") != NULL) == with);
        assert_true((rk_session_buffer(t->session, "eval/test/prediction") != NULL) == with);
        assert_true((strstr(rk_program_describe(t->step)->text, "scores") != NULL) == with);
        rk_trainer_close(t);
    }
    assert_string_equal(digest[0], digest[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores_by_hand),
                                       cmocka_unit_test(test_resume),
                                       cmocka_unit_test(test_same_bits)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
