/* A lab: what a diagnostic is given, what its reports become, and jobs and losses on a device
 * against softmax regression in double precision. */
#include "linear.h"
#include "train/lab.h"
#include "world.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 83, TEST = 7, SIZE = CLASSES * PIXELS + CLASSES };

typedef struct rig {
    rk_trainer *trainer;
    rk_lab *lab;
} rig;

static rk_config config(void)
{
    rk_config c = rk_config_default();
    c.model = "linear";
    c.data = "synth16:n=83,test=7";
    c.batch = 8;
    return c;
}

/* The configuration must outlive the rig. */
static rig open_rig(const world *w, rk_config *c, const rk_lab_watch *watch)
{
    rk_error e = rk_error_new();
    rig r = {.trainer = open_trainer(w, c)};
    must(rk_trainer_begin(r.trainer, 0, &e), &e);
    for (int64_t step = 0; step < r.trainer->steps; step++)
        must(rk_trainer_step(r.trainer, step, &e), &e);
    must(rk_lab_new(w->hub, r.trainer, c, watch, &r.lab, &e), &e);
    return r;
}

static void close_rig(rig *r)
{
    rk_lab_free(r->lab);
    rk_trainer_close(r->trainer);
}

/* ---- reports --------------------------------------------------------------------------- */

static rk_status reporting(rk_lab *lab, const rk_args *a, rk_error *e)
{
    (void)a;
    rk_lab_value(lab, "a", 1.5);
    for (int i = 0; i < 40; i++) rk_lab_point(lab, i % 2 ? "odd" : "even", i, i * i);
    rk_lab_point3(lab, "surface", 1, 2, 3);
    rk_lab_value(lab, "nothing", NAN);
    rk_lab_value(lab, "much", INFINITY);
    rk_lab_point(lab, "odd", 41, NAN);
    rk_lab_note(lab, "a choice: %d", 7);
    rk_lab_note(lab, "a choice: %d", 7);
    return rk_lab_progress(lab, 0.5, e);
}

static rk_status twice(rk_lab *lab, const rk_args *a, rk_error *e)
{
    (void)a;
    (void)e;
    rk_lab_value(lab, "a", 1);
    rk_lab_value(lab, "a", 1);
    return RK_OK;
}

static rk_status misnamed(rk_lab *lab, const rk_args *a, rk_error *e)
{
    (void)a;
    (void)e;
    rk_lab_point(lab, "Odd name", 1, 1);
    return RK_OK;
}

static rk_status failing(rk_lab *lab, const rk_args *a, rk_error *e)
{
    (void)a;
    rk_lab_value(lab, "a", 1);
    return rk_error_set(e, RK_E_INVALID, "there is nothing to see");
}

static rk_status run_item(rk_lab *lab, rk_status (*f)(rk_lab *, const rk_args *, rk_error *),
                          rk_lab_report *out, rk_error *e)
{
    const rk_item item = {
        .size = sizeof item, .kind = RK_KIND_DIAGNOSTIC, .name = "tiny", .diagnose = f};
    const rk_spec spec = {.item = &item};
    return rk_lab_run(lab, &spec, out, e);
}

