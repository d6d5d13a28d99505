/* Training on a device against the double-precision interpreter: the same initial weights, the same
 * batches.  The device is RETHINK_TEST_DEVICE, from the backends of RETHINK_BACKEND_PATH. */
#include "device_bench.h"
#include "../unit/scratch.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state) { return world_setup(state) || scratch_setup(NULL); }

static int teardown(void **state)
{
    scratch_teardown(NULL);
    return world_teardown(state);
}

/* 20 steps of the 3 x 512 network at batch 128. */
static void test_twenty_steps(void **state)
{
    const world *w = *state;
    rk_config c = rk_config_default();
    bench b;
    c.model = "mlp:hidden=512,layers=3,init=torch";
    c.data = "synth16:n=640,test=10";
    c.randomize = "labels:p=1";
    c.schedule = "exponential:decay=0.98";
    c.rate = 0.05;
    c.seed = 11;
    rk_trainer *t = open_trainer(w, &c);
    bench_open(&b, w->plugins, &c);
    copy_parameters(t, &b);
    assert_int_equal(t->steps, 5);
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        double d = epoch_difference(t, &b, epoch);
        print_message("epoch %d: relative difference of the loss %.2e\n", (int)epoch, d);
        assert_true(d <= 1e-5);
    }
    bench_close(&b);
    rk_trainer_close(t);
}

/* Small network, last batch smaller, penalty: scores and evaluations agree too. */
static void test_scores(void **state)
{
    const world *w = *state;
    rk_config c = rk_config_default();
    rk_error e = rk_error_new();
    rk_score online, train, test;
    bench b;
    double loss, correct;
    c.model = "mlp:hidden=24,layers=2";
    c.data = "synth16:n=300,test=270";
    c.regularize = "l2:strength=0.01";
    c.batch = 128;
    c.rate = 0.05;
    rk_trainer *t = open_trainer(w, &c);
    bench_open(&b, w->plugins, &c);
    copy_parameters(t, &b);
    for (int64_t epoch = 0; epoch < 2; epoch++) assert_true(epoch_difference(t, &b, epoch) <= 1e-5);
    must(rk_trainer_online(t, &online, &e), &e);
    must(rk_trainer_evaluate(t, false, &train, &e), &e);
    must(rk_trainer_evaluate(t, true, &test, &e), &e);
    const cell *l = bench_buffer(&b, "train/loss"), *r = bench_buffer(&b, "train/correct");
    assert_true(fabs(online.loss - (l[0].f + l[1].f + l[2].f) / 300) < 1e-5 * online.loss);
    assert_true(fabs(online.accuracy - (r[0].f + r[1].f + r[2].f) / 300) < 1e-12);
    bench_evaluate(&b, false, &loss, &correct);
    assert_true(fabs(train.loss - loss / 300) < 1e-5 * train.loss);
    assert_true(fabs(train.accuracy - correct / 300) < 1e-12);
    bench_evaluate(&b, true, &loss, &correct);
    assert_true(fabs(test.loss - loss / 270) < 1e-5 * test.loss);
    assert_true(fabs(test.accuracy - correct / 270) < 1e-12);
    bench_close(&b);
    rk_trainer_close(t);
}

/* Fractions are of the examples that they speak of, and not there where there are none. */
static void test_fits(void **state)
{
    for (int noisy = 0; noisy < 2; noisy++) {
        const world *w = *state;
        rk_config c = rk_config_default();
        rk_error e = rk_error_new();
        rk_score train;
        rk_fits fits;
        bench b;
        double loss, correct;
        c.model = "mlp:hidden=24,layers=2";
        c.data = "synth16:n=300,test=20";
        c.randomize = noisy ? "labels:p=0.4" : "";
        rk_trainer *t = open_trainer(w, &c);
        bench_open(&b, w->plugins, &c);
        copy_parameters(t, &b);
        must(rk_trainer_evaluate(t, false, &train, &e), &e);
        must(rk_trainer_fits(t, train.accuracy, &fits, &e), &e);
        bench_evaluate(&b, false, &loss, &correct);
        double changed = (double)t->audit.changed;
        if (noisy) {
            assert_true(changed > 80 && changed < 140);
            assert_true(fits.clean == bench_sum(&b, false, "clean") / (300 - changed));
            assert_true(fits.noisy == bench_sum(&b, false, "noisy") / changed);
            assert_true(fits.noisy_true == bench_sum(&b, false, "true") / changed);
        } else {
            assert_true(fits.clean == train.accuracy);
            assert_true(isnan(fits.noisy) && isnan(fits.noisy_true));
            assert_null(rk_session_buffer(t->session, "eval/train/clean"));
        }
        bench_close(&b);
        rk_trainer_close(t);
    }
}

