#include "device/exam.h"
#include "rethink/numerics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t words_of(const rk_tensor *t)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) n *= (size_t)t->dim[i];
    return n;
}

static rk_status launch(rk_examiner *t, rk_exam *c, rk_kernel *kernel, uint64_t workspace)
{
    rk_arg arg[RK_EXAM_SLOTS + 1];
    rk_mem *scratch = NULL;
    uint32_t n = c->op.n_in + c->op.n_out;
    for (uint32_t i = 0; i < n; i++) {
        arg[i] = (rk_arg){t->memory, (uint64_t)i * RK_EXAM_SLOT};
        if (i < c->op.n_in)
            RK_TRY(rk_open_write(t->device, t->memory, arg[i].offset, c->host[i],
                                 4 * words_of(&c->tensor[i]), t->e));
    }
    if (workspace) RK_TRY(rk_open_alloc(t->device, workspace, &scratch, t->e));
    if (workspace) arg[n++] = (rk_arg){scratch, 0};
    rk_status status = rk_open_launch(t->device, kernel, arg, n, t->e);
    if (status == RK_OK) status = rk_open_sync(t->device, t->e);
    rk_open_free(t->device, scratch);
    return status;
}

static bool same(uint32_t dtype, uint32_t a, uint32_t b)
{
    bool both_nan = (a & 0x7FFFFFFFu) > RK_INF_BITS && (b & 0x7FFFFFFFu) > RK_INF_BITS;
    return a == b || (dtype == RK_F32 && both_nan);
}

/* Reads an output and notes the first element that differs. */
static rk_status compare(rk_examiner *t, const rk_exam *c, uint32_t i)
{
    size_t n = words_of(&c->tensor[i]);
    uint32_t *got = malloc(4 * n);
    if (!got) return RK_FAIL(t->e, RK_E_NOMEM, "no memory for the self-test");
    rk_status status =
        rk_open_read(t->device, t->memory, (uint64_t)i * RK_EXAM_SLOT, got, 4 * n, t->e);
    for (size_t j = 0; status == RK_OK && t->out->exact && j < n; j++) {
        if (same(c->tensor[i].dtype, got[j], c->host[i][j])) continue;
        t->out->exact = false;
        snprintf(t->out->reason, sizeof t->out->reason,
                 "%s: output %u, element %zu is 0x%08X, exact is 0x%08X", c->name, i - c->op.n_in,
                 j, got[j], c->host[i][j]);
    }
    free(got);
    return status;
}

static rk_status run_prepared(rk_examiner *t, rk_exam *c, rk_kernel *kernel, uint64_t workspace)
{
    RK_TRY(launch(t, c, kernel, workspace));
    for (uint32_t i = c->op.n_in; i < c->op.n_in + c->op.n_out; i++) RK_TRY(compare(t, c, i));
    return RK_OK;
}

rk_status rk_exam_run(rk_examiner *t, rk_exam *c)
{
    rk_kernel *kernel;
    rk_kinfo info;
    c->op.size = sizeof c->op;
    c->op.in = c->tensor;
    c->op.out = c->tensor + c->op.n_in;
    if (!t->out->exact) return RK_OK;
    rk_status status = rk_open_prepare(t->device, &c->op, false, &kernel, &info, t->e);
    if (status == RK_E_UNSUPPORTED) return RK_OK;
    if (status != RK_OK) return rk_error_prefix(t->e, "%s", c->name);
    if (info.tier != RK_TIER_EXACT) {
        t->out->exact = false;
        snprintf(t->out->reason, sizeof t->out->reason, "%s: its kernel claims no exactness",
                 c->name);
    }
    status = run_prepared(t, c, kernel, info.workspace);
    rk_open_release(t->device, kernel);
    return status;
}

/* ---- operands ---- */

/* Floats of every kind: of modest size; any bits at all; subnormal. */
static uint32_t hard_word(uint32_t i, uint32_t stream)
{
    uint32_t c[4] = {i / 4, 0, 0, stream};
    rk_philox(c, 1, 2);
    uint32_t w = c[i % 4];
    if (i % 4 == 1) return w;
    if (i % 4 == 3) return w & 0x807FFFFFu;
    return (w & 0x80FFFFFFu) | 0x3F000000u;
}

void rk_exam_fill(uint32_t *out, size_t n, uint32_t stream, bool modest)
{
    for (size_t i = 0; i < n; i++)
        out[i] = hard_word(modest ? 4 * (uint32_t)i : (uint32_t)i, stream);
}

rk_status rk_exam_with_memory(rk_examiner *t, rk_exam *c,
                              rk_status (*body)(rk_examiner *, rk_exam *))
{
    uint32_t *words = malloc((size_t)RK_EXAM_SLOTS * RK_EXAM_SLOT);
    if (!words) return RK_FAIL(t->e, RK_E_NOMEM, "no memory for the self-test");
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < RK_EXAM_SLOTS; i++) c->host[i] = words + i * (RK_EXAM_SLOT / 4);
    rk_status status = body(t, c);
    free(words);
    return status;
}
