/* The exactness self-test: what a device must get right, bit for bit, before it may run an exact
 * experiment.  Each case is one kernel whose outputs the host computes too, from numerics.h and the
 * definitions of backend.h.  Cases are chosen for what devices get wrong: contraction of a product
 * and a sum, subnormals, division, root, functions, orders of summation. */
#include "base/os.h"
#include "device/exam.h"
#include "plan/plan.h"
#include "rethink/numerics.h"
#include <string.h>

enum { N = 1024 }; /* elements of a program's operands */

/* An EWISE program on two inputs: every instruction is stored. */
static rk_status program(rk_examiner *t, rk_exam *c, const char *name, const uint16_t *ops,
                         uint32_t n)
{
    static const int64_t dim[] = {N};
    rk_ins code[8];
    c->name = name;
    c->op.kind = RK_EWISE;
    c->op.n_in = 2;
    c->op.n_out = n;
    c->op.n_code = 2 * n;
    c->op.code = code;
    for (uint32_t i = 0; i < 2 + n; i++) c->tensor[i] = rk_tensor_dense(RK_F32, 1, dim);
    for (uint32_t i = 0; i < n; i++) {
        code[i] = (rk_ins){ops[i], RK_R_IN + 0, RK_R_IN + 1, 0};
        if (ops[i] >= RK_I_FNEG) code[i].b = 0;
        code[n + i] = (rk_ins){RK_I_STORE, (uint16_t)(RK_R_INS + i), (uint16_t)i, 0};
    }
    return rk_exam_run(t, c);
}

static rk_status arithmetic(rk_examiner *t, rk_exam *c)
{
    static const uint16_t ops[] = {RK_I_FMUL, RK_I_FDIV, RK_I_FRECIP, RK_I_FSQRT};
    rk_exam_fill(c->host[0], N, 1, false);
    rk_exam_fill(c->host[1], N, 2, false);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t x = c->host[0][i], y = c->host[1][i];
        c->host[2][i] = rk_op_FMUL(x, y);
        c->host[3][i] = rk_op_FDIV(x, y);
        c->host[4][i] = rk_op_FRECIP(x);
        c->host[5][i] = rk_op_FSQRT(x);
    }
    return program(t, c, "product, quotient, reciprocal and root", ops, 4);
}

