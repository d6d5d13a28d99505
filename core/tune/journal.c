#include "tune/journal.h"
#include "base/os.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Texts, each ended by a newline: none of them has one. */
enum { TEXTS = 5, BYTES = 1024 };

static rk_status failed(const char *what, rk_error *e)
{
    return RK_FAIL(e, RK_E_IO, "cannot %s the tuner's journal: %s", what, strerror(errno));
}

static void copy(char *to, size_t cap, const char *from, size_t n)
{
    snprintf(to, cap, "%.*s", (int)n, from);
}

/* A journal that was only half written says nothing. */
static void parse(const char *text, rk_journal_left *w)
{
    char *const to[TEXTS] = {w->backend, w->device, w->driver, w->class, w->choice};
    const size_t cap[TEXTS] = {sizeof w->backend, sizeof w->device, sizeof w->driver,
                               sizeof w->class, sizeof w->choice};
    *w = (rk_journal_left){.backend = ""};
    for (int i = 0; i < TEXTS; i++) {
        size_t n = strcspn(text, "\n");
        if (!text[n] || n >= cap[i]) {
            *w = (rk_journal_left){.backend = ""};
            return;
        }
        copy(to[i], cap[i], text, n);
        text += n + 1;
    }
}

static rk_status open_file(const char *path, int *fd, rk_error *e)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0)
        return RK_FAIL(e, RK_E_IO,
                       "cannot open the tuner's journal %s: %s (--tuning names another "
                       "database)",
                       path, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return RK_OK;
    int why = errno;
    close(*fd);
    *fd = -1;
    if (why != EWOULDBLOCK) return RK_FAIL(e, RK_E_IO, "cannot lock %s: %s", path, strerror(why));
    return RK_FAIL(e, RK_E_INVALID,
                   "another 'rethink tune' works on %s: wait for it, or name another "
                   "database with --tuning",
                   path);
}

rk_status rk_journal_open(const char *database, rk_journal *out, bool *left, rk_journal_left *what,
                          rk_error *e)
{
    char path[RK_PATH_MAX], text[BYTES + 1] = "";
    out->fd = -1;
    *left = false;
    if (snprintf(path, sizeof path, "%s.journal", database) >= (int)sizeof path)
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", database);
    char *slash = strrchr(path, '/');
    if (slash && slash != path) {
        *slash = '\0';
        RK_TRY(rk_os_mkdirs(path, e));
        *slash = '/';
    }
    RK_TRY(open_file(path, &out->fd, e));
    ssize_t n = pread(out->fd, text, BYTES, 0);
    if (n < 0) return failed("read", e);
    text[n] = '\0';
    *left = n > 0;
    parse(text, what);
    return RK_OK;
}

rk_status rk_journal_begin(const rk_journal *j, const rk_tuning_key *key, const char *class,
                           const char *choice, rk_error *e)
{
    char text[BYTES];
    int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n", key->backend, key->device,
                     key->driver, class, choice);
    if (n < 0 || n >= (int)sizeof text)
        return RK_FAIL(e, RK_E_INVALID, "the names of %.60s are too long", key->device);
    if (ftruncate(j->fd, 0) != 0 || pwrite(j->fd, text, (size_t)n, 0) != n || fsync(j->fd) != 0)
        return failed("write", e);
    return RK_OK;
}

rk_status rk_journal_end(const rk_journal *j, rk_error *e)
{
    return ftruncate(j->fd, 0) == 0 ? RK_OK : failed("empty", e);
}

void rk_journal_close(rk_journal *j)
{
    if (j->fd >= 0) close(j->fd);
    j->fd = -1;
}
