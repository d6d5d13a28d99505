/* What of a sweep is in a results file already, and how long runs take. */
#include "base/text.h"
#include "cli/sweep.h"
#include "train/config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A run of the file. */
typedef struct old_run {
    char key[33], kind[33], device[128];
    int64_t id, epochs;
    double seconds;
    bool done, taken; /* taken: by a task */
} old_run;

bool rk_sweep_key(const rk_config *c, bool kind, char out[33])
{
    rk_config bits = *c;
    bits.device = "";
    bits.checkpoint_seconds = 0; /* changes no bits */
    if (kind) {
        bits.preset = bits.variant = bits.scale = bits.changed = "";
        bits.seed = bits.session.seed = 0;
    }
    char *text = rk_config_write(&bits);
    if (text) rk_digest_hex(text, strlen(text), out);
    free(text);
    return text;
}

/* A record that cannot be read again is no run of a sweep: then the key is empty. */
static bool fill(old_run *out, const rk_run_record *run)
{
    rk_config c;
    json_t *owner = NULL;
    rk_error ignored = rk_error_new();
    *out = (old_run){.id = run->id, .epochs = run->epochs_done, .seconds = run->seconds};
    if (rk_config_read(run->config, &c, &owner, &ignored) != RK_OK) return true;
    out->done = strcmp(run->status, "done") == 0;
    snprintf(out->device, sizeof out->device, "%s", run->device);
    bool good = rk_sweep_key(&c, false, out->key) && rk_sweep_key(&c, true, out->kind);
    json_decref(owner);
    return good;
}

/* By key, and among runs of one key the furthest first. */
static int by_key(const void *a, const void *b)
{
    const old_run *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    if (order) return order;
    if (x->done != y->done) return x->done ? -1 : 1;
    if (x->epochs != y->epochs) return x->epochs > y->epochs ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static rk_status load(rk_results *r, old_run **out, uint32_t *n, rk_error *e)
{
    int64_t *ids = NULL;
    RK_TRY(rk_results_list(r, NULL, &ids, n, e));
    old_run *list = calloc(*n + 1, sizeof *list);
    rk_status status = list ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", *n);
    for (uint32_t i = 0; i < *n && status == RK_OK; i++) {
        rk_run_record *run;
        status = rk_results_run(r, ids[i], &run, e);
        if (status != RK_OK) break;
        if (!fill(&list[i], run)) status = RK_FAIL(e, RK_E_NOMEM, "no memory for %u runs", *n);
        rk_run_record_free(run);
    }
    free(ids);
    if (status == RK_OK) qsort(list, *n, sizeof *list, by_key);
    if (status != RK_OK) free(list);
    *out = status == RK_OK ? list : NULL;
    return status;
}

static bool may_use(const rk_task *t, const char *device)
{
    for (uint32_t i = 0; i < t->n_devices; i++)
        if (strcmp(t->device[i], device) == 0) return true;
    return false;
}

/* The first run of a key, by bisection. */
static uint32_t find(const old_run *list, uint32_t n, const char *key)
{
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (strcmp(list[middle].key, key) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static rk_status match_task(rk_task *t, old_run *list, uint32_t n, rk_error *e)
{
    char key[33];
    if (t->state == RK_TASK_LEFT_OUT) return RK_OK;
    if (!rk_sweep_key(&t->config, false, key)) return RK_FAIL(e, RK_E_NOMEM, "no memory for keys");
    for (uint32_t i = find(list, n, key); i < n && strcmp(list[i].key, key) == 0; i++) {
        if (list[i].taken || !may_use(t, list[i].device)) continue;
        list[i].taken = true;
        t->run = list[i].id;
        t->state = list[i].done ? RK_TASK_BEFORE : RK_TASK_RESUME;
        t->spent = list[i].seconds;
        for (uint32_t k = 0; k < t->n_devices; k++) /* it goes on where it began */
            if (strcmp(t->device[k], list[i].device) == 0) t->device[0] = t->device[k];
        t->n_devices = 1;
        return RK_OK;
    }
    return RK_OK;
}

static int by_kind(const void *a, const void *b)
{
    const rk_task_kind *x = a, *y = b;
    int order = strcmp(x->digest, y->digest);
    return order ? order : strcmp(x->device, y->device);
}

static bool make_kind(const rk_sweep *s, const rk_task *t, rk_task_kind *out)
{
    *out = (rk_task_kind){.device = s->spread || t->n_devices == 0 ? "" : t->device[0],
                          .epochs = t->config.epochs};
    return rk_sweep_key(&t->config, true, out->digest);
}

static rk_status make_kinds(rk_sweep *s, rk_error *e)
{
    uint32_t n = 0;
    bool good = true;
    free(s->kind);
    s->kind = calloc(s->n + 1, sizeof *s->kind);
    for (uint32_t i = 0; i < s->n && s->kind && good; i++)
        good = make_kind(s, &s->task[i], &s->kind[i]);
    if (!s->kind || !good) return RK_FAIL(e, RK_E_NOMEM, "no memory for a sweep");
    qsort(s->kind, s->n, sizeof *s->kind, by_kind);
    for (uint32_t i = 0; i < s->n; i++)
        if (n == 0 || by_kind(&s->kind[n - 1], &s->kind[i]) != 0) s->kind[n++] = s->kind[i];
    s->n_kinds = n;
    for (uint32_t i = 0; i < s->n; i++) {
        rk_task_kind key;
        if (!make_kind(s, &s->task[i], &key))
            return RK_FAIL(e, RK_E_NOMEM, "no memory for a sweep");
        const rk_task_kind *found = bsearch(&key, s->kind, n, sizeof key, by_kind);
        s->task[i].kind = (uint32_t)(found - s->kind);
    }
    return RK_OK;
}

static void learn(rk_sweep *s, const old_run *run)
{
    const char *devices[2] = {run->device, ""};
    for (int i = 0; i < 2 && run->done; i++) {
        rk_task_kind key = {.device = devices[i]};
        memcpy(key.digest, run->kind, sizeof key.digest);
        rk_task_kind *k = bsearch(&key, s->kind, s->n_kinds, sizeof key, by_kind);
        if (!k) continue;
        k->seconds += run->seconds;
        k->n++;
    }
}

rk_status rk_sweep_match(rk_sweep *s, rk_results *r, rk_error *e)
{
    old_run *list = NULL;
    uint32_t n = 0;
    if (r) RK_TRY(load(r, &list, &n, e));
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < s->n && status == RK_OK; i++)
        status = match_task(&s->task[i], list, n, e);
    if (status == RK_OK) status = make_kinds(s, e);
    for (uint32_t i = 0; i < n && status == RK_OK; i++) learn(s, &list[i]);
    free(list);
    return status;
}

double rk_sweep_estimate(const rk_sweep *s, const rk_task *t)
{
    const rk_task_kind *own = &s->kind[t->kind];
    double seconds = 0, epochs = 0;
    if (own->n) return own->seconds / own->n;
    for (uint32_t i = 0; i < s->n_kinds; i++) {
        seconds += s->kind[i].seconds;
        epochs += (double)s->kind[i].n * (double)s->kind[i].epochs;
    }
    return epochs > 0 ? seconds / epochs * (double)own->epochs : NAN;
}

uint32_t rk_sweep_count(const rk_sweep *s, rk_task_state state)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) n += s->task[i].state == state;
    return n;
}
