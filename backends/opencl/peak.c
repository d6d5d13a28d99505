/* Probes: how fast the device is at chains of fma, at local memory, at reading global memory, and
 * at transfers from memory that the driver chose.  The driver's own fma is meant, right or
 * wrong. */
#include "opencl.h"
#include "embedded.h"
#include <stdio.h>

enum {
    LOOPS = 16, /* of a kernel, in a round */
    STEPS = 4,  /* of each chain, in a loop */
    GROUPS = 8, /* of work-items, for each compute unit */
    TILE_FLOATS = 4096,
    TRANSFER = 64 << 20,
    READ_CPU = 128 << 20, /* more than caches hold; at least READ_EACH for each unit */
    READ_EACH = 24 << 20,
    READ_GPU = 256 << 20,
    READ_SLOW = 16 << 20, /* where everything is slow, caches make no difference */
    ITEMS_SLOW = 4096,
    BRIEF_GROUP = 256,       /* work-items that are soon done: so many in a group, */
    BRIEF_FLOP = 4096,       /* with so much work each, */
    BRIEF_SPAN = 16,         /* or so many vectors to read, */
    BRIEF_ITEMS = 512 * 1024 /* and not more than these, if they do not read */
};

typedef struct shape {
    uint32_t width, chains; /* one chain: many work-items that are soon done */
} shape;

static int is_brief(shape s) { return s.chains == 1; }

typedef struct shapes {
    uint32_t n;
    shape list[10];
} shapes;

/* The most promising first: vectors where a work-item is a thread of a CPU, single floats where it
 * is a lane; little where the driver is slow at everything.  The last are what clpeak measures,
 * many work-items that are soon done: one chain of mad, where each waits for the one before, whose
 * lanes are added at the end, and 16 reads.  They are no peak where work-items are expensive or
 * vectors not filled by them. */
static const shapes
    cpu_fma =
        {10,
         {{8, 12}, {16, 8}, {16, 4}, {8, 8}, {16, 12}, {8, 4}, {4, 8}, {1, 8}, {16, 1}, {1, 1}}},
    gpu_fma = {9, {{1, 8}, {1, 4}, {2, 8}, {4, 4}, {1, 12}, {4, 8}, {8, 4}, {16, 4}, {1, 1}}},
    cpu_local = {4, {{16, 8}, {8, 8}, {16, 4}, {4, 8}}},
    gpu_local = {4, {{1, 8}, {2, 8}, {4, 8}, {4, 4}}},
    cpu_read = {7, {{8, 4}, {16, 4}, {16, 8}, {4, 8}, {1, 4}, {16, 1}, {8, 1}}},
    gpu_read = {7, {{4, 4}, {2, 8}, {1, 8}, {4, 8}, {8, 4}, {4, 1}, {1, 1}}}, slow = {1, {{1, 4}}};

static const shapes *choose(const rk_device *d, uint32_t what)
{
    if (d->loop_limit) return &slow;
    if (what == RK_PROBE_LOCAL) return d->cpu ? &cpu_local : &gpu_local;
    if (what == RK_PROBE_READ) return d->cpu ? &cpu_read : &gpu_read;
    return d->cpu ? &cpu_fma : &gpu_fma;
}

/* Sets the number of variants; of no chains if there is no such variant.  The brief ones, for large
 * groups, are the last of a list. */
static shape choose_shape(const rk_device *d, rk_probe *p)
{
    const shapes *all = choose(d, p->what);
    p->variants = all->n;
    while (d->max_group < BRIEF_GROUP && is_brief(all->list[p->variants - 1])) p->variants--;
    return p->variant < p->variants ? all->list[p->variant] : (shape){0, 0};
}

static rk_status no_variant(const rk_probe *p, rk_error *e)
{
    return OCL_FAIL(e, RK_E_INVALID, 0, "variant %u of %u", p->variant, p->variants);
}

/* A work-item of a CPU is a thread's work, unless it is brief. */
static unsigned group_of(const rk_device *d, shape s)
{
    return is_brief(s) ? BRIEF_GROUP : d->cpu ? 1 : OCL_GROUP;
}

