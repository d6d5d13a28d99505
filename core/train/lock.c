#include "base/error.h"
#include "base/os.h"
#include "train/results.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 5000 };

static rk_status path_of(const char *path, char folder[RK_PATH_MAX], rk_error *e)
{
    if (snprintf(folder, RK_PATH_MAX, "%s.runs", path) < RK_PATH_MAX) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", path);
}

/* The folder that was opened is no longer there if who had the lock forgot it. */
static bool is_at(int fd, const char *folder)
{
    struct stat held, there;
    return fstat(fd, &held) == 0 && stat(folder, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

rk_status rk_results_lock(const char *path, int *fd, rk_error *e)
{
    char folder[RK_PATH_MAX];
    *fd = -1;
    RK_TRY(path_of(path, folder, e));
    for (;;) {
        RK_TRY(rk_os_mkdirs(folder, e));
        int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock < 0 && errno == ENOENT) continue;
        if (lock < 0)
            return RK_FAIL(e, RK_E_IO, "cannot open the folder %s: %s", folder, strerror(errno));
        int why = rk_os_lock(lock, true, WAIT_MS);
        if (!why && is_at(lock, folder)) {
            *fd = lock;
            return RK_OK;
        }
        close(lock);
        if (why == EWOULDBLOCK)
            return RK_FAIL(e, RK_E_INVALID,
                           "%s: another sweep or merge works on it: wait for it, or name another "
                           "file with --out",
                           path);
        if (why) return RK_FAIL(e, RK_E_IO, "cannot lock the folder %s: %s", folder, strerror(why));
    }
}

void rk_results_forget_folder(const char *path)
{
    char folder[RK_PATH_MAX];
    if (path_of(path, folder, NULL) == RK_OK) rmdir(folder);
}
