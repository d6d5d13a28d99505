/* What `hessian` and `alpha` report: against a dense Hessian, theorems, and on two devices. */
#include "lab_rig.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- hessian ---- */

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
    open_rig(w, "cnn:filters1=2,filters2=3", NULL, &r);
    int64_t n = rk_lab_size(r.lab);
    assert_int_equal(n, 20 + 57 + 490);
    double *h = dense(&r, n), trace = 0, first = 0;
    for (int64_t i = 0; i < n; i++) trace += h[i * n + i];
    for (int64_t i = 0; i < 18; i++) first += h[i * n + i];
    rk_lab_report got = run_item(w, &r, "hessian:norm=running,probes=0,top=2");
    is_eigenvalue(h, n, n - 1, value(&got, "lambda_max"));
    assert_true(value(&got, "lambda_1") == value(&got, "lambda_max"));
    is_eigenvalue(h, n, n - 2, value(&got, "lambda_2"));
    is_eigenvalue(h, n, 0, value(&got, "lambda_min"));
    within(value(&got, "trace"), trace, 1e-3, "trace");
    within(value(&got, "trace_conv1_weight"), first, 1e-3, "the trace of conv1/weight");
    assert_true(value(&got, "trace_error") == 0);
    rk_lab_report_free(&got);
    got = run_item(w, &r, "hessian:norm=running,probes=50,part=conv1/*");
    assert_true(value(&got, "parameters") == 20);
    for (int64_t i = 18; i < 20; i++) first += h[i * n + i];
    double error = value(&got, "trace_error");
    assert_true(error > 0 && fabs(value(&got, "trace") - first) < 4 * error);
    assert_true(value(&got, "iterations") <= 20);
    rk_lab_report_free(&got);
    got = run_item(w, &r, "hessian:norm=running,probes=1,part=conv1/*");
    assert_true(isfinite(value(&got, "trace")));
    assert_true(isnan(value(&got, "trace_error")));
    assert_true(isnan(value(&got, "trace_conv1_weight_error")));
    rk_lab_report_free(&got);
    free(h);
    close_rig(&r);
}

/* Traces of other random vectors are spread as their standard errors say. */
static void test_errors(void **state)
{
    enum { RUNS = 64 };
    const world *w = *state;
    rig r;
    double sum = 0, squares = 0, error = 0;
    open_rig(w, "mlp:hidden=3", NULL, &r);
    for (int i = 0; i < RUNS; i++) {
        char text[96];
        snprintf(text, sizeof text, "hessian:norm=running,iterations=2,probes=8,stream=%d", i);
        rk_lab_report got = run_item(w, &r, text);
        sum += value(&got, "trace");
        squares += value(&got, "trace") * value(&got, "trace");
        error += value(&got, "trace_error") / RUNS;
        rk_lab_report_free(&got);
    }
    double spread = sqrt((squares - sum * sum / RUNS) / (RUNS - 1));
    if (!(error > 0.75 * spread && error < 1.35 * spread))
        fail_msg("traces are spread by %g, they say %g", spread, error);
    close_rig(&r);
}

