/* A lab: what a diagnostic is given, and what its reports become. */
#include "../unit/scratch.h"
#include "lab_rig.h"
#include "linear.h"
#include "train/safetensors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 83, TEST = 7, SIZE = CLASSES * PIXELS + CLASSES };

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

static int reports;

static rk_status endless(rk_lab *lab, const rk_args *a, rk_error *e)
{
    rk_status status = RK_OK;
    (void)a;
    for (reports = 0; reports < 200000 && status == RK_OK; reports++) {
        rk_lab_point3(lab, "surface", reports, 0, 0);
        status = rk_lab_progress(lab, 0.5, e);
    }
    return status;
}

static rk_status failing(rk_lab *lab, const rk_args *a, rk_error *e)
{
    (void)a;
    rk_lab_value(lab, "a", 1);
    return rk_error_set(e, RK_E_INVALID, "there is nothing to see");
}

static rk_status run_function(rk_lab *lab, rk_status (*f)(rk_lab *, const rk_args *, rk_error *),
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
    rk_config c = linear_config();
    rk_lab_report report;
    rk_error e = rk_error_new();
    rig *r = new_rig(*state, &c, &watch);
    must(run_function(r->lab, reporting, &report, &e), &e);
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
    free_rig(r);
}

static void test_wrong_reports(void **state)
{
    rk_config c = linear_config();
    rk_lab_report report;
    const rk_lab_watch watch = {.stopping = always};
    rk_error e = rk_error_new();
    rig *r = new_rig(*state, &c, &watch);
    assert_int_equal(run_function(r->lab, twice, &report, &e), RK_E_INTERNAL);
    assert_string_equal(e.text, "it reports twice the value 'a'");
    assert_int_equal(run_function(r->lab, misnamed, &report, &e), RK_E_INTERNAL);
    assert_string_equal(e.text, "it reports a curve with the name 'Odd name'");
    assert_int_equal(run_function(r->lab, failing, &report, &e), RK_E_INVALID);
    assert_string_equal(e.text, "there is nothing to see");
    assert_int_equal(report.n_values, 0);
    assert_int_equal(run_function(r->lab, reporting, &report, &e), RK_E_STOPPED);
    free_rig(r);
}

/* With the first report that is too much, not after all the work. */
static void test_too_many_reports(void **state)
{
    rk_config c = linear_config();
    rk_lab_report report;
    rk_error e = rk_error_new();
    rig *r = new_rig(*state, &c, NULL);
    assert_int_equal(run_function(r->lab, endless, &report, &e), RK_E_INTERNAL);
    assert_string_equal(e.text, "it reports more than 100000 points of curves, the most that are "
                                "kept: take smaller parameters");
    assert_int_equal(reports, 100001);
    assert_int_equal(report.n_points, 0);
    free_rig(r);
}

/* ---- what is examined -------------------------------------------------------------------- */

static void test_tensors(void **state)
{
    const world *w = *state;
    const rk_lab_tensor *t;
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    c.model = "mlp:hidden=5,layers=2";
    rk_trainer *fresh = open_trainer(w, &c);
    rig *r = new_rig(w, &c, NULL);
    assert_int_equal(rk_lab_tensors(r->lab, &t), 6);
    assert_string_equal(t[0].name, "hidden1/weight");
    assert_string_equal(t[3].name, "hidden2/bias");
    assert_string_equal(t[5].name, "output/bias");
    assert_int_equal(t[2].first, 5 * PIXELS + 5);
    assert_int_equal(t[2].shape.rank, 2);
    assert_int_equal(rk_lab_size(r->lab), 5 * PIXELS + 5 + 30 + 60);
    for (int i = 0; i < 6; i++) {
        float *want = malloc((size_t)t[i].size * sizeof *want);
        uint64_t bytes = (uint64_t)t[i].size * sizeof *want;
        assert_non_null(want);
        must(rk_session_read(fresh->session, t[i].name, want, bytes, &e), &e);
        assert_memory_equal(rk_lab_initial(r->lab) + t[i].first, want, bytes);
        must(rk_session_read(r->trainer->session, t[i].name, want, bytes, &e), &e);
        assert_memory_equal(rk_lab_weights(r->lab) + t[i].first, want, bytes);
        assert_memory_not_equal(rk_lab_initial(r->lab) + t[i].first, want, bytes);
        free(want);
    }
    rk_trainer_close(fresh);
    free_rig(r);
}

/* Examples that a job takes are those of the host, and what lies beyond the set is zero. */
static void test_batches(void **state)
{
    static float got[3][PIXELS];
    float want[PIXELS];
    uint32_t label[3];
    uint32_t program;
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    rk_job *job;
    rig *r = new_rig(*state, &c, NULL);
    rk_graph *g = rk_graph_new();
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(3), "index"), labels;
    rk_value x = rk_lab_batch(r->lab, g, true, index, &labels);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(3, 1, 16, 16), "x"), x);
    rk_assign(g, rk_state(g, RK_U32, RK_SHAPE(3), "label"), labels);
    must(rk_job_new(r->lab, &job, &e), &e);
    must(rk_job_add(job, g, "batch", &program, &e), &e);
    must(rk_job_commit(job, &e), &e);
    must(rk_job_write(job, "index", (const uint32_t[]){6, 0, TEST}, 12, &e), &e);
    must(rk_job_run(job, program, &e), &e);
    must(rk_job_read(job, "x", got, sizeof got, &e), &e);
    must(rk_job_read(job, "label", label, sizeof label, &e), &e);
    for (int i = 0; i < 2; i++) {
        must(rk_lab_example(r->lab, true, i ? 0 : 6, want, &e), &e);
        assert_memory_equal(got[i], want, sizeof want);
        assert_int_equal(label[i], rk_lab_data(r->lab)->test.x.label[i ? 0 : 6]);
    }
    for (int k = 0; k < PIXELS; k++) assert_true(got[2][k] == 0);
    assert_int_equal(label[2], 0);
    assert_int_equal(rk_lab_example(r->lab, true, TEST, want, &e), RK_E_INVALID);
    assert_true(rk_job_bytes(job) > sizeof got);
    rk_job_free(job);
    free_rig(r);
}

