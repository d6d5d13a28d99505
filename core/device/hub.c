/* Finding backends: where they may be, why one is refused, which devices they have. */
#include "device/exam.h"
#include "device/helpers.h"
#include "device/load.h"
#include "device/tuned.h"
#include "base/os.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The folder of backends, seen from the folder of the library. */
#define INSTALLED "rethink/backends"

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for backends"); }

/* Makes room for one more element of an array of n. */
static rk_status grow(void *array, uint32_t n, size_t element, rk_error *e)
{
    void *p;
    memcpy(&p, array, sizeof p);
    p = realloc(p, (n + (size_t)1) * element);
    if (!p) return no_memory(e);
    memcpy(array, &p, sizeof p);
    return RK_OK;
}

/* Sets one of the hub's own texts of a candidate. */
static rk_status set_text(const char **slot, const char *text, rk_error *e)
{
    char *copy = strdup(text);
    if (!copy) return no_memory(e);
    free((char *)(uintptr_t)*slot); /* the hub's own, const for readers */
    *slot = copy;
    return RK_OK;
}

static rk_status add_candidate(rk_hub *h, const char *path, const char *reason, rk_error *e)
{
    RK_TRY(grow(&h->candidates, h->n_candidates, sizeof *h->candidates, e));
    rk_candidate *c = &h->candidates[h->n_candidates++];
    *c = (rk_candidate){NULL, NULL, NULL, 0, NULL};
    RK_TRY(set_text(&c->path, path, e));
    RK_TRY(set_text(&c->backend, "", e));
    RK_TRY(set_text(&c->note, "", e));
    return set_text(&c->reason, reason, e);
}

/* ---- one file ---- */

static rk_status trust(const char *path, rk_error *e)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return RK_FAIL(e, RK_E_IO, "%s",
                       errno == ENOENT ? "no such file or folder" : strerror(errno));
    if (s.st_mode & S_IWOTH)
        return RK_FAIL(e, RK_E_INVALID, "any user may write to this %s: chmod o-w it",
                       S_ISDIR(s.st_mode) ? "folder" : "file");
    return RK_OK;
}

