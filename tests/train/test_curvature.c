/* Curvature: products of the Hessian on a device against differences of exact gradients in double
 * precision, what `hessian` reports against a dense Hessian, and the same bits on two devices. */
#include "../grad/oracle.h"
#include "train/lab.h"
#include "world.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct rig {
    rk_config config;
    rk_trainer *trainer;
    rk_lab *lab;
} rig;

/* A model after one epoch of training, so that running averages are there. */
static void open_rig(const world *w, const char *model, const char *device, rig *r)
{
    rk_error e = rk_error_new();
    world at = *w;
    at.device = device;
    r->config = rk_config_default();
    r->config.model = model;
    r->config.data = "synth16:n=25,test=2";
    r->config.batch = 8;
    r->trainer = open_trainer(&at, &r->config);
    must(rk_trainer_begin(r->trainer, 0, &e), &e);
    for (int64_t step = 0; step < r->trainer->steps; step++)
        must(rk_trainer_step(r->trainer, step, &e), &e);
    must(rk_lab_new(w->hub, r->trainer, &r->config, NULL, &r->lab, &e), &e);
}

static void close_rig(rig *r)
{
    rk_lab_free(r->lab);
    rk_trainer_close(r->trainer);
}

/* ---- gradients in double precision ---------------------------------------------------------- */

enum { N = 25, TENSORS = 64 };

/* The gradient of the summed loss of so many examples. */
typedef struct exact {
    rk_graph *g;
    oracle *o;
    int64_t rows;
    uint32_t n;
    rk_value gradient[TENSORS];
} exact;

static exact exact_new(const rig *r, int64_t rows, uint32_t norm)
{
    exact x = {.g = rk_graph_new(), .rows = rows};
    rk_value param[TENSORS];
    const rk_lab_tensor *t;
    rk_error e = rk_error_new();
    rk_graph_set_by_batch(x.g, norm == RK_NORM_BATCH);
    rk_value images = rk_input(x.g, RK_F32, RK_SHAPE(rows, 1, 16, 16), "images");
    rk_value labels = rk_input(x.g, RK_U32, RK_SHAPE(rows), "labels");
    rk_value loss = rk_cross_entropy(x.g, rk_lab_logits(r->lab, x.g, images), labels);
    loss = rk_reshape(x.g, rk_reduce_sum(x.g, loss, 0, 1), rk_shape_make(0, NULL));
    x.n = rk_lab_tensors(r->lab, &t);
    assert_true(x.n <= TENSORS);
    rk_lab_params(r->lab, x.g, param);
    rk_grad(x.g, loss, param, x.n, x.gradient);
    must(rk_graph_check(x.g, &e), &e);
    x.o = oracle_new(x.g);
    return x;
}

static void exact_free(exact *x)
{
    oracle_free(x->o);
    rk_graph_free(x->g);
}

static void fill_statistics(const rig *r, exact *x)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(r->trainer->session, &b);
    rk_error e = rk_error_new();
    for (uint32_t i = 0; i < n; i++) {
        float data[256];
        cell *to = b[i].statistic ? oracle_buffer(x->o, b[i].name) : NULL;
        if (!to) continue;
        assert_true(b[i].bytes <= sizeof data);
        must(rk_session_read(r->trainer->session, b[i].name, data, b[i].bytes, &e), &e);
        for (uint64_t k = 0; k < b[i].bytes / sizeof *data; k++) to[k].f = data[k];
    }
}

