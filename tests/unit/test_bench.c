/* Benches in the results database: what is written is read, in its order, wholly or not at all. */
#include "bench_sample.h"
#include "results_sample.h"
#include "scratch.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <cmocka.h>
#include "base/error.h"
#include "train/merge.h"

static rk_bench *read_bench(rk_results *r, int64_t id)
{
    rk_bench *b;
    rk_error e = rk_error_new();
    if (rk_results_bench(r, id, &b, &e) != RK_OK) fail_msg("%s", e.text);
    return b;
}

static void same_device(const rk_bench_device *a, const rk_bench_device *b)
{
    const char *const x[] = {a->spec,        a->name,   a->vendor,   a->platform,  a->driver,
                             a->backend,     a->type,   a->compiler, a->processor, a->clocks,
                             a->environment, a->system, a->tuning,   a->selftest,  a->energy};
    const char *const y[] = {b->spec,        b->name,   b->vendor,   b->platform,  b->driver,
                             b->backend,     b->type,   b->compiler, b->processor, b->clocks,
                             b->environment, b->system, b->tuning,   b->selftest,  b->energy};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) assert_string_equal(x[i], y[i]);
    assert_true(a->bench == b->bench && a->device == b->device);
    assert_true(a->memory == b->memory && a->threads == b->threads);
}

static const rk_bench_value *find(const rk_bench *b, int64_t device, int64_t process,
                                  const char *suite, const char *tier, const char *name, double x)
{
    for (uint32_t i = 0; i < b->n_value; i++) {
        const rk_bench_value *v = &b->value[i];
        if (v->device == device && v->process == process && strcmp(v->suite, suite) == 0 &&
            strcmp(v->tier, tier) == 0 && strcmp(v->name, name) == 0 && v->x == x)
            return v;
    }
    fail_msg("no %s %s", suite, name);
    return NULL;
}

static int compare(const rk_bench_value *a, const rk_bench_value *b)
{
    const char *const x[] = {a->suite, a->subject, a->tier, a->name}, *const y[] = {
                                                                          b->suite, b->subject,
                                                                          b->tier, b->name};
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    for (int i = 0; i < 4; i++)
        if (strcmp(x[i], y[i]) != 0) return strcmp(x[i], y[i]);
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return a->process < b->process ? -1 : a->process > b->process;
}

static void test_round_trip(void **state)
{
    rk_results *r = open_results(scratch("round.sqlite"));
    int64_t first = bench_sample(r, "a host"), second = bench_sample(r, "another"), *ids;
    uint32_t n;
    (void)state;
    assert_int_equal(rk_results_benches(r, &ids, &n, NULL), RK_OK);
    assert_true(n == 2 && ids[0] == first && ids[1] == second && first != second);
    free(ids);
    rk_bench *b = read_bench(r, second);
    assert_true(b->record.id == second && b->n_device == 2);
    assert_string_equal(b->record.started, "2026-01-02T03:04:05.678Z");
    assert_string_equal(b->record.status, "done");
    assert_string_equal(b->record.size, "quick");
    assert_string_equal(b->record.version, "0.1");
    assert_string_equal(b->record.host, "another");
    assert_string_equal(b->record.config, "{\"processes\":3,\"repeats\":5}");
    for (int64_t d = 1; d <= 2; d++) {
        rk_bench_device want = bench_sample_device(second, d);
        same_device(&b->device[d - 1], &want);
    }
    for (uint32_t i = 1; i < b->n_value; i++)
        assert_true(compare(&b->value[i - 1], &b->value[i]) < 0);
    rk_bench_free(b);
    rk_results_close(r);
}

