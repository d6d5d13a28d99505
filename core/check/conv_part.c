/* CONV of revision RK_CONV_PART: what is expected of it, by way of revision 0. */
#include <string.h>
#include "check/conv.h"
#include "rethink/numerics.h"

/* Where element e of y or g is in the tensor of which that is a part. */
static int64_t part_at(const int64_t *p, int64_t e)
{
    int64_t plane = p[12] * p[13], image = p[5] * plane;
    return (e / image * p[14] + p[15]) * plane + e % image;
}

/* Of the part by itself; nothing else of a result changes. */
static void refer_y(rk_bed *bed, rk_sample *whole, const rk_sample *c, rk_operands *d)
{
    int64_t n = rk_tensor_count(&whole->out[0]), all = rk_tensor_count(&c->out[0]);
    uint32_t *want = d->want[0];
    rk_near *near = d->near[0], *wide = rk_operands_array(bed, d, all, sizeof *wide);
    rk_expect_words(c, d);
    d->want[0] = rk_operands_array(bed, d, n, sizeof *want);
    d->near[0] = rk_operands_array(bed, d, n, sizeof *near);
    if (rk_bed_going(bed)) rk_refer_conv_whole(bed, whole, d);
    if (rk_bed_going(bed)) memcpy(wide, near, (size_t)all * sizeof *wide);
    for (int64_t e = 0; rk_bed_going(bed) && e < n; e++) {
        int64_t at = part_at(c->op.p, e);
        want[at] = ((const uint32_t *)d->want[0])[e];
        near[at] = d->near[0][e];
        wide[at] = d->wide[0][e];
    }
    d->want[0] = want;
    d->near[0] = near;
    d->wide[0] = wide;
}

static void refer_part(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    const int64_t *p = c->op.p, y[4] = {p[1], p[5], p[12], p[13]};
    rk_sample whole = *c;
    rk_tensor part = rk_tensor_dense(RK_F32, 4, y);
    int j = p[0] == RK_CONV_DX ? 0 : 1;
    whole.op.rev = 0;
    if (p[0] == RK_CONV_Y) {
        whole.out[0] = part;
        refer_y(bed, &whole, c, d);
        return;
    }
    const uint32_t *all = d->in[j];
    uint32_t *g = rk_operands_array(bed, d, rk_tensor_count(&part), sizeof *g);
    for (int64_t e = 0; g && e < rk_tensor_count(&part); e++) g[e] = all[part_at(p, e)];
    whole.in[j] = part;
    d->in[j] = g;
    if (g) rk_refer_conv_whole(bed, &whole, d);
    d->in[j] = (void *)all;
}

void rk_refer_conv(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    if (c->op.rev == RK_CONV_PART)
        refer_part(bed, c, d);
    else
        rk_refer_conv_whole(bed, c, d);
}

void rk_conv_poison(const rk_sample *c, rk_operands *d)
{
    const int64_t *p = c->op.p;
    int j = p[0] == RK_CONV_DX ? 0 : 1;
    if (c->op.rev != RK_CONV_PART || p[0] == RK_CONV_Y) return;
    for (int64_t e = 0; e < rk_tensor_count(&c->in[j]); e++) {
        int64_t channel = e / (p[12] * p[13]) % p[14];
        if (channel < p[15] || channel >= p[15] + p[5]) ((uint32_t *)d->in[j])[e] = RK_NAN_BITS;
    }
}
