/* double-descent: ridgeless regression on random ReLU features (Belkin et al. 2019).
 *
 * phi(x) = max(V x / sqrt(pixels), 0) with p rows of V normal; the solution of least norm among the
 * least squares, for p below and above n.  A larger p has the features of a smaller one.  Features
 * are made on the device, in float32; what follows is in double precision on the host. */
#include "lab.h"
#include "solve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* p over n, in hundredths. */
static const int32_t sweep[] = {5,   10,  25,  50,  75,  90,  95,   100,
                                105, 110, 125, 150, 200, 400, 1000, 2000};
enum { POINTS = sizeof sweep / sizeof *sweep, ROWS = 256, BLOCK = 256 };

typedef struct world {
    int64_t n, tests, d, most; /* most: features */
    uint32_t classes;
    double *phi, *phi_test; /* [most][n], [most][tests] */
    double *y;              /* [n][classes] */
} world;

static void world_free(world *w)
{
    free(w->phi);
    free(w->phi_test);
    free(w->y);
}

/* A graph that makes a block of features for a block of examples. */
static rk_status add(const rk_lab *l, const world *w, rk_job *job, bool test, uint32_t *program,
                     rk_error *e)
{
    rk_graph *g = rk_graph_new();
    if (!g) return rk_error_set(e, RK_E_NOMEM, "no memory for a graph");
    rk_value index = rk_input(g, RK_U32, RK_SHAPE(ROWS), "rows");
    rk_value v = rk_input(g, RK_F32, RK_SHAPE(BLOCK, w->d), "v");
    rk_value out = rk_state(g, RK_F32, RK_SHAPE(BLOCK, ROWS), "features");
    rk_value x = rk_flatten(g, rk_lab_batch(l, g, test, index, NULL));
    rk_assign(g, out, rk_relu(g, rk_matmul(g, v, x, false, true)));
    return rk_job_add(job, g, test ? "features of test" : "features", program, e);
}

/* The features from `first` of all examples of a set, by the v that is written. */
static rk_status run_block(rk_job *job, uint32_t program, const world *w, int64_t first, int64_t n,
                           float *block, double *phi, rk_error *e)
{
    uint32_t index[ROWS];
    for (int64_t row = 0; row < n; row += ROWS) {
        for (int64_t i = 0; i < ROWS; i++) index[i] = (uint32_t)(row + i);
        TRY(rk_job_write(job, "rows", index, sizeof index, e));
        TRY(rk_job_run(job, program, e));
        TRY(rk_job_read(job, "features", block, ROWS * BLOCK * sizeof *block, e));
        for (int64_t f = 0; f < BLOCK && first + f < w->most; f++)
            for (int64_t i = 0; i < ROWS && row + i < n; i++)
                phi[(first + f) * n + row + i] = (double)block[f * ROWS + i];
    }
    return RK_OK;
}

static rk_status run_features(const rk_lab *l, rk_job *job, const uint32_t program[2],
                              const world *w, float *v, float *block, rk_error *e)
{
    rk_random r = rk_lab_random(l, "features");
    float scale = (float)(1 / sqrt((double)w->d));
    for (int64_t first = 0; first < w->most; first += BLOCK) {
        for (int64_t i = 0; i < BLOCK * w->d; i++)
            v[i] = scale * rk_random_normal(r, (uint64_t)(first * w->d + i));
        TRY(rk_job_write(job, "v", v, (uint64_t)(BLOCK * w->d) * sizeof *v, e));
        TRY(run_block(job, program[0], w, first, w->n, block, w->phi, e));
        TRY(run_block(job, program[1], w, first, w->tests, block, w->phi_test, e));
    }
    return RK_OK;
}

static rk_status features(rk_lab *l, const world *w, rk_error *e)
{
    rk_job *job = NULL;
    uint32_t program[2];
    float *v = lab_array(BLOCK * w->d, sizeof *v, "features", e);
    float *block = lab_array(BLOCK * ROWS, sizeof *block, "features", e);
    rk_status status = v && block ? rk_job_new(l, &job, e) : RK_E_NOMEM;
    if (status == RK_OK) status = add(l, w, job, false, &program[0], e);
    if (status == RK_OK) status = add(l, w, job, true, &program[1], e);
    if (status == RK_OK) status = rk_job_commit(job, e);
    if (status == RK_OK) status = run_features(l, job, program, w, v, block, e);
    rk_job_free(job);
    free(v);
    free(block);
    return status;
}

static rk_status world_make(rk_lab *l, const rk_args *a, world *w, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    *w = (world){.n = lab_count(l, false, rk_arg_int(a, "n")),
                 .tests = lab_count(l, true, rk_arg_int(a, "tests")),
                 .d = rk_dataset_pixels(d),
                 .classes = d->classes};
    w->most = w->n * sweep[POINTS - 1] / 100;
    if (w->n < 20)
        return rk_error_set(e, RK_E_INVALID, "double-descent: %lld examples are too few: give 20",
                            (long long)w->n);
    w->y = lab_array(w->n * w->classes, sizeof *w->y, "targets", e);
    w->phi = lab_array(w->most * w->n, sizeof *w->phi, "features", e);
    w->phi_test = lab_array(w->most * w->tests, sizeof *w->phi_test, "features", e);
    if (!w->y || !w->phi || !w->phi_test) return RK_E_NOMEM;
    lab_targets(l, w->n, w->y);
    return features(l, w, e);
}

