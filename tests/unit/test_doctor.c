/* What facts say: each check on both sides of its limit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "train/doctor.h"

/* Facts of which nothing is wrong, of a run of 20 epochs that does not fit. */
typedef struct patient {
    rk_config config;
    rk_run_record run;
    rk_epoch_record rows[20];
    rk_doctor_facts f;
} patient;

static void healthy(patient *p)
{
    memset(p, 0, sizeof *p);
    p->config = rk_config_default();
    p->config.batch = 100;
    p->run = (rk_run_record){.status = "stopped", .error = "", .data_digest = "d", .classes = 10};
    for (int i = 0; i < 20; i++)
        p->rows[i] = (rk_epoch_record){
            .epoch = i + 1, .train_loss = 0.5, .online_loss = 0.5, .train_accuracy = 0.9};
    p->f = (rk_doctor_facts){
        .config = &p->config,
        .model = "mlp:hidden=4,dropout=0,init=he",
        .have_data = true,
        .have_images = true,
        .load = {{.digest = "d", .label_digest = "l"}, {.digest = "d", .label_digest = "l"}},
        .n = 1000,
        .inputs = 50,
        .classes = 10,
        .classes_used = 10,
        .parameters = 2050,
        .rate_first = 1,
        .rate_last = 0.05,
        .rate_sum = 5,
        .rate_rest = 1,
        .run = &p->run,
        .rows = p->rows,
        .n_rows = 20};
}

/* The verdict of one check; all others must be OK. */
static rk_doctor_verdict verdict(const patient *p, const char *check, const char *says)
{
    rk_doctor_finding list[RK_DOCTOR_CHECKS];
    uint32_t n = rk_doctor_check(&p->f, list), at = n;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(list[i].check, check) == 0)
            at = i;
        else if (list[i].verdict != RK_DOCTOR_OK)
            fail_msg("%s: %s", list[i].check, list[i].evidence);
    }
    assert_true(at < n);
    if (!strstr(list[at].evidence, says)) fail_msg("no '%s' in: %s", says, list[at].evidence);
    assert_true((list[at].verdict == RK_DOCTOR_OK) == (list[at].remedy[0] == '\0'));
    return list[at].verdict;
}

#define CASE(check, want, says, ...)                                                               \
    do {                                                                                           \
        patient p;                                                                                 \
        healthy(&p);                                                                               \
        __VA_ARGS__;                                                                               \
        assert_int_equal(verdict(&p, check, says), RK_DOCTOR_##want);                              \
    } while (0)

static void test_data(void **state)
{
    (void)state;
    CASE("labels", OK, "drawn once", (void)0);
    CASE("labels", CAUSE, "differ", strcpy(p.f.load[1].label_digest, "m"));
    CASE("labels", CAUSE, "differ", strcpy(p.f.load[1].digest, "e"));
    CASE("labels", NOTE, "not those of the run", p.run.data_digest = "e");
    CASE("capacity", OK, "2 n + d is 2050", (void)0);
    CASE("capacity", CAUSE, "2049 parameters; 2 n + d = 2050", p.f.parameters = 2049);
    CASE("duplicates", OK, "7 repeated", p.f.duplicates = 7);
    CASE("duplicates", CAUSE, "(3 and 9): at most 99.9000 %", p.f.conflicting = p.f.n_pairs = 1,
         p.f.pair[0] = (rk_doctor_pair){3, 9});
    CASE("duplicates", CAUSE, "(3 and 9, ...)", p.f.conflicting = 2, p.f.n_pairs = 1,
         p.f.pair[0] = (rk_doctor_pair){3, 9});
    CASE("inputs", NOTE, "500 of 1000", p.f.constant = 500);
    CASE("inputs", CAUSE, "501 of 1000", p.f.constant = 501);
    CASE("classes", NOTE, "9 of 10", p.f.classes_used = 9);
}

static void test_settings(void **state)
{
    (void)state;
    CASE("augmentation", CAUSE, "flip", p.config.augment = "flip");
    CASE("regularizers", CAUSE, "l2", p.config.regularize = "l2");
    CASE("regularizers", CAUSE, "dropout", p.f.model = "mlp:dropout=0.1");
    CASE("learning rate", OK, "is 5 %", (void)0);
    CASE("learning rate", CAUSE, "would add 20 %", p.f.rate_last = 0.049);
    CASE("learning rate", CAUSE, "is 0", p.f.rate_first = 0);
    CASE("batch", OK, "10 steps", (void)0);
    CASE("batch", CAUSE, "only 9 steps", p.config.batch = 112);
    CASE("batch", NOTE, "only 9 steps", p.config.batch = 112, p.f.run = NULL, p.f.n_rows = 0);
    CASE("batch", CAUSE, "only 3 steps", p.config.batch = 334, p.f.run = NULL, p.f.n_rows = 0);
}

/* Epochs whose training loss is this. */
static void losses(patient *p, int from, int to, double loss)
{
    for (int i = from; i < to; i++) p->rows[i].train_loss = p->rows[i].online_loss = loss;
}

static void test_epochs(void **state)
{
    (void)state;
    CASE("divergence", CAUSE, "epoch 20 is not", losses(&p, 19, 20, NAN));
    CASE("divergence", CAUSE, "lost", p.run.status = "failed", p.run.error = "lost");
    CASE("start", OK, "after 3 epochs", losses(&p, 0, 3, 2.3));
    CASE("start", CAUSE, "4 of 20 epochs", losses(&p, 0, 4, 2.3));
    CASE("start", OK, "after 0 epochs", losses(&p, 1, 8, 2.3));
    CASE("start", OK, "after 2 epochs", losses(&p, 0, 2, 2.3), p.f.n_rows = 4);
    CASE("end", OK, "no longer", losses(&p, 15, 20, 0.48));
    CASE("end", CAUSE, "from epoch 15 to 20 the training loss fell by 6 %",
         losses(&p, 15, 20, 0.47));
    CASE("end", CAUSE, "told to", p.config.stop_accuracy = 0.9);
    CASE("end", CAUSE, "told to", p.config.stop_loss = 0.5);
    CASE("end", OK, "no longer", p.config.stop_accuracy = 0.9, p.config.eval_limit = 1);
    CASE("end", OK, "no longer", p.config.stop_accuracy = 0.91, p.config.stop_loss = 0.49);
}

/* Of a run that fits nothing keeps it from fitting. */
static void test_fit(void **state)
{
    (void)state;
    CASE("augmentation", NOTE, "flip", p.config.augment = "flip", p.run.fit_epoch = 8);
    CASE("end", OK, "it fits", losses(&p, 15, 20, 0.1), p.run.fit_epoch = 8);
    patient p;
    healthy(&p);
    assert_true(rk_doctor_fits(&p.f) == 0);
    p.run.fit_epoch = 8;
    assert_true(rk_doctor_fits(&p.f) == 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_data), cmocka_unit_test(test_settings),
                                       cmocka_unit_test(test_epochs), cmocka_unit_test(test_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
