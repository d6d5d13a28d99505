/* rk_file_read: plain and gzip files, whole and damaged. */
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
#include "rethink/plugin.h"

enum { BYTES = 300000, LIMIT = 1 << 20 };

typedef struct fixture {
    char path[64];
    uint8_t content[BYTES], packed[2 * BYTES];
    size_t n_packed;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/rethink-file-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    for (uint32_t i = 0; i < BYTES; i++) /* half of it compresses */
        f->content[i] = i < BYTES / 2 ? (uint8_t)rk_random_word((rk_random){1, 2, 3}, i) : 0;
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = f->content;
    z.avail_in = BYTES;
    z.next_out = f->packed;
    z.avail_out = sizeof f->packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    f->n_packed = z.total_out;
    deflateEnd(&z);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    unlink(f->path);
    free(f);
    return 0;
}

static void put(const fixture *f, const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    if (n) assert_int_equal(fwrite(a, 1, n, file), n);
    if (m) assert_int_equal(fwrite(b, 1, m, file), m);
    fclose(file);
}

/* Reads the fixture's file; on success compares with expected[n] and frees. */
static rk_status get(const fixture *f, uint64_t limit, const uint8_t *expected, uint64_t n,
                     rk_error *e)
{
    uint8_t *data;
    uint64_t bytes;
    *e = rk_error_new();
    rk_status status = rk_file_read(f->path, limit, &data, &bytes, e);
    if (status != RK_OK) {
        assert_null(data);
        assert_non_null(strstr(e->text, f->path));
        return status;
    }
    assert_int_equal(bytes, n);
    if (n) assert_memory_equal(data, expected, n);
    free(data);
    return status;
}

static void test_plain_and_gzip_are_equal(void **state)
{
    fixture *f = *state;
    rk_error e;
    put(f, f->content, BYTES, NULL, 0);
    assert_int_equal(get(f, LIMIT, f->content, BYTES, &e), RK_OK);
    put(f, f->packed, f->n_packed, NULL, 0);
    assert_int_equal(get(f, LIMIT, f->content, BYTES, &e), RK_OK);
}

static void test_two_members(void **state)
{
    fixture *f = *state;
    uint8_t *twice = malloc(2 * BYTES);
    rk_error e;
    assert_non_null(twice);
    memcpy(twice, f->content, BYTES);
    memcpy(twice + BYTES, f->content, BYTES);
    put(f, f->packed, f->n_packed, f->packed, f->n_packed);
    assert_int_equal(get(f, LIMIT, twice, 2 * BYTES, &e), RK_OK);
    free(twice);
}

static void test_truncated(void **state)
{
    fixture *f = *state;
    rk_error e;
    size_t cuts[] = {2, 3, 9, 10, 11, 1000, f->n_packed - 9, f->n_packed - 8, f->n_packed - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put(f, f->packed, cuts[i], NULL, 0);
        assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
        assert_non_null(strstr(e.text, "truncated"));
    }
    put(f, f->packed, f->n_packed, f->packed, 20); /* in the second member */
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "truncated"));
}

static void test_damaged(void **state)
{
    fixture *f = *state;
    rk_error e;
    f->packed[f->n_packed - 6] ^= 1; /* the checksum */
    put(f, f->packed, f->n_packed, NULL, 0);
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "damaged gzip data"));
    f->packed[f->n_packed - 6] ^= 1;
    f->packed[1000] ^= 0xFF; /* the middle */
    put(f, f->packed, f->n_packed, NULL, 0);
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
    f->packed[1000] ^= 0xFF;
    put(f, f->packed, f->n_packed, (const uint8_t *)"rest", 4); /* what follows is no member */
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
}

static void test_limit(void **state)
{
    fixture *f = *state;
    rk_error e;
    put(f, f->content, BYTES, NULL, 0);
    assert_int_equal(get(f, BYTES, f->content, BYTES, &e), RK_OK);
    assert_int_equal(get(f, BYTES - 1, NULL, 0, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "longer than the 299999 bytes"));
    put(f, f->packed, f->n_packed, NULL, 0);
    assert_int_equal(get(f, BYTES, f->content, BYTES, &e), RK_OK);
    assert_int_equal(get(f, BYTES - 1, NULL, 0, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "longer than the 299999 bytes"));
}

/* A small file that unpacks to a large one is stopped at the limit. */
static void test_bomb(void **state)
{
    fixture *f = *state;
    rk_error e;
    gzFile gz = gzopen(f->path, "wb9");
    assert_non_null(gz);
    static const uint8_t zeros[65536];
    for (int i = 0; i < 1000; i++) assert_int_equal(gzwrite(gz, zeros, sizeof zeros), sizeof zeros);
    gzclose(gz);
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "longer than"));
}

static void test_short_files(void **state)
{
    fixture *f = *state;
    rk_error e;
    put(f, NULL, 0, NULL, 0);
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_OK);
    put(f, (const uint8_t *)"\x1f", 1, NULL, 0);
    assert_int_equal(get(f, LIMIT, (const uint8_t *)"\x1f", 1, &e), RK_OK);
}

static void test_no_file(void **state)
{
    fixture *f = *state;
    rk_error e;
    unlink(f->path);
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "No such file"));
    strcpy(f->path, "/tmp");
    assert_int_equal(get(f, LIMIT, NULL, 0, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "directory"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_plain_and_gzip_are_equal),
                                       TEST(test_two_members),
                                       TEST(test_truncated),
                                       TEST(test_damaged),
                                       TEST(test_limit),
                                       TEST(test_bomb),
                                       TEST(test_short_files),
                                       TEST(test_no_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
