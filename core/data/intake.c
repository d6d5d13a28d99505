#include "data/intake.h"
#include "base/error.h"
#include "data/examples.h"
#include "data/reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { ROWS = 64 };

/* One set on its way in. */
typedef struct set {
    rk_dataset *d;
    rk_examples *x;
    bool test;
    size_t bytes; /* of an example */
    char *pixels; /* [n], if resident */
    int64_t kept; /* rows so far */
    XXH3_state_t *hash;
    rk_intake *out;
} set;

static rk_status keep_row(set *s, const rk_reading *b, int64_t i, int64_t row, rk_error *e)
{
    rk_examples *x = s->x;
    if (b->status[i] != RK_OK) {
        /* Memory that ran out says nothing of the file. */
        if (!(s->d->source.flags & RK_SOURCE_SKIP) || b->status[i] == RK_E_NOMEM) {
            if (e) *e = b->error[i];
            return b->status[i];
        }
        if (s->out->skipped++ == 0)
            snprintf(s->out->why, sizeof s->out->why, "%s", b->error[i].text);
        return RK_OK;
    }
    const char *from = (const char *)b->pixels + (size_t)i * s->bytes;
    if (s->pixels) memcpy(s->pixels + (size_t)s->kept * s->bytes, from, s->bytes);
    XXH3_128bits_update(s->hash, from, s->bytes);
    x->label[s->kept] = x->label[row];
    x->index[s->kept] = x->index[row];
    s->kept++;
    return RK_OK;
}

static rk_status read_all(set *s, rk_reader *reader, rk_error *e)
{
    rk_reading b;
    uint64_t waited = 0;
    int64_t n = s->x->n;
    rk_reader_start(reader, s->test, NULL, n, ROWS, 0);
    for (int64_t first = 0; first < n; first += ROWS) {
        rk_reader_next(reader, &b, &waited);
        for (int64_t i = 0; i < b.rows; i++) RK_TRY(keep_row(s, &b, i, first + i, e));
    }
    return RK_OK;
}

static rk_status read_set(rk_dataset *d, bool test, rk_reader *reader, rk_intake *out, rk_error *e)
{
    rk_examples *x = test ? &d->test.x : &d->train.x;
    set s = {.d = d, .x = x, .test = test, .out = out};
    s.bytes = (size_t)rk_dataset_pixels(d) * (x->dtype == RK_U8 ? 1 : sizeof(float));
    if (d->source.flags & RK_SOURCE_RESIDENT) {
        s.pixels = malloc((size_t)x->n * s.bytes + 1);
        if (!s.pixels)
            return RK_FAIL(e, RK_E_NOMEM, "no memory for %lld images: give resident=no",
                           (long long)x->n);
    }
    s.hash = XXH3_createState();
    if (s.hash) XXH3_128bits_reset(s.hash);
    rk_status status = s.hash ? read_all(&s, reader, e)
                              : RK_FAIL(e, RK_E_NOMEM, "no memory for the digest of the data");
    if (status == RK_OK) rk_hash_hex(XXH3_128bits_digest(s.hash), out->pixels[test]);
    XXH3_freeState(s.hash);
    x->pixels = s.pixels;
    x->n = s.kept;
    if (status != RK_OK || s.kept) return status;
    return RK_FAIL(e, RK_E_INVALID, "no %s example is left: %s", test ? "test" : "training",
                   out->why);
}

rk_status rk_dataset_intake(rk_dataset *d, rk_intake *out, rk_error *e)
{
    rk_reader *reader;
    const rk_source *from = &d->source;
    *out = (rk_intake){0};
    bool whole = !(from->flags & RK_SOURCE_UNCHECKED) || from->flags & RK_SOURCE_RESIDENT;
    if (!from->read || from->generate || !whole) return RK_OK;
    RK_TRY(rk_reader_open(d, ROWS, &reader, e));
    rk_status status = read_set(d, false, reader, out, e);
    if (status == RK_OK) status = read_set(d, true, reader, out, e);
    rk_reader_close(reader);
    out->read = status == RK_OK;
    return status;
}