/* Adds the gradient at weights + step * v of the examples from first on. */
static void add_gradient(const rig *r, exact *x, int64_t first, double step, const float *v,
                         double *sum)
{
    const rk_lab_tensor *t;
    float pixels[256];
    rk_error e = rk_error_new();
    rk_lab_tensors(r->lab, &t);
    fill_statistics(r, x);
    for (int64_t i = 0; i < x->rows; i++) {
        must(rk_lab_example(r->lab, false, first + i, pixels, &e), &e);
        for (int k = 0; k < 256; k++) oracle_buffer(x->o, "images")[i * 256 + k].f = pixels[k];
        oracle_buffer(x->o, "labels")[i].u = rk_lab_data(r->lab)->train.x.label[first + i];
    }
    for (uint32_t i = 0; i < x->n; i++)
        for (int64_t k = 0; k < t[i].size; k++)
            oracle_buffer(x->o, t[i].name)[k].f =
                (double)rk_lab_weights(r->lab)[t[i].first + k] + step * (double)v[t[i].first + k];
    oracle_run(x->o, x->gradient, x->n);
    for (uint32_t i = 0; i < x->n; i++)
        for (int64_t k = 0; k < t[i].size; k++)
            sum[t[i].first + k] += oracle_value(x->o, x->gradient[i])[k].f;
}

/* H v by central differences over all examples, in chunks as the device takes them. */
static double *differences(const rig *r, int64_t rows, uint32_t norm, const float *v)
{
    const double step = 1e-8; /* so small that hardly a relu or a maximum turns */
    int64_t size = rk_lab_size(r->lab), last = N % rows ? N % rows : rows;
    double *ahead = calloc((size_t)size, sizeof *ahead),
           *behind = calloc((size_t)size, sizeof *ahead);
    assert_true(ahead && behind);
    exact whole = exact_new(r, rows, norm), rest = exact_new(r, last, norm);
    for (int64_t first = 0; first < N; first += rows) {
        exact *x = N - first < rows ? &rest : &whole;
        add_gradient(r, x, first, step, v, ahead);
        add_gradient(r, x, first, -step, v, behind);
    }
    for (int64_t i = 0; i < size; i++) ahead[i] = (ahead[i] - behind[i]) / (2 * step * N);
    exact_free(&whole);
    exact_free(&rest);
    free(behind);
    return ahead;
}

/* |got - want| / |want| of whole vectors. */
static double distance(const float *got, const double *want, int64_t n)
{
    double d = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        d += (got[i] - want[i]) * (got[i] - want[i]);
        size += want[i] * want[i];
    }
    assert_true(size > 0);
    return sqrt(d / size);
}

static void check_products(const world *w, const char *model, int64_t rows, uint32_t norm)
{
    rig r;
    rk_objective *f;
    rk_error e = rk_error_new();
    open_rig(w, model, w->device, &r);
    int64_t size = rk_lab_size(r.lab);
    const rk_objective_options options = {.rows = rows, .norm = norm, .products = true};
    float *v = calloc((size_t)size, sizeof *v), *got = calloc((size_t)size, sizeof *got);
    assert_true(v && got);
    for (int64_t i = 0; i < size; i++)
        v[i] = rk_random_normal(rk_random_named(3, model), (uint64_t)i);
    must(rk_objective_new(r.lab, &options, &f, &e), &e);
    must(rk_objective_product(f, v, got, &e), &e);
    double *want = differences(&r, rows, norm, v);
    double d = distance(got, want, size);
    if (!(d < 1e-4)) fail_msg("%s, norm %u: H v is off by %g", model, norm, d);
    free(want);
    free(v);
    free(got);
    rk_objective_free(f);
    close_rig(&r);
}

/* One chunk, and chunks of 9, 9 and 7. */
static void test_products(void **state)
{
    static const char *const models[] = {
        "mlp:hidden=12,layers=2", "cnn:filters1=3,filters2=4,hidden1=6",
        "cnn:filters1=3,filters2=4,bn=on", "wrn:depth=10,base=2", "alexnet:width=0.05"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_products(*state, models[i], N, RK_NORM_RUNNING);
        check_products(*state, models[i], 9, RK_NORM_BATCH);
    }
}

/* ---- what is reported ----------------------------------------------------------------------- */

