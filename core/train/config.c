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
                       .device = "auto",
                       .preset = "",
                       .variant = "",
                       .scale = "",
                       .changed = "",
                       .epochs = 30,
                       .batch = 128,
                       .seed = 1,
                       .rate = 0.01,
                       .session = {.seed = 1},
                       .checkpoint_seconds = 60};
}

rk_status rk_config_check(const rk_config *c, rk_error *e)
{
    if (c->epochs < 1 || c->epochs > 1000000)
        return RK_FAIL(e, RK_E_INVALID, "epochs=%lld is not from 1 to 1000000",
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
    if (!(c->checkpoint_seconds >= 0))
        return RK_FAIL(e, RK_E_INVALID, "checkpoint-seconds=%g is not a number from 0 on",
                       c->checkpoint_seconds);
    return RK_OK;
}

static const char *numerics_name(rk_numerics n) { return n == RK_NUMERICS_FAST ? "fast" : "exact"; }

static const char *fallback_name(rk_fallback f)
{
    return f == RK_FALLBACK_REFERENCE ? "reference" : "forbid";
}

char *rk_config_write(const rk_config *c)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:s, "
        "s:s, s:b, s:f, s:I}",
        "model", c->model, "data", c->data, "randomize", c->randomize, "augment", c->augment,
        "optimizer", c->optimizer, "schedule", c->schedule, "regularize", c->regularize, "device",
        c->device, "preset", c->preset, "variant", c->variant, "epochs", (json_int_t)c->epochs,
        "batch", (json_int_t)c->batch, "seed", (json_int_t)c->seed, "lr", c->rate, "stop-accuracy",
        c->stop_accuracy, "stop-loss", c->stop_loss, "numerics", numerics_name(c->session.numerics),
        "fallback", fallback_name(c->session.fallback), "unfused", (int)c->session.unfused,
        "checkpoint-seconds", c->checkpoint_seconds, "eval-limit", (json_int_t)c->eval_limit);
    if (root && (json_object_set_new(root, "scale", json_string(c->scale)) != 0 ||
                 json_object_set_new(root, "changed", json_string(c->changed)) != 0)) {
        json_decref(root);
        return NULL;
    }
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    return text;
}

rk_status rk_config_read(const char *text, rk_config *c, json_t **owner, rk_error *e)
{
    json_error_t why;
    const char *numerics, *fallback;
    json_int_t epochs, batch, seed, eval_limit = 0;
    int unfused;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    *owner = NULL;
    *c = rk_config_default();
    if (!root || json_unpack_ex(
                     root, &why, 0,
                     "{s:s, s:s, s:s, s?s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:F, "
                     "s:F, s:F, s:s, s:s, s:b, s:F, s?I}",
                     "model", &c->model, "data", &c->data, "randomize", &c->randomize, "augment",
                     &c->augment, /* not in records of schema 1 */
                     "optimizer", &c->optimizer, "schedule", &c->schedule, "regularize",
                     &c->regularize, "device", &c->device, "preset", &c->preset, "variant",
                     &c->variant, "epochs", &epochs, "batch", &batch, "seed", &seed, "lr", &c->rate,
                     "stop-accuracy", &c->stop_accuracy, "stop-loss", &c->stop_loss, "numerics",
                     &numerics, "fallback", &fallback, "unfused", &unfused, "checkpoint-seconds",
                     &c->checkpoint_seconds, "eval-limit", &eval_limit) != 0) {
        json_decref(root);
        return RK_FAIL(e, RK_E_INVALID, "the recorded configuration cannot be read: %s", why.text);
    }
    json_unpack(root, "{s?s, s?s}", "scale", &c->scale, "changed", &c->changed);
    c->epochs = epochs;
    c->batch = batch;
    c->eval_limit = eval_limit;
    c->seed = c->session.seed = (uint64_t)seed;
    c->session.numerics = strcmp(numerics, "fast") == 0 ? RK_NUMERICS_FAST : RK_NUMERICS_EXACT;
    c->session.fallback =
        strcmp(fallback, "reference") == 0 ? RK_FALLBACK_REFERENCE : RK_FALLBACK_FORBID;
    c->session.unfused = unfused;
    *owner = root;
    return RK_OK;
}
