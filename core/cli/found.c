#include "cli/found.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { BRIEF_MAX = 4, NAME_BYTES = 400 };

void rk_found_bytes(int64_t bytes, char *out, size_t cap)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    double x = (double)bytes;
    int unit = 0;
    for (; x >= 1024 && unit < 3; unit++) x /= 1024;
    snprintf(out, cap, unit ? "%.1f %s" : "%.0f %s", x, units[unit]);
}

void rk_found_brief(const rk_found *found, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < found->n_values && i < BRIEF_MAX && at < cap; i++) {
        double x = found->value[i].value;
        snprintf(out + at, cap - at, isnan(x) ? "%s%s -" : "%s%s %.4g", i ? ", " : "",
                 found->value[i].name, x);
        at = strlen(out);
    }
    if (found->n_values > BRIEF_MAX && at < cap) snprintf(out + at, cap - at, ", ...");
}

/* Whether another of the same name has not this "key=value" of n bytes. */
static bool tells(const rk_found_list *l, const rk_found *found, const char *parameter, size_t n)
{
    char one[NAME_BYTES];
    snprintf(one, sizeof one, "%s:%.*s", found->name, (int)n, parameter);
    for (uint32_t i = 0; i < l->n; i++)
        if (strcmp(l->found[i].name, found->name) == 0 && !rk_found_matches(l->found[i].spec, one))
            return true;
    return false;
}

void rk_found_title(const rk_found_list *l, const rk_found *found, char *out, size_t cap)
{
    const char *p = found->spec + strcspn(found->spec, ":");
    bool first = true;
    snprintf(out, cap, "%s", found->name);
    for (p += *p == ':'; *p;) {
        size_t n = strcspn(p, ","), at = strlen(out);
        if (tells(l, found, p, n))
            snprintf(out + at, cap - at, "%c%.*s", first ? ':' : ',', (int)n, p);
        first = first && strlen(out) == at;
        p += n + (p[n] == ',');
    }
}

double rk_found_of_run(const rk_runs *r, uint32_t run, const char *name)
{
    return rk_found_number(&r->found[run], name, r->run[run]->digest);
}

/* ---- for people ----------------------------------------------------------------------------- */

static void number_cell(rk_table *t, double x)
{
    if (isnan(x))
        rk_table_cell(t, "-");
    else
        rk_table_cell(t, "%.9g", x);
}

static rk_status print_numbers(const rk_found_list *l, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"found", "value"};
    char name[NAME_BYTES];
    uint32_t n = 0;
    rk_table *t = rk_table_new("lr", heads);
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t k = 0; k < l->found[i].n_values; k++, n++) {
            const rk_found_value *v = &l->found[i].value[k];
            rk_found_title(l, &l->found[i], name, sizeof name);
            rk_table_cell(t, "%s.%s", name, v->name);
            number_cell(t, v->value);
        }
    rk_status status = n ? rk_table_print(t, f, e) : RK_OK;
    rk_table_free(t);
    if (n && status == RK_OK) fputc('\n', f);
    return status;
}

static rk_status print_costs(const rk_found_list *l, const char *digest, FILE *f, rk_error *e)
{
    static const char *const heads[] = {"diagnostic", "seconds",  "device memory",
                                        "device",     "measured", "of the weights"};
    rk_table *t = rk_table_new("lrrlll", heads);
    for (uint32_t i = 0; i < l->n; i++) {
        const rk_found *x = &l->found[i];
        char bytes[32];
        bool last = strcmp(x->digest, digest) == 0;
        rk_found_bytes(x->bytes, bytes, sizeof bytes);
        rk_table_cell(t, "%s", x->spec);
        rk_table_cell(t, "%.3f", x->seconds);
        rk_table_cell(t, "%s", bytes);
        rk_table_cell(t, "%s", x->device);
        rk_table_cell(t, "%.16s", x->measured);
        if (last)
            rk_table_cell(t, "at the end");
        else
            rk_table_cell(t, "after epoch %lld, not the last", (long long)x->epoch);
    }
    rk_status status = rk_table_print(t, f, e);
    rk_table_free(t);
    return status;
}

/* "sharpness.line: 25 points": of each curve, in order. */
static void print_curves(const rk_found *x, const char *title, FILE *f)
{
    for (uint32_t i = 0; i < x->n_points; i++) {
        uint32_t n = 0;
        bool first = true;
        for (uint32_t k = 0; k < i && first; k++)
            first = strcmp(x->point[k].curve, x->point[i].curve) != 0;
        if (!first) continue;
        for (uint32_t k = i; k < x->n_points; k++)
            n += strcmp(x->point[k].curve, x->point[i].curve) == 0;
        fprintf(f, "%s %s.%s: %u points\n", isnan(x->point[i].z) ? "curve" : "surface", title,
                x->point[i].curve, n);
        while (i + 1 < x->n_points && strcmp(x->point[i + 1].curve, x->point[i].curve) == 0) i++;
    }
}

