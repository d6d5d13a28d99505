#include "train/estimate.h"
#include "base/os.h"
#include <stdlib.h>

enum { TIMED = 3, LONGEST_SECONDS = 10 };

static double flop_of(const rk_program *p) { return p ? rk_program_describe(p)->flop : 0; }

double rk_trainer_flop(const rk_trainer *t)
{
    double whole = (double)(t->steps - (t->last_step ? 1 : 0));
    double flop = whole * flop_of(t->step) + flop_of(t->last_step);
    for (int test = 0; test < 2; test++)
        flop += (double)t->eval[test].count * flop_of(t->evaluation[test]);
    return flop;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The first run of a program may make things ready: it counts only where it takes so long that
 * there is no time for others. */
static rk_status time_steps(rk_trainer *t, rk_estimate *out, rk_error *e)
{
    double took[1 + TIMED], all = 0;
    int64_t whole = t->steps - (t->last_step && t->steps > 1 ? 1 : 0), n = 0;
    while (n < 1 + TIMED && all < LONGEST_SECONDS) {
        double start = (double)rk_os_now_ns();
        RK_TRY(rk_trainer_step(t, n % whole, e));
        RK_TRY(rk_session_sync(t->session, e));
        took[n] = 1e-9 * ((double)rk_os_now_ns() - start);
        all += took[n++];
    }
    int64_t from = n > 1 ? 1 : 0;
    qsort(took + from, (size_t)(n - from), sizeof *took, ascending);
    out->step_seconds = took[from + (n - from) / 2];
    out->timed = n - from;
    return RK_OK;
}

rk_status rk_trainer_estimate(rk_trainer *t, int64_t epochs, rk_estimate *out, rk_error *e)
{
    *out = (rk_estimate){.epochs = epochs,
                         .steps = t->steps,
                         .flop = (double)epochs * rk_trainer_flop(t),
                         .step_flop = flop_of(t->step)};
    RK_TRY(rk_trainer_begin(t, 0, e));
    RK_TRY(time_steps(t, out, e));
    out->seconds = out->flop / out->step_flop * out->step_seconds;
    return rk_trainer_restart(t, e);
}
