#include "data/args.h"
#include "base/error.h"
#include "data/names.h"
#include "data/registry.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t rk_param_count(const rk_param_spec *params)
{
    uint32_t n = 0;
    while (params && params[n].name) n++;
    return n;
}

rk_args *rk_args_new(const rk_param_spec *params)
{
    uint32_t n = rk_param_count(params);
    rk_args *args = calloc(1, sizeof *args + n * sizeof args->value[0]);
    if (!args) return NULL;
    args->misused = calloc(1, RK_NAME_MAX + 1);
    args->params = params;
    args->n = n;
    if (args->misused) return args;
    free(args);
    return NULL;
}

void rk_args_free(rk_args *args)
{
    if (!args) return;
    for (uint32_t i = 0; i < args->n; i++) free(args->value[i].text);
    free(args->misused);
    free(args);
}

const char *rk_args_misused(const rk_args *args)
{
    return args && args->misused[0] ? args->misused : NULL;
}

/* The value of a parameter whose type is one of two, or NULL. */
static const rk_arg_value *find(const rk_args *args, const char *name, uint32_t type,
                                uint32_t other)
{
    for (uint32_t i = 0; i < args->n; i++) {
        const rk_param_spec *p = &args->params[i];
        if (strcmp(p->name, name) == 0 && (p->type == type || p->type == other))
            return &args->value[i];
    }
    if (!args->misused[0]) snprintf(args->misused, RK_NAME_MAX + 1, "%s", name);
    return NULL;
}

int64_t rk_arg_int(const rk_args *args, const char *name)
{
    const rk_arg_value *v = find(args, name, RK_PARAM_INT, RK_PARAM_INT);
    return v ? v->whole : 0;
}

double rk_arg_real(const rk_args *args, const char *name)
{
    const rk_arg_value *v = find(args, name, RK_PARAM_REAL, RK_PARAM_REAL);
    return v ? v->real : 0;
}

const char *rk_arg_text(const rk_args *args, const char *name)
{
    const rk_arg_value *v = find(args, name, RK_PARAM_CHOICE, RK_PARAM_PATH);
    return v ? v->text : "";
}

static rk_status store(rk_arg_value *out, const char *text, rk_error *e)
{
    out->text = strdup(text);
    return out->text ? RK_OK : RK_FAIL(e, RK_E_NOMEM, "no memory for a parameter");
}

static rk_status out_of_range(const rk_param_spec *p, const char *text, rk_error *e)
{
    return RK_FAIL(e, RK_E_INVALID, "%s=%s is out of range: from %.15g to %.15g (%s)", p->name,
                   text, p->lo, p->hi, p->doc);
}

static rk_status parse_int(const rk_param_spec *p, const char *text, rk_arg_value *out, rk_error *e)
{
    char canonical[32], *end = NULL;
    errno = 0;
    out->whole = strtoll(text, &end, 10);
    if (text[strspn(text, "+-0123456789")] || end == text || *end)
        return RK_FAIL(e, RK_E_INVALID, "%s=%s is not a whole number (%s)", p->name, text, p->doc);
    if (errno || (double)out->whole < p->lo || (double)out->whole > p->hi)
        return out_of_range(p, text, e);
    snprintf(canonical, sizeof canonical, "%lld", (long long)out->whole);
    return store(out, canonical, e);
}

/* The shortest text that reads back as the same number. */
static rk_status parse_real(const rk_param_spec *p, const char *text, rk_arg_value *out,
                            rk_error *e)
{
    char canonical[40], *end = NULL;
    out->real = strtod(text, &end);
    if (text[strspn(text, "+-.0123456789eE")] || end == text || *end)
        return RK_FAIL(e, RK_E_INVALID, "%s=%s is not a number (%s)", p->name, text, p->doc);
    if (!(out->real >= p->lo && out->real <= p->hi)) return out_of_range(p, text, e);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(canonical, sizeof canonical, "%.*g", digits, out->real);
        if (strtod(canonical, NULL) == out->real) break;
    }
    return store(out, canonical, e);
}

static rk_status parse_choice(const rk_param_spec *p, const char *text, rk_arg_value *out,
                              rk_error *e)
{
    size_t length = strcspn(text, "|");
    bool single = text[length] == '\0'; /* "he|torch" is no choice, though it is in the list */
    for (const char *c = p->choices; single && c; c = strchr(c, '|'), c = c ? c + 1 : NULL)
        if (strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == '\0'))
            return store(out, text, e);
    return RK_FAIL(e, RK_E_INVALID, "%s=%s is not one of %s (%s)", p->name, text, p->choices,
                   p->doc);
}

rk_status rk_param_parse(const rk_param_spec *p, const char *text, rk_arg_value *out, rk_error *e)
{
    switch (p->type) {
    case RK_PARAM_INT: return parse_int(p, text, out, e);
    case RK_PARAM_REAL: return parse_real(p, text, out, e);
    case RK_PARAM_CHOICE: return parse_choice(p, text, out, e);
    case RK_PARAM_PATH: return store(out, text, e);
    default: return RK_FAIL(e, RK_E_INVALID, "%s has the unknown type %u", p->name, p->type);
    }
}
