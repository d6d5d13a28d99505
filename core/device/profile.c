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

static rk_status one_by_one(rk_program *p, rk_launch *out, rk_error *e)
{
    for (uint32_t i = 0; i < rk_program_launches(p); i++) {
        uint64_t ns;
        RK_TRY(timed(p, p->plan->n_once + i, &ns, e));
        out[i].seconds = 1e-9 * (double)ns;
    }
    return RK_OK;
}

enum { AHEAD = 8 }; /* launches that the device has while the first of them is asked for */

/* None is waited for before the next: as in training, but for the marks. */
static rk_status in_a_row(rk_program *p, rk_launch *out, rk_error *e)
{
    rk_open *d = &p->session->device;
    uint64_t mark[AHEAD + 1], ns; /* that of launch i's beginning at i % (AHEAD + 1) */
    uint32_t n = rk_program_launches(p);
    RK_TRY(rk_open_mark(d, &mark[0], e));
    for (uint32_t next = 0, i = 0; i < n; i++) {
        for (; next < n && next < i + AHEAD; next++) {
            uint32_t step = p->plan->n_once + next;
            RK_TRY(rk_program_run_steps(p, step, step + 1, e));
            RK_TRY(rk_open_mark(d, &mark[(next + 1) % (AHEAD + 1)], e));
        }
        ns = 0;
        RK_TRY(rk_open_elapsed(d, mark[i % (AHEAD + 1)], mark[(i + 1) % (AHEAD + 1)], &ns, e));
        out[i].seconds = 1e-9 * (double)ns;
    }
    return RK_OK;
}

static bool all_on_device(const rk_program *p)
{
    for (uint32_t i = p->plan->n_once; i < p->plan->n_step; i++)
        if (p->placed[i].where != RK_ON_DEVICE) return false;
    return true;
}

rk_status rk_program_profile(rk_program *p, rk_launch *out, rk_error *e)
{
    rk_open *d = &p->session->device;
    rk_error own = rk_error_new();
    RK_TRY(rk_open_sync(d, e));
    rk_status s = rk_open_time_kernels(d, true, &own);
    bool kernels = s == RK_OK;
    if (!kernels && s != RK_E_UNSUPPORTED) {
        if (e) *e = own;
        return s;
    }
    for (uint32_t i = 0; i < rk_program_launches(p); i++) {
        describe(p, p->plan->n_once + i, &out[i]);
        out[i].kernels = kernels && p->placed[p->plan->n_once + i].where == RK_ON_DEVICE;
    }
    s = kernels && all_on_device(p) ? in_a_row(p, out, e) : one_by_one(p, out, e);
    if (!kernels) return s;
    rk_status ended = rk_open_time_kernels(d, false, s == RK_OK ? e : &own);
    return s == RK_OK ? ended : s;
}