/* In the graph of a training step too, images are augmented as in evaluation. */
static void test_training(void **state)
{
    uint32_t program;
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    rk_job *job;
    c.model = "mlp:hidden=8,dropout=0.5,bn=on";
    c.augment = "crop:size=12+flip";
    rig *r = new_rig(*state, &c, NULL);
    float logits[2][2 * CLASSES];
    rk_graph *g = rk_graph_new();
    rk_graph_set_training(g, true);
    rk_value x = rk_lab_batch(r->lab, g, false, rk_iota(g, 2), NULL);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(2, CLASSES), "logits"), rk_lab_logits(r->lab, g, x));
    assert_true(rk_graph_training(g));
    must(rk_job_new(r->lab, &job, &e), &e);
    must(rk_job_add(job, g, "logits", &program, &e), &e);
    must(rk_job_commit(job, &e), &e);
    for (int i = 0; i < 2; i++) {
        must(rk_job_run(job, program, &e), &e);
        must(rk_job_read(job, "logits", logits[i], sizeof logits[i], &e), &e);
    }
    assert_memory_not_equal(logits[0], logits[1], sizeof logits[0]); /* other values are dropped */
    rk_job_free(job);
    free_rig(r);
}

/* ---- other data, other runs ---- */

/* Images that are made on the device have no end, sets have. */
static void test_generated(void **state)
{
    static float got[2][64];
    uint32_t program;
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    rk_job *job;
    c.data = "noise:n=20,size=8,channels=1,test=5";
    rig *r = new_rig(*state, &c, NULL);
    const rk_dataset *d = rk_lab_data(r->lab);
    float *want = calloc(64, sizeof *want);
    rk_graph *g = rk_graph_new();
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(2), "index");
    rk_value x = rk_lab_batch(r->lab, g, false, index, NULL);
    rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(2, 1, 8, 8), "x"), x);
    must(rk_job_new(r->lab, &job, &e), &e);
    must(rk_job_add(job, g, "batch", &program, &e), &e);
    must(rk_job_commit(job, &e), &e);
    must(rk_job_write(job, "index", (const uint32_t[]){19, 20}, 8, &e), &e);
    must(rk_job_run(job, program, &e), &e);
    must(rk_job_read(job, "x", got, sizeof got, &e), &e);
    must(d->source.read(d->source.state, false, 19, want, &e), &e);
    assert_memory_equal(got[0], want, sizeof got[0]);
    for (int k = 0; k < 64; k++) assert_true(got[1][k] == 0);
    assert_int_equal(rk_lab_example(r->lab, false, 0, want, &e), RK_E_UNSUPPORTED);
    free(want);
    rk_job_free(job);
    free_rig(r);
}

static rk_status name_file(void *ctx, const char *run, char *path, size_t cap, rk_error *e)
{
    if (strcmp(run, "7") != 0) return rk_error_set(e, RK_E_INVALID, "there is no run %s", run);
    snprintf(path, cap, "%s", (const char *)ctx);
    return RK_OK;
}

static rk_status fill_tensor(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    (void)e;
    memcpy(dst, (const float *)ctx + (i ? CLASSES * PIXELS : 0),
           (i ? CLASSES : CLASSES * PIXELS) * sizeof(float));
    return RK_OK;
}

static void test_other_runs(void **state)
{
    static float weights[SIZE];
    const rk_stored tensors[] = {{"output/weight", RK_F32, RK_SHAPE(CLASSES, PIXELS)},
                                 {"output/bias", RK_F32, RK_SHAPE(CLASSES)}};
    char path[256];
    rk_config c = linear_config();
    rk_error e = rk_error_new();
    const float *got, *again;
    snprintf(path, sizeof path, "%s", scratch("other.safetensors"));
    const rk_lab_watch watch = {.ctx = path, .other = name_file};
    rig *r = new_rig(*state, &c, &watch);
    for (int i = 0; i < SIZE; i++) weights[i] = (float)i;
    must(rk_safetensors_write(path, tensors, 2, NULL, 0, fill_tensor, weights, &e), &e);
    must(rk_lab_other(r->lab, "7", &got, &e), &e);
    assert_memory_equal(got, weights, sizeof weights);
    must(rk_lab_other(r->lab, "7", &again, &e), &e);
    assert_true(got == again);
    assert_int_equal(rk_lab_other(r->lab, "8", &got, &e), RK_E_INVALID);
    free_rig(r);
    c.model = "mlp:hidden=4";
    r = new_rig(*state, &c, &watch);
    assert_int_not_equal(rk_lab_other(r->lab, "7", &got, &e), RK_OK);
    assert_non_null(strstr(e.text, "run 7 is not of the same model"));
    free_rig(r);
}

static int setup(void **state) { return world_setup(state) || scratch_setup(NULL); }

static int teardown(void **state)
{
    scratch_teardown(NULL);
    return world_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),          cmocka_unit_test(test_wrong_reports),
        cmocka_unit_test(test_too_many_reports), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_batches),          cmocka_unit_test(test_training),

        cmocka_unit_test(test_generated),        cmocka_unit_test(test_other_runs)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
