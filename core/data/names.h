/* names.h: what names may look like, and which known name a wrong one was meant to be. */
#ifndef RK_DATA_NAMES_H
#define RK_DATA_NAMES_H
#include <stdbool.h>
#include <stddef.h>

#define RK_NAME_MAX 64

/* Lower-case letters, digits, '-' and '_', from a letter on, at most RK_NAME_MAX of them: so that
 * names need no quoting in specs, presets and tables.  NULL is not a name. */
bool rk_name_valid(const char *name);

/* Fewest insertions, deletions and replacements that turn a into b (V. Levenshtein, 1966); names
 * longer than RK_NAME_MAX count as far away. */
size_t rk_name_distance(const char *a, const char *b);

/* Room for a hint that leaves an error's text room for what it is about. */
enum { RK_HINT_MAX = 256 };
/* "; did you mean 'mlp'?  Known: linear, mlp" for the end of an error text; the question only if a
 * known name is near.  Of names that do not fit into cap bytes the number is told: "linear, mlp,
 * and 3 more". */
void rk_name_hint(const char *wrong, const char *const *known, size_t n, char *out, size_t cap);
#endif
