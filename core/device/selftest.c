/* The exactness self-test: what a device must get right, bit for bit, before it may run an exact
 * experiment.  Each case is one kernel whose outputs the host computes too, from numerics.h and the
 * definitions of backend.h.  Cases are chosen for what devices get wrong: contraction of a product
 * and a sum, subnormals, division, root, functions, orders of summation. */
#include "base/os.h"
#include "device/hub.h"
#include "rethink/numerics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT = 256 * 256 * 4, /* bytes for one operand; a multiple of every mem_align */
    SLOTS = 12,
    N = 1024,    /* elements of a program's operands */
    SPEED = 256, /* m = n = k of the matmul that is timed */
    SPEED_RUNS = 4
};

typedef struct tester {
    const rk_backend *table;
    rk_device *device;
    rk_mem *memory;
    rk_selftest *out;
    rk_error *e;
} tester;

/* One kernel and its operands: words in, words expected. */
typedef struct trial {
    const char *name;
    rk_op op;
    rk_tensor tensor[SLOTS]; /* in, then out */
    uint32_t *host[SLOTS];   /* values of inputs, expected values of outputs */
} trial;

static rk_tensor dense(uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    rk_tensor t = {.dtype = dtype, .rank = rank};
    int64_t stride = 1;
    for (uint32_t i = rank; i-- > 0;) {
        t.dim[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    return t;
}

static size_t words_of(const rk_tensor *t)
{
    size_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) n *= (size_t)t->dim[i];
    return n;
}

/* ---- running one trial ---- */

static rk_status launch(tester *t, trial *c, rk_kernel *kernel, uint64_t workspace)
{
    rk_arg arg[SLOTS + 1];
    rk_mem *scratch = NULL;
    uint32_t n = c->op.n_in + c->op.n_out;
    for (uint32_t i = 0; i < n; i++) {
        arg[i] = (rk_arg){t->memory, (uint64_t)i * SLOT};
        if (i < c->op.n_in)
            RK_TRY(t->table->write(t->device, t->memory, arg[i].offset, c->host[i],
                                   4 * words_of(&c->tensor[i]), t->e));
    }
    if (workspace) RK_TRY(t->table->mem_alloc(t->device, workspace, &scratch, t->e));
    if (workspace) arg[n++] = (rk_arg){scratch, 0};
    rk_status status = t->table->launch(t->device, kernel, arg, n, t->e);
    if (status == RK_OK) status = t->table->sync(t->device, t->e);
    if (scratch) t->table->mem_free(t->device, scratch);
    return status;
}

static bool same(uint32_t dtype, uint32_t a, uint32_t b)
{
    bool both_nan = (a & 0x7FFFFFFFu) > RK_INF_BITS && (b & 0x7FFFFFFFu) > RK_INF_BITS;
    return a == b || (dtype == RK_F32 && both_nan);
}

/* Reads an output and notes the first element that differs. */
static rk_status compare(tester *t, const trial *c, uint32_t i)
{
    size_t n = words_of(&c->tensor[i]);
    uint32_t *got = malloc(4 * n);
    if (!got) return RK_FAIL(t->e, RK_E_NOMEM, "no memory for the self-test");
    rk_status status = t->table->read(t->device, t->memory, (uint64_t)i * SLOT, got, 4 * n, t->e);
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

static rk_status run_prepared(tester *t, trial *c, rk_kernel *kernel, uint64_t workspace)
{
    RK_TRY(launch(t, c, kernel, workspace));
    for (uint32_t i = c->op.n_in; i < c->op.n_in + c->op.n_out; i++) RK_TRY(compare(t, c, i));
    return RK_OK;
}

/* A kind that the backend does not have is not wrong: placement will name it. */
static rk_status run(tester *t, trial *c)
{
    rk_kernel *kernel = NULL;
    rk_kinfo info = {.size = sizeof info};
    c->op.size = sizeof c->op;
    c->op.in = c->tensor;
    c->op.out = c->tensor + c->op.n_in;
    if (!t->out->exact) return RK_OK;
    rk_status status = t->table->prepare(t->device, &c->op, &kernel, &info, t->e);
    if (status == RK_E_UNSUPPORTED) return RK_OK;
    if (status != RK_OK) {
        rk_error_prefix(t->e, "%s", c->name);
        return status; /* not what the prefix returns: the backend may have left the record empty */
    }
    if (info.tier != RK_TIER_EXACT) {
        t->out->exact = false;
        snprintf(t->out->reason, sizeof t->out->reason, "%s: its kernel claims no exactness",
                 c->name);
    }
    status = run_prepared(t, c, kernel, info.workspace);
    t->table->release(t->device, kernel);
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

static void fill(uint32_t *out, size_t n, uint32_t stream, bool modest)
{
    for (size_t i = 0; i < n; i++)
        out[i] = hard_word(modest ? 4 * (uint32_t)i : (uint32_t)i, stream);
}

static rk_status with_memory(tester *t, trial *c, rk_status (*body)(tester *, trial *))
{
    uint32_t *words = malloc((size_t)SLOTS * SLOT);
    if (!words) return RK_FAIL(t->e, RK_E_NOMEM, "no memory for the self-test");
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < SLOTS; i++) c->host[i] = words + i * (SLOT / 4);
    rk_status status = body(t, c);
    free(words);
    return status;
}

/* ---- trials ---- */

/* An EWISE program on two inputs: every instruction is stored. */
static rk_status program(tester *t, trial *c, const char *name, const uint16_t *ops, uint32_t n)
{
    static const int64_t dim[] = {N};
    rk_ins code[8];
    c->name = name;
    c->op.kind = RK_EWISE;
    c->op.n_in = 2;
    c->op.n_out = n;
    c->op.n_code = 2 * n;
    c->op.code = code;
    for (uint32_t i = 0; i < 2 + n; i++) c->tensor[i] = dense(RK_F32, 1, dim);
    for (uint32_t i = 0; i < n; i++) {
        code[i] = (rk_ins){ops[i], RK_R_IN + 0, RK_R_IN + 1, 0};
        if (ops[i] >= RK_I_FNEG) code[i].b = 0;
        code[n + i] = (rk_ins){RK_I_STORE, (uint16_t)(RK_R_INS + i), (uint16_t)i, 0};
    }
    return run(t, c);
}

static rk_status arithmetic(tester *t, trial *c)
{
    static const uint16_t ops[] = {RK_I_FMUL, RK_I_FDIV, RK_I_FRECIP, RK_I_FSQRT};
    fill(c->host[0], N, 1, false);
    fill(c->host[1], N, 2, false);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = c->host[0][i], y = c->host[1][i];
        c->host[2][i] = rk_op_FMUL(x, y);
        c->host[3][i] = rk_op_FDIV(x, y);
        c->host[4][i] = rk_op_FRECIP(x);
        c->host[5][i] = rk_op_FSQRT(x);
    }
    return program(t, c, "product, quotient, reciprocal and root", ops, 4);
}

static rk_status functions(tester *t, trial *c)
{
    static const uint16_t ops[] = {RK_I_FEXP, RK_I_FLOG, RK_I_FSIN, RK_I_FCOS};
    fill(c->host[0], N, 3, false);
    fill(c->host[1], N, 4, false);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = c->host[0][i];
        c->host[2][i] = rk_op_FEXP(x);
        c->host[3][i] = rk_op_FLOG(x);
        c->host[4][i] = rk_op_FSIN(x);
        c->host[5][i] = rk_op_FCOS(x);
    }
    return program(t, c, "exp, log, sin and cos", ops, 4);
}

