/* Running one op, with guard zones, twice. */
#include "base/text.h"
#include "check/sample.h"
#include "device/tuned.h"
#include <stdlib.h>
#include <string.h>

/* One op in flight: every operand lies in one allocation, with guard zones between. */
typedef struct flight {
    rk_op op;
    rk_kernel *kernel;
    rk_mem *mem;
    rk_arg arg[2 * RK_SAMPLE_TENSORS + 1];
    size_t bytes[2 * RK_SAMPLE_TENSORS + 1];
    uint32_t n;
    size_t total;
    int alias;
    unsigned char *image, *before; /* of the whole allocation: as read, as written */
} flight;

static bool is_alias(const flight *f, uint32_t i)
{
    return f->alias >= 0 && i == f->op.n_in + (uint32_t)f->alias / RK_SAMPLE_ALIAS;
}

static void layout(flight *f, const rk_bed *b, const rk_kinfo *info)
{
    size_t align = b->info.mem_align ? b->info.mem_align : 1, at = RK_SAMPLE_GUARD;
    f->n = f->op.n_in + f->op.n_out + (info->workspace ? 1u : 0u);
    for (uint32_t i = 0; i < f->n; i++) {
        const rk_tensor *t = i < f->op.n_in ? &f->op.in[i] : &f->op.out[i - f->op.n_in];
        if (i < f->op.n_in + f->op.n_out)
            f->bytes[i] = (size_t)rk_tensor_extent(t) * rk_dtype_bytes(t->dtype);
        else
            f->bytes[i] = (size_t)info->workspace;
        at = (at + align - 1) / align * align;
        if (at / align % 2 == 0) at += align; /* not better aligned than was asked for */
        f->arg[i] = (rk_arg){NULL, at};
        if (is_alias(f, i))
            f->arg[i].offset = f->arg[f->alias % RK_SAMPLE_ALIAS].offset;
        else
            at += f->bytes[i] + RK_SAMPLE_GUARD;
    }
    f->total = at;
}

/* Guard zones and workspace hold other bytes in the second run. */
static void fill(flight *f, const void *const *in, const void *const *out, bool again)
{
    for (size_t i = 0; i < f->total; i++)
        f->before[i] = (unsigned char)(again ? 0x3Du + i * 5u : 0xA5u ^ (i * 7u));
    for (uint32_t i = 0; i < f->op.n_in + f->op.n_out; i++) {
        const void *src = i < f->op.n_in ? in[i] : out[i - f->op.n_in];
        if (!is_alias(f, i) && f->bytes[i]) memcpy(f->before + f->arg[i].offset, src, f->bytes[i]);
    }
}

static rk_status run_once(rk_bed *b, flight *f, rk_error *e)
{
    RK_TRY(b->backend->write(b->device, f->mem, 0, f->before, f->total, e));
    long calls = b->alloc.calls;
    RK_TRY(b->backend->launch(b->device, f->kernel, f->arg, f->n, e));
    if (b->alloc.calls != calls) return RK_FAIL(e, RK_E_INTERNAL, "launch allocated host memory");
    return b->backend->read(b->device, f->mem, 0, f->image, f->total, e);
}

static const char *argument(const flight *f, uint32_t i, uint32_t *number)
{
    *number = i < f->op.n_in ? i : i - f->op.n_in;
    if (i < f->op.n_in) return "input";
    if (i < f->op.n_in + f->op.n_out) return "output";
    *number = 0;
    return "workspace";
}

/* Everything but outputs and workspace must be as it was. */
static rk_status guards_intact(const flight *f, rk_error *e)
{
    uint32_t number;
    for (uint32_t i = f->op.n_in; i < f->n; i++)
        memcpy(f->before + f->arg[i].offset, f->image + f->arg[i].offset, f->bytes[i]);
    if (memcmp(f->before, f->image, f->total) == 0) return RK_OK;
    size_t at = 0;
    while (f->before[at] == f->image[at]) at++;
    for (uint32_t i = 0; i < f->n; i++)
        if (at >= f->arg[i].offset && at < f->arg[i].offset + f->bytes[i])
            return RK_FAIL(e, RK_E_INTERNAL, "input %u was overwritten, at byte %zu", i,
                           at - (size_t)f->arg[i].offset);
    for (uint32_t i = f->n; i-- > 0;)
        if (at >= f->arg[i].offset) {
            const char *what = argument(f, i, &number);
            return RK_FAIL(e, RK_E_INTERNAL, "wrote behind %s %u, %zu bytes after its end", what,
                           number, at - (size_t)f->arg[i].offset - f->bytes[i]);
        }
    return RK_FAIL(e, RK_E_INTERNAL, "wrote before the first argument");
}

