#include "cli/pace.h"
#include "base/os.h"
#include <math.h>

static double position(int64_t epoch, int64_t step, int64_t steps)
{
    return (double)(epoch - 1) + (double)step / (double)steps;
}

void rk_pace_note(rk_pace *p, int64_t epoch, int64_t step, int64_t steps)
{
    if (epoch == p->epoch) return;
    double now = (double)rk_os_now_ns();
    if (p->epoch == 0) {
        p->start_ns = now;
        p->start_at = position(epoch, step, steps);
    }
    p->epoch = epoch;
    p->epoch_ns = now;
    p->first_step = step;
}

rk_pace_now rk_pace_get(const rk_pace *p, int64_t epochs, int64_t step, int64_t steps,
                        int64_t batch)
{
    double now = (double)rk_os_now_ns(), at = position(p->epoch, step, steps);
    rk_pace_now out = {NAN, NAN};
    if (at <= p->start_at) return out;
    double epoch_seconds = 1e-9 * (now - p->start_ns) / (at - p->start_at);
    out.left = epoch_seconds * ((double)epochs - at);
    if (step > p->first_step && now > p->epoch_ns)
        out.images = 1e9 * (double)((step - p->first_step) * batch) / (now - p->epoch_ns);
    else
        out.images = (double)(steps * batch) / epoch_seconds;
    return out;
}
