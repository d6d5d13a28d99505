/* What diagnostics found, in the results database. */
#include "train/found.h"
#include "data/names.h"
#include "train/results_db.h"
#include <math.h>
#include <string.h>

#define FOUND(type, f)                                                                             \
    {                                                                                              \
#f, RK_COLUMN_##type, offsetof(rk_found, f), false, 4                                      \
    }
static const rk_column columns[] = {
    FOUND(TEXT, spec),    FOUND(TEXT, name),   FOUND(WHOLE, number), FOUND(TEXT, measured),
    FOUND(TEXT, digest),  FOUND(WHOLE, epoch), FOUND(TEXT, device),  FOUND(TEXT, device_name),
    FOUND(TEXT, version), FOUND(TEXT, error),  FOUND(REAL, seconds), FOUND(WHOLE, bytes)};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

const rk_column *rk_found_columns(size_t *n)
{
    *n = N_COLUMNS;
    return columns;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* [a-z0-9_]+ */
static bool is_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= RK_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static rk_status check_name(const char *what, const char *name, rk_error *e)
{
    if (is_name(name)) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "'%.70s' is no name of a %s: at most %d of a-z, 0-9 and _; mend the plugin",
                   name, what, (int)RK_NAME_MAX);
}

static rk_status check_values(const rk_found *f, rk_error *e)
{
    for (uint32_t i = 0; i < f->n_values; i++) {
        RK_TRY(check_name("number", f->value[i].name, e));
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(f->value[k].name, f->value[i].name) == 0)
                return RK_FAIL(e, RK_E_INVALID, "the number %s is reported twice: mend the plugin",
                               f->value[i].name);
    }
    return RK_OK;
}

/* Points of a curve follow each other or not; their names are compared with the last one's first,
 * since there may be many. */
static rk_status check_points(const rk_found *f, rk_error *e)
{
    for (uint32_t i = 0; i < f->n_points; i++)
        if (i == 0 || strcmp(f->point[i].curve, f->point[i - 1].curve) != 0)
            RK_TRY(check_name("curve", f->point[i].curve, e));
    return RK_OK;
}

rk_status rk_found_check(const rk_found *f, rk_error *e)
{
    const struct {
        uint32_t n, most;
        const char *what;
    } bounds[] = {{f->n_values, RK_FOUND_VALUES_MAX, "numbers"},
                  {f->n_points, RK_FOUND_POINTS_MAX, "points of curves"},
                  {f->n_notes, RK_FOUND_NOTES_MAX, "notes"}};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i].n > bounds[i].most)
            return RK_FAIL(e, RK_E_INVALID, "it reports %u %s, the most is %u: mend the plugin",
                           bounds[i].n, bounds[i].what, bounds[i].most);
    RK_TRY(check_values(f, e));
    return check_points(f, e);
}

static const char doing[] = "writing what a diagnostic found:";

/* A statement with the run and the spec as its first parameters. */
static rk_status prepare(rk_results *r, const char *sql, int64_t run, const char *spec,
                         sqlite3_stmt **out, rk_error *e)
{
    RK_TRY(rk_results_prepare(r, sql, out, e));
    sqlite3_bind_int64(*out, 1, run);
    sqlite3_bind_text(*out, 2, spec, -1, SQLITE_STATIC);
    return RK_OK;
}

static void bind_real(sqlite3_stmt *s, int i, double x)
{
    if (isnan(x))
        sqlite3_bind_null(s, i);
    else
        sqlite3_bind_double(s, i, x);
}

/* One row of a list; the run and the spec are bound. */
static bool put_row(sqlite3_stmt *s, uint32_t position)
{
    sqlite3_bind_int64(s, 3, position);
    bool good = sqlite3_step(s) == SQLITE_DONE;
    return sqlite3_reset(s) == SQLITE_OK && good;
}

static void bind_value(sqlite3_stmt *s, const rk_found *f, uint32_t i)
{
    sqlite3_bind_text(s, 4, f->value[i].name, -1, SQLITE_STATIC);
    bind_real(s, 5, f->value[i].value);
}

static void bind_point(sqlite3_stmt *s, const rk_found *f, uint32_t i)
{
    const rk_found_point *p = &f->point[i];
    sqlite3_bind_text(s, 4, p->curve, -1, SQLITE_STATIC);
    bind_real(s, 5, p->x);
    bind_real(s, 6, p->y);
    bind_real(s, 7, p->z);
}

static void bind_note(sqlite3_stmt *s, const rk_found *f, uint32_t i)
{
    size_t n = strnlen(f->note[i], RK_FOUND_NOTE_MAX);
    sqlite3_bind_text(s, 4, f->note[i], (int)n, SQLITE_STATIC);
}

