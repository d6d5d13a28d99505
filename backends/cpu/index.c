/* TAKE and PUT: rows by their numbers. */
#include <stdio.h>
#include <string.h>
#include "check.h"

typedef struct job {
    const int64_t *p; /* rows, row length, n */
    size_t element;
    const unsigned char *in;
    const uint32_t *index;
    unsigned char *out;
} job;

/* Rows of one word, as the pixels that an augmentation moves: a memcpy for each would take most of
 * the time. */
static void take_words(const job *j, int64_t from, int64_t end)
{
    const uint32_t *in = (const uint32_t *)(const void *)j->in;
    uint32_t *out = (uint32_t *)(void *)j->out;
    for (int64_t i = from; i < end; i++)
        out[i] = (int64_t)j->index[i] < j->p[0] ? in[j->index[i]] : 0;
}

static void take_share(void *context, int t, int threads)
{
    const job *j = context;
    size_t row = (size_t)j->p[1] * j->element;
    int64_t from, end;
    cpu_share(j->p[2], 1, t, threads, &from, &end);
    if (row == sizeof(uint32_t) && j->element == row) {
        take_words(j, from, end);
        return;
    }
    for (int64_t i = from; i < end && row; i++) {
        unsigned char *to = j->out + (size_t)i * row;
        if ((int64_t)j->index[i] < j->p[0])
            memcpy(to, j->in + j->index[i] * row, row);
        else
            memset(to, 0, row);
    }
}

static void add_row(float *to, const float *from, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

/* Rows of the output are shared out, so that every sum is made by one thread, j ascending. */
static void put_share(void *context, int t, int threads)
{
    const job *j = context;
    float *out = (float *)(void *)j->out;
    const float *in = (const float *)(const void *)j->in;
    int64_t from, end, length = j->p[1];
    cpu_share(j->p[0], 1, t, threads, &from, &end);
    for (int64_t i = from * length; i < end * length; i++) out[i] = 0.0f;
    for (int64_t i = 0; i < j->p[2]; i++)
        if (j->index[i] >= from && j->index[i] < end)
            add_row(out + j->index[i] * length, in + i * length, length);
}

static job make_job(const rk_kernel *k, unsigned char *const *arg)
{
    const size_t *element = k->plan;
    return (job){k->p, *element, arg[0], (const uint32_t *)(const void *)arg[1], arg[2]};
}

static void take_run(const rk_kernel *k, unsigned char *const *arg)
{
    job j = make_job(k, arg);
    cpu_parallel(k->device, k->threads, take_share, &j);
}

static void put_run(const rk_kernel *k, unsigned char *const *arg)
{
    job j = make_job(k, arg);
    cpu_parallel(k->device, k->threads, put_share, &j);
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    const int64_t rows = op->p[0], length = op->p[1], n = op->p[2];
    uint32_t dtype = op->kind == RK_PUT ? RK_F32 : op->in[0].dtype;
    int64_t all, picked;
    rk_status s = cpu_check_extents(op, 0, 2, e);
    if (s == RK_OK) s = cpu_check_extents(op, 1, 2, e);
    if (s != RK_OK) return s;
    all = rows * length;
    picked = n * length;
    s = cpu_check_in(op, 0, dtype, op->kind == RK_PUT ? picked : all, e);
    if (s == RK_OK) s = cpu_check_in(op, 1, RK_U32, n, e);
    if (s == RK_OK) s = cpu_check_out(op, 0, dtype, op->kind == RK_PUT ? all : picked, e);
    if (s != RK_OK) return s;
    size_t *element = k->plan = cpu_kernel_alloc(k, sizeof *element);
    if (!element) return cpu_fail(e, RK_E_NOMEM, "prepare", "%zu bytes wanted", sizeof *element);
    *element = cpu_dtype_bytes(dtype);
    k->threads = cpu_threads_of(k, 0.1 * (double)(picked + all * (op->kind == RK_PUT)));
    snprintf(info->impl, sizeof info->impl, "rows %s", k->device->isa->name);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_take) = {prepare, take_run, NULL},
               CPU_NAME(cpu_put) = {prepare, put_run, NULL};
