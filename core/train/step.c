#include "train/step.h"
#include "base/error.h"
#include "data/augment.h"
#include "graph/node.h"
#include "train/learn.h"
#include "train/score_graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVAL_ROWS = 256 };

rk_chunks rk_train_chunks(int64_t n, int64_t batch)
{
    int64_t rows = batch < n ? batch : n;
    return (rk_chunks){rows, (n + rows - 1) / rows};
}

rk_chunks rk_eval_chunks(int64_t n)
{
    int64_t count = (n + EVAL_ROWS - 1) / EVAL_ROWS, rows = (n + count - 1) / count;
    return (rk_chunks){rows, (n + rows - 1) / rows};
}

static rk_shape scalar(void) { return rk_shape_make(0, NULL); }

/* A value of one element as rank 0. */
static rk_value to_scalar(rk_graph *g, rk_value x) { return rk_reshape(g, x, scalar()); }

static rk_value sum_all(rk_graph *g, rk_value x)
{
    return to_scalar(g, rk_reduce_sum(g, x, 0, rk_shape_of(g, x).rank));
}

/* "eval/" + "test" + "/loss"; the builders copy names. */
static rk_value named_state(rk_graph *g, uint32_t dtype, rk_shape shape, const char *prefix,
                            const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    return rk_state(g, dtype, shape, full);
}

const char *rk_feed_name(rk_feed_set set)
{
    static const char *const names[] = {"feed/train", "feed/eval-train", "feed/eval-test"};
    return names[set];
}

/* A set on the device. */
typedef struct source {
    const rk_dataset *d;
    const rk_examples *x;
    bool test;
    const char *prefix; /* "data/train" */
    rk_feed_set feed;   /* of a set that is not in memory, and the rows that it writes at once */
    int64_t fed;
    int64_t channels, height, width;
} source;

static source source_of(const rk_dataset *d, bool test, rk_feed_set feed, int64_t fed)
{
    return (source){.d = d,
                    .x = test ? &d->test.x : &d->train.x,
                    .test = test,
                    .prefix = test ? "data/test" : "data/train",
                    .feed = feed,
                    .fed = fed,
                    .channels = d->channels,
                    .height = d->height,
                    .width = d->width};
}

static rk_value field(rk_graph *g, const source *s, uint32_t dtype, rk_shape shape,
                      const char *name, rk_value index)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", s->prefix, name);
    return rk_take(g, rk_input(g, dtype, shape, full), index);
}

/* The examples at index[rows] made from their numbers. */
static rk_value generate(rk_graph *g, const source *s, rk_value index)
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
static rk_value fed(rk_graph *g, const source *s, uint32_t dtype, rk_shape shape, const char *name)
{
    const int64_t zero[RK_MAX_RANK] = {0};
    char full[64];
    rk_shape all = shape;
    all.dim[0] = s->fed;
    snprintf(full, sizeof full, "%s/%s", rk_feed_name(s->feed), name);
    return rk_slice(g, rk_input(g, dtype, all, full), zero, shape);
}

