/* The tuner's database, its classes of ops, its journal. */
#include "scratch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/os.h"
#include "device/helpers.h"
#include "plan/plan.h"
#include "tune/journal.h"

static const rk_tuning_key here = {"opencl", "a device", "1.0"},
                           newer = {"opencl", "a device", "1.1"};

static rk_tuning *empty(void)
{
    rk_tuning *t;
    assert_int_equal(rk_tuning_read("", &t, NULL), RK_OK);
    return t;
}

static rk_tuning *filled(void)
{
    rk_tuning *t = empty();
    const rk_tuned x = {"tile 6x16", "rapid", 1e-3, 2e-3, 9}, own = {"", "full", 1e-3, 1e-3, 9};
    assert_true(rk_tuning_set(t, &here, "matmul 1", &x));
    assert_true(rk_tuning_set(t, &here, "matmul 2", &own));
    assert_true(rk_tuning_set_bad(t, &here, "matmul 1", "tile 8x8", "wrong"));
    return t;
}

static void test_entries(void **state)
{
    rk_tuned x = {.choice = NULL};
    rk_tuning *t = filled();
    assert_true(rk_tuning_find(t, &here, "matmul 1", &x));
    assert_string_equal(x.choice, "tile 6x16");
    assert_string_equal(x.mode, "rapid");
    assert_true(x.seconds == 1e-3 && x.usual == 2e-3 && x.samples == 9);
    assert_true(rk_tuning_find(t, &here, "matmul 2", &x) && !x.choice[0]);
    assert_false(rk_tuning_find(t, &here, "matmul 3", &x));
    assert_false(rk_tuning_find(t, &newer, "matmul 1", &x)); /* another driver is another device */
    assert_string_equal(rk_tuning_bad(t, &here, "matmul 1", "tile 8x8"), "wrong");
    assert_null(rk_tuning_bad(t, &here, "matmul 2", "tile 8x8"));
    assert_null(rk_tuning_bad(t, &newer, "matmul 1", "tile 8x8"));
    rk_tuning_forget(t, &newer);
    assert_true(rk_tuning_find(t, &here, "matmul 1", &x));
    rk_tuning_forget(t, &here);
    assert_false(rk_tuning_find(t, &here, "matmul 1", &x));
    rk_tuning_free(t);
    (void)state;
}

static void test_a_file_comes_back(void **state)
{
    const char *path = scratch("new/folder/t.json");
    char digest[33], again[33];
    rk_tuning *t = filled(), *back;
    rk_tuned x;
    assert_int_equal(rk_tuning_write(t, path, NULL), RK_OK);
    assert_int_equal(rk_tuning_read(path, &back, NULL), RK_OK);
    assert_true(rk_tuning_find(back, &here, "matmul 1", &x));
    assert_string_equal(x.choice, "tile 6x16");
    assert_non_null(rk_tuning_bad(back, &here, "matmul 1", "tile 8x8"));
    rk_tuning_digest(t, digest);
    rk_tuning_digest(back, again);
    assert_int_equal(strlen(digest), 32);
    assert_string_equal(digest, again);
    assert_true(rk_tuning_set_bad(back, &here, "matmul 2", "tile 8x8", "died"));
    rk_tuning_digest(back, again);
    assert_string_not_equal(digest, again);
    rk_tuning_free(back);
    rk_tuning_free(t);
    (void)state;
}

static void test_digest_does_not_depend_on_order(void **state)
{
    char a[33], b[33];
    const rk_tuned x = {"c", "full", 1, 2, 7};
    rk_tuning *one = empty(), *two = empty();
    rk_tuning_digest(one, a);
    assert_string_equal(a, "");
    assert_true(rk_tuning_set(one, &here, "p", &x) && rk_tuning_set(one, &newer, "q", &x));
    assert_true(rk_tuning_set(two, &newer, "q", &x) && rk_tuning_set(two, &here, "p", &x));
    rk_tuning_digest(one, a);
    rk_tuning_digest(two, b);
    assert_string_equal(a, b);
    rk_tuning_free(one);
    rk_tuning_free(two);
    (void)state;
}

static void test_merge_takes_the_others(void **state)
{
    rk_tuned x = {"other", "full", 1e-4, 2e-3, 9};
    rk_tuning *t = filled(), *other = empty();
    assert_true(rk_tuning_set(other, &here, "matmul 1", &x) &&
                rk_tuning_set(other, &newer, "z", &x));
    assert_true(rk_tuning_set_bad(other, &newer, "z", "b", "died"));
    assert_true(rk_tuning_merge(t, other));
    rk_tuning_free(other);
    assert_true(rk_tuning_find(t, &here, "matmul 1", &x));
    assert_string_equal(x.choice, "other");
    assert_true(rk_tuning_find(t, &here, "matmul 2", &x) && rk_tuning_find(t, &newer, "z", &x));
    assert_string_equal(rk_tuning_bad(t, &newer, "z", "b"), "died");
    assert_non_null(rk_tuning_bad(t, &here, "matmul 1", "tile 8x8"));
    rk_tuning_free(t);
    (void)state;
}

