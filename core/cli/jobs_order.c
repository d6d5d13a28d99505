/* Jobs after those whose weights they look at. */
#include "base/error.h"
#include "cli/jobs.h"
#include <string.h>

bool rk_job_is_after(const rk_job *job, const rk_job *other)
{
    if (job->s.config.seed != other->s.config.seed ||
        strcmp(job->s.config.preset, other->s.config.preset) != 0)
        return false;
    for (uint32_t i = 0; i < job->n_after; i++)
        if (strcmp(job->after[i], other->label) == 0) return true;
    return false;
}

static bool is_ready(const rk_jobs *j, const bool *placed, uint32_t i)
{
    for (uint32_t k = 0; k < j->n; k++)
        if (k != i && !placed[k] && rk_job_is_after(&j->job[i], &j->job[k])) return false;
    return true;
}

rk_status rk_jobs_order(rk_jobs *j, rk_error *e)
{
    uint32_t n = 0, before;
    bool any = false;
    for (uint32_t i = 0; i < j->n; i++) any = any || j->job[i].n_after;
    if (!any) return RK_OK;
    rk_job *list = rk_pool_array(&j->pool, j->n, sizeof *list);
    bool *placed = rk_pool_array(&j->pool, j->n, sizeof *placed);
    if (!list || !placed) return RK_FAIL(e, RK_E_NOMEM, "no memory for runs");
    do { /* presets have no rings, so that every round places one */
        before = n;
        for (uint32_t i = 0; i < j->n; i++)
            if (!placed[i] && (!j->job[i].n_after || is_ready(j, placed, i))) {
                list[n++] = j->job[i];
                placed[i] = true;
            }
    } while (n > before && n < j->n);
    if (n == j->n) j->job = list;
    return RK_OK;
}
