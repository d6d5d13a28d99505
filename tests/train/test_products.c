/* Hessian times vector on a device against differences of exact gradients in double precision. */
#include "../grad/oracle.h"
#include "lab_rig.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = RIG_EXAMPLES, TENSORS = 64 };

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
    for (rk_value v = 1; v < rk_graph_count(x.g); v++) /* running averages stay */
        assert_true(rk_graph_node(x.g, v).op != RK_OP_ASSIGN);
    x.o = oracle_new(x.g);
    assert_null(oracle_buffer(x.o, "rng/key")); /* no dropout */
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
    open_rig(w, model, NULL, &r);
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
    static const char *const models[] = {"mlp:hidden=12,layers=2",
                                         "mlp:hidden=9,bn=on,dropout=0.5",
                                         "cnn:filters1=3,filters2=4,hidden1=6",
                                         "cnn:filters1=3,filters2=4,bn=on",
                                         "wrn:depth=10,base=2",
                                         "alexnet:width=0.05"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        check_products(*state, models[i], N, RK_NORM_RUNNING);
        check_products(*state, models[i], 9, RK_NORM_BATCH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
