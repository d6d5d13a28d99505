#include "data/names.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool rk_name_valid(const char *name)
{
    if (!name || name[0] < 'a' || name[0] > 'z') return false;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
    return n <= RK_NAME_MAX && name[n] == '\0';
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

size_t rk_name_distance(const char *a, const char *b)
{
    size_t row[RK_NAME_MAX + 1], n = strlen(b);
    if (strlen(a) > RK_NAME_MAX || n > RK_NAME_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0]; /* the entry up and to the left */
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t replaced = corner + (a[i] != b[j]);
            corner = row[j + 1];
            row[j + 1] = least(replaced, least(corner, row[j]) + 1);
        }
    }
    return row[n];
}

static size_t append(char *out, size_t cap, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static size_t append(char *out, size_t cap, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out + at, cap - at, format, args);
    va_end(args);
    return n < 0 ? at : least(at + (size_t)n, cap - 1);
}

/* "Known: linear, mlp, and 3 more": names are whole. */
static void list_names(const char *const *known, size_t n, char *out, size_t cap, size_t at)
{
    char more[40];
    size_t rest = 0; /* of the names that follow, each with what is before it */
    for (size_t i = 0; i < n; i++) rest += strlen(known[i]) + sizeof ", " - 1;
    for (size_t i = 0; i < n; i++) {
        size_t end = at + strlen(known[i]) + sizeof ", " - 1;
        rest -= end - at;
        snprintf(more, sizeof more, ", and %zu more", n - i - 1);
        if (end + least(rest, strlen(more)) >= cap) {
            append(out, cap, at, "%s %zu more", i ? ", and" : "", n - i);
            return;
        }
        at = append(out, cap, at, "%s %s", i ? "," : "", known[i]);
    }
    if (n == 0) append(out, cap, at, " none");
}

void rk_name_hint(const char *wrong, const char *const *known, size_t n, char *out, size_t cap)
{
    size_t best = SIZE_MAX, at = 0, length = strlen(wrong);
    const char *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t distance = rk_name_distance(wrong, known[i]);
        if (distance >= best) continue;
        best = distance;
        nearest = known[i];
    }
    out[0] = '\0';
    if (nearest && best <= (length + 1) / 2)
        at = append(out, cap, at, "; did you mean '%s'?", nearest);
    at = append(out, cap, at, "%s", at ? "  Known:" : "; known:");
    list_names(known, n, out, cap, at);
}