static void on_progress(void *ctx, const char *diagnostic, double fraction)
{
    assert_string_equal(diagnostic, "tiny");
    *(double *)ctx = fraction;
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_reports(void **state)
{
    double progress = 0;
    const rk_lab_watch watch = {.ctx = &progress, .progress = on_progress};
    rk_config c = config();
    rk_lab_report report;
    rk_error e = rk_error_new();
    rig r = open_rig(*state, &c, &watch);
    must(run_item(r.lab, reporting, &report, &e), &e);
    assert_true(progress == 0.5);
    assert_int_equal(report.n_values, 3);
    assert_string_equal(report.value[0].name, "a");
    assert_true(report.value[0].value == 1.5);
    assert_true(isnan(report.value[1].value) && isnan(report.value[2].value));
    assert_int_equal(report.n_points, 41);
    for (int i = 0; i < 40; i++) {
        assert_string_equal(report.point[i].series, i % 2 ? "odd" : "even");
        assert_true(report.point[i].x == i && report.point[i].y == i * i);
        assert_int_equal(report.point[i].dims, 2);
    }
    assert_int_equal(report.point[40].dims, 3);
    assert_true(report.point[40].z == 3);
    assert_int_equal(report.n_notes, 3);
    assert_string_equal(report.note[0], "much is infinite: not measured");
    assert_string_equal(report.note[2], "a choice: 7");
    rk_lab_report_free(&report);
    close_rig(&r);
}

static void test_wrong_reports(void **state)
{
    rk_config c = config();
    rk_lab_report report;
    const rk_lab_watch watch = {.stopping = always};
    rk_error e = rk_error_new();
    rig r = open_rig(*state, &c, &watch);
    assert_int_equal(run_item(r.lab, twice, &report, &e), RK_E_INTERNAL);
    assert_string_equal(e.text, "it reports twice the value 'a'");
    assert_int_equal(run_item(r.lab, misnamed, &report, &e), RK_E_INTERNAL);
    assert_string_equal(e.text, "it reports a curve with the name 'Odd name'");
    assert_int_equal(run_item(r.lab, failing, &report, &e), RK_E_INVALID);
    assert_string_equal(e.text, "there is nothing to see");
    assert_int_equal(report.n_values, 0);
    assert_int_equal(run_item(r.lab, reporting, &report, &e), RK_E_STOPPED);
    close_rig(&r);
}

/* ---- what is examined -------------------------------------------------------------------- */

static void test_tensors(void **state)
{
    const world *w = *state;
    const rk_lab_tensor *t;
    rk_config c = config();
    rk_error e = rk_error_new();
    c.model = "mlp:hidden=5,layers=2";
    rk_trainer *fresh = open_trainer(w, &c);
    rig r = open_rig(w, &c, NULL);
    assert_int_equal(rk_lab_tensors(r.lab, &t), 6);
    assert_string_equal(t[0].name, "hidden1/weight");
    assert_string_equal(t[3].name, "hidden2/bias");
    assert_string_equal(t[5].name, "output/bias");
    assert_int_equal(t[2].first, 5 * PIXELS + 5);
    assert_int_equal(t[2].shape.rank, 2);
    assert_int_equal(rk_lab_size(r.lab), 5 * PIXELS + 5 + 30 + 60);
    for (int i = 0; i < 6; i++) {
        float *want = malloc((size_t)t[i].size * sizeof *want);
        uint64_t bytes = (uint64_t)t[i].size * sizeof *want;
        assert_non_null(want);
        must(rk_session_read(fresh->session, t[i].name, want, bytes, &e), &e);
        assert_memory_equal(rk_lab_initial(r.lab) + t[i].first, want, bytes);
        must(rk_session_read(r.trainer->session, t[i].name, want, bytes, &e), &e);
        assert_memory_equal(rk_lab_weights(r.lab) + t[i].first, want, bytes);
        assert_memory_not_equal(rk_lab_initial(r.lab) + t[i].first, want, bytes);
        free(want);
    }
    rk_trainer_close(fresh);
    close_rig(&r);
}

/* Examples that a job takes are those of the host, and what lies beyond the set is zero. */
static void test_batches(void **state)
{
    static float got[3][PIXELS];
    float want[PIXELS];
    uint32_t label[3];
    uint32_t program;
    rk_config c = config();
    rk_error e = rk_error_new();
    rk_job *job;
    rig r = open_rig(*state, &c, NULL);
    rk_graph *g = rk_graph_new();
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(3), "index"), labels;
    rk_value x = rk_lab_batch(r.lab, g, true, index, &labels);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(3, 1, 16, 16), "x"), x);
    rk_assign(g, rk_state(g, RK_U32, RK_SHAPE(3), "label"), labels);
    must(rk_job_new(r.lab, &job, &e), &e);
    must(rk_job_add(job, g, "batch", &program, &e), &e);
    must(rk_job_commit(job, &e), &e);
    must(rk_job_write(job, "index", (const uint32_t[]){6, 0, TEST}, 12, &e), &e);
    must(rk_job_run(job, program, &e), &e);
    must(rk_job_read(job, "x", got, sizeof got, &e), &e);
    must(rk_job_read(job, "label", label, sizeof label, &e), &e);
    for (int i = 0; i < 2; i++) {
        must(rk_lab_example(r.lab, true, i ? 0 : 6, want, &e), &e);
        assert_memory_equal(got[i], want, sizeof want);
        assert_int_equal(label[i], rk_lab_data(r.lab)->test.x.label[i ? 0 : 6]);
    }
    for (int k = 0; k < PIXELS; k++) assert_true(got[2][k] == 0);
    assert_int_equal(label[2], 0);
    assert_int_equal(rk_lab_example(r.lab, true, TEST, want, &e), RK_E_INVALID);
    assert_true(rk_job_bytes(job) > sizeof got);
    rk_job_free(job);
    close_rig(&r);
}

