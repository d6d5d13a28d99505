/* Which training examples a run holds out. */
#include "base/error.h"
#include "train/trainer.h"
#include <stdlib.h>

static rk_status make_room(rk_trainer *t, rk_error *e)
{
    size_t n = (size_t)t->data->train.x.n;
    t->trained = calloc(n, sizeof *t->trained);
    t->kept = calloc(n, sizeof *t->kept);
    if (t->trained && t->kept) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the examples that are held out");
}

rk_status rk_trainer_hold(rk_trainer *t, rk_error *e)
{
    uint32_t n = (uint32_t)t->data->train.x.n, next = 0;
    t->n_trained = rk_trained_examples(&t->recipe, t->data);
    if (t->recipe.hold_out <= 0) return RK_OK;
    if (t->n_trained < 1)
        return RK_FAIL(e, RK_E_INVALID, "hold-out=%g leaves none of the %u training examples",
                       t->recipe.hold_out, n);
    RK_TRY(make_room(t, e));
    rk_random_order(rk_random_named(t->seed, "train/hold-out"), n, t->kept);
    for (int64_t i = 0; i < t->n_trained; i++) t->trained[t->kept[i]] = 1;
    for (uint32_t i = 0; i < n; i++)
        if (t->trained[i]) t->kept[next++] = i;
    return RK_OK;
}

void rk_trainer_draw_order(rk_trainer *t, int64_t epoch)
{
    rk_random stream = rk_random_named(t->seed, "train/order");
    stream.step = (uint32_t)epoch;
    rk_random_order(stream, (uint32_t)t->n_trained, t->order);
    for (int64_t i = 0; t->kept && i < t->n_trained; i++) t->order[i] = t->kept[t->order[i]];
}
