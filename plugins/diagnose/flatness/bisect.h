/* bisect.h: where something stops to hold. */
#ifndef RK_FLATNESS_BISECT_H
#define RK_FLATNESS_BISECT_H
#include "rethink/plugin.h"

/* *out is in [0, high] with holds true at it (or it is 0) and, unless it is high, false at most
 * high / 2^halvings above: of a property that holds up to some x.  Asks `halvings` + 1 times. */
typedef rk_status bisect_holds(void *ctx, double x, bool *holds, rk_error *e);
rk_status bisect(double high, int64_t halvings, bisect_holds *holds, void *ctx, double *out,
                 rk_error *e);
#endif