/* Coefficients [classes][max(p, n)] for the first p features. */
static rk_status fit(const world *w, int64_t p, double *coefficients, rk_error *e)
{
    int64_t longer = p > w->n ? p : w->n, rank;
    double *a = lab_array(w->n * p, sizeof *a, "features", e);
    double *singular = lab_array(w->n < p ? w->n : p, sizeof *singular, "singular values", e);
    rk_status status = a && singular ? RK_OK : RK_E_NOMEM;
    if (status == RK_OK) {
        memcpy(a, w->phi, (size_t)(w->n * p) * sizeof *a);
        for (uint32_t c = 0; c < w->classes; c++)
            for (int64_t i = 0; i < w->n; i++)
                coefficients[c * longer + i] = w->y[i * w->classes + c];
        status = solve_least(a, w->n, p, coefficients, w->classes, singular, &rank, e);
    }
    free(a);
    free(singular);
    return status;
}

static rk_status test_error(const rk_lab *l, const world *w, int64_t p, const double *coefficients,
                            double *out, rk_error *e)
{
    const rk_dataset *d = rk_lab_data(l);
    int64_t longer = p > w->n ? p : w->n, wrong = 0;
    double *score = lab_array(w->tests * w->classes, sizeof *score, "predictions", e);
    if (!score) return RK_E_NOMEM;
    for (int64_t f = 0; f < p; f++)
        for (int64_t i = 0; i < w->tests; i++)
            for (uint32_t c = 0; c < w->classes; c++)
                score[i * w->classes + c] +=
                    coefficients[c * longer + f] * w->phi_test[f * w->tests + i];
    for (int64_t i = 0; i < w->tests; i++)
        wrong += lab_class(score + i * w->classes, w->classes) != d->test.x.label[i];
    *out = (double)wrong / (double)w->tests;
    free(score);
    return RK_OK;
}

static rk_status point(const rk_lab *l, const world *w, int64_t p, double *error, double *norm,
                       rk_error *e)
{
    int64_t longer = p > w->n ? p : w->n;
    double *b = lab_array(longer * w->classes, sizeof *b, "coefficients", e), square = 0;
    rk_status status = b ? fit(w, p, b, e) : RK_E_NOMEM;
    if (status == RK_OK) status = test_error(l, w, p, b, error, e);
    for (uint32_t c = 0; status == RK_OK && c < w->classes; c++)
        for (int64_t f = 0; f < p; f++) square += b[c * longer + f] * b[c * longer + f];
    *norm = sqrt(square);
    free(b);
    return status;
}

static rk_status walk(rk_lab *l, const world *w, rk_error *e)
{
    double peak = -1, tallest = -1, at_peak = 0, at_tallest = 0;
    for (int i = 0; i < POINTS; i++) {
        int64_t p = w->n * sweep[i] / 100;
        double error, norm, ratio = (double)sweep[i] / 100;
        TRY(point(l, w, p, &error, &norm, e));
        rk_lab_point(l, "error", ratio, error);
        rk_lab_point(l, "norm", ratio, norm);
        if (error > peak) peak = error, at_peak = ratio;
        if (norm > tallest) tallest = norm, at_tallest = ratio;
        if (sweep[i] == 25) rk_lab_value(l, "error_quarter", error);
        if (sweep[i] == 100) {
            rk_lab_value(l, "error_at_n", error);
            rk_lab_value(l, "norm_at_n", norm);
        }
        if (i == POINTS - 1) {
            rk_lab_value(l, "error_end", error);
            rk_lab_value(l, "norm_end", norm);
        }
        TRY(rk_lab_progress(l, (double)(p + w->most / 4) / (1.25 * (double)w->most), e));
    }
    rk_lab_value(l, "peak", at_peak);
    rk_lab_value(l, "norm_peak", at_tallest);
    return RK_OK;
}

rk_status double_descent(rk_lab *l, const rk_args *a, rk_error *e)
{
    world w;
    rk_status status = world_make(l, a, &w, e);
    if (status == RK_OK) status = walk(l, &w, e);
    if (status == RK_OK) {
        rk_lab_note(l,
                    "features max(V x / sqrt(%lld), 0), V normal; targets 1 - 1/%u and -1/%u; "
                    "no bias, in float32 on the device; peaks are the p/n of the largest value "
                    "among the %d tried",
                    (long long)w.d, w.classes, w.classes, (int)POINTS);
        rk_lab_note(l, LAPACK_NOTE);
    }
    world_free(&w);
    return status;
}