/* x * y + x and x * y - y: two roundings each, never one. */
static rk_status contraction(tester *t, trial *c)
{
    static const int64_t dim[] = {N};
    static const rk_ins code[] = {{RK_I_FMUL, RK_R_IN + 0, RK_R_IN + 1, 0},
                                  {RK_I_FADD, RK_R_INS + 0, RK_R_IN + 0, 0},
                                  {RK_I_FSUB, RK_R_INS + 0, RK_R_IN + 1, 0},
                                  {RK_I_STORE, RK_R_INS + 1, 0, 0},
                                  {RK_I_STORE, RK_R_INS + 2, 1, 0}};
    fill(c->host[0], N, 5, true);
    fill(c->host[1], N, 6, true);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t product = rk_op_FMUL(c->host[0][i], c->host[1][i]);
        c->host[2][i] = rk_op_FADD(product, c->host[0][i]);
        c->host[3][i] = rk_op_FSUB(product, c->host[1][i]);
    }
    for (uint32_t i = 0; i < 4; i++) c->tensor[i] = dense(RK_F32, 1, dim);
    c->name = "a product and a sum, rounded one by one";
    c->op.kind = RK_EWISE;
    c->op.n_in = c->op.n_out = 2;
    c->op.code = code;
    c->op.n_code = sizeof code / sizeof *code;
    return run(t, c);
}