#define HEAD "{\"format\":\"rethink tuning\",\"version\":1,\"devices\":"
#define DEVICE "{\"backend\":\"b\",\"device\":\"d\",\"driver\":\"v\","
static void test_files_that_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "{\"format\":\"other\",\"version\":1,\"devices\":[]}",
        HEAD "{}}",
        HEAD "[7]}",
        HEAD "[" DEVICE "\"ops\":{}}]}",
        HEAD "[" DEVICE "\"ops\":[],\"bad\":{}}]}",
        HEAD "[" DEVICE "\"ops\":{\"m\":{\"choice\":\"c\"}},\"bad\":{}}]}",
        HEAD "[" DEVICE "\"ops\":{\"m\":{\"choice\":\"c\",\"seconds\":1,\"usual\":1,\"samples\":7,"
             "\"mode\":\"full\",\"x\":1}},\"bad\":{}}]}",
        HEAD "[" DEVICE "\"ops\":{},\"bad\":{\"m\":7}}]}",
        HEAD "[" DEVICE "\"ops\":{},\"bad\":{\"m\":{\"c\":7}}}]}",
        HEAD "[],\"devices\":[]}",
        HEAD "[]} more"};
    const char *path = scratch("refused.json");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rk_tuning *t;
        rk_error e = rk_error_new();
        scratch_write(path, texts[i], strlen(texts[i]));
        if (rk_tuning_read(path, &t, &e) == RK_OK) fail_msg("read: %s", texts[i]);
        assert_null(t);
        if (!strstr(e.text, path) || !strstr(e.text, "rethink tune --export"))
            fail_msg("%s", e.text);
    }
    (void)state;
}

