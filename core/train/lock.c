#include "base/error.h"
#include "base/os.h"
#include "train/results.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { WAIT_MS = 5000, EVERY_MS = 20 };

rk_status rk_results_lock(const char *path, int *fd, rk_error *e)
{
    char folder[RK_PATH_MAX];
    *fd = -1;
    if (snprintf(folder, sizeof folder, "%s.runs", path) >= (int)sizeof folder)
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", path);
    RK_TRY(rk_os_mkdirs(folder, e));
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0)
        return RK_FAIL(e, RK_E_IO, "cannot open the folder %s: %s", folder, strerror(errno));
    for (int waited = 0; flock(lock, LOCK_EX | LOCK_NB) != 0; waited += EVERY_MS) {
        int why = errno;
        if (why == EWOULDBLOCK && waited < WAIT_MS) {
            usleep(EVERY_MS * 1000);
            continue;
        }
        close(lock);
        if (why != EWOULDBLOCK)
            return RK_FAIL(e, RK_E_IO, "cannot lock the folder %s: %s", folder, strerror(why));
        return RK_FAIL(e, RK_E_INVALID,
                       "%s: another sweep or merge works on it: wait for it, or name another file "
                       "with --out",
                       path);
    }
    *fd = lock;
    return RK_OK;
}
