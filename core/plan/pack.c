/* Places of temporaries in one arena: two simple packers, the better result is kept.
 *
 * Both put each buffer at the lowest offset that is free during its life.  One takes buffers in the
 * order in which they begin, the other the largest first, which packs networks well (Pisarchyk and
 * Lee, "Efficient memory management for deep neural net inference", 2020). */
#include <stdlib.h>
#include "plan/plan.h"

typedef struct block {
    uint32_t buffer, first, last;
    uint64_t bytes, offset;
} block;

static int by_begin(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->buffer < y->buffer ? -1 : 1;
}

static int by_size(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return by_begin(a, b);
}

static bool meet(const block *x, const block *y)
{
    return x->first <= y->last && y->first <= x->last;
}

/* The lowest offset for block n beside the blocks before it that live at the same time; place[] has
 * these in the order of offsets. */
static uint64_t lowest(const block *b, uint32_t n, const uint32_t *place, const rk_pack_options *o)
{
    uint64_t at = 0, bytes = b[n].bytes;
    for (uint32_t i = 0; i <= n; i++) {
        if (o->max_alloc && at / o->max_alloc != (at + bytes - 1) / o->max_alloc)
            at = (at / o->max_alloc + 1) * o->max_alloc;
        if (i == n) break;
        const block *x = &b[place[i]];
        if (!meet(x, &b[n]) && !o->separate) continue;
        if (at + bytes <= x->offset) break;
        if (at < x->offset + x->bytes) at = x->offset + x->bytes;
    }
    return at;
}

static uint64_t pack(block *b, uint32_t n, uint32_t *place, const rk_pack_options *o)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < n; i++) {
        b[i].offset = lowest(b, i, place, o);
        if (b[i].offset + b[i].bytes > end) end = b[i].offset + b[i].bytes;
        uint32_t at = i;
        for (; at > 0 && b[place[at - 1]].offset > b[i].offset; at--) place[at] = place[at - 1];
        place[at] = i;
    }
    return end;
}

static uint64_t bound(const rk_plan *plan, const block *b, uint32_t n)
{
    uint64_t most = 0;
    for (uint32_t step = 0; step < plan->n_step; step++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < n; i++)
            if (b[i].first <= step && step <= b[i].last) live += plan->buffer[b[i].buffer].bytes;
        if (live > most) most = live;
    }
    return most;
}

static uint32_t list_blocks(const rk_plan *plan, uint64_t align, block *b)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < plan->n_buffer; i++) {
        const rk_buffer *x = &plan->buffer[i];
        if (x->kind != RK_BUFFER_TEMP || x->home != i || x->first == UINT32_MAX) continue;
        b[n++] = (block){i, x->first, x->last, (x->bytes + align - 1) / align * align, 0};
    }
    return n;
}

static void keep(rk_plan *plan, const block *b, uint32_t n, uint64_t bytes)
{
    for (uint32_t i = 0; i < n; i++) plan->buffer[b[i].buffer].offset = b[i].offset;
    plan->arena_bytes = bytes;
}

rk_status rk_plan_pack(rk_plan *plan, const rk_pack_options *o, rk_error *e)
{
    rk_pack_options aligned = *o;
    aligned.max_alloc = o->max_alloc / o->align * o->align;
    block *b = calloc(plan->n_buffer + 1, sizeof *b);
    uint32_t *place = calloc(plan->n_buffer + 1, sizeof *place);
    rk_status s = b && place ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a plan");
    uint32_t n = s == RK_OK ? list_blocks(plan, o->align, b) : 0;
    for (uint32_t i = 0; i < n && s == RK_OK; i++)
        if (aligned.max_alloc && b[i].bytes > aligned.max_alloc)
            s = RK_FAIL(e, RK_E_NOMEM,
                        "a value of %llu bytes; the device allocates at most %llu at once: use "
                        "smaller batches",
                        (unsigned long long)b[i].bytes, (unsigned long long)o->max_alloc);
    if (s == RK_OK) {
        plan->bound_bytes = bound(plan, b, n);
        qsort(b, n, sizeof *b, by_size);
        uint64_t large_first = pack(b, n, place, &aligned);
        keep(plan, b, n, large_first);
        qsort(b, n, sizeof *b, by_begin);
        uint64_t in_order = pack(b, n, place, &aligned);
        if (in_order < large_first) keep(plan, b, n, in_order);
    }
    free(b);
    free(place);
    return s;
}
