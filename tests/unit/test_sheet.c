/* Tables of the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/report_sheet.h"

static uint32_t count(const char *text, const char *what)
{
    uint32_t n = 0;
    for (; *text; text++) n += strncmp(text, what, strlen(what)) == 0;
    return n;
}

/* As many columns as devices: each cell stays below its head. */
static void test_many_columns(void **state)
{
    enum { COLUMNS = 70, ROWS = 2 };
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    rk_sheet *t = rk_sheet_new();
    (void)state;
    assert_non_null(f);
    for (int k = 0; k < COLUMNS; k++) rk_sheet_column(t, k ? 'r' : 'l', "head %d", k);
    for (int i = 0; i < ROWS; i++) {
        rk_sheet_row(t, "row %d", i);
        for (int k = 1; k < COLUMNS; k++) rk_sheet_cell(t, "%d.%d", i, k);
    }
    assert_int_equal(rk_sheet_rows(t), ROWS);
    assert_int_equal(rk_sheet_write(t, "", f, NULL), RK_OK);
    fclose(f);
    assert_int_equal(count(text, "<th scope=col"), COLUMNS);
    assert_int_equal(count(text, "<td class=n>"), ROWS * (COLUMNS - 1));
    assert_int_equal(count(text, "<th scope=row>"), ROWS);
    assert_non_null(strstr(text, "<td class=n>1.69</tr>"));
    rk_sheet_free(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