static rk_status functions(rk_examiner *t, rk_exam *c)
{
    static const uint16_t ops[] = {RK_I_FEXP, RK_I_FLOG, RK_I_FSIN, RK_I_FCOS};
    rk_exam_fill(c->host[0], N, 3, false);
    rk_exam_fill(c->host[1], N, 4, false);
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
static rk_status contraction(rk_examiner *t, rk_exam *c)
{
    static const int64_t dim[] = {N};
    static const rk_ins code[] = {{RK_I_FMUL, RK_R_IN + 0, RK_R_IN + 1, 0},
                                  {RK_I_FADD, RK_R_INS + 0, RK_R_IN + 0, 0},
                                  {RK_I_FSUB, RK_R_INS + 0, RK_R_IN + 1, 0},
                                  {RK_I_STORE, RK_R_INS + 1, 0, 0},
                                  {RK_I_STORE, RK_R_INS + 2, 1, 0}};
    rk_exam_fill(c->host[0], N, 5, true);
    rk_exam_fill(c->host[1], N, 6, true);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t product = rk_op_FMUL(c->host[0][i], c->host[1][i]);
        c->host[2][i] = rk_op_FADD(product, c->host[0][i]);
        c->host[3][i] = rk_op_FSUB(product, c->host[1][i]);
    }
    for (uint32_t i = 0; i < 4; i++) c->tensor[i] = rk_tensor_dense(RK_F32, 1, dim);
    c->name = "a product and a sum, rounded one by one";
    c->op.kind = RK_EWISE;
    c->op.n_in = c->op.n_out = 2;
    c->op.code = code;
    c->op.n_code = sizeof code / sizeof *code;
    return rk_exam_run(t, c);
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

static rk_status sums(rk_examiner *t, rk_exam *c)
{
    enum { ROWS = 2, LENGTH = 3001 };
    static const int64_t in[] = {ROWS, LENGTH, 1}, out[] = {ROWS, 1, 1};
    float row[LENGTH];
    rk_exam_fill(c->host[0], (size_t)ROWS * LENGTH, 7, true);
    for (size_t r = 0; r < ROWS; r++) {
        memcpy(row, c->host[0] + r * LENGTH, sizeof row);
        c->host[1][r] = rk_bits(sum_of(row, LENGTH));
    }
    c->name = "a sum of 3001 numbers";
    c->tensor[0] = rk_tensor_dense(RK_F32, 3, in);
    c->tensor[1] = rk_tensor_dense(RK_F32, 3, out);
    c->op.kind = RK_REDUCE;
    c->op.n_in = c->op.n_out = 1;
    memcpy(c->op.p, (const int64_t[]){RK_REDUCE_SUM, ROWS, LENGTH, 1}, 4 * sizeof(int64_t));
    return rk_exam_run(t, c);
}

static rk_status products(rk_examiner *t, rk_exam *c)
{
    enum { M = 37, K = 129, O = 29 };
    static const int64_t a[] = {1, M, K}, b[] = {1, O, K}, y[] = {1, M, O};
    rk_exam_fill(c->host[0], (size_t)M * K, 8, true);
    rk_exam_fill(c->host[1], (size_t)O * K, 9, true);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < O; j++) {
            float acc = 0;
            for (size_t k = 0; k < K; k++)
                acc = __builtin_fmaf(rk_float(c->host[0][i * K + k]),
                                     rk_float(c->host[1][j * K + k]), acc);
            c->host[2][i * O + j] = rk_bits(acc);
        }
    c->name = "a matrix product";
    c->tensor[0] = rk_tensor_dense(RK_F32, 3, a);
    c->tensor[1] = rk_tensor_dense(RK_F32, 3, b);
    c->tensor[2] = rk_tensor_dense(RK_F32, 3, y);
    c->op.kind = RK_MATMUL;
    c->op.n_in = 2;
    c->op.n_out = 1;
    memcpy(c->op.p, (const int64_t[]){1, M, O, K, 0, 1, M * K, O * K}, 8 * sizeof(int64_t));
    return rk_exam_run(t, c);
}

static rk_status random_words(rk_examiner *t, rk_exam *c)
{
    static const int64_t key[] = {3}, words[] = {103};
    memcpy(c->host[0], (const uint32_t[]){0x12345678u, 0x9ABCDEF0u, 7}, 3 * sizeof(uint32_t));
    for (uint32_t i = 0; i < 103; i++) {
        uint32_t block[4] = {i / 4, 0, 7, 11};
        rk_philox(block, 0x12345678u, 0x9ABCDEF0u);
        c->host[1][i] = block[i % 4];
    }
    c->name = "random words";
    c->tensor[0] = rk_tensor_dense(RK_U32, 1, key);
    c->tensor[1] = rk_tensor_dense(RK_U32, 1, words);
    c->op.kind = RK_RNG;
    c->op.n_in = c->op.n_out = 1;
    c->op.p[0] = 11;
    return rk_exam_run(t, c);
}

rk_status rk_selftest_run(rk_open *d, rk_selftest *out, rk_error *e)
{
    static rk_status (*const exams[])(rk_examiner *, rk_exam *) = {
        contraction, arithmetic, functions, sums, products, rk_exam_conv, random_words};
    uint64_t begin = rk_os_now_ns();
    rk_exam c;
    *out = (rk_selftest){.exact = true};
    rk_examiner t = {d, NULL, out, e};
    RK_TRY(rk_open_alloc(d, (uint64_t)RK_EXAM_SLOTS * RK_EXAM_SLOT, &t.memory, e));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < sizeof exams / sizeof *exams; i++)
        status = rk_exam_with_memory(&t, &c, exams[i]);
    if (status == RK_OK && out->exact) status = rk_exam_speed(&t);
    rk_open_free(d, t.memory);
    out->milliseconds = (double)(rk_os_now_ns() - begin) / 1e6;
    return status;
}
