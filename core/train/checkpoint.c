#include "train/checkpoint.h"
#include "base/error.h"
#include "base/os.h"
#include "train/safetensors.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 200 }; /* longer than rk_run_folder_left takes */

static rk_status make_folder(const char *path, rk_error *e)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "cannot make the folder %s: %s", path, strerror(errno));
}

static rk_status lock_folder(rk_run_folder *f, int64_t id, rk_error *e)
{
    f->lock = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0)
        return RK_FAIL(e, RK_E_IO, "cannot open the folder %s: %s", f->path, strerror(errno));
    int why = rk_os_lock(f->lock, true, LOOK_MS);
    if (!why) return RK_OK;
    if (why == EWOULDBLOCK)
        return RK_FAIL(e, RK_E_INVALID, "run %lld is being trained by another process",
                       (long long)id);
    return RK_FAIL(e, RK_E_IO, "cannot lock the folder %s: %s", f->path, strerror(why));
}

rk_status rk_run_folder_open(const rk_results *r, int64_t id, rk_run_folder *out, rk_error *e)
{
    char *parent = NULL;
    rk_status status;
    *out = (rk_run_folder){NULL, -1};
    if (asprintf(&parent, "%s.runs", rk_results_path(r)) < 0 ||
        asprintf(&out->path, "%s/%lld", parent, (long long)id) < 0)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for the folder of run %lld", (long long)id);
    status = make_folder(parent, e);
    if (status == RK_OK) status = make_folder(out->path, e);
    if (status == RK_OK) status = lock_folder(out, id, e);
    if (status != RK_OK) rk_run_folder_close(out);
    free(parent);
    return status;
}

rk_status rk_run_folder_begin(const rk_results *r, int64_t id, rk_run_folder *out, rk_error *e)
{
    static const char *const left[] = {"checkpoint.safetensors", "weights.safetensors"};
    rk_status status = rk_run_folder_open(r, id, out, e);
    for (int i = 0; i < 2 && status == RK_OK; i++)
        if (unlinkat(out->lock, left[i], 0) != 0 && errno != ENOENT)
            status = RK_FAIL(e, RK_E_IO, "cannot remove %s/%s, which an earlier run left: %s",
                             out->path, left[i], strerror(errno));
    return status;
}

bool rk_run_folder_left(const rk_results *r, int64_t id)
{
    char path[RK_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s.runs/%lld", rk_results_path(r), (long long)id);
    int fd = n < (int)sizeof path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool left = fd >= 0 && rk_os_lock(fd, false, 0) == 0;
    if (fd >= 0) close(fd);
    return left;
}

void rk_run_folder_close(rk_run_folder *f)
{
    if (f->lock >= 0) close(f->lock);
    free(f->path);
    *f = (rk_run_folder){NULL, -1};
}

/* The buffers of a session that a file holds. */
typedef struct saved {
    rk_session *session;
    rk_stored *tensors;
    uint32_t n;
} saved;

static rk_status choose(rk_session *session, bool model_only, saved *out, rk_error *e)
{
    const rk_buffer_info *b;
    uint32_t n = rk_session_buffers(session, &b);
    *out = (saved){.session = session, .tensors = calloc(n + 1, sizeof *out->tensors)};
    if (!out->tensors) return RK_FAIL(e, RK_E_NOMEM, "no memory for a checkpoint");
    for (uint32_t i = 0; i < n; i++)
        if (model_only ? b[i].trained || b[i].statistic : !b[i].input)
            out->tensors[out->n++] = (rk_stored){b[i].name, b[i].dtype, b[i].shape};
    return RK_OK;
}

static rk_status fill(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    saved *s = ctx;
    return rk_session_read(s->session, s->tensors[i].name, dst, rk_stored_bytes(&s->tensors[i]), e);
}

static rk_status save(const rk_run_folder *f, rk_trainer *t, const char *name, bool model_only,
                      const rk_note *notes, uint32_t n, rk_error *e)
{
    saved what;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", f->path, name) < 0)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for a checkpoint");
    rk_status status = choose(t->session, model_only, &what, e);
    if (status == RK_OK)
        status = rk_safetensors_write(path, what.tensors, what.n, notes, n, fill, &what, e);
    free(what.tensors);
    free(path);
    return status;
}

rk_status rk_checkpoint_save(const rk_run_folder *f, rk_trainer *t, int64_t id, const char *config,
                             const rk_progress *at, rk_error *e)
{
    char run[32], epoch[32], step[32], seconds[32];
    snprintf(run, sizeof run, "%lld", (long long)id);
    snprintf(epoch, sizeof epoch, "%lld", (long long)at->epoch);
    snprintf(step, sizeof step, "%lld", (long long)at->step);
    snprintf(seconds, sizeof seconds, "%.6f", at->seconds);
    const rk_note notes[] = {
        {"run", run}, {"epoch", epoch}, {"step", step}, {"seconds", seconds}, {"config", config}};
    return save(f, t, "checkpoint.safetensors", false, notes, 5, e);
}

rk_status rk_weights_save(const rk_run_folder *f, rk_trainer *t, int64_t id, const char *config,
                          const char *digest, rk_error *e)
{
    char run[32];
    snprintf(run, sizeof run, "%lld", (long long)id);
    const rk_note notes[] = {{"run", run}, {"digest", digest}, {"config", config}};
    return save(f, t, "weights.safetensors", true, notes, 3, e);
}

