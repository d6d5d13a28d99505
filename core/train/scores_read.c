/* Scores from the device to rows. */
#include "train/scores_read.h"
#include "base/error.h"
#include "train/results_scores.h"
#include <math.h>
#include <stdlib.h>

/* A whole buffer of n words; freed by free(). */
static rk_status read_words(rk_trainer *t, const char *name, int64_t n, void *out, rk_error *e)
{
    uint64_t bytes = (uint64_t)n * sizeof(uint32_t);
    void *data = malloc(bytes);
    *(void **)out = data;
    if (!data) return RK_FAIL(e, RK_E_NOMEM, "no memory for scores");
    return rk_session_read(t->session, name, data, bytes, e);
}

enum { U_TURNS, U_LEARNED, U_PREDICTION, N_U };
enum { F_MARGIN, F_LOSS, F_MEAN, F_SPREAD, F_EL2N, N_F };
static const char *const u_names[] = {"scores/turns", "scores/learned", "eval/train/prediction"};
static const char *const f_names[] = {"scores/margin", "scores/loss", "scores/p_mean",
                                      "scores/p_spread", "scores/el2n"};

typedef struct raw {
    uint32_t *u[N_U];
    float *f[N_F];
} raw;

/* Without scores there are predictions alone. */
static rk_status read_raw(rk_trainer *t, int64_t n, raw *out, rk_error *e)
{
    if (!t->recipe.scores) return read_words(t, u_names[U_PREDICTION], n, &out->u[U_PREDICTION], e);
    for (int k = 0; k < N_U; k++) RK_TRY(read_words(t, u_names[k], n, &out->u[k], e));
    for (int k = 0; k < N_F; k++) RK_TRY(read_words(t, f_names[k], n, &out->f[k], e));
    return RK_OK;
}

static void free_raw(raw *r)
{
    for (int k = 0; k < N_U; k++) free(r->u[k]);
    for (int k = 0; k < N_F; k++) free(r->f[k]);
}

static rk_example_score train_row(const rk_trainer *t, const raw *r, int64_t i, int64_t epochs)
{
    const rk_train_set *set = &t->data->train;
    const bool held = t->trained && !t->trained[i];
    if (held || !t->recipe.scores)
        return (rk_example_score){.example = set->x.index[i],
                                  .label = set->x.label[i],
                                  .true_label = set->true_label[i],
                                  .prediction = r->u[U_PREDICTION][i],
                                  .held = held,
                                  .aum = NAN,
                                  .el2n = NAN,
                                  .loss = NAN,
                                  .p_mean = NAN,
                                  .p_variance = NAN};
    return (rk_example_score){.example = set->x.index[i],
                              .label = set->x.label[i],
                              .true_label = set->true_label[i],
                              .prediction = r->u[U_PREDICTION][i],
                              .learned = r->u[U_LEARNED][i],
                              .forgotten = r->u[U_TURNS][i] / 2,
                              .aum = (double)r->f[F_MARGIN][i] / (double)epochs,
                              .el2n = epochs < t->recipe.el2n_epoch ? NAN : (double)r->f[F_EL2N][i],
                              .loss = r->f[F_LOSS][i],
                              .p_mean = r->f[F_MEAN][i],
                              .p_variance = (double)r->f[F_SPREAD][i] / (double)epochs};
}

static rk_status train_rows(rk_trainer *t, int64_t epochs, rk_example_score *rows, rk_error *e)
{
    raw r = {0};
    int64_t n = t->data->train.x.n;
    rk_status status = read_raw(t, n, &r, e);
    for (int64_t i = 0; status == RK_OK && i < n; i++) rows[i] = train_row(t, &r, i, epochs);
    free_raw(&r);
    return status;
}

static rk_status test_rows(rk_trainer *t, rk_example_score *rows, rk_error *e)
{
    const rk_examples *x = &t->data->test.x;
    uint32_t *best;
    rk_status status = read_words(t, "eval/test/prediction", x->n, &best, e);
    for (int64_t i = 0; status == RK_OK && i < x->n; i++)
        rows[i] =
            (rk_example_score){.example = x->index[i], .label = x->label[i], .prediction = best[i]};
    free(best);
    return status;
}

rk_status rk_scores_store(rk_results *r, int64_t id, rk_trainer *t, int64_t epochs, rk_error *e)
{
    uint32_t n_train = (uint32_t)t->data->train.x.n, n_test = (uint32_t)t->data->test.x.n;
    if ((!t->recipe.scores && !t->trained) || epochs == 0) return RK_OK;
    rk_example_score *train = calloc((size_t)n_train + n_test, sizeof *train);
    if (!train) return RK_FAIL(e, RK_E_NOMEM, "no memory for scores");
    rk_status status = train_rows(t, epochs, train, e);
    if (status == RK_OK) status = test_rows(t, train + n_train, e);
    if (status == RK_OK)
        status = rk_results_put_scores(r, id, train, n_train, train + n_train, n_test, e);
    free(train);
    return status;
}
