/* Diagnostics that are right, or wrong in one way. */
#include <math.h>
#include <stdio.h>
#include <time.h>
#include "rethink/diagnose.h"

static const rk_param_spec params[] = {
    {"scale", "1", "factor of all numbers", RK_PARAM_REAL, 0, 1e6, NULL},
    {"do", "fine", "what to do", RK_PARAM_CHOICE, 0, 0, "fine|fail|name|twice|many|lots|wait"},
    {0}};

static void fine(rk_lab *lab, double scale)
{
    const rk_dataset *d = rk_lab_data(lab);
    rk_lab_value(lab, "examples", scale * (double)d->train.x.n);
    rk_lab_value(lab, "third", scale / 3);
    rk_lab_value(lab, "nothing", NAN);
    for (int i = 0; i < 5; i++) rk_lab_point(lab, "square", i, scale * i * i);
    for (int i = 0; i < 9; i++)
        rk_lab_point3(lab, "bowl", i % 3 - 1, i / 3 - 1,
                      scale * ((i % 3 - 1) * (i % 3 - 1) + (i / 3 - 1) * (i / 3 - 1)));
    rk_lab_note(lab, "the scale is %g", scale);
}

/* Many times more than anybody reads. */
static void many(rk_lab *lab)
{
    for (int i = 0; i < 1000000; i++) rk_lab_point(lab, "line", i, i);
}

static void lots(rk_lab *lab)
{
    char name[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        rk_lab_value(lab, name, i);
    }
}

/* Until it is asked to stop. */
static rk_status wait(rk_lab *lab, rk_error *e)
{
    const struct timespec moment = {0, 10000000};
    rk_lab_value(lab, "half", 0.5);
    for (;;) {
        rk_status status = rk_lab_progress(lab, 0.5, e);
        if (status != RK_OK) return status;
        nanosleep(&moment, NULL);
    }
}

static rk_status probe(rk_lab *lab, const rk_args *a, rk_error *e)
{
    switch (rk_arg_text(a, "do")[0] << 8 | rk_arg_text(a, "do")[2]) {
    case 'f' << 8 | 'n': fine(lab, rk_arg_real(a, "scale")); break;
    case 'f' << 8 | 'i': return rk_error_set(e, RK_E_INVALID, "it fails as it was told to");
    case 'n' << 8 | 'm': rk_lab_value(lab, "Not a name", 1); break;
    case 't' << 8 | 'i':
        rk_lab_value(lab, "one", 1);
        rk_lab_value(lab, "one", 2);
        break;
    case 'm' << 8 | 'n': many(lab); break;
    case 'l' << 8 | 't': lots(lab); break;
    case 'w' << 8 | 'i': return wait(lab, e);
    }
    return RK_OK;
}

static const rk_param_spec other_params[] = {
    {"run", NULL, "number, or label of a variant", RK_PARAM_PATH, 0, 0, NULL}, {0}};

/* The distance of two runs' weights. */
static rk_status distance(rk_lab *lab, const rk_args *a, rk_error *e)
{
    const float *other, *own = rk_lab_weights(lab);
    double sum = 0;
    rk_status status = rk_lab_other(lab, rk_arg_text(a, "run"), &other, e);
    if (status != RK_OK) return status;
    for (int64_t i = 0; i < rk_lab_size(lab); i++)
        sum += ((double)own[i] - other[i]) * ((double)own[i] - other[i]);
    rk_lab_value(lab, "norm", sqrt(sum));
    return RK_OK;
}

RK_PLUGIN("probe", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "probe", .doc = "known numbers", .params = params,
                  .diagnose = probe),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "distance", .doc = "how far two runs are apart",
                  .params = other_params, .diagnose = distance));
