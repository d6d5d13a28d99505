#include "train/supply.h"
#include "data/augment.h"
#include "graph/node.h"
#include <stdio.h>

const char *rk_feed_name(rk_feed_set set)
{
    static const char *const names[] = {"feed/train", "feed/eval-train", "feed/eval-test"};
    return names[set];
}

rk_supply rk_supply_of(const rk_dataset *d, bool test, rk_feed_set feed, int64_t fed)
{
    return (rk_supply){.d = d,
                       .x = test ? &d->test.x : &d->train.x,
                       .test = test,
                       .prefix = test ? "data/test" : "data/train",
                       .feed = feed,
                       .fed = fed,
                       .channels = d->channels,
                       .height = d->height,
                       .width = d->width};
}

rk_value rk_supply_field(rk_graph *g, const rk_supply *s, uint32_t dtype, rk_shape shape,
                         const char *name, rk_value index)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", s->prefix, name);
    return rk_take(g, rk_input(g, dtype, shape, full), index);
}

/* The examples at index[rows] made from their numbers. */
static rk_value generate(rk_graph *g, const rk_supply *s, rk_value index)
{
    const rk_source *from = &s->d->source;
    rk_value x = from->generate(from->state, g, s->test, index);
    rk_shape want = RK_SHAPE(rk_dim(g, index, 0), s->channels, s->height, s->width),
             got = rk_shape_of(g, x);
    bool same = x && got.rank == 4 && rk_dtype_of(g, x) == RK_F32;
    for (int d = 0; d < 4 && same; d++) same = got.dim[d] == want.dim[d];
    return same ? x : rk_graph_fail(g, "the data set does not generate its images");
}

/* The first rows of what was written for this batch. */
static rk_value fed(rk_graph *g, const rk_supply *s, uint32_t dtype, rk_shape shape,
                    const char *name)
{
    const int64_t zero[RK_MAX_RANK] = {0};
    char full[64];
    rk_shape all = shape;
    all.dim[0] = s->fed;
    snprintf(full, sizeof full, "%s/%s", rk_feed_name(s->feed), name);
    return rk_slice(g, rk_input(g, dtype, all, full), zero, shape);
}

/* The examples at index[rows] as the model sees them: (pixel - shift) * scale. */
rk_value rk_supply_batch(rk_graph *g, const rk_supply *s, rk_value index, rk_value *label)
{
    int64_t n = s->x->n, rows = rk_dim(g, index, 0);
    if (s->d->source.generate) {
        *label = rk_supply_field(g, s, RK_U32, RK_SHAPE(n), "label", index);
        return generate(g, s, index);
    }
    rk_shape images = RK_SHAPE(n, s->channels, s->height, s->width),
             column = RK_SHAPE(rows, 1, 1, 1);
    rk_value pixels, shift, scale;
    if (rk_dataset_streams(s->d)) {
        images.dim[0] = rows;
        pixels = fed(g, s, s->x->dtype, images, "pixels");
        shift = fed(g, s, RK_F32, RK_SHAPE(rows), "shift");
        scale = fed(g, s, RK_F32, RK_SHAPE(rows), "scale");
    } else {
        pixels = rk_supply_field(g, s, s->x->dtype, images, "pixels", index);
        shift = rk_supply_field(g, s, RK_F32, RK_SHAPE(n), "shift", index);
        scale = rk_supply_field(g, s, RK_F32, RK_SHAPE(n), "scale", index);
    }
    *label = rk_supply_field(g, s, RK_U32, RK_SHAPE(n), "label", index);
    rk_value centred = rk_sub(g, rk_cast(g, pixels, RK_F32), rk_reshape(g, shift, column));
    return rk_mul(g, centred, rk_reshape(g, scale, column));
}

/* The scope of the names of an augmentation's streams: the second one of a name has its own. */
static void scope_of(const rk_recipe *r, uint32_t i, char *out, size_t cap)
{
    const char *name = r->augments.spec[i]->item->name;
    uint32_t occurrence = 1;
    for (uint32_t k = 0; k < i; k++)
        occurrence += r->augments.spec[k]->item == r->augments.spec[i]->item;
    if (occurrence == 1)
        snprintf(out, cap, "augment/%s", name);
    else
        snprintf(out, cap, "augment/%s/%u", name, occurrence);
}

/* The images of a batch as the model sees them. */
rk_value rk_supply_augment(rk_graph *g, const rk_recipe *r, const rk_supply *s, rk_value index,
                           rk_value x)
{
    for (uint32_t i = 0; i < r->augments.n && x; i++) {
        const rk_spec *a = r->augments.spec[i];
        char name[128], scope[sizeof name + 1];
        scope_of(r, i, name, sizeof name);
        snprintf(scope, sizeof scope, "%s/", name);
        rk_batch batch = {.index = index, .n = s->x->n, .scope = scope};
        int64_t n = rk_dim(g, x, 0), channels = rk_dim(g, x, 1);
        rk_scope_push(g, name);
        x = a->item->augment(g, x, &batch, a->args);
        rk_scope_pop(g);
        rk_shape out = rk_shape_of(g, x);
        if (x && (out.rank != 4 || out.dim[0] != n || out.dim[1] != channels ||
                  rk_dtype_of(g, x) != RK_F32))
            x = rk_graph_fail(g, "the augmentation %s does not give images", a->item->name);
    }
    return x;
}

rk_value rk_model_logits(rk_graph *g, const rk_recipe *r, const rk_dataset *d, rk_value x)
{
    int64_t rows = rk_dim(g, x, 0);
    rk_value logits = r->model->item->model(g, x, d->classes, r->model->args);
    rk_shape shape = rk_shape_of(g, logits);
    if (!logits || (shape.rank == 2 && shape.dim[0] == rows && shape.dim[1] == d->classes))
        return logits;
    return rk_graph_fail(g, "the model %s does not give a row of %u logits per example",
                         r->model->item->name, d->classes);
}

/* The random words of the next step are others: the key's third word counts steps. */
void rk_random_advance(rk_graph *g)
{
    bool used = false;
    for (rk_value v = 1; v < rk_graph_count(g) && !used; v++)
        used = rk_graph_node(g, v).op == RK_OP_RNG;
    if (!used) return;
    rk_value key = rk_state(g, RK_U32, RK_SHAPE(3), "rng/key");
    rk_value third = rk_cast(g, rk_eq(g, rk_iota(g, 3), rk_const_u(g, 2)), RK_U32);
    rk_assign(g, key, rk_add(g, key, third));
}
