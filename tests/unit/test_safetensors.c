/* Files written and read again; the layout byte by byte; every kind of damage refused. */
#include "scratch.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/os.h"
#include "train/safetensors.h"

int __real_fsync(int fd);
int __wrap_fsync(int fd);
static int folder_fault; /* what a folder's sync fails with; 0: it does not */

int __wrap_fsync(int fd)
{
    struct stat s;
    if (!folder_fault || fstat(fd, &s) != 0 || !S_ISDIR(s.st_mode)) return __real_fsync(fd);
    errno = folder_fault;
    return -1;
}

static const float weights[6] = {1, -2, 3.5f, 0, 1e-30f, -0.0f};
static const uint32_t position[1] = {4000000000u};
static const uint8_t mask[3] = {0, 255, 7};
static const void *const contents[] = {weights, position, mask};

static rk_status fill(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    const rk_stored *t = ctx;
    (void)e;
    memcpy(dst, contents[i], rk_stored_bytes(&t[i]));
    return RK_OK;
}

static rk_status fill_failing(void *ctx, uint32_t i, void *dst, rk_error *e)
{
    if (i == 1) return RK_FAIL(e, RK_E_DEVICE, "the device is lost");
    return fill(ctx, i, dst, e);
}

static void make(const char *path)
{
    rk_stored t[] = {{"layer/weight", RK_F32, RK_SHAPE(2, 3)},
                     {"position", RK_U32, {0, {0}}},
                     {"mask", RK_U8, RK_SHAPE(3)}};
    const rk_note notes[] = {{"run", "7"}, {"config", "{\"a\":\"\\\\\"}"}};
    assert_int_equal(rk_safetensors_write(path, t, 3, notes, 2, fill, t, NULL), RK_OK);
}

static void test_round_trip(void **state)
{
    const char *path = scratch("round.safetensors");
    rk_safetensors *f;
    const rk_stored *list;
    char data[64];
    rk_error e = rk_error_new();
    (void)state;
    make(path);
    assert_int_equal(rk_safetensors_open(path, &f, &e), RK_OK);
    assert_int_equal(rk_safetensors_list(f, &list), 3);
    assert_string_equal(list[1].name, "position");
    assert_int_equal(list[1].shape.rank, 0);
    assert_string_equal(rk_safetensors_note(f, "run"), "7");
    assert_string_equal(rk_safetensors_note(f, "config"), "{\"a\":\"\\\\\"}");
    assert_null(rk_safetensors_note(f, "epoch"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rk_safetensors_read(f, &list[i], data, &e), RK_OK);
        assert_memory_equal(data, contents[i], rk_stored_bytes(&list[i]));
    }
    rk_stored other = {"layer/weight", RK_F32, RK_SHAPE(3, 2)};
    assert_int_equal(rk_safetensors_read(f, &other, data, &e), RK_E_INVALID);
    other = (rk_stored){"layer/weight", RK_U32, RK_SHAPE(2, 3)};
    assert_int_equal(rk_safetensors_read(f, &other, data, &e), RK_E_INVALID);
    other.name = "layer/weigh";
    assert_int_equal(rk_safetensors_read(f, &other, data, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "layer/weigh"));
    rk_safetensors_close(f);
}

/* The format as its own description gives it: other tools read this file. */
static void test_layout(void **state)
{
    const char *path = scratch("layout.safetensors");
    size_t bytes;
    uint64_t length;
    (void)state;
    make(path);
    char *data = scratch_read(path, &bytes);
    memcpy(&length, data, 8);
    assert_int_equal(length % 8, 0);
    assert_int_equal(data[8], '{');
    assert_int_equal(bytes, 8 + length + 24 + 4 + 3);
    assert_memory_equal(data + 8 + length, weights, 24);
    assert_memory_equal(data + 8 + length + 24, position, 4);
    data[8 + length] = '\0';
    assert_non_null(strstr(data + 8, "\"mask\":{\"dtype\":\"U8\",\"shape\":[3],"
                                     "\"data_offsets\":[28,31]}"));
    assert_non_null(strstr(data + 8, "\"position\":{\"dtype\":\"U32\",\"shape\":[],"));
    free(data);
}

static void test_replaced_whole_or_not(void **state)
{
    const char *path = scratch("atomic.safetensors"), *tmp = scratch("atomic.safetensors.tmp");
    size_t before, after;
    rk_stored t[] = {{"a", RK_F32, RK_SHAPE(2, 3)}, {"b", RK_U32, {0, {0}}}};
    rk_error e = rk_error_new();
    (void)state;
    make(path);
    char *old = scratch_read(path, &before);
    assert_int_equal(rk_safetensors_write(path, t, 2, NULL, 0, fill_failing, t, &e), RK_E_DEVICE);
    char *now = scratch_read(path, &after);
    assert_int_equal(before, after);
    assert_memory_equal(old, now, before);
    assert_int_equal(access(tmp, F_OK), -1);
    free(old);
    free(now);
    assert_int_equal(rk_safetensors_write("/nowhere/x", t, 2, NULL, 0, fill, t, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "/nowhere/x"));
}

/* A full disk is found, said, and leaves nothing behind: /dev/full stands for the disk. */
static void test_full_disk(void **state)
{
    const char *path = scratch("full.safetensors"), *tmp = scratch("full.safetensors.tmp");
    rk_stored t[] = {{"a", RK_F32, RK_SHAPE(2, 3)}};
    rk_error e = rk_error_new();
    (void)state;
    assert_int_equal(symlink("/dev/full", tmp), 0);
    assert_int_equal(rk_safetensors_write(path, t, 1, NULL, 0, fill, t, &e), RK_E_IO);
    assert_non_null(strstr(e.text, "free some space"));
    assert_int_equal(access(path, F_OK), -1);
}

