#include "list.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, ROOM = 64 };

static rk_status no_memory(rk_error *e)
{
    return rk_error_set(e, RK_E_NOMEM, "no memory for a list of images");
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **name, int64_t n)
{
    for (int64_t i = 0; i < n; i++) free(name[i]);
    free(name);
}

/* NULL at the end of a folder, or if it cannot be read so far: then *why is errno. */
static const struct dirent *next_entry(DIR *dir, int *why)
{
    errno = 0;
    const struct dirent *d = readdir(dir);
    *why = d ? 0 : errno;
    return d;
}

/* NULL without memory. */
static char **read_all(DIR *dir, int64_t *n, int *why)
{
    char **name = malloc(ROOM * sizeof *name);
    int64_t room = ROOM;
    *n = 0;
    for (const struct dirent *d; name && (d = next_entry(dir, why));) {
        if (d->d_name[0] == '.') continue;
        char *copy = strdup(d->d_name), **longer = name;
        if (*n == room) longer = realloc(name, (size_t)(room *= 2) * sizeof *name);
        if (longer) name = longer;
        if (!copy || !longer) {
            free(copy);
            free_names(name, *n);
            return NULL;
        }
        name[(*n)++] = copy;
    }
    return name;
}

/* The names of a folder in the order of their bytes; errors name the folder. */
static rk_status read_names(const char *path, char ***name, int64_t *n, rk_error *e)
{
    DIR *dir = opendir(path);
    if (!dir) return rk_error_set(e, RK_E_IO, "%s: %s", path, strerror(errno));
    int why = 0;
    *name = read_all(dir, n, &why);
    closedir(dir);
    if (!*name) return no_memory(e);
    if (why) {
        free_names(*name, *n);
        *name = NULL;
        return rk_error_set(e, RK_E_IO, "%s: cannot be read to its end: %s", path, strerror(why));
    }
    qsort(*name, (size_t)*n, sizeof **name, by_bytes);
    return RK_OK;
}

static rk_status expect(const char *folder, const char *name, bool is_folder, rk_error *e)
{
    char path[PATH_BYTES];
    struct stat s;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return rk_error_set(e, RK_E_INVALID, "%s: a path longer than %d bytes", name, PATH_BYTES);
    if (stat(path, &s) != 0) return rk_error_set(e, RK_E_IO, "%s: %s", path, strerror(errno));
    if (is_folder && !S_ISDIR(s.st_mode))
        return rk_error_set(e, RK_E_INVALID,
                            "%s: a file among the folders of classes: move it into one", path);
    if (!is_folder && !S_ISREG(s.st_mode))
        return rk_error_set(e, RK_E_INVALID, "%s: no file: a class's folder has images only", path);
    return RK_OK;
}

static rk_status append(listing *l, char **file, int64_t n, uint32_t label, rk_error *e)
{
    size_t all = (size_t)(l->n + n);
    char **longer = realloc(l->file, all * sizeof *longer);
    if (longer) l->file = longer;
    uint32_t *labels = longer ? realloc(l->label, all * sizeof *labels) : NULL;
    if (!labels) return no_memory(e);
    l->label = labels;
    memcpy(l->file + l->n, file, (size_t)n * sizeof *file);
    for (int64_t i = 0; i < n; i++) l->label[l->n + i] = label;
    l->n += n;
    return RK_OK;
}

static rk_status list_class(listing *l, uint32_t label, rk_error *e)
{
    char path[PATH_BYTES], **file;
    int64_t n;
    rk_status status = expect(l->folder, l->class[label], true, e);
    if (status != RK_OK) return status;
    snprintf(path, sizeof path, "%s/%s", l->folder, l->class[label]);
    status = read_names(path, &file, &n, e);
    if (status != RK_OK) return status;
    for (int64_t i = 0; i < n && status == RK_OK; i++) status = expect(path, file[i], false, e);
    if (status == RK_OK && n == 0)
        status = rk_error_set(e, RK_E_INVALID,
                              "%s: a class without images: put some in, or remove it", path);
    if (status == RK_OK) status = append(l, file, n, label, e);
    if (status == RK_OK)
        free(file); /* the names are the listing's */
    else
        free_names(file, n);
    return status;
}

rk_status list_folder(const char *folder, const char *set, listing *out, rk_error *e)
{
    char path[PATH_BYTES];
    int64_t classes = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, set) >= sizeof path)
        return rk_error_set(e, RK_E_INVALID, "path: longer than %d bytes", PATH_BYTES);
    out->folder = strdup(path);
    if (!out->folder) return no_memory(e);
    rk_status status = read_names(path, &out->class, &classes, e);
    if (status != RK_OK) return status;
    out->classes = (uint32_t)classes;
    for (uint32_t k = 0; k < out->classes && status == RK_OK; k++) status = list_class(out, k, e);
    if (status == RK_OK && classes < 2)
        status =
            rk_error_set(e, RK_E_INVALID, "%s: has %lld folders of classes, at least 2 are needed",
                         path, (long long)classes);
    return status;
}

void list_free(listing *l)
{
    if (l->class) free_names(l->class, l->classes);
    if (l->file) free_names(l->file, l->n);
    free(l->label);
    free(l->folder);
}
