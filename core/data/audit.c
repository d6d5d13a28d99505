#include "base/error.h"
#include "data/examples.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void rk_hash_hex(XXH128_hash_t hash, char out[33])
{
    XXH128_canonical_t bytes; /* big-endian: the digits are the same on every machine */
    XXH128_canonicalFromHash(&bytes, hash);
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", bytes.digest[i]);
}

/* Of a set that is not in memory the pixels of the first, the middle and the last example. */
static rk_status add_some(XXH3_state_t *state, const rk_dataset *d, bool test, rk_error *e)
{
    const rk_examples *x = test ? &d->test.x : &d->train.x;
    size_t bytes = (size_t)rk_dataset_pixels(d) * (x->dtype == RK_U8 ? 1 : sizeof(float));
    const int64_t rows[] = {0, x->n / 2, x->n - 1};
    void *pixels = malloc(bytes);
    if (!pixels) return RK_FAIL(e, RK_E_NOMEM, "no memory for the pixels of an example");
    rk_status status = RK_OK;
    for (int i = 0; i < 3 && status == RK_OK; i++) {
        status = d->source.read(d->source.state, test, x->index[rows[i]], pixels, e);
        if (status == RK_OK) XXH3_128bits_update(state, pixels, bytes);
    }
    free(pixels);
    return status;
}

static void trace(const char *name, const char *what, char last[33], XXH128_hash_t hash,
                  rk_audit *audit)
{
    char now[33];
    size_t at = strlen(audit->transforms);
    rk_hash_hex(hash, now);
    if (name && strcmp(now, last) != 0)
        snprintf(audit->transforms + at, sizeof audit->transforms - at, "%s%s: %s %s",
                 at ? "; " : "", name, what, now);
    memcpy(last, now, sizeof now);
}

void rk_dataset_trace(const rk_dataset *d, const char *name, rk_traces *last, rk_audit *audit)
{
    const rk_examples *x = &d->train.x;
    size_t n = (size_t)x->n, element = x->dtype == RK_U8 ? 1 : sizeof(float);
    trace(name, "labels", last->labels, XXH3_128bits(x->label, n * sizeof *x->label), audit);
    if (x->pixels)
        trace(name, "pixels", last->pixels,
              XXH3_128bits(x->pixels, n * (size_t)rk_dataset_pixels(d) * element), audit);
}

/* A set that came through an intake has the same digest whether it is in memory or not. */
static rk_status add(XXH3_state_t *state, const rk_dataset *d, bool test, const rk_audit *audit,
                     rk_error *e)
{
    const rk_examples *x = test ? &d->test.x : &d->train.x;
    size_t n = (size_t)x->n, element = x->dtype == RK_U8 ? 1 : sizeof(float);
    if (audit->as_read) {
        XXH3_128bits_update(state, audit->pixels[test], sizeof audit->pixels[test]);
        XXH3_128bits_update(state, x->index, n * sizeof *x->index);
    } else if (x->pixels)
        XXH3_128bits_update(state, x->pixels, n * (size_t)rk_dataset_pixels(d) * element);
    else
        RK_TRY(add_some(state, d, test, e));
    XXH3_128bits_update(state, x->label, n * sizeof *x->label);
    if (!x->shift || audit->as_read) return RK_OK;
    XXH3_128bits_update(state, x->shift, n * sizeof *x->shift);
    XXH3_128bits_update(state, x->scale, n * sizeof *x->scale);
    return RK_OK;
}

rk_status rk_dataset_audit(const rk_dataset *d, rk_audit *audit, rk_error *e)
{
    const rk_examples *train = &d->train.x, *test = &d->test.x;
    /* Extents and types take part, so that the same bytes cut differently differ. */
    const uint64_t head[] = {d->classes,   d->channels, d->height,          d->width,
                             train->dtype, test->dtype, (uint64_t)train->n, (uint64_t)test->n};
    XXH3_state_t *state = XXH3_createState();
    if (!state) return RK_FAIL(e, RK_E_NOMEM, "no memory for the digest of the data");
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, head, sizeof head);
    rk_status status = add(state, d, false, audit, e);
    if (status == RK_OK) status = add(state, d, true, audit, e);
    rk_hash_hex(XXH3_128bits_digest(state), audit->digest);
    XXH3_freeState(state);
    RK_TRY(status);
    rk_hash_hex(XXH3_128bits(train->label, (size_t)train->n * sizeof *train->label),
                audit->label_digest);
    audit->changed = 0;
    for (int64_t i = 0; i < train->n; i++)
        audit->changed += train->label[i] != d->train.true_label[i];
    audit->changed_labels = train->n ? (double)audit->changed / (double)train->n : 0;
    return RK_OK;
}
