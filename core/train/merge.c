/* Two steps: all files into one of the stage, and that one, in one transaction, into the target. */
#include "train/merge.h"
#include "base/os.h"
#include "train/merge_folder.h"
#include "train/merge_rows.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a run of the stage came from. */
typedef struct origin {
    const char *path;
    int64_t id;
} origin;

typedef struct moved {
    int64_t id;
    bool update;
} moved;

typedef struct merger {
    const char *path; /* of the target, whatever the file that is written is called */
    void (*said)(const char *text);
    rk_merged *out;
    bool benches_only;
    const char *source; /* the file being read in the first step */
    origin *origin;     /* [by number in the stage] */
    size_t n_origins;
    moved *moves; /* folders that wait in the stage */
    size_t n_moves;
    char stage[RK_PATH_MAX], part[RK_PATH_MAX], fresh[RK_PATH_MAX]; /* paths of databases */
} merger;

static rk_status no_memory(const merger *m, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory to merge into %s", m->path);
}

static void say_twins(const merger *m, origin a, origin b)
{
    char text[512];
    m->out->conflicting++;
    if (!m->said) return;
    snprintf(text, sizeof text,
             "run %lld of %s and run %lld of %s began as the same run and have different digests: "
             "both are kept",
             (long long)a.id, a.path, (long long)b.id, b.path);
    m->said(text);
}

/* ---- the first step: into the stage ---------------------------------------------------------- */

static rk_status each_of_file(void *ctx, rk_merge_act act, int64_t from, int64_t to, int64_t twin,
                              rk_error *e)
{
    merger *m = ctx;
    origin here = {m->source, from};
    if ((size_t)to >= m->n_origins) {
        size_t n = 2 * (size_t)to + 16;
        origin *longer = realloc(m->origin, n * sizeof *longer);
        if (!longer) return no_memory(m, e);
        m->origin = longer;
        m->n_origins = n;
    }
    if (act == RK_MERGE_KNOWN || act == RK_MERGE_UPDATED) m->out->known++;
    if (act != RK_MERGE_KNOWN) m->origin[to] = here;
    if (twin) say_twins(m, here, m->origin[twin]);
    return RK_OK;
}

static rk_status check_sound(rk_results *r, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "PRAGMA quick_check(1)", &s, e));
    bool sound = sqlite3_step(s) == SQLITE_ROW;
    if (sound) sound = strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return sound ? RK_OK : RK_FAIL(e, RK_E_IO, "damaged");
}

/* A copy as of one moment, whoever writes to the file. */
static rk_status snapshot(rk_results *from, const char *to, rk_error *e)
{
    sqlite3 *db = NULL;
    rk_status status = RK_OK;
    unlink(to);
    int code = sqlite3_open_v2(to, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *b =
        code == SQLITE_OK ? sqlite3_backup_init(db, "main", from->db, "main") : NULL;
    code = b ? sqlite3_backup_step(b, -1) : SQLITE_CANTOPEN;
    if (b) sqlite3_backup_finish(b);
    if (code != SQLITE_DONE)
        status = RK_FAIL(e, RK_E_IO, "%s: copying it to %s failed: %s", from->path, to,
                         sqlite3_errstr(code));
    sqlite3_close(db);
    return status;
}

/* One line that says which file is at fault, and what to do about it. */
static rk_status refuse(const char *path, const rk_error *why, rk_error *e)
{
    int code = why->native & 0xFF;
    if (code == SQLITE_NOTADB)
        return RK_FAIL(e, RK_E_INVALID, "%s is not a results database: leave it out", path);
    if (code == SQLITE_CORRUPT || strcmp(why->text, "damaged") == 0)
        return RK_FAIL(e, RK_E_IO,
                       "%s is damaged: leave it out, or save what is left with 'sqlite3 FILE "
                       ".recover'",
                       path);
    return RK_FAIL(e, why->code, "%s", why->text);
}

/* A run that was killed at once leaves an empty file. */
static rk_status is_filled(const char *path, bool *filled, rk_error *e)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return RK_FAIL(e, RK_E_IO, "%s cannot be merged: %s", path, strerror(errno));
    *filled = !S_ISREG(s.st_mode) || s.st_size > 0;
    return RK_OK;
}

