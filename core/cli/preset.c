#include "cli/preset.h"
#include "base/os.h"
#include "base/text.h"
#include "data/names.h"
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_CHARS = 190 }; /* inih cuts longer lines without a word */

/* What the callback of inih works on. */
typedef struct reader {
    rk_preset *p;
    rk_error *e;
    rk_status status;
} reader;

static rk_status no_memory(const rk_preset *p, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the preset %s", p->path);
}

/* Room for one more element of an array in the pool.  Arrays are short: old copies may stay. */
static void *longer(rk_pool *pool, void *old, uint32_t n, size_t size)
{
    void *list = rk_pool_array(pool, n + 1, size);
    if (list && n) memcpy(list, old, n * size);
    return list;
}

static rk_status assign(rk_preset *p, rk_variant *v, const char *key, const char *value,
                        rk_error *e)
{
    RK_TRY(rk_settings_known(key, e));
    rk_assignment *list = longer(&p->pool, v->list, v->n, sizeof *list);
    if (!list) return no_memory(p, e);
    list[v->n] = (rk_assignment){rk_pool_string(&p->pool, key), rk_pool_string(&p->pool, value)};
    v->list = list;
    if (!list[v->n].key || !list[v->n].value) return no_memory(p, e);
    v->n++;
    return RK_OK;
}

static rk_status in_preset(rk_preset *p, const char *key, const char *value, rk_error *e)
{
    if (strcmp(key, "doc") != 0) return assign(p, &p->base, key, value, e);
    p->doc = rk_pool_string(&p->pool, value);
    return p->doc ? RK_OK : no_memory(p, e);
}

/* Sections come in order, so that a variant's keys follow its head. */
static rk_status in_variant(rk_preset *p, const char *label, const char *key, const char *value,
                            rk_error *e)
{
    rk_variant *last = p->n_variants ? &p->variant[p->n_variants - 1] : NULL;
    if (!last || strcmp(last->label, label) != 0) {
        rk_variant *list = longer(&p->pool, p->variant, p->n_variants, sizeof *list);
        if (!list) return no_memory(p, e);
        list[p->n_variants].label = rk_pool_string(&p->pool, label);
        if (!list[p->n_variants].label) return no_memory(p, e);
        p->variant = list;
        last = &list[p->n_variants++];
    }
    return assign(p, last, key, value, e);
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t');)
        text[--n] = '\0';
    return text;
}

static rk_status in_grid(rk_preset *p, const char *key, const char *value, rk_error *e)
{
    RK_TRY(rk_settings_known(key, e));
    rk_axis *list = longer(&p->pool, p->axis, p->n_axes, sizeof *list);
    char *rest = rk_pool_string(&p->pool, value);
    if (!list || !rest) return no_memory(p, e);
    rk_axis *a = &list[p->n_axes];
    a->key = rk_pool_string(&p->pool, key);
    if (!a->key) return no_memory(p, e);
    while (rest) {
        char *bar = strchr(rest, '|');
        if (bar) *bar = '\0';
        const char **values = longer(&p->pool, a->value, a->n, sizeof *values);
        if (!values) return no_memory(p, e);
        a->value = values;
        a->value[a->n++] = trimmed(rest);
        rest = bar ? bar + 1 : NULL;
    }
    p->axis = list;
    p->n_axes++;
    return RK_OK;
}

static rk_status take(rk_preset *p, const char *section, const char *key, const char *value,
                      rk_error *e)
{
    if (strcmp(section, "preset") == 0) return in_preset(p, key, value, e);
    if (strcmp(section, "grid") == 0) return in_grid(p, key, value, e);
    if (strncmp(section, "variant ", 8) == 0)
        return in_variant(p, section + 8 + strspn(section + 8, " "), key, value, e);
    return RK_FAIL(e, RK_E_INVALID, "no section [%.40s]: [preset], [variant LABEL] and [grid] are",
                   section);
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
    reader *r = user;
    if (r->status == RK_OK) r->status = take(r->p, section, key, value, r->e);
    return r->status == RK_OK;
}

static rk_status check_lines(const char *path, FILE *f, rk_error *e)
{
    int line = 1, column = 0;
    for (int c = getc(f); c != EOF; c = getc(f)) {
        column = c == '\n' ? 0 : column + 1;
        if (column > LINE_MAX_CHARS)
            return RK_FAIL(e, RK_E_INVALID, "%s:%d: more than %d characters in a line", path, line,
                           (int)LINE_MAX_CHARS);
        line += c == '\n';
    }
    rewind(f);
    return RK_OK;
}

/* Only now it is known whether the values are any good. */
static rk_status check_values(const rk_preset *p, rk_error *e)
{
    rk_pool pool = {0};
    rk_settings s = rk_settings_default();
    rk_status status = rk_settings_apply(&s, p->base.list, p->base.n, &pool, e);
    for (uint32_t i = 0; status == RK_OK && i < p->n_variants; i++)
        status = rk_settings_apply(&s, p->variant[i].list, p->variant[i].n, &pool, e);
    for (uint32_t i = 0; status == RK_OK && i < p->n_axes; i++)
        for (uint32_t j = 0; status == RK_OK && j < p->axis[i].n; j++)
            status = rk_settings_apply(&s, &(rk_assignment){p->axis[i].key, p->axis[i].value[j]}, 1,
                                       &pool, e);
    rk_pool_free(&pool);
    return status == RK_OK ? RK_OK : rk_error_prefix(e, "%s", p->path);
}

static rk_status parse(rk_preset *p, FILE *f, rk_error *e)
{
    rk_error why = rk_error_new();
    reader r = {p, &why, RK_OK};
    RK_TRY(check_lines(p->path, f, e));
    int line = ini_parse_file(f, handle, &r);
    if (r.status != RK_OK) return RK_FAIL(e, r.status, "%s:%d: %s", p->path, line, why.text);
    if (line != 0)
        return RK_FAIL(e, RK_E_INVALID, "%s:%d: neither [section] nor key = value", p->path, line);
    return check_values(p, e);
}

rk_status rk_preset_read(const char *path, const char *name, rk_preset *out, rk_error *e)
{
    memset(out, 0, sizeof *out);
    out->path = rk_pool_string(&out->pool, path);
    out->name = rk_pool_string(&out->pool, name);
    out->doc = "";
    if (!out->path || !out->name) return RK_FAIL(e, RK_E_NOMEM, "no memory for a preset");
    FILE *f = fopen(path, "r");
    rk_status status = RK_OK;
    if (!f) status = RK_FAIL(e, RK_E_IO, "cannot open %s: %s", path, strerror(errno));
    if (f) status = parse(out, f, e);
    if (f) fclose(f);
    if (status != RK_OK) rk_preset_free(out);
    return status;
}

void rk_preset_free(rk_preset *p)
{
    rk_pool_free(&p->pool);
    memset(p, 0, sizeof *p);
}
