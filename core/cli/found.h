/* found.h: what diagnostics found, for people and for programs. */
#ifndef RK_CLI_FOUND_H
#define RK_CLI_FOUND_H
#include "cli/runs.h"

/* Tables of the numbers and of what they cost, curves by name and length, notes.  digest is that of
 * the run's weights: what was measured of others is marked.  Nothing is printed of an empty
 * list. */
rk_status rk_found_print(const rk_found_list *l, const char *digest, FILE *f, rk_error *e);
/* "lambda_max 4.213, trace 33.1": the first numbers of one; into out, cut to cap bytes. */
void rk_found_brief(const rk_found *found, char *out, size_t cap);
/* "12.3 MiB" */
void rk_found_bytes(int64_t bytes, char *out, size_t cap);
/* An array of diagnostics, each with values, curves as lists of points, and notes.  NULL without
 * memory. */
json_t *rk_found_json(const rk_found_list *l, const char *digest);

/* Full names of everything that the runs found, as columns of a table: distinct, in order of first
 * appearance.  The texts are the pool's. */
rk_status rk_found_names(const rk_runs *r, rk_pool *pool, const char ***names, uint32_t *n,
                         rk_error *e);
/* Adds a copy of a text to such a list, unless it is there. */
rk_status rk_found_add_name(rk_pool *pool, const char *name, const char ***names, uint32_t *n,
                            rk_error *e);
/* "hessian"; where the list has several of it, with the parameters in which they differ:
 * "hessian:norm=batch".  Into out, cut to cap bytes. */
void rk_found_title(const rk_found_list *l, const rk_found *found, char *out, size_t cap);
/* A run's number by its full name; NaN if the run has none. */
double rk_found_of_run(const rk_runs *r, uint32_t run, const char *name);
#endif
