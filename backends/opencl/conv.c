/* CONV: its geometry, and the steps that both variants have. */
#include "tf32.h"
#include "winograd.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

static rk_status check_tensor(const rk_tensor *t, const char *what, const uint64_t *dim,
                              rk_error *e)
{
    double elements = 1;
    for (int d = 0; d < 4; d++) elements *= (double)dim[d];
    if (t->dtype != RK_F32) return OCL_FAIL(e, RK_E_INVALID, 0, "CONV: %s is not F32", what);
    if ((double)ocl_count(t) == elements) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0, "CONV: %s has %llu elements, not %llu x %llu x %llu x %llu",
                    what, (unsigned long long)ocl_count(t), (unsigned long long)dim[0],
                    (unsigned long long)dim[1], (unsigned long long)dim[2],
                    (unsigned long long)dim[3]);
}

static rk_status check_part(const rk_op *op, rk_error *e)
{
    const int64_t *p = op->p;
    if (p[14] < 0 || p[14] > (int64_t)1 << 31 || p[15] < 0 || p[15] > p[14] - p[5])
        return OCL_FAIL(e, RK_E_INVALID, 0, "CONV: %lld channels from %lld on, of %lld",
                        (long long)p[5], (long long)p[15], (long long)p[14]);
    if (p[0] == RK_CONV_Y && op->n_code)
        return OCL_FAIL(e, RK_E_INVALID, 0, "CONV: a program on a part of a tensor");
    return RK_OK;
}

static rk_status check(const rk_op *op, rk_error *e)
{
    if (op->p[0] < RK_CONV_Y || op->p[0] > RK_CONV_DW)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: unknown member %lld", (long long)op->p[0]);
    uint64_t v[14];
    for (int i = 1; i < 14; i++) {
        if (op->p[i] < (i == 8 || i == 9) || op->p[i] > (int64_t)1 << 31)
            return OCL_FAIL(e, RK_E_INVALID, 0, "CONV: parameter %d is %lld", i,
                            (long long)op->p[i]);
        v[i] = (uint64_t)op->p[i];
    }
    const uint64_t x[] = {v[1], v[2], v[3], v[4]}, w[] = {v[5], v[2], v[6], v[7]},
                   y[] = {v[1], op->rev ? (uint64_t)op->p[14] : v[5], v[12], v[13]};
    if (op->rev) OCL_TRY(check_part(op, e));
    OCL_TRY(check_tensor(&op->in[0], "operand 0", op->p[0] == RK_CONV_DX ? y : x, e));
    OCL_TRY(check_tensor(&op->in[1], "operand 1", op->p[0] == RK_CONV_DW ? y : w, e));
    rk_tensor out = op->out[0];
    if (op->n_code) out.dtype = RK_F32;
    return check_tensor(&out, "output 0",
                        op->p[0] == RK_CONV_Y    ? y
                        : op->p[0] == RK_CONV_DX ? x
                                                 : w,
                        e);
}

/* Along one dimension: p[] at the input, the window, stride, pad and the output. */
static ocl_conv_axis axis_of(const int64_t *p, int which, int d)
{
    ocl_conv_axis a = {.in = (uint64_t)p[3 + d],
                       .window = (uint64_t)p[6 + d],
                       .stride = (uint64_t)p[8 + d],
                       .pad = (uint64_t)p[10 + d],
                       .out = (uint64_t)p[12 + d]};
    int64_t stride = p[8 + d], pad = p[10 + d], last = a.window ? p[6 + d] - 1 : 0;
    a.in_phases = a.out_phases = 1;
    if (which == RK_CONV_DX) {
        a.in = (uint64_t)p[12 + d];
        a.out = (uint64_t)p[3 + d];
        a.out_phases = a.out ? ocl_least(a.stride, a.out) : 1;
        int64_t low = pad - last, high = ((int64_t)a.out_phases - 1 + pad) / stride;
        a.low = low > 0 ? (low + stride - 1) / stride : -(-low / stride);
        a.more = high > a.low ? (uint64_t)(high - a.low) : 0;
        a.step = 1;
        a.shift = a.low;
    } else {
        if (a.window) a.in_phases = ocl_least(a.stride, a.window);
        a.more = (uint64_t)last / a.stride;
        a.step = a.stride;
        a.shift = -pad;
    }
    a.positions = (a.out + a.out_phases - 1) / a.out_phases;
    return a;
}