static rk_status trust_file(const char *path, rk_error *e)
{
    char folder[RK_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0'; /* path is absolute */
    RK_TRY(trust(folder[0] ? folder : "/", e));
    return trust(path, e);
}

/* Asks the entry function, which is the first code of the plugin that runs on purpose. */
static rk_status read_table(void *library, rk_backend *out, rk_error *e)
{
    rk_backend_entry_fn *entry;
    void *symbol = dlsym(library, "rk_backend_entry");
    if (!symbol) return RK_FAIL(e, RK_E_ABI, "it does not export rk_backend_entry");
    memcpy(&entry, &symbol, sizeof entry);
    const rk_backend *table = entry(RK_ABI_MAJOR, RK_ABI_MINOR);
    if (!table)
        return RK_FAIL(e, RK_E_ABI, "it does not speak version %u of the backend interface",
                       RK_ABI_MAJOR);
    return rk_table_check(table, out, e);
}

rk_status rk_backend_load(const char *path, rk_backend *out, rk_error *e)
{
    rk_magic magic;
    RK_TRY(trust_file(path, e));
    RK_TRY(rk_magic_read(path, &magic, e));
    RK_TRY(rk_magic_check(&magic, e));
    /* NODELETE, and the handle is kept: drivers leave threads and exit handlers behind. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return RK_FAIL(e, RK_E_IO, "%s", dlerror());
    return read_table(library, out, e);
}

static const rk_loaded *loaded_as(const rk_hub *h, const char *name)
{
    for (uint32_t i = 0; i < h->n_loaded; i++)
        if (strcmp(h->loaded[i]->table.name, name) == 0) return h->loaded[i];
    return NULL;
}

static rk_status add_loaded(rk_hub *h, const char *path, const rk_backend *table, rk_error *e)
{
    RK_TRY(grow(&h->loaded, h->n_loaded, sizeof *h->loaded, e));
    rk_loaded *l = calloc(1, sizeof *l);
    if (!l) return no_memory(e);
    h->loaded[h->n_loaded++] = l;
    l->hub = h;
    l->table = *table;
    l->path = strdup(path);
    if (!l->path) return no_memory(e);
    rk_host_init(l);
    return RK_OK;
}

/* ---- devices ---- */

static rk_status add_device(rk_hub *h, const rk_devinfo *info, rk_error *e)
{
    RK_TRY(grow(&h->devices, h->n_devices, sizeof *h->devices, e));
    RK_TRY(grow(&h->device_backend, h->n_devices, sizeof *h->device_backend, e));
    const rk_backend *table = &h->loaded[h->n_loaded - 1]->table;
    rk_device_entry *d = &h->devices[h->n_devices];
    *d = (rk_device_entry){.backend = table->name, .backend_version = table->version};
    d->info = *info;
    d->info.id[sizeof d->info.id - 1] = d->info.name[sizeof d->info.name - 1] = '\0';
    if (!d->info.id[0]) snprintf(d->info.id, sizeof d->info.id, "%u", info->index);
    snprintf(d->spec, sizeof d->spec, "%s:%s", table->name, d->info.id);
    h->device_backend[h->n_devices++] = h->n_loaded - 1;
    return RK_OK;
}

/* Enumerates the backend that was loaded last.  Its failure is a note, not an error. */
static rk_status add_devices(rk_hub *h, rk_error *e)
{
    rk_loaded *l = h->loaded[h->n_loaded - 1];
    rk_candidate *c = &h->candidates[h->n_candidates - 1];
    rk_error note = rk_error_new();
    uint32_t n = 0;
    rk_devinfo *info = calloc(RK_BACKEND_DEVICES, sizeof *info);
    if (!info) return no_memory(e);
    info[0].size = sizeof *info;
    rk_status status = l->table.enumerate(&l->host, info, RK_BACKEND_DEVICES, &n, &note);
    if (status != RK_OK) n = 0;
    if (n > RK_BACKEND_DEVICES) n = RK_BACKEND_DEVICES;
    status = RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++) status = add_device(h, &info[i], e);
    free(info);
    if (status == RK_OK && n == 0) status = set_text(&c->note, note.text, e);
    c->n_devices = n;
    return status;
}

/* ---- places ---- */

static bool is_known(const rk_hub *h, const char *path)
{
    for (uint32_t i = 0; i < h->n_candidates; i++)
        if (strcmp(h->candidates[i].path, path) == 0) return true;
    return false;
}

/* path is absolute and has no links. */
static rk_status add_file(rk_hub *h, const char *path, rk_error *e)
{
    rk_backend table;
    rk_error why = rk_error_new();
    if (is_known(h, path)) return RK_OK;
    rk_status status = rk_backend_load(path, &table, &why);
    if (status == RK_E_NOMEM) return no_memory(e);
    if (status != RK_OK) return add_candidate(h, path, why.text, e);
    const rk_loaded *other = loaded_as(h, table.name);
    if (other) {
        rk_fail(&why, RK_E_INVALID, __func__, 0, "a backend named %s was loaded from %s already",
                table.name, other->path);
        return add_candidate(h, path, why.text, e);
    }
    RK_TRY(add_candidate(h, path, "loaded", e));
    RK_TRY(set_text(&h->candidates[h->n_candidates - 1].backend, table.name, e));
    RK_TRY(add_loaded(h, path, &table, e));
    return add_devices(h, e);
}

static int is_library(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

/* By bytes: alphasort would depend on the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static rk_status add_entry(rk_hub *h, const char *folder, const char *name, rk_error *e)
{
    char path[RK_PATH_MAX], real[PATH_MAX];
    if (!rk_os_join(path, folder, name)) return RK_OK;
    if (!realpath(path, real)) return add_candidate(h, path, "a link to nowhere", e);
    return add_file(h, real, e);
}

static rk_status add_folder(rk_hub *h, const char *folder, rk_error *e)
{
    struct dirent **found = NULL;
    rk_error why = rk_error_new();
    rk_status status = RK_OK;
    if (trust(folder, &why) != RK_OK) return add_candidate(h, folder, why.text, e);
    int n = scandir(folder, &found, is_library, by_bytes);
    if (n < 0) return add_candidate(h, folder, "the folder cannot be read", e);
    for (int i = 0; i < n; i++) {
        if (status == RK_OK) status = add_entry(h, folder, found[i]->d_name, e);
        free(found[i]);
    }
    free(found);
    return status;
}

/* A file or a folder that somebody named. */
static rk_status add_path(rk_hub *h, const char *path, rk_error *e)
{
    struct stat s;
    char real[PATH_MAX];
    if (!realpath(path, real) || stat(real, &s) != 0)
        return add_candidate(h, path, "no such file or folder", e);
    return S_ISDIR(s.st_mode) ? add_folder(h, real, e) : add_file(h, real, e);
}

static rk_status add_list(rk_hub *h, const char *list, rk_error *e)
{
    char path[RK_PATH_MAX];
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n > 0 && n < sizeof path) { /* an empty part is not the current folder */
            memcpy(path, list, n);
            path[n] = '\0';
            RK_TRY(add_path(h, path, e));
        }
        list += n + (list[n] == ':');
    }
    return RK_OK;
}

