#include "train/config.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

rk_config rk_config_default(void)
{
    return (rk_config){.model = "mlp",
                       .data = "synth16",
                       .randomize = "",
                       .augment = "",
                       .optimizer = "sgd",
                       .schedule = "constant",
                       .regularize = "",
                       .diagnose = "",
                       .weights = "",
                       .device = "auto",
                       .preset = "",
                       .variant = "",
                       .scale = "",
                       .changed = "",
                       .epochs = 30,
                       .batch = 128,
                       .seed = 1,
                       .rate = 0.01,
                       .el2n_epoch = 2,
                       .randomize_seed = -1,
                       .session = {.seed = 1},
                       .checkpoint_seconds = 60};
}

uint64_t rk_config_randomize_seed(const rk_config *c)
{
    return c->randomize_seed < 0 ? c->seed : (uint64_t)c->randomize_seed;
}

static rk_status check_more(const rk_config *c, rk_error *e)
{
    if (c->el2n_epoch < 1 || c->el2n_epoch > 1000000)
        return RK_FAIL(e, RK_E_INVALID, "el2n-epoch=%lld is not from 1 to 1000000",
                       (long long)c->el2n_epoch);
    if (c->scores && c->eval_limit)
        return RK_FAIL(e, RK_E_INVALID,
                       "eval-limit=%lld, but scores are of every example: leave one of them out",
                       (long long)c->eval_limit);
    if (!(c->hold_out >= 0 && c->hold_out < 1))
        return RK_FAIL(e, RK_E_INVALID, "hold-out=%g is not a number from 0 to less than 1",
                       c->hold_out);
    if (c->hold_out > 0 && c->eval_limit)
        return RK_FAIL(e, RK_E_INVALID,
                       "eval-limit=%lld, but with hold-out every example is predicted: leave one "
                       "of them out",
                       (long long)c->eval_limit);
    if (c->weights[0] && c->epochs > 0)
        return RK_FAIL(e, RK_E_INVALID,
                       "weights=%.200s, but epochs=%lld: training begins with initial weights; a "
                       "file is for epochs=0",
                       c->weights, (long long)c->epochs);
    if (c->randomize_seed < -1)
        return RK_FAIL(e, RK_E_INVALID, "randomize-seed=%lld is not from 0 on, or -1 for the seed",
                       (long long)c->randomize_seed);
    return RK_OK;
}

rk_status rk_config_check(const rk_config *c, rk_error *e)
{
    if (c->epochs < 0 || c->epochs > 1000000)
        return RK_FAIL(e, RK_E_INVALID, "epochs=%lld is not from 0 to 1000000",
                       (long long)c->epochs);
    if (c->batch < 1 || c->batch > 1000000)
        return RK_FAIL(e, RK_E_INVALID, "batch=%lld is not from 1 to 1000000", (long long)c->batch);
    if (c->seed > INT64_MAX)
        return RK_FAIL(e, RK_E_INVALID, "seed=%llu is not below 2^63", (unsigned long long)c->seed);
    if (!(c->rate >= 0) || !isfinite(c->rate))
        return RK_FAIL(e, RK_E_INVALID, "lr=%g is not a number from 0 on", c->rate);
    if (c->eval_limit < 0)
        return RK_FAIL(e, RK_E_INVALID, "eval-limit=%lld is not a number from 0 on",
                       (long long)c->eval_limit);
    if (!(c->stop_accuracy >= 0 && c->stop_accuracy <= 1))
        return RK_FAIL(e, RK_E_INVALID, "stop-accuracy=%g is not from 0 to 1", c->stop_accuracy);
    if (!(c->stop_loss >= 0))
        return RK_FAIL(e, RK_E_INVALID, "stop-loss=%g is not a number from 0 on", c->stop_loss);
    if (c->stop_patience < 0 || c->stop_patience > 1000000)
        return RK_FAIL(e, RK_E_INVALID, "stop-patience=%lld is not from 0 to 1000000",
                       (long long)c->stop_patience);
    if (!(c->checkpoint_seconds >= 0))
        return RK_FAIL(e, RK_E_INVALID, "checkpoint-seconds=%g is not a number from 0 on",
                       c->checkpoint_seconds);
    return check_more(c, e);
}

static const char *numerics_name(rk_numerics n) { return n == RK_NUMERICS_FAST ? "fast" : "exact"; }

static const char *fallback_name(rk_fallback f)
{
    return f == RK_FALLBACK_REFERENCE ? "reference" : "forbid";
}

