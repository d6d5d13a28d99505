/* What runs memorize, against the definitions written once more, plainly. */
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
#include "train/memorize.h"
#include "train/results_scores.h"

enum { N = 23, TESTS = 7, RUNS = 70 }; /* more runs than bits in a word */

/* What every run did, from a small generator. */
static struct {
    bool held[RUNS][N], right[RUNS][N], test[RUNS][TESTS];
} world;

static uint32_t next(uint32_t *state) { return (*state = *state * 1664525u + 1013904223u) >> 16; }

static void make_world(void)
{
    uint32_t s = 7;
    for (int r = 0; r < RUNS; r++) {
        for (int i = 0; i < N; i++) {
            world.held[r][i] = i != 3 && next(&s) % 10 < 3; /* 3 is in every run */
            world.right[r][i] = i % 5 == 0 ? !world.held[r][i] : next(&s) % 10 < 7;
        }
        for (int j = 0; j < TESTS; j++) world.test[r][j] = next(&s) % 2;
    }
    for (int r = 0; r < RUNS; r++) world.test[r][4] = !world.held[r][9]; /* all due to 9 */
}

static void put_run(rk_results *r, int run, const char *digest)
{
    rk_run_record record = {.data_digest = digest, .config = "{}"};
    rk_example_score train[N] = {{0}}, test[TESTS] = {{0}};
    for (int i = 0; i < N; i++)
        train[i] = (rk_example_score){.example = 100 + i,
                                      .label = 1,
                                      .true_label = i % 5 == 0 ? 2 : 1,
                                      .prediction = world.right[run][i] ? 1 : 0,
                                      .held = world.held[run][i],
                                      .loss = NAN};
    for (int j = 0; j < TESTS; j++)
        test[j] = (rk_example_score){
            .example = 200 + j, .label = 3, .prediction = world.test[run][j] ? 3 : 4};
    assert_int_equal(rk_results_add(r, &record, NULL), RK_OK);
    assert_int_equal(rk_results_put_scores(r, record.id, train, N, test, TESTS, NULL), RK_OK);
}

/* P(right | held as asked), over the runs; NaN of none. */
static double part(int i, const bool *right, size_t stride, bool held)
{
    double n = 0, good = 0;
    for (int r = 0; r < RUNS; r++) {
        if (world.held[r][i] != held) continue;
        n++;
        good += right[(size_t)r * stride];
    }
    return n > 0 ? good / n : (double)NAN;
}

static double influence(int i, int j)
{
    return part(i, &world.test[0][j], TESTS, false) - part(i, &world.test[0][j], TESTS, true);
}

static rk_results *open_world(const char *name)
{
    rk_results *r;
    make_world();
    assert_int_equal(rk_results_open(scratch(name), false, &r, NULL), RK_OK);
    for (int run = 0; run < RUNS; run++) put_run(r, run, "data");
    return r;
}

static void test_memorization(void **state)
{
    int64_t ids[RUNS];
    rk_memorization m;
    double changed = 0, clean = 0;
    (void)state;
    rk_results *r = open_world("memory.sqlite");
    for (int i = 0; i < RUNS; i++) ids[i] = i + 1;
    assert_int_equal(rk_results_memorization(r, ids, RUNS, 0, &m, NULL), RK_OK);
    assert_true(m.runs == RUNS && m.examples == N && m.tests == TESTS && m.changed == 5);
    for (int i = 0; i < N; i++) {
        double out = part(i, &world.right[0][i], N, true);
        double mem = part(i, &world.right[0][i], N, false) - out;
        assert_int_equal(m.memory[i].example, 100 + i);
        assert_true(i == 3 ? isnan(m.memory[i].mem) : m.memory[i].mem == mem);
        assert_true(i == 3 ? isnan(m.memory[i].c_score) : m.memory[i].c_score == out);
        if (i % 5 == 0)
            changed += mem / 5;
        else if (i != 3)
            clean += mem / 17;
    }
    assert_true(m.of_changed == 1 && fabs(m.of_changed - changed) < 1e-12);
    assert_true(fabs(m.of_clean - clean) < 1e-12 && fabs(m.of_clean) < 0.5);
    assert_true(m.auc == 1 && m.c_auc == 1 && m.c_of_changed == 0);
    assert_int_equal(m.n_pairs, 0);
    rk_memorization_free(&m);
    rk_results_close(r);
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void test_influence(void **state)
{
    int64_t ids[RUNS];
    double all[N * TESTS];
    size_t n = 0;
    (void)state;
    rk_results *r = open_world("influence.sqlite");
    for (int i = 0; i < RUNS; i++) ids[i] = i + 1;
    for (int i = 0; i < N; i++)
        for (int j = 0; i != 3 && j < TESTS; j++) all[n++] = influence(i, j);
    qsort(all, n, sizeof *all, falling);
    for (uint32_t top = 1; top < 200; top += 33) { /* more than there are, at last */
        rk_memorization m;
        assert_int_equal(rk_results_memorization(r, ids, RUNS, top, &m, NULL), RK_OK);
        assert_int_equal(m.n_pairs, top < n ? top : n);
        for (uint32_t k = 0; k < m.n_pairs; k++) {
            const rk_influence *p = &m.pair[k];
            assert_true(p->value == all[k] && p->value == influence((int)p->train, (int)p->test));
            assert_true(p->train_example == 100 + p->train && p->test_example == 200 + p->test);
        }
        assert_true(m.pair[0].train == 9 && m.pair[0].test == 4 && m.pair[0].value == 1);
        rk_memorization_free(&m);
    }
    rk_results_close(r);
}

static void test_refusals(void **state)
{
    int64_t ids[] = {1, 2, 3};
    rk_memorization m;
    rk_results *r;
    rk_error e = rk_error_new();
    (void)state;
    make_world();
    assert_int_equal(rk_results_open(scratch("refuse.sqlite"), false, &r, NULL), RK_OK);
    memset(world.held, 0, sizeof world.held);
    put_run(r, 0, "a");
    put_run(r, 1, "a");
    put_run(r, 2, "b");
    assert_int_equal(rk_results_memorization(r, ids, 2, 1, &m, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "none of these runs held out"));
    assert_int_equal(rk_results_memorization(r, ids, 3, 1, &m, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "different data"));
    assert_int_equal(rk_results_memorization(r, ids, 1, 1, &m, &e), RK_E_INVALID);
    assert_null(m.memory);
    rk_results_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memorization),
                                       cmocka_unit_test(test_influence),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
