#include "train/record.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRAMS = 4 };

/* The next entry of a list: its start and length without blanks around it; false at the end. */
static bool next_entry(const char **list, const char **entry, size_t *length)
{
    while (**list == ';' || **list == ' ') (*list)++;
    if (!**list) return false;
    *entry = *list;
    *length = strcspn(*list, ";");
    *list += *length;
    while (*length && (*entry)[*length - 1] == ' ') (*length)--;
    return true;
}

static bool has_entry(const char *list, const char *entry, size_t length)
{
    const char *other;
    size_t n;
    while (next_entry(&list, &other, &n))
        if (n == length && strncmp(other, entry, n) == 0) return true;
    return false;
}

char *rk_record_union(const char *const *lists, uint32_t n)
{
    size_t bytes = 1;
    for (uint32_t i = 0; i < n; i++) bytes += 2 * strlen(lists[i]) + 2;
    char *all = calloc(1, bytes);
    for (uint32_t i = 0; all && i < n; i++) {
        const char *rest = lists[i], *entry;
        size_t length;
        while (next_entry(&rest, &entry, &length)) {
            if (has_entry(all, entry, length)) continue;
            if (all[0]) strcat(all, "; ");
            strncat(all, entry, length);
        }
    }
    return all;
}

static uint32_t describe_all(const rk_trainer *t, const rk_program_info *info[PROGRAMS])
{
    rk_program *const programs[PROGRAMS] = {t->step, t->last_step, t->evaluation[0],
                                            t->evaluation[1]};
    uint32_t n = 0;
    for (int i = 0; i < PROGRAMS; i++)
        if (programs[i]) info[n++] = rk_program_describe(programs[i]);
    return n;
}

static rk_status fill_programs(rk_run_record *run, rk_record_texts *texts, const rk_trainer *t,
                               rk_error *e)
{
    const rk_program_info *info[PROGRAMS];
    const char *kernels[PROGRAMS];
    uint32_t n = describe_all(t, info);
    run->plan_digest = info[0]->digest; /* of the training step, which -v prints */
    run->fallback_note = "";
    for (uint32_t i = 0; i < n; i++) {
        kernels[i] = info[i]->kernels;
        run->steps_fallback += info[i]->fallback_steps;
        if (!run->fallback_note[0]) run->fallback_note = info[i]->fallback_note;
    }
    texts->kernels = rk_record_union(kernels, n);
    if (!texts->kernels) return RK_FAIL(e, RK_E_NOMEM, "no memory for a record");
    run->kernels = texts->kernels;
    return RK_OK;
}

static void fill_device(rk_run_record *run, const rk_trainer *t)
{
    const rk_device_entry *d = rk_session_device(t->session);
    run->device = d->spec;
    run->device_name = d->info.name;
    run->driver = d->info.driver;
    run->backend = d->backend;
    const rk_ready *ready = rk_session_ready(t->session);
    run->ready_seconds = ready->seconds;
    run->programs_compiled = ready->compiled;
    run->programs_cached = ready->cached;
}

/* The configuration with canonical texts and the device that was chosen. */
static rk_status fill_config(rk_run_record *run, rk_record_texts *texts, const rk_trainer *t,
                             const rk_config *c, rk_error *e)
{
    rk_config full = rk_recipe_config(&t->recipe, c);
    run->model = full.model;
    run->data = full.data;
    run->randomize = full.randomize;
    run->augment = full.augment;
    run->optimizer = full.optimizer;
    run->schedule = full.schedule;
    run->regularize = full.regularize;
    full.device = run->device;
    run->preset = c->preset;
    run->variant = c->variant;
    texts->config = rk_config_write(&full);
    if (!texts->config) return RK_FAIL(e, RK_E_NOMEM, "no memory for a record");
    run->config = texts->config;
    return RK_OK;
}

void rk_record_time(char out[32])
{
    struct timespec clock;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &clock);
    gmtime_r(&clock.tv_sec, &utc);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, 32 - n, ".%03ldZ", clock.tv_nsec / 1000000);
}

rk_status rk_record_fill(rk_run_record *run, rk_record_texts *texts, const rk_trainer *t,
                         const rk_config *c, rk_error *e)
{
    rk_record_time(texts->started);
    run->started = texts->started;
    run->status = "running";
    run->error = run->digest = "";
    run->numerics = c->session.numerics == RK_NUMERICS_FAST ? "fast" : "exact";
    run->seed = c->seed;
    run->epochs = c->epochs;
    run->batch = c->batch;
    run->rate = c->rate;
    run->parameters = rk_trainer_parameters(t);
    run->data_digest = t->audit.digest;
    run->label_digest = t->audit.label_digest;
    run->changed_labels = t->audit.changed_labels;
    run->transform_digests = t->audit.transforms;
    run->classes = t->data->classes;
    run->inputs = rk_dataset_pixels(t->data);
    run->train_examples = t->data->train.x.n;
    run->test_examples = t->data->test.x.n;
    run->version = RETHINK_VERSION;
    fill_device(run, t);
    RK_TRY(fill_programs(run, texts, t, e));
    return fill_config(run, texts, t, c, e);
}

void rk_record_texts_free(rk_record_texts *texts)
{
    free(texts->config);
    free(texts->kernels);
    *texts = (rk_record_texts){0};
}

rk_status rk_record_check_data(const rk_run_record *run, const rk_trainer *t, rk_error *e)
{
    if (strcmp(run->data_digest, t->audit.digest) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "the data of run %lld have changed since it began (digest %s, now %s): restore "
                   "them, or say with --data-path where they are",
                   (long long)run->id, run->data_digest, t->audit.digest);
}

rk_status rk_record_check(const rk_run_record *run, const rk_trainer *t, rk_error *e)
{
    const rk_program_info *info[PROGRAMS];
    const char *plan = describe_all(t, info) ? info[0]->digest : "";
    RK_TRY(rk_record_check_data(run, t, e));
    if (strcmp(run->version, RETHINK_VERSION) != 0 || strcmp(run->plan_digest, plan) == 0)
        return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "the steps of run %lld have changed since it began (plan %s, now %s): load the "
                   "plugins that it began with, or begin a new run",
                   (long long)run->id, run->plan_digest, plan);
}

void rk_record_rows(rk_run_record *run, const rk_epoch_record *row, uint32_t n)
{
    uint32_t whole = 0;
    while (whole < n && row[whole].epoch == whole + 1) whole++;
    run->epochs_done = whole;
}

void rk_record_epoch(rk_run_record *run, const rk_epoch_record *row, bool fit)
{
    run->epochs_done = row->epoch;
    if (!run->fit_epoch && fit) run->fit_epoch = row->epoch;
    run->train_accuracy = row->train_accuracy;
    run->test_accuracy = row->test_accuracy;
    run->train_loss = row->train_loss;
    run->test_loss = row->test_loss;
    run->digest = row->digest;
    run->seconds = row->seconds;
}
