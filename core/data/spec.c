/* Specs: "name:key=value,key=value", in which '\' takes the next character as it is. */
#include "base/error.h"
#include "data/args.h"
#include "data/names.h"
#include "data/registry.h"
#include <stdlib.h>
#include <string.h>

const rk_param_spec rk_limit_params[RK_LIMITS] = {
    {"limit", "0", "how many training examples to keep, the first ones; 0: all", RK_PARAM_INT, 0,
     4294967295.0, NULL},
    {"limit-test", "0", "how many test examples to keep, the first ones; 0: all", RK_PARAM_INT, 0,
     4294967295.0, NULL}};

/* Cuts *text at the first unescaped mark, undoing escapes in place; *text becomes what follows the
 * mark, or NULL. */
static char *cut(char **text, char mark)
{
    char *start = *text, *to = start;
    for (char *from = start;; from++) {
        bool escaped = *from == '\\' && from[1];
        if (!escaped && (*from == mark || *from == '\0')) {
            *text = *from ? from + 1 : NULL;
            *to = '\0';
            return start;
        }
        if (escaped) from++;
        *to++ = *from;
    }
}

/* Appends value to text, escaped; without text only counts. */
static size_t escape(char *text, size_t at, const char *value)
{
    for (; *value; value++) {
        if (*value == ',' || *value == '\\') {
            if (text) text[at] = '\\';
            at++;
        }
        if (text) text[at] = *value;
        at++;
    }
    return at;
}

static size_t join(char *text, size_t at, const char *value)
{
    if (text) memcpy(text + at, value, strlen(value));
    return at + strlen(value);
}

static size_t write_pair(char *text, size_t at, const rk_param_spec *p, const char *value,
                         bool first)
{
    at = join(text, at, first ? ":" : ",");
    at = join(text, at, p->name);
    at = join(text, at, "=");
    return escape(text, at, value);
}

/* Writes the canonical text, or with text NULL only measures it. */
static size_t write_canonical(const rk_spec *s, const rk_arg_value *limit, char *text)
{
    size_t at = join(text, 0, s->item->name);
    for (uint32_t i = 0; i < s->args->n; i++)
        at = write_pair(text, at, &s->args->params[i], s->args->value[i].text, i == 0);
    bool first = s->args->n == 0;
    for (int i = 0; i < RK_LIMITS; i++) {
        if (!s->limit[i]) continue;
        at = write_pair(text, at, &rk_limit_params[i], limit[i].text, first);
        first = false;
    }
    if (text) text[at] = '\0';
    return at;
}

static const char *article(const char *noun) { return strchr("aeiou", noun[0]) ? "an" : "a"; }

static rk_status unknown_item(const rk_registry *r, uint32_t kind, const char *name, rk_error *e)
{
    const rk_item *const *items;
    uint32_t n_items = rk_registry_items(r, &items), n = 0;
    const char **known = malloc((n_items + 1) * sizeof *known), *other = NULL;
    char hint[RK_HINT_MAX];
    if (!known) return RK_FAIL(e, RK_E_NOMEM, "no memory for a list of names");
    for (uint32_t i = 0; i < n_items; i++) {
        if (items[i]->kind == kind)
            known[n++] = items[i]->name;
        else if (strcmp(items[i]->name, name) == 0)
            other = rk_kind_name(items[i]->kind);
    }
    rk_name_hint(name, known, n, hint, sizeof hint);
    free(known);
    if (other)
        return RK_FAIL(e, RK_E_INVALID, "'%.64s' is %s %s, not %s %s%s", name, article(other),
                       other, article(rk_kind_name(kind)), rk_kind_name(kind), hint);
    return RK_FAIL(e, RK_E_INVALID, "unknown %s '%.64s'%s%s", rk_kind_name(kind), name, hint,
                   n ? "" : " (rethink plugins -v says why)");
}

static rk_status find_item(const rk_registry *r, uint32_t kind, const char *name,
                           const rk_item **out, rk_error *e)
{
    const rk_item *const *items;
    uint32_t n = rk_registry_items(r, &items);
    for (uint32_t i = 0; i < n; i++) {
        if (items[i]->kind != kind || strcmp(items[i]->name, name) != 0) continue;
        *out = items[i];
        return RK_OK;
    }
    return unknown_item(r, kind, name, e);
}

