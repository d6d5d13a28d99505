#include "cpu.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

rk_status cpu_fail(rk_error *e, rk_status code, const char *where, const char *format, ...)
{
    va_list list;
    if (!e) return code;
    e->code = code;
    e->native = 0;
    e->line = 0;
    snprintf(e->where, sizeof e->where, "cpu %s", where);
    va_start(list, format);
    vsnprintf(e->text, sizeof e->text, format, list);
    va_end(list);
    return code;
}

uint64_t cpu_memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
}

/* What the system can give without swapping; all that there is where it does not say. */
static uint64_t memory_available(void)
{
    char line[128];
    unsigned long long kib = UINT64_MAX;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) break;
    if (f) fclose(f);
    return kib == UINT64_MAX ? cpu_memory_total() : (uint64_t)kib * 1024;
}

static unsigned char *align_up(void *p)
{
    return (unsigned char *)(((uintptr_t)p + CPU_ALIGN - 1) & ~(uintptr_t)(CPU_ALIGN - 1));
}

/* Large pages spare the address translation of strided reads; without them all works as well. */
static void advise_large_pages(unsigned char *p, uint64_t bytes)
{
    const uintptr_t page = (uintptr_t)2 << 20;
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1),
              end = ((uintptr_t)p + bytes) & ~(page - 1);
    if (end > from) (void)madvise((void *)from, end - from, MADV_HUGEPAGE);
}

static rk_status no_memory(rk_error *e, const char *where, uint64_t bytes)
{
    return cpu_fail(
        e, RK_E_NOMEM, where,
        "%llu bytes wanted, about %llu of %llu are free: take a smaller batch, or close "
        "other programs",
        (unsigned long long)bytes, (unsigned long long)memory_available(),
        (unsigned long long)cpu_memory_total());
}

rk_status cpu_mem_alloc(rk_device *d, uint64_t bytes, rk_mem **out, rk_error *e)
{
    enum { SMALL = 64 << 20 }; /* not worth a question */
    if (bytes > SMALL && bytes > memory_available()) return no_memory(e, "mem_alloc", bytes);
    rk_mem *m = d->host->alloc(d->host->ctx, NULL, sizeof *m + (size_t)bytes + CPU_ALIGN);
    if (!m) return no_memory(e, "mem_alloc", bytes);
    m->at = align_up(m + 1);
    m->bytes = bytes;
    advise_large_pages(m->at, bytes);
    memset(m->at, 0, (size_t)bytes);
    m->next = d->mems;
    m->link = &d->mems;
    if (m->next) m->next->link = &m->next;
    d->mems = m;
    *out = m;
    return RK_OK;
}

void cpu_mem_free(rk_device *d, rk_mem *m)
{
    if (!m) return;
    *m->link = m->next;
    if (m->next) m->next->link = m->link;
    d->host->alloc(d->host->ctx, m, 0);
}

static rk_status check_range(const rk_mem *m, uint64_t offset, uint64_t bytes, const void *host,
                             const char *where, rk_error *e)
{
    if (!m || (bytes && !host)) return cpu_fail(e, RK_E_INVALID, where, "a NULL argument");
    if (offset > m->bytes || bytes > m->bytes - offset)
        return cpu_fail(e, RK_E_INVALID, where,
                        "%llu bytes at offset %llu are not inside the memory of %llu bytes",
                        (unsigned long long)bytes, (unsigned long long)offset,
                        (unsigned long long)m->bytes);
    return RK_OK;
}

rk_status cpu_write(rk_device *d, rk_mem *m, uint64_t offset, const void *src, uint64_t bytes,
                    rk_error *e)
{
    (void)d;
    rk_status s = check_range(m, offset, bytes, src, "write", e);
    if (s == RK_OK && bytes) memcpy(m->at + offset, src, (size_t)bytes);
    return s;
}

rk_status cpu_read(rk_device *d, rk_mem *m, uint64_t offset, void *dst, uint64_t bytes, rk_error *e)
{
    (void)d;
    rk_status s = check_range(m, offset, bytes, dst, "read", e);
    if (s == RK_OK && bytes) memcpy(dst, m->at + offset, (size_t)bytes);
    return s;
}

void *cpu_kernel_alloc(rk_kernel *k, size_t bytes)
{
    const rk_host *host = k->device->host;
    cpu_block *b = host->alloc(host->ctx, NULL, sizeof *b + 16 + bytes);
    if (!b) return NULL;
    memset(b, 0, sizeof *b + 16 + bytes);
    b->next = k->blocks;
    k->blocks = b;
    return (unsigned char *)b + 16;
}

