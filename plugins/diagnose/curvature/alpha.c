/* alpha: the reparametrization of Dinh et al. 2017, "Sharp minima can generalize for deep nets".
 *
 * T_a multiplies the weights and biases of one layer by a, and divides the weights of the next by
 * it.  With nothing but relu, max-pools and reshaping between them the function stays the same, and
 * the Hessian's blocks become H11 / a^2 and a^2 H22: the spectral norm grows without bound in both
 * directions (theorem 4), and sum |W|^2 tr H of both layers does not change.
 *
 * a runs over powers of two.  Then no product or sum on the device is rounded otherwise, logits are
 * equal to the last bit, and so are a^2 tr H11 and tr H22 / a^2, which take the same probes, one
 * block at a time, for every a. */
#include "curvature.h"
#include "lanczos.h"
#include "logits.h"
#include "phi.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const rk_param_spec alpha_params[] = {
    {"norm", NULL, "what batch normalization takes, as in hessian", RK_PARAM_CHOICE, 0, 0,
     "running|batch"},
    {"first", "auto", "the layer that is multiplied, as hidden1; auto: the first that can be",
     RK_PARAM_PATH, 0, 0, NULL},
    {"second", "auto", "the layer that is divided; auto: the next one", RK_PARAM_PATH, 0, 0, NULL},
    {"from", "-7", "the smallest alpha is 2 to the power of this", RK_PARAM_INT, -20, 0, NULL},
    {"to", "7", "the largest alpha likewise", RK_PARAM_INT, 0, 20, NULL},
    {"limit", "0", "the first so many training examples for loss and Hessian; 0: all", RK_PARAM_INT,
     0, 2147483647, NULL},
    {"rows", "256", "examples that are on the device at once", RK_PARAM_INT, 1, 65536, NULL},
    {"iterations", "50", "steps of Lanczos, at most", RK_PARAM_INT, 2, 1000, NULL},
    {"tolerance", "0.0001", "Lanczos ends when lambda_max is as sure as this, relatively",
     RK_PARAM_REAL, 0, 1, NULL},
    {"probes", "4", "random vectors of each block's trace", RK_PARAM_INT, 1, 10000, NULL},
    {"epsilon", "0.001",
     "size of the box of Keskar's phi, which moves too, by ten steps of projected ascent; 0: none",
     RK_PARAM_REAL, 0, 1, NULL},
    {"against", "none",
     "another run of the same model, by number or, in a preset, by the label of its variant: which "
     "alpha makes this minimum sharper than that one; none: no other",
     RK_PARAM_PATH, 0, 0, NULL},
    {0}};

enum { EXACT_EXAMPLES = 50, ASCENT = 10 };

typedef struct study {
    rk_lab *lab;
    const rk_args *args;
    rk_objective *f;
    logits test;
    hessian_block all, first, second;
    const rk_lab_tensor *t;
    uint32_t n, one, two; /* tensors of the model; the weights of both layers */
    float *w;             /* [rk_lab_size]: scaled */
} study;

/* ---- which layers ---- */

/* Do two names agree up to the last slash? */
static bool same_layer(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/');
    return slash && strncmp(a, b, (size_t)(slash + 1 - a)) == 0 &&
           !strchr(b + (slash + 1 - a), '/');
}

static bool is_weight(const rk_lab_tensor *t)
{
    const char *slash = strrchr(t->name, '/');
    return slash && strcmp(slash, "/weight") == 0;
}

/* w = T_alpha of the run's weights. */
static void scale(const study *s, double alpha, float *w)
{
    const float *from = rk_lab_weights(s->lab);
    for (uint32_t i = 0; i < s->n; i++) {
        double factor = same_layer(s->t[s->one].name, s->t[i].name) ? alpha : 1;
        if (i == s->two) factor = 1 / alpha;
        for (int64_t k = s->t[i].first; k < s->t[i].first + s->t[i].size; k++)
            w[k] = (float)(factor * (double)from[k]);
    }
}

/* Does the function stay the same? */
static rk_status try_pair(study *s, double *difference, rk_error *e)
{
    scale(s, 2, s->w);
    rk_status status = logits_evaluate(&s->test, s->w, e);
    *difference = logits_difference(&s->test);
    return status;
}

static rk_status find_layer(const study *s, const char *name, uint32_t *out, rk_error *e)
{
    size_t length = strlen(name);
    for (uint32_t i = 0; i < s->n; i++)
        if (is_weight(&s->t[i]) && strncmp(s->t[i].name, name, length) == 0 &&
            strcmp(s->t[i].name + length, "/weight") == 0) {
            *out = i;
            return RK_OK;
        }
    return rk_error_set(e, RK_E_INVALID, "the model has no layer %s with a weight", name);
}

