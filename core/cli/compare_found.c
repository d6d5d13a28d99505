/* Whether two runs' diagnostics found the same. */
#include "cli/compare.h"
#include "cli/found.h"
#include <math.h>
#include <string.h>

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static bool add_pair(rk_comparison *c, const char *title, const char *name, double a, double b)
{
    char full[512];
    snprintf(full, sizeof full, "%s.%s", title, name);
    return json_object_set_new(c->found, full,
                               json_pack("[o, o]", real_or_null(a), real_or_null(b))) == 0;
}

static const rk_found_value *value_of(const rk_found *f, const char *name)
{
    for (uint32_t i = 0; i < f->n_values; i++)
        if (strcmp(f->value[i].name, name) == 0) return &f->value[i];
    return NULL;
}

/* Numbers that both have. */
static bool compare_values(rk_comparison *c, const char *title, const rk_found *a,
                           const rk_found *b)
{
    bool good = true;
    for (uint32_t i = 0; good && i < a->n_values; i++) {
        const rk_found_value *x = &a->value[i], *y = value_of(b, x->name);
        if (!y) continue;
        c->n_found++;
        if (!rk_compare_same(x->value, y->value))
            good = add_pair(c, title, x->name, x->value, y->value);
    }
    return good;
}

/* Points in order; of a curve that differs the first place where it does. */
static bool compare_points(rk_comparison *c, const char *title, const rk_found *a,
                           const rk_found *b)
{
    uint32_t n = a->n_points < b->n_points ? a->n_points : b->n_points;
    c->n_found += a->n_points || b->n_points;
    for (uint32_t i = 0; i < n; i++) {
        const rk_found_point *x = &a->point[i], *y = &b->point[i];
        bool surface = !isnan(x->z);
        if (strcmp(x->curve, y->curve) == 0 && rk_compare_same(x->x, y->x) &&
            rk_compare_same(x->y, y->y) && rk_compare_same(x->z, y->z))
            continue;
        return add_pair(c, title, x->curve, surface ? x->z : x->y, surface ? y->z : y->y);
    }
    return a->n_points == b->n_points || add_pair(c, title, "points", a->n_points, b->n_points);
}

/* The same diagnostic of the other run's last weights, if it succeeded. */
static const rk_found *other_of(const rk_comparison *c, const rk_found *a)
{
    const rk_found_list *l = &c->side[1].found[0];
    for (uint32_t i = 0; i < l->n; i++)
        if (strcmp(l->found[i].spec, a->spec) == 0 && !l->found[i].error[0] &&
            strcmp(l->found[i].digest, c->side[1].run[0]->digest) == 0)
            return &l->found[i];
    return NULL;
}

rk_status rk_compare_found(rk_comparison *c, rk_error *e)
{
    const rk_found_list *l = &c->side[0].found[0];
    char title[400];
    bool good = (c->found = json_object()) != NULL;
    for (int i = 0; i < 2; i++) RK_TRY(rk_runs_load_points(&c->side[i], e));
    for (uint32_t i = 0; good && i < l->n; i++) {
        const rk_found *a = &l->found[i], *b = other_of(c, a);
        if (!b || a->error[0] || strcmp(a->digest, c->side[0].run[0]->digest) != 0) continue;
        rk_found_title(l, a, title, sizeof title);
        good = compare_values(c, title, a, b) && compare_points(c, title, a, b);
    }
    return good ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory to compare two runs");
}