/* Every field of a value, and what was not measured. */
static void test_values(void **state)
{
    rk_results *r = open_results(scratch("values.sqlite"));
    rk_bench *b = read_bench(r, bench_sample(r, "a host"));
    const rk_bench_value *v = find(b, 2, 3, "roofline", "", "triad", 0);
    const rk_spread *s = &v->spread;
    double x[] = {1, 1.01, 1.02, 1.03, 1.04};
    (void)state;
    for (int i = 0; i < 5; i++) x[i] = 2e11 * (1 + 0.01 * i) * (1 + 0.02 * 2);
    rk_spread want = rk_spread_of(x, 5);
    assert_true(v->bench == b->record.id && s->n == 5 && s->median == want.median);
    assert_true(s->q1 == want.q1 && s->q3 == want.q3 && s->least == want.least);
    assert_true(s->most == want.most && s->mean == want.mean && s->sd == want.sd);
    assert_string_equal(v->unit, "B/s");
    v = find(b, 1, 2, "roofline", "", "local", 0);
    assert_true(v->spread.n == 0 && isnan(v->spread.median) && isnan(v->spread.sd));
    assert_string_equal(v->text, "no local memory");
    v = find(b, 2, 1, "distance", "perturbed", "distance", 100);
    assert_true(v->spread.n == 1 && v->spread.median == 1e-4 && isnan(v->spread.sd));
    assert_string_equal(v->subject, "mlp:layers=3, batch 128");
    rk_bench_free(b);
    rk_results_close(r);
}

/* A later value or device takes the place of an older one; of n values all are written or none. */
static void test_replaced(void **state)
{
    rk_results *r = open_results(scratch("replaced.sqlite"));
    int64_t id = bench_sample(r, "a host");
    rk_bench *b = read_bench(r, id), *after;
    rk_bench_value v[2] = {*find(b, 1, 1, "machine", "", "load", 0)};
    rk_bench_device d = bench_sample_device(id, 2);
    rk_error e = rk_error_new();
    (void)state;
    v[0].spread = rk_spread_one(7);
    v[1] = v[0];
    v[1].x = NAN;
    assert_int_equal(rk_results_bench_values(r, v, 2, &e), RK_E_INVALID);
    assert_string_equal(e.text, "the value load of machine has no x");
    after = read_bench(r, id);
    assert_true(find(after, 1, 1, "machine", "", "load", 0)->spread.median ==
                find(b, 1, 1, "machine", "", "load", 0)->spread.median);
    rk_bench_free(after);
    assert_int_equal(rk_results_bench_values(r, v, 1, NULL), RK_OK);
    d.name = "renamed";
    assert_int_equal(rk_results_bench_device(r, &d, NULL), RK_OK);
    after = read_bench(r, id);
    assert_true(find(after, 1, 1, "machine", "", "load", 0)->spread.median == 7);
    assert_string_equal(after->device[1].name, "renamed");
    assert_true(after->n_value == b->n_value && after->n_device == 2);
    rk_bench_free(after);
    rk_bench_free(b);
    rk_results_close(r);
}

static void test_unknown(void **state)
{
    rk_results *r = open_results(scratch("unknown.sqlite"));
    rk_error e = rk_error_new();
    rk_bench *b;
    int64_t *ids;
    uint32_t n;
    (void)state;
    assert_int_equal(rk_results_benches(r, &ids, &n, NULL), RK_OK);
    assert_int_equal(n, 0);
    assert_int_equal(rk_results_bench(r, 3, &b, &e), RK_E_INVALID);
    assert_null(b);
    assert_non_null(strstr(e.text, "unknown.sqlite has no bench 3: 'rethink list --out "));
    assert_int_equal(rk_results_bench_finish(r, 3, "done", &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "unknown.sqlite has no bench 3"));
    rk_results_close(r);
}

/* ---- joining --------------------------------------------------------------------------------- */

static rk_merged merge(const char *to, const char *a, const char *b)
{
    const char *const from[] = {a, b};
    rk_error e = rk_error_new();
    rk_merged m;
    if (rk_results_merge_benches(to, from, b ? 2 : 1, &m, &e) != RK_OK) fail_msg("%s", e.text);
    return m;
}

static void exec(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void make(const char *path, const char *host)
{
    rk_results *r = open_results(path);
    bench_sample(r, host);
    rk_results_close(r);
}

static void check_counts(rk_merged m, uint32_t added, uint32_t updated, uint32_t known)
{
    assert_int_equal(m.benches_added, added);
    assert_int_equal(m.benches_updated, updated);
    assert_int_equal(m.benches_known, known);
    assert_int_equal(m.added, 0);
}

static uint32_t count(const char *path)
{
    rk_results *r = open_results(path);
    int64_t *ids;
    uint32_t n;
    assert_int_equal(rk_results_benches(r, &ids, &n, NULL), RK_OK);
    free(ids);
    rk_results_close(r);
    return n;
}

static void same_value(const rk_bench_value *a, const rk_bench_value *b)
{
    assert_int_equal(compare(a, b), 0);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->unit, b->unit);
    assert_true(a->spread.n == b->spread.n);
    assert_true(a->spread.n == 0 || a->spread.median == b->spread.median);
}