/* The next layer with a weight, or n. */
static uint32_t next_weight(const study *s, uint32_t i)
{
    for (i++; i < s->n && !is_weight(&s->t[i]);) i++;
    return i;
}

static rk_status find_first(study *s, rk_error *e)
{
    double difference;
    for (s->one = next_weight(s, UINT32_MAX); s->one < s->n; s->one = s->two) {
        s->two = next_weight(s, s->one);
        if (s->two >= s->n) break;
        rk_status status = try_pair(s, &difference, e);
        if (status != RK_OK || difference == 0) return status;
    }
    return rk_error_set(e, RK_E_INVALID,
                        "no two layers follow each other with relu alone between them: each pair "
                        "that is scaled changes the logits");
}

static rk_status find_pair(study *s, rk_error *e)
{
    const char *first = rk_arg_text(s->args, "first"), *second = rk_arg_text(s->args, "second");
    double difference;
    if (strcmp(first, "auto") == 0) return find_first(s, e);
    rk_status status = find_layer(s, first, &s->one, e);
    if (status != RK_OK) return status;
    s->two = next_weight(s, s->one);
    if (strcmp(second, "auto") != 0) status = find_layer(s, second, &s->two, e);
    if (status != RK_OK) return status;
    if (s->two >= s->n) return rk_error_set(e, RK_E_INVALID, "no layer follows %s", first);
    status = try_pair(s, &difference, e);
    if (status != RK_OK || difference == 0) return status;
    return rk_error_set(e, RK_E_INVALID,
                        "scaling %s and %s changes logits by %g: they do not follow each other "
                        "with relu alone between them (normalization, as LRN, counts as a layer)",
                        s->t[s->one].name, s->t[s->two].name, difference);
}

/* ---- one alpha ---- */

typedef struct found {
    double lambda, loss, accuracy, logits, norm, phi;
    double trace[2], squares[2]; /* of both layers: tr H, and |W|^2 */
} found;

static rk_status trace_of(const study *s, hessian_block *b, double *out, rk_error *e)
{
    int64_t probes = rk_arg_int(s->args, "probes");
    double sum = 0;
    for (int64_t i = 0; i < probes; i++) {
        rk_random r = rk_lab_random(s->lab, "probe");
        r.step = (uint32_t)i;
        block_signs(b, r);
        rk_status status = block_product(b, e);
        if (status != RK_OK) return status;
        for (int64_t k = 0; k < rk_lab_size(s->lab); k++) sum += (double)b->v[k] * (double)b->hv[k];
    }
    *out = sum / (double)probes;
    return RK_OK;
}

/* The largest eigenvalue where the objective is. */
static rk_status lambda_of(study *s, double *out, rk_error *e)
{
    lanczos_options o = {(int)rk_arg_int(s->args, "iterations"), rk_arg_real(s->args, "tolerance"),
                         true};
    rk_random r = rk_lab_random(s->lab, "start");
    spectrum spectrum;
    for (int64_t i = 0; i < rk_lab_size(s->lab); i++)
        s->all.v[i] = rk_random_normal(r, (uint64_t)i);
    rk_status status = lanczos(&s->all, o, &spectrum, e);
    if (status != RK_OK) return status;
    *out = spectrum.theta[spectrum.n - 1];
    spectrum_free(&spectrum);
    return RK_OK;
}

static double squares_of(const hessian_block *b, const rk_lab_tensor *t, uint32_t n, const float *w)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        for (int64_t k = t[i].first; b->part[i] && k < t[i].first + t[i].size; k++)
            sum += (double)w[k] * (double)w[k];
    return sum;
}

static rk_status examine(study *s, double alpha, found *x, rk_error *e)
{
    scale(s, alpha, s->w);
    rk_status status = logits_evaluate(&s->test, s->w, e);
    x->logits = logits_difference(&s->test);
    x->accuracy = logits_accuracy(&s->test);
    x->norm = sqrt(squares_of(&s->all, s->t, s->n, s->w));
    x->squares[0] = squares_of(&s->first, s->t, s->n, s->w);
    x->squares[1] = squares_of(&s->second, s->t, s->n, s->w);
    if (status == RK_OK) status = rk_objective_move(s->f, s->w, e);
    if (status == RK_OK) status = rk_objective_loss(s->f, &x->loss, NULL, e);
    if (status == RK_OK) status = lambda_of(s, &x->lambda, e);
    if (status == RK_OK) status = trace_of(s, &s->first, &x->trace[0], e);
    if (status == RK_OK) status = trace_of(s, &s->second, &x->trace[1], e);
    double epsilon = rk_arg_real(s->args, "epsilon");
    if (status == RK_OK && epsilon > 0)
        status = keskar_phi(s->lab, s->f, s->w, epsilon, ASCENT, &x->phi, e);
    return status;
}

