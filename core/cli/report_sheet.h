/* report_sheet.h: a table that is written as HTML, and folded below it as Markdown.
 *
 * Cells are added row by row; a row that is short is filled up.  Equal heads of rows that follow
 * each other become one.  Lack of memory is remembered and reported by write. */
#ifndef RK_CLI_REPORT_SHEET_H
#define RK_CLI_REPORT_SHEET_H
#include <stdio.h>
#include "rethink/backend.h"

typedef struct rk_sheet rk_sheet;
#define RK_SHEET_TEXT __attribute__((format(printf, 2, 3)))

rk_sheet *rk_sheet_new(void);
/* align: 'l' or 'r'.  The first column is that of the rows' heads.  Before the first row. */
void rk_sheet_column(rk_sheet *t, char align, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Begins a row with its head. */
void rk_sheet_row(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
void rk_sheet_cell(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
/* What alarms, what is good, what is not there. */
void rk_sheet_bad(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
void rk_sheet_good(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
void rk_sheet_soft(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
/* A cell of a heat map: as much colour as heat, from 0 to 1. */
void rk_sheet_heat(rk_sheet *t, double heat, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Small below what the last cell says. */
void rk_sheet_note(rk_sheet *t, const char *format, ...) RK_SHEET_TEXT;
uint32_t rk_sheet_rows(const rk_sheet *t);
/* class: of the table, or "". */
rk_status rk_sheet_write(const rk_sheet *t, const char *class, FILE *f, rk_error *e);
void rk_sheet_free(rk_sheet *t); /* NULL is nothing */
#endif