unsigned char *cpu_scratch(const rk_kernel *k, int t)
{
    const rk_device *d = k->device;
    return d->scratch ? d->scratch + (size_t)t * d->scratch_bytes : NULL; /* none was asked for */
}

/* One piece a thread, as large as the most demanding kernel so far wants; they are spread by an odd
 * number of lines so that the threads' pieces do not meet in the same cache sets. */
static rk_status grow_scratch(rk_device *d, size_t bytes, rk_error *e)
{
    size_t each = (bytes + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN, all;
    each += each / CPU_ALIGN % 2 ? 0 : CPU_ALIGN;
    if (bytes <= d->scratch_bytes) return RK_OK;
    all = each * (size_t)d->threads + CPU_ALIGN;
    void *block = d->host->alloc(d->host->ctx, NULL, all);
    if (!block) return no_memory(e, "prepare", all);
    advise_large_pages(block, all);
    memset(block, 0, all);
    if (d->scratch_block) d->host->alloc(d->host->ctx, d->scratch_block, 0);
    d->scratch_block = block;
    d->scratch = align_up(block);
    d->scratch_bytes = each;
    return RK_OK;
}

static rk_status describe_arguments(rk_kernel *k, const rk_op *op, rk_error *e)
{
    k->n_in = op->n_in;
    k->n_out = op->n_out;
    k->n_arg = op->n_in + op->n_out;
    memcpy(k->p, op->p, sizeof k->p);
    k->bytes = cpu_kernel_alloc(k, (k->n_arg + 1) * sizeof *k->bytes);
    if (!k->bytes) return no_memory(e, "prepare", (k->n_arg + 1) * sizeof *k->bytes);
    for (uint32_t i = 0; i < k->n_arg; i++) {
        const rk_tensor *t = i < op->n_in ? &op->in[i] : &op->out[i - op->n_in];
        uint64_t n = 1;
        for (uint32_t d = 0; d < t->rank; d++)
            if (t->stride[d] != 0 || t->dim[d] == 0) n *= (uint64_t)t->dim[d];
        k->bytes[i] = n * cpu_dtype_bytes(t->dtype);
    }
    return RK_OK;
}

/* A caller compiled with an older header has a shorter table; one that cannot be told what a bound
 * is about gets no bound. */
static void answer(rk_kinfo *out, const rk_kinfo *full)
{
    uint32_t size = out->size;
    int unclaimed = full->bound != RK_BOUND_TERMS && !RK_HAS(rk_kinfo, out, bound);
    memset(out, 0, size);
    memcpy(out, full, size < sizeof *full ? size : sizeof *full);
    out->size = size;
    if (unclaimed) out->ulp = 0;
}

static rk_status prepare_kind(rk_kernel *k, const rk_op *op, rk_kinfo *info, rk_error *e)
{
    rk_device *d = k->device;
    rk_status s = describe_arguments(k, op, e);
    if (s == RK_OK) s = k->kind->prepare(k, op, info, e);
    if (s == RK_OK) s = grow_scratch(d, k->scratch_bytes, e);
    if (s != RK_OK) return s;
    k->alias_ok = info->alias_ok;
    if (info->workspace) k->bytes[k->n_arg++] = info->workspace;
    return RK_OK;
}

rk_kernel *cpu_kernel_new(rk_device *d, const cpu_kind *kind)
{
    rk_kernel *k = d->host->alloc(d->host->ctx, NULL, sizeof *k);
    if (!k) return NULL;
    memset(k, 0, sizeof *k);
    k->device = d;
    k->kind = kind;
    k->next = d->kernels;
    k->link = &d->kernels;
    if (k->next) k->next->link = &k->next;
    d->kernels = k;
    return k;
}

rk_status cpu_prepare(rk_device *d, const rk_op *op, const cpu_choice *choice, rk_kernel **out,
                      rk_kinfo *info, rk_error *e)
{
    rk_kinfo full = {.size = sizeof full, .tier = RK_TIER_EXACT};
    rk_status s = cpu_check_op(op, e);
    if (s != RK_OK) return s;
    rk_kernel *k = cpu_kernel_new(d, d->isa->kind[op->kind]);
    if (!k) return no_memory(e, "prepare", sizeof *k);
    if (choice) k->choice = *choice;
    s = prepare_kind(k, op, &full, e);
    if (s != RK_OK) {
        cpu_release(d, k);
        return s;
    }
    answer(info, &full);
    *out = k;
    return RK_OK;
}

void cpu_release(rk_device *d, rk_kernel *k)
{
    if (!k) return;
    for (cpu_block *b = k->blocks, *next; b; b = next) {
        next = b->next;
        d->host->alloc(d->host->ctx, b, 0);
    }
    *k->link = k->next;
    if (k->next) k->next->link = k->link;
    d->host->alloc(d->host->ctx, k, 0);
}

static int overlap(const rk_kernel *k, const rk_arg *args, uint32_t i, uint32_t j)
{
    return args[i].mem == args[j].mem && k->bytes[i] && k->bytes[j] &&
           args[i].offset < args[j].offset + k->bytes[j] &&
           args[j].offset < args[i].offset + k->bytes[i];
}

static int may_alias(const rk_kernel *k, uint32_t i, uint32_t j)
{
    return i < k->n_in + k->n_out && j < k->n_in && j < 32 && (k->alias_ok >> j & 1u) &&
           k->bytes[i] == k->bytes[j];
}

/* What is written (outputs, workspace) overlaps nothing, but an output an input where that is
 * allowed. */
static rk_status check_overlaps(const rk_kernel *k, const rk_arg *args, rk_error *e)
{
    for (uint32_t i = k->n_in; i < k->n_arg; i++)
        for (uint32_t j = 0; j < i; j++) {
            if (!overlap(k, args, i, j)) continue;
            if (may_alias(k, i, j) && args[i].offset == args[j].offset) continue;
            return cpu_fail(e, RK_E_INVALID, "launch", "arguments %u and %u overlap", j, i);
        }
    return RK_OK;
}

rk_status cpu_launch(rk_device *d, rk_kernel *k, const rk_arg *args, uint32_t n, rk_error *e)
{
    unsigned char *at[CPU_MAX_ARGS];
    (void)d;
    if (!k || !args) return cpu_fail(e, RK_E_INVALID, "launch", "a NULL argument");
    if (n != k->n_arg)
        return cpu_fail(e, RK_E_INVALID, "launch", "%u arguments instead of %u", n, k->n_arg);
    for (uint32_t i = 0; i < n; i++) {
        const rk_mem *m = args[i].mem;
        if (!m) return cpu_fail(e, RK_E_INVALID, "launch", "argument %u has no memory", i);
        if (args[i].offset % CPU_ALIGN)
            return cpu_fail(e, RK_E_INVALID, "launch",
                            "argument %u: offset %llu is not a multiple of %d", i,
                            (unsigned long long)args[i].offset, CPU_ALIGN);
        if (args[i].offset > m->bytes || k->bytes[i] > m->bytes - args[i].offset)
            return cpu_fail(e, RK_E_INVALID, "launch",
                            "argument %u: %llu bytes at offset %llu are not inside its %llu bytes",
                            i, (unsigned long long)k->bytes[i], (unsigned long long)args[i].offset,
                            (unsigned long long)m->bytes);
        at[i] = m->at + args[i].offset;
    }
    rk_status s = check_overlaps(k, args, e);
    if (s == RK_OK) k->kind->run(k, at);
    return s;
}

rk_status cpu_sync(rk_device *d, rk_error *e)
{
    (void)d, (void)e;
    return RK_OK;
}

/* Work is done when launch returns, so a ticket is the time at which it was given. */
rk_status cpu_mark(rk_device *d, uint64_t *ticket, rk_error *e)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return cpu_fail(e, RK_E_INTERNAL, "mark", "no monotonic clock");
    *ticket = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    d->last_ticket = *ticket;
    return RK_OK;
}

rk_status cpu_wait(rk_device *d, uint64_t ticket, rk_error *e)
{
    if (ticket > d->last_ticket)
        return cpu_fail(e, RK_E_INVALID, "wait", "ticket %llu was never given",
                        (unsigned long long)ticket);
    return RK_OK;
}

rk_status cpu_elapsed_ns(rk_device *d, uint64_t from, uint64_t to, uint64_t *ns, rk_error *e)
{
    if (from > to || to > d->last_ticket)
        return cpu_fail(e, RK_E_INVALID, "elapsed_ns", "tickets %llu and %llu are out of order",
                        (unsigned long long)from, (unsigned long long)to);
    *ns = to - from;
    return RK_OK;
}
