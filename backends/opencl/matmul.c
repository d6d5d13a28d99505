/* MATMUL: tiles, packing, ranges. */
#include "opencl.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

/* The cpu variant keeps SLICE floats of b, and TALL panels of unfinished rows, per thread. */
enum { SLICE = 32768, TALL = 32 };

typedef struct shape {
    uint64_t batch, m, n, k, ta, tb, a_batch, b_batch;
} shape;

static rk_status check_operand(const rk_op *op, uint32_t j, uint64_t batch, uint64_t rows,
                               uint64_t cols, uint64_t stride, rk_error *e)
{
    uint64_t have = ocl_count(&op->in[j]), need = rows * cols;
    if (op->in[j].dtype != RK_F32) return OCL_FAIL(e, RK_E_INVALID, 0, "MATMUL takes F32");
    if (need && batch) need += (batch - 1) * stride;
    if (need <= have || !batch) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0, "MATMUL: operand %u has %llu elements, not %llu", j,
                    (unsigned long long)have, (unsigned long long)need);
}

static rk_status check(const rk_op *op, shape *s, rk_error *e)
{
    const int64_t *p = op->p;
    for (int i = 0; i < 8; i++)
        if (p[i] < 0 || p[i] > (int64_t)1 << 31 || (i > 3 && i < 6 && p[i] > 1))
            return OCL_FAIL(e, RK_E_INVALID, 0, "MATMUL: parameter %d is %lld", i, (long long)p[i]);
    *s = (shape){(uint64_t)p[0], (uint64_t)p[1], (uint64_t)p[2], (uint64_t)p[3],
                 (uint64_t)p[4], (uint64_t)p[5], (uint64_t)p[6], (uint64_t)p[7]};
    OCL_TRY(check_operand(op, 0, s->batch, s->m, s->k, s->a_batch, e));
    OCL_TRY(check_operand(op, 1, s->batch, s->k, s->n, s->b_batch, e));
    if (!op->n_code && op->out[0].dtype != RK_F32)
        return OCL_FAIL(e, RK_E_INVALID, 0, "MATMUL makes F32");
    if (ocl_count(&op->out[0]) != s->batch * s->m * s->n)
        return OCL_FAIL(e, RK_E_INVALID, 0, "MATMUL: output 0 has not %llu x %llu x %llu",
                        (unsigned long long)s->batch, (unsigned long long)s->m,
                        (unsigned long long)s->n);
    return RK_OK;
}

/* Register tiles of the cpu variant, mr rows by nv vectors, and their relative speed in percent.
 * Those of 16 lanes fill 32 registers, those of fewer lanes 16. */
typedef struct tile {
    uint32_t mr, nv, speed;
} tile;

static tile choose_tile(const rk_device *d, const shape *s)
{
    static const tile wide[] = {{6, 4, 100}, {8, 3, 98}, {12, 2, 97}, {12, 1, 75}, {4, 4, 80}};
    static const tile narrow[] = {{4, 3, 100}, {6, 2, 100}, {8, 1, 75}, {2, 4, 70}};
    const tile *list = d->width == 16 ? wide : narrow, *best = list;
    size_t count = d->width == 16 ? sizeof wide / sizeof *wide : sizeof narrow / sizeof *narrow;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t nr = (uint64_t)list[i].nv * d->width, mr = list[i].mr;
        uint64_t cost =
            (s->m + mr - 1) / mr * mr * ((s->n + nr - 1) / nr * nr) * 100 / list[i].speed;
        if (cost >= least) continue;
        least = cost;
        best = &list[i];
    }
    return *best;
}

/* Panels of rows per task: as many as RK_TALL, so that a packed slice of b is used often, but few
 * enough that every unit gets several tasks. */
static uint64_t height_of(const rk_device *d, uint64_t row_panels, uint64_t panels)
{
    uint64_t want = (uint64_t)d->units * 8, groups = (want + panels - 1) / panels;
    uint64_t least = (row_panels + TALL - 1) / TALL, most = (row_panels + 7) / 8;
    if (groups > most) groups = most;
    if (groups < least) groups = least;
    return (row_panels + groups - 1) / groups;
}

