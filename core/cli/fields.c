/* The fields of runs and epochs, listed once for show, export and JSON. */
#include "cli/definitions.h"
#include "cli/found.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define RUN(name, type, group, member)                                                             \
    {                                                                                              \
        name, RK_FIELD_##type, group, offsetof(rk_run_record, member)                              \
    }
/* "epochs" is how many were completed: fewer than were asked for if the run stopped early. */
static const rk_field run_fields[] = {
    RUN("id", WHOLE, "run", id),
    RUN("status", TEXT, "run", status),
    RUN("error", TEXT, "run", error),
    RUN("started", TEXT, "run", started),
    RUN("seconds", REAL, "run", seconds),
    RUN("version", TEXT, "run", version),
    RUN("preset", TEXT, "configuration", preset),
    RUN("variant", TEXT, "configuration", variant),
    RUN("model", TEXT, "configuration", model),
    RUN("data", TEXT, "configuration", data),
    RUN("randomize", TEXT, "configuration", randomize),
    RUN("augment", TEXT, "configuration", augment),
    RUN("optimizer", TEXT, "configuration", optimizer),
    RUN("schedule", TEXT, "configuration", schedule),
    RUN("regularize", TEXT, "configuration", regularize),
    RUN("rate", REAL, "configuration", rate),
    RUN("batch", WHOLE, "configuration", batch),
    RUN("seed", WHOLE, "configuration", seed),
    RUN("epochs_asked", WHOLE, "configuration", epochs),
    RUN("device", TEXT, "device", device),
    RUN("device_name", TEXT, "device", device_name),
    RUN("driver", TEXT, "device", driver),
    RUN("backend", TEXT, "device", backend),
    RUN("numerics", TEXT, "device", numerics),
    RUN("kernels", TEXT, "device", kernels),
    RUN("steps_fallback", WHOLE, "device", steps_fallback),
    RUN("fallback_note", TEXT, "device", fallback_note),
    RUN("ready_seconds", REAL, "device", ready_seconds),
    RUN("programs_compiled", WHOLE, "device", programs_compiled),
    RUN("programs_cached", WHOLE, "device", programs_cached),
    RUN("parameters", WHOLE, "identity", parameters),
    RUN("plan_digest", TEXT, "identity", plan_digest),
    RUN("data_digest", TEXT, "identity", data_digest),
    RUN("label_digest", TEXT, "identity", label_digest),
    RUN("transform_digests", TEXT, "identity", transform_digests),
    RUN("changed_labels", REAL, "identity", changed_labels),
    RUN("classes", COUNT, "identity", classes),
    RUN("inputs", COUNT, "identity", inputs),
    RUN("train_examples", COUNT, "identity", train_examples),
    RUN("test_examples", COUNT, "identity", test_examples),
    RUN("epochs", WHOLE, "result", epochs_done),
    RUN("fit_epoch", WHOLE, "result", fit_epoch),
    RUN("train_accuracy", REAL, "result", train_accuracy),
    RUN("test_accuracy", REAL, "result", test_accuracy),
    RUN("train_loss", REAL, "result", train_loss),
    RUN("test_loss", REAL, "result", test_loss),
    RUN("digest", TEXT, "result", digest),
    RUN("config", JSON, "complete configuration", config),
};

#define EPOCH(type, member)                                                                        \
    {                                                                                              \
#member, RK_FIELD_##type, NULL, offsetof(rk_epoch_record, member)                          \
    }
static const rk_field epoch_fields[] = {
    EPOCH(WHOLE, epoch),        EPOCH(WHOLE, steps),      EPOCH(REAL, seconds),
    EPOCH(REAL, rate),          EPOCH(REAL, online_loss), EPOCH(REAL, online_accuracy),
    EPOCH(REAL, train_loss),    EPOCH(REAL, test_loss),   EPOCH(REAL, train_accuracy),
    EPOCH(REAL, test_accuracy), EPOCH(REAL, clean_fit),   EPOCH(REAL, noisy_fit),
    EPOCH(REAL, noisy_true),    EPOCH(HEX, digest),
};

#define MEASURE(type, member)                                                                      \
    {                                                                                              \
#member, RK_FIELD_##type, "measures", offsetof(rk_run_measures, member)                    \
    }
static const rk_field measure_fields[] = {
    MEASURE(COUNT, fit_steps),   MEASURE(REAL, fit_seconds),      MEASURE(REAL, fit_test),
    MEASURE(COUNT, steps_acc99), MEASURE(COUNT, steps_loss05),    MEASURE(COUNT, steps_loss01),
    MEASURE(REAL, best_test),    MEASURE(COUNT, best_test_epoch), MEASURE(REAL, best_noisy_true),
};

const rk_field *rk_run_fields(size_t *n)
{
    *n = sizeof run_fields / sizeof *run_fields;
    return run_fields;
}