/* The density integrates to 1, and its mean is the trace over the number of parameters. */
static void test_density(void **state)
{
    const world *w = *state;
    rig r;
    double mass = 0, mean = 0, step = 0;
    const rk_lab_dot *before = NULL;
    open_rig(w, "mlp:hidden=3", NULL, &r);
    rk_lab_report got = run_item(w, &r, "hessian:norm=batch,density=40,probes=0,width=0.02");
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

/* ---- alpha-scaling ---- */

/* The function does not change, not in a bit; curvature does as the theorem says. */
static void check_alpha(const world *w, const char *model, const char *text, int *measured)
{
    rig r;
    open_rig(w, model, NULL, &r);
    rk_lab_report got = run_item(w, &r, text);
    assert_true(value(&got, "logit_change") == 0);
    assert_true(value(&got, "loss_change") == 0);
    assert_true(value(&got, "accuracy_change") == 0);
    assert_true(value(&got, "trace_first_change") < 1e-9);
    assert_true(value(&got, "trace_second_change") < 1e-9);
    assert_true(value(&got, "invariant_change") < 1e-9);
    assert_true(fabs(value(&got, "lambda_ratio") - 1) < 0.01);
    assert_true(value(&got, "lambda_max_largest") > 100 * value(&got, "lambda_max"));
    double phi = value(&got, "phi"); /* NaN with epsilon=0 */
    assert_true(isnan(phi) || (phi > 0 && value(&got, "phi_largest") > 2 * phi));
    *measured += !isnan(phi);
    rk_lab_report_free(&got);
    close_rig(&r);
}

static void test_alpha(void **state)
{
    const world *w = *state;
    rig r;
    int phis = 0;
    check_alpha(w, "mlp:hidden=9", "alpha:norm=running", &phis);
    check_alpha(w, "alexnet:width=0.05", "alpha:norm=running,from=-8,to=0,epsilon=0", &phis);
    check_alpha(w, "cnn:filters1=3,filters2=4",
                "alpha:norm=running,first=conv1,from=-8,to=0,epsilon=0,probes=1", &phis);
    assert_int_equal(phis, 1);
    open_rig(w, "mlp:hidden=9,layers=2", NULL, &r);
    rk_lab_report got = run_item(w, &r, "alpha:norm=running,first=hidden2,from=-3,to=3,probes=50");
    double exact = value(&got, "exact_logit_change");
    assert_true(exact > 0 && exact < 1e-10);
    double traces = value(&got, "trace_first");
    rk_lab_report whole = run_item(w, &r, "hessian:norm=running,probes=0,part=hidden2/*");
    assert_true(fabs(traces / value(&whole, "trace") - 1) < 0.3);
    rk_lab_report_free(&got);
    rk_lab_report_free(&whole);
    close_rig(&r);
}

static void refuse(const world *w, const char *model, const char *text, const char *said)
{
    rig r;
    rk_error e = rk_error_new();
    rk_lab_report report;
    open_rig(w, model, NULL, &r);
    rk_spec *s = parse_item(w->plugins, RK_KIND_DIAGNOSTIC, text);
    assert_int_equal(rk_lab_run(r.lab, s, &report, &e), RK_E_INVALID);
    if (!strstr(e.text, said)) fail_msg("%s: %s", text, e.text);
    rk_spec_free(s);
    close_rig(&r);
}

static void test_refusals(void **state)
{
    const world *w = *state;
    rk_error e = rk_error_new();
    rk_spec *s;
    assert_int_not_equal(rk_spec_parse(w->plugins, RK_KIND_DIAGNOSTIC, "hessian", &s, &e), RK_OK);
    assert_non_null(strstr(e.text, "norm"));
    refuse(w, "mlp:hidden=3", "hessian:norm=batch,part=hiden*", "part=hiden* is no parameter");
    refuse(w, "alexnet:width=0.05", "alpha:norm=running,first=conv1", "as LRN, counts");
    refuse(w, "mlp:hidden=3,layers=2", "alpha:norm=running,first=hidden1,second=output",
           "do not follow");
    refuse(w, "mlp:hidden=3,bn=on", "alpha:norm=batch", "no two layers follow");
    refuse(w, "mlp:hidden=3", "alpha:norm=batch,first=output", "no layer follows output");
    refuse(w, "mlp:hidden=3", "alpha:norm=batch,first=out", "no layer out");
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
    static const char text[] = "hessian:norm=running,probes=2,iterations=6,density=1";
    const world *w = *state;
    rig one, two;
    const char *other = getenv("RETHINK_TEST_OTHER");
    open_rig(w, "mlp:hidden=3", NULL, &one);
    open_rig(w, "mlp:hidden=3", other, &two);
    rk_lab_report a = run_item(w, &one, text), b = run_item(w, &two, text);
    same_bits(&a, &b);
    rk_lab_report_free(&a);
    rk_lab_report_free(&b);
    close_rig(&one);
    close_rig(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),    cmocka_unit_test(test_errors),
        cmocka_unit_test(test_density),  cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_same_bits)};
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
