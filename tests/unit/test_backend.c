/* Runs the tests of all kinds on one device of one backend with given options:
 *     test_backend PATH INDEX [--small] [--without=KIND,KIND] [KEY=VALUE ...]
 * Exits 77 if there is no such device, or if it is not exact here (the reason is printed). */
#include "kinds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, MOST_TESTS = 16 };

static int run_group(const kinds_group *g, harness *h)
{
    struct CMUnitTest tests[MOST_TESTS];
    if (g->n > MOST_TESTS) return 1;
    memcpy(tests, g->tests, g->n * sizeof *tests);
    for (size_t i = 0; i < g->n; i++) tests[i].initial_state = h;
    return _cmocka_run_group_tests(g->name, tests, g->n, NULL, NULL);
}

static int run_all(harness *h)
{
    static const kinds_group *const groups[] = {
        &kinds_ewise,  &kinds_copy,  &kinds_reduce, &kinds_matmul,  &kinds_conv,
        &kinds_window, &kinds_index, &kinds_rng,    &kinds_illegal, &kinds_faults};
    int failed = 0;
    const char *only = getenv("KINDS");
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (!only || strstr(only, groups[i]->name)) failed += run_group(groups[i], h);
    return failed;
}

int main(int argc, char **argv)
{
    const char *options[HARNESS_OPTIONS + 1] = {NULL};
    uint32_t n = 0;
    harness h;
    rk_error e = {.size = sizeof e};
    const char *without = NULL;
    int small = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s PATH INDEX [--small] [--without=KINDS] [KEY=VALUE ...]\n",
                argv[0]);
        return 2;
    }
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], "--small") == 0)
            small = 1;
        else if (strncmp(argv[i], "--without=", 10) == 0)
            without = argv[i] + 10;
        else if (n < HARNESS_OPTIONS)
            options[n++] = argv[i];
    rk_status s = harness_open(&h, argv[1], (uint32_t)atoi(argv[2]), options, &e);
    if (s != RK_OK) {
        fprintf(stderr, "%s device %s: %s: %s\n", argv[1], argv[2], e.where, e.text);
        return s == RK_E_UNSUPPORTED ? SKIPPED : 1;
    }
    h.small = small;
    h.without = without;
    printf("%s: %s, driver %s\n", h.backend->name, h.info.name, h.info.driver);
    int failed = run_all(&h);
    long left = harness_close(&h);
    if (left) fprintf(stderr, "%ld host allocations are left after close\n", left);
    return failed || left ? 1 : 0;
}
