#include "bisect.h"

rk_status bisect(double high, int64_t halvings, bisect_holds *holds, void *ctx, double *out,
                 rk_error *e)
{
    double low = 0;
    bool yes;
    rk_status status = holds(ctx, high, &yes, e);
    for (int64_t i = 0; i < halvings && status == RK_OK && !yes; i++) {
        double middle = (low + high) / 2;
        bool at_middle;
        status = holds(ctx, middle, &at_middle, e);
        if (status == RK_OK && at_middle) low = middle;
        if (status == RK_OK && !at_middle) high = middle;
    }
    *out = status == RK_OK && yes ? high : low;
    return status;
}