static rk_lab_report run_hessian(const world *w, const rig *r, const char *text)
{
    rk_error e = rk_error_new();
    rk_lab_report report;
    rk_spec *s = parse_item(w->plugins, RK_KIND_DIAGNOSTIC, text);
    must(rk_lab_run(r->lab, s, &report, &e), &e);
    assert_null(rk_args_misused(s->args));
    rk_spec_free(s);
    return report;
}

static double value(const rk_lab_report *r, const char *name)
{
    for (uint32_t i = 0; i < r->n_values; i++)
        if (strcmp(r->value[i].name, name) == 0) return r->value[i].value;
    fail_msg("it does not report %s", name);
    return NAN;
}

/* Column by column, by products. */
static double *dense(const rig *r, int64_t n)
{
    const rk_objective_options options = {.norm = RK_NORM_RUNNING, .products = true};
    double *h = calloc((size_t)(n * n), sizeof *h);
    float *v = calloc((size_t)n, sizeof *v), *column = calloc((size_t)n, sizeof *column);
    rk_objective *f;
    rk_error e = rk_error_new();
    assert_true(h && v && column);
    must(rk_objective_new(r->lab, &options, &f, &e), &e);
    for (int64_t k = 0; k < n; k++) {
        v[k] = 1;
        must(rk_objective_product(f, v, column, &e), &e);
        v[k] = 0;
        for (int64_t i = 0; i < n; i++) h[i * n + k] = column[i];
    }
    rk_objective_free(f);
    free(v);
    free(column);
    return h;
}

/* Eigenvalues of h below sigma: the negative pivots of h - sigma (Sylvester's law of inertia). */
static int64_t below(const double *h, int64_t n, double sigma)
{
    double *a = calloc((size_t)(n * n), sizeof *a);
    int64_t count = 0;
    assert_non_null(a);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            a[i * n + k] = (h[i * n + k] + h[k * n + i]) / 2 - (i == k ? sigma : 0);
    for (int64_t p = 0; p < n; p++) {
        count += a[p * n + p] < 0;
        for (int64_t i = p + 1; i < n; i++) {
            double factor = a[i * n + p] / a[p * n + p];
            for (int64_t k = p; k < n; k++) a[i * n + k] -= factor * a[p * n + k];
        }
    }
    free(a);
    return count;
}

/* Is got eigenvalue number k (from 0) to a thousandth? */
static void is_eigenvalue(const double *h, int64_t n, int64_t k, double got)
{
    double d = 1e-3 * fabs(got);
    int64_t low = below(h, n, got - d), high = below(h, n, got + d);
    if (!(low <= k && k < high))
        fail_msg("%.9g is not eigenvalue %lld: %lld are below %.9g, %lld below %.9g", got,
                 (long long)k, (long long)low, got - d, (long long)high, got + d);
}

static void within(double got, double want, double relative, const char *what)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%s is %.9g, the dense Hessian's %.9g", what, got, want);
}

static void test_dense(void **state)
{
    const world *w = *state;
    rig r;
    open_rig(w, "cnn:filters1=2,filters2=3", w->device, &r);
    int64_t n = rk_lab_size(r.lab);
    assert_int_equal(n, 20 + 57 + 490);
    double *h = dense(&r, n), trace = 0, first = 0;
    for (int64_t i = 0; i < n; i++) trace += h[i * n + i];
    for (int64_t i = 0; i < 18; i++) first += h[i * n + i];
    rk_lab_report got = run_hessian(w, &r, "hessian:norm=running,probes=0,top=2");
    is_eigenvalue(h, n, n - 1, value(&got, "lambda_max"));
    is_eigenvalue(h, n, n - 1, value(&got, "lambda_1"));
    is_eigenvalue(h, n, n - 2, value(&got, "lambda_2"));
    is_eigenvalue(h, n, 0, value(&got, "lambda_min"));
    within(value(&got, "trace"), trace, 1e-3, "trace");
    within(value(&got, "trace_conv1_weight"), first, 1e-3, "the trace of conv1/weight");
    assert_true(value(&got, "trace_error") == 0);
    rk_lab_report_free(&got);
    got = run_hessian(w, &r, "hessian:norm=running,probes=100,part=conv1/*");
    assert_true(value(&got, "parameters") == 20);
    for (int64_t i = 18; i < 20; i++) first += h[i * n + i];
    double error = value(&got, "trace_error");
    assert_true(error > 0 && fabs(value(&got, "trace") - first) < 4 * error);
    assert_true(value(&got, "iterations") <= 20);
    rk_lab_report_free(&got);
    free(h);
    close_rig(&r);
}

