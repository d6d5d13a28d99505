/* Where presets are. */
#include "base/os.h"
#include "cli/preset.h"
#include "data/names.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KNOWN_MAX = 256 };

/* Folders of presets, and the names found in them. */
typedef struct search {
    rk_pool pool;
    const char *wanted;
    char found[RK_PATH_MAX]; /* the first file of that name; "" if none */
    const char *known[KNOWN_MAX];
    uint32_t n_known;
} search;

static void add_known(search *s, const char *file)
{
    size_t n = strlen(file);
    if (n < 5 || strcmp(file + n - 4, ".ini") != 0 || s->n_known == KNOWN_MAX) return;
    char *name = rk_pool_string(&s->pool, file);
    if (!name) return;
    name[n - 4] = '\0';
    s->known[s->n_known++] = name;
}

static void look_in(search *s, const char *folder)
{
    char path[RK_PATH_MAX], file[128];
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *entry; (entry = readdir(d));) add_known(s, entry->d_name);
    closedir(d);
    snprintf(file, sizeof file, "%s.ini", s->wanted);
    if (s->found[0] || !rk_os_join(path, folder, file) || access(path, R_OK) != 0) return;
    strcpy(s->found, path);
}

static void look_in_list(search *s, const char *list)
{
    char folder[RK_PATH_MAX];
    while (list && *list) {
        size_t n = strcspn(list, ":");
        if (n && n < sizeof folder) {
            memcpy(folder, list, n);
            folder[n] = '\0';
            look_in(s, folder);
        }
        list += n + (list[n] == ':');
    }
}

/* RK_PRESETS_FROM_BIN: from the folder of the program to that of the presets. */
static void look_in_installed(search *s)
{
    char folder[RK_PATH_MAX + sizeof RK_PRESETS_FROM_BIN];
    ssize_t n = readlink("/proc/self/exe", folder, RK_PATH_MAX - 1);
    if (n <= 0) return;
    folder[n] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash) return;
    strcpy(slash + 1, RK_PRESETS_FROM_BIN);
    look_in(s, folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static rk_status unknown(search *s, rk_error *e)
{
    char hint[RK_HINT_MAX];
    qsort(s->known, s->n_known, sizeof *s->known, by_name);
    rk_name_hint(s->wanted, s->known, s->n_known, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no preset '%.64s'%s%s", s->wanted, hint,
                   s->n_known ? "" : " (RETHINK_PRESET_PATH names more folders)");
}

rk_status rk_preset_load(const char *name, rk_preset *out, rk_error *e)
{
    search s = {.wanted = name};
    rk_status status;
    if (!rk_name_valid(name))
        return RK_FAIL(e, RK_E_INVALID,
                       "'%.64s' is no name of a preset: lower-case letters, digits, - and _", name);
    look_in_list(&s, getenv("RETHINK_PRESET_PATH"));
    look_in_installed(&s);
    status = s.found[0] ? rk_preset_read(s.found, name, out, e) : unknown(&s, e);
    rk_pool_free(&s.pool);
    return status;
}
