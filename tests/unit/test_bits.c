/* Where and by how much results differ: known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "rethink/backend.h"
#include "train/bits.h"

static void equal(void **state)
{
    const uint32_t a[3] = {0x7fc00001u, 5, 0x80000000u}, b[3] = {0xffc00000u, 5, 0x80000000u};
    rk_bits_difference d;
    (void)state;
    assert_false(rk_bits_compare(RK_F32, a, a, sizeof a, &d));
    assert_false(rk_bits_compare(RK_F32, a, b, sizeof a, &d)); /* one NaN is as good as another */
    assert_true(d.count == 3 && d.differing == 0);
    assert_true(rk_bits_compare(RK_U32, a, b, sizeof a, &d));
    assert_false(rk_bits_compare(RK_F32, a, b, 0, &d));
}

/* One pair of floats and its distance. */
static void distances(void **state)
{
    static const struct {
        uint32_t a, b;
        uint64_t ulp;
    } cases[] = {{0x3f800000u, 0x3f800001u, 1},          /* 1 and its neighbour */
                 {0x3f800000u, 0x3f7fffffu, 1},          /* across a power of two */
                 {0x00000000u, 0x80000000u, 1},          /* the zeros */
                 {0x80000001u, 0x00000001u, 3},          /* the least numbers about them */
                 {0xbf800000u, 0x3f800000u, 0x7f000001}, /* -1 and 1 */
                 {0xff800000u, 0x7f800000u, 0xff000001}, /* the infinities */
                 {0xc0000000u, 0xc0000003u, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk_bits_difference d;
        assert_true(rk_bits_compare(RK_F32, &cases[i].a, &cases[i].b, 4, &d));
        assert_true(d.most == cases[i].ulp && !d.nan && d.differing == 1 && d.first == 0);
        assert_true(rk_bits_compare(RK_F32, &cases[i].b, &cases[i].a, 4, &d));
        assert_true(d.most == cases[i].ulp);
    }
}

static void several(void **state)
{
    const uint32_t a[6] = {1, 2, 0x40000000u, 4, 0x3f800000u, 6},
                   b[6] = {1, 2, 0x40000002u, 4, 0x7fc00000u, 5};
    const uint8_t x[5] = {0, 9, 255, 3, 4}, y[5] = {0, 9, 0, 3, 5};
    rk_bits_difference d;
    (void)state;
    assert_true(rk_bits_compare(RK_F32, a, b, sizeof a, &d));
    assert_true(d.count == 6 && d.differing == 3 && d.first == 2 && d.nan && d.most == 2);
    assert_true(d.a == 0x40000000u && d.b == 0x40000002u);
    assert_true(rk_bits_compare(RK_U32, a, b, sizeof a, &d));
    assert_true(d.differing == 3 && !d.nan && d.most == 0x7fc00000u - 0x3f800000u);
    assert_true(rk_bits_compare(RK_U8, x, y, sizeof x, &d));
    assert_true(d.count == 5 && d.differing == 2 && d.first == 2 && d.a == 255 && d.b == 0 &&
                d.most == 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal), cmocka_unit_test(distances),
                                       cmocka_unit_test(several)};
    return cmocka_run_group_tests_name("test_bits", tests, NULL, NULL);
}
