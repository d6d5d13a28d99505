/* MATMUL: tiles, packing, ranges. */
#include "matmul.h"
#include "embedded.h"
#include <rethink/numerics.h>
#include <stdio.h>

/* The cpu variant keeps SLICE floats of b, and TALL panels of unfinished rows, per thread. */
enum { SLICE = 32768, TALL = 32 };

typedef ocl_product shape;

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
    *s = (shape){(uint64_t)p[0], (uint64_t)p[1], (uint64_t)p[2],
                 (uint64_t)p[3], (uint64_t)p[4], (uint64_t)p[5],
                 (uint64_t)p[6], (uint64_t)p[7], 0};
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

static const tile *tiles_of(const rk_device *d, size_t *n)
{
    static const tile wide[] = {{6, 4, 100}, {8, 3, 98}, {12, 2, 97}, {12, 1, 75}, {4, 4, 80}};
    static const tile narrow[] = {{4, 3, 100}, {6, 2, 100}, {8, 1, 75}, {2, 4, 70}};
    *n = d->width == 16 ? sizeof wide / sizeof *wide : sizeof narrow / sizeof *narrow;
    return d->width == 16 ? wide : narrow;
}

static tile choose_tile(const rk_device *d, const shape *s)
{
    size_t count;
    const tile *list = tiles_of(d, &count), *best = list;
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

/* Of a slice of b; blocks of a chain end with one. */
static uint32_t depth_of(uint32_t nr)
{
    uint32_t deep = 64;
    while (deep * 2 * nr <= SLICE && deep < RK_MATMUL_BLOCK) deep *= 2;
    return deep;
}

/* How the cpu variant does it. */
typedef struct cut {
    tile tile;
    uint32_t nr, deep;
    uint64_t panels, row_panels, height;
} cut;

/* Measured on PoCL: what packing a slice of b costs, in rows of the result (if b is transposed on
 * the way, PACK_TB), and what a task costs beside its work, in multiplications of vectors. */
enum { PACK = 5, PACK_TB = 10, TASK = 2000 };

/* Panels of rows per task.  High ones pack b seldom, low ones leave no unit idle while others have
 * work: the height whose rounds of tasks take least, with a quarter of a task for a unit that is
 * disturbed in its last one. */
static uint64_t height_of(const rk_device *d, const shape *s, const cut *w)
{
    const double row = (double)s->k * w->tile.nv, pack = s->tb ? PACK_TB : PACK;
    uint64_t best = 1, most = w->row_panels < TALL ? w->row_panels : TALL;
    double least = 0;
    for (uint64_t height = most; height > 0; height--) {
        uint64_t tasks = (w->row_panels + height - 1) / height * w->panels * s->batch;
        double rounds = (double)((tasks + d->units - 1) / d->units);
        double time = (rounds + 0.25) * (row * ((double)(height * w->tile.mr) + pack) + TASK);
        if (height < most && time >= least) continue;
        least = time;
        best = height;
    }
    return best;
}

static cut cut_of(const rk_device *d, const shape *s, const ocl_choice *c)
{
    cut w = {.tile = choose_tile(d, s)};
    if (c->rows) w.tile = (tile){c->rows, c->cols / d->width, 100};
    w.nr = w.tile.nv * d->width;
    w.deep = c->deep ? c->deep : depth_of(w.nr);
    w.panels = (s->n + w.nr - 1) / w.nr;
    w.row_panels = (s->m + w.tile.mr - 1) / w.tile.mr;
    w.height = height_of(d, s, &w);
    if (c->part) w.height = c->part < w.row_panels ? c->part : w.row_panels;
    return w;
}

static rk_status threaded(rk_kernel *k, const ocl_code *c, const shape *s, rk_kinfo *info,
                          rk_error *e)
{
    const cut w = cut_of(k->device, s, &k->choice);
    uint64_t tasks = w.panels * s->batch * ((w.row_panels + w.height - 1) / w.height);
    if (tasks > 1u << 30) return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "MATMUL: more than 2^30 tasks");
    snprintf(info->impl, sizeof info->impl, "matmul cpu %ux%u", w.tile.mr, w.nr);
    ocl_text source;
    ocl_step *step;
    ocl_source(k->device, &source, 1);
    ocl_text_add(&source, "#define RK_MR %u\n#define RK_NV %u\n#define RK_KC %u\n", w.tile.mr,
                 w.tile.nv, w.deep);
    ocl_text_add(&source, "#define RK_TALL %d\n#define RK_BLOCKS %d\n", TALL,
                 s->k > RK_MATMUL_BLOCK);
    ocl_text_add(&source, "#define RK_TA %d\n#define RK_TB %d\n", (int)s->ta, (int)s->tb);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    ocl_code_soon(c, &source, "RK_SOON", 0, c->n_code);
    OCL_APPEND(&source, ocl_cl_transpose);
    OCL_APPEND(&source, ocl_cl_matmul);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, 1, 0);
    ocl_step_buffer(step, OCL_COUNTER, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    const uint64_t words[] = {s->m, s->n, s->k, s->a_batch, s->b_batch};
    for (int w = 0; w < 5; w++) OCL_TRY(ocl_step_u64(step, words[w], e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)w.height, e));
    OCL_TRY(ocl_step_u32(step, (uint32_t)tasks, e));
    uint64_t items = (uint64_t)k->device->units * 4;
    ocl_step_range(step, items < tasks ? items : tasks, 1, 1);
    return RK_OK;
}

