#include "data/dataset.h"
#include "base/error.h"
#include "data/examples.h"
#include "data/intake.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rk_status check_pixels(const rk_examples *x, int64_t pixels, const char *set, rk_error *e)
{
    const float *values = x->pixels;
    if (x->dtype != RK_F32 || !values) return RK_OK;
    for (int64_t i = 0; i < x->n * pixels; i++)
        if (!isfinite(values[i]))
            return RK_FAIL(e, RK_E_INVALID, "%s example %lld has a pixel that is not finite", set,
                           (long long)(i / pixels));
    return RK_OK;
}

static rk_status check_examples(const rk_dataset *d, const rk_examples *x, const char *set,
                                rk_error *e)
{
    bool there = x->pixels || d->source.read, moments = x->shift && x->scale;
    if (x->n < 1 || !there || !x->label || !x->index || (!moments && !d->source.read))
        return RK_FAIL(e, RK_E_INVALID, "it has no %s examples", set);
    if (x->dtype != RK_U8 && x->dtype != RK_F32)
        return RK_FAIL(e, RK_E_INVALID, "its pixels are neither U8 nor F32");
    for (int64_t i = 0; i < x->n; i++)
        if (x->label[i] >= d->classes)
            return RK_FAIL(e, RK_E_INVALID,
                           "the label of %s example %lld is %u, the %u classes are 0 to %u", set,
                           (long long)i, x->label[i], d->classes, d->classes - 1);
    return check_pixels(x, rk_dataset_pixels(d), set, e);
}

static rk_status check(const rk_dataset *d, rk_error *e)
{
    RK_TRY(check_examples(d, &d->train.x, "training", e));
    return check_examples(d, &d->test.x, "test", e);
}

static rk_status keep_first(rk_examples *x, int64_t limit, const char *option, const char *set,
                            rk_error *e)
{
    if (limit > x->n)
        return RK_FAIL(e, RK_E_INVALID, "%s=%lld is more than its %lld %s examples", option,
                       (long long)limit, (long long)x->n, set);
    if (limit) x->n = limit;
    return RK_OK;
}

/* What the core fills in after a data item has loaded its set. */
static rk_status complete(rk_dataset *d, const int64_t *limit, rk_intake *intake, rk_error *e)
{
    rk_examples *train = &d->train.x, *test = &d->test.x;
    RK_TRY(keep_first(train, limit[RK_LIMIT_TRAIN], "limit", "training", e));
    RK_TRY(keep_first(test, limit[RK_LIMIT_TEST], "limit-test", "test", e));
    for (int64_t i = 0; i < train->n; i++) train->index[i] = (uint32_t)i;
    for (int64_t i = 0; i < test->n; i++) test->index[i] = (uint32_t)i;
    RK_TRY(rk_dataset_intake(d, intake, e));
    memcpy(d->train.true_label, train->label, (size_t)train->n * sizeof *train->label);
    return RK_OK;
}

static rk_status load(rk_dataset *d, const rk_spec *data, rk_intake *intake, rk_error *e)
{
    RK_TRY(data->item->data(d, data->args, e));
    RK_TRY(check(d, e));
    return complete(d, data->limit, intake, e);
}

/* The stream of a transform is named after it; the second one of a name gets a name of its own, or
 * it would draw what the first one drew. */
static rk_random stream_of(const rk_spec *const *transforms, uint32_t k, uint64_t seed,
                           const char *prefix)
{
    const rk_item *item = transforms[k]->item;
    char stream[128];
    uint32_t occurrence = 1;
    for (uint32_t i = 0; i < k; i++)
        if (strcmp(transforms[i]->item->name, item->name) == 0) occurrence++;
    int n = snprintf(stream, sizeof stream, "%s/%s", prefix, item->name);
    if (occurrence > 1) snprintf(stream + n, sizeof stream - (size_t)n, "/%u", occurrence);
    return rk_random_named(seed, stream);
}

static rk_status apply(rk_dataset *d, const rk_spec *const *transforms, uint32_t k, uint64_t seed,
                       rk_error *e)
{
    if (!d->train.x.pixels && !(transforms[k]->item->flags & RK_ITEM_LABELS_ONLY))
        return RK_FAIL(e, RK_E_INVALID,
                       "it changes pixels, but those of this set are not in memory: only labels "
                       "can be randomized");
    rk_random r = stream_of(transforms, k, seed, "transform");
    RK_TRY(transforms[k]->item->transform(d, transforms[k]->args, r, e));
    return check(d, e);
}

/* What the intake found, for the record. */
static void note_intake(const rk_intake *intake, rk_audit *audit)
{
    audit->skipped = intake->skipped;
    memcpy(audit->skipped_why, intake->why, sizeof audit->skipped_why);
    audit->as_read = intake->read;
    memcpy(audit->pixels, intake->pixels, sizeof audit->pixels);
}

static rk_status prepare(rk_dataset *d, const rk_spec *data, const rk_spec *const *transforms,
                         uint32_t n, uint64_t seed, rk_audit *audit, rk_error *e)
{
    rk_intake intake;
    if (load(d, data, &intake, e) != RK_OK) return rk_error_prefix(e, "%s", data->item->name);
    rk_traces last;
    audit->transforms[0] = '\0';
    note_intake(&intake, audit);
    if (n) rk_dataset_trace(d, NULL, &last, audit);
    for (uint32_t k = 0; k < n; k++) {
        const char *name = transforms[k]->item->name;
        if (!(transforms[k]->item->flags & RK_ITEM_LABELS_ONLY)) audit->as_read = false;
        if (apply(d, transforms, k, seed, e) != RK_OK) return rk_error_prefix(e, "%s", name);
        rk_dataset_trace(d, name, &last, audit);
    }
    rk_dataset_standardize(d);
    return rk_dataset_audit(d, audit, e);
}

rk_status rk_dataset_load(const rk_spec *data, const rk_spec *const *transforms, uint32_t n,
                          uint64_t seed, rk_dataset **out, rk_audit *audit, rk_error *e)
{
    rk_error local = rk_error_new(); /* the code must be known even if the caller passes NULL */
    rk_dataset *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d) return RK_FAIL(e, RK_E_NOMEM, "no memory for a data set");
    rk_status status = prepare(d, data, transforms, n, seed, audit, e ? e : &local);
    if (status == RK_OK)
        *out = d;
    else
        rk_dataset_free(d);
    return status;
}

bool rk_dataset_streams(const rk_dataset *d) { return !d->train.x.pixels && !d->source.generate; }

rk_status rk_dataset_corrupt_test(rk_dataset *d, const rk_spec *const *transforms, uint32_t n,
                                  uint64_t seed, rk_audit *audit, rk_error *e)
{
    bool any = false;
    for (uint32_t k = 0; k < n; k++) {
        const rk_spec *t = transforms[k];
        if (!t->item->transform_test) continue;
        any = true;
        rk_random r = stream_of(transforms, k, seed, "transform/test");
        if (t->item->transform_test(d, t->args, r, e) != RK_OK || check(d, e) != RK_OK)
            return rk_error_prefix(e, "%s", t->item->name);
    }
    if (any) return rk_dataset_audit(d, audit, e);
    return RK_FAIL(e, RK_E_INVALID,
                   "eval-labels=corrupted, but nothing corrupts labels: add --randomize labels, or "
                   "leave it out");
}

void rk_dataset_free(rk_dataset *d)
{
    if (!d) return;
    rk_dataset_clear(d);
    if (d->source.close) d->source.close(d->source.state);
    free(d);
}
