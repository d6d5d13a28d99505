/* Claims, numbers of papers, and what made-up runs say of them. */
#include "scratch.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "cli/measure.h"
#include "cli/study.h"

/* Lines 1 to 8; a and b at every scale. */
#define HEAD                                                                                       \
    "[preset]\ndoc = d\n[scale micro]\nlr = 1\n[variant a]\nrandomize =\n[variant b]\nrandomize "  \
    "= labels:p=0.5\n"

static rk_status read_text(const char *text, rk_preset *p, rk_error *e)
{
    const char *path = scratch("study.ini");
    scratch_write(path, text, strlen(text));
    return rk_preset_read(path, "study", p, e);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

/* A run of epochs whose training accuracy is fit / epochs, 2 fit / epochs, ...: it fits at the end
 * if fit is 1.  Test accuracy rises to `test` at epoch 2 and is less later. */
static void add_started(rk_results *r, const char *started, const char *label, uint64_t seed,
                        int64_t epochs, double fit, double test, const char *status,
                        const char *config)
{
    rk_run_record run = {.preset = "study",
                         .started = started,
                         .variant = label,
                         .config = config,
                         .seed = seed,
                         .randomize = "labels:p=0.25",
                         .rate = 0.5};
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    for (int64_t i = 1; i <= epochs; i++) {
        rk_epoch_record row = {.epoch = i,
                               .steps = 10 * i,
                               .train_accuracy = fit * (double)i / (double)epochs,
                               .online_loss = 1 - 0.95 * (double)i / (double)epochs,
                               .test_accuracy = i == 2 ? test : test / 2};
        run.epochs_done = i;
        run.fit_epoch = row.train_accuracy >= 1 ? i : 0;
        run.train_accuracy = row.train_accuracy;
        run.test_accuracy = row.test_accuracy;
        assert_int_equal(rk_results_epoch(r, &run, &row, NULL), RK_OK);
    }
    assert_int_equal(rk_results_finish(r, run.id, status, "", NULL), RK_OK);
}

static void add_run(rk_results *r, const char *label, uint64_t seed, int64_t epochs, double fit,
                    double test, const char *status, const char *config)
{
    add_started(r, "", label, seed, epochs, fit, test, status, config);
}

#define MICRO "{\"scale\":\"micro\",\"changed\":\"\"}"

static void open_results(const char *name, rk_results **r)
{
    remove(scratch(name));
    assert_int_equal(rk_results_open(scratch(name), false, r, NULL), RK_OK);
}

/* A preset's runs of a file, and what it claims of them. */
typedef struct loaded {
    rk_preset p;
    rk_runs runs;
    rk_study s;
    rk_finding *f;
    uint32_t n;
} loaded;

static void load(int scale, const char *file, const char *text, loaded *x)
{
    rk_error e = rk_error_new();
    if (read_text(text, &x->p, &e) != RK_OK) fail_msg("%s", e.text);
    if (rk_runs_load(scratch(file), NULL, true, &x->runs, &e) != RK_OK) fail_msg("%s", e.text);
    if (rk_study_make(&x->p, scale, "", &x->runs, &x->s, &e) != RK_OK) fail_msg("%s", e.text);
}

static void judge(int scale, const char *file, const char *text, uint32_t findings, loaded *x)
{
    load(scale, file, text, x);
    assert_int_equal(rk_study_judge(&x->s, &x->f, &x->n, NULL), RK_OK);
    assert_int_equal(x->n, findings);
}

static void unload(loaded *x)
{
    rk_study_free(&x->s);
    rk_runs_free(&x->runs);
    rk_preset_free(&x->p);
}

/* A run of one epoch. */
static void add_short(rk_results *r, rk_run_record *run)
{
    assert_int_equal(rk_results_add(r, run, NULL), RK_OK);
    assert_int_equal(rk_results_epoch(r, run, &(rk_epoch_record){.epoch = 1}, NULL), RK_OK);
    assert_int_equal(rk_results_finish(r, run->id, "done", "", NULL), RK_OK);
}

static void gives(rk_calculator *c, const rk_study *s, const char *text, double want)
{
    double got;
    rk_error e = rk_error_new();
    if (rk_calculate(c, s, 1, text, &got, &e) != RK_OK) fail_msg("%s", e.text);
    bool same = isnan(want) ? isnan(got) : isinf(want) ? got == want : fabs(got - want) < 1e-12;
    if (!same) fail_msg("%s: %g, not %g", text, got, want);
}

static void test_measures(void **state)
{
    rk_results *r;
    loaded x;
    rk_calculator *c;
    (void)state;
    open_results("measures.sqlite", &r);
    add_run(r, "a, seed=1", 1, 4, 1, 0.5, "done", MICRO);
    add_run(r, "b, seed=1", 1, 5, 0.8, 0.75, "done", MICRO);
    rk_results_close(r);
    load(RK_SCALE_MICRO, "measures.sqlite", HEAD, &x);
    assert_int_equal(x.s.n_labels, 2);
    assert_int_equal(rk_calculator_new(&c, NULL), RK_OK);
    gives(c, &x.s, "train('a')", 1);
    gives(c, &x.s, "test_accuracy('a')", 0.25);
    gives(c, &x.s, "best_test('b')", 0.75);
    gives(c, &x.s, "best_test_epoch('b')", 2);
    gives(c, &x.s, "fit_epoch('a')", 4);
    gives(c, &x.s, "fit_steps('a')", 40);
    gives(c, &x.s, "fit_steps('b')", INFINITY);
    gives(c, &x.s, "fit_steps('b') > fit_steps('a')", 1);
    gives(c, &x.s, "steps_loss05('a')", 30); /* 1 - 0.95 * 2/4 is above 0.5 */
    gives(c, &x.s, "steps_loss01('b')", 50);
    gives(c, &x.s, "at('train_accuracy', 'a', best_test_epoch('a'))", 0.5);
    gives(c, &x.s, "at('train_accuracy', 'a', 9)", NAN);
    gives(c, &x.s, "axis('p', 'a') + axis('lr', 'a')", 0.75);
    gives(c, &x.s, "axis('q', 'a')", NAN);
    gives(c, &x.s, "lowest('train', '*')", 0.8);
    gives(c, &x.s, "highest('best_test', '?')", 0.75);
    rk_calculator_free(c);
    unload(&x);
}

static rk_outcome outcome_of(const char *file, const char *claim, uint32_t *holds, uint32_t *seeds)
{
    char text[600];
    loaded x;
    snprintf(text, sizeof text, HEAD "%s", claim);
    judge(RK_SCALE_MICRO, file, text, 1, &x);
    rk_outcome out = x.f->verdict;
    *holds = x.f->holds;
    *seeds = x.f->seeds;
    unload(&x);
    return out;
}

/* Seeds 1..seeds; of the first `bad` of them a is not better than b. */
static void make_seeds(const char *file, uint64_t seeds, uint64_t bad)
{
    rk_results *r;
    open_results(file, &r);
    for (uint64_t i = 1; i <= seeds; i++) {
        add_run(r, "a", i, 2, 1, i <= bad ? 0.1 : 0.5, "done", MICRO);
        add_run(r, "b", i, 2, 1, 0.2, "done", MICRO);
    }
    rk_results_close(r);
}

static void expect_outcome(const char *claim, rk_outcome want, uint32_t want_holds)
{
    uint32_t holds, seeds;
    rk_outcome got = outcome_of("seeds.sqlite", claim, &holds, &seeds);
    if (got != want || holds != want_holds)
        fail_msg("%s: %s on %u of %u seeds", claim, rk_outcome_name(got), holds, seeds);
}

/* All seeds but one in ten. */
static void test_pass_rule(void **state)
{
    static const char claim[] = "[claim c]\nholds = best_test('a') > best_test('b')\n";
    static const struct {
        uint64_t seeds, bad;
        rk_outcome want;
    } cases[] = {{10, 1, RK_MET}, {10, 2, RK_NOT_MET}, {9, 1, RK_NOT_MET},
                 {2, 0, RK_MET},  {2, 1, RK_NOT_MET},  {1, 1, RK_NOT_MET}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_seeds("seeds.sqlite", cases[i].seeds, cases[i].bad);
        expect_outcome(claim, cases[i].want, (uint32_t)(cases[i].seeds - cases[i].bad));
    }
}

static void test_bands(void **state)
{
    (void)state;
    make_seeds("seeds.sqlite", 4, 1); /* best_test of a: .1 .5 .5 .5, mean .4 */
    expect_outcome("[claim c]\nmean = best_test('a')\nfrom = 0.39\nto = 0.41\n", RK_MET, 0);
    expect_outcome("[claim c]\nmean = best_test('a')\nfrom = 0.41\n", RK_NOT_MET, 3);
    expect_outcome("[claim c]\nmean = best_test('a')\nto = 0.39\n", RK_NOT_MET, 1);
    expect_outcome("[paper a @ micro]\nbest_test = 41 within 1.01\n", RK_MET, 0);
    expect_outcome("[paper a @ micro]\nbest_test = 41 within 0.99\n", RK_NOT_MET, 0);
    expect_outcome("[paper a @ micro]\nbest_test = 39 within 1.01\n", RK_MET, 0);
    expect_outcome("[paper a @ micro]\nfit_steps = 25 within 20%\n", RK_MET, 0);
    expect_outcome("[paper a @ micro]\nfit_steps = 25 within 19%\n", RK_NOT_MET, 0);
    expect_outcome("[claim c]\nmean = best_test('a') * 0\nfrom = 0\nto = 0\n", RK_MET, 4);
}

/* Of several findings the worst, of a band the sample standard deviation. */
static void test_several(void **state)
{
    static const char text[] =
        HEAD "[variant c]\nlr = 2\n[claim c]\nmean = best_test('a')\nfrom = 0\n"
             "[paper a @ micro]\nbest_test = 40 within 1\n"
             "[paper c @ micro]\nbest_test = 40 within 1\n";
    loaded x;
    (void)state;
    make_seeds("seeds.sqlite", 4, 1); /* best_test of a: .1 .5 .5 .5 */
    judge(RK_SCALE_MICRO, "seeds.sqlite", text, 3, &x);
    assert_true(fabs(x.f[0].mean - 0.4) < 1e-12 && fabs(x.f[0].spread - 0.2) < 1e-12);
    assert_int_equal(rk_findings_outcome(x.f, 2), RK_MET);
    assert_int_equal(rk_findings_outcome(x.f, 3), RK_NOT_MEASURED);
    x.f[0].verdict = RK_NOT_MET;
    assert_int_equal(rk_findings_outcome(x.f, 3), RK_NOT_MET);
    unload(&x);
}

/* Runs of another scale, of changed settings, and unfinished ones are other runs. */
static void test_which_runs(void **state)
{
    static const char claim[] = "[claim c]\nholds = best_test('a') > best_test('b')\n";
    rk_results *r;
    (void)state;
    open_results("seeds.sqlite", &r);
    add_run(r, "b", 1, 2, 1, 0.2, "done", MICRO);
    rk_results_close(r);
    expect_outcome(claim, RK_NOT_MEASURED, 0);
    assert_int_equal(rk_results_open(scratch("seeds.sqlite"), false, &r, NULL), RK_OK);
    add_run(r, "a", 1, 2, 1, 0.5, "done", "{\"scale\":\"full\",\"changed\":\"\"}");
    add_run(r, "a", 1, 2, 1, 0.5, "done", "{\"scale\":\"micro\",\"changed\":\"lr=1\"}");
    add_run(r, "a", 1, 2, 1, 0.5, "stopped", MICRO);
    add_run(r, "a", 2, 2, 1, 0.5, "done", MICRO);
    rk_results_close(r);
    expect_outcome(claim, RK_NOT_MEASURED, 0);
    assert_int_equal(rk_results_open(scratch("seeds.sqlite"), false, &r, NULL), RK_OK);
    add_run(r, "a, seed=1", 1, 2, 1, 0.1, "done", MICRO);
    rk_results_close(r);
    expect_outcome(claim, RK_NOT_MET, 0);
    assert_int_equal(rk_results_open(scratch("seeds.sqlite"), false, &r, NULL), RK_OK);
    add_run(r, "seed=1, a", 1, 2, 1, 0.1, "done", MICRO); /* another label: "a" after the seed */
    add_run(r, "a", 1, 2, 1, 0.5, "done", MICRO);         /* the latest counts */
    rk_results_close(r);
    expect_outcome(claim, RK_MET, 1);
}

/* A preset without scales is held against its paper, too. */
static void test_paper_without_scales(void **state)
{
    static const char text[] = "[variant a]\nlr = 1\n[paper a]\nbest_test = 40 within 1\n";
    loaded x;
    (void)state;
    make_seeds("seeds.sqlite", 0, 0);
    judge(-1, "seeds.sqlite", text, 1, &x);
    assert_int_equal(x.f->verdict, RK_NOT_MEASURED);
    unload(&x);
}

/* Merged files are numbered in the order in which they were named. */
static void test_started_last(void **state)
{
    static const char claim[] = "[claim c]\nholds = best_test('a') > 0.2\n";
    static const struct {
        const char *started[2];
        double test[2];
        rk_outcome want;
    } cases[] = {{{"2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z"}, {0.3, 0.1}, RK_MET},
                 {{"2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z"}, {0.1, 0.3}, RK_NOT_MET},
                 {{"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"}, {0.1, 0.3}, RK_MET},
                 {{"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"}, {0.1, 0.3}, RK_MET}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk_results *r;
        open_results("seeds.sqlite", &r);
        for (int k = 0; k < 2; k++)
            add_started(r, cases[i].started[k], "a", 1, 2, 1, cases[i].test[k], "done", MICRO);
        rk_results_close(r);
        expect_outcome(claim, cases[i].want, cases[i].want == RK_MET);
    }
}

static void test_rank_correlation(void **state)
{
    static const char text[] =
        "[preset]\ndoc = d\n[grid]\nrandomize = labels:p=0.1 | labels:p=0.5 | labels:p=1\n";
    static const double test[3] = {0.3, 0.29, 0.1}; /* falls, but on no line */
    rk_results *r;
    loaded x;
    rk_calculator *c;
    (void)state;
    open_results("rank.sqlite", &r);
    for (int i = 0; i < 3; i++) {
        static const char *const specs[] = {"labels:p=0.1", "labels:p=0.5", "labels:p=1"};
        char label[40];
        snprintf(label, sizeof label, "randomize=%s", specs[i]);
        rk_run_record run = {.preset = "study",
                             .variant = label,
                             .config = "",
                             .seed = 1,
                             .randomize = specs[i],
                             .test_accuracy = test[i],
                             .epochs_done = 1};
        add_short(r, &run);
    }
    rk_results_close(r);
    load(-1, "rank.sqlite", text, &x);
    assert_int_equal(x.s.n_runs, 3);
    assert_int_equal(rk_calculator_new(&c, NULL), RK_OK);
    gives(c, &x.s, "spearman('test', 'p')", -1);
    gives(c, &x.s, "spearman('fit_steps', 'p')", NAN); /* all equal: no order */
    gives(c, &x.s, "spearman('test', 'q')", NAN);
    rk_calculator_free(c);
    unload(&x);
}

static void add_batches(int64_t n)
{
    rk_results *r;
    open_results("many.sqlite", &r);
    for (int64_t i = 1; i <= n; i++) {
        char label[40];
        snprintf(label, sizeof label, "batch=%lld", (long long)i);
        rk_run_record run = {
            .preset = "study", .variant = label, .config = "", .seed = 1, .batch = i};
        add_short(r, &run);
    }
    rk_results_close(r);
}

/* None of many labels is left out; ranks that are all equal have no order, however many. */
static void test_many_labels(void **state)
{
    loaded x;
    rk_calculator *c;
    (void)state;
    add_batches(300);
    load(-1, "many.sqlite", "[grid]\nbatch = 1..300\n", &x);
    assert_int_equal(rk_calculator_new(&c, NULL), RK_OK);
    gives(c, &x.s, "highest('batch', '*')", 300);
    gives(c, &x.s, "spearman('batch', 'batch')", 1);
    gives(c, &x.s, "spearman('fit_steps', 'batch', 'batch=?')", NAN);
    rk_calculator_free(c);
    unload(&x);
}

/* Every preset that is shipped can be read, and asks for runs at each of its scales. */
static void test_shipped(void **state)
{
    rk_error e = rk_error_new();
    char names[] = PRESETS;
    (void)state;
    setenv("RETHINK_PRESET_PATH", getenv("RETHINK_TEST_PRESETS"), 1);
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        rk_preset p;
        if (rk_preset_load(name, &p, &e) != RK_OK) fail_msg("%s", e.text);
        assert_true(p.doc[0] != '\0');
        rk_preset_free(&p);
    }
    unsetenv("RETHINK_PRESET_PATH");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_measures),
                                       cmocka_unit_test(test_pass_rule),
                                       cmocka_unit_test(test_bands),
                                       cmocka_unit_test(test_several),
                                       cmocka_unit_test(test_which_runs),
                                       cmocka_unit_test(test_rank_correlation),
                                       cmocka_unit_test(test_paper_without_scales),
                                       cmocka_unit_test(test_many_labels),
                                       cmocka_unit_test(test_started_last),
                                       cmocka_unit_test(test_shipped)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
