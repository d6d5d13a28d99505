/* The self-test's convolution: its three members, with a stride, padding and a rest. */
#include "device/exam.h"
#include "plan/plan.h"
#include "rethink/numerics.h"
#include <string.h>

/* x[CN][CC][CH][CW], w[CK][CC][CR][CS], y[CN][CK][CO][CO]. */
enum { CN = 2, CC = 3, CH = 7, CW = 6, CK = 4, CR = 3, CS = 2, CO = 4, STRIDE = 2, PAD = 1 };
enum { SIZE = 256 }; /* at least the elements of each */

/* Adds the tap (r, s) of y's element (oh, ow) in planes of x, w and y to member `which`. */
static void conv_tap(int which, float *x, float *w, float *y, int oh, int ow, int r, int s)
{
    int h = oh * STRIDE + r - PAD, v = ow * STRIDE + s - PAD;
    bool inside = h >= 0 && h < CH && v >= 0 && v < CW;
    float outside = 0, *tap = inside ? &x[h * CW + v] : &outside;
    float *weight = &w[r * CS + s], *out = &y[oh * CO + ow];
    if (which == RK_CONV_Y) *out = __builtin_fmaf(*tap, *weight, *out);
    if (which == RK_CONV_DX) *tap = __builtin_fmaf(*out, *weight, *tap);
    if (which == RK_CONV_DW) *weight = __builtin_fmaf(*tap, *out, *weight);
}

/* The order of nested loops is that of each member's chain; y's outputs descend for DX, whose taps
 * (r, s) then ascend. */
static void convolve(int which, float *x, float *w, float *y)
{
    for (int n = 0; n < CN; n++)
        for (int k = 0; k < CK; k++)
            for (int c = 0; c < CC; c++)
                for (int i = 0; i < CO * CO * CR * CS; i++) {
                    int tap = which == RK_CONV_DW ? i / (CO * CO) : i % (CR * CS);
                    int at = which == RK_CONV_DW ? i % (CO * CO) : i / (CR * CS);
                    if (which == RK_CONV_DX) at = CO * CO - 1 - at;
                    conv_tap(which, x + (n * CC + c) * CH * CW, w + (k * CC + c) * CR * CS,
                             y + (n * CK + k) * CO * CO, at / CO, at % CO, tap / CS, tap % CS);
                }
}

/* With small operands every product is lost: a chain of -0 from +0 is +0, which some emulations of
 * fma get wrong. */
static rk_status member(rk_examiner *t, rk_exam *c, int which, float scale)
{
    static const char *const names[] = {"a convolution", "a convolution's gradient by its input",
                                        "a convolution's gradient by its weights"};
    static const int64_t dim[3][4] = {
        {CN, CC, CH, CW}, {CK, CC, CR, CS}, {CN, CK, CO, CO}}; /* x, w, y */
    static const int part[3][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}};
    float *x[3];
    for (int i = 0; i < 3; i++) {
        int of = part[which][i];
        c->tensor[i] = rk_tensor_dense(RK_F32, 4, dim[of]);
        x[of] = (float *)(void *)c->host[i];
        if (i == 2) continue;
        rk_exam_fill(c->host[i], SIZE, 20 + (uint32_t)i, true);
        for (int j = 0; j < SIZE; j++) x[of][j] *= i ? -scale : scale;
    }
    memset(c->host[2], 0, SIZE * sizeof(float));
    convolve(which, x[0], x[1], x[2]);
    c->name = names[which];
    c->op = (rk_op){.kind = RK_CONV,
                    .n_in = 2,
                    .n_out = 1,
                    .p = {which, CN, CC, CH, CW, CK, CR, CS, STRIDE, STRIDE, PAD, PAD, CO, CO}};
    return rk_exam_run(t, c);
}

rk_status rk_exam_conv(rk_examiner *t, rk_exam *c)
{
    for (int which = RK_CONV_Y; which <= RK_CONV_DW; which++) {
        RK_TRY(member(t, c, which, 1));
        RK_TRY(member(t, c, which, 1e-25f));
    }
    return RK_OK;
}
