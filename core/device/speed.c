/* A rough figure of a device's speed, for --device auto: a product of matrices, small at first,
 * since on some devices the largest takes minutes. */
#include "base/os.h"
#include "device/exam.h"
#include "plan/plan.h"

enum {
    FIRST = 32,
    LAST = 256,      /* m = n = k: three operands of a slot each */
    RUNS = 4,        /* of the size that counts */
    SHORT = 10000000 /* ns: a device that needs more is measured at this size */
};

typedef struct product {
    rk_kernel *kernel;
    rk_mem *scratch;
    rk_arg arg[4];
    uint32_t n;
} product;

/* Times `runs` launches; *ns is never 0. */
static rk_status time_runs(rk_examiner *t, const product *p, int runs, uint64_t *ns)
{
    uint64_t begin = rk_os_now_ns();
    for (int i = 0; i < runs; i++) RK_TRY(rk_open_launch(t->device, p->kernel, p->arg, p->n, t->e));
    RK_TRY(rk_open_sync(t->device, t->e));
    *ns = rk_os_now_ns() - begin + 1;
    return RK_OK;
}

static rk_status measure(rk_examiner *t, const product *p, int64_t size, uint64_t *once)
{
    uint64_t ns;
    RK_TRY(time_runs(t, p, 1, &ns)); /* what only a first launch does */
    RK_TRY(time_runs(t, p, 1, once));
    int runs = *once > SHORT ? 1 : RUNS;
    ns = *once;
    if (runs > 1) RK_TRY(time_runs(t, p, runs, &ns));
    t->out->gflops = 2.0 * (double)(size * size * size) * runs / (double)ns;
    return RK_OK;
}

static rk_status size_speed(rk_examiner *t, int64_t size, uint64_t *once)
{
    const int64_t dim[] = {1, size, size};
    rk_tensor tensor[3];
    rk_kinfo info;
    product p = {.n = 3};
    rk_op op = {.size = sizeof op,
                .kind = RK_MATMUL,
                .n_in = 2,
                .n_out = 1,
                .in = tensor,
                .out = tensor + 2,
                .p = {1, size, size, size, 0, 0, size * size, size * size}};
    for (int i = 0; i < 3; i++) {
        tensor[i] = rk_tensor_dense(RK_F32, 3, dim);
        p.arg[i] = (rk_arg){t->memory, (uint64_t)i * RK_EXAM_SLOT};
    }
    RK_TRY(rk_open_prepare(t->device, &op, false, &p.kernel, &info, t->e));
    rk_status status = RK_OK;
    if (info.workspace) {
        status = rk_open_alloc(t->device, info.workspace, &p.scratch, t->e);
        p.arg[p.n++] = (rk_arg){p.scratch, 0};
    }
    if (status == RK_OK) status = measure(t, &p, size, once);
    rk_open_free(t->device, p.scratch);
    rk_open_release(t->device, p.kernel);
    return status;
}

rk_status rk_exam_speed(rk_examiner *t)
{
    uint64_t once = 0;
    for (int64_t size = FIRST; size <= LAST && once <= SHORT; size *= 2) {
        rk_status status = size_speed(t, size, &once);
        if (status == RK_E_UNSUPPORTED) return RK_OK;
        RK_TRY(status);
    }
    return RK_OK;
}
