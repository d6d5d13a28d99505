#include "train/trainer.h"
#include "base/error.h"
#include "base/os.h"
#include "data/augment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static rk_status add_program(rk_trainer *t, rk_graph *g, const char *name, rk_program **out,
                             rk_error *e)
{
    rk_status status = rk_session_add(t->session, g, name, out, e);
    rk_graph_free(g);
    return status;
}

static rk_status add_step(rk_trainer *t, int64_t rows, const char *name, rk_program **out,
                          rk_error *e)
{
    rk_graph *g;
    RK_TRY(rk_step_build(&t->recipe, t->data, t->batches, rows, &g, e));
    return add_program(t, g, name, out, e);
}

static rk_status add_evaluation(rk_trainer *t, bool test, rk_error *e)
{
    rk_graph *g;
    RK_TRY(rk_eval_build(&t->recipe, t->data, test, &g, e));
    return add_program(t, g, test ? "evaluation of test data" : "evaluation of training data",
                       &t->evaluation[test], e);
}

static rk_status write_field(rk_session *s, const char *prefix, const char *name, const void *data,
                             rk_error *e)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    const rk_buffer_info *b = rk_session_buffer(s, full);
    if (!b) return RK_OK; /* no program reads it, as the pixels of a model that ignores them */
    return rk_session_write(s, full, data, b->bytes, e);
}

static rk_status write_examples(rk_session *s, const rk_examples *x, const char *prefix,
                                rk_error *e)
{
    RK_TRY(write_field(s, prefix, "pixels", x->pixels, e));
    RK_TRY(write_field(s, prefix, "label", x->label, e));
    RK_TRY(write_field(s, prefix, "shift", x->shift, e));
    return write_field(s, prefix, "scale", x->scale, e);
}

rk_status rk_dataset_write(rk_session *s, const rk_dataset *d, rk_error *e)
{
    RK_TRY(write_examples(s, &d->train.x, "data/train", e));
    RK_TRY(write_field(s, "data/train", "true_label", d->train.true_label, e));
    return write_examples(s, &d->test.x, "data/test", e);
}

static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

static rk_status make_room(rk_trainer *t, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    uint64_t most = 1;
    int64_t log = largest(t->steps, largest(t->eval[0].count, t->eval[1].count));
    for (uint32_t i = 0; i < n; i++)
        if ((b[i].trained || b[i].statistic) && b[i].bytes > most) most = b[i].bytes;
    t->order = calloc((size_t)t->data->train.x.n, sizeof *t->order);
    t->log = calloc((size_t)log, sizeof *t->log);
    t->words = malloc(most);
    if (t->recipe.scores) t->place = calloc((size_t)t->data->train.x.n, sizeof *t->place);
    if (t->order && t->log && t->words && (t->place || !t->recipe.scores)) return RK_OK;
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the parameters of %s",
                   t->recipe.model->item->name);
}

static rk_status load_data(rk_trainer *t, bool corrupt_test, rk_error *e)
{
    const rk_spec_list *transforms = &t->recipe.transforms;
    const rk_spec *const *specs = (const rk_spec *const *)transforms->spec;
    RK_TRY(rk_dataset_load(t->recipe.data, specs, transforms->n, t->randomize_seed, &t->data,
                           &t->audit, e));
    if (corrupt_test)
        RK_TRY(rk_dataset_corrupt_test(t->data, specs, transforms->n, t->randomize_seed, &t->audit,
                                       e));
    if (t->data->train.x.n > UINT32_MAX / 2 || t->data->test.x.n > UINT32_MAX / 2)
        return RK_FAIL(e, RK_E_INVALID, "more than 2^31 examples cannot be numbered");
    return RK_OK;
}

static rk_status make_programs(rk_trainer *t, int64_t batch, rk_error *e)
{
    int64_t n = t->n_trained;
    t->batches = rk_train_chunks(n, batch);
    t->steps = t->batches.count;
    for (int test = 0; test < 2; test++)
        t->eval[test] = rk_eval_chunks(rk_eval_examples(&t->recipe, t->data, test));
    RK_TRY(add_step(t, t->batches.rows, "training step", &t->step, e));
    if (n % t->batches.rows)
        RK_TRY(add_step(t, n % t->batches.rows, "last training step", &t->last_step, e));
    RK_TRY(add_evaluation(t, false, e));
    return add_evaluation(t, true, e);
}

/* Parameters, and where random words start. */
static rk_status start_states(rk_trainer *t, rk_error *e)
{
    const uint32_t key[3] = {(uint32_t)t->seed, (uint32_t)(t->seed >> 32), 0};
    RK_TRY(rk_session_init(t->session, e));
    if (!rk_session_buffer(t->session, "rng/key")) return RK_OK;
    return rk_session_write(t->session, "rng/key", key, sizeof key, e);
}

static rk_status open_feed(rk_trainer *t, rk_error *e)
{
    if (!rk_dataset_streams(t->data)) return RK_OK;
    int64_t rows = largest(t->batches.rows, largest(t->eval[0].rows, t->eval[1].rows));
    return rk_feed_open(t->data, rows, &t->feed, e);
}

