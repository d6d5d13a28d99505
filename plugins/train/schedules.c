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

RK_PLUGIN("schedules", "1.0",
          RK_ITEM(RK_KIND_SCHEDULE, .name = "constant", .doc = "the same rate in every epoch",
                  .rate = constant),
          RK_ITEM(RK_KIND_SCHEDULE, .name = "exponential",
                  .doc = "the rate shrinks by a factor after every epoch",
                  .params = exponential_params, .rate = exponential));
