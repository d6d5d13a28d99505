/* MATMUL: one fma chain an output, blocks of long chains, transposes, batches, epilogues. */
#include "check/cases.h"
#include <math.h>
#include <string.h>
#include "rethink/numerics.h"

typedef struct product {
    int64_t batch, m, n, k, ta, tb, stride_a, stride_b;
} product;

static float chain(const product *p, const float *a, const float *b, int64_t i, int64_t j)
{
    float total = 0.0f;
    for (int64_t from = 0; from < p->k; from += RK_MATMUL_BLOCK) {
        int64_t end = from + RK_MATMUL_BLOCK < p->k ? from + RK_MATMUL_BLOCK : p->k;
        float acc = 0.0f;
        for (int64_t l = from; l < end; l++)
            acc = fmaf(p->ta ? a[l * p->m + i] : a[i * p->k + l],
                       p->tb ? b[j * p->k + l] : b[l * p->n + j], acc);
        total = from == 0 ? acc : total + acc;
    }
    return total;
}

static void multiply(const product *p, const float *a, const float *b, uint32_t *y)
{
    for (int64_t t = 0; t < p->batch; t++, a += p->stride_a, b += p->stride_b)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++) *y++ = rk_bits(chain(p, a, b, i, j));
}

/* The oracle: a sum of outer products. */
static void multiply_near(const product *p, const float *a, const float *b, rk_near *y)
{
    int64_t ai = p->ta ? 1 : p->k, al = p->ta ? p->m : 1, bl = p->tb ? 1 : p->n,
            bj = p->tb ? p->k : 1;
    for (int64_t t = 0; t < p->batch; t++)
        for (int64_t l = 0; l < p->k; l++)
            for (int64_t i = 0; i < p->m; i++)
                for (int64_t j = 0; j < p->n; j++) {
                    double term = (double)a[t * p->stride_a + i * ai + l * al] *
                                  (double)b[t * p->stride_b + l * bl + j * bj];
                    rk_near *x = &y[(t * p->m + i) * p->n + j];
                    x->v += term;
                    x->e += fabs(term);
                }
    rk_near_sums(y, p->batch * p->m * p->n);
}

static void begin(rk_sample *c, const product *p)
{
    int64_t a = p->batch ? (p->batch - 1) * p->stride_a + p->m * p->k : 0;
    int64_t b = p->batch ? (p->batch - 1) * p->stride_b + p->k * p->n : 0;
    rk_sample_begin(c, RK_MATMUL);
    rk_sample_in(c, RK_F32, 1, &a, 0);
    rk_sample_in(c, RK_F32, 1, &b, 0);
    memcpy(c->op.p, p, sizeof *p);
}

void rk_refer_matmul(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    product p;
    rk_raw raw;
    memcpy(&p, c->op.p, sizeof p);
    if (!rk_raw_make(bed, d, p.batch * p.m * p.n, &raw)) return;
    multiply(&p, d->in[0], d->in[1], raw.word);
    multiply_near(&p, d->in[0], d->in[1], raw.near);
    d->terms = p.k;
    rk_expect_raw(c, d, &raw, 2);
}

static void finish(rk_bed *bed, rk_sample *c, rk_dice *r, int special)
{
    rk_operands d;
    if (rk_operands_make(bed, c, &d, r, special)) {
        rk_refer_matmul(bed, c, &d);
        rk_expect(bed, c, &d);
    }
    rk_operands_free(&d);
}

/* All four transposes, without a program; where time is short, one of them. */
static void run(rk_bed *bed, rk_dice *r, product p, int special)
{
    if (rk_too_large(bed, p.batch * p.m * p.n * p.k)) return;
    for (int t = 0; t < 4; t++) {
        rk_sample c;
        if (bed->quick && t != (p.m + p.n + p.k) % 4) continue;
        p.ta = t & 1;
        p.tb = t >> 1;
        begin(&c, &p);
        rk_sample_out(&c, RK_F32, 3, (int64_t[]){p.batch, p.m, p.n});
        finish(bed, &c, r, special);
    }
}

static product dense(int64_t batch, int64_t m, int64_t n, int64_t k)
{
    return (product){batch, m, n, k, 0, 0, m * k, k * n};
}