/* Sum by lanes and blocks, as numerics.h says. */
static float sum_of(float *x, size_t n)
{
    for (;;) {
        size_t blocks = 0;
        for (size_t at = 0; at < n || blocks == 0; at += RK_SUM_BLOCK) {
            float lane[RK_SUM_LANES] = {0};
            for (size_t i = at; i < n && i < at + RK_SUM_BLOCK; i++)
                lane[(i - at) % RK_SUM_LANES] += x[i];
            for (size_t w = RK_SUM_LANES / 2; w > 0; w /= 2)
                for (size_t l = 0; l < w; l++) lane[l] += lane[l + w];
            x[blocks++] = lane[0]; /* at or before what was read */
        }
        if (blocks == 1) return x[0];
        n = blocks;
    }
}

static rk_status sums(tester *t, trial *c)
{
    enum { ROWS = 2, LENGTH = 3001 };
    static const int64_t in[] = {ROWS, LENGTH, 1}, out[] = {ROWS, 1, 1};
    float row[LENGTH];
    fill(c->host[0], (size_t)ROWS * LENGTH, 7, true);
    for (size_t r = 0; r < ROWS; r++) {
        memcpy(row, c->host[0] + r * LENGTH, sizeof row);
        c->host[1][r] = rk_bits(sum_of(row, LENGTH));
    }
    c->name = "a sum of 3001 numbers";
    c->tensor[0] = dense(RK_F32, 3, in);
    c->tensor[1] = dense(RK_F32, 3, out);
    c->op.kind = RK_REDUCE;
    c->op.n_in = c->op.n_out = 1;
    memcpy(c->op.p, (const int64_t[]){RK_REDUCE_SUM, ROWS, LENGTH, 1}, 4 * sizeof(int64_t));
    return run(t, c);
}

static rk_status products(tester *t, trial *c)
{
    enum { M = 37, K = 129, O = 29 };
    static const int64_t a[] = {1, M, K}, b[] = {1, O, K}, y[] = {1, M, O};
    fill(c->host[0], (size_t)M * K, 8, true);
    fill(c->host[1], (size_t)O * K, 9, true);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < O; j++) {
            float acc = 0;
            for (size_t k = 0; k < K; k++)
                acc = __builtin_fmaf(rk_float(c->host[0][i * K + k]),
                                     rk_float(c->host[1][j * K + k]), acc);
            c->host[2][i * O + j] = rk_bits(acc);
        }
    c->name = "a matrix product";
    c->tensor[0] = dense(RK_F32, 3, a);
    c->tensor[1] = dense(RK_F32, 3, b);
    c->tensor[2] = dense(RK_F32, 3, y);
    c->op.kind = RK_MATMUL;
    c->op.n_in = 2;
    c->op.n_out = 1;
    memcpy(c->op.p, (const int64_t[]){1, M, O, K, 0, 1, M * K, O * K}, 8 * sizeof(int64_t));
    return run(t, c);
}

