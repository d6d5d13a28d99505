/* flatness: how much noise on the weights the training accuracy stands (PAC-Bayes flatness: Keskar
 * et al. 2017; Neyshabur et al. 2017; Jiang et al. 2020, appendix C.4).
 *
 * sigma is the largest standard deviation of normal noise on every weight at which the mean
 * accuracy over `samples` draws is at most `drop` below that without noise, found by bisection;
 * sigma_magnitude the same with standard deviations sqrt(sigma^2 w^2 + epsilon^2), which depend
 * on each weight's magnitude.  1 / sigma^2 is the measure that goes into bounds.  Every sigma
 * gets the same draws, so that accuracy is a function of sigma.  (Published code passes sigma^2
 * where its library wants the standard deviation: its numbers are others.) */
#include "rethink/diagnose.h"
#include "bisect.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const rk_param_spec params[] = {
    {"drop", "0.1", "how much of the accuracy may be lost", RK_PARAM_REAL, 0, 1, NULL},
    {"halvings", "15", "bisections", RK_PARAM_INT, 1, 60, NULL},
    {"samples", "10", "draws of noise", RK_PARAM_INT, 1, 10000, NULL},
    {"high", "2", "largest sigma that is looked at", RK_PARAM_REAL, 1e-9, 1e9, NULL},
    {"epsilon", "0.001", "smallest standard deviation of the magnitude-aware version",
     RK_PARAM_REAL, 0, 1e9, NULL},
    {"limit", "0", "how many of the first training examples; 0: all", RK_PARAM_INT, 0, 1e9, NULL},
    {"rows", "0", "examples on the device at once; 0: 256", RK_PARAM_INT, 0, 1e6, NULL},
    {"norm", "running",
     "what batch norm takes: the run's averages, or those of the examples at once", RK_PARAM_CHOICE,
     0, 0, "running|batch"},
    {0}};

typedef struct study {
    rk_lab *lab;
    rk_objective *f;
    int64_t n, samples, done, all; /* done, all: accuracies */
    const float *w;                /* [n] */
    float *noise;                  /* [samples][n], standard normal */
    float *at;                     /* [n] */
    double floor, epsilon;         /* accuracy; of the magnitude-aware version, else -1 */
} study;

static void perturb(study *s, const float *noise, double sigma)
{
    for (int64_t i = 0; i < s->n; i++) {
        double w = (double)s->w[i], spread = sigma;
        if (s->epsilon >= 0) spread = sqrt(sigma * sigma * w * w + s->epsilon * s->epsilon);
        s->at[i] = (float)(w + spread * (double)noise[i]);
    }
}

/* Whether the mean accuracy is high enough with noise. */
static rk_status stands(void *ctx, double sigma, bool *holds, rk_error *e)
{
    study *s = ctx;
    double sum = 0;
    for (int64_t k = 0; k < s->samples; k++) {
        double loss, accuracy;
        perturb(s, s->noise + k * s->n, sigma);
        rk_status status = rk_objective_move(s->f, s->at, e);
        if (status == RK_OK) status = rk_objective_loss(s->f, &loss, &accuracy, e);
        s->done++;
        if (status == RK_OK) status = rk_lab_progress(s->lab, (double)s->done / (double)s->all, e);
        if (status != RK_OK) return status;
        sum += accuracy;
    }
    *holds = sum / (double)s->samples >= s->floor;
    return RK_OK;
}

static rk_status both_kinds(study *s, const rk_args *a, rk_error *e)
{
    static const char *const names[2][2] = {{"sigma", "inverse_square"},
                                            {"sigma_magnitude", "inverse_square_magnitude"}};
    int64_t halvings = rk_arg_int(a, "halvings");
    double high = rk_arg_real(a, "high"), loss, accuracy;
    rk_status status = rk_objective_loss(s->f, &loss, &accuracy, e);
    if (status != RK_OK) return status;
    rk_lab_value(s->lab, "accuracy", accuracy);
    s->floor = accuracy - rk_arg_real(a, "drop");
    s->all = 2 * (halvings + 1) * s->samples;
    for (int kind = 0; kind < 2; kind++) {
        double sigma;
        s->epsilon = kind ? rk_arg_real(a, "epsilon") : -1;
        status = bisect(high, halvings, stands, s, &sigma, e);
        if (status != RK_OK) return status;
        rk_lab_value(s->lab, names[kind][0], sigma);
        rk_lab_value(s->lab, names[kind][1], sigma > 0 ? 1 / (sigma * sigma) : (double)NAN);
        if (sigma >= high)
            rk_lab_note(s->lab, "%s is %g or more: no larger one was looked at", names[kind][0],
                        high);
    }
    rk_lab_note(s->lab,
                "sigma: mean accuracy of %lld draws at most %g below; %lld bisections of "
                "[0, %g], the same draws for each",
                (long long)s->samples, rk_arg_real(a, "drop"), (long long)halvings, high);
    return RK_OK;
}

static void draw(study *s)
{
    rk_random r = rk_lab_random(s->lab, "noise");
    for (int64_t k = 0; k < s->samples; k++) {
        r.step = (uint32_t)k;
        rk_random_fill_normal(r, 0, s->n, s->noise + k * s->n);
    }
}

static rk_status flatness(rk_lab *lab, const rk_args *a, rk_error *e)
{
    study s = {.lab = lab, .n = rk_lab_size(lab), .w = rk_lab_weights(lab)};
    rk_objective_options o = {.limit = rk_arg_int(a, "limit"), .rows = rk_arg_int(a, "rows")};
    bool running = strcmp(rk_arg_text(a, "norm"), "running") == 0;
    o.norm = running ? RK_NORM_RUNNING : RK_NORM_BATCH;
    s.samples = rk_arg_int(a, "samples");
    s.noise = malloc((size_t)(s.samples * s.n) * sizeof *s.noise);
    s.at = malloc((size_t)s.n * sizeof *s.at);
    rk_status status = RK_OK;
    if (!s.noise || !s.at)
        status = rk_error_set(e, RK_E_NOMEM,
                              "no memory for %lld draws of %lld weights: fewer samples take less",
                              (long long)s.samples, (long long)s.n);
    else
        draw(&s);
    rk_lab_note(lab, "batch norm, if there is any, takes %s",
                running ? "the run's averages, which stay"
                        : "the statistics of the examples at once");
    if (status == RK_OK) status = rk_objective_new(lab, &o, &s.f, e);
    if (status == RK_OK) status = both_kinds(&s, a, e);
    rk_objective_free(s.f);
    free(s.at);
    free(s.noise);
    return status;
}

RK_PLUGIN("flatness", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "flatness",
                  .doc = "how much noise on the weights the training accuracy stands",
                  .params = params, .diagnose = flatness));
