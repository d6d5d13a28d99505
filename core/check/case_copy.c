/* COPY: permutation, slice, pad, concatenation, flip, expansion, every dtype. */
#include "check/cases.h"
#include <string.h>

typedef struct box {
    int64_t rank, extent[6], in_stride[6], out_stride[6], in_offset, out_offset, in_n, out_n;
} box;

static box box_of(const int64_t *p)
{
    box b = {.rank = p[0], .in_offset = p[19], .out_offset = p[20]};
    for (int64_t i = 0; i < b.rank; i++) {
        b.extent[i] = p[1 + 3 * i];
        b.in_stride[i] = p[2 + 3 * i];
        b.out_stride[i] = p[3 + 3 * i];
    }
    return b;
}

static void want_box(const box *b, size_t bytes, const unsigned char *in, unsigned char *out)
{
    int64_t n = 1;
    for (int64_t d = 0; d < b->rank; d++) n *= b->extent[d];
    for (int64_t e = 0; e < n; e++) {
        int64_t from = b->in_offset, to = b->out_offset, left = e;
        for (int64_t d = b->rank; d-- > 0;) {
            from += left % b->extent[d] * b->in_stride[d];
            to += left % b->extent[d] * b->out_stride[d];
            left /= b->extent[d];
        }
        memcpy(out + (size_t)to * bytes, in + (size_t)from * bytes, bytes);
    }
}

void rk_refer_copy(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    box b = box_of(c->op.p);
    (void)bed;
    want_box(&b, rk_dtype_bytes(c->out[0].dtype), d->in[0], d->want[0]);
    rk_expect_words(c, d);
}

static void run(rk_bed *bed, const box *b, uint32_t dtype)
{
    rk_sample c;
    rk_operands d;
    rk_dice r = {(uint64_t)b->out_n + 17};
    if (rk_too_large(bed, b->out_n)) return;
    rk_sample_begin(&c, RK_COPY);
    rk_sample_in(&c, dtype, 1, &b->in_n, 0);
    rk_sample_out(&c, dtype, 1, &b->out_n);
    c.op.p[0] = b->rank;
    for (int64_t i = 0; i < b->rank; i++) {
        c.op.p[1 + 3 * i] = b->extent[i];
        c.op.p[2 + 3 * i] = b->in_stride[i];
        c.op.p[3 + 3 * i] = b->out_stride[i];
    }
    c.op.p[19] = b->in_offset;
    c.op.p[20] = b->out_offset;
    if (rk_operands_make(bed, &c, &d, &r, RK_SPECIAL)) {
        rk_refer_copy(bed, &c, &d);
        rk_expect(bed, &c, &d);
    }
    rk_operands_free(&d);
}

static void boxes(rk_bed *bed)
{
    static const box list[] = {
        {0, {0}, {0}, {0}, 2, 3, 5, 7},                          /* one element */
        {1, {0}, {1}, {1}, 0, 0, 0, 0},                          /* nothing */
        {1, {0}, {1}, {1}, 5, 3, 5, 3},                          /* nothing, at the end */
        {1, {70003}, {1}, {1}, 0, 0, 70003, 70003},              /* all */
        {1, {70003}, {-1}, {1}, 70002, 0, 70003, 70003},         /* flip */
        {1, {70003}, {0}, {1}, 3, 5, 4, 70010},                  /* fill */
        {1, {999}, {1}, {7}, 1, 6, 1000, 7000},                  /* scatter */
        {2, {131, 517}, {1, 131}, {517, 1}, 0, 0, 67727, 67727}, /* transpose */
        {3, {300, 2, 1030}, {1, 309001, 300}, {2060, 1030, 1}, 0, 0, 618001, 618000}, /* of some */
        {2, {64, 10}, {10, 1}, {25, 1}, 0, 15, 640, 1600}, /* concatenation */
        {2, {5, 7}, {9, 1}, {7, 1}, 20, 0, 100, 35},       /* slice */
        {2, {6, 48}, {64, 1}, {80, 1}, 16, 32, 400, 480},  /* of whole vectors */
        {2, {6, 48}, {64, 1}, {80, 1}, 2, 32, 400, 480},   /* that start elsewhere */
        {2, {6, 48}, {64, 1}, {80, 1}, 16, 3, 400, 480},
        {3, {3, 5, 7}, {35, 7, 1}, {99, 11, 1}, 0, 24, 105, 297}, /* pad */
        {3, {17, 3, 40}, {0, 1, 0}, {120, 40, 1}, 0, 0, 3, 2040}, /* expand */
        {4, {3, 32, 3, 33}, {1, 297, 99, 3}, {3168, 99, 33, 1}, 0, 0, 9504, 9504},
        {5, {2, 3, 4, 5, 6}, {1, 2, 6, 24, 120}, {360, 120, 30, 6, 1}, 0, 0, 720, 720},
        {6,
         {2, 3, 2, 3, 2, 3},
         {1, 2, 6, 12, 36, 72},
         {-108, -36, -18, -6, -3, -1},
         0,
         215,
         216,
         216},
        {3, {1, 1, 9}, {77, -5, -1}, {1000, -3, 1}, 8, 0, 9, 9}, /* strides of extent 1 */
        {3, {4, 0, 9}, {9, 9, 1}, {9, 9, 1}, 0, 0, 9, 9}};
    static const uint32_t dtypes[] = {RK_F32, RK_U32, RK_U8};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int t = 0; t < 3; t++) run(bed, &list[i], dtypes[t]);
}

static const rk_case cases[] = {
    {"boxes", "slices, transposes, padding, flips, expansion; every dtype", boxes, RK_CASE_NEEDED}};
const rk_case_group rk_cases_copy = {"copy", cases, sizeof cases / sizeof *cases};