rk_status rk_trainer_restart(rk_trainer *t, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    uint64_t most = 1;
    for (uint32_t i = 0; i < n; i++)
        if (!b[i].input && b[i].bytes > most) most = b[i].bytes;
    void *zero = calloc(1, most);
    if (!zero) return RK_FAIL(e, RK_E_NOMEM, "no memory to clear states");
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++)
        if (!b[i].input) status = rk_session_write(t->session, b[i].name, zero, b[i].bytes, e);
    free(zero);
    return status == RK_OK ? start_states(t, e) : status;
}

static rk_status open_all(rk_trainer *t, rk_hub *hub, const rk_registry *plugins,
                          const rk_config *c, rk_error *e)
{
    rk_session_options options = c->session;
    options.seed = c->seed;
    RK_TRY(rk_config_check(c, e));
    RK_TRY(rk_recipe_parse(plugins, c, &t->recipe, e));
    RK_TRY(load_data(t, c->corrupt_test, e));
    uint64_t begun = rk_os_now_ns();
    RK_TRY(rk_session_open(hub, c->device, &options, &t->session, e));
    RK_TRY(rk_trainer_hold(t, e));
    RK_TRY(make_programs(t, c->batch, e));
    RK_TRY(rk_session_commit(t->session, e));
    t->plan_ns = rk_os_now_ns() - begun;
    RK_TRY(make_room(t, e));
    RK_TRY(open_feed(t, e));
    RK_TRY(rk_dataset_write(t->session, t->data, e));
    RK_TRY(write_field(t->session, "eval", "trained", t->trained, e));
    return start_states(t, e);
}

rk_status rk_trainer_open(rk_hub *hub, const rk_registry *plugins, const rk_config *c,
                          rk_trainer **out, rk_error *e)
{
    rk_trainer *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return RK_FAIL(e, RK_E_NOMEM, "no memory for a run");
    t->seed = c->seed;
    t->randomize_seed = rk_config_randomize_seed(c);
    t->rate = c->rate;
    rk_status status = open_all(t, hub, plugins, c, e);
    if (status == RK_OK)
        *out = t;
    else
        rk_trainer_close(t);
    return status;
}

void rk_trainer_close(rk_trainer *t)
{
    if (!t) return;
    rk_feed_close(t->feed);
    if (t->session) rk_session_close(t->session);
    rk_dataset_free(t->data);
    rk_recipe_clear(&t->recipe);
    free(t->order);
    free(t->place);
    free(t->trained);
    free(t->kept);
    free(t->log);
    free(t->words);
    free(t);
}

double rk_trainer_rate(const rk_trainer *t, int64_t epoch)
{
    return t->recipe.schedule->item->rate(t->rate, epoch, t->recipe.schedule->args);
}

/* An epoch's random words of every example. */
static rk_status write_words(rk_trainer *t, int64_t epoch, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    const size_t prefix = strlen(RK_RANDOM_PREFIX);
    for (uint32_t i = 0; i < n; i++) {
        if (!b[i].input || strncmp(b[i].name, RK_RANDOM_PREFIX, prefix) != 0) continue;
        rk_batch_words(t->seed, b[i].name + prefix, epoch, &t->data->train.x, t->order);
        RK_TRY(rk_session_write(t->session, b[i].name, t->order, b[i].bytes, e));
    }
    return RK_OK;
}

/* What scores must know of an epoch; after its order was drawn. */
static rk_status write_places(rk_trainer *t, int64_t epoch, rk_error *e)
{
    uint32_t n = (uint32_t)t->data->train.x.n, number = (uint32_t)epoch + 1;
    if (!t->recipe.scores) return RK_OK;
    memset(t->place, 0xFF, n * sizeof *t->place); /* what is held out is in no batch */
    for (uint32_t i = 0; i < t->n_trained; i++) t->place[t->order[i]] = i;
    RK_TRY(rk_session_write(t->session, "scores/place", t->place, n * sizeof *t->place, e));
    return rk_session_write(t->session, "scores/epoch", &number, sizeof number, e);
}

rk_status rk_trainer_begin(rk_trainer *t, int64_t epoch, rk_error *e)
{
    uint64_t bytes = (uint64_t)t->n_trained * sizeof *t->order;
    float rate = (float)rk_trainer_rate(t, epoch);
    rk_trainer_draw_order(t, epoch);
    RK_TRY(rk_session_write(t->session, "train/order", t->order, bytes, e));
    if (t->feed) rk_feed_order(t->feed, t->order);
    RK_TRY(write_places(t, epoch, e));
    RK_TRY(write_words(t, epoch, e));
    /* Absent if the optimizer does not use it. */
    if (!rk_session_buffer(t->session, "train/rate")) return RK_OK;
    return rk_session_write(t->session, "train/rate", &rate, sizeof rate, e);
}

