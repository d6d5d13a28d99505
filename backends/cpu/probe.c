/* Probes: kernels of one of the instruction set's ways to be fast. */
#include "cpu.h"
#include <stdio.h>

/* What is read is more than caches hold, of which large processors have 4 to 12 MiB a core; parts
 * are of whole grains. */
enum { READ_LEAST = 128 << 20, READ_EACH = 24 << 20, GRAIN = 1 << 16 };

typedef struct plan {
    const cpu_peak *peak;
    uint32_t rounds;
    size_t bytes;        /* of a thread's part */
    unsigned char *part; /* the workspace of the launch that runs */
} plan;

static void share(void *context, int t, int threads)
{
    const plan *p = context;
    (void)threads;
    p->peak->run(p->rounds, p->bytes, (float *)(void *)(p->part + (size_t)t * p->bytes));
}

static void run(const rk_kernel *k, unsigned char *const *arg)
{
    plan *p = k->plan;
    p->part = arg[0];
    cpu_parallel(k->device, k->threads, share, p);
}

/* Variant number v of one sort; *n counts all. */
static const cpu_peak *find(const cpu_isa *isa, uint32_t what, uint32_t v, uint32_t *n)
{
    const cpu_peak *found = NULL;
    *n = 0;
    for (const cpu_peak *p = isa->peaks; p->run; p++) {
        if (p->what != what) continue;
        if ((*n)++ == v) found = p;
    }
    return found;
}

/* Little of a memory that is small. */
static size_t read_bytes(int threads)
{
    uint64_t all = (uint64_t)threads * READ_EACH, most = cpu_memory_total() / 8;
    if (all < READ_LEAST) all = READ_LEAST;
    if (most && most < all) all = most;
    uint64_t grains = all / (uint64_t)threads / GRAIN;
    return (size_t)(grains ? grains : 1) * GRAIN;
}

static void describe(const rk_device *d, rk_probe *probe, const plan *p)
{
    const cpu_peak *peak = p->peak;
    double work = peak->work > 0 ? peak->work : (double)p->bytes;
    probe->work = work * (double)probe->rounds * (double)d->threads;
    probe->workspace = (uint64_t)p->bytes * (uint64_t)d->threads;
    if (peak->work > 0)
        snprintf(probe->text, sizeof probe->text, "%s, %s, %d threads", peak->text, d->isa->name,
                 d->threads);
    else
        snprintf(probe->text, sizeof probe->text, "%llu MiB, %s, %s, %d threads",
                 (unsigned long long)probe->workspace >> 20, peak->text, d->isa->name, d->threads);
}

rk_status cpu_probe(rk_device *d, rk_probe *probe, rk_kernel **out, rk_error *e)
{
    static const cpu_kind kind = {NULL, run, NULL};
    const cpu_peak *peak = find(d->isa, probe->what, probe->variant, &probe->variants);
    if (!peak && probe->variants == 0)
        return cpu_fail(e, RK_E_UNSUPPORTED, "probe",
                        "its memory is the host's: there are no transfers to be faster at");
    if (!peak || probe->rounds == 0)
        return cpu_fail(e, RK_E_INVALID, "probe", "variant %u of %u, %u rounds", probe->variant,
                        probe->variants, probe->rounds);
    rk_kernel *k = cpu_kernel_new(d, &kind);
    plan *p = k ? k->plan = cpu_kernel_alloc(k, sizeof *p) : NULL;
    uint64_t *bytes = k ? k->bytes = cpu_kernel_alloc(k, sizeof *bytes) : NULL;
    if (!p || !bytes) {
        cpu_release(d, k);
        return cpu_fail(e, RK_E_NOMEM, "probe", "no memory for a kernel");
    }
    *p = (plan){peak, probe->rounds, peak->bytes ? peak->bytes : read_bytes(d->threads), NULL};
    k->threads = d->threads;
    k->n_arg = 1;
    describe(d, probe, p);
    *bytes = probe->workspace;
    *out = k;
    return RK_OK;
}
