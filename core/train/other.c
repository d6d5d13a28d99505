/* Which run another run means. */
#include "base/text.h"
#include "train/config.h"
#include "train/diagnose.h"
#include "train/results_db.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void rk_label_without_seed(char *label)
{
    for (char *p = label; *p;) {
        size_t n = strcspn(p, ",");
        size_t next = n + (p[n] == ',') + (p[n] == ',' && p[n + 1] == ' ');
        if (strncmp(p, "seed=", 5) != 0) {
            p += next;
            continue;
        }
        if (p[n])
            memmove(p, p + next, strlen(p + next) + 1);
        else
            p[p > label + 1 ? -2 : 0] = '\0'; /* with the ", " before it */
        return;
    }
}

static rk_status weights_of(const rk_results *r, int64_t id, char *path, size_t cap, rk_error *e)
{
    int n = snprintf(path, cap, "%s.runs/%lld/weights.safetensors", r->path, (long long)id);
    if (n < 0 || (size_t)n >= cap)
        return RK_FAIL(e, RK_E_INVALID, "the path %.100s... is too long", r->path);
    if (access(path, R_OK) == 0) return RK_OK;
    return RK_FAIL(e, RK_E_INVALID,
                   "run %lld has no weights (%s): it has not come to its end, or its folder is not "
                   "here",
                   (long long)id, path);
}

/* Scale and changes of a run, as its configuration says. */
static bool same_study(const char *a, const char *b)
{
    rk_config x, y;
    json_t *of_x = NULL, *of_y = NULL;
    bool same = rk_config_read(a, &x, &of_x, NULL) == RK_OK &&
                rk_config_read(b, &y, &of_y, NULL) == RK_OK && strcmp(x.scale, y.scale) == 0 &&
                strcmp(x.changed, y.changed) == 0;
    json_decref(of_x);
    json_decref(of_y);
    return same;
}

/* Whether a row (id, variant, config) is of this label and of the study of the run. */
static bool is_it(sqlite3_stmt *s, const rk_run_record *run, const char *label)
{
    char variant[256];
    const char *text = (const char *)sqlite3_column_text(s, 1);
    const char *config = (const char *)sqlite3_column_text(s, 2);
    snprintf(variant, sizeof variant, "%s", text ? text : "");
    rk_label_without_seed(variant);
    return strcmp(variant, label) == 0 && config && same_study(config, run->config);
}

static rk_status find(rk_results *r, const rk_run_record *run, const char *label, int64_t *id,
                      rk_error *e)
{
    sqlite3_stmt *s;
    *id = 0;
    RK_TRY(rk_results_prepare(r,
                              "SELECT id, variant, config FROM runs WHERE preset = ?1 AND seed = "
                              "?2 AND status = 'done' ORDER BY device = ?3 DESC, id DESC",
                              &s, e));
    sqlite3_bind_text(s, 1, run->preset, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)run->seed);
    sqlite3_bind_text(s, 3, run->device, -1, SQLITE_STATIC);
    int code = sqlite3_step(s);
    for (; code == SQLITE_ROW && !*id; code = sqlite3_step(s))
        if (is_it(s, run, label)) *id = sqlite3_column_int64(s, 0);
    rk_status status = *id || code == SQLITE_DONE ? RK_OK : rk_results_error(r, "reading:", e);
    sqlite3_finalize(s);
    return status;
}

rk_status rk_other_run(rk_results *r, const rk_run_record *run, const char *other, char *path,
                       size_t cap, rk_error *e)
{
    int64_t id = 0;
    if (rk_parse_i64(other, &id)) return weights_of(r, id, path, cap, e);
    if (!run->preset[0])
        return RK_FAIL(e, RK_E_INVALID,
                       "'%.64s' is no run: give a number, or for a run of a preset the label of "
                       "another variant",
                       other);
    RK_TRY(find(r, run, other, &id, e));
    if (id) return weights_of(r, id, path, cap, e);
    return RK_FAIL(e, RK_E_INVALID,
                   "%s has no finished run of variant '%.64s' of %s with seed %llu: it must come "
                   "before (after = %s in the preset)",
                   r->path, other, run->preset, (unsigned long long)run->seed, other);
}