static void make_source(const rk_device *d, ocl_text *source, int local, shape s)
{
    static const char *const types[] = {"float", "float2", "float4", "",       "float8",
                                        "",      "",       "",       "float16"};
    *source = (ocl_text){.host = d->host};
    ocl_text_add(source, "#define F %s\n#define CHAINS %u\n#define GROUP %u\n#define SLOW %d\n",
                 types[s.width / 2], s.chains, group_of(d, s), d->loop_limit != 0);
    if (local) ocl_text_add(source, "#define TILE %u\n", TILE_FLOATS / s.width);
    if (local || !is_brief(s)) return;
    ocl_text_add(source, s.width == 1 ? "#define MAD(v) (v)" : "#define MAD(v) (v).s0");
    for (uint32_t i = 1; i < s.width; i++) ocl_text_add(source, " + (v).s%x", i);
    ocl_text_add(source, "\n");
}

static rk_status arithmetic(rk_kernel *k, rk_probe *p, rk_error *e)
{
    rk_device *d = k->device;
    int local = p->what == RK_PROBE_LOCAL, slow = d->loop_limit != 0;
    shape s = choose_shape(d, p);
    ocl_text source;
    ocl_step *step;
    if (!s.chains) return no_variant(p, e);
    uint64_t group = group_of(d, s), items = d->units * (slow ? 1 : GROUPS) * group;
    uint64_t loops = (uint64_t)p->rounds * LOOPS, most = slow ? d->loop_limit : UINT32_MAX;
    loops = loops < most ? loops : most;
    if (is_brief(s)) {
        items = d->units * group * p->rounds;
        if (items > BRIEF_ITEMS) items = BRIEF_ITEMS;
        loops = BRIEF_FLOP / (2 * STEPS * s.width);
    }
    make_source(d, &source, local, s);
    OCL_APPEND(&source, ocl_cl_peak);
    OCL_TRY(ocl_step_add(k, &source, "peak", &step, e));
    ocl_step_buffer(step, 0, 0);
    OCL_TRY(ocl_step_u32(step, (uint32_t)loops, e));
    ocl_step_range(step, items, 1, group);
    p->workspace = k->bytes[0] = items * s.width * sizeof(float);
    k->n_args = 1;
    double each = local ? (double)sizeof(float) : slow ? 2.0 : 2.0 * STEPS;
    p->work = each * (double)items * (double)loops * s.width * s.chains;
    snprintf(p->text, sizeof p->text, "width %u, %u chain%s, %llu work-items", s.width, s.chains,
             s.chains == 1 ? " of mad" : "s", (unsigned long long)items);
    return RK_OK;
}

/* ---- reading ---- */

/* Bytes that are read: little of a memory that is small. */
static uint64_t read_bytes(const rk_device *d)
{
    uint64_t bytes = READ_GPU, most = d->info.mem_max_alloc / 2;
    if (d->cpu) bytes = (uint64_t)d->units * READ_EACH;
    if (d->cpu && bytes < READ_CPU) bytes = READ_CPU;
    if (d->loop_limit) bytes = READ_SLOW;
    if (d->info.mem_total / 8 < most) most = d->info.mem_total / 8;
    return bytes < most ? bytes : most;
}

static void add_places(ocl_text *t, const rk_device *d, shape s, uint64_t span, uint64_t items)
{
    uint64_t apart = items, on = items * s.chains;
    const char *first = "get_global_id(0)";
    if (is_brief(s)) {
        first = "(get_group_id(0) * GROUP * SPAN + get_local_id(0))";
        apart = on = group_of(d, s);
    } else if (d->cpu) {
        first = "(get_global_id(0) * SPAN)";
        apart = span / s.chains;
        on = 1;
    }
    ocl_text_add(t, "#define SPAN %llu\n#define FIRST %s\n#define APART %llu\n#define ON %llu\n",
                 (unsigned long long)span, first, (unsigned long long)apart,
                 (unsigned long long)on);
}

/* Work-items of a CPU read a part each, in as many places at once as there are chains; of a GPU, or
 * in a group that is soon done, neighbours read neighbours.  What a brief one reads again is near:
 * a launch is one round. */