static rk_status run_twice(rk_bed *b, flight *f, const void *const *in, void *const *out,
                           rk_ran *ran, rk_error *e)
{
    unsigned char *first = malloc(f->total + 1);
    if (!first) return RK_FAIL(e, RK_E_NOMEM, "no host memory");
    rk_status s = RK_OK;
    for (int again = 0; s == RK_OK && again < 2; again++) {
        fill(f, in, (const void *const *)out, again);
        s = run_once(b, f, e);
        for (uint32_t j = 0; s == RK_OK && j < f->op.n_out; j++) {
            uint32_t i = f->op.n_in + j;
            if (again && memcmp(first + f->arg[i].offset, f->image + f->arg[i].offset, f->bytes[i]))
                ran->differs = true, ran->other = j;
        }
        if (s == RK_OK) s = guards_intact(f, e);
        if (!again) memcpy(first, f->image, f->total);
    }
    for (uint32_t j = 0; s == RK_OK && j < f->op.n_out; j++)
        if (f->bytes[f->op.n_in + j])
            memcpy(out[j], first + f->arg[f->op.n_in + j].offset, f->bytes[f->op.n_in + j]);
    free(first);
    return s;
}

static rk_status note(rk_bed *b, rk_status s)
{
    b->lost = b->lost || s == RK_E_DEVICE;
    return s;
}

static rk_status run_prepared(rk_bed *b, flight *f, const void *const *in, void *const *out,
                              rk_ran *ran, rk_error *e)
{
    layout(f, b, &ran->info);
    RK_TRY(note(b, b->backend->mem_alloc(b->device, f->total, &f->mem, e)));
    for (uint32_t i = 0; i < f->n; i++) f->arg[i].mem = f->mem;
    f->image = malloc(2 * f->total);
    rk_status s = f->image ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no host memory");
    f->before = f->image + f->total;
    if (s == RK_OK) s = note(b, run_twice(b, f, in, out, ran, e));
    free(f->image);
    if (!b->lost) b->backend->mem_free(b->device, f->mem);
    return s;
}

/* With the option choices=SEED in a way that the backend's tuner might have chosen. */
static rk_status prepare_any(rk_bed *b, const rk_op *op, rk_kernel **k, rk_kinfo *info, rk_error *e)
{
    char name[64];
    uint64_t seed;
    const char *option = b->host.option ? b->host.option(b->host.ctx, "choices") : NULL;
    if (option && rk_parse_u64(option, &seed) &&
        rk_choice_draw(b->backend, b->device, op, seed, name))
        return b->backend->prepare_choice(b->device, op, name, k, info, e);
    return b->backend->prepare(b->device, op, k, info, e);
}

static rk_status prepare(rk_bed *b, const rk_op *op, rk_kernel **k, rk_kinfo *info, rk_error *e)
{
    *k = NULL;
    *info = (rk_kinfo){.size = sizeof *info};
    rk_status s = note(b, prepare_any(b, op, k, info, e));
    info->impl[sizeof info->impl - 1] = '\0';
    if (s == RK_OK && !*k) return RK_FAIL(e, RK_E_INTERNAL, "prepare gave no kernel");
    return s;
}

rk_status rk_sample_info(rk_bed *b, const rk_sample *t, rk_kinfo *info, rk_error *e)
{
    const rk_op op = rk_sample_op(t);
    rk_kernel *kernel;
    RK_TRY(prepare(b, &op, &kernel, info, e));
    b->backend->release(b->device, kernel);
    return RK_OK;
}

rk_status rk_sample_run_ran(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                            int alias, rk_ran *ran, rk_error *e)
{
    flight f = {.op = rk_sample_op(t), .alias = alias};
    *ran = (rk_ran){.differs = false};
    RK_TRY(prepare(b, &f.op, &f.kernel, &ran->info, e));
    rk_status s = run_prepared(b, &f, in, out, ran, e);
    if (!b->lost) b->backend->release(b->device, f.kernel);
    return s;
}

rk_status rk_sample_run_info(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                             int alias, rk_kinfo *info, rk_error *e)
{
    rk_ran ran;
    rk_status s = rk_sample_run_ran(b, t, in, out, alias, &ran, e);
    if (info) *info = ran.info;
    if (s == RK_OK && ran.differs)
        s = RK_FAIL(e, RK_E_INTERNAL, "output %u differs in the second run", ran.other);
    return s;
}

rk_status rk_sample_run(rk_bed *b, const rk_sample *t, const void *const *in, void *const *out,
                        int alias, rk_error *e)
{
    return rk_sample_run_info(b, t, in, out, alias, NULL, e);
}