static rk_status put_list(rk_results *r, int64_t run, const rk_found *f, const char *sql,
                          void (*bind)(sqlite3_stmt *, const rk_found *, uint32_t), uint32_t n,
                          rk_error *e)
{
    sqlite3_stmt *s;
    bool good = true;
    RK_TRY(prepare(r, sql, run, f->spec, &s, e));
    for (uint32_t i = 0; i < n && good; i++) {
        bind(s, f, i);
        good = put_row(s, i);
    }
    rk_status status = good ? RK_OK : rk_results_error(r, doing, e);
    sqlite3_finalize(s);
    return status;
}

/* The first column of a query with the run and the spec; *found is false if it has no row. */
static rk_status number_of(rk_results *r, const char *sql, int64_t run, const rk_found *f,
                           int64_t *out, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(prepare(r, sql, run, f->spec, &s, e));
    if (sqlite3_bind_parameter_count(s) > 2) sqlite3_bind_text(s, 3, f->digest, -1, SQLITE_STATIC);
    rk_status status = RK_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else
        status = rk_results_error(r, doing, e);
    sqlite3_finalize(s);
    return status;
}

static rk_status put_head(rk_results *r, int64_t run, const rk_found *f, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(rk_results_prepare_insert(r, "INSERT", "diagnostics", "run", columns, N_COLUMNS, &s, e));
    int bad = sqlite3_bind_int64(s, 1, run);
    for (size_t i = 0; i < N_COLUMNS; i++) bad |= rk_column_bind(s, (int)i + 2, &columns[i], f);
    if (!bad) return rk_results_step(r, s, doing, e);
    sqlite3_finalize(s);
    return RK_FAIL(e, RK_E_NOMEM, "no memory to write to %s", r->path);
}

/* The lists leave with their head. */
static rk_status remove_old(rk_results *r, int64_t run, const rk_found *f, rk_error *e)
{
    sqlite3_stmt *s;
    RK_TRY(prepare(r, "DELETE FROM diagnostics WHERE run = ?1 AND spec = ?2", run, f->spec, &s, e));
    return rk_results_step(r, s, doing, e);
}

static rk_status put(rk_results *r, int64_t run, rk_found *f, bool *replaced, rk_error *e)
{
    int64_t older = 0, same = 0;
    RK_TRY(number_of(r,
                     "SELECT count(*) FROM diagnostics WHERE run = ?1 AND spec = ?2 AND error = ''",
                     run, f, &older, e));
    RK_TRY(number_of(r,
                     "SELECT count(*) FROM diagnostics WHERE run = ?1 AND spec = ?2 AND error = '' "
                     "AND digest = ?3",
                     run, f, &same, e));
    *replaced = older > 0;
    if (f->error[0] && same) return RK_OK;
    RK_TRY(number_of(r,
                     "SELECT 1 + coalesce(max(number), 0) FROM diagnostics WHERE run = ?1 AND spec "
                     "<> ?2",
                     run, f, &f->number, e));
    RK_TRY(remove_old(r, run, f, e));
    RK_TRY(put_head(r, run, f, e));
    RK_TRY(put_list(r, run, f, "INSERT INTO found_values VALUES (?, ?, ?, ?, ?)", bind_value,
                    f->n_values, e));
    RK_TRY(put_list(r, run, f, "INSERT INTO found_points VALUES (?, ?, ?, ?, ?, ?, ?)", bind_point,
                    f->n_points, e));
    return put_list(r, run, f, "INSERT INTO found_notes VALUES (?, ?, ?, ?)", bind_note, f->n_notes,
                    e);
}

rk_status rk_results_put_found(rk_results *r, int64_t run, rk_found *f, bool *replaced, rk_error *e)
{
    bool ignored;
    RK_TRY(rk_found_check(f, e));
    RK_TRY(rk_results_exec(r, "BEGIN IMMEDIATE", doing, e));
    rk_status status = put(r, run, f, replaced ? replaced : &ignored, e);
    if (status == RK_OK) status = rk_results_exec(r, "COMMIT", doing, e);
    if (status != RK_OK) sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What rows are read into. */
typedef struct reader {
    rk_results *r;
    rk_found_list *out;
    int64_t run;
    bool points;
    rk_error *e;
} reader;

static rk_status no_memory(const reader *x)
{
    return RK_FAIL(x->e, RK_E_NOMEM, "no memory to read %s", x->r->path);
}

static const char *text_of(const reader *x, sqlite3_stmt *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s, i);
    return rk_pool_string(&x->out->pool, text ? text : "");
}

static double real_of(sqlite3_stmt *s, int i)
{
    return sqlite3_column_type(s, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, i);
}