static void describe(ocl_conv *c, const rk_op *op)
{
    const int64_t *p = op->p;
    uint64_t C = (uint64_t)p[2], K = (uint64_t)p[5], area = (uint64_t)p[6] * (uint64_t)p[7];
    c->which = (int)p[0];
    c->batch = (uint64_t)p[1];
    c->ci = c->which == RK_CONV_DX ? K : C;
    c->co = c->which == RK_CONV_DX ? C : K;
    c->h = axis_of(p, c->which, 0);
    c->w = axis_of(p, c->which, 1);
    c->joined = op->rev ? (uint64_t)p[14] : K;
    c->before = op->rev ? 4 * (uint64_t)p[15] * (uint64_t)p[12] * (uint64_t)p[13] : 0;
    c->taps = c->ci * area;
    c->in_weight = c->which == RK_CONV_DX ? C * area : area;
    c->out_weight = c->which == RK_CONV_DX ? area : C * area;
    uint64_t chain = c->which == RK_CONV_DW ? c->batch * c->h.out * c->w.out : c->taps;
    uint64_t block = c->which == RK_CONV_DW ? RK_CONV_DW_BLOCK : RK_CONV_BLOCK;
    c->blocks = (chain + block - 1) / block;
    if (c->which != RK_CONV_DW && !c->blocks) c->blocks = 1;
}

ocl_conv_table ocl_conv_table_of(const ocl_conv *c, uint64_t words_per_tap, uint64_t rows)
{
    ocl_conv_table t = {0};
    uint64_t phases = c->h.out_phases * c->w.out_phases;
    t.ends = phases + 1;
    t.tap = (t.ends + phases * c->blocks + 15) / 16 * 16;
    t.weights = (t.tap + c->taps * words_per_tap + 15) / 16 * 16;
    t.words = t.weights + ((c->co + rows - 1) / rows * rows * c->taps + 15) / 16 * 16;
    return t;
}

rk_status ocl_conv_pack(rk_kernel *k, const ocl_conv *c, const ocl_conv_table *t, uint64_t rows,
                        uint64_t plane, uint64_t period, rk_error *e)
{
    rk_device *d = k->device;
    const uint32_t dx = c->which == RK_CONV_DX;
    ocl_text source;
    ocl_step *s;
    ocl_source(d, &source, 0);
    ocl_text_add(&source, "#define RK_CONV_BLOCK %d\n#define RK_MR %u\n", RK_CONV_BLOCK,
                 (uint32_t)rows);
    OCL_APPEND(&source, ocl_cl_conv_pack);
    OCL_TRY(ocl_step_add(k, &source, "conv_pack", &s, e));
    ocl_step_buffer(s, 1, 0);
    ocl_step_buffer(s, k->n_args, 0);
    const uint64_t places[] = {t->first, t->ends, t->tap, t->weights, c->out_weight, c->in_weight};
    for (int i = 0; i < 6; i++) OCL_TRY(ocl_step_u64(s, places[i], e));
    const ocl_conv_axis *h = &c->h, *w = &c->w;
    const uint64_t shape[] = {c->ci, c->co, h->window, w->window, h->pad, w->pad};
    const uint64_t phases[] = {
        dx ? h->stride : 1, dx ? w->stride : 1, h->out_phases, w->out_phases, h->step, w->step,
        h->in_phases,       w->in_phases};
    const uint64_t words[] = {(uint64_t)h->low, (uint64_t)w->low, plane, period,
                              c->taps,          c->blocks,        dx};
    for (int i = 0; i < 6; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)shape[i], e));
    for (int i = 0; i < 8; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)phases[i], e));
    for (int i = 0; i < 7; i++) OCL_TRY(ocl_step_u32(s, (uint32_t)words[i], e));
    uint64_t items = d->cpu ? (c->taps + 63) / 64 : c->taps * rows;
    ocl_step_range(s, items ? items : 1, d->cpu ? 1 : (c->co + rows - 1) / rows,
                   d->cpu ? 1 : OCL_GROUP);
    return RK_OK;
}

