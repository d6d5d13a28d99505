#include "device/profile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/os.h"
#include "device/program.h"

uint32_t rk_program_launches(const rk_program *p) { return p->plan->n_step - p->plan->n_once; }

/* A tensor may be a part of its buffer, or repeat it. */
static double bytes_of(const rk_plan *plan, uint32_t buffer, const rk_tensor *t)
{
    double bytes = rk_dtype_bytes(t->dtype);
    for (uint32_t i = 0; i < t->rank; i++) bytes *= (double)t->dim[i];
    double whole = (double)plan->buffer[buffer].bytes;
    return bytes < whole ? bytes : whole;
}

/* The extents of a COPY's box: RANK, then extent and two strides for each dimension. */
static double box_bytes(const rk_op *op)
{
    double bytes = rk_dtype_bytes(op->out[0].dtype);
    for (int64_t d = 0; d < op->p[0]; d++) bytes *= (double)op->p[1 + 3 * d];
    return bytes;
}

static double out_bytes(const rk_plan *plan, const rk_step *s, uint32_t i)
{
    if (rk_part_of(&s->op) == s->op.n_in + i) return rk_part_bytes(&s->op);
    return s->op.kind == RK_COPY ? box_bytes(&s->op) : bytes_of(plan, s->out[i], &s->op.out[i]);
}

/* Of the rows that a TAKE chooses from it reads those that it writes. */
static double in_bytes(const rk_plan *plan, const rk_step *s, uint32_t i)
{
    if (s->op.kind == RK_COPY) return box_bytes(&s->op);
    if (rk_part_of(&s->op) == i) return rk_part_bytes(&s->op);
    double bytes = bytes_of(plan, s->in[i], &s->op.in[i]), out = 0;
    if (s->op.kind != RK_TAKE || i > 0) return bytes;
    for (uint32_t o = 0; o < s->op.n_out; o++) out += out_bytes(plan, s, o);
    return bytes > out ? out : bytes;
}

static double step_bytes(const rk_plan *plan, const rk_step *s)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->op.n_in; i++) sum += in_bytes(plan, s, i);
    for (uint32_t i = 0; i < s->op.n_out; i++) sum += out_bytes(plan, s, i);
    return sum;
}

/* What a run reads of a buffer is at least what one of its launches reads; what it writes is the
 * parts that several may write, but no more than there is. */
rk_status rk_program_bytes_floor(const rk_program *p, double *out, rk_error *e)
{
    const rk_plan *plan = p->plan;
    double *read = calloc(2 * (size_t)plan->n_buffer, sizeof *read);
    if (!read) return RK_FAIL(e, RK_E_NOMEM, "no memory for a profile");
    double *written = read + plan->n_buffer;
    for (uint32_t k = plan->n_once; k < plan->n_step; k++) {
        const rk_step *s = &plan->step[k];
        for (uint32_t i = 0; i < s->op.n_in; i++)
            read[s->in[i]] = fmax(read[s->in[i]], in_bytes(plan, s, i));
        for (uint32_t i = 0; i < s->op.n_out; i++) {
            double sum = written[s->out[i]] + out_bytes(plan, s, i);
            written[s->out[i]] = fmin(sum, (double)plan->buffer[s->out[i]].bytes);
        }
    }
    *out = 0;
    for (uint32_t b = 1; b < plan->n_buffer; b++) *out += read[b] + written[b];
    free(read);
    return RK_OK;
}

static void describe(const rk_program *p, uint32_t step, rk_launch *out)
{
    const rk_placed *x = &p->placed[step];
    const rk_step *s = &p->plan->step[step];
    bool carried = x->where == RK_SEND || x->where == RK_FETCH;
    *out = (rk_launch){.kind = carried ? "transfer" : rk_op_kind(&s->op),
                       .impl = carried ? "copy between devices" : s->impl,
                       .text = p->made[x->origin].text,
                       .flop = carried ? 0 : rk_step_flop(s),
                       .bytes = step_bytes(p->plan, s)};
}

/* Between two marks, by the device; by the host where it cannot. */
static rk_status timed(rk_program *p, uint32_t step, uint64_t *ns, rk_error *e)
{
    rk_session *s = p->session;
    bool marks = rk_open_marks(&s->device) && p->placed[step].where == RK_ON_DEVICE;
    uint64_t before = 0, after = 0, begun = rk_os_now_ns();
    if (marks) RK_TRY(rk_open_mark(&s->device, &before, e));
    RK_TRY(rk_program_run_steps(p, step, step + 1, e));
    if (marks) RK_TRY(rk_open_mark(&s->device, &after, e));
    RK_TRY(rk_open_sync(&s->device, e));
    *ns = rk_os_now_ns() - begun;
    return marks ? rk_open_elapsed(&s->device, before, after, ns, e) : RK_OK;
}

rk_status rk_program_profile(rk_program *p, rk_launch *out, rk_error *e)
{
    uint32_t first = p->plan->n_once, n = rk_program_launches(p);
    RK_TRY(rk_session_sync(p->session, e));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t ns;
        describe(p, first + i, &out[i]);
        RK_TRY(timed(p, first + i, &ns, e));
        out[i].seconds = 1e-9 * (double)ns;
    }
    return RK_OK;
}
