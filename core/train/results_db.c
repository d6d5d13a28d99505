/* The SQLite connection: opening, errors as one line with a remedy, small queries. */
#include "train/results_db.h"
#include "base/os.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 20000 };

static const char *remedy(int code)
{
    switch (code & 0xFF) {
    case SQLITE_READONLY:
        return "it is read-only: make it and its folder writable, or name another file with --out";
    case SQLITE_FULL: return "the disk is full: free some space, then go on with --resume";
    case SQLITE_NOTADB:
        return "it is not a results database: move it away or name another file with --out";
    case SQLITE_CORRUPT:
        return "it is damaged: restore a copy, or save what is left with 'sqlite3 FILE .recover'";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another process holds it: wait for it, or name another file";
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: return "check its path and permissions, or name another file with --out";
    default: return "check the disk";
    }
}

rk_status rk_results_error(const rk_results *r, const char *doing, rk_error *e)
{
    int code = sqlite3_extended_errcode(r->db);
    if ((code & 0xFF) == SQLITE_NOMEM)
        return RK_FAIL(e, RK_E_NOMEM, "no memory %s %s", doing, r->path);
    rk_status status =
        RK_FAIL(e, RK_E_IO, "%s: %s (%s %s)", r->path, remedy(code), doing, sqlite3_errmsg(r->db));
    if (e) e->native = code;
    return status;
}

rk_status rk_results_prepare(rk_results *r, const char *sql, sqlite3_stmt **out, rk_error *e)
{
    if (sqlite3_prepare_v2(r->db, sql, -1, out, NULL) == SQLITE_OK) return RK_OK;
    return rk_results_error(r, "reading:", e);
}

rk_status rk_results_prepare_built(rk_results *r, sqlite3_str *sql, sqlite3_stmt **out, rk_error *e)
{
    char *text = sqlite3_str_finish(sql);
    if (!text) return RK_FAIL(e, RK_E_NOMEM, "no memory to read or write %s", r->path);
    rk_status status = rk_results_prepare(r, text, out, e);
    sqlite3_free(text);
    return status;
}

rk_status rk_results_prepare_insert(rk_results *r, const char *verb, const char *table,
                                    const char *keys, const rk_column *columns, size_t n,
                                    sqlite3_stmt **out, rk_error *e)
{
    sqlite3_str *sql = sqlite3_str_new(r->db);
    size_t parameters = n;
    sqlite3_str_appendf(sql, "%s INTO %s (%s", verb, table, keys ? keys : "");
    for (const char *at = keys; at; at = strchr(at + 1, ',')) parameters++;
    for (size_t i = 0; i < n; i++)
        sqlite3_str_appendf(sql, "%s%s", i || keys ? ", " : "", columns[i].name);
    sqlite3_str_appendall(sql, ") VALUES (");
    for (size_t i = 0; i < parameters; i++) sqlite3_str_appendall(sql, i ? ", ?" : "?");
    sqlite3_str_appendall(sql, ")");
    return rk_results_prepare_built(r, sql, out, e);
}

rk_status rk_results_step(rk_results *r, sqlite3_stmt *s, const char *doing, rk_error *e)
{
    rk_status status = RK_OK;
    if (sqlite3_step(s) != SQLITE_DONE) status = rk_results_error(r, doing, e);
    sqlite3_finalize(s);
    return status;
}

rk_status rk_results_exec(rk_results *r, const char *sql, const char *doing, rk_error *e)
{
    if (sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK) return RK_OK;
    return rk_results_error(r, doing, e);
}

