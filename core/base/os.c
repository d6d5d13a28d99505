#include "base/os.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
    return fsync(fd) == 0;
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

rk_status rk_os_write_atomic(const char *path, const void *data, size_t bytes, rk_error *e)
{
    char temp[RK_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash + 1 - path) : 0;
    int n = snprintf(temp, sizeof temp, "%.*s.%s.XXXXXX", folder, path, path + folder);
    if (n < 0 || (size_t)n >= sizeof temp)
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) return RK_FAIL(e, RK_E_IO, "cannot write %s: %s", path, strerror(errno));
    bool good = write_all(fd, data, bytes) && fchmod(fd, 0644) == 0;
    int why = errno;
    if (close(fd) != 0 && good) {
        good = false;
        why = errno;
    }
    if (good && rename(temp, path) != 0) {
        good = false;
        why = errno;
    }
    if (!good) {
        unlink(temp);
        return RK_FAIL(e, RK_E_IO, "cannot write %s: %s", path, strerror(why));
    }
    return rk_os_sync_folder(path, e);
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

uint64_t rk_os_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