/* A bench that is in several files is taken once, whole, under a number of the target's. */
static void test_merge(void **state)
{
    const char *a = scratch("a.sqlite"), *b = scratch("b.sqlite"), *to = scratch("to.sqlite");
    (void)state;
    make(a, "one");
    make(b, "two");
    make(to, "three");
    check_counts(merge(to, a, b), 2, 0, 0);
    check_counts(merge(to, a, b), 0, 0, 2);
    assert_int_equal(count(to), 3);
    rk_results *r = open_results(to), *other = open_results(b);
    rk_bench *got = read_bench(r, 3), *want = read_bench(other, 1);
    assert_string_equal(got->record.host, "two");
    assert_string_equal(got->record.status, "done");
    assert_true(got->n_device == 2 && got->n_value == want->n_value);
    for (uint32_t i = 0; i < got->n_value; i++) same_value(&got->value[i], &want->value[i]);
    assert_true(got->value[5].bench == 3 && got->device[1].bench == 3);
    got->device[1].bench = 1;
    same_device(&got->device[1], &want->device[1]);
    rk_bench_free(got);
    rk_bench_free(want);
    rk_results_close(r);
    rk_results_close(other);
}

/* Machines of one name are told apart by what their devices are, as far as that is known. */
static void test_merge_apart(void **state)
{
    const char *a = scratch("x.sqlite"), *b = scratch("y.sqlite"), *to = scratch("xy.sqlite");
    (void)state;
    make(a, "host");
    make(b, "host");
    exec(b, "UPDATE bench_devices SET energy = 'unknown' WHERE device = 1");
    check_counts(merge(to, a, b), 1, 0, 1);
    exec(b, "UPDATE bench_devices SET processor = 'another' WHERE device = 2");
    check_counts(merge(to, a, b), 1, 0, 1);
    check_counts(merge(to, b, a), 0, 0, 2);
    exec(b, "UPDATE benches SET config = '{}'");
    check_counts(merge(to, b, NULL), 1, 0, 0);
    assert_int_equal(count(to), 3);
}

/* Of a bench that was copied while it went on, the later copy counts. */
static void test_merge_further(void **state)
{
    const char *late = scratch("late.sqlite"), *early = scratch("early.sqlite");
    const char *to = scratch("further.sqlite");
    (void)state;
    make(late, "host");
    make(early, "host");
    exec(early,
         "DELETE FROM bench_values WHERE process > 1; UPDATE benches SET status = 'stopped'");
    check_counts(merge(to, early, NULL), 1, 0, 0);
    check_counts(merge(to, late, early), 0, 1, 1);
    check_counts(merge(to, early, late), 0, 0, 2);
    rk_results *r = open_results(to);
    rk_bench *b = read_bench(r, 1);
    assert_string_equal(b->record.status, "done");
    assert_true(find(b, 2, 3, "roofline", "", "triad", 0)->spread.n == 5);
    rk_bench_free(b);
    rk_results_close(r);
    exec(to, "UPDATE benches SET status = 'running'"); /* killed before it could say so */
    check_counts(merge(to, late, NULL), 0, 1, 0);
}

/* With runs come their benches; benches alone bring no runs. */
static void test_merge_with_runs(void **state)
{
    const char *a = scratch("runs.sqlite"), *to = scratch("all.sqlite");
    rk_run_record run = sample();
    rk_merged m;
    (void)state;
    make(a, "host");
    rk_results *r = open_results(a);
    assert_int_equal(rk_results_add(r, &run, NULL), RK_OK);
    rk_results_close(r);
    check_counts(merge(to, a, NULL), 1, 0, 0);
    assert_int_equal(rk_results_merge(to, &a, 1, NULL, &m, NULL), RK_OK);
    assert_true(m.added == 1 && m.benches_added == 0 && m.benches_known == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_replaced),      cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_merge),         cmocka_unit_test(test_merge_apart),
        cmocka_unit_test(test_merge_further), cmocka_unit_test(test_merge_with_runs)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
