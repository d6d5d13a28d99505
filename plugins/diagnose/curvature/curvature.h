/* curvature.h: the diagnostics of this plugin. */
#ifndef CURVATURE_H
#define CURVATURE_H
#include "rethink/diagnose.h"

extern const rk_param_spec hessian_params[];
rk_status hessian(rk_lab *lab, const rk_args *a, rk_error *e);
extern const rk_param_spec alpha_params[];
rk_status alpha(rk_lab *lab, const rk_args *a, rk_error *e);

/* RK_NORM_* of the parameter norm. */
uint32_t norm_of(const rk_args *a);
#endif
