/* curvature: diagnostics of the Hessian of the loss. */
#include "curvature.h"
#include <string.h>

uint32_t norm_of(const rk_args *a)
{
    return strcmp(rk_arg_text(a, "norm"), "batch") == 0 ? RK_NORM_BATCH : RK_NORM_RUNNING;
}

RK_PLUGIN("curvature", "1.0",
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "hessian",
                  .doc = "eigenvalues, trace and spectral density of the loss's Hessian",
                  .params = hessian_params, .diagnose = hessian),
          RK_ITEM(RK_KIND_DIAGNOSTIC, .name = "alpha",
                  .doc = "a minimum made sharper without a change of its function",
                  .params = alpha_params, .diagnose = alpha));
