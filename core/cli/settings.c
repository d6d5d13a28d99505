#include "cli/settings.h"
#include "cli/settings_path.h"
#include "base/error.h"
#include "base/text.h"
#include "data/names.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a setter works on. */
typedef struct level {
    rk_settings *s;
    rk_pool *pool;
    bool again; /* the key was set in this level before */
} level;

typedef rk_status (*setter)(level *l, const char *key, const char *value, rk_error *e);

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for options"); }

static rk_status whole(const char *key, const char *value, int64_t lo, int64_t hi, int64_t *out,
                       rk_error *e)
{
    int64_t number = 0;
    if (!rk_parse_i64(value, &number) || number < lo || number > hi)
        return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' is not a whole number from %lld to %lld",
                       key, value, (long long)lo, (long long)hi);
    *out = number;
    return RK_OK;
}

static rk_status real(const char *key, const char *value, double lo, double hi, double *out,
                      rk_error *e)
{
    double number = 0;
    if (rk_parse_f64(value, &number) && number >= lo && number <= hi) {
        *out = number;
        return RK_OK;
    }
    if (isinf(hi))
        return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' is not a number from %g on", key, value, lo);
    return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' is not a number from %g to %g", key, value, lo,
                   hi);
}

/* One of "a|b|c": *out is its number. */
static rk_status choice(const char *key, const char *value, const char *choices, int *out,
                        rk_error *e)
{
    const char *p = choices;
    for (int i = 0; *p; i++) {
        size_t n = strcspn(p, "|");
        if (strlen(value) == n && strncmp(value, p, n) == 0) {
            *out = i;
            return RK_OK;
        }
        p += n + (p[n] == '|');
    }
    return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' is none of %s", key, value, choices);
}

/* "name:" + key + "=" + value */
static rk_status shorthand(level *l, const char *item, const char *value, const char **out,
                           rk_error *e)
{
    rk_str text = {0};
    rk_str_add(&text, "%s=%s", item, value);
    const char *copy = text.failed ? NULL : rk_pool_string(l->pool, text.s);
    rk_str_free(&text);
    if (!copy) return no_memory(e);
    *out = copy;
    return RK_OK;
}

/* Items joined by '+', given at once or one by one. */
static rk_status join(level *l, const char *value, const char **out, rk_error *e)
{
    if (!l->again || !(*out)[0]) {
        *out = value;
        return RK_OK;
    }
    rk_str text = {0};
    rk_str_add(&text, "%s+%s", *out, value);
    const char *copy = text.failed ? NULL : rk_pool_string(l->pool, text.s);
    rk_str_free(&text);
    if (!copy) return no_memory(e);
    *out = copy;
    return RK_OK;
}

#define SET(name) static rk_status set_##name(level *l, const char *key, const char *v, rk_error *e)
#define SET_TEXT(name, field)                                                                      \
    SET(name)                                                                                      \
    {                                                                                              \
        (void)key;                                                                                 \
        (void)e;                                                                                   \
        l->s->field = v;                                                                           \
        return RK_OK;                                                                              \
    }