rk_program *rk_trainer_program(const rk_trainer *t, int64_t step)
{
    return step + 1 == t->steps && t->last_step ? t->last_step : t->step;
}

rk_status rk_trainer_feed(rk_trainer *t, int64_t step, rk_error *e)
{
    if (!t->feed) return RK_OK;
    return rk_feed_write(t->feed, t->session, RK_FEED_TRAIN, t->n_trained, t->batches.rows, step,
                         e);
}

rk_status rk_trainer_step(rk_trainer *t, int64_t step, rk_error *e)
{
    RK_TRY(rk_trainer_feed(t, step, e));
    return rk_program_run(rk_trainer_program(t, step), e);
}

static rk_status sum_log(rk_trainer *t, const char *prefix, const char *name, int64_t count,
                         double *sum, rk_error *e)
{
    char full[64];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    RK_TRY(rk_session_read(t->session, full, t->log, (uint64_t)count * sizeof *t->log, e));
    *sum = 0;
    for (int64_t i = 0; i < count; i++) *sum += t->log[i];
    return RK_OK;
}

static rk_status score(rk_trainer *t, const char *prefix, int64_t count, int64_t n, rk_score *out,
                       rk_error *e)
{
    double loss, correct;
    RK_TRY(sum_log(t, prefix, "loss", count, &loss, e));
    RK_TRY(sum_log(t, prefix, "correct", count, &correct, e));
    *out = (rk_score){loss / (double)n, correct / (double)n};
    return RK_OK;
}

rk_status rk_trainer_online(rk_trainer *t, rk_score *out, rk_error *e)
{
    return score(t, "train", t->steps, t->n_trained, out, e);
}

rk_status rk_trainer_evaluate(rk_trainer *t, bool test, rk_score *out, rk_error *e)
{
    int64_t n = rk_eval_examples(&t->recipe, t->data, test);
    for (int64_t i = 0; i < t->eval[test].count; i++) {
        if (t->feed)
            RK_TRY(rk_feed_write(t->feed, t->session, test ? RK_FEED_EVAL_TEST : RK_FEED_EVAL_TRAIN,
                                 n, t->eval[test].rows, i, e));
        RK_TRY(rk_program_run(t->evaluation[test], e));
    }
    if (!test && t->trained) n = t->n_trained;
    return score(t, test ? "eval/test" : "eval/train", t->eval[test].count, n, out, e);
}

static double fraction(double part, int64_t of) { return of ? part / (double)of : NAN; }

rk_status rk_trainer_fits(rk_trainer *t, double accuracy, rk_fits *out, rk_error *e)
{
    const rk_train_set *train = &t->data->train;
    int64_t count = t->eval[0].count, changed = 0;
    int64_t n = rk_eval_examples(&t->recipe, t->data, false);
    double clean, noisy, truth;
    *out = (rk_fits){accuracy, NAN, NAN};
    if (t->audit.changed == 0) return RK_OK;
    for (int64_t i = 0; i < n; i++)
        changed += train->x.label[i] != train->true_label[i] && (!t->trained || t->trained[i]);
    if (t->trained) n = t->n_trained;
    RK_TRY(sum_log(t, "eval/train", "clean", count, &clean, e));
    RK_TRY(sum_log(t, "eval/train", "noisy", count, &noisy, e));
    RK_TRY(sum_log(t, "eval/train", "true", count, &truth, e));
    out->clean = fraction(clean, n - changed);
    out->noisy = fraction(noisy, changed);
    out->noisy_true = fraction(truth, changed);
    return RK_OK;
}

/* One NaN for all: which one an operation gives is not part of the numerics contract. */
static void canonize(uint32_t *words, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if ((words[i] & 0x7fffffffu) > 0x7f800000u) words[i] = 0x7fc00000u;
}

static rk_status hash_all(rk_trainer *t, XXH3_state_t *state, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    for (uint32_t i = 0; i < n; i++) {
        if (!b[i].trained && !b[i].statistic) continue;
        RK_TRY(rk_session_read(t->session, b[i].name, t->words, b[i].bytes, e));
        canonize(t->words, b[i].bytes / sizeof *t->words);
        XXH3_128bits_update(state, b[i].name, strlen(b[i].name) + 1);
        XXH3_128bits_update(state, t->words, b[i].bytes);
    }
    return RK_OK;
}

rk_status rk_trainer_digest(rk_trainer *t, char out[33], rk_error *e)
{
    XXH3_state_t *state = XXH3_createState();
    XXH128_canonical_t bytes;
    if (!state) return RK_FAIL(e, RK_E_NOMEM, "no memory for the digest of the parameters");
    XXH3_128bits_reset(state);
    rk_status status = hash_all(t, state, e);
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(state));
    for (int i = 0; i < 16; i++) snprintf(out + 2 * i, 3, "%02x", bytes.digest[i]);
    XXH3_freeState(state);
    return status;
}

int64_t rk_trainer_parameters(const rk_trainer *t)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(t->session, &b);
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (b[i].trained) sum += rk_shape_size(b[i].shape);
    return sum;
}