static rk_status reading(rk_kernel *k, rk_probe *p, rk_error *e)
{
    rk_device *d = k->device;
    shape s = choose_shape(d, p);
    ocl_text source;
    ocl_step *step;
    if (!s.chains) return no_variant(p, e);
    uint64_t group = group_of(d, s), bytes = read_bytes(d);
    uint64_t items = d->loop_limit ? ITEMS_SLOW : d->units * GROUPS * group;
    if (is_brief(s)) items = bytes / (s.width * sizeof(float) * BRIEF_SPAN) / group * group;
    uint64_t all = bytes / (s.width * sizeof(float)), span = all / items / s.chains * s.chains;
    if (span == 0)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%llu bytes are too few to read",
                        (unsigned long long)bytes);
    uint64_t most = d->loop_limit ? d->loop_limit / span + 1 : is_brief(s) ? 1 : UINT32_MAX;
    uint32_t rounds = p->rounds < most ? p->rounds : (uint32_t)most;
    make_source(d, &source, 0, s);
    add_places(&source, d, s, span, items);
    OCL_APPEND(&source, ocl_cl_peak);
    OCL_TRY(ocl_step_add(k, &source, "peak", &step, e));
    ocl_step_buffer(step, 0, 0);
    OCL_TRY(ocl_step_u32(step, rounds, e));
    ocl_step_range(step, items, 1, group);
    k->n_args = 1;
    double once = (double)(items * span * s.width * sizeof(float));
    p->work = once * rounds;
    p->workspace = k->bytes[0] = (span + 1) * items * s.width * sizeof(float);
    snprintf(p->text, sizeof p->text, "%.0f MiB, width %u, %u place%s, %llu work-items",
             once / (1 << 20), s.width, s.chains, s.chains == 1 ? "" : "s",
             (unsigned long long)items);
    return RK_OK;
}

/* ---- transfers ---- */

static rk_status enqueue_transfer(rk_kernel *k, const rk_arg *args, rk_error *e)
{
    rk_device *d = k->device;
    (void)args;
    for (int64_t i = 0; i < k->p[1]; i++) {
        cl_int code = k->p[0] == RK_PROBE_UPLOAD
                          ? clEnqueueWriteBuffer(d->queue, k->own[0], CL_FALSE, 0, TRANSFER,
                                                 k->mapped, 0, NULL, ocl_note(d))
                          : clEnqueueReadBuffer(d->queue, k->own[0], CL_FALSE, 0, TRANSFER,
                                                k->mapped, 0, NULL, ocl_note(d));
        OCL_TRY(ocl_async(d, code, "a transfer", e));
    }
    return ocl_flush(d, e);
}

static rk_status transfer(rk_kernel *k, rk_probe *p, rk_error *e)
{
    rk_device *d = k->device;
    cl_int code = CL_SUCCESS;
    p->variants = 1;
    if (p->variant > 0) return no_variant(p, e);
    for (int i = 0; i < 2 && code == CL_SUCCESS; i++)
        k->own[i] = clCreateBuffer(d->context, i ? CL_MEM_ALLOC_HOST_PTR : CL_MEM_READ_WRITE,
                                   TRANSFER, NULL, &code);
    if (code == CL_SUCCESS)
        k->mapped = clEnqueueMapBuffer(d->queue, k->own[1], CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0,
                                       TRANSFER, 0, NULL, NULL, &code);
    OCL_TRY(ocl_status(d, code, "memory of the host for transfers", e));
    k->p[0] = p->what;
    k->p[1] = p->rounds < 64 ? p->rounds : 64;
    k->enqueue = enqueue_transfer;
    p->work = (double)TRANSFER * (double)k->p[1];
    snprintf(p->text, sizeof p->text, "%d MiB of CL_MEM_ALLOC_HOST_PTR", TRANSFER >> 20);
    return RK_OK;
}

void ocl_peak_release(rk_kernel *k)
{
    if (k->mapped) {
        clEnqueueUnmapMemObject(k->device->queue, k->own[1], k->mapped, 0, NULL, NULL);
        clFinish(k->device->queue);
    }
    for (int i = 0; i < 2; i++)
        if (k->own[i]) clReleaseMemObject(k->own[i]);
}

rk_status ocl_peak(rk_kernel *k, rk_probe *p, rk_error *e)
{
    if (p->rounds == 0) return OCL_FAIL(e, RK_E_INVALID, 0, "a probe of no rounds");
    switch (p->what) {
    case RK_PROBE_FMA:
    case RK_PROBE_LOCAL: return arithmetic(k, p, e);
    case RK_PROBE_READ: return reading(k, p, e);
    case RK_PROBE_UPLOAD:
    case RK_PROBE_DOWNLOAD: return transfer(k, p, e);
    default: return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown probe %u", p->what);
    }
}
