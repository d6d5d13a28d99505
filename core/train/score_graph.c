#include "train/score_graph.h"
#include <float.h>

/* Where each of the n examples is in the batch. */
typedef struct seats {
    rk_value row;  /* U32 [n]: not below the number of rows if it is not there */
    rk_value here; /* mask [n] */
    int64_t n;
} seats;

static seats seats_of(rk_graph *g, rk_value place, rk_value position, int64_t rows)
{
    rk_value row = rk_sub(g, place, position); /* modulo 2^32: those before the batch are large */
    return (seats){row, rk_lt(g, row, rk_const_u(g, (uint32_t)rows)), rk_dim(g, place, 0)};
}

static rk_value state(rk_graph *g, const seats *s, uint32_t dtype, const char *name)
{
    return rk_state(g, dtype, RK_SHAPE(s->n), name);
}

static void set(rk_graph *g, const seats *s, rk_value old, rk_value value)
{
    rk_assign(g, old, rk_where(g, s->here, value, old));
}

static void add(rk_graph *g, const seats *s, const char *name, rk_value rows)
{
    rk_value old = state(g, s, RK_F32, name);
    set(g, s, old, rk_add(g, old, rk_take(g, rows, s->row)));
}

/* An odd number of turns means that the prediction was right when it was last seen. */
static void turn(rk_graph *g, const seats *s, rk_value correct, rk_value epoch)
{
    rk_value zero = rk_const_u(g, 0), one = rk_const_u(g, 1);
    rk_value turns = state(g, s, RK_U32, "scores/turns");
    rk_value learned = state(g, s, RK_U32, "scores/learned");
    rk_value right = rk_cast(g, rk_take(g, correct, s->row), RK_U32);
    rk_value same = rk_eq(g, rk_and(g, turns, one), right);
    set(g, s, turns, rk_where(g, same, turns, rk_add(g, turns, one)));
    rk_value first = rk_and(g, rk_eq(g, learned, zero), rk_eq(g, right, one));
    set(g, s, learned, rk_where(g, first, epoch, learned));
}

static void spread(rk_graph *g, const seats *s, rk_value loss, rk_value epoch)
{
    rk_value mean = state(g, s, RK_F32, "scores/p_mean");
    rk_value squares = state(g, s, RK_F32, "scores/p_spread");
    rk_value p = rk_exp(g, rk_neg(g, rk_take(g, loss, s->row)));
    rk_value before = rk_sub(g, p, mean);
    rk_value next = rk_add(g, mean, rk_div(g, before, rk_cast(g, epoch, RK_F32)));
    rk_value after = rk_sub(g, p, next);
    set(g, s, mean, next);
    set(g, s, squares, rk_add(g, squares, rk_mul(g, before, after)));
}

/* The class of each row as a mask [rows][K]. */
static rk_value one_hot(rk_graph *g, rk_value label, int64_t classes)
{
    rk_value column = rk_reshape(g, label, RK_SHAPE(rk_dim(g, label, 0), 1));
    return rk_eq(g, rk_reshape(g, rk_iota(g, classes), RK_SHAPE(1, classes)), column);
}

static rk_value margin(rk_graph *g, rk_value logits, rk_value hot, int64_t rows)
{
    rk_value others = rk_where(g, hot, rk_const_f(g, -FLT_MAX), logits);
    rk_value own = rk_where(g, hot, logits, rk_const_f(g, 0));
    rk_value most = rk_reduce_max(g, others, 1, 1);
    rk_value label = rk_reduce_sum(g, own, 1, 1);
    return rk_reshape(g, rk_sub(g, label, most), RK_SHAPE(rows));
}

static rk_value error_norm(rk_graph *g, rk_value logits, rk_value hot, int64_t rows)
{
    rk_value p = rk_exp(g, rk_log_softmax(g, logits));
    rk_value d = rk_sub(g, p, rk_cast(g, hot, RK_F32));
    return rk_reshape(g, rk_sqrt(g, rk_reduce_sum(g, rk_mul(g, d, d), 1, 1)), RK_SHAPE(rows));
}

void rk_score_batch(rk_graph *g, const rk_presented *b)
{
    int64_t rows = rk_dim(g, b->logits, 0), classes = rk_dim(g, b->logits, 1);
    rk_value place = rk_input(g, RK_U32, RK_SHAPE(b->n), "scores/place");
    rk_value epoch = rk_input(g, RK_U32, rk_shape_make(0, NULL), "scores/epoch");
    rk_value loss = rk_cross_entropy(g, b->logits, b->label);
    rk_value hot = one_hot(g, b->label, classes);
    seats s = seats_of(g, place, b->position, rows);
    turn(g, &s, b->correct, epoch);
    add(g, &s, "scores/margin", margin(g, b->logits, hot, rows));
    add(g, &s, "scores/loss", loss);
    spread(g, &s, loss, epoch);
    rk_value el2n = state(g, &s, RK_F32, "scores/el2n");
    rk_value due = rk_eq(g, epoch, rk_const_u(g, (uint32_t)b->el2n_epoch));
    rk_value norm = rk_take(g, error_norm(g, b->logits, hot, rows), s.row);
    set(g, &s, el2n, rk_where(g, due, norm, el2n));
}

void rk_score_predictions(rk_graph *g, const char *name, rk_value best, rk_value position,
                          int64_t n)
{
    seats s = seats_of(g, rk_iota(g, n), position, rk_dim(g, best, 0));
    set(g, &s, state(g, &s, RK_U32, name), rk_take(g, best, s.row));
}