static rk_status random_words(tester *t, trial *c)
{
    static const int64_t key[] = {3}, words[] = {103};
    memcpy(c->host[0], (const uint32_t[]){0x12345678u, 0x9ABCDEF0u, 7}, 3 * sizeof(uint32_t));
    for (uint32_t i = 0; i < 103; i++) {
        uint32_t block[4] = {i / 4, 0, 7, 11};
        rk_philox(block, 0x12345678u, 0x9ABCDEF0u);
        c->host[1][i] = block[i % 4];
    }
    c->name = "random words";
    c->tensor[0] = dense(RK_U32, 1, key);
    c->tensor[1] = dense(RK_U32, 1, words);
    c->op.kind = RK_RNG;
    c->op.n_in = c->op.n_out = 1;
    c->op.p[0] = 11;
    return run(t, c);
}

/* ---- speed ---- */

static rk_status time_kernel(tester *t, rk_kernel *kernel, const rk_arg *arg, uint32_t n)
{
    RK_TRY(t->table->launch(t->device, kernel, arg, n, t->e));
    RK_TRY(t->table->sync(t->device, t->e));
    uint64_t begin = rk_os_now_ns();
    for (int i = 0; i < SPEED_RUNS; i++) RK_TRY(t->table->launch(t->device, kernel, arg, n, t->e));
    RK_TRY(t->table->sync(t->device, t->e));
    double ns = (double)(rk_os_now_ns() - begin) + 1;
    t->out->gflops = 2.0 * SPEED * SPEED * SPEED * SPEED_RUNS / ns;
    return RK_OK;
}

static rk_status speed(tester *t)
{
    static const int64_t dim[] = {1, SPEED, SPEED};
    rk_tensor tensor[3];
    rk_kernel *kernel = NULL;
    rk_kinfo info = {.size = sizeof info};
    rk_mem *scratch = NULL;
    rk_arg arg[4] = {{t->memory, 0}, {t->memory, SLOT}, {t->memory, 2 * SLOT}, {NULL, 0}};
    rk_op op = {.size = sizeof op,
                .kind = RK_MATMUL,
                .n_in = 2,
                .n_out = 1,
                .in = tensor,
                .out = tensor + 2,
                .p = {1, SPEED, SPEED, SPEED, 0, 0, SPEED * SPEED, SPEED * SPEED}};
    for (int i = 0; i < 3; i++) tensor[i] = dense(RK_F32, 3, dim);
    rk_status status = t->table->prepare(t->device, &op, &kernel, &info, t->e);
    if (status == RK_E_UNSUPPORTED) return RK_OK;
    if (status != RK_OK) return status;
    if (info.workspace) status = t->table->mem_alloc(t->device, info.workspace, &scratch, t->e);
    arg[3].mem = scratch;
    if (status == RK_OK) status = time_kernel(t, kernel, arg, scratch ? 4 : 3);
    if (scratch) t->table->mem_free(t->device, scratch);
    t->table->release(t->device, kernel);
    return status;
}

rk_status rk_selftest_run(const rk_backend *table, rk_device *device, rk_selftest *out, rk_error *e)
{
    static rk_status (*const trials[])(tester *, trial *) = {contraction, arithmetic, functions,
                                                             sums,        products,   random_words};
    uint64_t begin = rk_os_now_ns();
    trial c;
    *out = (rk_selftest){.exact = true};
    tester t = {table, device, NULL, out, e};
    RK_TRY(table->mem_alloc(device, (uint64_t)SLOTS * SLOT, &t.memory, e));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < sizeof trials / sizeof *trials; i++)
        status = with_memory(&t, &c, trials[i]);
    if (status == RK_OK && out->exact) status = speed(&t);
    table->mem_free(device, t.memory);
    out->milliseconds = (double)(rk_os_now_ns() - begin) / 1e6;
    return status;
}
