/* The facts: data loaded twice and looked through, the model built, the schedule followed. */
#include "base/error.h"
#include "graph/node.h"
#include "train/doctor.h"
#include "train/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- repeated images ------------------------------------------------------------------------- */

typedef struct image {
    uint64_t hash;
    uint32_t row, label;
} image;

/* Equal images side by side, with their labels in order, and rows in order. */
static int by_hash(const void *a, const void *b)
{
    const image *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* How many of a group have the most frequent label. */
static uint32_t most_frequent(const image *group, uint32_t n)
{
    uint32_t most = 0, run = 0;
    for (uint32_t i = 0; i < n; i++) {
        run = i && group[i].label == group[i - 1].label ? run + 1 : 1;
        if (run > most) most = run;
    }
    return most;
}

/* Keeps the first pairs, in order. */
static void keep_pair(rk_doctor_facts *f, rk_doctor_pair pair)
{
    uint32_t at = f->n_pairs;
    if (at == RK_DOCTOR_PAIRS && f->pair[--at].a < pair.a) return;
    for (; at > 0 && f->pair[at - 1].a > pair.a; at--) f->pair[at] = f->pair[at - 1];
    f->pair[at] = pair;
    f->n_pairs += f->n_pairs < RK_DOCTOR_PAIRS;
}

/* The first row of a group, and the first of another label than it. */
static void note_pair(rk_doctor_facts *f, const rk_examples *x, const image *group, uint32_t n)
{
    const image *first = group, *other = NULL;
    for (uint32_t i = 1; i < n; i++)
        if (group[i].row < first->row) first = &group[i];
    for (uint32_t i = 0; i < n; i++)
        if (group[i].label != first->label && (!other || group[i].row < other->row))
            other = &group[i];
    if (other) keep_pair(f, (rk_doctor_pair){x->index[first->row], x->index[other->row]});
}

static void count_groups(rk_doctor_facts *f, const rk_examples *x, const image *list, uint32_t n)
{
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && list[end].hash == list[i].hash;) end++;
        uint32_t size = end - i, most = most_frequent(list + i, size);
        f->duplicates += size - 1;
        f->conflicting += size - most;
        if (most < size) note_pair(f, x, list + i, size);
    }
}

static bool is_constant(const unsigned char *pixels, size_t bytes, size_t element)
{
    return bytes <= element || memcmp(pixels, pixels + element, bytes - element) == 0;
}

static rk_status look_at_images(rk_doctor_facts *f, const rk_dataset *d, rk_error *e)
{
    const rk_examples *x = &d->train.x;
    size_t element = x->dtype == RK_U8 ? 1 : sizeof(float);
    size_t bytes = (size_t)rk_dataset_pixels(d) * element;
    uint32_t n = (uint32_t)x->n;
    image *list = malloc((n + 1) * sizeof *list);
    if (!list) return RK_FAIL(e, RK_E_NOMEM, "no memory to look through %u images", n);
    for (uint32_t i = 0; i < n; i++) {
        const unsigned char *pixels = (const unsigned char *)x->pixels + i * bytes;
        list[i] = (image){XXH3_64bits(pixels, bytes), i, x->label[i]};
        f->constant += is_constant(pixels, bytes, element);
    }
    qsort(list, n, sizeof *list, by_hash);
    count_groups(f, x, list, n);
    free(list);
    return RK_OK;
}

/* ---- data, model, schedule ------------------------------------------------------------------- */

static rk_status count_classes(rk_doctor_facts *f, const rk_dataset *d, rk_error *e)
{
    bool *used = calloc(d->classes, sizeof *used);
    if (!used) return RK_FAIL(e, RK_E_NOMEM, "no memory for %u classes", d->classes);
    for (int64_t i = 0; i < d->train.x.n; i++) {
        f->classes_used += !used[d->train.x.label[i]];
        used[d->train.x.label[i]] = true;
    }
    free(used);
    return RK_OK;
}

static void count_parameters(rk_doctor_facts *f, const rk_recipe *r, const rk_dataset *d)
{
    rk_graph *g;
    rk_value list[4096];
    rk_chunks chunks = rk_train_chunks(d->train.x.n, f->config->batch);
    if (rk_step_build(r, d, chunks, chunks.rows, &g, NULL) != RK_OK) return;
    uint32_t n = rk_graph_params(g, list, 4096);
    for (uint32_t i = 0; i < n && i < 4096; i++)
        f->parameters += rk_shape_size(rk_shape_of(g, list[i]));
    rk_graph_free(g);
}

static rk_status load(const rk_doctor_facts *f, const rk_recipe *r, rk_dataset **out,
                      rk_audit *audit, rk_error *e)
{
    const rk_config *c = f->config;
    uint64_t seed = rk_config_randomize_seed(c);
    return rk_dataset_load(r->data, (const rk_spec *const *)r->transforms.spec, r->transforms.n,
                           seed, out, audit, e);
}

static rk_status look_at_data(rk_doctor_facts *f, const rk_recipe *r, rk_error *e)
{
    rk_dataset *d, *again;
    rk_error why = rk_error_new();
    rk_status status = load(f, r, &d, &f->load[0], &why);
    if (status != RK_OK) { /* that is a finding, not a failure */
        snprintf(f->data_note, sizeof f->data_note, "%.319s", why.text);
        return RK_OK;
    }
    f->have_data = true;
    f->n = d->train.x.n;
    f->inputs = rk_dataset_pixels(d);
    f->classes = d->classes;
    status = count_classes(f, d, e);
    f->have_images = d->train.x.pixels;
    if (status == RK_OK && f->have_images) status = look_at_images(f, d, e);
    if (status == RK_OK) count_parameters(f, r, d);
    rk_dataset_free(d);
    if (status == RK_OK) status = load(f, r, &again, &f->load[1], e);
    if (status == RK_OK) rk_dataset_free(again);
    return status;
}

static void follow_schedule(rk_doctor_facts *f, const rk_recipe *r)
{
    const rk_spec *s = r->schedule;
    int64_t n = f->n_rows ? f->rows[f->n_rows - 1].epoch : f->config->epochs;
    for (int64_t epoch = 0; epoch < 2 * n; epoch++) {
        double rate = s->item->rate(f->config->rate, epoch, s->args);
        if (epoch == 0) f->rate_first = rate;
        if (epoch == n - 1) f->rate_last = rate;
        *(epoch < n ? &f->rate_sum : &f->rate_rest) += rate;
    }
}

rk_status rk_doctor_collect(const rk_registry *plugins, rk_doctor_facts *f, rk_error *e)
{
    rk_recipe r;
    RK_TRY(rk_config_check(f->config, e));
    RK_TRY(rk_recipe_parse(plugins, f->config, &r, e));
    follow_schedule(f, &r);
    rk_status status = look_at_data(f, &r, e);
    if (f->run && !f->parameters) f->parameters = f->run->parameters;
    rk_recipe_clear(&r);
    return status;
}
