/* theory: what networks and linear models can represent, and what measures of complexity say. */
#include "lab.h"

#define FIRST_EXAMPLES "the first so many training examples; 0: all"

static const rk_param_spec theorem1_params[] = {
    {"n", "0", FIRST_EXAMPLES, RK_PARAM_INT, 0, 10000000, NULL},
    {"outputs", "index", "one that is the number of the class, or one for each class",
     RK_PARAM_CHOICE, 0, 0, "index|one-hot"},
    {"depth", "2", "layers: 2 is the theorem, more its corollary", RK_PARAM_INT, 2, 10000, NULL},
    {"export", "", "a safetensors file to write the network to, in double precision", RK_PARAM_PATH,
     0, 0, NULL},
    {0}};

static const rk_param_spec kernel_params[] = {
    {"n", "0", FIRST_EXAMPLES, RK_PARAM_INT, 0, 10000000, NULL},
    {"features", "pixels",
     "what is compared: pixels, or responses to random patches or Gabor filters", RK_PARAM_CHOICE,
     0, 0, "pixels|conv|gabor"},
    {"filters", "64", "number of filters", RK_PARAM_INT, 1, 1000000, NULL},
    {"side", "6", "of a filter, in pixels", RK_PARAM_INT, 1, 1024, NULL},
    {"grid", "2", "responses are averaged over grid x grid cells", RK_PARAM_INT, 1, 1024, NULL},
    {"similarity", "gaussian", "of two examples; linear: the inner product", RK_PARAM_CHOICE, 0, 0,
     "gaussian|linear"},
    {"gamma", "1", "width: g is gamma over the median squared distance", RK_PARAM_REAL, 1e-6, 1e6,
     NULL},
    {"median", "1000", "examples whose distances give the median", RK_PARAM_INT, 2, 20000, NULL},
    {"jitter", "1e-10",
     "added to the diagonal of the kernel's matrix; of linear similarity a ridge", RK_PARAM_REAL, 0,
     1e6, NULL},
    {"solver", "auto", "auto: Cholesky if the matrix fits into memory, else cg", RK_PARAM_CHOICE, 0,
     0, "auto|cholesky|cg"},
    {"memory", "8", "of the host for the matrix, in GiB", RK_PARAM_REAL, 0, 1e6, NULL},
    {"tolerance", "1e-4", "of cg: residual over target, in the 2-norm", RK_PARAM_REAL, 1e-12, 0.9,
     NULL},
    {"iterations", "1000", "of cg, at most", RK_PARAM_INT, 1, 100000, NULL}, /* a point each */
    {0}};

static const rk_param_spec min_norm_params[] = {
    {"n", "100", "the first so many training examples", RK_PARAM_INT, 1, 100000, NULL},
    {"start", "0.1", "standard deviation of the start that is not 0", RK_PARAM_REAL, 0, 1000, NULL},
    {"epochs", "20000", "of SGD, at most", RK_PARAM_INT, 1, 10000000, NULL},
    {"tolerance", "1e-11", "SGD stops once no residual is above", RK_PARAM_REAL, 1e-15, 1, NULL},
    {"device-steps", "1000", "of gradient descent in float32 on the device; 0: none", RK_PARAM_INT,
     0, 10000000, NULL},
    {0}};

static const rk_param_spec rademacher_params[] = {
    {"n", "0", FIRST_EXAMPLES, RK_PARAM_INT, 0, 10000000, NULL},
    {"draws", "5", "of random signs", RK_PARAM_INT, 1, 10000, NULL},
    {"epochs", "100", "of training on each draw, at most", RK_PARAM_INT, 1, 100000, NULL},
    {"batch", "50", "examples of a step", RK_PARAM_INT, 1, 65536, NULL},
    {"lr", "0.02", "learning rate", RK_PARAM_REAL, 0, 1000, NULL},
    {"momentum", "0.9", "of SGD", RK_PARAM_REAL, 0, 1, NULL},
    {0}};

static const rk_param_spec cover_params[] = {
    {"n", "40", "the first so many training examples", RK_PARAM_INT, 1, 1000, NULL},
    {"d", "20", "dimensions that they are projected to", RK_PARAM_INT, 1, 1000, NULL},
    {"draws", "400", "of random signs", RK_PARAM_INT, 1, 1000000, NULL},
    {0}};

static const rk_param_spec margins_params[] = {
    {"tolerance", "1e-7", "of the power iteration for spectral norms", RK_PARAM_REAL, 1e-15, 0.1,
     NULL},
    {"iterations", "300", "of it, at most", RK_PARAM_INT, 1, 1000000, NULL},
    {0}};

static const rk_param_spec ntk_params[] = {
    {"n", "0", FIRST_EXAMPLES, RK_PARAM_INT, 0, 1000000, NULL},
    {"jitter", "0", "added to the diagonal", RK_PARAM_REAL, 0, 1000, NULL},
    {0}};

static const rk_param_spec descent_params[] = {
    {"n", "200", "the first so many training examples", RK_PARAM_INT, 1, 100000, NULL},
    {"tests", "0", "the first so many test examples; 0: all", RK_PARAM_INT, 0, 10000000, NULL},
    {0}};

RK_PLUGIN("theory", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "theorem1",
                  .doc = "Zhang et al.'s network of 2 n + d weights that has any labels",
                  .params = theorem1_params, .diagnose = theorem1),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "kernel",
                  .doc = "interpolation by a kernel: accuracy, error and norm",
                  .params = kernel_params, .diagnose = kernel),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "min-norm",
                  .doc = "linear least squares: SGD finds the interpolant of least norm",
                  .params = min_norm_params, .diagnose = min_norm),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "rademacher",
                  .doc = "how well the run's model fits random signs: complexity from below",
                  .params = rademacher_params, .diagnose = rademacher),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "cover",
                  .doc = "which fraction of random signs a hyperplane separates, and the formula",
                  .params = cover_params, .diagnose = cover),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "margins",
                  .doc = "normalized margins, spectral norms, distance from the initial weights",
                  .params = margins_params, .diagnose = margins),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "ntk",
                  .doc = "Arora et al.'s complexity of the labels for a wide network",
                  .params = ntk_params, .diagnose = ntk),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "double-descent",
                  .doc = "test error of ridgeless random ReLU features against their number",
                  .params = descent_params, .diagnose = double_descent));