/* ---- the loss ---------------------------------------------------------------------------- */

static linear weights_of(const float *w)
{
    linear m;
    for (int k = 0; k < CLASSES; k++) {
        for (int j = 0; j < PIXELS; j++) m.w[k][j] = w[k * PIXELS + j];
        m.b[k] = w[CLASSES * PIXELS + k];
    }
    return m;
}

static void near(double got, double want, double scale)
{
    if (!(fabs(got - want) <= 1e-6 * scale)) fail_msg("%.9g is not %.9g", got, want);
}

/* Against linear_gradient on the first n examples. */
static void check_loss(rk_objective *o, const float *w, const rk_examples *x, int64_t n)
{
    static float got[SIZE];
    static linear m, want;
    uint32_t all[N];
    double loss, accuracy, wanted, correct, again;
    rk_error e = rk_error_new();
    for (uint32_t i = 0; i < N; i++) all[i] = i;
    m = weights_of(w);
    linear_gradient(&m, x, all, n, 0, &want, &wanted, &correct);
    must(rk_objective_loss(o, &loss, &accuracy, &e), &e);
    near(loss, wanted / (double)n, 1);
    near(accuracy, correct / (double)n, 1);
    must(rk_objective_gradient(o, got, &again, &e), &e);
    assert_true(again == loss);
    for (int k = 0; k < CLASSES; k++) {
        for (int j = 0; j < PIXELS; j++) near(got[k * PIXELS + j], want.w[k][j], 1);
        near(got[CLASSES * PIXELS + k], want.b[k], 1);
    }
}

static void check_product(rk_objective *o, const float *w, const rk_examples *x, int64_t n)
{
    static float v[SIZE], got[SIZE];
    static linear at, ahead, behind;
    const double step = 1e-5;
    uint32_t all[N];
    double loss, correct;
    rk_error e = rk_error_new();
    rk_random r = rk_random_named(5, "v");
    for (uint32_t i = 0; i < N; i++) all[i] = i;
    for (uint32_t i = 0; i < SIZE; i++) v[i] = rk_random_normal(r, i);
    linear direction = weights_of(v);
    at = weights_of(w);
    linear_add(&at, step, &direction);
    linear_gradient(&at, x, all, n, 0, &ahead, &loss, &correct);
    linear_add(&at, -2 * step, &direction);
    linear_gradient(&at, x, all, n, 0, &behind, &loss, &correct);
    must(rk_objective_product(o, v, got, &e), &e);
    for (int k = 0; k < CLASSES; k++)
        for (int j = 0; j < PIXELS; j++)
            near(got[k * PIXELS + j], (ahead.w[k][j] - behind.w[k][j]) / (2 * step), 5);
}

/* Chunks that do not divide the set, one chunk, a limit, the test set; then other weights. */
static void test_objective(void **state)
{
    static float other[SIZE];
    const rk_objective_options cases[] = {{.rows = 20, .products = true},
                                          {.products = true, .norm = RK_NORM_BATCH},
                                          {.limit = 31, .rows = 30, .norm = RK_NORM_BATCH},
                                          {.test = true, .rows = 2, .products = true}};
    rk_config c = config();
    rk_error e = rk_error_new();
    rig r = open_rig(*state, &c, NULL);
    const rk_dataset *d = rk_lab_data(r.lab);
    for (int i = 0; i < SIZE; i++) other[i] = 0.01f * (float)(i % 13 - 6);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rk_examples *x = cases[i].test ? &d->test.x : &d->train.x;
        int64_t n = cases[i].limit ? cases[i].limit : x->n;
        rk_objective *o;
        must(rk_objective_new(r.lab, &cases[i], &o, &e), &e);
        check_loss(o, rk_lab_weights(r.lab), x, n);
        if (cases[i].products) check_product(o, rk_lab_weights(r.lab), x, n);
        must(rk_objective_move(o, other, &e), &e);
        check_loss(o, other, x, n);
        if (cases[i].products) check_product(o, other, x, n);
        rk_objective_free(o);
    }
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports), cmocka_unit_test(test_wrong_reports),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_objective)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