static rk_status check_file(const char *path, rk_error *e)
{
    bool filled = false;
    rk_results *r = NULL;
    rk_error why = rk_error_new();
    RK_TRY(is_filled(path, &filled, e));
    if (!filled) return RK_OK;
    rk_status status = rk_results_open(path, true, &r, &why);
    if (status == RK_OK) status = check_sound(r, &why);
    rk_results_close(r);
    return status == RK_OK ? RK_OK : refuse(path, &why, e);
}

/* The part: the file's runs, in the newest schema. */
static rk_status make_part(const merger *m, const char *path, rk_error *e)
{
    rk_results *r = NULL;
    rk_error why = rk_error_new();
    rk_status status = rk_results_open(path, true, &r, &why);
    if (status == RK_OK) status = snapshot(r, m->part, &why);
    rk_results_close(r);
    if (status != RK_OK) return refuse(path, &why, e);
    RK_TRY(rk_results_open(m->part, false, &r, e)); /* brings it up */
    rk_results_close(r);
    return RK_OK;
}

static rk_status attach(rk_results *r, const char *path, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare(r, "ATTACH ? AS part", &s, e));
    sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
    return rk_results_step(r, s, "merging into:", e);
}

/* Benches that are in several files are known already; the rest is decided in the target. */
static rk_status merge_benches(merger *m, rk_results *r, bool first_step, rk_error *e)
{
    rk_merge_counts n = {0};
    RK_TRY(rk_merge_benches(r, &n, e));
    m->out->benches_known += n.known + (first_step ? n.updated : 0);
    if (first_step) return RK_OK;
    m->out->benches_added += n.added;
    m->out->benches_updated += n.updated;
    return RK_OK;
}

/* Rows are merged as one transaction, and the part let go. */
static rk_status merge_attached(rk_results *r, const char *part, rk_merge_each each, merger *m,
                                rk_status (*before_commit)(merger *m, rk_error *e), rk_error *e)
{
    RK_TRY(attach(r, part, e));
    rk_status status = rk_results_exec(r, "BEGIN IMMEDIATE", "merging into:", e);
    if (status == RK_OK && !m->benches_only) status = rk_merge_rows(r, each, m, e);
    if (status == RK_OK) status = merge_benches(m, r, before_commit == NULL, e);
    if (status == RK_OK && before_commit) status = before_commit(m, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", "merging into:", e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_exec(r->db, "DETACH part", NULL, NULL, NULL);
    return status;
}

static rk_status gather_file(merger *m, rk_results *stage, const char *path, rk_error *e)
{
    bool filled = false;
    RK_TRY(is_filled(path, &filled, e));
    if (!filled) return RK_OK;
    m->source = path;
    RK_TRY(make_part(m, path, e));
    return merge_attached(stage, m->part, each_of_file, m, NULL, e);
}

static rk_status gather(merger *m, const char *const *from, uint32_t n, rk_error *e)
{
    rk_results *stage;
    RK_TRY(rk_results_open(m->stage, false, &stage, e));
    rk_status status = RK_OK;
    for (uint32_t i = 0; i < n && status == RK_OK; i++) status = gather_file(m, stage, from[i], e);
    rk_results_close(stage);
    return status;
}

/* ---- the second step: into the target -------------------------------------------------------- */

static rk_status stage_folder(merger *m, origin from, int64_t to, bool update, rk_error *e)
{
    bool found;
    moved *longer = realloc(m->moves, (m->n_moves + 1) * sizeof *longer);
    if (!longer) return no_memory(m, e);
    m->moves = longer;
    RK_TRY(rk_stage_copy(m->path, from.path, from.id, to, &found, e));
    if (found) m->moves[m->n_moves++] = (moved){to, update};
    return RK_OK;
}

static rk_status each_of_stage(void *ctx, rk_merge_act act, int64_t from, int64_t to, int64_t twin,
                               rk_error *e)
{
    merger *m = ctx;
    origin source = m->origin[from];
    bool lacks = false;
    if (twin) say_twins(m, source, (origin){m->path, twin});
    m->out->added += act == RK_MERGE_ADDED;
    m->out->updated += act == RK_MERGE_UPDATED;
    m->out->known += act == RK_MERGE_KNOWN;
    if (act == RK_MERGE_KNOWN)
        RK_TRY(rk_stage_lacks(m->path, source.path, source.id, to, &lacks, e));
    if (act == RK_MERGE_KNOWN && !lacks) return RK_OK;
    return stage_folder(m, source, to, act != RK_MERGE_ADDED, e);
}

/* Folders of new runs are there before their rows: no row is without its folder.  Those of runs
 * that were there stay until the rows are further, so that no checkpoint is ahead of its rows.  One
 * may be whose run went on between the copies of rows and folder: it is refused, not resumed. */
static rk_status move_folders(merger *m, bool updates, rk_error *e)
{
    for (size_t i = 0; i < m->n_moves; i++)
        if (m->moves[i].update == updates) RK_TRY(rk_stage_move(m->path, m->moves[i].id, e));
    return RK_OK;
}

static rk_status move_new(merger *m, rk_error *e) { return move_folders(m, false, e); }

static void undo(const merger *m)
{
    for (size_t i = 0; i < m->n_moves; i++)
        if (!m->moves[i].update) rk_stage_undo(m->path, m->moves[i].id);
}

static void remove_database(const char *path)
{
    char beside[RK_PATH_MAX + 8];
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, ends[i]);
        unlink(beside);
    }
}

