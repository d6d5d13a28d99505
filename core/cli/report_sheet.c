#include "cli/report_sheet.h"
#include "base/error.h"
#include "base/pool.h"
#include "cli/report.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef enum style { PLAIN, BAD, GOOD, SOFT, HEAT } style;

typedef struct cell {
    const char *text, *note;
    double heat;
    style style;
} cell;

typedef struct column {
    const char *head;
    bool right;
} column;

struct rk_sheet {
    rk_pool pool;
    column *column;
    uint32_t columns, n;
    cell *cell;
    bool failed;
};

rk_sheet *rk_sheet_new(void) { return calloc(1, sizeof(rk_sheet)); }

void rk_sheet_free(rk_sheet *t)
{
    if (!t) return;
    rk_pool_free(&t->pool);
    free(t);
}

static const char *text_of(rk_sheet *t, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = n < 0 ? NULL : rk_pool_alloc(&t->pool, (size_t)n + 1);
    if (text) vsnprintf(text, (size_t)n + 1, format, list);
    if (!text) t->failed = true;
    return text ? text : "";
}

static void add(rk_sheet *t, style s, double heat, const char *text)
{
    cell *longer = rk_pool_longer(&t->pool, t->cell, t->n, sizeof *longer);
    if (!longer) {
        t->failed = true;
        return;
    }
    t->cell = longer;
    t->cell[t->n++] = (cell){text, "", heat, s};
}

void rk_sheet_column(rk_sheet *t, char align, const char *format, ...)
{
    va_list list;
    if (!t || t->failed) return;
    column *longer = rk_pool_longer(&t->pool, t->column, t->columns, sizeof *longer);
    if (!longer) {
        t->failed = true;
        return;
    }
    t->column = longer;
    va_start(list, format);
    t->column[t->columns++] = (column){text_of(t, format, list), align == 'r'};
    va_end(list);
}

/* Texts of a format go into a cell of a style. */
#define ADD(style, heat)                                                                           \
    do {                                                                                           \
        va_list list;                                                                              \
        if (!t || t->failed) return;                                                               \
        va_start(list, format);                                                                    \
        add(t, style, heat, text_of(t, format, list));                                             \
        va_end(list);                                                                              \
    } while (0)

void rk_sheet_row(rk_sheet *t, const char *format, ...)
{
    while (t && !t->failed && t->columns && t->n % t->columns) add(t, PLAIN, NAN, "");
    ADD(PLAIN, NAN);
}

void rk_sheet_cell(rk_sheet *t, const char *format, ...) { ADD(PLAIN, NAN); }
void rk_sheet_bad(rk_sheet *t, const char *format, ...) { ADD(BAD, NAN); }
void rk_sheet_good(rk_sheet *t, const char *format, ...) { ADD(GOOD, NAN); }
void rk_sheet_soft(rk_sheet *t, const char *format, ...) { ADD(SOFT, NAN); }
void rk_sheet_heat(rk_sheet *t, double heat, const char *format, ...) { ADD(HEAT, heat); }

void rk_sheet_note(rk_sheet *t, const char *format, ...)
{
    va_list list;
    if (!t || t->failed || t->n == 0) return;
    va_start(list, format);
    t->cell[t->n - 1].note = text_of(t, format, list);
    va_end(list);
}

uint32_t rk_sheet_rows(const rk_sheet *t)
{
    return t && t->columns ? (t->n + t->columns - 1) / t->columns : 0;
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static const cell *at(const rk_sheet *t, uint32_t row, uint32_t column)
{
    static const cell none = {"", "", NAN, PLAIN};
    uint32_t i = row * t->columns + column;
    return i < t->n ? &t->cell[i] : &none;
}

static bool same_head(const rk_sheet *t, uint32_t row, uint32_t other)
{
    return strcmp(at(t, row, 0)->text, at(t, other, 0)->text) == 0;
}

static void write_text(FILE *f, const cell *c)
{
    static const char *const classes[] = {NULL, "bad", "good", "soft", NULL};
    const char *class = classes[c->style];
    const char *tag = c->style == SOFT ? "span" : "b";
    if (class) fprintf(f, "<%s class=%s>", tag, class);
    rk_html(f, c->text);
    if (class) fprintf(f, "</%s>", tag);
    if (!c->note[0]) return;
    fputs(" <small>", f);
    rk_html(f, c->note);
    fputs("</small>", f);
}

static void write_cell(FILE *f, const cell *c, bool right)
{
    if (c->style == HEAT)
        fprintf(f, "<td class='n heat' style='--e:%.2f'>", isfinite(c->heat) ? c->heat : 0);
    else
        fputs(right ? "<td class=n>" : "<td>", f);
    write_text(f, c);
}

static void write_rows(FILE *f, const rk_sheet *t)
{
    uint32_t rows = rk_sheet_rows(t);
    for (uint32_t i = 0; i < rows; i++) {
        bool first = i == 0 || !same_head(t, i, i - 1);
        uint32_t span = 1;
        while (first && i + span < rows && same_head(t, i, i + span)) span++;
        fputs(first ? "<tr class=first>" : "<tr>", f);
        if (first) {
            if (span > 1)
                fprintf(f, "<th scope=row rowspan=%u>", span);
            else
                fputs("<th scope=row>", f);
            write_text(f, at(t, i, 0));
            fputs("</th>", f);
        }
        for (uint32_t k = 1; k < t->columns; k++) write_cell(f, at(t, i, k), t->column[k].right);
        fputs("</tr>\n", f);
    }
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void markdown_cell(FILE *f, const cell *c)
{
    const char *mark = c->style == BAD ? "**" : "";
    char one[2] = "";
    fputs(mark, f);
    for (const char *p = c->text; *p; p++) {
        if (*p == '|') fputc('\\', f);
        one[0] = *p;
        rk_html(f, one);
    }
    fprintf(f, "%s |", mark);
}

static void write_markdown(FILE *f, const rk_sheet *t)
{
    fputs("<details class=copy><summary>Markdown</summary><pre>|", f);
    for (uint32_t k = 0; k < t->columns; k++) {
        cell head = {t->column[k].head, "", NAN, PLAIN};
        fputc(' ', f);
        markdown_cell(f, &head);
    }
    fputs("\n|", f);
    for (uint32_t k = 0; k < t->columns; k++) fputs(t->column[k].right ? " --: |" : " --- |", f);
    for (uint32_t i = 0; i < rk_sheet_rows(t); i++) {
        fputs("\n|", f);
        for (uint32_t k = 0; k < t->columns; k++) {
            fputc(' ', f);
            markdown_cell(f, at(t, i, k));
        }
    }
    fputs("</pre></details>\n", f);
}

rk_status rk_sheet_write(const rk_sheet *t, const char *class, FILE *f, rk_error *e)
{
    if (!t || t->failed) return RK_FAIL(e, RK_E_NOMEM, "no memory for a table");
    fprintf(f, "<div class=wide><table class='bench %s'><thead><tr>", class);
    for (uint32_t k = 0; k < t->columns; k++) {
        fputs(t->column[k].right ? "<th scope=col class=n>" : "<th scope=col>", f);
        rk_html(f, t->column[k].head);
    }
    fputs("</tr></thead><tbody>\n", f);
    write_rows(f, t);
    fputs("</tbody></table></div>\n", f);
    write_markdown(f, t);
    return RK_OK;
}
