/* Expressions of claims.  SQLite parses and computes them, in an empty database in memory: presets
 * come from strangers, so that nothing but arithmetic and our own functions is let through. */
#include "base/error.h"
#include "base/text.h"
#include "cli/calculator.h"
#include "cli/measure.h"
#include "data/names.h"
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 100, LENGTH_MAX = 4000 };

static const char *const builtin[] = {
    "abs",  "exp",      "ln",     "max",     "min", "pow",      "round", "sqrt",        "at",
    "axis", "spearman", "lowest", "highest", "auc", "easiness", "found", "memorization"};

/* ---- functions ------------------------------------------------------------------------------- */

const char *rk_calculator_text(sqlite3_value *v)
{
    const char *text = (const char *)sqlite3_value_text(v);
    return text ? text : "";
}

void rk_calculator_give(sqlite3_context *ctx, double value)
{
    if (isnan(value))
        sqlite3_result_null(ctx);
    else
        sqlite3_result_double(ctx, value);
}

static bool fine(sqlite3_context *ctx, rk_status status, const rk_error *e)
{
    if (status != RK_OK) sqlite3_result_error(ctx, e->text, -1);
    return status == RK_OK;
}

bool rk_calculator_run(sqlite3_context *ctx, const rk_calculator *c, const char *label,
                       uint32_t *run)
{
    rk_error e = rk_error_new();
    return fine(ctx, rk_study_label(c->study, label, &e), &e) && c->study->runs &&
           rk_study_find(c->study, label, c->seed, run);
}

static void measure(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const rk_binding *b = sqlite3_user_data(ctx);
    const char *label = rk_calculator_text(v[0]);
    uint32_t run;
    (void)n;
    if (!rk_calculator_run(ctx, b->c, label, &run)) return;
    double value = rk_measure_value(b->c->study->runs, run, b->measure);
    rk_calculator_note(b->c, b->measure, label, value);
    rk_calculator_give(ctx, value);
}

static void at(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    rk_error e = rk_error_new();
    uint32_t run;
    (void)n;
    if (!fine(ctx, rk_measure_epoch_check(rk_calculator_text(v[0]), &e), &e)) return;
    if (!rk_calculator_run(ctx, c, rk_calculator_text(v[1]), &run)) return;
    double value =
        rk_measure_at(c->study->runs, run, rk_calculator_text(v[0]), sqlite3_value_int64(v[2]));
    char label[160];
    snprintf(label, sizeof label, "%s, then", rk_calculator_text(v[1]));
    rk_calculator_note(c, rk_calculator_text(v[0]), label, value);
    rk_calculator_give(ctx, value);
}

/* False after an error, and where the runs lack it: they may be older than the claim. */
static bool is_found(sqlite3_context *ctx, rk_calculator *c, const char *name)
{
    rk_error e = rk_error_new();
    rk_status status = rk_study_found_check(c->study, name, &e);
    if (status != RK_E_UNSUPPORTED) return fine(ctx, status, &e);
    char *list = strstr(e.text, "; known: ");
    if (list) *list = '\0'; /* a cell of a table has no room for it */
    if (!c->missing[0]) snprintf(c->missing, sizeof c->missing, "%.300s", e.text);
    return false;
}

/* found('hessian.lambda_max', 'label'): what a diagnostic found of the label's run. */
static void found(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    const char *name = rk_calculator_text(v[0]), *label = rk_calculator_text(v[1]);
    uint32_t run;
    (void)n;
    if (!is_found(ctx, c, name)) return;
    if (!rk_calculator_run(ctx, c, label, &run)) return;
    double value = rk_measure_value(c->study->runs, run, name);
    rk_calculator_note(c, name, label, value);
    rk_calculator_give(ctx, value);
}

static void axis(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const rk_calculator *c = sqlite3_user_data(ctx);
    uint32_t run;
    (void)n;
    if (rk_calculator_run(ctx, c, rk_calculator_text(v[1]), &run))
        rk_calculator_give(ctx, rk_measure_axis(c->study->runs, run, rk_calculator_text(v[0])));
}

/* Values of a measure over the labels that match; false after an error. */
typedef struct column {
    double *x, *y, *rank_x, *rank_y; /* room for all labels */
    uint32_t n;
    bool whole; /* every label that matches has a value */
} column;