/* Writes header and `data` bytes of data, and expects the refusal to say so. */
static void refuse(const char *header, uint64_t claimed, size_t data, const char *said)
{
    const char *path = scratch("bad.safetensors");
    char file[2048] = {0};
    rk_safetensors *f;
    rk_error e = rk_error_new();
    memcpy(file, &claimed, 8);
    memcpy(file + 8, header, strlen(header));
    scratch_write(path, file, 8 + strlen(header) + data);
    assert_int_not_equal(rk_safetensors_open(path, &f, &e), RK_OK);
    assert_null(f);
    if (!strstr(e.text, said)) fail_msg("\"%s\" does not say \"%s\"", e.text, said);
    assert_non_null(strstr(e.text, path));
}

#define T(name, dtype, shape, from, to)                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to   \
    "]}"

static void refuse_header(const char *header, size_t data, const char *said)
{
    refuse(header, strlen(header), data, said);
}

static void test_damage(void **state)
{
    (void)state;
    refuse("{}", 3, 0, "cut off");
    refuse("{}", 100000001, 0, "too long");
    refuse("{}", UINT64_MAX, 0, "too long");
    refuse_header("{", 0, "no proper");
    refuse_header("[]", 0, "no JSON object");
    refuse_header("{}", 1, "bytes after");
    refuse_header("{" T("a", "F16", "[2]", 0, 4) "}", 4, "dtype");
    refuse_header("{" T("a", "F32", "[2]", 0, 4) "}", 4, "fit its shape");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "}", 3, "outside of the file");
    refuse_header("{" T("a", "F32", "[1]", 4, 0) "}", 4, "outside of the file");
    refuse_header("{" T("a", "F32", "[-1]", 0, 4) "}", 4, "shape");
    refuse_header("{" T("a", "F32", "[1.5]", 0, 4) "}", 4, "shape");
    refuse_header("{" T("a", "F32", "[1,1,1,1,1,1,1]", 0, 4) "}", 4, "shape");
    refuse_header("{" T("a", "F32", "[4294967296,4294967296,16]", 0, 0) "}", 0, "shape");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "," T("b", "F32", "[1]", 2, 6) "}", 6, "overlap");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "," T("b", "F32", "[1]", 0, 4) "}", 4, "overlap");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "," T("b", "F32", "[1]", 5, 9) "}", 9, "gap");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "," T("a", "F32", "[1]", 4, 8) "}", 8,
                  "no proper");
    refuse_header("{" T("a", "F32", "[1]", 0, 4) "," T("a", "F32", "[1]", 0, 4) "}", 4,
                  "duplicate");
    refuse_header("{" T("a", "F32", "[4611686018427387904]", 0, 0) "}", 0, "shape");
    refuse_header("{" T("a", "F32", "[0,-1]", 0, 0) "}", 0, "shape");
    refuse_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "no pair");
    refuse_header("{\"a\":7}", 0, "dtype");
}

/* A file system that cannot sync folders is none that fails. */
static void test_folders_without_sync(void **state)
{
    const char *path = scratch("shared.safetensors");
    static const int fine[] = {EINVAL, ENOSYS, ENOTSUP};
    rk_error e = rk_error_new();
    rk_stored t = {"mask", RK_U8, RK_SHAPE(3)};
    (void)state;
    for (int i = 0; i < 3; i++) {
        folder_fault = fine[i];
        make(path);
        assert_int_equal(rk_os_write_atomic(path, "text", 4, NULL), RK_OK);
    }
    folder_fault = EIO;
    assert_int_equal(rk_safetensors_write(path, &t, 1, NULL, 0, fill, &t, &e), RK_E_IO);
    if (!strstr(e.text, "shared.safetensors: Input/output error")) fail_msg("%s", e.text);
    assert_int_equal(rk_os_write_atomic(path, "text", 4, NULL), RK_E_IO);
    folder_fault = 0;
}

/* Every proper prefix of a good file is refused. */
static void test_truncation(void **state)
{
    const char *path = scratch("whole.safetensors"), *cut = scratch("cut.safetensors");
    size_t bytes;
    rk_safetensors *f;
    rk_error e = rk_error_new();
    (void)state;
    make(path);
    char *data = scratch_read(path, &bytes);
    for (size_t n = 0; n < bytes; n++) {
        scratch_write(cut, data, n);
        assert_int_not_equal(rk_safetensors_open(cut, &f, &e), RK_OK);
    }
    free(data);
    assert_int_equal(rk_safetensors_open(scratch("none"), &f, &e), RK_E_IO);
    assert_int_equal(rk_safetensors_open("/tmp", &f, &e), RK_E_IO);
}

/* Tensors may be listed in any order, and be empty. */
static void test_any_order(void **state)
{
    const char *path = scratch("order.safetensors");
    const char header[] = "{" T("b", "U8", "[2]", 1, 3) "," T("e", "U8", "[0]", 1,
                                                              1) "," T("a", "U8", "[1]", 0, 1) "}";
    char file[256] = {0}, got[2];
    uint64_t length = strlen(header);
    rk_safetensors *f;
    rk_stored b = {"b", RK_U8, RK_SHAPE(2)};
    (void)state;
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, "xyz", 3);
    scratch_write(path, file, 8 + length + 3);
    assert_int_equal(rk_safetensors_open(path, &f, NULL), RK_OK);
    assert_int_equal(rk_safetensors_read(f, &b, got, NULL), RK_OK);
    assert_memory_equal(got, "yz", 2);
    rk_safetensors_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_layout),
                                       cmocka_unit_test(test_replaced_whole_or_not),
                                       cmocka_unit_test(test_full_disk),
                                       cmocka_unit_test(test_folders_without_sync),
                                       cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_truncation),
                                       cmocka_unit_test(test_any_order)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