const rk_field *rk_epoch_fields(size_t *n)
{
    *n = sizeof epoch_fields / sizeof *epoch_fields;
    return epoch_fields;
}

const rk_field *rk_measure_fields(size_t *n)
{
    *n = sizeof measure_fields / sizeof *measure_fields;
    return measure_fields;
}

/* HEX is an array in the record, the other texts are pointers. */
static const char *text_of(const rk_field *field, const char *at)
{
    if (field->type == RK_FIELD_HEX) return at;
    const char *text = *(const char *const *)(const void *)at;
    return text ? text : "";
}

static int64_t whole_of(const char *at)
{
    int64_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static double real_of(const char *at)
{
    double x;
    memcpy(&x, at, sizeof x);
    return x;
}

bool rk_field_empty(const rk_field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    if (field->type == RK_FIELD_WHOLE) return false;
    if (field->type == RK_FIELD_COUNT) return whole_of(at) == 0;
    if (field->type == RK_FIELD_REAL) return !isfinite(real_of(at));
    return text_of(field, at)[0] == '\0';
}

void rk_field_print(FILE *f, const rk_field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    switch (field->type) {
    case RK_FIELD_WHOLE: fprintf(f, "%" PRId64, whole_of(at)); break;
    case RK_FIELD_COUNT:
        if (whole_of(at)) fprintf(f, "%" PRId64, whole_of(at));
        break;
    case RK_FIELD_REAL:
        if (!isnan(real_of(at))) fprintf(f, "%.15g", real_of(at));
        break;
    case RK_FIELD_TEXT:
    case RK_FIELD_JSON:
    case RK_FIELD_HEX: fputs(text_of(field, at), f); break;
    }
}

static json_t *value_of(const rk_field *field, const void *record)
{
    const char *at = (const char *)record + field->offset;
    if (field->type == RK_FIELD_WHOLE) return json_integer(whole_of(at));
    if (field->type == RK_FIELD_COUNT)
        return whole_of(at) ? json_integer(whole_of(at)) : json_null();
    if (field->type == RK_FIELD_REAL)
        return isfinite(real_of(at)) ? json_real(real_of(at)) : json_null();
    json_t *parsed = NULL;
    if (field->type == RK_FIELD_JSON) parsed = json_loads(text_of(field, at), 0, NULL);
    return parsed ? parsed : json_string(text_of(field, at));
}

/* Adds fields to an object; false without memory. */
static bool add_fields(json_t *object, const rk_field *fields, size_t n, const void *record)
{
    for (size_t i = 0; i < n; i++)
        if (json_object_set_new(object, fields[i].name, value_of(&fields[i], record)) != 0)
            return false;
    return true;
}

static bool add_definitions(json_t *object, const rk_runs *r, uint32_t i)
{
    rk_definition list[RK_DEFINITIONS];
    uint32_t n = rk_definitions_of(r->run[i], r->history[i], r->epochs[i], list);
    json_t *all = json_object();
    bool good = json_object_set_new(object, "definitions", all) == 0;
    for (uint32_t k = 0; good && k < n; k++)
        good = json_object_set_new(all, list[k].name, json_string(list[k].text)) == 0;
    return good;
}

static bool add_history(json_t *object, const rk_runs *r, uint32_t i)
{
    size_t n_epoch, n_measure;
    const rk_field *epoch = rk_epoch_fields(&n_epoch), *measure = rk_measure_fields(&n_measure);
    rk_run_measures measures = rk_run_measure(r->run[i], r->history[i], r->epochs[i]);
    json_t *history = json_array();
    bool good = add_fields(object, measure, n_measure, &measures) &&
                json_object_set(object, "history", history) == 0;
    for (uint32_t k = 0; good && k < r->epochs[i]; k++) {
        json_t *row = json_object();
        good = row && add_fields(row, epoch, n_epoch, &r->history[i][k]) &&
               json_array_append(history, row) == 0;
        json_decref(row);
    }
    json_decref(history);
    return good;
}

static bool add_found(json_t *object, const rk_runs *r, uint32_t i)
{
    return json_object_set_new(object, "diagnostics",
                               rk_found_json(&r->found[i], r->run[i]->digest)) == 0;
}

json_t *rk_run_json(const rk_runs *r, uint32_t i)
{
    size_t n;
    const rk_field *run = rk_run_fields(&n);
    json_t *object = json_object();
    if (object && add_fields(object, run, n, r->run[i]) &&
        (!r->with_history ||
         (add_definitions(object, r, i) && add_found(object, r, i) && add_history(object, r, i))))
        return object;
    json_decref(object);
    return NULL;
}

json_t *rk_runs_json(const rk_runs *r)
{
    json_t *array = json_array();
    for (uint32_t i = 0; array && i < r->n; i++) {
        if (json_array_append_new(array, rk_run_json(r, i)) == 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}
