/* found.h: what diagnostics found of runs, in the results database.
 *
 * Tables (since schema 4), keyed by the run and the diagnostic's canonical spec; rows leave with
 * their run, and each diagnostic is written as one transaction:
 *   diagnostics   run, spec ("hessian:norm=batch"), name ("hessian"), number (counts those
 *                 of the run), measured (UTC, ISO 8601, ms), digest (of the parameters that were
 *                 measured), epoch (after which), device (spec), device_name, version, error ("" or
 *                 why it failed; then there is nothing else of it), seconds, bytes (of device
 *                 memory, the most at once)
 *   found_values  run, spec, position, name, value (NULL: not measured)
 *   found_points  run, spec, position, curve, x, y, z (NULL of a curve in the plane)
 *   found_notes   run, spec, position, text
 *
 * Everywhere else a number is called DIAGNOSTIC.NAME, "hessian.lambda_max"; where a run has several
 * of one diagnostic, parameters tell them apart: "hessian:norm=batch.lambda_max".  Else the one
 * that was measured last counts.  What was measured of other weights than the run's last ones, as
 * of an unfinished run that went on, is kept and shown, but is no number of the run. */
#ifndef RK_TRAIN_FOUND_H
#define RK_TRAIN_FOUND_H
#include <stdbool.h>
#include "base/pool.h"
#include "train/results.h"

/* More than this a diagnostic may not report. */
enum { RK_FOUND_VALUES_MAX = 1000, RK_FOUND_POINTS_MAX = 100000, RK_FOUND_NOTES_MAX = 100 };
enum { RK_FOUND_NOTE_MAX = 500 }; /* bytes of a note */

typedef struct rk_found_value {
    const char *name;
    double value;
} rk_found_value;

typedef struct rk_found_point {
    const char *curve;
    double x, y, z; /* z: NaN of a curve in the plane */
} rk_found_point;

/* What one diagnostic found.  Texts and arrays belong to whoever made it. */
typedef struct rk_found {
    const char *spec, *name, *measured, *digest, *device, *device_name, *version, *error;
    int64_t number, epoch, bytes;
    double seconds;
    rk_found_value *value;
    rk_found_point *point;
    const char **note;
    uint32_t n_values, n_points, n_notes;
} rk_found;

/* All of one run, in order of measuring. */
typedef struct rk_found_list {
    rk_pool pool;
    rk_found *found;
    uint32_t n;
} rk_found_list;

/* Refuses bad names, names that come twice, and more than the bounds above. */
rk_status rk_found_check(const rk_found *f, rk_error *e);
/* Writes one, in place of an older one of the same spec; a failure replaces no success of the same
 * weights.  *replaced (may be NULL): there was one that had succeeded.  Sets f->number. */
rk_status rk_results_put_found(rk_results *r, int64_t run, rk_found *f, bool *replaced,
                               rk_error *e);
/* *out is empty for a run without diagnostics, and in files of older schemas.  Points of curves,
 * which may be many, only if they are wanted. */
rk_status rk_results_found(rk_results *r, int64_t run, bool points, rk_found_list *out,
                           rk_error *e);
void rk_found_list_free(rk_found_list *l);

/* ---- by name --------------------------------------------------------------------------------- */

/* "hessian:norm=batch.lambda_max" in two: the diagnostic with its parameters, and the rest behind
 * the last dot.  Refuses what is no such name. */
rk_status rk_found_split(const char *name, char *diagnostic, size_t cap, const char **rest,
                         rk_error *e);
/* True if the spec is the diagnostic's and has the parameters that `diagnostic` names. */
bool rk_found_matches(const char *spec, const char *diagnostic);
/* The diagnostic that was measured last of those that succeeded, match, and are of the weights with
 * this digest; NULL if there is none. */
const rk_found *rk_found_of(const rk_found_list *l, const char *diagnostic, const char *digest);
/* The value of a name; NaN if there is none. */
double rk_found_number(const rk_found_list *l, const char *name, const char *digest);
#endif
