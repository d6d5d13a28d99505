#include "data/registry.h"
#include "base/error.h"
#include "data/load.h"
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The folder of plugins, seen from the folder of the library. */
#define INSTALLED "rethink/plugins"

typedef struct identity { /* of a file, however it is spelled */
    dev_t device;
    ino_t inode;
} identity;

typedef struct entry {
    rk_item item;
    uint32_t candidate;
} entry;

struct rk_registry {
    uint32_t n_candidates, n_items;
    rk_plugin_candidate *candidates;
    identity *seen; /* one for each candidate */
    entry **entries;
    const rk_item **items; /* the same in order */
};

const char *rk_kind_name(uint32_t kind)
{
    static const char *const names[] = {"unknown",   "model",        "data",
                                        "transform", "regularizer",  "optimizer",
                                        "schedule",  "augmentation", "diagnostic"};
    return names[kind < sizeof names / sizeof *names ? kind : 0];
}

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for plugins"); }

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

static rk_status add_candidate(rk_registry *r, const char *path, const char *reason, rk_error *e)
{
    struct stat s;
    uint32_t n = r->n_candidates;
    RK_TRY(grow(&r->candidates, n, sizeof *r->candidates, e));
    RK_TRY(grow(&r->seen, n, sizeof *r->seen, e));
    char *path_copy = strdup(path), *reason_copy = strdup(reason);
    if (!path_copy || !reason_copy) {
        free(path_copy);
        free(reason_copy);
        return no_memory(e);
    }
    r->candidates[n] = (rk_plugin_candidate){path_copy, "", "", reason_copy};
    r->seen[n] = (identity){0, 0};
    if (stat(path, &s) == 0) r->seen[n] = (identity){s.st_dev, s.st_ino};
    r->n_candidates++;
    return RK_OK;
}

static bool is_known(const rk_registry *r, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0) return false;
    for (uint32_t i = 0; i < r->n_candidates; i++)
        if (r->seen[i].device == s.st_dev && r->seen[i].inode == s.st_ino) return true;
    return false;
}

static rk_status add_items(rk_registry *r, const rk_plugin *table, rk_error *e)
{
    for (uint32_t i = 0; i < table->n_items; i++) {
        RK_TRY(grow(&r->entries, r->n_items, sizeof *r->entries, e));
        RK_TRY(grow(&r->items, r->n_items, sizeof *r->items, e));
        entry *new = malloc(sizeof *new);
        if (!new) return no_memory(e);
        *new = (entry){rk_plugin_item(table, i), r->n_candidates - 1};
        r->entries[r->n_items] = new;
        r->items[r->n_items++] = &new->item;
    }
    return RK_OK;
}

static rk_status add_file(rk_registry *r, const char *path, rk_error *e)
{
    char folder[PATH_MAX];
    rk_error reason = rk_error_new();
    const rk_plugin *table = NULL;
    if (is_known(r, path)) return RK_OK;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    rk_status status = rk_plugin_trust(folder[0] ? folder : "/", &reason);
    if (status == RK_OK) status = rk_plugin_trust(path, &reason);
    if (status == RK_OK) status = rk_plugin_open(path, &table, &reason);
    if (status == RK_E_NOMEM) return no_memory(e);
    if (status != RK_OK) return add_candidate(r, path, reason.text, e);
    RK_TRY(add_candidate(r, path, "loaded", e));
    r->candidates[r->n_candidates - 1].name = table->name;
    r->candidates[r->n_candidates - 1].version = table->version;
    return add_items(r, table, e);
}

static int is_plugin(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 3 && strcmp(d->d_name + n - 3, ".so") == 0;
}