static rk_status add_head(const reader *x, sqlite3_stmt *s, rk_found *unused)
{
    rk_found_list *out = x->out;
    rk_found *list = rk_pool_longer(&out->pool, out->found, out->n, sizeof *list);
    (void)unused;
    if (!list) return no_memory(x);
    out->found = list;
    rk_found *f = &list[out->n];
    *f = (rk_found){0};
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (!rk_column_read(&out->pool, s, (int)i, &columns[i], f)) return no_memory(x);
    out->n++;
    return RK_OK;
}

static rk_status add_value(const reader *x, sqlite3_stmt *s, rk_found *f)
{
    rk_found_value *list = rk_pool_longer(&x->out->pool, f->value, f->n_values, sizeof *list);
    const char *name = text_of(x, s, 1);
    if (!list || !name) return no_memory(x);
    f->value = list;
    list[f->n_values++] = (rk_found_value){name, real_of(s, 2)};
    return RK_OK;
}

static rk_status add_point(const reader *x, sqlite3_stmt *s, rk_found *f)
{
    rk_found_point *list = rk_pool_longer(&x->out->pool, f->point, f->n_points, sizeof *list);
    const char *curve = (const char *)sqlite3_column_text(s, 1);
    bool again = f->n_points && curve && strcmp(f->point[f->n_points - 1].curve, curve) == 0;
    curve = again ? f->point[f->n_points - 1].curve : text_of(x, s, 1);
    if (!list || !curve) return no_memory(x);
    f->point = list;
    list[f->n_points++] = (rk_found_point){curve, real_of(s, 2), real_of(s, 3), real_of(s, 4)};
    return RK_OK;
}

static rk_status add_note(const reader *x, sqlite3_stmt *s, rk_found *f)
{
    const char **list = rk_pool_longer(&x->out->pool, f->note, f->n_notes, sizeof *list);
    const char *text = text_of(x, s, 1);
    if (!list || !text) return no_memory(x);
    f->note = list;
    list[f->n_notes++] = text;
    return RK_OK;
}

/* The diagnostic that a row of a list is of; rows come in its order. */
static rk_found *owner(const reader *x, sqlite3_stmt *s)
{
    const char *spec = (const char *)sqlite3_column_text(s, 0);
    for (uint32_t i = 0; spec && i < x->out->n; i++)
        if (strcmp(x->out->found[i].spec, spec) == 0) return &x->out->found[i];
    return NULL;
}

static rk_status read_all(const reader *x, sqlite3_stmt *s, bool heads,
                          rk_status (*add)(const reader *, sqlite3_stmt *, rk_found *))
{
    rk_status status = RK_OK;
    sqlite3_bind_int64(s, 1, x->run);
    int code = sqlite3_step(s);
    for (; status == RK_OK && code == SQLITE_ROW; code = sqlite3_step(s)) {
        rk_found *f = heads ? NULL : owner(x, s);
        if (heads || f) status = add(x, s, f);
    }
    if (status == RK_OK && code != SQLITE_DONE) status = rk_results_error(x->r, "reading:", x->e);
    sqlite3_finalize(s);
    return status;
}

static rk_status read_lists(const reader *x)
{
    static const struct {
        const char *sql;
        rk_status (*add)(const reader *, sqlite3_stmt *, rk_found *);
    } lists[] = {
        {"SELECT spec, name, value FROM found_values WHERE run = ? ORDER BY spec, position",
         add_value},
        {"SELECT spec, curve, x, y, z FROM found_points WHERE run = ? ORDER BY spec, position",
         add_point},
        {"SELECT spec, text FROM found_notes WHERE run = ? ORDER BY spec, position", add_note}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        sqlite3_stmt *s;
        if (lists[i].add == add_point && !x->points) continue;
        RK_TRY(rk_results_prepare(x->r, lists[i].sql, &s, x->e));
        RK_TRY(read_all(x, s, false, lists[i].add));
    }
    return RK_OK;
}

rk_status rk_results_found(rk_results *r, int64_t run, bool points, rk_found_list *out, rk_error *e)
{
    reader x = {.r = r, .out = out, .run = run, .points = points, .e = e};
    sqlite3_stmt *s;
    *out = (rk_found_list){0};
    if (r->schema < 4) return RK_OK;
    sqlite3_str *sql = sqlite3_str_new(r->db);
    for (size_t i = 0; i < N_COLUMNS; i++)
        sqlite3_str_appendf(sql, i ? ", %s" : "SELECT %s", columns[i].name);
    sqlite3_str_appendall(sql, " FROM diagnostics WHERE run = ? ORDER BY measured, number, spec");
    rk_status status = rk_results_prepare_built(r, sql, &s, e);
    if (status == RK_OK) status = read_all(&x, s, true, add_head);
    if (status == RK_OK && out->n) status = read_lists(&x);
    if (status != RK_OK) rk_found_list_free(out);
    return status;
}

void rk_found_list_free(rk_found_list *l)
{
    rk_pool_free(&l->pool);
    *l = (rk_found_list){0};
}
