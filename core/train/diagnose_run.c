/* Diagnostics of a run that is there already. */
#include "base/error.h"
#include "train/checkpoint.h"
#include "train/diagnose.h"
#include "train/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is opened for it. */
typedef struct visit {
    rk_run_record *run;
    json_t *owner; /* of the configuration's texts */
    rk_config config;
    rk_run_folder folder;
    rk_spec_list list;
    rk_trainer *trainer;
    char digest[33];
    int64_t epoch;
} visit;

/* The weights that the run ended with; they have the digest that is recorded, or something is
 * wrong. */
static rk_status load_last(visit *v, const char *path, rk_error *e)
{
    RK_TRY(rk_weights_load(path, v->trainer, e));
    RK_TRY(rk_trainer_digest(v->trainer, v->digest, e));
    v->epoch = v->run->epochs_done;
    if (strcmp(v->digest, v->run->digest) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "%s are not the weights that run %lld ended with (digest %s, they have %s)",
                   path, (long long)v->run->id, v->run->digest, v->digest);
}

static rk_status load_checkpoint(visit *v, rk_error *e)
{
    rk_progress at;
    bool found;
    RK_TRY(rk_checkpoint_load(&v->folder, v->trainer, v->run, &at, &found, e));
    if (!found)
        return RK_FAIL(e, RK_E_INVALID,
                       "run %lld has no weights in %s: it ended before its first checkpoint, or "
                       "the folder was removed",
                       (long long)v->run->id, v->folder.path);
    v->epoch = at.epoch;
    return rk_trainer_digest(v->trainer, v->digest, e);
}

static rk_status load(visit *v, rk_error *e)
{
    char *path = NULL;
    if (asprintf(&path, "%s/weights.safetensors", v->folder.path) < 0)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for the weights of a run");
    rk_status status = access(path, F_OK) == 0 ? load_last(v, path, e) : load_checkpoint(v, e);
    free(path);
    return status;
}

static rk_status open_all(visit *v, rk_hub *hub, const rk_registry *plugins, rk_results *results,
                          const char *what, const char *device, const char *data, rk_error *e)
{
    RK_TRY(rk_config_read(v->run->config, &v->config, &v->owner, e));
    RK_TRY(rk_spec_list_parse(plugins, RK_KIND_DIAGNOSTIC, what, &v->list, e));
    v->config.diagnose = ""; /* what it had, its plugins may be gone */
    if (device) v->config.device = device;
    if (data) v->config.data = data;
    RK_TRY(rk_run_folder_open(results, v->run->id, &v->folder, e));
    RK_TRY(rk_trainer_open(hub, plugins, &v->config, &v->trainer, e));
    RK_TRY(rk_record_check(v->run, v->trainer, e));
    return load(v, e);
}

static void close_all(visit *v)
{
    rk_run_folder_close(&v->folder);
    rk_trainer_close(v->trainer);
    rk_spec_list_clear(&v->list);
    rk_run_record_free(v->run);
    json_decref(v->owner);
}

rk_status rk_run_diagnose(rk_hub *hub, const rk_registry *plugins, rk_results *results, int64_t id,
                          const char *what, const char *device, const char *data,
                          const rk_watch *watch, rk_error *e)
{
    visit v = {.folder.lock = -1};
    bool failed = false;
    rk_error local = rk_error_new();
    if (!e) e = &local;
    RK_TRY(rk_results_run(results, id, &v.run, e));
    rk_status status = open_all(&v, hub, plugins, results, what, device, data, e);
    if (status == RK_OK) {
        const rk_diagnosis d = {.hub = hub,
                                .results = results,
                                .trainer = v.trainer,
                                .config = &v.config,
                                .run = v.run,
                                .watch = watch,
                                .list = &v.list,
                                .digest = v.digest,
                                .epoch = v.epoch,
                                .again = true};
        status = rk_diagnose(&d, &failed, e);
    }
    close_all(&v);
    return status == RK_OK && failed ? RK_E_INVALID : status;
}
