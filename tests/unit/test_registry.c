/* Finding, checking and refusing plugin files.  The .so's are variants of plugin_variant.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "data/registry.h"

typedef struct fixture {
    const char *variants; /* folder of the .so's */
    char folder[64];      /* a fresh folder */
    rk_registry *registry;
    rk_error error;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->variants = getenv("RETHINK_TEST_VARIANTS");
    assert_non_null(f->variants);
    strcpy(f->folder, "/tmp/rethink-registry-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    unsetenv("RETHINK_PLUGIN_PATH");
    f->error = rk_error_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    rk_registry_free(f->registry);
    free(f);
    return 0;
}

/* Copies a variant into the fixture's folder under a name. */
static void copy(const fixture *f, const char *variant, const char *name)
{
    char command[1024];
    snprintf(command, sizeof command, "cp '%s/%s.so' '%s/%s'", f->variants, variant, f->folder,
             name);
    assert_int_equal(system(command), 0);
}

static rk_status open_path(fixture *f, const char *path)
{
    rk_registry_free(f->registry);
    return rk_registry_new(&path, 1, &f->registry, &f->error);
}

static rk_status open_variant(fixture *f, const char *variant)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.so", f->variants, variant);
    return open_path(f, path);
}

/* The reason why a variant was not loaded. */
static void assert_refused(fixture *f, const char *variant, const char *reason)
{
    const rk_plugin_candidate *c;
    const rk_item *const *items;
    assert_int_equal(open_variant(f, variant), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    if (!strstr(c->reason, reason)) fail_msg("%s: '%s' lacks '%s'", variant, c->reason, reason);
    assert_non_null(strstr(c->path, variant));
    assert_int_equal(rk_registry_items(f->registry, &items), 0);
}

static void test_good(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    const rk_item *const *items;
    assert_int_equal(open_variant(f, "good"), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_string_equal(c->reason, "loaded");
    assert_string_equal(c->name, "good");
    assert_string_equal(c->version, "1.5");
    assert_int_equal(rk_registry_items(f->registry, &items), 3);
    assert_string_equal(items[0]->name, "empty"); /* by kind, then name */
    assert_string_equal(items[1]->name, "early");
    assert_string_equal(items[2]->name, "half");
    assert_string_equal(rk_registry_file(f->registry, items[2]), c->path);
    assert_true(items[2]->rate(3, 0, NULL) == 1.5);
}

static void test_refusals(void **state)
{
    fixture *f = *state;
    assert_refused(f, "no_table", "does not export rk_plugin_table");
    assert_refused(f, "wrong_abi", "written for version 2 of the plugin interface, this is 1");
    assert_refused(f, "lying_size", "says it has");
    assert_refused(f, "tiny_symbol", "rk_plugin_table has ");
    assert_refused(f, "longer_used", "fields that this version does not know");
    assert_refused(f, "no_function", "item 0: m lacks the function of its kind, model");
    assert_int_equal(open_variant(f, "longer_zero"), RK_OK);
    const rk_item *const *items;
    assert_int_equal(rk_registry_items(f->registry, &items), 2);
}

static void test_not_a_shared_object(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    char path[128];
    snprintf(path, sizeof path, "%s/text.so", f->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("no ELF", file);
    fclose(file);
    assert_int_equal(open_path(f, path), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_non_null(strstr(c->reason, "not a shared library"));
    snprintf(path, sizeof path, "%s/absent.so", f->folder);
    assert_int_equal(open_path(f, path), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_string_equal(c->reason, "no such file or folder");
}

/* dlopen maps what is not there, and the process dies as it reads that. */
static void test_truncated(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    char path[128];
    static const off_t bytes[] = {0, 30, 100, 2000, 5000};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        copy(f, "good", "cut.so");
        snprintf(path, sizeof path, "%s/cut.so", f->folder);
        assert_int_equal(truncate(path, bytes[i]), 0);
        assert_int_equal(open_path(f, path), RK_OK);
        assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
        if (!strstr(c->reason, bytes[i] < 64 ? "not a shared library" : "it is truncated"))
            fail_msg("%d bytes: %s", (int)bytes[i], c->reason);
    }
}

/* A folder gives its .so files in the order of their bytes, each file once. */
static void test_folder(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    copy(f, "wrong_abi", "b.so");
    copy(f, "good", "a.so");
    copy(f, "no_table", "C.so");
    copy(f, "duplicate", "not-a-plugin.so.1");
    char list[256], link[128];
    snprintf(link, sizeof link, "%s/d.so", f->folder);
    assert_int_equal(symlink("a.so", link), 0);
    snprintf(list, sizeof list, "::%s:%s/a.so:", f->folder, f->folder);
    setenv("RETHINK_PLUGIN_PATH", list, 1);
    assert_int_equal(rk_registry_new(NULL, 0, &f->registry, &f->error), RK_OK);
    unsetenv("RETHINK_PLUGIN_PATH");
    assert_int_equal(rk_registry_candidates(f->registry, &c), 3);
    assert_non_null(strstr(c[0].path, "/C.so"));
    assert_non_null(strstr(c[1].path, "/a.so"));
    assert_non_null(strstr(c[2].path, "/b.so"));
}

static void test_duplicate_names_both_files(void **state)
{
    fixture *f = *state;
    copy(f, "good", "first.so");
    copy(f, "duplicate", "second.so");
    assert_int_equal(open_path(f, f->folder), RK_E_INVALID);
    assert_null(f->registry);
    assert_non_null(strstr(f->error.text, "schedule half"));
    assert_non_null(strstr(f->error.text, "/first.so"));
    assert_non_null(strstr(f->error.text, "/second.so"));
}

static void test_same_name_of_other_kind_is_fine(void **state)
{
    fixture *f = *state;
    const rk_item *const *items;
    copy(f, "good", "first.so");
    copy(f, "same_name_other_kind", "second.so");
    assert_int_equal(open_path(f, f->folder), RK_OK);
    assert_int_equal(rk_registry_items(f->registry, &items), 4);
}

static void test_world_writable_is_refused(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    const rk_item *const *items;
    char path[128];
    copy(f, "good", "a.so");
    snprintf(path, sizeof path, "%s/a.so", f->folder);
    chmod(path, 0777);
    assert_int_equal(open_path(f, f->folder), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_non_null(strstr(c->reason, "any user may write to this file"));
    assert_int_equal(rk_registry_items(f->registry, &items), 0);
    chmod(path, 0755);
    chmod(f->folder, 0777);
    assert_int_equal(open_path(f, f->folder), RK_OK);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_non_null(strstr(c->reason, "any user may write to this folder"));
    assert_int_equal(open_path(f, path), RK_OK); /* naming the file does not help */
    assert_int_equal(rk_registry_candidates(f->registry, &c), 1);
    assert_non_null(strstr(c->reason, "any user may write to this folder"));
}

/* Nothing is looked for in the current folder. */
static void test_current_folder_is_not_searched(void **state)
{
    fixture *f = *state;
    const rk_plugin_candidate *c;
    char before[512];
    copy(f, "good", "a.so");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->folder), 0);
    setenv("RETHINK_PLUGIN_PATH", ":", 1);
    assert_int_equal(rk_registry_new(NULL, 0, &f->registry, &f->error), RK_OK);
    unsetenv("RETHINK_PLUGIN_PATH");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rk_registry_candidates(f->registry, &c), 0);
}

static void test_kind_names(void **state)
{
    (void)state;
    assert_string_equal(rk_kind_name(RK_KIND_MODEL), "model");
    assert_string_equal(rk_kind_name(RK_KIND_SCHEDULE), "schedule");
    assert_string_equal(rk_kind_name(0), "unknown");
    assert_string_equal(rk_kind_name(99), "unknown");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_good),
                                       TEST(test_refusals),
                                       TEST(test_not_a_shared_object),
                                       TEST(test_truncated),
                                       TEST(test_folder),
                                       TEST(test_duplicate_names_both_files),
                                       TEST(test_same_name_of_other_kind_is_fine),
                                       TEST(test_world_writable_is_refused),
                                       TEST(test_current_folder_is_not_searched),
                                       cmocka_unit_test(test_kind_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
