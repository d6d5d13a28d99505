/* runs.h: the runs of a results file in memory, and their fields by name. */
#ifndef RK_CLI_RUNS_H
#define RK_CLI_RUNS_H
#include "cli/cli.h"
#include "train/found.h"
#include "train/measures.h"

typedef struct rk_runs {
    uint32_t n;
    rk_run_record **run;       /* [n], ids ascending */
    rk_epoch_record **history; /* [n][epochs[i]]; NULL if not asked for */
    uint32_t *epochs;
    rk_found_list *found; /* [n], with the history */
    char *path;           /* of the file */
    bool with_history;
} rk_runs;

/* Every run of the file, or those of a preset.  One that is recorded as running, and that no
 * process trains, is stopped.  On failure *out is empty. */
rk_status rk_runs_load(const char *path, const char *preset, bool history, rk_runs *out,
                       rk_error *e);
/* One run with its history; text is its number, or "last". */
rk_status rk_runs_load_one(const char *path, const char *text, rk_runs *out, rk_error *e);
/* Reads the points of the curves that diagnostics found, too. */
rk_status rk_runs_load_points(rk_runs *r, rk_error *e);
void rk_runs_free(rk_runs *r);
/* Which of two runs of one thing counts: true if a was started later, or at the same time and has
 * the higher id.  Ids alone tell the order in which files were merged. */
bool rk_run_later(const rk_run_record *a, const rk_run_record *b);

/* A field of a record: how it is called in JSON and CSV, and where it is. */
typedef struct rk_field {
    const char *name;
    enum {
        RK_FIELD_TEXT,
        RK_FIELD_WHOLE,
        RK_FIELD_COUNT, /* a whole number that is not there if it is 0 */
        RK_FIELD_REAL,
        RK_FIELD_JSON,
        RK_FIELD_HEX
    } type;
    const char *group; /* of runs: the section of 'show' */
    size_t offset;
} rk_field;
const rk_field *rk_run_fields(size_t *n);
const rk_field *rk_epoch_fields(size_t *n);
/* Of rk_run_measures. */
const rk_field *rk_measure_fields(size_t *n);
/* A text without characters, or a number that is not finite. */
bool rk_field_empty(const rk_field *field, const void *record);
/* As text for people; RK_FIELD_JSON as stored. */
void rk_field_print(FILE *f, const rk_field *field, const void *record);
/* A run with all its fields, and if its epochs were asked for with its measures, what diagnostics
 * found under "diagnostics" and the epochs under "history"; all runs.  NULL without memory. */
json_t *rk_run_json(const rk_runs *r, uint32_t i);
json_t *rk_runs_json(const rk_runs *r);

/* "true labels", "random labels", "shuffled pixels", ... for a randomize column; else a copy of it.
 * Into out, cut to cap bytes. */
void rk_randomize_title(const char *randomize, char *out, size_t cap);
/* The spec without the parameters that are the same in all runs of the same item: column is the
 * offset of a text in rk_run_record.  Into out, cut to cap bytes. */
void rk_runs_brief(const rk_runs *r, uint32_t i, size_t column, char *out, size_t cap);
#endif
