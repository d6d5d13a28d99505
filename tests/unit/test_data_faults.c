/* The n-th allocation fails, for all n: a clear error, nothing leaked, nothing half made.  Linked
 * with --wrap, so that the core's own allocations pass through here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include "base/error.h"
#include "data/dataset.h"
#include "data/registry.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t element);
void *__real_realloc(void *old, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t element);
void *__wrap_realloc(void *old, size_t n);
char *__wrap_strdup(const char *s);

static long countdown = -1; /* allocations that still succeed; negative: all */

static size_t largest; /* request since it was last set to 0 */

static int exhausted(void)
{
    if (countdown < 0) return 0;
    return countdown-- == 0;
}

void *__wrap_malloc(size_t n) { return exhausted() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t k) { return exhausted() ? NULL : __real_calloc(n, k); }
void *__wrap_realloc(void *p, size_t n)
{
    if (n > largest) largest = n;
    return exhausted() ? NULL : __real_realloc(p, n);
}
char *__wrap_strdup(const char *s) { return exhausted() ? NULL : __real_strdup(s); }

static char data_file[] = "/tmp/rethink-faults-XXXXXX";

/* Reads a gzip file and converts its pixels: all that data items allocate through. */
static rk_status from_file(rk_dataset *d, const rk_args *a, rk_error *e)
{
    uint8_t *bytes;
    uint64_t n;
    (void)a;
    *d = (rk_dataset){.classes = 2, .channels = 1, .height = 8, .width = 8, .standardize = 1};
    RK_TRY(rk_dataset_make(d, RK_U8, 4, 3, e));
    RK_TRY(rk_file_read(data_file, 1 << 20, &bytes, &n, e));
    memcpy(d->train.x.pixels, bytes, 256);
    free(bytes);
    return RK_OK;
}

static rk_status to_f32(rk_dataset *d, const rk_args *a, rk_random r, rk_error *e)
{
    (void)a;
    (void)r;
    RK_TRY(rk_examples_to_f32(&d->train.x, 64, e));
    return rk_examples_to_f32(&d->test.x, 64, e);
}

static const rk_item data_item = RK_ITEM(RK_KIND_DATA, .name = "d", .doc = "d", .data = from_file);
static const rk_item transform_item =
    RK_ITEM(RK_KIND_TRANSFORM, .name = "t", .doc = "d", .transform = to_f32);

static rk_status load_registry(rk_error *e)
{
    char path[512];
    const char *extra = path;
    rk_registry *r;
    snprintf(path, sizeof path, "%s/good.so", getenv("RETHINK_TEST_VARIANTS"));
    rk_status status = rk_registry_new(&extra, 1, &r, e);
    assert_int_equal(status == RK_OK, r != NULL);
    rk_registry_free(r);
    return status;
}

static rk_registry *shared; /* of the spec test: loaded while allocations succeed */

static rk_status parse(rk_error *e)
{
    rk_spec *s;
    rk_status status = rk_spec_parse(shared, RK_KIND_DATA, "empty:path=a\\,b,limit=4", &s, e);
    assert_int_equal(status == RK_OK, s != NULL);
    rk_spec_free(s);
    return status;
}

/* Ends with RK_E_INVALID once there is memory enough. */
static rk_status parse_unknown(rk_error *e)
{
    rk_spec *s;
    rk_status status = rk_spec_parse(shared, RK_KIND_DATA, "emty:path=x", &s, e);
    return status == RK_E_INVALID ? RK_OK : status;
}

static rk_status load_data(rk_error *e)
{
    rk_spec data = {.item = &data_item}, transform = {.item = &transform_item};
    const rk_spec *list[] = {&transform};
    rk_audit audit;
    rk_dataset *d;
    rk_status status = rk_dataset_load(&data, list, 1, 1, &d, &audit, e);
    assert_int_equal(status == RK_OK, d != NULL);
    rk_dataset_free(d);
    return status;
}

/* Returns how many allocations the call makes. */
static long fail_each(rk_status (*call)(rk_error *))
{
    for (long n = 0;; n++) {
        rk_error e = rk_error_new();
        countdown = n;
        rk_status status = call(&e);
        bool failed = countdown < 0; /* the allocation that fails was reached */
        countdown = -1;
        if (!failed) {
            assert_int_equal(status, RK_OK);
            return n;
        }
        assert_int_equal(status, RK_E_NOMEM);
        assert_int_equal(e.code, RK_E_NOMEM);
        assert_non_null(strstr(e.text, "no memory"));
        assert_true(n < 1000);
    }
}

static void test_registry(void **state)
{
    (void)state;
    assert_non_null(getenv("RETHINK_TEST_VARIANTS"));
    unsetenv("RETHINK_PLUGIN_PATH");
    assert_true(fail_each(load_registry) > 10);
}

static void test_spec(void **state)
{
    (void)state;
    char path[512];
    const char *extra = path;
    snprintf(path, sizeof path, "%s/good.so", getenv("RETHINK_TEST_VARIANTS"));
    assert_int_equal(rk_registry_new(&extra, 1, &shared, NULL), RK_OK);
    assert_true(fail_each(parse) > 6);
    assert_true(fail_each(parse_unknown) >= 3);
    rk_registry_free(shared);
}

static void test_dataset(void **state)
{
    (void)state;
    uint8_t pixels[256] = {1, 2, 3};
    int fd = mkstemp(data_file);
    assert_true(fd >= 0);
    gzFile gz = gzdopen(fd, "wb");
    assert_int_equal(gzwrite(gz, pixels, sizeof pixels), sizeof pixels);
    gzclose(gz);
    assert_true(fail_each(load_data) >= 16);
    unlink(data_file);
}

/* A small file that would unpack to 64 MiB takes no more memory than the limit on it suggests. */
static void test_bomb(void **state)
{
    static const uint8_t zeros[65536];
    char path[] = "/tmp/rethink-bomb-XXXXXX";
    uint8_t *bytes;
    uint64_t n;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    gzFile gz = gzdopen(fd, "wb9");
    for (int i = 0; i < 1024; i++) assert_int_equal(gzwrite(gz, zeros, sizeof zeros), sizeof zeros);
    gzclose(gz);
    largest = 0;
    assert_int_equal(rk_file_read(path, 1 << 20, &bytes, &n, NULL), RK_E_INVALID);
    assert_true(largest > 0 && largest <= 4 << 20);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_registry), cmocka_unit_test(test_spec),
                                       cmocka_unit_test(test_dataset), cmocka_unit_test(test_bomb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
