#include "train/feed.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rk_feed {
    const rk_dataset *d;
    rk_reader *reader;
    uint32_t *order; /* [n] of the epoch */
    rk_feed_set set; /* what is being read ... */
    int64_t next;    /* ... and the batch that comes next; -1: nothing */
    uint64_t waited_ns;
};

rk_status rk_feed_open(const rk_dataset *d, int64_t rows, rk_feed **out, rk_error *e)
{
    rk_feed *f = calloc(1, sizeof *f);
    *out = f;
    if (f) f->order = calloc((size_t)d->train.x.n, sizeof *f->order);
    if (!f || !f->order) return RK_FAIL(e, RK_E_NOMEM, "no memory to feed data");
    f->d = d;
    f->next = -1;
    return rk_reader_open(d, rows, &f->reader, e);
}

void rk_feed_close(rk_feed *f)
{
    if (!f) return;
    rk_reader_close(f->reader);
    free(f->order);
    free(f);
}

void rk_feed_order(rk_feed *f, const uint32_t *order)
{
    size_t bytes = (size_t)f->d->train.x.n * sizeof *order;
    if (f->next >= 0 && f->set == RK_FEED_TRAIN) /* it reads from the old order */
        rk_reader_start(f->reader, false, NULL, 0, 1, 0);
    memcpy(f->order, order, bytes);
    f->next = -1;
}

static rk_status write(rk_session *s, rk_feed_set set, const char *field, const void *data,
                       rk_error *e)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", rk_feed_name(set), field);
    const rk_buffer_info *b = rk_session_buffer(s, full);
    if (!b) return RK_OK; /* no program reads it, as the pixels of a model that ignores them */
    return rk_session_write(s, full, data, b->bytes, e);
}

rk_status rk_feed_write(rk_feed *f, rk_session *s, rk_feed_set set, int64_t n, int64_t rows,
                        int64_t batch, rk_error *e)
{
    rk_reading b;
    uint64_t waited = 0;
    if (f->next != batch || f->set != set) {
        const uint32_t *order = set == RK_FEED_TRAIN ? f->order : NULL;
        rk_reader_start(f->reader, set == RK_FEED_EVAL_TEST, order, n, rows, batch);
    }
    f->set = set;
    f->next = -1;
    rk_reader_next(f->reader, &b, &waited);
    for (int64_t i = 0; i < b.rows; i++) {
        if (b.status[i] == RK_OK) continue;
        if (e) *e = b.error[i];
        return b.status[i];
    }
    if (set == RK_FEED_TRAIN) f->waited_ns += waited;
    f->next = (batch + 1) * rows < n ? batch + 1 : -1;
    RK_TRY(write(s, set, "pixels", b.pixels, e));
    RK_TRY(write(s, set, "shift", b.shift, e));
    return write(s, set, "scale", b.scale, e);
}

uint64_t rk_feed_waited(rk_feed *f)
{
    uint64_t waited = f->waited_ns;
    f->waited_ns = 0;
    return waited;
}
