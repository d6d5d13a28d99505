#include "base/os.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 40, NAMES_MAX = 100 };

bool rk_os_join(char *out, const char *folder, const char *name)
{
    int n = snprintf(out, RK_PATH_MAX, "%s/%s", folder, name);
    return n >= 0 && n < RK_PATH_MAX;
}

static rk_status make_dir(const char *path, rk_error *e)
{
    struct stat s;
    if (mkdir(path, 0777) == 0) return RK_OK;
    int why = errno;
    if (why == EEXIST && stat(path, &s) == 0 && S_ISDIR(s.st_mode)) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "cannot make the folder %s: %s", path,
                   strerror(why == EEXIST ? ENOTDIR : why));
}

rk_status rk_os_mkdirs(const char *path, rk_error *e)
{
    char part[RK_PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof part) return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", path);
    memcpy(part, path, n + 1);
    for (char *slash = strchr(part + 1, '/'); n && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        RK_TRY(make_dir(part, e));
        *slash = '/';
    }
    return make_dir(path, e);
}

static bool write_all(int fd, const void *data, size_t bytes)
{
    const char *p = data;
    while (bytes) {
        ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* Network and shared file systems have no folders that can be synced, or even opened. */
static bool cannot_sync(int why)
{
    return why == EINVAL || why == ENOSYS || why == ENOTSUP || why == EACCES;
}

rk_status rk_os_sync_folder(const char *path, rk_error *e)
{
    char folder[RK_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int why = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) close(fd);
    if (!why || cannot_sync(why)) return RK_OK;
    return RK_FAIL(e, RK_E_IO, "cannot sync the folder of %s: %s", path, strerror(why));
}

static rk_status cannot_write(const char *path, int why, rk_error *e)
{
    return RK_FAIL(e, RK_E_IO, "cannot write %s: %s", path, strerror(why));
}

static rk_status too_long(const char *path, rk_error *e)
{
    return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", path);
}

/* 0, or errno: a pipe that nobody reads any more is a failure like others, and no signal that ends
 * the process. */
static int write_unsignalled(int fd, const void *data, size_t bytes)
{
    const struct timespec no_wait = {0};
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    int why = write_all(fd, data, bytes) ? 0 : errno;
    if (why == EPIPE && !sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe, NULL, &no_wait);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return why;
}

/* Devices, pipes and the like stay what they are. */
static rk_status write_into(const char *path, const void *data, size_t bytes, rk_error *e)
{
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return cannot_write(path, errno, e);
    int why = write_unsignalled(fd, data, bytes);
    if (close(fd) != 0 && !why) why = errno;
    return why ? cannot_write(path, why, e) : RK_OK;
}

/* What a path stands for into out[RK_PATH_MAX]: the last link may lead to what is not there yet. */
static rk_status follow_links(const char *path, char *out, rk_error *e)
{
    char target[RK_PATH_MAX];
    if ((size_t)snprintf(out, RK_PATH_MAX, "%s", path) >= RK_PATH_MAX) return too_long(path, e);
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t n = readlink(out, target, sizeof target - 1);
        if (n < 0) return RK_OK;
        target[n] = '\0';
        char *slash = target[0] == '/' ? NULL : strrchr(out, '/');
        size_t folder = slash ? (size_t)(slash + 1 - out) : 0;
        if (folder + (size_t)n >= RK_PATH_MAX) return too_long(path, e);
        memcpy(out + folder, target, (size_t)n + 1);
    }
    return cannot_write(path, ELOOP, e);
}

/* Opens a new hidden file beside another, with the mode that the umask leaves; its name is put into
 * temp[RK_PATH_MAX]. */
static rk_status open_beside(const char *path, char *temp, int *fd, rk_error *e)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    for (int i = 0; i < NAMES_MAX; i++) {
        int n = snprintf(temp, RK_PATH_MAX, "%.*s.%s.%llx", folder, path, path + folder,
                         (unsigned long long)rk_os_now_ns());
        if (n < 0 || n >= RK_PATH_MAX) return too_long(path, e);
        *fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0) return RK_OK;
        if (errno != EEXIST) break;
    }
    return cannot_write(path, errno, e);
}

/* mode: of the file that is there, 0 if none is. */
static rk_status replace(const char *path, mode_t mode, const void *data, size_t bytes, rk_error *e)
{
    char temp[RK_PATH_MAX];
    int fd = -1;
    RK_TRY(open_beside(path, temp, &fd, e));
    bool good =
        write_all(fd, data, bytes) && fsync(fd) == 0 && (!mode || fchmod(fd, mode & 0777) == 0);
    int why = errno;
    if (close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && rename(temp, path) != 0) {
        good = false;
        why = errno;
    }
    if (good) return rk_os_sync_folder(path, e);
    unlink(temp);
    return cannot_write(path, why, e);
}

rk_status rk_os_write_atomic(const char *path, const void *data, size_t bytes, rk_error *e)
{
    char real[RK_PATH_MAX];
    struct stat s;
    int why = stat(path, &s) == 0 ? 0 : errno;
    if (why && why != ENOENT) return cannot_write(path, why, e);
    if (!why && !S_ISREG(s.st_mode)) return write_into(path, data, bytes, e);
    RK_TRY(follow_links(path, real, e));
    return replace(real, why ? 0 : s.st_mode, data, bytes, e);
}

bool rk_os_cache_dir(char *out)
{
    const char *own = getenv("RETHINK_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n = -1;
    if (own && *own)
        n = strcmp(own, "off") == 0 ? -1 : snprintf(out, RK_PATH_MAX, "%s", own);
    else if (cache && *cache == '/')
        n = snprintf(out, RK_PATH_MAX, "%s/rethink", cache);
    else if (home && *home == '/')
        n = snprintf(out, RK_PATH_MAX, "%s/.cache/rethink", home);
    return n >= 0 && n < RK_PATH_MAX;
}

int rk_os_lock(int fd, bool against_all, int ms)
{
    enum { EVERY_MS = 20 };
    int how = (against_all ? LOCK_EX : LOCK_SH) | LOCK_NB;
    for (int waited = 0; flock(fd, how) != 0; waited += EVERY_MS) {
        if (errno != EWOULDBLOCK || waited >= ms) return errno;
        usleep(EVERY_MS * 1000);
    }
    return 0;
}

uint64_t rk_os_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