static ocl_tiled tiled_of(const ocl_product *s)
{
    return (ocl_tiled){.rows = s->m, .columns = s->n, .times = s->batch, .chain = s->k};
}

ocl_choice ocl_product_group(const rk_device *d, const ocl_product *s, const ocl_choice *chosen)
{
    const ocl_tiled what = tiled_of(s);
    return ocl_tile(d, &what, chosen);
}

void ocl_product_source(const rk_device *d, const ocl_product *s, const ocl_choice *g,
                        ocl_text *source)
{
    ocl_tile_source(d, g, s->k % g->deep > 0, source);
    ocl_text_add(source, "#define RK_RAGGED_A %d\n#define RK_RAGGED_B %d\n", s->m % g->rows > 0,
                 s->n % g->cols > 0);
    ocl_text_add(source, "#define RK_BLOCKS %d\n", s->k > (s->block ? s->block : RK_MATMUL_BLOCK));
    if (s->block)
        ocl_text_add(source, "#undef RK_MATMUL_BLOCK\n#define RK_MATMUL_BLOCK %u\n",
                     (uint32_t)s->block);
    ocl_text_add(source, "#define RK_TA %d\n#define RK_TB %d\n", (int)s->ta, (int)s->tb);
    OCL_APPEND(source, ocl_cl_matmul);
}

rk_status ocl_product_args(ocl_step *step, const ocl_product *s, const ocl_choice *g, rk_error *e)
{
    const uint64_t words[] = {s->m, s->n, s->k};
    uint64_t panels = (s->n + g->cols - 1) / g->cols;
    OCL_TRY(ocl_step_u64(step, s->a_batch, e));
    OCL_TRY(ocl_step_u64(step, s->b_batch, e));
    for (int w = 0; w < 3; w++) OCL_TRY(ocl_step_u32(step, (uint32_t)words[w], e));
    ocl_step_range(step, panels * ((s->m + g->rows - 1) / g->rows) * g->part, s->batch, g->part);
    return RK_OK;
}

static rk_status tiled(rk_kernel *k, const ocl_code *c, const shape *s, rk_kinfo *info, rk_error *e)
{
    const ocl_choice g = ocl_product_group(k->device, s, &k->choice);
    ocl_text source;
    ocl_step *step;
    OCL_TRY(ocl_loops(k->device, 2 * s->k, e));
    snprintf(info->impl, sizeof info->impl, "matmul gpu %ux%ux%u by %u", g.rows, g.cols, g.deep,
             g.part);
    ocl_source(k->device, &source, 1);
    ocl_code_params(c, &source, "RK_PARAMS", 0, c->n_code);
    ocl_code_body(c, &source, "RK_BODY", 0, c->n_code);
    ocl_product_source(k->device, s, &g, &source);
    OCL_TRY(ocl_step_add(k, &source, "matmul", &step, e));
    ocl_step_buffer(step, 0, 0);
    ocl_step_buffer(step, 1, 0);
    OCL_TRY(ocl_code_args(c, step, 0, c->n_code, e));
    return ocl_product_args(step, s, &g, e);
}

