/* Probes: kernels of one of the instruction set's ways to be fast. */
#include "cpu.h"
#include <stdio.h>

typedef struct plan {
    const cpu_peak *peak;
    uint32_t rounds;
    unsigned char *part; /* the workspace of the launch that runs */
} plan;

static void share(void *context, int t, int threads)
{
    const plan *p = context;
    (void)threads;
    p->peak->run(p->rounds, p->peak->bytes,
                 (float *)(void *)(p->part + (size_t)t * p->peak->bytes));
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

rk_status cpu_probe(rk_device *d, rk_probe *probe, rk_kernel **out, rk_error *e)
{
    static const cpu_kind kind = {NULL, run};
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
    *p = (plan){peak, probe->rounds, NULL};
    k->threads = d->threads;
    k->n_arg = 1;
    *bytes = probe->workspace = (uint64_t)peak->bytes * (uint64_t)d->threads;
    probe->work = peak->work * (double)probe->rounds * (double)d->threads;
    snprintf(probe->text, sizeof probe->text, "%s, %s, %d threads", peak->text, d->isa->name,
             d->threads);
    *out = k;
    return RK_OK;
}