rk_status rk_found_print(const rk_found_list *l, const char *digest, FILE *f, rk_error *e)
{
    if (l->n == 0) return RK_OK;
    RK_TRY(print_numbers(l, f, e));
    RK_TRY(print_costs(l, digest, f, e));
    for (uint32_t i = 0; i < l->n; i++) {
        const rk_found *x = &l->found[i];
        char title[NAME_BYTES];
        rk_found_title(l, x, title, sizeof title);
        if (x->error[0]) fprintf(f, "%s FAILED: %s\n", title, x->error);
        print_curves(x, title, f);
        for (uint32_t k = 0; k < x->n_notes; k++) fprintf(f, "%s: %s\n", title, x->note[k]);
    }
    return RK_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static bool add_values(json_t *object, const rk_found *x)
{
    json_t *values = json_object();
    bool good = json_object_set_new(object, "values", values) == 0;
    for (uint32_t i = 0; good && i < x->n_values; i++)
        good = json_object_set_new(values, x->value[i].name, real_or_null(x->value[i].value)) == 0;
    return good;
}

static bool add_curves(json_t *object, const rk_found *x)
{
    json_t *curves = json_object(), *curve = NULL;
    bool good = json_object_set_new(object, "curves", curves) == 0;
    for (uint32_t i = 0; good && i < x->n_points; i++) {
        const rk_found_point *p = &x->point[i];
        if (i == 0 || strcmp(p->curve, p[-1].curve) != 0) curve = json_object_get(curves, p->curve);
        if (!curve) {
            curve = json_array();
            good = json_object_set_new(curves, p->curve, curve) == 0;
        }
        json_t *point = json_pack("[o, o]", real_or_null(p->x), real_or_null(p->y));
        good = good && point && json_array_append_new(curve, point) == 0;
        if (good && !isnan(p->z)) good = json_array_append_new(point, real_or_null(p->z)) == 0;
    }
    return good;
}

static bool add_notes(json_t *object, const rk_found *x)
{
    json_t *notes = json_array();
    bool good = json_object_set_new(object, "notes", notes) == 0;
    for (uint32_t i = 0; good && i < x->n_notes; i++)
        good = json_array_append_new(notes, json_string(x->note[i])) == 0;
    return good;
}

static json_t *one_json(const rk_found *x, const char *digest)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:f, s:I}", "diagnostic", x->name,
                  "spec", x->spec, "error", x->error, "measured", x->measured, "device", x->device,
                  "device_name", x->device_name, "digest", x->digest, "epoch", (json_int_t)x->epoch,
                  "of_last_weights", (int)(strcmp(x->digest, digest) == 0), "seconds", x->seconds,
                  "device_bytes", (json_int_t)x->bytes);
    if (object && json_object_set_new(object, "version", json_string(x->version)) == 0 &&
        add_values(object, x) && add_curves(object, x) && add_notes(object, x))
        return object;
    json_decref(object);
    return NULL;
}

json_t *rk_found_json(const rk_found_list *l, const char *digest)
{
    json_t *all = json_array();
    for (uint32_t i = 0; all && i < l->n; i++) {
        if (json_array_append_new(all, one_json(&l->found[i], digest)) == 0) continue;
        json_decref(all);
        return NULL;
    }
    return all;
}

/* ---- columns -------------------------------------------------------------------------------- */

rk_status rk_found_add_name(rk_pool *pool, const char *name, const char ***names, uint32_t *n,
                            rk_error *e)
{
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp((*names)[i], name) == 0) return RK_OK;
    if ((*n & (*n - 1)) == 0) { /* room is made for 1, 2, 4, ... */
        const char **longer = rk_pool_array(pool, *n ? 2 * (size_t)*n : 1, sizeof *longer);
        if (!longer) return RK_FAIL(e, RK_E_NOMEM, "no memory for names of numbers");
        if (*n) memcpy(longer, *names, *n * sizeof *longer);
        *names = longer;
    }
    (*names)[*n] = rk_pool_string(pool, name);
    if (!(*names)[(*n)++]) return RK_FAIL(e, RK_E_NOMEM, "no memory for names of numbers");
    return RK_OK;
}

rk_status rk_found_names(const rk_runs *r, rk_pool *pool, const char ***names, uint32_t *n,
                         rk_error *e)
{
    char title[NAME_BYTES], name[2 * NAME_BYTES];
    *names = NULL;
    *n = 0;
    for (uint32_t i = 0; i < r->n; i++)
        for (uint32_t k = 0; k < r->found[i].n; k++) {
            const rk_found *x = &r->found[i].found[k];
            for (uint32_t v = 0; v < x->n_values; v++) {
                rk_found_title(&r->found[i], x, title, sizeof title);
                snprintf(name, sizeof name, "%s.%s", title, x->value[v].name);
                RK_TRY(rk_found_add_name(pool, name, names, n, e));
            }
        }
    return RK_OK;
}
