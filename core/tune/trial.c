#include "tune/trial.h"
#include "base/os.h"
#include "plan/plan.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rk_status no_memory(rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to try kernels");
}

/* ---- operands ---- */

static uint64_t tensor_bytes(const rk_tensor *t)
{
    uint64_t bytes = rk_dtype_bytes(t->dtype);
    for (uint32_t d = 0; d < t->rank; d++)
        bytes *= t->stride[d] || t->dim[d] == 0 ? (uint64_t)t->dim[d] : 1;
    return bytes;
}

static uint64_t argument_bytes(const rk_op *op, uint32_t i)
{
    return tensor_bytes(i < op->n_in ? &op->in[i] : &op->out[i - op->n_in]);
}

/* Steele et al. 2014: SplitMix64. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Numbers of all signs around 0, none special; words are small, as indexes are. */
static void fill(unsigned char *to, uint32_t dtype, uint64_t bytes, uint64_t *state)
{
    for (uint64_t i = 0; dtype == RK_U8 && i < bytes; i++) to[i] = (unsigned char)next(state);
    for (uint64_t i = 0; dtype != RK_U8 && i < bytes; i += 4) {
        uint32_t word = (uint32_t)(next(state) & 1023u);
        float number = (float)(int32_t)(next(state) >> 40) * 0x1p-23f - 1.0f;
        if (dtype == RK_F32)
            memcpy(to + i, &number, 4);
        else
            memcpy(to + i, &word, 4);
    }
}

static rk_status launch(rk_open *d, rk_mem *const *mem, uint32_t n, rk_mem *workspace,
                        rk_kernel *kernel, rk_error *e)
{
    rk_arg arg[RK_TUNE_ARGS + 1];
    for (uint32_t i = 0; i < n; i++) arg[i] = (rk_arg){mem[i], 0};
    if (workspace) arg[n++] = (rk_arg){workspace, 0};
    return rk_open_launch(d, kernel, arg, n, e);
}

/* Runs a kernel of the reference on operands of the host; out[j] gets output j. */
static rk_status run_reference(rk_tune_trial *t, const rk_op *op, unsigned char *const *in,
                               unsigned char *const *out, float *ulp, rk_error *e)
{
    rk_mem *mem[RK_TUNE_ARGS] = {NULL}, *workspace = NULL;
    rk_open *d = t->reference;
    rk_kernel *kernel;
    rk_kinfo info;
    uint32_t n = op->n_in + op->n_out;
    RK_TRY(rk_open_prepare(d, op, true, &kernel, &info, e));
    rk_status s = info.workspace ? rk_open_alloc(d, info.workspace, &workspace, e) : RK_OK;
    for (uint32_t i = 0; s == RK_OK && i < n; i++) {
        uint64_t bytes = argument_bytes(op, i);
        s = rk_open_alloc(d, bytes ? bytes : 1, &mem[i], e);
        if (s == RK_OK && i < op->n_in) s = rk_open_write(d, mem[i], 0, in[i], bytes, e);
    }
    if (s == RK_OK) s = launch(d, mem, n, workspace, kernel, e);
    for (uint32_t j = 0; s == RK_OK && j < op->n_out; j++)
        s = rk_open_read(d, mem[op->n_in + j], 0, out[j], argument_bytes(op, op->n_in + j), e);
    *ulp = info.ulp;
    rk_open_sync(d, NULL);
    for (uint32_t i = 0; i < n; i++) rk_open_free(d, mem[i]);
    rk_open_free(d, workspace);
    rk_open_release(d, kernel);
    return s;
}

/* A product or convolution without its program: its result, and the sums of its terms' magnitudes,
 * which are the same op on the operands' magnitudes.  Leaves these in in[]. */
static rk_status find_raw(rk_tune_trial *t, const rk_op *op, unsigned char *const *in, rk_near *raw,
                          uint64_t n, rk_error *e)
{
    rk_tensor result = op->out[0];
    rk_op bare = *op;
    int64_t dense = 1;
    result.dtype = RK_F32;
    for (uint32_t d = result.rank; d-- > 0; dense *= result.dim[d]) result.stride[d] = dense;
    bare.n_in = 2, bare.n_out = 1, bare.out = &result;
    bare.n_code = bare.n_imm = 0;
    float *x = malloc(n * sizeof *x + 1);
    unsigned char *out[1] = {(unsigned char *)x};
    rk_status s = x ? run_reference(t, &bare, in, out, &t->reference_ulp, e) : no_memory(e);
    for (uint64_t i = 0; s == RK_OK && i < n; i++) raw[i].v = (double)x[i];
    for (uint32_t j = 0; j < 2; j++)
        for (uint64_t i = 3; i < t->bytes[j]; i += 4) in[j][i] &= 0x7F; /* little-endian */
    if (s == RK_OK) s = run_reference(t, &bare, in, out, &t->reference_ulp, e);
    for (uint64_t i = 0; s == RK_OK && i < n; i++) raw[i].e = (double)x[i];
    free(x);
    rk_near_sums(raw, s == RK_OK ? (int64_t)n : 0);
    return s;
}