static rk_status restore(rk_session *session, const rk_safetensors *file, bool model_only,
                         rk_error *e)
{
    saved what;
    rk_status status = choose(session, model_only, &what, e);
    for (uint32_t i = 0; i < what.n && status == RK_OK; i++) {
        uint64_t bytes = rk_stored_bytes(&what.tensors[i]);
        void *data = malloc(bytes + 1);
        if (!data) status = RK_FAIL(e, RK_E_NOMEM, "no memory for a checkpoint");
        if (data) status = rk_safetensors_read(file, &what.tensors[i], data, e);
        if (status == RK_OK)
            status = rk_session_write(session, what.tensors[i].name, data, bytes, e);
        free(data);
    }
    free(what.tensors);
    return status;
}

/* What a file may have beside weights: the states of a training. */
static bool is_state(const char *name)
{
    static const char *const prefixes[] = {"optimizer/", "train/", "eval/", "scores/", "rng/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
    return false;
}

static rk_status check_extra(const rk_trainer *t, const rk_safetensors *file, const char *path,
                             rk_error *e)
{
    const rk_stored *tensor;
    uint32_t n = rk_safetensors_list(file, &tensor);
    for (uint32_t i = 0; i < n; i++) {
        const rk_buffer_info *b = rk_session_buffer(t->session, tensor[i].name);
        if (!(b && (b->trained || b->statistic)) && !is_state(tensor[i].name))
            return RK_FAIL(e, RK_E_INVALID,
                           "%s has weights of another model: %s has no tensor %.64s", path,
                           t->recipe.model->text, tensor[i].name);
    }
    return RK_OK;
}

rk_status rk_weights_load(const char *path, rk_trainer *t, rk_error *e)
{
    rk_safetensors *file;
    RK_TRY(rk_safetensors_open(path, &file, e));
    rk_status status = check_extra(t, file, path, e);
    if (status == RK_OK) {
        status = restore(t->session, file, true, e);
        if (status != RK_OK)
            rk_error_prefix(e, "these are no weights of %s", t->recipe.model->text);
    }
    rk_safetensors_close(file);
    return status;
}

/* A note that is a whole number from 0 to most. */
static bool whole_note(const rk_safetensors *file, const char *key, int64_t most, int64_t *out)
{
    const char *text = rk_safetensors_note(file, key);
    char *end;
    if (!text || text[0] < '0' || text[0] > '9') return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *out <= most;
}

static rk_status read_notes(const rk_safetensors *file, const char *path, const rk_trainer *t,
                            const rk_run_record *run, rk_progress *at, rk_error *e)
{
    int64_t id;
    const char *stored = rk_safetensors_note(file, "config");
    const char *seconds = rk_safetensors_note(file, "seconds");
    if (!whole_note(file, "run", INT64_MAX, &id) ||
        !whole_note(file, "epoch", INT64_MAX, &at->epoch) ||
        !whole_note(file, "step", t->steps, &at->step) || !stored || !seconds)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s is no checkpoint of this run: remove it to start the run from its "
                       "beginning",
                       path);
    if (id != run->id || strcmp(stored, run->config) != 0)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s belongs to another run or configuration: remove it to start run %lld "
                       "from its beginning",
                       path, (long long)run->id);
    if (at->epoch > run->epochs_done)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s is ahead of the results, which have %lld of its %lld epochs: restore or "
                       "merge newer results, or remove it to start run %lld from its beginning",
                       path, (long long)run->epochs_done, (long long)at->epoch, (long long)run->id);
    at->seconds = strtod(seconds, NULL);
    return RK_OK;
}

/* Opens a run's checkpoint and reads where it stands; *file is NULL if there is none. */
static rk_status open_checkpoint(const rk_run_folder *f, const rk_trainer *t,
                                 const rk_run_record *run, rk_progress *at, rk_safetensors **file,
                                 rk_error *e)
{
    char *path = NULL;
    *file = NULL;
    if (asprintf(&path, "%s/checkpoint.safetensors", f->path) < 0)
        return RK_FAIL(e, RK_E_NOMEM, "no memory for a checkpoint");
    if (access(path, F_OK) != 0) {
        free(path);
        return RK_OK;
    }
    rk_status status = rk_safetensors_open(path, file, e);
    if (status == RK_OK) status = read_notes(*file, path, t, run, at, e);
    if (status != RK_OK) {
        rk_safetensors_close(*file);
        *file = NULL;
    }
    free(path);
    return status;
}

rk_status rk_checkpoint_where(const rk_run_folder *f, const rk_trainer *t, const rk_run_record *run,
                              rk_progress *at, bool *found, rk_error *e)
{
    rk_safetensors *file;
    *found = false;
    RK_TRY(open_checkpoint(f, t, run, at, &file, e));
    *found = file;
    rk_safetensors_close(file);
    return RK_OK;
}

rk_status rk_checkpoint_load(const rk_run_folder *f, rk_trainer *t, const rk_run_record *run,
                             rk_progress *at, bool *found, rk_error *e)
{
    rk_safetensors *file;
    rk_progress stood = {0};
    *found = false;
    RK_TRY(open_checkpoint(f, t, run, &stood, &file, e));
    if (!file) return RK_OK;
    rk_status status = restore(t->session, file, false, e);
    *found = status == RK_OK;
    if (*found) *at = stood;
    rk_safetensors_close(file);
    return status;
}
