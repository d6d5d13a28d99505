/* Short names of what a run did. */
#include "cli/runs.h"
#include <string.h>

/* Whether a text is this spec, or this with what `pixels` has by default. */
static bool is_spec(const char *text, const char *spec)
{
    size_t n = strlen(spec);
    if (strncmp(text, spec, n) != 0) return false;
    return !text[n] || (n && strcmp(text + n, ",p=1,test=yes") == 0);
}

void rk_randomize_title(const char *randomize, char *out, size_t cap)
{
    static const char *const titles[][2] = {
        {"", "true labels"},
        {"labels:p=0", "true labels"},
        {"labels:p=1", "random labels"},
        {"pixels:mode=shuffle", "shuffled pixels"},
        {"pixels:mode=random", "random pixels"},
        {"pixels:mode=gaussian", "Gaussian noise"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (is_spec(randomize, titles[i][0])) {
            snprintf(out, cap, "%s", titles[i][1]);
            return;
        }
    bool partial = strncmp(randomize, "labels:p=", 9) == 0 && !strpbrk(randomize, "+,");
    if (partial)
        snprintf(out, cap, "random labels, p = %s", randomize + 9);
    else
        snprintf(out, cap, "%s", randomize);
}

static const char *text_at(const rk_runs *r, uint32_t i, size_t column)
{
    const char *text = *(const char *const *)(const void *)((const char *)r->run[i] + column);
    return text ? text : "";
}

/* Length of the parameter at p, up to the comma that ends it: '\' quotes the next character. */
static size_t parameter_length(const char *p)
{
    size_t n = 0;
    while (p[n] && p[n] != ',') n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return n;
}

/* True if every run of the same item has the parameter, which begins a spec's list or follows a
 * comma. */
static bool common(const rk_runs *r, size_t column, const char *spec, const char *p, size_t n)
{
    size_t item = strcspn(spec, ":");
    for (uint32_t i = 0; i < r->n; i++) {
        const char *other = text_at(r, i, column);
        if (strcspn(other, ":") != item || strncmp(other, spec, item) != 0) continue;
        bool found = false;
        const char *q = other + item + (other[item] == ':');
        while (*q && !found) {
            size_t length = parameter_length(q);
            found = length == n && strncmp(p, q, n) == 0;
            q += length + (q[length] == ',');
        }
        if (!found) return false;
    }
    return true;
}

void rk_runs_brief(const rk_runs *r, uint32_t i, size_t column, char *out, size_t cap)
{
    const char *spec = text_at(r, i, column), *p = spec + strcspn(spec, ":");
    size_t at = 0;
    char mark = ':';
    snprintf(out, cap, "%.*s", (int)(p - spec), spec);
    for (p += *p == ':'; *p;) {
        size_t n = parameter_length(p);
        at = strlen(out);
        if (!common(r, column, spec, p, n)) {
            snprintf(out + at, cap - at, "%c%.*s", mark, (int)n, p);
            mark = ',';
        }
        p += n + (p[n] == ',');
    }
}