/* What the program makes of it, in double precision; an op that is too long for that is left
 * without. */
static rk_status through_program(rk_tune_trial *t, unsigned char *const *in, const rk_near *raw,
                                 uint64_t n, rk_error *e)
{
    const rk_op *op = t->op;
    if (op->n_in > RK_SAMPLE_TENSORS || op->n_out > RK_SAMPLE_TENSORS ||
        op->n_code > RK_SAMPLE_CODE || op->n_imm > RK_SAMPLE_IMM)
        return RK_OK;
    rk_sample *x = calloc(1, sizeof *x);
    rk_operands *d = calloc(1, sizeof *d);
    rk_status s = x && d ? RK_OK : no_memory(e);
    for (uint32_t j = 0; s == RK_OK && j < op->n_out; j++) {
        t->near[j] = malloc(n * sizeof **t->near + 1);
        if (!t->near[j]) s = no_memory(e);
    }
    if (s == RK_OK) {
        x->op = *op;
        memcpy(x->in, op->in, op->n_in * sizeof *x->in);
        memcpy(x->out, op->out, op->n_out * sizeof *x->out);
        memcpy(x->code, op->code, op->n_code * sizeof *x->code);
        if (op->n_imm) memcpy(x->imm, op->imm, op->n_imm * sizeof *x->imm);
        for (uint32_t j = 0; j < op->n_in; j++) d->in[j] = in[j];
        memcpy(d->near, t->near, op->n_out * sizeof *d->near);
        rk_oracle_program(x, d, raw, 2, NULL);
    }
    free(x);
    free(d);
    return s;
}

static rk_status find_near(rk_tune_trial *t, const rk_op *right, unsigned char *const *in,
                           rk_error *e)
{
    uint64_t n = (uint64_t)rk_tensor_count(&t->op->out[0]);
    rk_near *raw = malloc(n * sizeof *raw + 1);
    rk_status s = raw ? find_raw(t, right, in, raw, n, e) : no_memory(e);
    if (s == RK_OK && t->op->n_code) {
        s = through_program(t, in, raw, n, e);
    } else if (s == RK_OK) {
        t->near[0] = raw;
        return RK_OK;
    }
    free(raw);
    return s;
}

static rk_status make_operands(rk_tune_trial *t, uint64_t seed, rk_error *e)
{
    const rk_op *op = t->op;
    unsigned char *in[RK_TUNE_ARGS] = {NULL};
    rk_op right = *op;
    rk_status s = RK_OK;
    right.flags = 0;
    for (uint32_t i = 0; s == RK_OK && i < t->n_arg; i++) {
        s = rk_open_alloc(t->device, t->bytes[i] ? t->bytes[i] : 1, &t->mem[i], e);
        if (s != RK_OK || i >= op->n_in) continue;
        in[i] = malloc(t->bytes[i] + 1);
        if (!in[i]) s = no_memory(e);
        if (s == RK_OK) fill(in[i], op->in[i].dtype, t->bytes[i], &seed);
        if (s == RK_OK) s = rk_open_write(t->device, t->mem[i], 0, in[i], t->bytes[i], e);
    }
    if (s == RK_OK) s = run_reference(t, &right, in, t->want, &t->reference_ulp, e);
    bool product = op->kind == RK_MATMUL || op->kind == RK_CONV;
    if (s == RK_OK && !t->exact && product) s = find_near(t, &right, in, e);
    for (uint32_t i = 0; i < op->n_in; i++) free(in[i]);
    return s;
}

rk_status rk_tune_trial_open(rk_tune_trial *t, rk_open *device, rk_open *reference, const rk_op *op,
                             bool exact, uint64_t seed, rk_error *e)
{
    uint64_t largest = 1;
    *t = (rk_tune_trial){.device = device, .reference = reference, .op = op, .exact = exact};
    t->n_arg = op->n_in + op->n_out;
    if (t->n_arg > RK_TUNE_ARGS)
        return RK_FAIL(e, RK_E_UNSUPPORTED, "it has %u operands", t->n_arg);
    for (uint32_t i = 0; i < t->n_arg; i++) t->bytes[i] = argument_bytes(op, i);
    for (uint32_t j = 0; j < op->n_out; j++) {
        uint64_t bytes = t->bytes[op->n_in + j];
        if (bytes > largest) largest = bytes;
        t->want[j] = malloc(bytes + 1);
        if (!t->want[j]) return no_memory(e);
    }
    t->got = malloc(largest);
    t->dirt = malloc(largest);
    if (!t->got || !t->dirt) return no_memory(e);
    memset(t->dirt, 0xFF, largest);
    return make_operands(t, seed, e);
}

