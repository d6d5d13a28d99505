/* Reading presets: sections of settings.  Those of the study are in preset_study.c. */
#include "cli/preset.h"
#include "base/os.h"
#include "base/text.h"
#include "cli/preset_parse.h"
#include "data/names.h"
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LINE_MAX_CHARS = 190, /* inih cuts longer lines without a word */
    HEAD_MAX_CHARS = 48,  /* and longer heads of sections */
    SEEDS_MAX = 1000
};

/* What the callbacks of inih work on. */
typedef struct reader {
    rk_preset *p;
    FILE *f;
    rk_error *e;
    rk_status status;
    rk_section section;
    char head[HEAD_MAX_CHARS + 4];
    uint32_t line;
    bool is_preset;      /* there was a section with a key */
    rk_settings scratch; /* values are tried on it as they are read */
} reader;

rk_status rk_preset_no_memory(const rk_preset *p, rk_error *e)
{
    return RK_FAIL(e, RK_E_NOMEM, "no memory for the preset %s", p->path);
}

void *rk_preset_longer(rk_pool *pool, void *old, uint32_t n, size_t size)
{
    void *list = rk_pool_array(pool, n + 1, size);
    if (list && n) memcpy(list, old, n * size);
    return list;
}

rk_status rk_preset_text(rk_preset *p, const char *text, const char **out, rk_error *e)
{
    *out = rk_pool_string(&p->pool, text);
    return *out ? RK_OK : rk_preset_no_memory(p, e);
}

/* ---- settings -------------------------------------------------------------------------------- */