/* By bytes: alphasort would depend on the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static rk_status add_folder(rk_registry *r, const char *folder, rk_error *e)
{
    struct dirent **found = NULL;
    char path[PATH_MAX], real[PATH_MAX];
    rk_error reason = rk_error_new();
    rk_status status = RK_OK;
    if (rk_plugin_trust(folder, &reason) != RK_OK) return add_candidate(r, folder, reason.text, e);
    int n = scandir(folder, &found, is_plugin, by_bytes);
    if (n < 0) return add_candidate(r, folder, "the folder cannot be read", e);
    for (int i = 0; i < n; i++) {
        int length = snprintf(path, sizeof path, "%s/%s", folder, found[i]->d_name);
        bool fits = length > 0 && (size_t)length < sizeof path;
        if (status == RK_OK && fits)
            status = realpath(path, real) ? add_file(r, real, e)
                                          : add_candidate(r, path, "a link to nowhere", e);
        free(found[i]);
    }
    free(found);
    return status;
}

/* A file or a folder that somebody named. */
static rk_status add_path(rk_registry *r, const char *path, rk_error *e)
{
    struct stat s;
    char real[PATH_MAX];
    if (!realpath(path, real) || stat(real, &s) != 0)
        return add_candidate(r, path, "no such file or folder", e);
    return S_ISDIR(s.st_mode) ? add_folder(r, real, e) : add_file(r, real, e);
}

static rk_status add_list(rk_registry *r, const char *list, rk_error *e)
{
    char path[PATH_MAX];
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n > 0 && n < sizeof path) {
            memcpy(path, list, n);
            path[n] = '\0';
            RK_TRY(add_path(r, path, e));
        }
        list += n + (list[n] == ':');
    }
    return RK_OK;
}

/* The folder beside the shared library that this code is part of. */
static rk_status add_installed(rk_registry *r, rk_error *e)
{
    static const char anchor = 0;
    Dl_info info;
    char real[PATH_MAX], folder[PATH_MAX + sizeof INSTALLED];
    struct stat s;
    if (!dladdr(&anchor, &info) || !realpath(info.dli_fname, real)) return RK_OK;
    snprintf(folder, sizeof folder, "%.*s" INSTALLED, (int)(strrchr(real, '/') + 1 - real), real);
    return stat(folder, &s) == 0 ? add_path(r, folder, e) : RK_OK;
}

static int by_kind_and_name(const void *a, const void *b)
{
    const rk_item *x = *(const rk_item *const *)a, *y = *(const rk_item *const *)b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return strcmp(x->name, y->name);
}

static rk_status sort_items(rk_registry *r, rk_error *e)
{
    if (r->n_items) qsort(r->items, r->n_items, sizeof *r->items, by_kind_and_name);
    for (uint32_t i = 1; i < r->n_items; i++) {
        const rk_item *a = r->items[i - 1], *b = r->items[i];
        if (by_kind_and_name(&a, &b) != 0) continue;
        return RK_FAIL(e, RK_E_INVALID, "two plugins have the %s %s: %s and %s; remove one of them",
                       rk_kind_name(a->kind), a->name, rk_registry_file(r, a),
                       rk_registry_file(r, b));
    }
    return RK_OK;
}

static rk_status fill(rk_registry *r, const char *const *extra, uint32_t n, rk_error *e)
{
    for (uint32_t i = 0; i < n; i++) RK_TRY(add_path(r, extra[i], e));
    RK_TRY(add_list(r, getenv("RETHINK_PLUGIN_PATH"), e));
    RK_TRY(add_installed(r, e));
    return sort_items(r, e);
}

rk_status rk_registry_new(const char *const *extra, uint32_t n, rk_registry **out, rk_error *e)
{
    rk_registry *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return no_memory(e);
    rk_status status = fill(r, extra, n, e);
    if (status == RK_OK)
        *out = r;
    else
        rk_registry_free(r);
    return status;
}

void rk_registry_free(rk_registry *r)
{
    if (!r) return;
    for (uint32_t i = 0; i < r->n_candidates; i++) {
        free((char *)(uintptr_t)r->candidates[i].path); /* ours, const for readers */
        free((char *)(uintptr_t)r->candidates[i].reason);
    }
    for (uint32_t i = 0; i < r->n_items; i++) free(r->entries[i]);
    free(r->candidates);
    free(r->seen);
    free(r->entries);
    free(r->items);
    free(r);
}

uint32_t rk_registry_candidates(const rk_registry *r, const rk_plugin_candidate **out)
{
    *out = r->candidates;
    return r->n_candidates;
}

uint32_t rk_registry_items(const rk_registry *r, const rk_item *const **out)
{
    *out = r->items;
    return r->n_items;
}

const char *rk_registry_file(const rk_registry *r, const rk_item *item)
{
    for (uint32_t i = 0; i < r->n_items; i++)
        if (&r->entries[i]->item == item) return r->candidates[r->entries[i]->candidate].path;
    return "";
}