/* Any bit of any parameter changes the digest; which NaN it is does not. */
static void test_digest(void **state)
{
    const world *w = *state;
    rk_config c = rk_config_default();
    rk_error e = rk_error_new();
    char first[33], again[33], changed[33];
    c.model = "linear";
    c.data = "synth16:n=20,test=20";
    rk_trainer *t = open_trainer(w, &c);
    must(rk_trainer_digest(t, first, &e), &e);
    must(rk_trainer_digest(t, again, &e), &e);
    assert_string_equal(first, again);
    int64_t n;
    float *bias = read_floats(t->session, "output/bias", &n);
    assert_int_equal(n, 10);
    uint32_t word[10];
    memcpy(word, bias, sizeof word);
    free(bias);
    word[9] ^= 1;
    must(rk_session_write(t->session, "output/bias", word, sizeof word, &e), &e);
    must(rk_trainer_digest(t, changed, &e), &e);
    assert_string_not_equal(first, changed);
    word[9] = 0x7fc00001u;
    must(rk_session_write(t->session, "output/bias", word, sizeof word, &e), &e);
    must(rk_trainer_digest(t, first, &e), &e);
    word[9] = 0xffffffffu;
    must(rk_session_write(t->session, "output/bias", word, sizeof word, &e), &e);
    must(rk_trainer_digest(t, again, &e), &e);
    assert_string_equal(first, again);
    word[9] = 0x7f800000u; /* infinity is no NaN */
    must(rk_session_write(t->session, "output/bias", word, sizeof word, &e), &e);
    must(rk_trainer_digest(t, again, &e), &e);
    assert_string_not_equal(first, again);
    assert_int_equal(rk_trainer_parameters(t), 2570);
    rk_trainer_close(t);
}

/* The loop takes every step of every epoch in order, with the rates and orders that it says. */
static void test_loop_takes_every_step(void **state)
{
    const world *w = *state;
    rk_config c = rk_config_default();
    rk_error e = rk_error_new();
    rk_results *results;
    rk_epoch_record *rows;
    int64_t id;
    uint32_t n;
    c.model = "linear";
    c.data = "synth16:n=50,test=20";
    c.schedule = "exponential:decay=0.5";
    c.batch = 16;
    c.epochs = 3;
    rk_trainer *t = open_trainer(w, &c);
    must(rk_results_open(scratch("loop.sqlite"), false, &results, &e), &e);
    must(rk_run_start(w->hub, w->plugins, results, &c, NULL, &id, &e), &e);
    must(rk_results_history(results, id, &rows, &n, &e), &e);
    assert_int_equal(n, 3);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        char digest[33];
        must(rk_trainer_begin(t, epoch, &e), &e);
        for (int64_t step = 0; step < 4; step++) must(rk_trainer_step(t, step, &e), &e);
        must(rk_trainer_digest(t, digest, &e), &e);
        assert_string_equal(rows[epoch].digest, digest);
        assert_true(rows[epoch].steps == 4 * epoch + 4);
        assert_true(rows[epoch].rate == ldexp(0.01, -(int)epoch));
    }
    free(rows);
    rk_results_close(results);
    rk_trainer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_twenty_steps),
                                       cmocka_unit_test(test_scores), cmocka_unit_test(test_fits),
                                       cmocka_unit_test(test_digest),
                                       cmocka_unit_test(test_loop_takes_every_step)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