static bool make_column(sqlite3_context *ctx, rk_calculator *c, column *out)
{
    const size_t n = c->study->n_labels;
    double *room = rk_pool_array(&c->pool, 4 * n + 1, sizeof *room);
    *out = (column){.whole = true};
    if (!room) sqlite3_result_error_nomem(ctx);
    if (!room) return false;
    double **const arrays[] = {&out->x, &out->y, &out->rank_x, &out->rank_y};
    for (size_t i = 0; i < 4; i++) *arrays[i] = room + i * n;
    return true;
}

static bool is_measure(sqlite3_context *ctx, rk_calculator *c, const char *name)
{
    rk_error e = rk_error_new();
    if (strchr(name, '.')) return is_found(ctx, c, name);
    return fine(ctx, rk_measure_check(name, &e), &e);
}

static bool collect(sqlite3_context *ctx, rk_calculator *c, const char *name, const char *parameter,
                    const char *pattern, column *out)
{
    const rk_study *s = c->study;
    rk_error e = rk_error_new();
    uint32_t matches = 0, run;
    if (!is_measure(ctx, c, name) || !make_column(ctx, c, out)) return false;
    for (uint32_t i = 0; i < s->n_labels; i++) {
        if (fnmatch(pattern, s->label[i], 0) != 0) continue;
        matches++;
        if (!s->runs || !rk_study_find(s, s->label[i], c->seed, &run)) {
            out->whole = false;
            continue;
        }
        out->y[out->n] = rk_measure_value(s->runs, run, name);
        out->x[out->n] = parameter ? rk_measure_axis(s->runs, run, parameter) : 0;
        rk_calculator_note(c, name, s->label[i], out->y[out->n]);
        out->whole = out->whole && !isnan(out->x[out->n]) && !isnan(out->y[out->n]);
        out->n++;
    }
    if (matches) return true;
    fine(ctx, RK_FAIL(&e, RK_E_INVALID, "no variant matches '%.64s'", pattern), &e);
    return false;
}

/* Ranks from 1; equal values share the mean of theirs. */
static void rank(const double *x, uint32_t n, double *out)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t below = 0, equal = 0;
        for (uint32_t k = 0; k < n; k++) {
            below += x[k] < x[i];
            equal += !(x[k] < x[i]) && !(x[k] > x[i]);
        }
        out[i] = below + (equal + 1) / 2.0;
    }
}

