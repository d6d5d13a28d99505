/* Learning rates over the epochs. */
#include "rethink/plugin.h"

static double constant(double rate0, int64_t epoch, const rk_args *a)
{
    (void)epoch;
    (void)a;
    return rate0;
}

static const rk_param_spec exponential_params[] = {
    {"decay", "0.95", "factor from one epoch to the next", RK_PARAM_REAL, 0, 1, NULL}, {0}};

/* Zhang et al. 2016: 0.95 per epoch.  By products and not pow(), whose last bit differs from one C
 * library to another. */
static double exponential(double rate0, int64_t epoch, const rk_args *a)
{
    double rate = rate0, decay = rk_arg_real(a, "decay");
    for (int64_t i = 0; i < epoch; i++) rate *= decay;
    return rate;
}

static const rk_param_spec drops_params[] = {
    {"factor", "0.1", "factor at each drop", RK_PARAM_REAL, 0, 1, NULL},
    {"first", "150", "epochs before the first drop", RK_PARAM_INT, 0, 1000000, NULL},
    {"second", "225", "epochs before the second drop", RK_PARAM_INT, 0, 1000000, NULL},
    {0}};

/* Zagoruyko and Komodakis 2016, and the published logs of Zhang et al.: by 10 after 150 and 225. */
static double drops(double rate0, int64_t epoch, const rk_args *a)
{
    double rate = rate0, factor = rk_arg_real(a, "factor");
    if (epoch >= rk_arg_int(a, "first")) rate *= factor;
    if (epoch >= rk_arg_int(a, "second")) rate *= factor;
    return rate;
}

RK_PLUGIN("schedules", "1.0",
          RK_ITEM(RK_KIND_SCHEDULE, .name = "constant", .doc = "the same rate in every epoch",
                  .rate = constant),
          RK_ITEM(RK_KIND_SCHEDULE, .name = "exponential",
                  .doc = "the rate shrinks by a factor after every epoch",
                  .params = exponential_params, .rate = exponential),
          RK_ITEM(RK_KIND_SCHEDULE, .name = "drops",
                  .doc = "the rate shrinks by a factor after each of two epochs",
                  .params = drops_params, .rate = drops));
