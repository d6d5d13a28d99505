#include "fake_root.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/os.h"
#include "scratch.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *new_root(void)
{
    static char root[256];
    static int number;
    char name[16];
    snprintf(name, sizeof name, "root%d", number++);
    snprintf(root, sizeof root, "%s", scratch(name));
    return root;
}

void put(const char *root, const char *path, const char *text)
{
    char full[512], *slash;
    rk_error e = rk_error_new();
    snprintf(full, sizeof full, "%s%s", root, path);
    slash = strrchr(full, '/');
    *slash = '\0';
    assert_int_equal(rk_os_mkdirs(full, &e), RK_OK);
    *slash = '/';
    scratch_write(full, text, strlen(text));
}

void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fabs(want))) fail_msg("%.12g is not %.12g", got, want);
}