/* ---- all of them ---- */

static double invariant(const found *x)
{
    return x->squares[0] * x->trace[0] + x->squares[1] * x->trace[1];
}

static void plot(rk_lab *lab, int exponent, const found *x)
{
    rk_lab_point(lab, "lambda_max", exponent, x->lambda);
    rk_lab_point(lab, "trace_first", exponent, x->trace[0]);
    rk_lab_point(lab, "trace_second", exponent, x->trace[1]);
    rk_lab_point(lab, "invariant", exponent, invariant(x));
    if (x->phi > 0) rk_lab_point(lab, "phi", exponent, x->phi);
    rk_lab_point(lab, "norm", exponent, x->norm);
    rk_lab_point(lab, "loss", exponent, x->loss);
    rk_lab_point(lab, "accuracy", exponent, x->accuracy);
}

static double apart(double x, double from) { return fabs(x / from - 1); }

/* How much what should stay has moved, the most over all alphas. */
static void report_constants(rk_lab *lab, const found *x, int n, int from, const found *one)
{
    double logits = 0, loss = 0, accuracy = 0, first = 0, second = 0, constant = 0;
    for (int i = 0; i < n; i++) {
        double square = ldexp(1, 2 * (from + i));
        logits = fmax(logits, x[i].logits);
        loss = fmax(loss, fabs(x[i].loss - one->loss));
        accuracy = fmax(accuracy, fabs(x[i].accuracy - one->accuracy));
        first = fmax(first, apart(x[i].trace[0] * square, one->trace[0]));
        second = fmax(second, apart(x[i].trace[1] / square, one->trace[1]));
        constant = fmax(constant, apart(invariant(&x[i]), invariant(one)));
    }
    rk_lab_value(lab, "logit_change", logits);
    rk_lab_value(lab, "loss_change", loss);
    rk_lab_value(lab, "accuracy_change", accuracy);
    rk_lab_value(lab, "trace_first_change", first);
    rk_lab_value(lab, "trace_second_change", second);
    rk_lab_value(lab, "invariant_change", constant);
}

static void report_curvature(rk_lab *lab, const found *x, int n, const found *one)
{
    double most = 0, phi = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, x[i].lambda);
        phi = fmax(phi, x[i].phi);
    }
    rk_lab_value(lab, "phi", one->phi > 0 ? one->phi : (double)NAN);
    rk_lab_value(lab, "phi_largest", phi > 0 ? phi : (double)NAN);
    rk_lab_value(lab, "lambda_max", one->lambda);
    rk_lab_value(lab, "lambda_max_largest", most);
    rk_lab_value(lab, "lambda_ratio", n > 3 ? x[0].lambda / (64 * x[3].lambda) : (double)NAN);
    rk_lab_value(lab, "trace_first", one->trace[0]);
    rk_lab_value(lab, "trace_second", one->trace[1]);
    rk_lab_value(lab, "invariant", invariant(one));
    rk_lab_value(lab, "accuracy", one->accuracy);
    rk_lab_value(lab, "loss", one->loss);
    rk_lab_value(lab, "norm", one->norm);
}

static rk_status sweep(study *s, found *x, int n, int from, rk_error *e)
{
    for (int i = 0; i < n; i++) {
        rk_status status = examine(s, ldexp(1, from + i), &x[i], e);
        if (status == RK_OK) status = rk_lab_progress(s->lab, (i + 1.0) / n, e);
        if (status != RK_OK) return status;
        plot(s->lab, from + i, &x[i]);
    }
    report_constants(s->lab, x, n, from, &x[-from]);
    report_curvature(s->lab, x, n, &x[-from]);
    return RK_OK;
}