rk_status rk_results_number(rk_results *r, const char *sql, int64_t *out, rk_error *e)
{
    sqlite3_stmt *s;
    rk_status status = RK_OK;
    RK_TRY(rk_results_prepare(r, sql, &s, e));
    if (sqlite3_step(s) == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else
        status = rk_results_error(r, "reading:", e);
    sqlite3_finalize(s);
    return status;
}

/* What SQLite would only call "unable to open database file". */
static rk_status check_path(const char *path, bool read_only, rk_error *e)
{
    struct stat s;
    const char *slash = strrchr(path, '/');
    if (stat(path, &s) == 0) {
        if (S_ISREG(s.st_mode)) return RK_OK;
        return RK_FAIL(e, RK_E_IO, "%s is %s: a results database is a file", path,
                       S_ISDIR(s.st_mode) ? "a folder" : "a device");
    }
    if (read_only && errno == ENOENT)
        return RK_FAIL(e, RK_E_IO, "%s does not exist: 'rethink run --out %s' makes it", path,
                       path);
    if (errno != ENOENT && errno != ENOTDIR)
        return RK_FAIL(e, RK_E_IO, "%s cannot be reached: %s", path, strerror(errno));
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;
    rk_status status = RK_OK;
    if (slash && !folder)
        status = RK_FAIL(e, RK_E_NOMEM, "no memory to open %s", path);
    else if (folder && (stat(folder, &s) != 0 || !S_ISDIR(s.st_mode)))
        status = RK_FAIL(e, RK_E_IO, "the folder %s of the results file does not exist: make it",
                         folder);
    free(folder);
    return status;
}

/* The mode is kept in the file, which must be ours. */
static rk_status write_ahead(rk_results *r, rk_error *e)
{
    bool empty;
    RK_TRY(rk_results_exec(r, "BEGIN", "opening:", e)); /* another process may be making it */
    rk_status status = rk_results_check(r, false, &empty, e);
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    RK_TRY(status);
    /* FULL: a row that was reported is on the disk, whatever happens to the machine. */
    return rk_results_exec(r, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                           "opening:", e);
}

/* Bytes of the file whose name is that of another with an end; -1: it is not there. */
static int64_t bytes_beside(const char *path, const char *end)
{
    struct stat s;
    char beside[RK_PATH_MAX + 16];
    snprintf(beside, sizeof beside, "%s%s", path, end);
    return stat(beside, &s) == 0 ? (int64_t)s.st_size : -1;
}

/* To read a file in WAL mode, SQLite makes an index of its log beside it.  In a folder that may not
 * be written it can do without only if it is told that the file does not change, which is so if
 * there is no log. */
static rk_status is_still(const char *path, bool *still, rk_error *e)
{
    char real[PATH_MAX], folder[PATH_MAX];
    *still = false;
    if (!realpath(path, real)) return RK_OK;
    snprintf(folder, sizeof folder, "%s", real);
    if (access(dirname(folder), W_OK) == 0) return RK_OK;
    bool log = bytes_beside(real, "-wal") > 0;
    *still = !log && bytes_beside(real, "-journal") <= 0;
    if (!log || bytes_beside(real, "-shm") >= 0) return RK_OK;
    return RK_FAIL(e, RK_E_IO,
                   "%s: its last rows are in %s-wal, and its folder is read-only: copy both files "
                   "to a folder of yours, and read the copy",
                   path, path);
}

static char *uri_of(const char *path)
{
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendall(s, *path == '/' ? "file://" : "file:");
    for (; *path; path++)
        if (strchr("%?#", *path))
            sqlite3_str_appendf(s, "%%%02X", (unsigned)*path);
        else
            sqlite3_str_appendchar(s, 1, *path);
    sqlite3_str_appendall(s, "?immutable=1");
    return sqlite3_str_finish(s);
}

static rk_status open_still(rk_results *r, rk_error *e)
{
    char *uri = uri_of(r->path);
    if (!uri) return RK_FAIL(e, RK_E_NOMEM, "no memory to open %s", r->path);
    int code = sqlite3_open_v2(uri, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    sqlite3_free(uri);
    return code == SQLITE_OK ? RK_OK : rk_results_error(r, "opening:", e);
}

static rk_status connect_to(rk_results *r, bool read_only, rk_error *e)
{
    bool still = false;
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (read_only) RK_TRY(is_still(r->path, &still, e));
    if (still) return open_still(r, e);
    if (sqlite3_open_v2(r->path, &r->db, flags, NULL) == SQLITE_OK) return RK_OK;
    return rk_results_error(r, "opening:", e);
}

static rk_status open_file(rk_results *r, bool read_only, rk_error *e)
{
    RK_TRY(check_path(r->path, read_only, e));
    RK_TRY(connect_to(r, read_only, e));
    sqlite3_busy_timeout(r->db, BUSY_MS);
    /* SQLite opens a write-protected file for reading without a word. */
    if (!read_only && sqlite3_db_readonly(r->db, "main") == 1)
        return RK_FAIL(e, RK_E_IO,
                       "%s: it is read-only: make it and its folder writable, or name another "
                       "file with --out",
                       r->path);
    RK_TRY(rk_results_exec(r, "PRAGMA foreign_keys = ON", "opening:", e));
    if (!read_only) RK_TRY(write_ahead(r, e));
    return rk_results_schema(r, read_only, e);
}

rk_status rk_results_open(const char *path, bool read_only, rk_results **out, rk_error *e)
{
    rk_results *r = calloc(1, sizeof *r);
    *out = NULL;
    if (r) r->path = strdup(path);
    if (!r || !r->path) {
        free(r);
        return RK_FAIL(e, RK_E_NOMEM, "no memory to open %s", path);
    }
    rk_status status = open_file(r, read_only, e);
    if (status == RK_OK)
        *out = r;
    else
        rk_results_close(r);
    return status;
}

void rk_results_close(rk_results *r)
{
    if (!r) return;
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}

const char *rk_results_path(const rk_results *r) { return r->path; }