/* What records of older schemas do not have. */
static bool write_more(json_t *root, const rk_config *c)
{
    return json_object_set_new(root, "scale", json_string(c->scale)) == 0 &&
           json_object_set_new(root, "changed", json_string(c->changed)) == 0 &&
           json_object_set_new(root, "eval-limit", json_integer(c->eval_limit)) == 0 &&
           json_object_set_new(root, "scores", json_boolean(c->scores)) == 0 &&
           json_object_set_new(root, "el2n-epoch", json_integer(c->el2n_epoch)) == 0 &&
           json_object_set_new(root, "randomize-seed", json_integer(c->randomize_seed)) == 0 &&
           json_object_set_new(root, "diagnose", json_string(c->diagnose)) == 0 &&
           json_object_set_new(root, "weights", json_string(c->weights)) == 0 &&
           json_object_set_new(root, "hold-out", json_real(c->hold_out)) == 0;
}

static void read_more(const json_t *root, rk_config *c)
{
    const json_t *el2n = json_object_get(root, "el2n-epoch");
    const json_t *seed = json_object_get(root, "randomize-seed");
    c->scores = json_is_true(json_object_get(root, "scores"));
    c->hold_out = json_number_value(json_object_get(root, "hold-out"));
    c->eval_limit = json_integer_value(json_object_get(root, "eval-limit"));
    if (el2n) c->el2n_epoch = json_integer_value(el2n);
    if (seed) c->randomize_seed = json_integer_value(seed);
}

char *rk_config_write(const rk_config *c)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:s, "
        "s:s, s:b, s:f, s:s, s:I}",
        "model", c->model, "data", c->data, "randomize", c->randomize, "augment", c->augment,
        "optimizer", c->optimizer, "schedule", c->schedule, "regularize", c->regularize, "device",
        c->device, "preset", c->preset, "variant", c->variant, "epochs", (json_int_t)c->epochs,
        "batch", (json_int_t)c->batch, "seed", (json_int_t)c->seed, "lr", c->rate, "stop-accuracy",
        c->stop_accuracy, "stop-loss", c->stop_loss, "numerics", numerics_name(c->session.numerics),
        "fallback", fallback_name(c->session.fallback), "unfused", (int)c->session.unfused,
        "checkpoint-seconds", c->checkpoint_seconds, "eval-labels",
        c->corrupt_test ? "corrupted" : "clean", "stop-patience", (json_int_t)c->stop_patience);
    bool whole = root && write_more(root, c);
    char *text = whole ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    return text;
}

rk_status rk_config_read(const char *text, rk_config *c, json_t **owner, rk_error *e)
{
    json_error_t why;
    const char *numerics, *fallback, *eval_labels = "clean"; /* not in older records, as patience */
    json_int_t epochs, batch, seed, patience = 0;
    int unfused;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    *owner = NULL;
    *c = rk_config_default();
    if (!root ||
        json_unpack_ex(root, &why, 0,
                       "{s:s, s:s, s:s, s?s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:F, "
                       "s:F, s:F, s:s, s:s, s:b, s:F, s?s, s?I}",
                       "model", &c->model, "data", &c->data, "randomize", &c->randomize, "augment",
                       &c->augment, /* not in records of schema 1 */
                       "optimizer", &c->optimizer, "schedule", &c->schedule, "regularize",
                       &c->regularize, "device", &c->device, "preset", &c->preset, "variant",
                       &c->variant, "epochs", &epochs, "batch", &batch, "seed", &seed, "lr",
                       &c->rate, "stop-accuracy", &c->stop_accuracy, "stop-loss", &c->stop_loss,
                       "numerics", &numerics, "fallback", &fallback, "unfused", &unfused,
                       "checkpoint-seconds", &c->checkpoint_seconds, "eval-labels", &eval_labels,
                       "stop-patience", &patience) != 0) {
        json_decref(root);
        return RK_FAIL(e, RK_E_INVALID, "the recorded configuration cannot be read: %s", why.text);
    }
    json_unpack(root, "{s?s, s?s, s?s, s?s}", "scale", &c->scale, "changed", &c->changed,
                "diagnose", &c->diagnose, "weights", &c->weights);
    c->epochs = epochs;
    c->batch = batch;
    c->seed = c->session.seed = (uint64_t)seed;
    c->session.numerics = strcmp(numerics, "fast") == 0 ? RK_NUMERICS_FAST : RK_NUMERICS_EXACT;
    c->session.fallback =
        strcmp(fallback, "reference") == 0 ? RK_FALLBACK_REFERENCE : RK_FALLBACK_FORBID;
    c->session.unfused = unfused;
    c->corrupt_test = strcmp(eval_labels, "corrupted") == 0;
    c->stop_patience = patience;
    read_more(root, c);
    *owner = root;
    return RK_OK;
}