/* Keys that collect their values, as on the command line. */
static bool repeats(const char *key)
{
    static const char *const keys[] = {"randomize", "augment", "regularize", "diagnose", "device"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

/* Of two keys that say the same thing, one must go. */
static rk_status check_twice(const rk_variant *v, const char *key, rk_error *e)
{
    static const char *const same[][2] = {{"momentum", "optimizer"}, {"lr-decay", "schedule"}};
    for (uint32_t i = 0; i < v->n; i++) {
        const char *old = v->list[i].key;
        if (strcmp(old, key) == 0 && !repeats(key))
            return RK_FAIL(e, RK_E_INVALID, "%s is set twice, first in line %u: leave one", key,
                           v->line[i]);
        for (size_t k = 0; k < sizeof same / sizeof *same; k++)
            if ((strcmp(old, same[k][0]) == 0 && strcmp(key, same[k][1]) == 0) ||
                (strcmp(old, same[k][1]) == 0 && strcmp(key, same[k][0]) == 0))
                return RK_FAIL(e, RK_E_INVALID,
                               "%s conflicts with %s of line %u: %s is short for a parameter of "
                               "%s, leave one",
                               key, old, v->line[i], same[k][0], same[k][1]);
    }
    return RK_OK;
}

static rk_status try_value(reader *r, const char *key, const char *value)
{
    rk_pool pool = {0};
    rk_status status = rk_settings_apply(&r->scratch, &(rk_assignment){key, value}, 1, &pool, r->e);
    r->scratch = rk_settings_default(); /* its texts are gone with the pool */
    rk_pool_free(&pool);
    return status;
}

static rk_status assign(reader *r, rk_variant *v, const char *key, const char *value)
{
    rk_preset *p = r->p;
    RK_TRY(try_value(r, key, value));
    RK_TRY(check_twice(v, key, r->e));
    rk_assignment *list = rk_preset_longer(&p->pool, v->list, v->n, sizeof *list);
    uint32_t *line = rk_preset_longer(&p->pool, v->line, v->n, sizeof *line);
    if (!list || !line) return rk_preset_no_memory(p, r->e);
    RK_TRY(rk_preset_text(p, key, &list[v->n].key, r->e));
    RK_TRY(rk_preset_text(p, value, &list[v->n].value, r->e));
    line[v->n++] = r->line;
    v->list = list;
    v->line = line;
    return RK_OK;
}

/* "presets = a b c": read from where this one is, or from anywhere. */
static rk_status add_parts(rk_preset *p, const char *names, rk_error *e)
{
    char name[RK_NAME_MAX + 1];
    for (names += strspn(names, " \t,"); *names; names += strspn(names, " \t,")) {
        size_t n = strcspn(names, " \t,");
        snprintf(name, sizeof name, "%.*s", (int)n, names);
        names += n;
        if (strcmp(name, p->name) == 0)
            return RK_FAIL(e, RK_E_INVALID, "the preset %s names itself", name);
        rk_preset *list = rk_preset_longer(&p->pool, p->part, p->n_parts, sizeof *list);
        if (!list) return rk_preset_no_memory(p, e);
        p->part = list;
        RK_TRY(rk_preset_load(name, &list[p->n_parts], e));
        p->n_parts++;
        if (list[p->n_parts - 1].n_parts)
            return RK_FAIL(e, RK_E_INVALID, "%s names presets itself: name those instead", name);
    }
    return RK_OK;
}

static rk_status in_preset(reader *r, const char *key, const char *value)
{
    rk_preset *p = r->p;
    if (strcmp(key, "doc") == 0) return rk_preset_text(p, value, &p->doc, r->e);
    if (strcmp(key, "presets") == 0) return add_parts(p, value, r->e);
    if (strcmp(key, "scale") != 0) return assign(r, &p->base, key, value);
    RK_TRY(try_value(r, key, value));
    p->scale = rk_scale_find(value);
    return RK_OK;
}

/* Sections come in order, so that a variant's keys follow its head. */
static rk_status in_variant(reader *r, const char *key, const char *value)
{
    rk_preset *p = r->p;
    if (r->section.first) {
        rk_variant *list = rk_preset_longer(&p->pool, p->variant, p->n_variants, sizeof *list);
        if (!list) return rk_preset_no_memory(p, r->e);
        p->variant = list;
        list[p->n_variants].scales = r->section.scales;
        RK_TRY(rk_preset_text(p, r->section.label, &list[p->n_variants].label, r->e));
        p->n_variants++;
    }
    rk_variant *v = &p->variant[p->n_variants - 1];
    if (strcmp(key, "after") == 0) return rk_preset_after(p, v, value, r->line, r->e);
    return assign(r, v, key, value);
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t');)
        text[--n] = '\0';
    return text;
}

static rk_status add_value(reader *r, rk_axis *a, const char *value)
{
    RK_TRY(try_value(r, a->key, value));
    const char **values = rk_preset_longer(&r->p->pool, a->value, a->n, sizeof *values);
    if (!values) return rk_preset_no_memory(r->p, r->e);
    a->value = values;
    return rk_preset_text(r->p, value, &a->value[a->n++], r->e);
}

/* One value, or "1..10". */
static rk_status add_values(reader *r, rk_axis *a, char *text)
{
    int64_t from, to;
    char number[24];
    char *dots = strstr(text, "..");
    if (!dots) return add_value(r, a, text);
    *dots = '\0';
    if (!rk_parse_i64(text, &from) || !rk_parse_i64(dots + 2, &to) || to < from ||
        to - from >= SEEDS_MAX)
        return RK_FAIL(r->e, RK_E_INVALID,
                       "--%s: '%.40s..%.40s' is no range of at most %d whole numbers", a->key, text,
                       dots + 2, (int)SEEDS_MAX);
    for (; from <= to; from++) {
        snprintf(number, sizeof number, "%lld", (long long)from);
        RK_TRY(add_value(r, a, number));
    }
    return RK_OK;
}

static rk_status check_axis(const reader *r, const char *key)
{
    RK_TRY(rk_settings_known(key, r->e));
    if (strcmp(key, "scale") == 0)
        return RK_FAIL(r->e, RK_E_INVALID, "scale is no key of a grid: --scale picks one");
    for (uint32_t i = 0; i < r->p->n_axes; i++)
        if (strcmp(r->p->axis[i].key, key) == 0 && (r->p->axis[i].scales & r->section.scales))
            return RK_FAIL(r->e, RK_E_INVALID, "%s is in the grid twice, first in line %u", key,
                           r->p->axis[i].line);
    return RK_OK;
}

static rk_status in_grid(reader *r, const char *key, const char *value)
{
    rk_preset *p = r->p;
    RK_TRY(check_axis(r, key));
    rk_axis *list = rk_preset_longer(&p->pool, p->axis, p->n_axes, sizeof *list);
    char *rest = rk_pool_string(&p->pool, value);
    if (!list || !rest) return rk_preset_no_memory(p, r->e);
    rk_axis *a = &list[p->n_axes];
    a->scales = r->section.scales;
    a->line = r->line;
    RK_TRY(rk_preset_text(p, key, &a->key, r->e));
    while (rest) {
        char *bar = strchr(rest, '|');
        if (bar) *bar = '\0';
        RK_TRY(add_values(r, a, trimmed(rest)));
        rest = bar ? bar + 1 : NULL;
    }
    p->axis = list;
    p->n_axes++;
    return RK_OK;
}

static rk_status in_scale(reader *r, const char *key, const char *value)
{
    int scale = rk_scale_find(r->section.label);
    if (scale < 0 || r->section.restricted)
        return RK_FAIL(r->e, RK_E_INVALID, "no scale '%s': micro, small and full are",
                       r->section.label);
    if (!r->p->scales && r->p->scale < 0) r->p->scale = scale;
    r->p->scales |= 1u << scale;
    return assign(r, &r->p->at_scale[scale], key, value);
}

/* ---- sections -------------------------------------------------------------------------------- */

static rk_status take(reader *r, const char *key, const char *value)
{
    const rk_section *s = &r->section;
    r->is_preset = true;
    if (strcmp(s->kind, "preset") == 0 && !s->label[0] && !s->restricted)
        return in_preset(r, key, value);
    if (strcmp(s->kind, "grid") == 0 && !s->label[0]) return in_grid(r, key, value);
    if (strcmp(s->kind, "scale") == 0) return in_scale(r, key, value);
    if (strcmp(s->kind, "variant") == 0) return in_variant(r, key, value);
    if (strcmp(s->kind, "claim") == 0) return rk_preset_claim(r->p, s, key, value, r->e);
    if (strcmp(s->kind, "paper") == 0) return rk_preset_paper(r->p, s, key, value, r->e);
    if (strcmp(s->kind, "figure") == 0) return rk_preset_figure(r->p, s, key, value, r->e);
    return RK_FAIL(r->e, RK_E_INVALID,
                   "no section [%.40s]: [preset], [scale NAME], [variant LABEL], [grid], [claim "
                   "NAME], [paper LABEL] and [figure TITLE] are",
                   r->head);
}

/* The scales behind the '@' of a head. */
static rk_status read_scales(reader *r, const char *text)
{
    char name[16];
    r->section.restricted = true;
    r->section.scales = 0;
    for (text += strspn(text, " \t,"); *text; text += strspn(text, " \t,")) {
        size_t n = strcspn(text, " \t,");
        snprintf(name, sizeof name, "%.*s", (int)n, text);
        text += n;
        int scale = rk_scale_find(name);
        if (scale < 0)
            return RK_FAIL(r->e, RK_E_INVALID, "[%s]: no scale '%s': micro, small and full are",
                           r->head, name);
        r->section.scales |= 1u << scale;
    }
    if (r->section.scales) return RK_OK;
    return RK_FAIL(r->e, RK_E_INVALID, "[%s]: which scale?", r->head);
}

static rk_status read_head(reader *r, const char *head)
{
    char text[HEAD_MAX_CHARS + 4];
    rk_section *s = &r->section;
    *s = (rk_section){.first = true, .scales = (1u << RK_SCALES) - 1};
    if (strlen(head) > HEAD_MAX_CHARS)
        return RK_FAIL(r->e, RK_E_INVALID, "[%.20s...]: more than %d characters in a head", head,
                       (int)HEAD_MAX_CHARS);
    strcpy(r->head, head);
    strcpy(text, head);
    char *at = strchr(text, '@');
    if (at) *at = '\0';
    size_t n = strcspn(text, " \t");
    snprintf(s->kind, sizeof s->kind, "%.*s", (int)n, text);
    strcpy(s->label, trimmed(text + n));
    return at ? read_scales(r, at + 1) : RK_OK;
}

static int handle(void *user, const char *section, const char *key, const char *value)
{
    reader *r = user;
    if (r->status != RK_OK) return 0;
    r->section.first = false;
    if (strcmp(section, r->head) != 0 || !r->section.kind[0]) r->status = read_head(r, section);
    r->section.line = r->line;
    if (r->status == RK_OK) r->status = take(r, key, value);
    return r->status == RK_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Lines are counted as inih asks for them: of every key it is known where it is. */
static char *next_line(char *text, int cap, void *stream)
{
    reader *r = stream;
    if (r->status != RK_OK) return NULL; /* r->line stays where it went wrong */
    r->line++;
    return fgets(text, cap, r->f);
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

/* The handler has one user, and so has the stream: both are the reader. */
static rk_status parse(rk_preset *p, FILE *f, rk_error *e)
{
    rk_error why = rk_error_new();
    reader r = {.p = p, .f = f, .e = &why, .status = RK_OK, .scratch = rk_settings_default()};
    RK_TRY(check_lines(p->path, f, e));
    int line = ini_parse_stream(next_line, &r, handle, &r);
    bool earlier =
        line > 0 && (uint32_t)line < r.line; /* inih goes on behind what it cannot read */
    if (r.status != RK_OK && !earlier)
        return RK_FAIL(e, r.status, "%s:%u: %s", p->path, r.line, why.text);
    if (line != 0)
        return RK_FAIL(e, RK_E_INVALID, "%s:%d: neither [section] nor key = value", p->path, line);
    if (!r.is_preset)
        return RK_FAIL(e, RK_E_INVALID,
                       "%s has no section with a key, as [preset] with doc = TEXT: is it a preset?",
                       p->path);
    return rk_preset_whole(p, e);
}

static rk_status read_file(rk_preset *p, rk_error *e)
{
    struct stat s;
    if (stat(p->path, &s) == 0 && !S_ISREG(s.st_mode))
        return RK_FAIL(e, RK_E_IO, "cannot read %s: it is no regular file, as presets are",
                       p->path);
    FILE *f = fopen(p->path, "r");
    if (!f) return RK_FAIL(e, RK_E_IO, "cannot open %s: %s", p->path, strerror(errno));
    rk_status status = parse(p, f, e);
    fclose(f);
    return status;
}

rk_status rk_preset_read(const char *path, const char *name, rk_preset *out, rk_error *e)
{
    memset(out, 0, sizeof *out);
    out->path = rk_pool_string(&out->pool, path);
    out->name = rk_pool_string(&out->pool, name);
    out->doc = "";
    out->scale = -1;
    if (!out->path || !out->name) return RK_FAIL(e, RK_E_NOMEM, "no memory for a preset");
    rk_status status = read_file(out, e);
    if (status != RK_OK) rk_preset_free(out);
    return status;
}

void rk_preset_free(rk_preset *p)
{
    for (uint32_t i = 0; i < p->n_parts; i++) rk_preset_free(&p->part[i]);
    rk_pool_free(&p->pool);
    memset(p, 0, sizeof *p);
}
