/* Columns that are packed on the way: see conv_feed.h. */
#include "conv_feed.h"
#include "tile.h"

#ifdef CPU_VEC
enum {
    LEAD = 16 /* rows that are packed before they are wanted: they must have left the pipeline */
};

/* Where the next row to pack is read and written. */
typedef struct cursor {
    const float *from;
    int64_t tap;
    const vec_mask *mask;
    float *to;
} cursor;

static cursor start(const cpu_feed *f)
{
    int64_t tap = f->first % f->taps;
    return (cursor){f->from + f->first / f->taps * f->channel, tap,
                    f->mask ? f->mask + tap * f->count : NULL, f->to};
}

static inline __attribute__((always_inline)) const float *next_tap(cursor *c, const cpu_feed *f,
                                                                   int masked)
{
    const float *tap = c->from + f->offset[c->tap];
    c->to += f->width;
    if (masked) c->mask += f->count;
    if (++c->tap == f->taps) {
        c->tap = 0;
        c->mask = f->mask;
        c->from += f->channel;
    }
    return tap;
}

/* Lanes may be written that belong to the next ones or to the next row: those are written later. */
static inline __attribute__((always_inline)) void pack_row(cursor *c, const cpu_feed *f,
                                                           const cpu_lanes *lanes, int count,
                                                           int masked)
{
    float *to = c->to;
    const vec_mask *mask = c->mask;
    const float *tap = next_tap(c, f, masked);
    CPU_UNROLL for (int i = 0; i < count; i++) v_store(
        to + lanes[i].to, v_load_part(tap + lanes[i].from, masked ? mask[i] : lanes[i].part));
}

static inline __attribute__((always_inline)) void pack_rows(const cpu_feed *f, int count,
                                                            int masked)
{
    const cpu_feed own = *f; /* what is written to could be all but a copy */
    cpu_lanes lanes[CPU_NR];
    cursor c = start(f);
    for (int i = 0; i < count; i++) lanes[i] = f->lanes[i];
    for (int64_t l = 0; l < own.n; l++) pack_row(&c, &own, lanes, count, masked);
}

void CPU_NAME(cpu_feed_pack)(const cpu_feed *f)
{
    if (f->mask) {
        pack_rows(f, f->count, 1);
        return;
    }
    switch (f->count) {
    case 1: pack_rows(f, 1, 0); break;
    case 2: pack_rows(f, 2, 0); break;
    case 3: pack_rows(f, 3, 0); break;
    case 4: pack_rows(f, 4, 0); break;
    default: pack_rows(f, f->count, 0); break;
    }
}

/* Rows are packed LEAD steps before they are read. */
static inline __attribute__((always_inline)) void apart(const cpu_feed *f, const cpu_tile *t,
                                                        int mr, int masked)
{
    const cpu_feed own = *f;
    cpu_lanes lanes[CPU_NR];
    cursor c = start(f);
    tile_acc acc;
    vec_mask part = v_part((int)t->last);
    const float *a = t->a, *b = t->b, *soon = tile_soon(t);
    int64_t lead = own.n < LEAD ? own.n : LEAD, l = 0;
    for (int i = 0; i < own.count; i++) lanes[i] = f->lanes[i];
    for (int64_t i = 0; i < lead; i++) pack_row(&c, &own, lanes, own.count, masked);
    for (int64_t i = 0; i < mr; i++) tile_next(t->next + i * t->ld_to);
    tile_begin(t, acc, mr, CPU_NV, part);
    for (; l < own.n - lead; l++, a += mr, b += CPU_NR, soon += t->ld_soon) {
        __builtin_prefetch(soon);
        pack_row(&c, &own, lanes, own.count, masked);
        tile_packed(acc, a, b, mr, CPU_NV);
    }
    for (; l < own.n; l++, a += mr, b += CPU_NR, soon += t->ld_soon) {
        __builtin_prefetch(soon);
        tile_packed(acc, a, b, mr, CPU_NV);
    }
    tile_end(t, acc, mr, CPU_NV, part);
}

/* Of the channel that follows, where the next columns are. */
static inline __attribute__((always_inline)) void ask(const cpu_feed *f, const float *next)
{
    for (int64_t i = 0; i < f->asked; i++) __builtin_prefetch(next + i * CPU_VEC);
}

/* Rows are multiplied as they are read, and packed if they are kept. */
static inline __attribute__((always_inline)) void whole(const cpu_feed *f, const cpu_tile *t,
                                                        int mr, int masked, int kept)
{
    const cpu_feed own = *f;
    cursor c = start(f);
    tile_acc acc;
    vec_mask part = v_part((int)t->last);
    const float *a = t->a, *soon = tile_soon(t), *next = own.next;
    c.from += own.lanes[0].from;
    tile_begin(t, acc, mr, CPU_NV, part);
    for (int64_t l = 0; l < own.n; l++, a += mr, soon += t->ld_soon) {
        if (kept) __builtin_prefetch(soon);
        if (l < mr) tile_next(t->next + l * t->ld_to);
        float *to = c.to;
        const vec_mask *mask = c.mask;
        const float *tap = next_tap(&c, &own, masked);
        if (!kept && c.tap == 0) {
            ask(&own, next);
            next += own.channel;
        }
        vec bv[CPU_NV];
        CPU_UNROLL for (int j = 0; j < CPU_NV; j++)
        {
            const float *x = tap + j * CPU_VEC;
            bv[j] = masked ? v_load_part(x, mask[j]) : v_load(x);
            if (kept) v_store(to + j * CPU_VEC, bv[j]);
        }
        tile_step(acc, a, bv, mr, CPU_NV);
    }
    tile_end(t, acc, mr, CPU_NV, part);
}

typedef void tile_fn(const cpu_feed *, const cpu_tile *);

#define X(mr)                                                                                      \
    static void apart_##mr(const cpu_feed *f, const cpu_tile *t) { apart(f, t, mr, 0); }           \
    static void whole_##mr(const cpu_feed *f, const cpu_tile *t) { whole(f, t, mr, 0, 1); }        \
    static void apart_masked_##mr(const cpu_feed *f, const cpu_tile *t) { apart(f, t, mr, 1); }    \
    static void whole_masked_##mr(const cpu_feed *f, const cpu_tile *t) { whole(f, t, mr, 1, 1); } \
    static void alone_##mr(const cpu_feed *f, const cpu_tile *t) { whole(f, t, mr, 0, 0); }        \
    static void alone_masked_##mr(const cpu_feed *f, const cpu_tile *t) { whole(f, t, mr, 1, 0); }
CPU_HEIGHTS(X)
#undef X
#define X(mr)                                                                                      \
    {{apart_##mr, whole_##mr, alone_##mr},                                                         \
     {apart_masked_##mr, whole_masked_##mr, alone_masked_##mr}},
static tile_fn *const tiles[CPU_MR][2][3] = {CPU_HEIGHTS(X)};
#undef X

void CPU_NAME(cpu_feed_tile)(const cpu_feed *f, const cpu_tile *t, int64_t rows)
{
    tiles[rows - 1][f->mask != NULL][f->whole ? 1 + f->alone : 0](f, t);
}
#endif
