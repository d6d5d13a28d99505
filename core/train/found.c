/* Names of what diagnostics found. */
#include "train/found.h"
#include "base/error.h"
#include "base/text.h"
#include "data/names.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

rk_status rk_found_split(const char *name, char *diagnostic, size_t cap, const char **rest,
                         rk_error *e)
{
    const char *dot = strrchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : 0;
    char item[RK_NAME_MAX + 2];
    snprintf(item, sizeof item, "%.*s", (int)strcspn(name, ":."), name);
    if (!dot || n >= cap || !dot[1] || !rk_name_valid(item))
        return RK_FAIL(e, RK_E_INVALID,
                       "'%.64s' is not DIAGNOSTIC.NAME, as hessian.lambda_max or "
                       "hessian:norm=batch.lambda_max",
                       name);
    memcpy(diagnostic, name, n);
    diagnostic[n] = '\0';
    *rest = dot + 1;
    return RK_OK;
}

/* Equal as text, or as numbers: 5e-4 and 0.0005. */
static bool same_value(const char *a, size_t n_a, const char *b, size_t n_b)
{
    char x[64], y[64];
    double u, v;
    if (n_a == n_b && strncmp(a, b, n_a) == 0) return true;
    if (n_a >= sizeof x || n_b >= sizeof y) return false;
    snprintf(x, sizeof x, "%.*s", (int)n_a, a);
    snprintf(y, sizeof y, "%.*s", (int)n_b, b);
    return rk_parse_f64(x, &u) && rk_parse_f64(y, &v) && !(u < v) && !(u > v);
}

/* Whether the parameters of a spec have this "key=value" of n bytes. */
static bool has_parameter(const char *parameters, const char *want, size_t n)
{
    size_t key = strcspn(want, "=");
    if (key >= n) return false;
    for (const char *p = parameters; *p;) {
        size_t whole = strcspn(p, ","), k = strcspn(p, "=");
        if (k == key && k < whole && strncmp(p, want, key) == 0)
            return same_value(p + k + 1, whole - k - 1, want + key + 1, n - key - 1);
        p += whole + (p[whole] == ',');
    }
    return false;
}

bool rk_found_matches(const char *spec, const char *diagnostic)
{
    size_t n = strcspn(spec, ":"), m = strcspn(diagnostic, ":");
    if (n != m || strncmp(spec, diagnostic, n) != 0) return false;
    const char *has = spec + n + (spec[n] == ':');
    for (const char *p = diagnostic + m + (diagnostic[m] == ':'); *p;) {
        size_t whole = strcspn(p, ",");
        if (!has_parameter(has, p, whole)) return false;
        p += whole + (p[whole] == ',');
    }
    return true;
}

const rk_found *rk_found_of(const rk_found_list *l, const char *diagnostic, const char *digest)
{
    for (uint32_t i = l->n; i-- > 0;) {
        const rk_found *f = &l->found[i];
        if (!f->error[0] && strcmp(f->digest, digest) == 0 && rk_found_matches(f->spec, diagnostic))
            return f;
    }
    return NULL;
}

double rk_found_number(const rk_found_list *l, const char *name, const char *digest)
{
    char diagnostic[512];
    const char *rest;
    if (rk_found_split(name, diagnostic, sizeof diagnostic, &rest, NULL) != RK_OK) return NAN;
    const rk_found *f = rk_found_of(l, diagnostic, digest);
    for (uint32_t i = 0; f && i < f->n_values; i++)
        if (strcmp(f->value[i].name, rest) == 0) return f->value[i].value;
    return NAN;
}