/* Where, with RETHINK_TUNING and XDG_DATA_HOME as given, a damaged file's error says said. */
static void advises(const char *tuning, const char *data, const char *path, const char *said)
{
    rk_tuning *t;
    rk_error e = rk_error_new();
    assert_int_equal(setenv("RETHINK_TUNING", tuning, 1), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", data, 1), 0);
    assert_int_equal(rk_tuning_read(path, &t, &e), RK_E_INVALID);
    assert_int_equal(setenv("RETHINK_TUNING", "off", 1), 0);
    if (!strstr(e.text, said)) fail_msg("no '%s' in: %s", said, e.text);
}

/* Nobody is told to drop the own database for the damage of another file. */
static void test_the_remedy_is_for_the_file(void **state)
{
    char own[300], other[300], data[300];
    snprintf(data, sizeof data, "%s", scratch("data"));
    snprintf(own, sizeof own, "%s", scratch("data/rethink/tuning.json"));
    snprintf(other, sizeof other, "%s", scratch("other.json"));
    assert_int_equal(rk_os_mkdirs(scratch("data/rethink"), NULL), RK_OK);
    scratch_write(own, "{", 1);
    scratch_write(other, "{", 1);
    advises("", data, own, "'rethink tune --forget' begins a new one");
    advises("", data, other, "'rethink tune --export'");
    advises(other, data, other, "'rethink tune --forget --tuning FILE'");
    advises("off", data, other, "'rethink tune --export'");
    advises("", data, data, "is a folder");
    (void)state;
}

/* ---- classes ---- */

static void class_of(int64_t m, int64_t n, uint32_t flags, uint32_t n_code,
                     char out[RK_TUNING_CLASS])
{
    const rk_op op = {.size = sizeof op,
                      .kind = RK_MATMUL,
                      .flags = flags,
                      .n_code = n_code,
                      .p = {1, m, n, 784, 0, 1, 0, 0}};
    assert_true(rk_tuning_class(&op, out));
}

static void test_classes(void **state)
{
    char a[RK_TUNING_CLASS], b[RK_TUNING_CLASS];
    class_of(128, 512, 0, 0, a);
    assert_string_equal(a, "matmul 1x128x512x1024 tb");
    class_of(65, 257, 0, 0, b);
    assert_string_equal(a, b);
    class_of(129, 512, 0, 0, b);
    assert_string_not_equal(a, b);
    class_of(128, 512, RK_OP_FAST, 0, b);
    assert_string_not_equal(a, b);
    class_of(128, 512, 0, 3, b);
    assert_string_not_equal(a, b);
    rk_op conv = {.size = sizeof conv,
                  .kind = RK_CONV,
                  .p = {RK_CONV_DX, 100, 96, 28, 28, 96, 3, 3, 2, 2, 1, 1, 14, 14}};
    assert_true(rk_tuning_class(&conv, a));
    assert_string_equal(a, "conv dx 128x128x32x32 128x3x3 stride 2,2 pad 1,1");
    const rk_op rng = {.size = sizeof rng, .kind = RK_RNG};
    assert_false(rk_tuning_class(&rng, a));
    (void)state;
}

/* Helpers get every part of an op as it is. */
static void test_an_op_as_json(void **state)
{
    const rk_tensor in[2] = {{RK_F32, 2, {7, 1}, {3, 0}}, {RK_U8, 1, {5}, {1}}},
                    out = {RK_U32, 3, {2, 3, 4}, {12, 4, 1}};
    const rk_ins code[2] = {{RK_I_FADD, 1, 2, 0}, {RK_I_STORE, 0, 3, 9}};
    const uint32_t imm[1] = {0x80000001u};
    rk_op op = {.size = sizeof op,
                .kind = RK_CONV,
                .rev = RK_CONV_PART,
                .flags = RK_OP_FAST,
                .n_in = 2,
                .n_out = 1,
                .n_code = 2,
                .n_imm = 1,
                .in = in,
                .out = &out,
                .code = code,
                .imm = imm,
                .p = {1, -2, (int64_t)1 << 40}};
    rk_op back;
    rk_pool pool = {0};
    json_t *text = rk_op_json(&op);
    assert_true(rk_op_read(text, &pool, &back));
    assert_true(back.size == op.size && back.kind == op.kind && back.rev == op.rev &&
                back.flags == op.flags && memcmp(back.p, op.p, sizeof op.p) == 0);
    assert_true(back.n_in == 2 && back.n_out == 1 && back.n_code == 2 && back.n_imm == 1);
    assert_memory_equal(back.in, in, sizeof in);
    assert_memory_equal(back.out, &out, sizeof out);
    assert_memory_equal(back.code, code, sizeof code);
    assert_int_equal(back.imm[0], imm[0]);
    rk_pool_free(&pool);
    json_decref(text);
    (void)state;
}

/* ---- the journal ---- */

static void test_journal(void **state)
{
    const char *path = scratch("sub/t.json");
    bool left;
    rk_journal j, second;
    rk_journal_left what;
    rk_error e = rk_error_new();
    assert_int_equal(rk_journal_open(path, &j, &left, &what, NULL), RK_OK);
    assert_false(left);
    assert_int_equal(rk_journal_open(path, &second, &left, &what, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "another 'rethink tune'"));
    assert_int_equal(rk_journal_begin(&j, &here, "a longer class, of 4", "choice 1", NULL), RK_OK);
    assert_int_equal(rk_journal_begin(&j, &here, "class", "choice 2", NULL), RK_OK);
    rk_journal_close(&j); /* as if the process had died */
    assert_int_equal(rk_journal_open(path, &j, &left, &what, NULL), RK_OK);
    assert_true(left);
    assert_string_equal(what.backend, "opencl");
    assert_string_equal(what.device, "a device");
    assert_string_equal(what.driver, "1.0");
    assert_string_equal(what.class, "class");
    assert_string_equal(what.choice, "choice 2");
    assert_int_equal(rk_journal_end(&j, NULL), RK_OK);
    rk_journal_close(&j);
    assert_int_equal(rk_journal_open(path, &j, &left, &what, NULL), RK_OK);
    assert_false(left);
    rk_journal_close(&j);
    (void)state;
}

/* Cut anywhere, as by a power loss, it accuses nobody of what it does not name whole. */
static void test_journal_that_is_cut(void **state)
{
    static const char whole[] = "opencl\na device\n1.0\nclass\nchoice\n";
    const char *path = scratch("cut.json"), *file = scratch("cut.json.journal");
    for (size_t n = 0; n < sizeof whole; n++) {
        bool left;
        rk_journal j;
        rk_journal_left what;
        scratch_write(file, whole, n);
        assert_int_equal(rk_journal_open(path, &j, &left, &what, NULL), RK_OK);
        assert_int_equal(left, n > 0);
        assert_string_equal(what.choice, n == sizeof whole - 1 ? "choice" : "");
        rk_journal_close(&j);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_a_file_comes_back),
        cmocka_unit_test(test_digest_does_not_depend_on_order),
        cmocka_unit_test(test_merge_takes_the_others),
        cmocka_unit_test(test_files_that_are_refused),
        cmocka_unit_test(test_the_remedy_is_for_the_file),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_an_op_as_json),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_journal_that_is_cut),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
