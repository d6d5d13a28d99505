#include "train/profile.h"
#include "base/error.h"
#include "base/os.h"
#include <stdlib.h>
#include <string.h>

enum { RUNS = 5 };

/* Always the first step: the next one is not another program, and the data are the same. */
static rk_status run(rk_trainer *t, rk_error *e)
{
    RK_TRY(rk_trainer_feed(t, 0, e));
    return rk_program_run(rk_trainer_program(t, 0), e);
}

static rk_status time_steps(rk_trainer *t, double *fastest, rk_error *e)
{
    for (int i = -1; i < RUNS; i++) { /* the first makes ready */
        double begun = (double)rk_os_now_ns();
        RK_TRY(run(t, e));
        RK_TRY(rk_session_sync(t->session, e));
        double took = 1e-9 * ((double)rk_os_now_ns() - begun);
        if (i == 0 || (i > 0 && took < *fastest)) *fastest = took;
    }
    return RK_OK;
}

static double sum_of(const rk_launch *launch, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += launch[i].seconds;
    return sum;
}

static rk_status time_launches(rk_trainer *t, rk_profile *out, rk_launch *again, rk_error *e)
{
    rk_program *p = rk_trainer_program(t, 0);
    for (int i = 0; i < RUNS; i++) {
        RK_TRY(rk_program_profile(p, again, e));
        if (i == 0 || sum_of(again, out->n) < sum_of(out->launch, out->n))
            memcpy(out->launch, again, out->n * sizeof *again);
    }
    out->runs = RUNS;
    out->kernels = true;
    for (uint32_t i = 0; i < out->n; i++) out->kernels = out->kernels && again[i].kernels;
    return RK_OK;
}

static rk_status profile(rk_trainer *t, rk_profile *out, rk_error *e)
{
    out->n = rk_program_launches(rk_trainer_program(t, 0));
    out->launch = calloc(2 * (size_t)out->n, sizeof *out->launch);
    if (!out->launch) return RK_FAIL(e, RK_E_NOMEM, "no memory for a profile");
    RK_TRY(rk_program_bytes_floor(rk_trainer_program(t, 0), &out->bytes_floor, e));
    RK_TRY(rk_session_peaks(t->session, &out->peaks, e));
    RK_TRY(rk_trainer_begin(t, 0, e));
    RK_TRY(time_steps(t, &out->step, e));
    RK_TRY(time_launches(t, out, out->launch + out->n, e));
    return rk_trainer_restart(t, e);
}

rk_status rk_trainer_profile(rk_trainer *t, rk_profile *out, rk_error *e)
{
    *out = (rk_profile){0};
    rk_status status = profile(t, out, e);
    if (status != RK_OK) rk_profile_free(out);
    return status;
}

void rk_profile_free(rk_profile *p)
{
    free(p->launch);
    *p = (rk_profile){0};
}