/* Measured on PoCL: CLBlast takes 9 times as long as the exact kernels at 128 x 128 x 128, 15 times
 * at 512 x 512 x 512, where a set of our parameters takes it down to a quarter of that.  On an H100
 * a step of the MLP of 3 x 512 takes 1.16 times as long with it: a tuner may find where it pays. */
static int wants_blast(const rk_device *d, const ocl_choice *c)
{
    if (c->way) return c->way == OCL_WAY_BLAST;
    return !ocl_choice_is_exact(c) && ocl_blast_is_usual(d);
}

static int blast_can(const rk_op *op)
{
    return (op->flags & RK_OP_FAST) && !op->n_code && op->p[0] == 1 && op->p[3] > 0;
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
    if (blast_can(op) && wants_blast(k->device, &k->choice)) {
        rk_error why = {.size = sizeof why};
        rk_status status = ocl_blast(k, op, info, &why);
        if (status == RK_OK) return RK_OK;
        if (k->choice.way) return OCL_FAIL(e, status, 0, "%s", why.text);
        ocl_log(k->device->host, 2, "opencl: not using CLBlast: %s", why.text);
    }
    return k->device->cpu ? threaded(k, &c, &s, info, e) : tiled(k, &c, &s, info, e);
}

/* ---- choices ---- */

typedef struct asked {
    const rk_device *device;
    const shape *shape;
} asked;

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static int cpu_fits(const ocl_choice *c, const void *ctx)
{
    const asked *a = ctx;
    const ocl_choice none = {0}, tile_only = {.rows = c->rows, .cols = c->cols};
    const cut w = cut_of(a->device, a->shape, c), usual = cut_of(a->device, a->shape, &none),
              rule = cut_of(a->device, a->shape, &tile_only);
    if (c->rows && w.tile.mr == usual.tile.mr && w.tile.nv == usual.tile.nv) return 0;
    if (c->deep &&
        (w.deep * w.nr > SLICE || least(w.deep, a->shape->k) == least(rule.deep, a->shape->k)))
        return 0;
    return !c->part || w.height != rule.height;
}

static void list_tiles(const rk_device *d, const shape *s, ocl_choices *out)
{
    static const uint32_t slices[] = {256, 128, 512, 64}, heights[] = {8, 16, 32, 4, 2};
    uint32_t tile[8][2];
    size_t n;
    const asked a = {d, s};
    if (!d->cpu) {
        const ocl_tiled what = tiled_of(s);
        ocl_tile_choices(d, &what, out);
        return;
    }
    const struct tile *list = tiles_of(d, &n);
    for (size_t i = 0; i < n; i++) tile[i][0] = list[i].mr, tile[i][1] = list[i].nv * d->width;
    const ocl_menu on_cpu = {(const uint32_t(*)[2])tile, slices, heights, (uint32_t)n, 4, 5};
    ocl_choices_fill(out, &on_cpu, cpu_fits, &a);
}

/* A set takes long to compile, so a rapid search tries three, and none on CPUs, which are faster
 * without. */
static void list_blast(const rk_device *d, ocl_choices *out)
{
    uint32_t set[OCL_BLAST_SETS], n = ocl_blast_sets(d, set), first = d->cpu ? 0 : 3;
    if (out->n + n + 1 > OCL_CHOICES) out->n = OCL_CHOICES - n - 1;
    for (uint32_t i = 0; i < n; i++)
        ocl_choices_put(out, i < first ? 1 + i : out->n,
                        (ocl_choice){.way = OCL_WAY_BLAST, .set = set[i]});
    ocl_choices_way(out, ocl_blast_is_usual(d) ? OCL_WAY_EXACT : OCL_WAY_BLAST);
}

void ocl_matmul_choices(const rk_device *d, const rk_op *op, ocl_choices *out)
{
    rk_error why = {.size = sizeof why};
    shape s;
    if (check(op, &s, &why) != RK_OK || !s.batch || !s.m || !s.n) return;
    list_tiles(d, &s, out);
    if (blast_can(op)) list_blast(d, out);
}