static rk_status unknown_key(const rk_spec *s, const char *key, rk_error *e)
{
    const char *known[RK_PARAMS_MAX + RK_LIMITS];
    uint32_t n = 0;
    char hint[RK_HINT_MAX];
    for (uint32_t i = 0; i < s->args->n; i++) known[n++] = s->args->params[i].name;
    for (int i = 0; s->item->kind == RK_KIND_DATA && i < RK_LIMITS; i++)
        known[n++] = rk_limit_params[i].name;
    rk_name_hint(key, known, n, hint, sizeof hint);
    return RK_FAIL(e, RK_E_INVALID, "no parameter '%.64s'%s", key, hint);
}

static rk_status set_value(rk_spec *s, const char *key, const char *text, rk_arg_value *limit,
                           rk_error *e)
{
    const rk_param_spec *p = NULL;
    rk_arg_value *value = NULL;
    for (uint32_t i = 0; i < s->args->n; i++) {
        if (strcmp(s->args->params[i].name, key) != 0) continue;
        p = &s->args->params[i];
        value = &s->args->value[i];
    }
    for (int i = 0; !p && s->item->kind == RK_KIND_DATA && i < RK_LIMITS; i++) {
        if (strcmp(rk_limit_params[i].name, key) != 0) continue;
        p = &rk_limit_params[i];
        value = &limit[i];
    }
    if (!p) return unknown_key(s, key, e);
    if (!text) return RK_FAIL(e, RK_E_INVALID, "'%s' has no value: write %s=VALUE", key, key);
    if (value->text) return RK_FAIL(e, RK_E_INVALID, "%s is given twice", key);
    return rk_param_parse(p, text, value, e);
}

/* list: "key=value,key=value", consumed. */
static rk_status set_values(rk_spec *s, char *list, rk_arg_value *limit, rk_error *e)
{
    while (list && *list) {
        char *end = list, *value = list; /* find the end first: '=' may occur in values */
        while (*end && *end != ',') end += *end == '\\' && end[1] ? 2 : 1;
        char *next = *end ? end + 1 : NULL;
        *end = '\0';
        char *key = cut(&value, '=');
        RK_TRY(set_value(s, key, value ? cut(&value, '\0') : NULL, limit, e));
        list = next;
    }
    for (uint32_t i = 0; i < s->args->n; i++) {
        const rk_param_spec *p = &s->args->params[i];
        if (s->args->value[i].text) continue;
        if (!p->initial)
            return RK_FAIL(e, RK_E_INVALID, "%s is missing: write %s:%s=VALUE (%s)", p->name,
                           s->item->name, p->name, p->doc);
        RK_TRY(rk_param_parse(p, p->initial, &s->args->value[i], e));
    }
    return RK_OK;
}

static rk_status fill(rk_spec *s, const rk_registry *r, uint32_t kind, char *text,
                      rk_arg_value *limit, rk_error *e)
{
    char *name = cut(&text, ':');
    RK_TRY(find_item(r, kind, name, &s->item, e));
    s->args = rk_args_new(s->item->params);
    if (!s->args) return RK_FAIL(e, RK_E_NOMEM, "no memory for the parameters of %s", name);
    if (set_values(s, text, limit, e) != RK_OK) return rk_error_prefix(e, "%s", s->item->name);
    for (int i = 0; i < RK_LIMITS; i++) s->limit[i] = limit[i].text ? limit[i].whole : 0;
    s->text = malloc(write_canonical(s, limit, NULL) + 1);
    if (!s->text) return RK_FAIL(e, RK_E_NOMEM, "no memory for the parameters of %s", name);
    write_canonical(s, limit, s->text);
    return RK_OK;
}

rk_status rk_spec_parse(const rk_registry *r, uint32_t kind, const char *text, rk_spec **out,
                        rk_error *e)
{
    rk_error local = rk_error_new(); /* the code must be known even if the caller passes NULL */
    rk_arg_value limit[RK_LIMITS] = {0};
    char *copy = strdup(text);
    rk_spec *s = calloc(1, sizeof *s);
    rk_status status = RK_E_NOMEM;
    *out = NULL;
    if (copy && s)
        status = fill(s, r, kind, copy, limit, e ? e : &local);
    else
        RK_FAIL(e, RK_E_NOMEM, "no memory for '%.64s'", text);
    for (int i = 0; i < RK_LIMITS; i++) free(limit[i].text);
    free(copy);
    if (status == RK_OK)
        *out = s;
    else
        rk_spec_free(s);
    return status;
}

void rk_spec_free(rk_spec *s)
{
    if (!s) return;
    rk_args_free(s->args);
    free(s->text);
    free(s);
}