SET_TEXT(model, config.model)
SET_TEXT(data, config.data)
SET_TEXT(optimizer, config.optimizer)
SET_TEXT(schedule, config.schedule)
SET_TEXT(weights, config.weights)
SET(randomize)
{
    (void)key;
    return join(l, v, &l->s->config.randomize, e);
}
SET(augment)
{
    (void)key;
    return join(l, v, &l->s->config.augment, e);
}
SET(regularize)
{
    (void)key;
    return join(l, v, &l->s->config.regularize, e);
}
SET(diagnose)
{
    (void)key;
    return join(l, v, &l->s->config.diagnose, e);
}
SET(momentum)
{
    double number = 0;
    RK_TRY(real(key, v, 0, 1, &number, e));
    return shorthand(l, "sgd:momentum", v, &l->s->config.optimizer, e);
}
SET(lr_decay)
{
    double number = 0;
    RK_TRY(real(key, v, 0, 1, &number, e));
    return shorthand(l, "exponential:decay", v, &l->s->config.schedule, e);
}
SET(epochs) { return whole(key, v, 0, 1000000, &l->s->config.epochs, e); }
SET(batch) { return whole(key, v, 1, 1000000, &l->s->config.batch, e); }
SET(seed)
{
    int64_t seed = 0;
    RK_TRY(whole(key, v, 0, INT64_MAX, &seed, e));
    l->s->config.seed = l->s->config.session.seed = (uint64_t)seed;
    return RK_OK;
}
SET(lr) { return real(key, v, 0, INFINITY, &l->s->config.rate, e); }
SET(stop_accuracy) { return real(key, v, 0, 1, &l->s->config.stop_accuracy, e); }
SET(stop_loss) { return real(key, v, 0, INFINITY, &l->s->config.stop_loss, e); }
SET(eval_limit) { return whole(key, v, 0, INT64_MAX, &l->s->config.eval_limit, e); }
SET(eval_labels)
{
    int number = 0;
    RK_TRY(choice(key, v, "clean|corrupted", &number, e));
    l->s->config.corrupt_test = number;
    return RK_OK;
}
SET(stop_patience) { return whole(key, v, 0, 1000000, &l->s->config.stop_patience, e); }
SET(checkpoint) { return real(key, v, 0, INFINITY, &l->s->config.checkpoint_seconds, e); }
SET(device)
{
    if (!v[0] || v[0] == '?') return RK_FAIL(e, RK_E_INVALID, "--%s: no device is named", key);
    if (!l->again) l->s->n_devices = 0;
    if (l->s->n_devices == RK_DEVICES_MAX)
        return RK_FAIL(e, RK_E_INVALID, "--%s: more than %d devices", key, (int)RK_DEVICES_MAX);
    l->s->device[l->s->n_devices++] = v;
    return RK_OK;
}
SET(threads)
{
    int64_t n = 0;
    RK_TRY(whole(key, v, 1, 1024, &n, e));
    l->s->threads = v;
    return RK_OK;
}
SET(isa)
{
    int number = 0;
    RK_TRY(choice(key, v, "plain|avx2|avx512", &number, e));
    l->s->isa = v;
    return RK_OK;
}
SET(numerics)
{
    int number = 0;
    RK_TRY(choice(key, v, "exact|fast", &number, e));
    l->s->config.session.numerics = (rk_numerics)number;
    return RK_OK;
}
SET(fallback)
{
    int number = 0;
    RK_TRY(choice(key, v, "forbid|reference", &number, e));
    l->s->config.session.fallback = (rk_fallback)number;
    return RK_OK;
}
SET(unfused)
{
    int number = 0;
    RK_TRY(choice(key, v, "no|yes", &number, e));
    l->s->config.session.unfused = number;
    return RK_OK;
}
SET(scores)
{
    int number = 0;
    RK_TRY(choice(key, v, "no|yes", &number, e));
    l->s->config.scores = number;
    return RK_OK;
}
SET(hold_out)
{
    RK_TRY(real(key, v, 0, 1, &l->s->config.hold_out, e));
    if (l->s->config.hold_out < 1) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "--%s: '%.64s' leaves nothing to train on", key, v);
}
SET(el2n_epoch)
{
    l->s->el2n_given = true;
    return whole(key, v, 1, 1000000, &l->s->config.el2n_epoch, e);
}
SET(randomize_seed) { return whole(key, v, 0, INT64_MAX, &l->s->config.randomize_seed, e); }

SET(data_path)
{
    (void)l; /* once the level's data set is known */
    return rk_data_path_check(key, v, e);
}

SET(scale)
{
    int number = 0;
    RK_TRY(choice(key, v, "micro|small|full", &number, e));
    l->s->config.scale = v;
    return RK_OK;
}

