/* Names of what diagnostics found, checked against a preset and its runs. */
#include "base/error.h"
#include "cli/study.h"
#include "data/names.h"
#include <string.h>

enum { KNOWN_MAX = 64 };

/* What is known of one kind of name. */
typedef struct known {
    const char *name[KNOWN_MAX];
    uint32_t n;
} known;

static void add(known *k, const char *name)
{
    for (uint32_t i = 0; i < k->n; i++)
        if (strcmp(k->name[i], name) == 0) return;
    if (k->n < KNOWN_MAX) k->name[k->n++] = name;
}

/* Names of items in "hessian:norm=batch+margins"; a '+' in front of a digit is an exponent's. */
static rk_status add_items(known *k, rk_pool *pool, const char *text, rk_error *e)
{
    char item[RK_NAME_MAX + 2];
    for (bool begin = true; *text; text++) {
        if (begin) {
            snprintf(item, sizeof item, "%.*s", (int)strcspn(text, ":+"), text);
            const char *copy = rk_pool_string(pool, item);
            if (!copy) return RK_FAIL(e, RK_E_NOMEM, "no memory for names");
            add(k, copy);
        }
        begin = text[0] == '+' && (text[1] < '0' || text[1] > '9');
    }
    return RK_OK;
}

static rk_status check_item(const rk_study *s, const char *diagnostic, rk_error *e)
{
    known items = {.n = 0};
    rk_pool pool = {0};
    char item[RK_NAME_MAX + 2], hint[RK_HINT_MAX];
    bool there = false;
    rk_status status = RK_OK;
    snprintf(item, sizeof item, "%.*s", (int)strcspn(diagnostic, ":"), diagnostic);
    for (uint32_t i = 0; status == RK_OK && i < s->n_diagnose; i++)
        status = add_items(&items, &pool, s->diagnose[i], e);
    for (uint32_t i = 0; i < items.n; i++) there = there || strcmp(items.name[i], item) == 0;
    rk_name_hint(item, items.name, items.n, hint, sizeof hint);
    if (status == RK_OK && !there)
        status =
            RK_FAIL(e, RK_E_INVALID, "no variant has the diagnostic '%s'%s (diagnose = %s adds it)",
                    item, items.n ? hint : "", item);
    rk_pool_free(&pool);
    return status;
}

static rk_status check_value(const rk_study *s, const char *diagnostic, const char *name,
                             rk_error *e)
{
    known names = {.n = 0};
    char hint[RK_HINT_MAX];
    for (uint32_t i = 0; i < s->n_runs; i++) {
        const rk_found_list *l = &s->runs->found[s->run[i]];
        for (uint32_t k = 0; k < l->n; k++) {
            const rk_found *f = &l->found[k];
            if (f->error[0] || !rk_found_matches(f->spec, diagnostic)) continue;
            for (uint32_t v = 0; v < f->n_values; v++) {
                if (strcmp(f->value[v].name, name) == 0) return RK_OK;
                add(&names, f->value[v].name);
            }
        }
    }
    if (names.n == 0) return RK_OK;
    rk_name_hint(name, names.name, names.n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_UNSUPPORTED, "%s has found no '%.64s'%s", diagnostic, name, hint);
}

rk_status rk_study_found_check(const rk_study *s, const char *name, rk_error *e)
{
    char diagnostic[512];
    const char *rest;
    RK_TRY(rk_found_split(name, diagnostic, sizeof diagnostic, &rest, e));
    RK_TRY(check_item(s, diagnostic, e));
    return s->runs ? check_value(s, diagnostic, rest, e) : RK_OK;
}
