#include "train/step.h"
#include "base/error.h"
#include "train/learn.h"
#include "train/score_graph.h"
#include <math.h>
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

/* What the model says of a batch, by rows. */
typedef struct verdict {
    rk_value logits;        /* [rows][classes] */
    rk_value loss, correct; /* F32 [rows]; correct is 0 or 1 */
    rk_value best;          /* U32 [rows]: the prediction */
} verdict;

static verdict judge(rk_graph *g, const rk_recipe *r, const rk_dataset *d, rk_value x,
                     rk_value label)
{
    rk_value logits = rk_model_logits(g, r, d, x);
    int64_t rows = rk_dim(g, label, 0);
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
    int64_t n = rk_trained_examples(r, d);
    rk_supply train = rk_supply_of(d, false, RK_FEED_TRAIN, chunks.rows);
    rk_value label;
    *out = NULL;
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for the graph of a step");
    rk_graph_set_training(g, true);
    rk_value position = named_state(g, RK_U32, scalar(), "train", "position");
    rk_value order = rk_input(g, RK_U32, RK_SHAPE(n), "train/order");
    rk_value index = rk_take(g, order, rk_add(g, rk_iota(g, rows), position));
    rk_value x = rk_supply_batch(g, &train, index, &label);
    x = rk_supply_augment(g, r, &train, index, x);
    verdict v = judge(g, r, d, x, label);
    log_at(g, "train", "loss", chunks, position, sum_all(g, v.loss));
    log_at(g, "train", "correct", chunks, position, sum_all(g, v.correct));
    advance(g, position, rows, n);
    rk_learn(g, r, v.logits, label, v.loss);
    if (r->scores)
        rk_score_batch(
            g, &(rk_presented){v.logits, label, v.correct, position, d->train.x.n, r->el2n_epoch});
    rk_random_advance(g);
    return finish(g, r, out, e);
}

int64_t rk_eval_examples(const rk_recipe *r, const rk_dataset *d, bool test)
{
    int64_t n = test ? d->test.x.n : d->train.x.n;
    return !test && r->eval_limit && r->eval_limit < n ? r->eval_limit : n;
}

int64_t rk_trained_examples(const rk_recipe *r, const rk_dataset *d)
{
    return d->train.x.n - (int64_t)floor(r->hold_out * (double)d->train.x.n + 0.5);
}

/* What is held out is predicted, but counts nothing. */
static rk_value without_held(rk_graph *g, int64_t n, rk_value index, rk_value there)
{
    rk_value trained = rk_input(g, RK_U32, RK_SHAPE(n), "eval/trained");
    return rk_and(g, there, rk_eq(g, rk_take(g, trained, index), rk_const_u(g, 1)));
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
static void log_fits(rk_graph *g, const rk_supply *train, rk_value index, rk_value label,
                     const verdict *v, rk_chunks chunks, rk_value position, rk_value there)
{
    rk_value truth = rk_supply_field(g, train, RK_U32, RK_SHAPE(train->x->n), "true_label", index);
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
    rk_supply set =
        rk_supply_of(d, test, test ? RK_FEED_EVAL_TEST : RK_FEED_EVAL_TRAIN, chunks.rows);
    rk_value label;
    *out = NULL;
    if (!g) return RK_FAIL(e, RK_E_NOMEM, "no memory for the graph of an evaluation");
    rk_value position = named_state(g, RK_U32, scalar(), prefix, "position");
    rk_value index = rk_add(g, rk_iota(g, chunks.rows), position);
    rk_value there = rk_lt(g, index, rk_const_u(g, (uint32_t)n));
    if (!test && r->hold_out > 0) there = without_held(g, n, index, there);
    rk_value x = rk_supply_batch(g, &set, index, &label);
    x = rk_supply_augment(g, r, &set, index, x);
    verdict v = judge(g, r, d, x, label);
    log_rows(g, prefix, "loss", chunks, position, there, v.loss);
    log_rows(g, prefix, "correct", chunks, position, there, v.correct);
    if (!test && rk_labels_changed(d)) log_fits(g, &set, index, label, &v, chunks, position, there);
    if (r->scores || r->hold_out > 0)
        rk_score_predictions(g, test ? "eval/test/prediction" : "eval/train/prediction", v.best,
                             position, set.x->n);
    advance(g, position, chunks.rows, n);
    return finish(g, r, out, e);
}