static const rk_setting table[] = {
    {"model", "NAME[:KEY=VALUE,...]", "What is trained (mlp); 'rethink plugins' lists all"},
    {"data", "NAME[:KEY=VALUE,...]",
     "The data set (synth16); limit=N and limit-test=N keep the first N "
     "examples"},
    {"randomize", "NAME[:KEY=VALUE,...]",
     "A transform of the data before training, as labels:p=1; may be repeated, or joined by +"},
    {"augment", "NAME[:KEY=VALUE,...]",
     "A random change of each training image in each epoch, as crop:pad=4; may be repeated, or "
     "joined by +"},
    {"optimizer", "NAME[:KEY=VALUE,...]", "How gradients become steps (sgd)"},
    {"momentum", "M", "Short for --optimizer sgd:momentum=M"},
    {"schedule", "NAME[:KEY=VALUE,...]", "The learning rate over the epochs (constant)"},
    {"lr-decay", "D", "Short for --schedule exponential:decay=D"},
    {"regularize", "NAME[:KEY=VALUE,...]",
     "A change of what a step minimizes or makes of weights, as l2:strength=0.0005; may be "
     "repeated, or "
     "joined by +"},
    {"lr", "RATE", "Learning rate of the first epoch (0.01)"},
    {"batch", "N", "Examples of a step (128)"},
    {"epochs", "N", "At most this many; 0: train nothing, for what needs no training (30)"},
    {"seed", "N", "Of initial weights, order and randomization (1)"},
    {"stop-accuracy", "A", "Stop once the training accuracy is at least A, 1 for all right"},
    {"stop-loss", "L", "Stop once the mean training loss is at most L"},
    {"device", "DEVICE[?]",
     "auto, cpu, opencl, opencl:P.D or opencl:PART OF NAME (auto); may be repeated: the same run "
     "on "
     "each, compared at the end; with ? it is left out where there is none"},
    {"threads", "N", "Threads of the cpu backend (all)"},
    {"isa", "plain|avx2|avx512", "Instructions of the cpu backend (the best there is)"},
    {"numerics", "exact|fast",
     "exact: the same bits on every device; fast: the device's own fastest kernels (exact)"},
    {"fallback", "forbid|reference",
     "What to do about an operation that the device cannot do: fail, or run it on the cpu "
     "(forbid)"},
    {"unfused", NULL, "One kernel per operation: slow, same bits"},
    {"scores", NULL,
     "Keep scores of each example, as forgetting events and the area under the margin, for "
     "'rethink "
     "scores'"},
    {"el2n-epoch", "N", "The epoch in which the score el2n is taken (2)"},
    {"randomize-seed", "N",
     "Seed of --randomize alone: the same data, with other initial weights and order (that of "
     "--seed)"},
    {"checkpoint-seconds", "S", "Lose at most S seconds of work; 0: save after each epoch (60)"},
    {"eval-limit", "N",
     "Evaluate the first N training examples only; then goals and 'fit' ask for the mean of the "
     "epoch's batches too (0: all)"},
    {"scale", "micro|small|full",
     "The size of a preset's experiment: in seconds, in minutes, or that of the paper"},
    {"eval-labels", "clean|corrupted",
     "corrupted: the labels of test examples are randomized as those of training (clean)"},
    {"stop-patience", "N", "Stop N epochs after the best test accuracy; 0: never (0)"},
    {"diagnose", "NAME[:KEY=VALUE,...]",
     "A diagnostic of the weights after the last epoch, as hessian; may be repeated, or joined by "
     "+"},
    {"weights", "FILE.safetensors", "With --epochs 0: the weights to look at"},
    {"hold-out", "P",
     "Do not train on a part P of the training examples, drawn by the seed; predictions of all are "
     "kept, for 'rethink scores --over' (0)"},
    {"data-path", "[NAME=]FOLDER",
     "Where the data set (of this NAME, if one is given) is, instead of the path that --data or a "
     "preset has; may be repeated"},
};
static const setter setters[] = {
    set_model,      set_data,     set_randomize,   set_augment,        set_optimizer,
    set_momentum,   set_schedule, set_lr_decay,    set_regularize,     set_lr,
    set_batch,      set_epochs,   set_seed,        set_stop_accuracy,  set_stop_loss,
    set_device,     set_threads,  set_isa,         set_numerics,       set_fallback,
    set_unfused,    set_scores,   set_el2n_epoch,  set_randomize_seed, set_checkpoint,
    set_eval_limit, set_scale,    set_eval_labels, set_stop_patience,  set_diagnose,
    set_weights,    set_hold_out, set_data_path};
enum { SETTINGS = sizeof table / sizeof *table };
_Static_assert(SETTINGS == sizeof setters / sizeof *setters, "a setter for each setting");

const rk_setting *rk_settings_table(size_t *n)
{
    *n = SETTINGS;
    return table;
}

rk_settings rk_settings_default(void)
{
    rk_settings s = {.config = rk_config_default(), .device = {"auto"}, .n_devices = 1};
    return s;
}

static int find(const char *key)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(table[i].key, key) == 0) return i;
    return -1;
}

rk_status rk_settings_known(const char *key, rk_error *e)
{
    const char *known[SETTINGS];
    char hint[RK_HINT_MAX];
    if (find(key) >= 0) return RK_OK;
    for (int i = 0; i < SETTINGS; i++) known[i] = table[i].key;
    rk_name_hint(key, known, SETTINGS, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no option '%.64s'%s", key, hint);
}

/* Runs are recorded as JSON, which has no other bytes. */
static rk_status check_text(const rk_assignment *a, rk_error *e)
{
    char shown[256];
    if (rk_utf8_show(a->value, shown, sizeof shown)) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "the text of --%s '%s' is not UTF-8: write it, or name the file, in UTF-8",
                   a->key, shown);
}

rk_status rk_settings_apply(rk_settings *s, const rk_assignment *list, uint32_t n, rk_pool *pool,
                            rk_error *e)
{
    level l = {.s = s, .pool = pool};
    bool seen[SETTINGS] = {false};
    for (uint32_t i = 0; i < n; i++) {
        RK_TRY(rk_settings_known(list[i].key, e));
        int k = find(list[i].key);
        l.again = seen[k];
        seen[k] = true;
        RK_TRY(check_text(&list[i], e));
        RK_TRY(setters[k](&l, list[i].key, list[i].value, e));
    }
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i].key, "data-path") == 0)
            RK_TRY(rk_data_path_use(s, list[i].value, pool, e));
    return RK_OK;
}
