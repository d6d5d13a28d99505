/* EWISE: the program over out[0]'s index space. */
#include "program.h"
#include <stdio.h>
#include "check.h"
#include "vec.h"

typedef struct plan {
    cpu_program *program;
    int64_t n;
} plan;

typedef struct job {
    const rk_kernel *kernel;
    unsigned char *const *arg;
} job;

static void share(void *context, int t, int threads)
{
    const job *j = context;
    const plan *p = j->kernel->plan;
    int64_t from, end;
    cpu_share(p->n, CPU_BLOCK, t, threads, &from, &end);
    if (from == end) return;
    cpu_run r = CPU_NAME(cpu_run_begin)(p->program, cpu_scratch(j->kernel, t), j->arg, NULL, NULL,
                                        end - from);
    CPU_NAME(cpu_run_range)(&r, from, end - from);
#ifdef CPU_VEC
    v_stream_end();
#endif
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    job j = {k, arg};
    cpu_parallel(k->device, k->threads, share, &j);
}

static int streams(const rk_op *op)
{
#ifdef CPU_VEC
    return cpu_count(&op->out[0]) >= CPU_STREAM / 4;
#else
    (void)op;
    return 0;
#endif
}

static rk_status prepare(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    cpu_access in[CPU_MAX_ARGS];
    cpu_source s = {.op = op, .code = op->code, .end = op->n_code, .in = in, .n_in = op->n_in};
    rk_status status = cpu_check_space(op, &op->out[0], &op->out[0], e);
    if (status != RK_OK) return status;
    plan *p = k->plan = cpu_kernel_alloc(k, sizeof *p);
    for (uint32_t j = 0; j < op->n_in; j++) in[j] = cpu_access_of(&op->in[j], j, -1);
    s.raw_arg = CPU_NO_ARG;
    s.stream = streams(op);
    if (p) p->program = cpu_program_new(k, &s);
    if (!p || !p->program) return cpu_fail(e, RK_E_NOMEM, "prepare", "no memory for a program");
    p->n = cpu_count(&op->out[0]);
    k->scratch_bytes = p->program->scratch_bytes;
    k->threads = cpu_threads_of(k, 0.3 * (double)p->n * (p->program->n_step + op->n_in));
    info->alias_ok = p->program->alias_ok;
    snprintf(info->impl, sizeof info->impl, "steps %d %s", CPU_BLOCK, k->device->isa->name);
    return RK_OK;
}

const cpu_kind CPU_NAME(cpu_ewise) = {prepare, run, NULL};