static double correlation(const double *x, const double *y, uint32_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (uint32_t i = 0; i < n; i++) {
        mx += x[i];
        my += y[i];
    }
    mx /= n; /* of ranks this is exact: equal ones have no spread */
    my /= n;
    for (uint32_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

/* C. Spearman, "The proof and measurement of association between two things", 1904. */
static void spearman(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    column t;
    if (!collect(ctx, c, rk_calculator_text(v[0]), rk_calculator_text(v[1]),
                 n > 2 ? rk_calculator_text(v[2]) : "*", &t))
        return;
    if (!t.whole || t.n < 2) return;
    rank(t.x, t.n, t.rank_x);
    rank(t.y, t.n, t.rank_y);
    double value = correlation(t.rank_x, t.rank_y, t.n);
    rk_calculator_note(c, "rank correlation", "", value);
    rk_calculator_give(ctx, value);
}

static void extreme(sqlite3_context *ctx, sqlite3_value **v, double sign)
{
    rk_calculator *c = sqlite3_user_data(ctx);
    column t;
    if (!collect(ctx, c, rk_calculator_text(v[0]), NULL, rk_calculator_text(v[1]), &t) || !t.whole)
        return;
    double value = t.y[0];
    for (uint32_t i = 1; i < t.n; i++)
        if (sign * t.y[i] > sign * value) value = t.y[i];
    rk_calculator_give(ctx, value);
}

static void lowest(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void)n;
    extreme(ctx, v, -1);
}

static void highest(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    (void)n;
    extreme(ctx, v, 1);
}

/* ---- the calculator -------------------------------------------------------------------------- */

static bool known_function(const char *name)
{
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (sqlite3_stricmp(name, builtin[i]) == 0) return true;
    return rk_measure_check(name, NULL) == RK_OK;
}

static int allow(void *user, int action, const char *a, const char *b, const char *c, const char *d)
{
    rk_calculator *self = user;
    (void)a, (void)c, (void)d;
    if (action == SQLITE_SELECT) return self->selects++ == 0 ? SQLITE_OK : SQLITE_DENY;
    if (action == SQLITE_FUNCTION && b && known_function(b)) return SQLITE_OK;
    return SQLITE_DENY;
}

static int add_functions(rk_calculator *c)
{
    static const struct {
        const char *name;
        int arguments;
        void (*f)(sqlite3_context *, int, sqlite3_value **);
    } own[] = {{"at", 3, at},
               {"axis", 2, axis},
               {"found", 2, found},
               {"spearman", 2, spearman},
               {"spearman", 3, spearman},
               {"lowest", 2, lowest},
               {"highest", 2, highest}};
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof own / sizeof *own; i++)
        code = sqlite3_create_function_v2(c->db, own[i].name, own[i].arguments, SQLITE_UTF8, c,
                                          own[i].f, NULL, NULL, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < RK_MEASURES_MAX && rk_measure_name(i); i++) {
        c->binding[i] = (rk_binding){c, rk_measure_name(i)};
        code = sqlite3_create_function_v2(c->db, c->binding[i].measure, 1, SQLITE_UTF8,
                                          &c->binding[i], measure, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? rk_calculator_add_scores(c) : code;
}

rk_status rk_calculator_new(rk_calculator **out, rk_error *e)
{
    rk_calculator *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return RK_FAIL(e, RK_E_NOMEM, "no memory for expressions");
    int code = sqlite3_open_v2(":memory:", &c->db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) code = add_functions(c);
    if (code == SQLITE_OK) code = sqlite3_set_authorizer(c->db, allow, c);
    if (code == SQLITE_OK) {
        sqlite3_limit(c->db, SQLITE_LIMIT_EXPR_DEPTH, DEPTH_MAX);
        sqlite3_limit(c->db, SQLITE_LIMIT_SQL_LENGTH, LENGTH_MAX);
        sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
        sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
        *out = c;
        return RK_OK;
    }
    rk_calculator_free(c);
    return RK_FAIL(e, RK_E_NOMEM, "expressions: %s", sqlite3_errstr(code));
}

void rk_calculator_free(rk_calculator *c)
{
    if (!c) return;
    sqlite3_close(c->db);
    rk_pool_free(&c->pool);
    free(c);
}

static rk_status wrong(const rk_calculator *c, const char *text, const char *why, rk_error *e)
{
    static const char missing[] = "no such function: ";
    const char *known[RK_MEASURES_MAX + sizeof builtin / sizeof *builtin];
    char hint[160] = "";
    size_t n = 0;
    if (strncmp(why, missing, sizeof missing - 1) == 0) {
        for (; n < RK_MEASURES_MAX && rk_measure_name(n); n++) known[n] = rk_measure_name(n);
        for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++) known[n++] = builtin[i];
        rk_name_hint(why + sizeof missing - 1, known, n, hint, sizeof hint);
    }
    (void)c;
    return RK_FAIL(e, RK_E_INVALID, "'%.120s' is no expression: %s%s", text, why, hint);
}

static rk_status prepare(rk_calculator *c, const char *text, sqlite3_stmt **s, rk_error *e)
{
    const char *rest = "";
    char *sql = sqlite3_mprintf("SELECT (%s\n)", text); /* the line ends a comment */
    if (!sql) return RK_FAIL(e, RK_E_NOMEM, "no memory for an expression");
    c->selects = 0;
    int code = sqlite3_prepare_v2(c->db, sql, -1, s, &rest);
    bool one =
        code == SQLITE_OK && *s && !rest[strspn(rest, " \n\t")] && sqlite3_column_count(*s) == 1;
    sqlite3_free(sql);
    if (one) return RK_OK;
    rk_status status =
        wrong(c, text, code == SQLITE_OK ? "one value is wanted" : sqlite3_errmsg(c->db), e);
    sqlite3_finalize(*s);
    return status;
}

rk_status rk_calculate(rk_calculator *c, const rk_study *s, uint64_t seed, const char *text,
                       double *out, rk_error *e)
{
    sqlite3_stmt *statement = NULL;
    c->study = s;
    c->seed = seed;
    *out = NAN;
    RK_TRY(prepare(c, text, &statement, e));
    int code = sqlite3_step(statement);
    rk_status status = RK_OK;
    if (code != SQLITE_ROW)
        status = wrong(c, text, sqlite3_errmsg(c->db), e);
    else if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
        *out = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return status;
}