void rk_tune_trial_close(rk_tune_trial *t)
{
    if (t->device) rk_open_sync(t->device, NULL);
    for (uint32_t i = 0; t->device && i < t->n_arg && i < RK_TUNE_ARGS; i++) {
        rk_open_free(t->device, t->mem[i]);
        free(t->want[i]);
        free(t->near[i]);
    }
    if (t->workspace) rk_open_free(t->device, t->workspace);
    free(t->got);
    free(t->dirt);
    *t = (rk_tune_trial){.device = NULL};
}

/* ---- kernels ---- */

static rk_status need_workspace(rk_tune_trial *t, uint64_t bytes, rk_error *e)
{
    if (bytes <= t->workspace_bytes) return RK_OK;
    rk_mem *more = NULL; /* beside the one there is, which other kernels need if this one fails */
    RK_TRY(rk_open_alloc(t->device, bytes, &more, e));
    rk_status s = rk_open_sync(t->device, e);
    if (t->workspace) rk_open_free(t->device, t->workspace);
    t->workspace = more;
    t->workspace_bytes = bytes;
    return s;
}

rk_status rk_tune_trial_prepare(rk_tune_trial *t, const char *choice, rk_tune_trial_kernel *out,
                                rk_error *e)
{
    rk_open *d = t->device;
    rk_status s =
        choice ? rk_open_prepare_choice(d, t->op, t->exact, choice, &out->kernel, &out->info, e)
               : rk_open_prepare(d, t->op, t->exact, &out->kernel, &out->info, e);
    if (s == RK_OK) s = need_workspace(t, out->info.workspace, e);
    if (s == RK_OK || !out->kernel) return s;
    rk_open_release(d, out->kernel);
    out->kernel = NULL;
    return s;
}

static rk_status run(rk_tune_trial *t, const rk_tune_trial_kernel *k, rk_error *e)
{
    return launch(t->device, t->mem, t->n_arg, k->info.workspace ? t->workspace : NULL, k->kernel,
                  e);
}

static bool is_same(uint32_t dtype, const unsigned char *a, const unsigned char *b)
{
    float x, y;
    if (memcmp(a, b, 4) == 0) return true;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return dtype == RK_F32 && isnan(x) && isnan(y);
}

static void judge(const rk_tune_trial *t, const rk_kinfo *info, uint32_t output, char wrong[160])
{
    const uint32_t dtype = t->op->out[output].dtype, size = rk_dtype_bytes(dtype);
    uint64_t bad = 0, n = t->bytes[t->op->n_in + output] / size;
    const unsigned char *want = t->want[output];
    const rk_near *near = info->tier == RK_TIER_EXACT ? NULL : t->near[output];
    double ulp = (double)info->ulp + (double)t->reference_ulp;
    if (info->tier != RK_TIER_EXACT && !near) {
        snprintf(wrong, 160, "a fast kernel that cannot be judged: its program is too long");
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        if (near)
            bad += !rk_near_is(dtype, rk_word_at(t->got, dtype, (int64_t)i), near[i], ulp);
        else
            bad += size == 1 ? t->got[i] != want[i] : !is_same(dtype, t->got + 4 * i, want + 4 * i);
    if (bad)
        snprintf(wrong, 160, "wrong: %llu of %llu elements of result %u", (unsigned long long)bad,
                 (unsigned long long)n, output);
}

rk_status rk_tune_trial_check(rk_tune_trial *t, const rk_tune_trial_kernel *k, char wrong[160],
                              rk_error *e)
{
    const uint32_t first = t->op->n_in;
    wrong[0] = '\0';
    for (int twice = 0; twice < 2 && !wrong[0]; twice++) {
        for (uint32_t j = 0; j < t->op->n_out; j++)
            RK_TRY(rk_open_write(t->device, t->mem[first + j], 0, t->dirt, t->bytes[first + j], e));
        RK_TRY(run(t, k, e));
        for (uint32_t j = 0; j < t->op->n_out && !wrong[0]; j++) {
            RK_TRY(rk_open_read(t->device, t->mem[first + j], 0, t->got, t->bytes[first + j], e));
            judge(t, &k->info, j, wrong);
        }
    }
    return RK_OK;
}

rk_status rk_tune_trial_time(rk_tune_trial *t, const rk_tune_trial_kernel *k, uint32_t n,
                             double *seconds, rk_error *e)
{
    RK_TRY(rk_open_sync(t->device, e));
    uint64_t begun = rk_os_now_ns();
    for (uint32_t i = 0; i < n; i++) RK_TRY(run(t, k, e));
    RK_TRY(rk_open_sync(t->device, e));
    *seconds = 1e-9 * (double)(rk_os_now_ns() - begun + 1) / n;
    return RK_OK;
}