/* The smallest alpha of at least 1 by which this minimum is sharper than the other one. */
static rk_status report_against(study *s, const found *x, int n, int from, rk_error *e)
{
    const char *run = rk_arg_text(s->args, "against");
    const float *w;
    double lambda, at = NAN;
    if (strcmp(run, "none") == 0) return RK_OK;
    rk_status status = rk_lab_other(s->lab, run, &w, e);
    if (status == RK_OK) status = rk_objective_move(s->f, w, e);
    if (status == RK_OK) status = lambda_of(s, &lambda, e);
    if (status != RK_OK) return status;
    for (int i = n - 1; i >= -from; i--)
        if (x[i].lambda > lambda) at = ldexp(1, from + i);
    rk_lab_value(s->lab, "other_lambda_max", lambda);
    rk_lab_value(s->lab, "sharper_at", at);
    rk_lab_point(s->lab, "other_lambda_max", from, lambda);
    rk_lab_point(s->lab, "other_lambda_max", from + n - 1, lambda);
    return RK_OK;
}

/* Alphas that are no powers of two, in double precision. */
static rk_status report_exact(study *s, rk_error *e)
{
    static const double alphas[] = {0.01, 0.1, 0.3, 3, 10, 100};
    int64_t size = rk_lab_size(s->lab);
    double *from = calloc(2 * (size_t)size, sizeof *from), most = 0;
    if (!from) return rk_error_set(e, RK_E_NOMEM, "no memory for weights in double precision");
    double *to = from + size;
    bool chain = true;
    for (int64_t k = 0; k < size; k++) from[k] = rk_lab_weights(s->lab)[k];
    for (size_t i = 0; i < sizeof alphas / sizeof *alphas && chain; i++) {
        double difference;
        for (uint32_t j = 0; j < s->n; j++) {
            double factor = same_layer(s->t[s->one].name, s->t[j].name) ? alphas[i] : 1;
            if (j == s->two) factor = 1 / alphas[i];
            for (int64_t k = 0; k < s->t[j].size; k++)
                to[s->t[j].first + k] = factor * from[s->t[j].first + k];
        }
        chain = logits_of_chain(&s->test, from, to, EXACT_EXAMPLES, &difference);
        most = fmax(most, difference);
    }
    free(from);
    rk_lab_value(s->lab, "exact_logit_change", chain ? most : (double)NAN);
    if (chain)
        rk_lab_note(s->lab,
                    "exact_logit_change: alpha from 0.01 to 100, the first %d test "
                    "examples, in double precision on the host",
                    EXACT_EXAMPLES);
    else
        rk_lab_note(s->lab, "exact_logit_change: only of dense layers with biases and relu");
    return RK_OK;
}

static rk_status open_all(study *s, rk_error *e)
{
    const rk_objective_options options = {.limit = rk_arg_int(s->args, "limit"),
                                          .rows = rk_arg_int(s->args, "rows"),
                                          .norm = norm_of(s->args),
                                          .products = true};
    char layer[128];
    s->n = rk_lab_tensors(s->lab, &s->t);
    s->w = calloc((size_t)rk_lab_size(s->lab) + 1, sizeof *s->w);
    if (!s->w) return rk_error_set(e, RK_E_NOMEM, "no memory for weights");
    rk_status status = logits_open(s->lab, 0, options.rows, &s->test, e);
    if (status == RK_OK) status = find_pair(s, e);
    if (status == RK_OK) status = rk_objective_new(s->lab, &options, &s->f, e);
    if (status != RK_OK) return status;
    const char *name = s->t[s->one].name;
    int prefix = (int)(strrchr(name, '/') + 1 - name);
    snprintf(layer, sizeof layer, "%.*s*", prefix, name);
    rk_lab_note(s->lab, "alpha multiplies %s and divides %s", layer, s->t[s->two].name);
    status = block_open(s->lab, s->f, "all", &s->all, e);
    if (status == RK_OK) status = block_open(s->lab, s->f, layer, &s->first, e);
    if (status == RK_OK) status = block_open(s->lab, s->f, s->t[s->two].name, &s->second, e);
    return status;
}

rk_status alpha(rk_lab *lab, const rk_args *a, rk_error *e)
{
    study s = {.lab = lab, .args = a};
    int from = (int)rk_arg_int(a, "from"), n = (int)rk_arg_int(a, "to") - from + 1;
    found *x = calloc((size_t)n, sizeof *x);
    rk_status status = x ? open_all(&s, e) : rk_error_set(e, RK_E_NOMEM, "no memory for a sweep");
    if (status == RK_OK) status = sweep(&s, x, n, from, e);
    if (status == RK_OK) status = report_against(&s, x, n, from, e);
    if (status == RK_OK) status = report_exact(&s, e);
    block_close(&s.all);
    block_close(&s.first);
    block_close(&s.second);
    rk_objective_free(s.f);
    logits_close(&s.test);
    free(s.w);
    free(x);
    return status;
}
