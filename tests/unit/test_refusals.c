/* Presets that are refused: one line each, with the file and the line. */
#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"
#include "cli/preset.h"

/* Lines 1 to 6; a and b at every scale. */
#define HEAD                                                                                       \
    "[scale micro]\nlr = 1\n[variant a]\nrandomize =\n[variant b]\nrandomize = labels:p=0.5\n"

static rk_status read_text(const char *text, rk_preset *p, rk_error *e)
{
    const char *path = scratch("study.ini");
    scratch_write(path, text, strlen(text));
    return rk_preset_read(path, "study", p, e);
}

static void refuse_text(const char *text, const char *said)
{
    rk_preset p;
    rk_error e = rk_error_new();
    rk_status status = read_text(text, &p, &e);
    if (status != RK_E_INVALID) fail_msg("status %d of: %s", (int)status, text);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    if (strchr(e.text, '\n')) fail_msg("more than a line: \"%s\"", e.text);
}

static void refuse_expression(const char *expression, const char *said)
{
    char text[600], where[200];
    snprintf(text, sizeof text, HEAD "[claim c]\nsays = x\nholds = %s\n", expression);
    snprintf(where, sizeof where, "study.ini:9: '%.60s", expression);
    refuse_text(text, where);
    refuse_text(text, said);
}

static void test_bad_expressions(void **state)
{
    (void)state;
    refuse_expression("test('c') > 1", "no variant 'c' at micro");
    refuse_expression("tset('a') > 1", "no such function: tset; did you mean 'test'?");
    refuse_expression("test('a') >", "syntax error");
    refuse_expression("test('a'", "");
    refuse_expression("test('a') > 1 and lowest('tset', '*') > 1",
                      "no measure 'tset'; did you mean");
    refuse_expression("lowest('test', 'x*') > 1", "no variant matches 'x*'");
    refuse_expression("at('los', 'a', 1) > 1", "no measure 'los'");
    refuse_expression("test('a'), test('b')", "");
    refuse_expression("test('a'); select 1", "");
    refuse_expression("1) union select (2", "not authorized");
    refuse_expression("1); drop table x", "");
    refuse_expression("(select count(*) from sqlite_master)", "not authorized");
    refuse_expression("load_extension('x')", "not authorized");
    refuse_expression("randomblob(1000000000)", "not authorized");
    refuse_expression("readfile('/etc/passwd')", "no such function");
    refuse_expression("(with recursive t(x) as (select 1 union all select x+1 from t) select x)",
                      "");
}

static void test_bad_sections(void **state)
{
    (void)state;
    refuse_text(HEAD "[claim]\nholds = 1\n", ":8: [claim] needs a name");
    refuse_text(HEAD "[claim c]\nhold = 1\n",
                ":8: no key 'hold' in [claim NAME]; did you mean 'holds'?");
    refuse_text(HEAD "[claim c]\nsays = x\n", ":8: [claim c] claims nothing");
    refuse_text(HEAD "[claim c]\nmean = test('a')\n", ":8: [claim c]: mean = EXPRESSION goes with");
    refuse_text(HEAD "[claim c]\nmean = 1\nfrom = 2\nto = 1\n", "the smaller first");
    refuse_text(HEAD "[claim c]\nmean = 1\nfrom = x\n", ":9: from: 'x' is no number");
    refuse_text(HEAD "[claim c]\nmean = 1\nmean = 2\n", ":9: mean is set twice, first in line 8");
    refuse_text(HEAD "[paper a @ micro]\ntset = 1 within 2\n",
                ":8: no measure 'tset'; did you mean");
    refuse_text(HEAD "[paper a @ micro]\ntest = 1\n",
                ":8: test: '1' is not VALUE within TOLERANCE");
    refuse_text(HEAD "[paper a @ micro]\ntest = 1 within -1\n", "is not VALUE within TOLERANCE");
    refuse_text(HEAD "[paper c @ micro]\ntest = 1 within 1\n", ":8: no variant 'c' at micro");
    refuse_text(
        HEAD "[paper a]\ntest = 1 within 1\n",
        ":8: [paper a] is of scale full, and there is no [scale full]: [paper a @ micro] is");
    refuse_text("[variant a]\nlr = 1\n[paper c]\ntest = 1 within 1\n", ":4: no variant 'c'");
    refuse_text("[variant a]\nlr = 1\n[paper a @ full]\ntest = 1 within 1\n",
                ":4: [paper a] is of scale full, and there is no [scale full]: [paper a] is");
    refuse_text(HEAD "[figure f]\nkind = pie\n", ":8: kind: 'pie' is none of curves|sweep");
    refuse_text(HEAD "[figure f]\ny = los\n", "study.ini:8: no measure 'los'");
    refuse_text(HEAD "[figure f]\nx = hours\n", "study.ini:8: x: 'hours' is none of steps");
    refuse_text(HEAD "[figure f]\nz = 1\n", ":8: no key 'z' in [figure TITLE]");
}

static void test_conflicts(void **state)
{
    (void)state;
    refuse_text("[preset]\nlr = 1\nseed = 1\nlr = 2\n", ":4: lr is set twice, first in line 2");
    refuse_text("[variant a]\nmomentum = 0.5\noptimizer = sgd\n",
                ":3: optimizer conflicts with momentum of line 2");
    refuse_text("[variant a]\nlr = 1\n[grid]\nlr = 1 | 2\n",
                ":2: lr conflicts with the grid of line 4");
    refuse_text("[grid]\nseed = 1\nlr = 1\nseed = 2\n",
                ":4: seed is in the grid twice, first in line 2");
    refuse_text("[grid]\nseed = 9..1\n", ":2: --seed: '9..1' is no range");
    refuse_text("[grid]\nseed = 1..x\n", ":2: --seed: '1..x' is no range");
    refuse_text("[grid]\nscale = micro\n", ":2: scale is no key of a grid");
    refuse_text("[scale micro]\nlr = 1\n\n[scale tiny]\nlr = 1\n", ":5: no scale 'tiny'");
    refuse_text("[variant a @ huge]\nlr = 1\n", ":2: [variant a @ huge]: no scale 'huge'");
    refuse_text("[variant a @]\nlr = 1\n", ":2: [variant a @]: which scale?");
    refuse_text("[preset]\nscale = full\n[scale micro]\nlr = 1\n", "there is no [scale full]");
    refuse_text("[variant a name of forty-nine characters, which is more]\nlr = 1\n",
                ":2: [variant a name of fo...]: more than 48 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_expressions),
                                       cmocka_unit_test(test_bad_sections),
                                       cmocka_unit_test(test_conflicts)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