static void sizes(rk_bed *bed)
{
    rk_dice r = {21};
    static const int64_t list[][3] = {
        {1, 1, 1},     {0, 3, 4},      {3, 0, 4},      {3, 4, 0},      {1, 1, 70001}, {1, 70001, 2},
        {70001, 1, 2}, {2, 3, 5},      {7, 13, 31},    {14, 32, 16},   {15, 33, 17},  {13, 31, 300},
        {29, 65, 257}, {97, 101, 103}, {128, 10, 512}, {129, 47, 385}, {6, 16, 1000}, {200, 17, 9},
        {16, 64, 3},   {61, 7, 600},   {5, 300, 400},  {331, 293, 61}, {1, 257, 129}, {40, 4, 1}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (int special = 0; special < 2; special++)
            run(bed, &r, dense(1, list[i][0], list[i][1], list[i][2]), special);
}

/* Shapes, or what was special about shapes, that gave wrong results on somebody's device: CLBlast
 * issues 533 (Arc: k of 1 to 100 and a little more), 542 (n from 1152), 669 (odd leading
 * dimensions); batches with strides of 0, of twice a matrix, and beside one (see batches). */
static void field(rk_bed *bed)
{
    rk_dice r = {26};
    static const int64_t list[][3] = {{1, 1152, 1},  {2, 1152, 128}, {8, 1153, 64},  {1152, 3, 33},
                                      {64, 64, 1},   {64, 64, 100},  {65, 63, 101},  {127, 129, 2},
                                      {32, 32, 32},  {33, 31, 1023}, {16, 1280, 17}, {100, 1, 100},
                                      {1, 100, 1000}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        run(bed, &r, dense(1, list[i][0], list[i][1], list[i][2]), RK_PLAIN);
    run(bed, &r, (product){2, 64, 64, 64, 0, 0, 0, 64 * 64}, RK_PLAIN);
    run(bed, &r, (product){2, 64, 64, 64, 0, 0, 2 * 64 * 64, 64 * 64}, RK_PLAIN);
    run(bed, &r, (product){3, 32, 48, 16, 0, 0, 32 * 16 + 32, 2 * 48 * 16}, RK_PLAIN);
}

static void long_chains(rk_bed *bed)
{
    rk_dice r = {22};
    static const int64_t lengths[] = {8191, 8192, 8193, 16391};
    for (int i = 0; i < 4; i++) run(bed, &r, dense(1, 15, 35, lengths[i]), RK_PLAIN);
    run(bed, &r, dense(3, 2, 1, 8200), RK_SPECIAL);
    run(bed, &r, dense(1, 2, 1, 8193), RK_PLAIN);
}

static void batches(rk_bed *bed)
{
    rk_dice r = {23};
    run(bed, &r, dense(0, 3, 4, 5), RK_PLAIN);
    run(bed, &r, dense(5, 9, 17, 33), RK_PLAIN);
    run(bed, &r, dense(67, 3, 4, 5), RK_PLAIN);
    run(bed, &r, dense(2, 60, 70, 80), RK_PLAIN);
    run(bed, &r, (product){5, 9, 17, 33, 0, 0, 0, 33 * 17}, RK_PLAIN);    /* a is shared */
    run(bed, &r, (product){5, 9, 17, 33, 0, 0, 9 * 33 + 5, 0}, RK_PLAIN); /* b is shared */
    run(bed, &r, (product){3, 9, 17, 33, 0, 0, 11, 13}, RK_PLAIN);        /* they overlap */
}

/* relu(result + bias) and the mask of it as bytes; then a residual and an index. */
static void epilogues(rk_bed *bed)
{
    rk_dice r = {24};
    static const int64_t list[][4] = {{1, 1, 1, 1},      {1, 13, 31, 300}, {1, 128, 10, 64},
                                      {3, 37, 65, 20},   {2, 5, 40, 0},    {0, 2, 3, 4},
                                      {1, 90, 600, 700}, {1, 9, 33, 8300}};
    for (int i = 0; i < 8; i++)
        for (int with = 0; with < 4; with++) {
            product p = dense(list[i][0], list[i][1], list[i][2], list[i][3]);
            const int64_t dim[3] = {p.batch, p.m, p.n};
            rk_sample c;
            if (rk_too_large(bed, p.batch * p.m * p.n * p.k)) continue;
            p.tb = with & 1;
            begin(&c, &p);
            rk_sample_in(&c, RK_F32, 3, dim, 3); /* program input 1: a bias along n */
            rk_sample_in(&c, RK_F32, 3, dim, 4); /* 2: along batch and m */
            rk_sample_in(&c, RK_F32, 3, dim, 0); /* 3: everywhere */
            uint16_t sum = rk_sample_ins(&c, RK_I_FADD, RK_R_IN + 0, RK_R_IN + 1, 0);
            uint16_t relu = rk_sample_ins(&c, RK_I_FMAX, sum, rk_sample_immf(&c, 0.0f), 0);
            uint16_t on = rk_sample_ins(&c, RK_I_FLT, rk_sample_imm(&c, 0), sum, 0);
            if (with != 2) {
                rk_sample_out(&c, RK_F32, 3, dim);
                rk_sample_store(&c, 0, relu);
            }
            rk_sample_store(&c, rk_sample_out(&c, RK_U8, 3, dim), on);
            if (with == 3) {
                uint16_t more = rk_sample_ins(&c, RK_I_FMUL, RK_R_IN + 0, RK_R_IN + 2, 0);
                uint16_t all = rk_sample_ins(&c, RK_I_FADD, more, RK_R_IN + 3, 0);
                uint16_t at = rk_sample_ins(&c, RK_I_U2F, RK_R_INDEX, 0, 0);
                rk_sample_store(&c, rk_sample_out(&c, RK_F32, 3, dim),
                                rk_sample_ins(&c, RK_I_FSUB, all, at, 0));
                rk_sample_store(&c, rk_sample_out(&c, RK_F32, 3, dim), RK_R_IN + 0);
            }
            finish(bed, &c, &r, RK_PLAIN);
        }
}

/* A step of momentum in the epilogue: v = mu v + result, w = w - rate v; two arrays come in and go
 * out, and nobody wants the result itself. */
static void updates(rk_bed *bed)
{
    rk_dice r = {27};
    static const int64_t list[][4] = {{1, 1, 1, 1},      {1, 75, 513, 128}, {2, 37, 65, 20},
                                      {1, 80, 520, 600}, {1, 200, 3, 40},   {1, 9, 33, 8300}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        product p = dense(list[i][0], list[i][1], list[i][2], list[i][3]);
        const int64_t dim[3] = {p.batch, p.m, p.n};
        rk_sample c;
        if (rk_too_large(bed, p.batch * p.m * p.n * p.k)) continue;
        p.ta = 1;
        begin(&c, &p);
        uint16_t w = RK_R_IN + 1, v = RK_R_IN + 2;
        rk_sample_in(&c, RK_F32, 3, dim, 0);
        rk_sample_in(&c, RK_F32, 3, dim, 0);
        uint16_t slower = rk_sample_ins(&c, RK_I_FMUL, v, rk_sample_immf(&c, 0.9f), 0);
        uint16_t faster = rk_sample_ins(&c, RK_I_FADD, slower, RK_R_IN + 0, 0);
        uint16_t step = rk_sample_ins(&c, RK_I_FMUL, faster, rk_sample_immf(&c, 0.1f), 0);
        uint16_t moved = rk_sample_ins(&c, RK_I_FSUB, w, step, 0);
        rk_sample_store(&c, rk_sample_out(&c, RK_F32, 3, dim), moved);
        rk_sample_store(&c, rk_sample_out(&c, RK_F32, 3, dim), faster);
        finish(bed, &c, &r, RK_PLAIN);
    }
}

static void random_products(rk_bed *bed)
{
    rk_dice r = {25};
    for (int i = 0; i < (bed->quick ? 5 : 120); i++)
        run(bed, &r,
            dense(1 + rk_dice_below(&r, 2), 1 + rk_dice_below(&r, 90), 1 + rk_dice_below(&r, 140),
                  1 + rk_dice_below(&r, 90)),
            (int)rk_dice_below(&r, 2));
}

static const rk_case cases[] = {
    {"sizes", "0, 1, primes, thin and wide; all transposes; plain and special values", sizes,
     RK_CASE_NEEDED},
    {"field", "shapes and strides that broke libraries on somebody's device", field,
     RK_CASE_NEEDED},
    {"long-chains", "sums of more than a block", long_chains, RK_CASE_NEEDED},
    {"batches", "packed, shared and overlapping operands", batches, RK_CASE_NEEDED},
    {"random", "random shapes", random_products, RK_CASE_NEEDED},
    {"epilogues", "programs on the result: bias, relu, mask, residual", epilogues, 0},
    {"updates", "an optimizer's step on the result", updates, 0}};
const rk_case_group rk_cases_matmul = {"matmul", cases, sizeof cases / sizeof *cases};