/* The examples at index[rows] as the model sees them: (pixel - shift) * scale. */
static rk_value gather(rk_graph *g, const source *s, rk_value index, rk_value *label)
{
    int64_t n = s->x->n, rows = rk_dim(g, index, 0);
    if (s->d->source.generate) {
        *label = field(g, s, RK_U32, RK_SHAPE(n), "label", index);
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
        pixels = field(g, s, s->x->dtype, images, "pixels", index);
        shift = field(g, s, RK_F32, RK_SHAPE(n), "shift", index);
        scale = field(g, s, RK_F32, RK_SHAPE(n), "scale", index);
    }
    *label = field(g, s, RK_U32, RK_SHAPE(n), "label", index);
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
static rk_value augment(rk_graph *g, const rk_recipe *r, const source *s, rk_value index,
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

/* What the model says of a batch, by rows. */
typedef struct verdict {
    rk_value logits;        /* [rows][classes] */
    rk_value loss, correct; /* F32 [rows]; correct is 0 or 1 */
    rk_value best;          /* U32 [rows]: the prediction */
} verdict;

static verdict judge(rk_graph *g, const rk_recipe *r, const rk_dataset *d, rk_value x,
                     rk_value label)
{
    rk_value logits = r->model->item->model(g, x, d->classes, r->model->args);
    rk_shape shape = rk_shape_of(g, logits);
    int64_t rows = rk_dim(g, label, 0);
    if (logits && (shape.rank != 2 || shape.dim[0] != rows || shape.dim[1] != d->classes))
        logits = rk_graph_fail(g, "the model %s does not give a row of %u logits per example",
                               r->model->item->name, d->classes);
    rk_value best = rk_reshape(g, rk_argmax(g, logits, 1, 1), RK_SHAPE(rows));
    rk_value loss = rk_cross_entropy(g, logits, label);
    return (verdict){logits, loss, rk_cast(g, rk_eq(g, best, label), RK_F32), best};
}

/* Entry position / rows of a log gets value: the entries' positions are compared, so that no
 * division is needed. */
static void log_at(rk_graph *g, const char *prefix, const char *name, rk_chunks chunks,
                   rk_value position, rk_value value)
{
    rk_value log = named_state(g, RK_F32, RK_SHAPE(chunks.count), prefix, name);
    rk_value starts = rk_mul(g, rk_iota(g, chunks.count), rk_const_u(g, (uint32_t)chunks.rows));
    rk_assign(g, log, rk_where(g, rk_eq(g, starts, position), value, log));
}

/* position + rows, and 0 after the last chunk. */
static void advance(rk_graph *g, rk_value position, int64_t rows, int64_t n)
{
    rk_value next = rk_add(g, position, rk_const_u(g, (uint32_t)rows));
    rk_value more = rk_lt(g, next, rk_const_u(g, (uint32_t)n));
    rk_assign(g, position, rk_where(g, more, next, rk_const_u(g, 0)));
}

/* The random words of the next step are others: the key's third word counts steps. */
static void advance_random(rk_graph *g)
{
    bool used = false;
    for (rk_value v = 1; v < rk_graph_count(g) && !used; v++)
        used = rk_graph_node(g, v).op == RK_OP_RNG;
    if (!used) return;
    rk_value key = rk_state(g, RK_U32, RK_SHAPE(3), "rng/key");
    rk_value third = rk_cast(g, rk_eq(g, rk_iota(g, 3), rk_const_u(g, 2)), RK_U32);
    rk_assign(g, key, rk_add(g, key, third));
}

/* Gives the graph away if it is sound. */
static rk_status finish(rk_graph *g, const rk_recipe *r, rk_graph **out, rk_error *e)
{
    rk_status status = rk_graph_check(g, e);
    if (status == RK_OK) status = rk_recipe_audit(r, e);
    if (status == RK_OK)
        *out = g;
    else
        rk_graph_free(g);
    return status;
}

rk_status rk_step_build(const rk_recipe *r, const rk_dataset *d, rk_chunks chunks, int64_t rows,
                        rk_graph **out, rk_error *e)
{
    rk_graph *g = rk_graph_new();
    int64_t n = d->train.x.n;
    source train = source_of(d, false, RK_FEED_TRAIN, chunks.rows);
    rk_value label;
    *out = NULL;
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for the graph of a step");
    rk_graph_set_training(g, true);
    rk_value position = named_state(g, RK_U32, scalar(), "train", "position");
    rk_value order = rk_input(g, RK_U32, RK_SHAPE(n), "train/order");
    rk_value index = rk_take(g, order, rk_add(g, rk_iota(g, rows), position));
    rk_value x = gather(g, &train, index, &label);
    x = augment(g, r, &train, index, x);
    verdict v = judge(g, r, d, x, label);
    log_at(g, "train", "loss", chunks, position, sum_all(g, v.loss));
    log_at(g, "train", "correct", chunks, position, sum_all(g, v.correct));
    advance(g, position, rows, n);
    rk_learn(g, r, v.logits, label, v.loss);
    if (r->scores)
        rk_score_batch(g, &(rk_presented){v.logits, label, v.correct, position, n, r->el2n_epoch});
    advance_random(g);
    return finish(g, r, out, e);
}

int64_t rk_eval_examples(const rk_recipe *r, const rk_dataset *d, bool test)
{
    int64_t n = test ? d->test.x.n : d->train.x.n;
    return !test && r->eval_limit && r->eval_limit < n ? r->eval_limit : n;
}

bool rk_labels_changed(const rk_dataset *d)
{
    const rk_train_set *t = &d->train;
    return memcmp(t->x.label, t->true_label, (size_t)t->x.n * sizeof *t->true_label) != 0;
}

/* What a chunk adds up to, over the rows that are there. */
static void log_rows(rk_graph *g, const char *prefix, const char *name, rk_chunks chunks,
                     rk_value position, rk_value there, rk_value rows)
{
    rk_value counted = rk_where(g, there, rows, rk_const_f(g, 0));
    log_at(g, prefix, name, chunks, position, sum_all(g, counted));
}

/* Right predictions of unchanged and of changed labels, and of the true ones of the latter. */
static void log_fits(rk_graph *g, const source *train, rk_value index, rk_value label,
                     const verdict *v, rk_chunks chunks, rk_value position, rk_value there)
{
    rk_value truth = field(g, train, RK_U32, RK_SHAPE(train->x->n), "true_label", index);
    rk_value clean = rk_eq(g, label, truth), zero = rk_const_f(g, 0);
    rk_value is_true = rk_cast(g, rk_eq(g, v->best, truth), RK_F32);
    rk_value right_clean = rk_where(g, clean, v->correct, zero);
    rk_value right_noisy = rk_where(g, clean, zero, v->correct);
    rk_value true_noisy = rk_where(g, clean, zero, is_true);
    log_rows(g, "eval/train", "clean", chunks, position, there, right_clean);
    log_rows(g, "eval/train", "noisy", chunks, position, there, right_noisy);
    log_rows(g, "eval/train", "true", chunks, position, there, true_noisy);
}

rk_status rk_eval_build(const rk_recipe *r, const rk_dataset *d, bool test, rk_graph **out,
                        rk_error *e)
{
    rk_graph *g = rk_graph_new();
    const char *prefix = test ? "eval/test" : "eval/train";
    int64_t n = rk_eval_examples(r, d, test);
    rk_chunks chunks = rk_eval_chunks(n);
    source set = source_of(d, test, test ? RK_FEED_EVAL_TEST : RK_FEED_EVAL_TRAIN, chunks.rows);
    rk_value label;
    *out = NULL;
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for the graph of an evaluation");
    rk_value position = named_state(g, RK_U32, scalar(), prefix, "position");
    rk_value index = rk_add(g, rk_iota(g, chunks.rows), position);
    rk_value there = rk_lt(g, index, rk_const_u(g, (uint32_t)n));
    rk_value x = gather(g, &set, index, &label);
    x = augment(g, r, &set, index, x);
    verdict v = judge(g, r, d, x, label);
    log_rows(g, prefix, "loss", chunks, position, there, v.loss);
    log_rows(g, prefix, "correct", chunks, position, there, v.correct);
    if (!test && rk_labels_changed(d)) log_fits(g, &set, index, label, &v, chunks, position, there);
    if (r->scores)
        rk_score_predictions(g, test ? "eval/test/prediction" : "eval/train/prediction", v.best,
                             position, set.x->n);
    advance(g, position, chunks.rows, n);
    return finish(g, r, out, e);
}