/* A target that is not there yet is made under another name. */
static rk_status finish(merger *m, rk_error *e)
{
    rk_results *r;
    bool there = access(m->path, F_OK) == 0;
    if (!there) remove_database(m->fresh);
    RK_TRY(rk_results_open(there ? m->path : m->fresh, false, &r, e));
    rk_status status = merge_attached(r, m->stage, each_of_stage, m, move_new, e);
    rk_results_close(r);
    if (status == RK_OK && !there && rename(m->fresh, m->path) != 0)
        status = RK_FAIL(e, RK_E_IO, "cannot make %s: %s", m->path, strerror(errno));
    if (status == RK_OK) return move_folders(m, true, e);
    undo(m);
    if (!there) remove_database(m->fresh);
    return status;
}

static rk_status check_files(const char *path, const char *const *from, uint32_t n, rk_error *e)
{
    struct stat target, s;
    bool there = stat(path, &target) == 0;
    for (uint32_t i = 0; i < n; i++) {
        if (there && stat(from[i], &s) == 0 && s.st_dev == target.st_dev &&
            s.st_ino == target.st_ino)
            return RK_FAIL(e, RK_E_INVALID, "%s is to be merged into itself: leave it out",
                           from[i]);
        RK_TRY(check_file(from[i], e));
    }
    return RK_OK;
}

/* What is refused is so before anything is made beside the target. */
static rk_status check_target(const char *path, rk_error *e)
{
    rk_results *r;
    if (access(path, F_OK) != 0) return RK_OK;
    RK_TRY(rk_results_open(path, false, &r, e));
    rk_results_close(r);
    return RK_OK;
}

static rk_status merge(merger *m, const char *const *from, uint32_t n, rk_error *e)
{
    const int room = RK_PATH_MAX;
    if (snprintf(m->stage, RK_PATH_MAX, "%s.runs/.merging/all.sqlite", m->path) >= room ||
        snprintf(m->part, RK_PATH_MAX, "%s.runs/.merging/part.sqlite", m->path) >= room ||
        snprintf(m->fresh, RK_PATH_MAX, "%s.new", m->path) >= room)
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", m->path);
    RK_TRY(rk_stage_open(m->path, e));
    rk_status status = gather(m, from, n, e);
    if (status == RK_OK) status = finish(m, e);
    rk_stage_close(m->path);
    return status;
}

static rk_status locked(merger *m, const char *const *from, uint32_t n, rk_error *e)
{
    int lock;
    *m->out = (rk_merged){0};
    RK_TRY(check_files(m->path, from, n, e));
    RK_TRY(check_target(m->path, e));
    RK_TRY(rk_results_lock(m->path, &lock, e));
    rk_status status = merge(m, from, n, e);
    if (status != RK_OK) rk_results_forget_folder(m->path);
    close(lock);
    free(m->origin);
    free(m->moves);
    return status;
}

rk_status rk_results_merge(const char *path, const char *const *from, uint32_t n,
                           void (*said)(const char *text), rk_merged *out, rk_error *e)
{
    merger m = {.path = path, .said = said, .out = out};
    return locked(&m, from, n, e);
}

rk_status rk_results_merge_benches(const char *path, const char *const *from, uint32_t n,
                                   rk_merged *out, rk_error *e)
{
    merger m = {.path = path, .out = out, .benches_only = true};
    return locked(&m, from, n, e);
}