/* The folder beside the shared library that this code is part of. */
static rk_status add_installed(rk_hub *h, rk_error *e)
{
    static const char anchor = 0;
    Dl_info info;
    struct stat s;
    char real[PATH_MAX], folder[PATH_MAX + sizeof INSTALLED];
    if (!dladdr(&anchor, &info) || !realpath(info.dli_fname, real)) return RK_OK;
    snprintf(folder, sizeof folder, "%.*s" INSTALLED, (int)(strrchr(real, '/') + 1 - real), real);
    return stat(folder, &s) == 0 ? add_path(h, folder, e) : RK_OK;
}

static rk_status fill(rk_hub *h, const char *const *named, uint32_t n, bool others, rk_error *e)
{
    for (uint32_t i = 0; i < n; i++) RK_TRY(add_path(h, named[i], e));
    if (!others) return RK_OK;
    RK_TRY(add_list(h, getenv("RETHINK_BACKEND_PATH"), e));
    return add_installed(h, e);
}

/* ---- the hub ---- */

static rk_status make(const char *const *named, uint32_t n, bool others, rk_hub **out, rk_error *e)
{
    rk_hub *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h) return no_memory(e);
    rk_status status = fill(h, named, n, others, e);
    if (status == RK_OK)
        *out = h;
    else
        rk_hub_free(h);
    return status;
}

rk_status rk_hub_new(const char *const *extra, uint32_t n, rk_hub **out, rk_error *e)
{
    return make(extra, n, true, out, e);
}

rk_status rk_hub_new_of(const char *const *files, uint32_t n, rk_hub **out, rk_error *e)
{
    return make(files, n, false, out, e);
}

void rk_hub_free(rk_hub *h)
{
    if (!h) return;
    for (uint32_t i = 0; i < h->n_candidates; i++) {
        const rk_candidate *c = &h->candidates[i];
        const char *texts[] = {c->path, c->backend, c->reason, c->note};
        for (int j = 0; j < 4; j++) free((char *)(uintptr_t)texts[j]);
    }
    for (uint32_t i = 0; i < h->n_loaded; i++) {
        free(h->loaded[i]->path);
        free(h->loaded[i]);
    }
    for (uint32_t i = 0; i < 2 * h->n_options; i++) free(h->options[i]);
    rk_hub_tuned_free(h);
    rk_helpers_free(h->helpers);
    free(h->candidates);
    free(h->loaded);
    free(h->devices);
    free(h->device_backend);
    free(h->tests);
    free(h->options);
    free(h);
}

uint32_t rk_hub_candidates(const rk_hub *h, const rk_candidate **out)
{
    *out = h->candidates;
    return h->n_candidates;
}

uint32_t rk_hub_devices(const rk_hub *h, const rk_device_entry **out)
{
    *out = h->devices;
    return h->n_devices;
}

void rk_hub_verbosity(rk_hub *h, int level) { h->verbosity = level; }

rk_status rk_hub_test(rk_hub *h, uint32_t device, rk_open *d, rk_selftest *out, rk_error *e)
{
    if (!h->tests) h->tests = calloc(h->n_devices + (size_t)1, sizeof *h->tests);
    if (!h->tests) return no_memory(e);
    if (!(h->tests[device].milliseconds > 0)) {
        rk_error own = rk_error_new();
        rk_status s = rk_selftest_run(d, out, &own);
        if (s != RK_OK) return RK_FAIL(e, s, "self-test of %s: %s", d->spec, own.text);
        h->tests[device] = *out;
    }
    *out = h->tests[device];
    return RK_OK;
}

static rk_status add_option(rk_hub *h, const char *key, const char *value, rk_error *e)
{
    char **options = realloc(h->options, (2 * (size_t)h->n_options + 2) * sizeof *options);
    if (!options) return no_memory(e);
    h->options = options;
    char *own_key = strdup(key), *own_value = strdup(value);
    if (!own_key || !own_value) {
        free(own_key);
        free(own_value);
        return no_memory(e);
    }
    options[2 * h->n_options] = own_key;
    options[2 * h->n_options++ + 1] = own_value;
    return RK_OK;
}

rk_status rk_hub_option(rk_hub *h, const char *key, const char *value, rk_error *e)
{
    free(h->tests); /* the devices may do otherwise from now on */
    h->tests = NULL;
    for (uint32_t i = 0; i < h->n_options; i++) {
        if (strcmp(h->options[2 * i], key) != 0) continue;
        char *copy = strdup(value);
        if (!copy) return no_memory(e);
        free(h->options[2 * i + 1]);
        h->options[2 * i + 1] = copy;
        return RK_OK;
    }
    return add_option(h, key, value, e);
}
