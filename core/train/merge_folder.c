#include "train/merge_folder.h"
#include "base/error.h"
#include "base/os.h"
#include "train/safetensors.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTES_MAX = 32, DEPTH_MAX = 16 };

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS);
}

static rk_status path_of(char out[RK_PATH_MAX], const char *results, const char *below, int64_t run,
                         rk_error *e)
{
    int n = snprintf(out, RK_PATH_MAX, "%s.runs%s", results, below);
    if (run && n >= 0 && n < RK_PATH_MAX)
        n += snprintf(out + n, RK_PATH_MAX - (size_t)n, "/%lld", (long long)run);
    if (n >= 0 && n < RK_PATH_MAX) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", results);
}

#define STAGE "/.merging"

rk_status rk_stage_open(const char *results, rk_error *e)
{
    char path[RK_PATH_MAX];
    RK_TRY(path_of(path, results, STAGE, 0, e));
    remove_tree(path);
    return rk_os_mkdirs(path, e);
}

/* ---- copies ---------------------------------------------------------------------------------- */

typedef struct source {
    const rk_safetensors *file;
    const rk_stored *tensors;
} source;

static rk_status fill(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    const source *s = ctx;
    return rk_safetensors_read(s->file, &s->tensors[i], dst, e);
}

/* The same tensors and notes, but for the number of the run. */
static rk_status copy_tensors(const char *from, const char *to, int64_t run, rk_error *e)
{
    char number[32];
    rk_note notes[NOTES_MAX];
    rk_safetensors *file;
    RK_TRY(rk_safetensors_open(from, &file, e));
    source s = {.file = file};
    uint32_t n = rk_safetensors_list(file, &s.tensors);
    uint32_t m = rk_safetensors_notes(file, notes, NOTES_MAX);
    rk_status status = RK_OK;
    if (m > NOTES_MAX)
        status = RK_FAIL(e, RK_E_INVALID, "%s has more than %d notes", from, (int)NOTES_MAX);
    snprintf(number, sizeof number, "%lld", (long long)run);
    for (uint32_t i = 0; i < m && i < NOTES_MAX; i++)
        if (strcmp(notes[i].key, "run") == 0) notes[i].text = number;
    if (status == RK_OK) status = rk_safetensors_write(to, s.tensors, n, notes, m, fill, &s, e);
    rk_safetensors_close(file);
    return status;
}

/* Until the end of the file; 0, or errno. */
static int pump(int from, int to)
{
    char bytes[1 << 16];
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n == 0) return fsync(to) == 0 ? 0 : errno;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        for (ssize_t done = 0; done < n;) {
            ssize_t put = write(to, bytes + done, (size_t)(n - done));
            if (put < 0 && errno != EINTR) return errno;
            if (put > 0) done += put;
        }
    }
}

static rk_status copy_bytes(const char *from, const char *to, rk_error *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return RK_FAIL(e, RK_E_IO, "cannot open %s: %s", from, strerror(errno));
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int why = out < 0 ? errno : pump(in, out);
    close(in);
    if (out >= 0 && close(out) != 0 && !why) why = errno;
    if (!why) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "cannot copy %s: %s%s", from, strerror(why),
                   why == ENOSPC ? ": free some space" : "");
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static rk_status copy_file(const char *from, const char *to, const char *name, int64_t run,
                           rk_error *e)
{
    char source[RK_PATH_MAX], target[RK_PATH_MAX];
    struct stat s;
    if (!rk_os_join(source, from, name) || !rk_os_join(target, to, name))
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", from);
    /* What was being written when a process was killed is of no use. */
    if (ends_with(name, ".tmp") || stat(source, &s) != 0 || !S_ISREG(s.st_mode)) return RK_OK;
    if (ends_with(name, ".safetensors")) return copy_tensors(source, target, run, e);
    return copy_bytes(source, target, e);
}

/* The next name in a folder that is not hidden; NULL at its end, or if it cannot be read so far:
 * then *why is errno. */
static const char *next_name(DIR *d, int *why)
{
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(d);
    } while (entry && entry->d_name[0] == '.');
    *why = entry ? 0 : errno;
    return entry ? entry->d_name : NULL;
}

static rk_status unreadable(const char *folder, int why, rk_error *e)
{
    return RK_FAIL(e, RK_E_IO, "cannot read the folder %s: %s", folder, strerror(why));
}

rk_status rk_stage_copy(const char *results, const char *source, int64_t from, int64_t to,
                        bool *found, rk_error *e)
{
    char old[RK_PATH_MAX], new[RK_PATH_MAX];
    *found = false;
    RK_TRY(path_of(old, source, "", from, e));
    RK_TRY(path_of(new, results, STAGE, to, e));
    DIR *d = opendir(old);
    if (!d && errno == ENOENT) return RK_OK;
    if (!d) return unreadable(old, errno, e);
    remove_tree(new);
    int why = 0;
    rk_status status = rk_os_mkdirs(new, e);
    for (const char *name; status == RK_OK && (name = next_name(d, &why));)
        status = copy_file(old, new, name, to, e);
    if (status == RK_OK && why) status = unreadable(old, why, e);
    closedir(d);
    *found = status == RK_OK;
    return status;
}

rk_status rk_stage_move(const char *results, int64_t to, rk_error *e)
{
    char staged[RK_PATH_MAX], place[RK_PATH_MAX];
    RK_TRY(path_of(staged, results, STAGE, to, e));
    RK_TRY(path_of(place, results, "", to, e));
    /* As one act, where the file system knows how. */
    if (renameat2(AT_FDCWD, staged, AT_FDCWD, place, RENAME_EXCHANGE) == 0) return RK_OK;
    remove_tree(place);
    if (rename(staged, place) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "cannot make the folder %s: %s", place, strerror(errno));
}

rk_status rk_stage_lacks(const char *results, const char *source, int64_t from, int64_t to,
                         bool *lacks, rk_error *e)
{
    char old[RK_PATH_MAX], place[RK_PATH_MAX], file[RK_PATH_MAX];
    *lacks = false;
    RK_TRY(path_of(old, source, "", from, e));
    RK_TRY(path_of(place, results, "", to, e));
    int why = 0;
    DIR *d = opendir(old);
    for (const char *name; d && !*lacks && (name = next_name(d, &why));)
        *lacks =
            !ends_with(name, ".tmp") && rk_os_join(file, place, name) && access(file, F_OK) != 0;
    if (d) closedir(d);
    return why ? unreadable(old, why, e) : RK_OK;
}

void rk_stage_undo(const char *results, int64_t to)
{
    char place[RK_PATH_MAX];
    if (path_of(place, results, "", to, NULL) == RK_OK) remove_tree(place);
}

void rk_stage_close(const char *results)
{
    char path[RK_PATH_MAX];
    if (path_of(path, results, STAGE, 0, NULL) == RK_OK) remove_tree(path);
}