static rk_status threaded(rk_kernel *k, const ocl_code *c, const shape *s, rk_kinfo *info,
                          rk_error *e)
{
    const tile t = choose_tile(k->device, s);
    const uint32_t nr = t.nv * k->device->width;
    uint64_t panels = (s->n + nr - 1) / nr, row_panels = (s->m + t.mr - 1) / t.mr;
    uint64_t height = height_of(k->device, row_panels, panels * s->batch);
    uint64_t tasks = panels * s->batch * ((row_panels + height - 1) / height);
    uint32_t deep = 64;
    while (deep * 2 * nr <= SLICE) deep *= 2;
    if (tasks > 1u << 30) return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "MATMUL: more than 2^30 tasks");
    snprintf(info->impl, sizeof info->impl, "matmul cpu %ux%u", t.mr, nr);
    ocl_text source;
    ocl_step *step;
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n#define RK_KC %u\n", t.mr, t.nv,
                 deep);
    ocl_text_add(&source, "#define RK_TALL %d\n#define RK_BLOCKS %d\n", TALL,
                 s->k > RK_MATMUL_BLOCK);
    ocl_text_add(&source, "#define RK_TA %d\n#define RK_TB %d\n", (int)s->ta, (int)s->tb);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_transpose);
    OCL_APPEND(&source, ocl_cl_matmul);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, 1, 0);
    ocl_step_buffer(step, OCL_COUNTER, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    const uint64_t words[] = {s->m, s->n, s->k, s->a_batch, s->b_batch};
    for (int w = 0; w < 5; w++) OCL_TRY(ocl_step_u64(step, words[w], e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)height, e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)tasks, e));
    uint64_t items = (uint64_t)k->device->units * 4;
    ocl_step_range(step, items < tasks ? items : tasks, 1, 1);
    return RK_OK;
}

/* The gpu variant: the largest tile of which there are enough for every unit. */
static rk_status tiled(rk_kernel *k, const ocl_code *c, const shape *s, rk_kinfo *info, rk_error *e)
{
    static const uint32_t tiles[][4] = {{128, 8, 8, 128}, {64, 4, 16, 64}, {32, 2, 32, 32}};
    uint32_t i = 0;
    OCL_TRY(ocl_loops(k->device, 2 * s->k, e));
    for (; i < 2; i++) {
        uint64_t edge = tiles[i][0];
        uint64_t groups = (s->m + edge - 1) / edge * ((s->n + edge - 1) / edge) * s->batch;
        uint64_t local = (uint64_t)tiles[i][2] * (edge + 1) * 8;
        if (groups >= 2 * (uint64_t)k->device->units && local <= k->device->local_bytes) break;
    }
    uint64_t edge = tiles[i][0], panels = (s->n + edge - 1) / edge;
    ocl_text source;
    ocl_step *step;
    snprintf(info->impl, sizeof info->impl, "matmul gpu %ux%ux%u", tiles[i][0], tiles[i][0],
             tiles[i][2]);
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source, "#define RK_BM %u\n#define RK_BN %u\n#define RK_BK %u\n", tiles[i][0],
                 tiles[i][0], tiles[i][2]);
    ocl_text_add(&source, "#define RK_TM %u\n#define RK_TN %u\n#define RK_BLOCKS %d\n", tiles[i][1],
                 tiles[i][1], s->k > RK_MATMUL_BLOCK);
    ocl_text_add(&source, "#define RK_TA %d\n#define RK_TB %d\n", (int)s->ta, (int)s->tb);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_matmul);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, 1, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    const uint64_t words[] = {s->m, s->n, s->k, s->a_batch, s->b_batch};
    for (int w = 0; w < 5; w++) OCL_TRY(ocl_step_u64(step, words[w], e));
    ocl_step_range(step, panels * ((s->m + edge - 1) / edge) * OCL_GROUP, s->batch, OCL_GROUP);
    return RK_OK;
}

rk_status ocl_matmul(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    ocl_code c;
    shape s = {0};
    OCL_TRY(check(op, &s, e));
    OCL_TRY(ocl_code_init(&c, k->device, op, 2, 1, e));
    info->alias_ok = ocl_code_alias(&c);
    snprintf(info->impl, sizeof info->impl, "matmul, empty");
    if (!s.batch || !s.m || !s.n) return RK_OK;
    const int64_t extent[] = {(int64_t)s.batch, (int64_t)s.m, (int64_t)s.n};
    OCL_TRY(ocl_code_axes(&c, extent, 3, 2, e));
    if ((op->flags & RK_OP_FAST) && !op->n_code && s.batch == 1 && s.k) {
        rk_error why = {.size = sizeof why};
        if (ocl_blast(k, op, info, &why) == RK_OK) return RK_OK;
        ocl_log(k->device->host, 2, "opencl: not using CLBlast: %s", why.text);
    }
    return k->device->cpu ? threaded(k, &c, &s, info, e) : tiled(k, &c, &s, info, e);
}