/* The density integrates to 1, and its mean is the trace over the number of parameters. */
static void test_density(void **state)
{
    const world *w = *state;
    rig r;
    double mass = 0, mean = 0, step = 0;
    const rk_lab_dot *before = NULL;
    open_rig(w, "mlp:hidden=3", w->device, &r);
    rk_lab_report got = run_hessian(w, &r, "hessian:norm=batch,density=40,probes=0,width=0.02");
    for (uint32_t i = 0; i < got.n_points; i++) {
        const rk_lab_dot *p = &got.point[i];
        if (strcmp(p->series, "density") != 0) continue;
        if (before) step = p->x - before->x;
        mass += p->y;
        mean += p->y * p->x;
        before = p;
    }
    assert_true(fabs(mass * step - 1) < 1e-3);
    double want = value(&got, "trace") / (double)rk_lab_size(r.lab);
    if (!(fabs(mean * step - want) < 0.1 * want)) fail_msg("%g is not %g", mean * step, want);
    rk_lab_report_free(&got);
    close_rig(&r);
}

static void test_refusals(void **state)
{
    const world *w = *state;
    rig r;
    rk_error e = rk_error_new();
    rk_lab_report report;
    rk_spec *s;
    open_rig(w, "mlp:hidden=3", w->device, &r);
    assert_int_not_equal(rk_spec_parse(w->plugins, RK_KIND_DIAGNOSTIC, "hessian", &s, &e), RK_OK);
    assert_non_null(strstr(e.text, "norm"));
    s = parse_item(w->plugins, RK_KIND_DIAGNOSTIC, "hessian:norm=batch,part=hiden*");
    assert_int_equal(rk_lab_run(r.lab, s, &report, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "part=hiden* is no parameter"));
    rk_spec_free(s);
    close_rig(&r);
}

/* ---- two devices ---------------------------------------------------------------------------- */

static void same_bits(const rk_lab_report *a, const rk_lab_report *b)
{
    assert_int_equal(a->n_values, b->n_values);
    assert_int_equal(a->n_points, b->n_points);
    for (uint32_t i = 0; i < a->n_values; i++)
        if (memcmp(&a->value[i].value, &b->value[i].value, sizeof(double)) != 0)
            fail_msg("%s is %.17g and %.17g", a->value[i].name, a->value[i].value,
                     b->value[i].value);
    for (uint32_t i = 0; i < a->n_points; i++)
        assert_true(a->point[i].x == b->point[i].x && a->point[i].y == b->point[i].y);
}

static void test_same_bits(void **state)
{
    static const char text[] = "hessian:norm=batch,rows=9,probes=2,iterations=6,density=1";
    const world *w = *state;
    rig one, two;
    const char *other = getenv("RETHINK_TEST_OTHER");
    open_rig(w, "cnn:filters1=2,filters2=2,bn=on", w->device, &one);
    open_rig(w, "cnn:filters1=2,filters2=2,bn=on", other, &two);
    rk_lab_report a = run_hessian(w, &one, text), b = run_hessian(w, &two, text);
    same_bits(&a, &b);
    rk_lab_report_free(&a);
    rk_lab_report_free(&b);
    close_rig(&one);
    close_rig(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_dense), cmocka_unit_test(test_density),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_same_bits)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