static uint32_t winograd_tile(const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    if (chosen->way)
        return chosen->way == OCL_WAY_WINOGRAD ? 2 : chosen->way == OCL_WAY_WINOGRAD_4X4 ? 4 : 0;
    return ocl_choice_is_exact(chosen) ? 0 : ocl_winograd_tile(d, c);
}

static uint32_t wants_tf32(const rk_device *d, const ocl_choice *chosen, const ocl_conv *c)
{
    if (chosen->way) return chosen->way == OCL_WAY_TF32;
    return !ocl_choice_is_exact(chosen) && ocl_tf32_pays(d, c);
}

void ocl_conv_choices(const rk_device *d, const rk_op *op, ocl_choices *out)
{
    rk_error why = {.size = sizeof why};
    ocl_conv c = {0};
    if (check(op, &why) != RK_OK) return;
    describe(&c, op);
    if (!c.blocks) return;
    const int fast = op->flags & RK_OP_FAST;
    c.tf32 = fast && ocl_tf32_can(d);
    if (d->cpu)
        ocl_conv_cpu_choices(d, &c, out);
    else
        ocl_conv_gpu_choices(d, &c, out);
    const uint32_t tile = fast ? ocl_winograd_tile(d, &c) : 0;
    const int pays = c.tf32 && ocl_tf32_pays(d, &c);
    if (c.tf32 && (tile || !pays)) ocl_choices_way(out, OCL_WAY_TF32);
    if (tile || pays) ocl_choices_way(out, OCL_WAY_EXACT);
    if (!fast || !ocl_winograd_can(&c)) return;
    if (tile != 2) ocl_choices_way(out, OCL_WAY_WINOGRAD);
    if (tile != 4 && ocl_winograd_is_near(d, &c)) ocl_choices_way(out, OCL_WAY_WINOGRAD_4X4);
}

rk_status ocl_convolve(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    ocl_code code;
    ocl_conv c = {0};
    OCL_TRY(check(op, e));
    OCL_TRY(ocl_code_init(&code, k->device, op, 2, 1, e));
    info->alias_ok = ocl_code_alias(&code);
    snprintf(info->impl, sizeof info->impl, "conv, empty");
    if (!ocl_count(&op->out[0])) return RK_OK;
    describe(&c, op);
    const double most = 4294967295.0; /* what 32 bits index: weights, phases and their blocks */
    if ((double)c.ci * (double)c.co * (double)c.h.window * (double)c.w.window > most ||
        (double)c.h.out_phases * (double)c.w.out_phases * (double)(c.blocks + 1) > most)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "CONV: more than 2^32 weights or phases");
    if (c.which == RK_CONV_Y) code.before = c.before;
    const int64_t y[] = {(int64_t)c.batch, (int64_t)c.co, (int64_t)(c.h.out * c.w.out)},
                  w[] = {(int64_t)c.co, (int64_t)c.taps};
    if (c.which == RK_CONV_DW)
        OCL_TRY(ocl_code_axes(&code, w, 2, 1, e));
    else
        OCL_TRY(ocl_code_axes(&code, y, 3, 2, e));
    c.tile = op->flags & RK_OP_FAST ? winograd_tile(k->device, &k->choice, &c) : 0;
    if (c.tile) {
        rk_status status = ocl_winograd(k, &c, &code, info, e);
        if (status != RK_E_UNSUPPORTED || k->choice.way || k->n_steps) return status;
    }
    c.tf32 = op->flags & RK_OP_FAST ? wants_tf32(k->device, &k->choice, &c) : 0;
    return k->device->cpu ? ocl_conv_cpu(k, &c, &code, info, e)
                          : ocl_conv_gpu(k, &c, &code, info, e);
}
