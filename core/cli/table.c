/* Tables with aligned columns. */
#include "cli/cli.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct rk_table {
    const char *align;
    size_t columns, n, cap;
    char **cell; /* [n], the heads first */
    bool failed;
};

rk_table *rk_table_new(const char *align, const char *const *heads)
{
    rk_table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->align = align;
    t->columns = strlen(align);
    for (size_t i = 0; i < t->columns; i++) rk_table_cell(t, "%s", heads[i]);
    return t;
}

void rk_table_free(rk_table *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n; i++) free(t->cell[i]);
    free(t->cell);
    free(t);
}

void rk_table_cell(rk_table *t, const char *format, ...)
{
    va_list args;
    if (!t || t->failed) return;
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        char **cell = realloc(t->cell, cap * sizeof *cell);
        t->failed = !cell;
        if (!cell) return;
        t->cell = cell;
        t->cap = cap;
    }
    va_start(args, format);
    t->failed = vasprintf(&t->cell[t->n], format, args) < 0;
    va_end(args);
    if (!t->failed) t->n++;
}

/* Characters, counting UTF-8 sequences once. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void print_cell(FILE *f, const char *text, size_t width, bool right, bool last)
{
    int gap = (int)(width - width_of(text));
    if (right) fprintf(f, "%*s", gap, "");
    fputs(text, f);
    if (!right && !last) fprintf(f, "%*s", gap, "");
    if (!last) fputs("  ", f);
}

rk_status rk_table_print(const rk_table *t, FILE *f, rk_error *e)
{
    if (!t || t->failed) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    size_t *width = calloc(t->columns, sizeof *width);
    if (!width) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    for (size_t i = 0; i < t->n; i++) {
        size_t n = width_of(t->cell[i]);
        if (n > width[i % t->columns]) width[i % t->columns] = n;
    }
    bool colour = rk_cli_colour(f);
    for (size_t i = 0; i < t->n; i++) {
        size_t c = i % t->columns;
        bool head = colour && i < t->columns;
        if (head) fputs("\033[1m", f);
        print_cell(f, t->cell[i], width[c], t->align[c] == 'r', c + 1 == t->columns);
        if (head) fputs("\033[0m", f);
        if (c + 1 == t->columns) fputc('\n', f);
    }
    free(width);
    return RK_OK;
}
